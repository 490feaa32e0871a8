"""Runs with COMET: marked errors in every file, and a run that is killed while it scores."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("tokenizers")

from conftest import Finished, write
from tiny_comet import some_texts, write_checkpoint

import evalharness as eh
from evalharness.errors import RecordError
from evalharness.metrics.comet import backend
from evalharness.metrics.comet.backend import forget
from evalharness.metrics.comet.encoder import Encoder
from evalharness.metrics.comet.metric import Comet
from evalharness.records import LanguagePair, ScoringSegment, Segment, TestSet

N = 12
SYSTEMS = {name: some_texts(N, seed=seed, longest=12) for seed, name in enumerate(("a", "b"), start=1)}
SYSTEMS["b"][3] = SYSTEMS["a"][3]
SYSTEMS["b"][4] = ""


@pytest.fixture(scope="module")
def marking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An xCOMET, which marks errors."""
    return write_checkpoint(tmp_path_factory.mktemp("runs") / "xcomet", "xcomet_metric", word_layer=2)


@pytest.fixture(autouse=True)
def _no_model_from_before() -> Iterator[None]:
    forget()
    yield
    forget()


def testset() -> TestSet:
    texts = some_texts(2 * N, seed=9, longest=12)
    pairs = zip(texts[:N], texts[N:], strict=True)
    return TestSet(
        name="t",
        language_pair=LanguagePair(source="zh", target="en"),
        segments=tuple(Segment(id=str(k), source=src, references=(ref,)) for k, (src, ref) in enumerate(pairs)),
    )


testset.__test__ = False  # type: ignore[attr-defined]  # its name is the field's word


def evaluated(model: Path, *words: str) -> Path:
    metric = Comet(model=str(model), device="cpu")
    return eh.evaluate(testset=testset(), systems=SYSTEMS, metrics={"x": metric}, overrides=words).folder


def contents(record: Path) -> dict[str, bytes]:
    names = ("scores/x.jsonl", "scores.csv", "comparisons.csv", "segments.parquet", "tables/systems.md")
    return {name: (record / name).read_bytes() for name in names}


class TestErrorSpans:
    def expected(self, model: Path) -> dict[tuple[str, str], list[dict[str, Any]]]:
        """By system and segment, from the metric itself."""
        given = {
            (name, segment.id): ScoringSegment(
                id=segment.id, source=segment.source, hypothesis=texts[index], references=segment.references
            )
            for name, texts in SYSTEMS.items()
            for index, segment in enumerate(testset().segments)
        }
        marked = Comet(model=str(model), device="cpu").statistics_and_spans(list(given.values())).error_spans
        assert marked is not None
        spans = {
            key: [dataclasses.asdict(span) for span in of_text] for key, of_text in zip(given, marked, strict=True)
        }
        assert sum(map(len, spans.values())) > 2 * N
        assert spans["b", "4"] == []  # of an empty hypothesis
        return spans

    def test_are_in_log_and_table(self, marking: Path) -> None:
        import pandas

        record = evaluated(marking, "report.segments_csv=true")
        expected = self.expected(marking)
        logged = [json.loads(line) for line in (record / "scores" / "x.jsonl").read_text(encoding="utf-8").splitlines()]
        assert {(line["system"], line["id"]): line["error_spans"] for line in logged} == expected
        frame = pandas.read_parquet(record / "segments.parquet")
        table = {
            (row.system, row.segment): [dict(span) for span in row.x_errors] for row in frame.itertuples(index=False)
        }
        assert table == expected
        in_csv = pandas.read_csv(record / "segments.csv", keep_default_na=False, dtype={"segment": str})
        found = {(row.system, row.segment): json.loads(row.x_errors) for row in in_csv.itertuples(index=False)}
        assert found == expected

    @pytest.mark.parametrize(
        "n_kept", [5, pytest.param(0, marks=pytest.mark.slow), pytest.param(2 * N - 1, marks=pytest.mark.slow)]
    )
    def test_a_cut_log_is_continued_to_the_same_bytes(
        self, marking: Path, n_kept: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        record = evaluated(marking, "cache=false")
        whole = contents(record)
        log = record / "scores" / "x.jsonl"
        lines = log.read_bytes().splitlines(keepends=True)
        log.write_bytes(b"".join(lines[:n_kept]) + lines[n_kept][:-30])
        (record / "done.json").unlink()
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="evalharness"):
            assert evaluated(marking, "cache=false") == record
        assert contents(record) == whole
        assert sum("x.jsonl: the last line was cut off by an interruption" in said for said in caplog.messages) == 1
        # The two systems have one hypothesis in common, in line 8; it is computed once.
        n_computed, n_equal = 2 * N - n_kept - (n_kept < 7), int(n_kept < 7)
        assert f"x: {n_computed} rows computed, {n_equal} known or equal to another, 0 failed" in caplog.messages

    def test_come_from_the_cache(self, marking: Path) -> None:
        first = contents(evaluated(marking))
        forget()
        assert contents(evaluated(marking, "results=other")) == first
        assert not backend._held  # no model was opened for it

    @pytest.mark.parametrize(
        "damage",
        [
            {"start": "3"},
            *(
                pytest.param(damage, marks=pytest.mark.slow)
                for damage in (
                    {"text": 1},
                    {"text": None},
                    {"severity": ["major"]},
                    {"confidence": "0.5"},
                    {"confidence": None},
                    {"confidence": True},
                    {"confidence": float("nan")},
                    {"start": 3.5},
                    {"start": True},
                    {"start": -1},
                    {"end": None},
                    {"more": 1},
                    "no span",
                    None,
                )
            ),
        ],
    )
    def test_damaged_ones_are_refused(self, marking: Path, damage: Any) -> None:
        record = evaluated(marking)
        log = record / "scores" / "x.jsonl"
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        number = next(index for index, line in enumerate(lines) if line["error_spans"])
        first = lines[number]["error_spans"][0]
        lines[number]["error_spans"][0] = first | damage if isinstance(damage, dict) else damage
        log.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
        (record / "done.json").unlink()
        with pytest.raises(RecordError, match=rf"x\.jsonl:{number + 1}: .*its error_spans are not a list of spans"):
            evaluated(marking)

    @pytest.mark.slow
    @pytest.mark.parametrize("damage", [{}, "spans", None, [[]], [{"text": "a"}]])
    def test_what_is_no_list_of_spans_is_refused(self, marking: Path, damage: Any) -> None:
        record = evaluated(marking)
        log = record / "scores" / "x.jsonl"
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
        lines[2] = json.dumps(json.loads(lines[2]) | {"error_spans": damage}) + "\n"
        log.write_text("".join(lines), encoding="utf-8")
        (record / "done.json").unlink()
        with pytest.raises(RecordError, match=r"x\.jsonl:3: .*its error_spans are not a list of spans"):
            evaluated(marking)


# Is killed in the middle of the n-th batch; says how many rows the metric had given back until then.
DYING = """
import os, signal, sys
from evalharness.cli.main import main
from evalharness.metrics.comet.encoder import Encoder
from evalharness.metrics.comet.metric import Comet
left, n_rows = int(sys.argv[1]), 0
layers, statistics = Encoder.layers, Comet.statistics_and_spans
def dying(self, texts):
    global left
    left = mine = left - 1  # others are computed in other threads
    for number, output in enumerate(layers(self, texts)):
        if mine == 0 and number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        yield output
def counting(self, segments):
    global n_rows
    rows = statistics(self, segments)
    n_rows += len(segments)
    print(f"rows: {n_rows}", file=sys.stderr, flush=True)
    return rows
Encoder.layers, Comet.statistics_and_spans = dying, counting
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("family", ["regression_metric", "xcomet_metric"])
def test_killed_while_scoring(
    family: str, tmp_path: Path, command: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_checkpoint(tmp_path / "model", family, **({"word_layer": 2} if family == "xcomet_metric" else {}))
    n = 60
    write("src.zh", *some_texts(n, seed=1, longest=12))
    write("ref.en", *some_texts(n, seed=2, longest=12))
    for seed, name in enumerate(("a", "b", "c"), start=3):
        write(f"hyp/{name}.en", *some_texts(n, seed=seed, longest=12))
    words = [
        "run", "name=t", "testset=plain", "testset.language_pair=zh-en", "testset.source=src.zh",
        "testset.references=[ref.en]", "systems=[folder]", "systems.folder.path=hyp", "metrics=[comet]",
        f"metrics.comet.model={model}", "metrics.comet.device=cpu", "metrics.comet.batch_tokens=256",
    ]  # fmt: skip
    batches = []
    layers = Encoder.layers
    monkeypatch.setattr(Encoder, "layers", lambda self, texts: (batches.append(texts), layers(self, texts))[1])
    assert command(*words, "results=whole").code == 0
    whole = Path("whole/latest")
    names = ("scores/comet.jsonl", "scores.csv", "comparisons.csv", "segments.parquet", "tables/systems.tex")
    n_logged_at_death = []
    for n_batches in (1, len(batches) // 3, len(batches) - 1):
        forget()
        monkeypatch.setenv("EVALHARNESS_CACHE", str(tmp_path / f"cache-{n_batches}"))
        results = f"results=killed-{n_batches}"
        finished = subprocess.run(
            [sys.executable, "-c", DYING, str(n_batches), *words, results],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert finished.returncode == -signal.SIGKILL, finished.stderr
        (record,) = Path(f"killed-{n_batches}").glob("t-*")
        log = record / "scores" / "comet.jsonl"
        n_logged = len(log.read_bytes().splitlines()) if log.exists() else 0
        n_computed = max(map(int, re.findall(r"rows: (\d+)", finished.stderr)), default=0)
        assert n_computed == n_logged  # only what was being computed is lost, one call of at most 128 rows
        n_logged_at_death.append(n_logged)
        assert not (record / "done.json").exists()
        assert command(*words, results).code == 0
        for name in names:
            assert (record / name).read_bytes() == (whole / name).read_bytes(), f"{name}, killed in batch {n_batches}"
    assert n_logged_at_death[0] == 0
    assert 0 < n_logged_at_death[-1] < 3 * n


def test_a_run_killed_in_its_store_goes_on(tmp_path: Path) -> None:
    """What SQLite left half written beside its file is taken back by the next to open it."""
    model = write_checkpoint(tmp_path / "model")
    first = contents(evaluated(model, "cache=false"))
    cache = Path(os.environ["EVALHARNESS_CACHE"])
    forget()  # to write into files that are mapped by this very process would end it
    for suffix in ("-wal", "-shm"):
        (cache / f"embeddings-2.sqlite{suffix}").write_bytes(b"half a page")
    shutil.rmtree("results")
    assert contents(evaluated(model, "cache=false")) == first
