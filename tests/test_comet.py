"""COMET as a metric, by either backend: equal to unbabel-comet's own predict on tiny checkpoints, and clear errors."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import random
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import REPOSITORY, Finished, spawn, write

pytest.importorskip("comet", reason="unbabel-comet is not installed: there is none for Python 3.13 and later")

from tiny_comet import build_referenceless, build_regression, build_unified

import evalharness as eh
from evalharness.errors import ConfigError, InputError, MissingModelError
from evalharness.metrics.comet import native, unbabel, windows
from evalharness.metrics.comet.backend import Predictions, Triple, forget
from evalharness.metrics.comet.checkpoint import locate
from evalharness.metrics.comet.metric import Backend, Comet, LongSegments, Precision, ReferenceHandling
from evalharness.records import LanguagePair, ScoringSegment

pytestmark = pytest.mark.slow
ZHENGZHOU = REPOSITORY / "references" / "zhengzhou"
BOTH = pytest.mark.parametrize("backend", list(Backend), ids=lambda backend: backend.value)
# Of the letters that these checkpoints read, some paragraphs have more than a window holds; unbabel-comet cuts them.
AS_THE_PACKAGE = LongSegments.truncate
CANDIDATES = ("gloss", "literal", "lossy", "polished", "source-copy")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("comet")
    return {
        "regression": build_regression(folder / "regression"),
        "regression, other weights": build_regression(folder / "regression2", seed=2),
        "referenceless": build_referenceless(folder / "referenceless"),
        "unified mt src": build_unified(folder / "unified-qe", inputs=["mt", "src"]),
        "unified mt src ref": build_unified(folder / "unified", inputs=["mt", "src", "ref"]),
        "unified mt ref": build_unified(folder / "unified-ref", inputs=["mt", "ref"]),
    }


@pytest.fixture
def model(models: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the regression checkpoint that a test may damage."""
    forget()
    return Path(shutil.copytree(models["regression"], tmp_path / "model"))


def segments(*systems: str, n_references: int = 1) -> list[ScoringSegment]:
    """The nine bundled paragraphs as translated by `systems`; further references are the other paragraphs' own."""
    lines = (ZHENGZHOU / "segments.jsonl").read_text(encoding="utf-8").splitlines()
    paragraphs = [json.loads(line) for line in lines]
    references = [paragraph["references"][0] for paragraph in paragraphs]
    return [
        ScoringSegment(
            id=f"{system}:{paragraph['id']}",
            source=paragraph["source"],
            hypothesis=hypothesis,
            references=tuple(references[(index + k) % len(references)] for k in range(n_references)),
        )
        for system in systems or CANDIDATES
        for index, (paragraph, hypothesis) in enumerate(
            zip(
                paragraphs,
                (ZHENGZHOU / "candidates" / f"{system}.en").read_text(encoding="utf-8").splitlines(),
                strict=True,
            )
        )
    ]


def predicted(model: Path, given: Sequence[ScoringSegment], *, reference: int | None = 0) -> list[float]:
    """The scores of unbabel-comet itself, used as its own documentation shows; None: without references."""
    import comet

    loaded = comet.load_from_checkpoint(str(model / "checkpoints" / "model.ckpt"), local_files_only=True)
    asked = [
        {"src": segment.source, "mt": segment.hypothesis}
        | ({} if reference is None else {"ref": segment.references[reference]})
        for segment in given
    ]
    return [float(score) for score in loaded.predict(asked, batch_size=8, gpus=0, progress_bar=False)["scores"]]


def scores(metric: Comet, given: Sequence[ScoringSegment]) -> list[float]:
    return [float(score) for score in metric.segment_scores(metric.statistics(given))]


class TestScores:
    @BOTH
    @pytest.mark.parametrize(
        ("family", "settings", "reference"),
        [
            ("regression", {}, 0),
            ("referenceless", {"reference_free": True}, None),
            ("unified mt src", {"reference_free": True}, None),
            ("unified mt src ref", {}, 0),
            ("unified mt src ref", {"reference_free": True}, None),
            ("unified mt ref", {}, 0),
        ],
    )
    def test_equal_predict_in_any_order(
        self,
        models: dict[str, Path],
        family: str,
        settings: dict[str, Any],
        reference: int | None,
        backend: Backend,
    ) -> None:
        given = segments()
        expected = predicted(models[family], given, reference=reference)
        assert max(expected) - min(expected) > 1e-3  # a checkpoint that told nothing apart would prove nothing
        metric = Comet(
            model=str(models[family]), device="cpu", backend=backend, long_segments=AS_THE_PACKAGE, **settings
        )
        order = list(range(len(given)))
        for seed in (None, 1, 2):
            if seed is not None:
                random.Random(seed).shuffle(order)
            assert scores(metric, [given[index] for index in order]) == pytest.approx(
                [expected[index] for index in order], abs=1e-6
            )

    @pytest.mark.parametrize("batch_size", [1, 3, 64])
    def test_do_not_depend_on_the_batch(self, models: dict[str, Path], batch_size: int) -> None:
        given = segments()
        expected = predicted(models["regression"], given)
        metric = Comet(
            model=str(models["regression"]),
            device="cpu",
            backend=Backend.unbabel,
            batch_size=batch_size,
            long_segments=AS_THE_PACKAGE,
        )
        assert scores(metric, given[:7]) + scores(metric, given[7:]) == pytest.approx(expected, abs=1e-6)

    def test_of_several_references_are_averaged_or_the_best_is_taken(self, models: dict[str, Path]) -> None:
        given = segments("polished", "lossy", n_references=3)
        each = np.array([predicted(models["regression"], given, reference=k) for k in range(3)])
        mean = Comet(model=str(models["regression"]), device="cpu", long_segments=AS_THE_PACKAGE)
        best = dataclasses.replace(mean, references=ReferenceHandling.max)
        assert scores(mean, given) == pytest.approx(each.mean(axis=0), abs=1e-6)
        assert scores(best, given) == pytest.approx(each.max(axis=0), abs=1e-6)

    def test_corpus_score_is_the_mean(self, models: dict[str, Path]) -> None:
        metric = Comet(model=str(models["regression"]), device="cpu")
        rows = metric.statistics(segments())
        assert metric.corpus_scores(rows.sum(axis=0)) == pytest.approx(metric.segment_scores(rows).mean(), abs=1e-12)
        assert np.isnan(metric.corpus_scores(np.zeros(6)))

    def test_equal_triples_are_computed_once(self, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
        counts = []
        original = unbabel.UnbabelScorer.predict

        def counting(self: unbabel.UnbabelScorer, triples: Sequence[Triple]) -> Predictions:
            counts.append(len(triples))
            return original(self, triples)

        monkeypatch.setattr(unbabel.UnbabelScorer, "predict", counting)
        metric = Comet(
            model=str(models["regression"]), device="cpu", backend=Backend.unbabel, long_segments=AS_THE_PACKAGE
        )
        got = scores(metric, [*segments("lossy"), *segments("lossy")])
        assert counts == [9]
        assert got[:9] == got[9:]

    @BOTH
    def test_no_segments_give_no_rows(self, models: dict[str, Path], backend: Backend) -> None:
        assert Comet(model=str(models["regression"]), device="cpu", backend=backend).statistics([]).shape == (0, 6)

    @BOTH
    def test_half_precision_is_said_and_is_close(self, models: dict[str, Path], backend: Backend) -> None:
        exact = Comet(model=str(models["regression"]), device="cpu", backend=backend)
        half = dataclasses.replace(exact, precision=Precision.bf16)
        assert "precision:bf16" in str(half.signature(n_references=1))
        given = segments("polished", "gloss")
        deltas = np.abs(np.array(scores(half, given)) - np.array(scores(exact, given)))
        assert 0 < deltas.max() < 0.5  # bf16 keeps 8 bits, and the head of these checkpoints magnifies

    def test_the_file_itself_can_be_named(self, models: dict[str, Path]) -> None:
        by_folder = Comet(model=str(models["regression"]), device="cpu")
        by_file = dataclasses.replace(by_folder, model=str(models["regression"] / "checkpoints" / "model.ckpt"))
        assert str(by_file.signature(n_references=1)) == str(by_folder.signature(n_references=1))
        assert by_file.heading == by_folder.heading == "COMET (regression)"

    @BOTH
    def test_texts_that_are_cut_are_counted(self, models: dict[str, Path], backend: Backend) -> None:
        segment = segments("polished")[1]
        long = dataclasses.replace(segment, hypothesis="Zhengzhou is a city in Henan Province. " * 100)
        longer = dataclasses.replace(long, hypothesis=long.hypothesis * 2)
        metric = Comet(model=str(models["regression"]), device="cpu", backend=backend, long_segments=AS_THE_PACKAGE)
        rows = metric.statistics([segment, long, longer])
        assert rows[:, 1:4].tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 0]]
        assert rows[1, 0] == pytest.approx(rows[2, 0], abs=1e-6)
        assert str(metric.incidents(rows[:1].sum(axis=0))) == ""
        assert str(metric.incidents(rows.sum(axis=0))) == "cut:2"
        assert metric.segment_flags(rows) == [(), ("cut",), ("cut",)]

    @BOTH
    def test_unified_models_cut_all_texts_together(self, models: dict[str, Path], backend: Backend) -> None:
        # Every "the" is a token: 508 would fit alone, 506 and the special tokens between the texts together.
        segment, long = (
            ScoringSegment(id="1", source="the " * n, hypothesis="the " * n, references=("the " * n,)) for n in (9, 200)
        )
        for family, n_cut in (("regression", 0), ("unified mt src ref", 1)):
            metric = Comet(
                model=str(models[family]), device="cpu", backend=backend, long_segments=LongSegments.truncate
            )
            assert metric.statistics([segment, long])[:, 2].tolist() == [0, n_cut], family

    @BOTH
    def test_nothing_is_printed(
        self, models: dict[str, Path], backend: Backend, capfd: pytest.CaptureFixture[str]
    ) -> None:
        forget()
        scores(Comet(model=str(models["regression"]), device="cpu", backend=backend), segments("lossy"))
        captured = capfd.readouterr()
        assert (captured.out, captured.err) == ("", "")


class TestSignature:
    @BOTH
    def test_says_everything_that_decides_the_score(self, models: dict[str, Path], backend: Backend) -> None:
        import comet

        metric = Comet(model=str(models["regression"]), device="cpu", backend=backend)
        fields = dict(metric.signature(n_references=2).fields)
        weights = (models["regression"] / "checkpoints" / "model.ckpt").read_bytes()
        version = {Backend.native: native.VERSION, Backend.unbabel: comet.__version__}[backend]
        assert re.fullmatch("[0-9a-f]{16}", fields.pop("content"))  # test_comet_weights shows what it depends on
        assert fields == {
            "nrefs": "2",
            "refs": "mean",
            "model": "local",
            "revision": "local",
            "sha256": hashlib.sha256(weights).hexdigest()[:16],
            "class": "regression_metric",
            "precision": "fp32",
            "device": "cpu",
            "backend": f"{backend.value}-{version}",
            "long": f"windows-{windows.VERSION}",
            "sentences": f"sentencex-{metadata.version('sentencex')}-und",
        }
        of_pair = dict(metric.for_language_pair(LanguagePair.parse("zh_TW-en")).signature(n_references=2).fields)
        assert of_pair["sentences"] == f"sentencex-{metadata.version('sentencex')}-zh-en"
        cut = dataclasses.replace(metric, long_segments=LongSegments.truncate)
        assert dict(cut.signature(n_references=2).fields)["long"] == "truncate"

    def test_changes_with_the_weights_and_not_with_their_place(self, models: dict[str, Path], model: Path) -> None:
        def signature(path: Path) -> str:
            return str(Comet(model=str(path), device="cpu").signature(n_references=1))

        assert signature(model) == signature(models["regression"])
        assert signature(model) != signature(models["regression, other weights"])

    def test_says_nothing_of_references_without_them(self, models: dict[str, Path]) -> None:
        metric = Comet(model=str(models["referenceless"]), reference_free=True, device="cpu")
        assert not {"nrefs", "refs"} & set(dict(metric.signature(n_references=3).fields))


class TestBadInput:
    @pytest.mark.parametrize(
        ("family", "reference_free", "said"),
        [
            ("regression", True, "gives no score without references; set it to false"),
            ("unified mt ref", True, "gives no score without references"),
            ("referenceless", False, "reads no references; set it to true"),
            ("unified mt src", False, "reads no references; set it to true"),
        ],
    )
    def test_reference_free_must_fit_the_checkpoint(
        self, models: dict[str, Path], family: str, reference_free: bool, said: str
    ) -> None:
        with pytest.raises(ConfigError, match=said):
            Comet(model=str(models[family]), reference_free=reference_free).signature(n_references=1)

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"model": ""}, "has no model"),
            ({"device": "gpu"}, "expected auto, cpu, cuda, cuda:N or mps"),
            ({"batch_size": 0}, "batch_size=0: expected at least 1"),
            ({"batch_tokens": 0}, "batch_tokens=0: expected at least 1"),
            ({"embedding_cache_mb": -1}, "embedding_cache_mb=-1: expected at least 0"),
        ],
    )
    def test_settings(self, settings: dict[str, Any], said: str) -> None:
        with pytest.raises(ConfigError, match=said):
            Comet(**settings)

    @pytest.mark.parametrize(("change", "said"), [({"source": None}, "source"), ({"references": ()}, "reference")])
    def test_segments(self, models: dict[str, Path], change: dict[str, Any], said: str) -> None:
        segment = dataclasses.replace(segments("lossy")[0], **change)
        with pytest.raises(InputError, match=rf"needs (the|a) {said}.* segment 'lossy:"):
            Comet(model=str(models["regression"]), device="cpu").statistics([segment])

    def test_a_path_that_is_not_there(self) -> None:
        with pytest.raises(MissingModelError, match=r"no such file or folder \(looked in .*\)"):
            locate("models/none/of/these", None)

    def test_a_folder_without_a_checkpoint(self, tmp_path: Path) -> None:
        with pytest.raises(MissingModelError, match=r"holds no checkpoints/model\.ckpt"):
            locate(str(tmp_path), None)

    def test_settings_file_missing(self, model: Path) -> None:
        (model / "hparams.yaml").unlink()
        with pytest.raises(MissingModelError, match=r"hparams\.yaml is missing; expected it at"):
            Comet(model=str(model)).signature(n_references=1)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("a: [", "is not YAML"),
            ("- a", "is no mapping of settings"),
            ("pool: avg", "no entry class_identifier"),
            ("class_identifier: gemba", "'gemba' is no family of COMET checkpoints; expected one of regression_metric"),
        ],
    )
    def test_settings_file_damaged(self, model: Path, text: str, said: str) -> None:
        (model / "hparams.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(MissingModelError, match=said):
            Comet(model=str(model)).signature(n_references=1)

    @BOTH
    @pytest.mark.parametrize("keep", [0, 1000, -1000])
    def test_weights_cut_short(self, model: Path, keep: int, backend: Backend) -> None:
        weights = model / "checkpoints" / "model.ckpt"
        weights.write_bytes(weights.read_bytes()[:keep])
        with pytest.raises(MissingModelError, match=r"model\.ckpt: is damaged or is no COMET checkpoint"):
            Comet(model=str(model), device="cpu", backend=backend).statistics(segments("lossy"))

    @BOTH
    def test_weights_that_would_run_code_are_not_loaded(self, model: Path, tmp_path: Path, backend: Backend) -> None:
        import torch

        trap = tmp_path / "sprung"

        class Trap:
            def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
                return os.mkdir, (str(trap),)

        weights = model / "checkpoints" / "model.ckpt"
        content = torch.load(weights, weights_only=True)
        torch.save({**content, "callbacks": Trap()}, weights)
        with pytest.raises(MissingModelError, match=r"holds more than weights: it names posix\.mkdir"):
            Comet(model=str(model), device="cpu", backend=backend).statistics(segments("lossy"))
        assert not trap.exists()

    @pytest.mark.parametrize(
        ("backend", "said"),
        [
            (
                Backend.native,
                r"model\.ckpt: the weight estimator\.ff\.0\.weight is missing; expected the shape \(48, 192\)",
            ),
            (Backend.unbabel, r"model\.ckpt: lacks 6 of the weights .* the first: estimator\.ff\.0\.bias"),
        ],
    )
    def test_weights_of_another_model(self, model: Path, backend: Backend, said: str) -> None:
        import torch

        weights = model / "checkpoints" / "model.ckpt"
        content = torch.load(weights, weights_only=True)
        lost = [name for name in content["state_dict"] if name.startswith("estimator")]
        for name in lost:
            del content["state_dict"][name]
        torch.save(content, weights)
        assert len(lost) == 6
        with pytest.raises(MissingModelError, match=said):
            Comet(model=str(model), device="cpu", backend=backend).statistics(segments("lossy"))

    @BOTH
    def test_the_encoders_tokenizer_missing(
        self, model: Path, backend: Backend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import torch

        weights = model / "checkpoints" / "model.ckpt"
        content = torch.load(weights, weights_only=True)
        content["hyper_parameters"]["pretrained_model"] = "nobody/has-this-encoder"
        torch.save(content, weights)
        settings = (model / "hparams.yaml").read_text(encoding="utf-8")
        changed = "pretrained_model: nobody/has-this-encoder"
        (model / "hparams.yaml").write_text(
            "\n".join(changed if line.startswith("pretrained_model") else line for line in settings.splitlines()),
            encoding="utf-8",
        )
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        with pytest.raises(
            MissingModelError, match=r"tokenizer and configuration of 'nobody/has-this-encoder', the enc"
        ):
            Comet(model=str(model), device="cpu", backend=backend).statistics(segments("lossy"))


OFFLINE = {"HF_HUB_OFFLINE": "1"}


class TestRun:
    def test_a_model_that_is_not_there_keeps_the_other_metrics(self, tmp_path: Path) -> None:
        finished = spawn("run", "metrics=[bleu,chrf,comet22]", **OFFLINE, HF_HOME=str(tmp_path / "hub"), COLUMNS="200")
        assert finished.returncode == 3
        assert finished.stderr.count("Unbabel/wmt22-comet-da") == finished.stderr.count("hf download") + 1
        for said in (str(tmp_path / "hub"), "HF_HUB_OFFLINE is set", "hf download Unbabel/wmt22-comet-da"):
            assert said in finished.stderr
        assert "Traceback" not in finished.stderr
        assert "polished" in finished.stdout
        (folder,) = Path("results").glob("zhengzhou-*")
        assert {line.split(",")[1] for line in (folder / "scores.csv").read_text().splitlines()[1:]} == {"bleu", "chrf"}
        assert not eh.open_run(folder).is_complete

    def test_what_is_there_of_it_is_reported(self, command: Callable[..., Finished], tmp_path: Path) -> None:
        """And the run is said to be incomplete, and is tried again."""
        words = ("run", "metrics=[bleu,comet22]")
        environment = pytest.MonkeyPatch()
        environment.setenv("HF_HUB_OFFLINE", "1")
        environment.setenv("HF_HOME", str(tmp_path / "hub"))
        finished = command(*words)
        (folder,) = Path("results").glob("zhengzhou-*")
        reported = command("report", str(folder))
        assert (finished.code, reported.code) == (3, 0)
        assert finished.out.startswith(reported.out)
        assert "COMET-22: not scored." in reported.out
        assert "hf download Unbabel/wmt22-comet-da" in finished.err
        assert (folder / "report.html").exists()
        assert "INCOMPLETE" in command("runs").out
        assert not Path("results/latest").exists()
        assert command("report", str(folder), "--figures", "-f", "svg").code == 0
        again = command(*words)
        assert again.code == 3
        assert "hf download Unbabel/wmt22-comet-da" in again.err
        environment.undo()

    @BOTH
    def test_scores_are_those_of_predict(
        self, models: dict[str, Path], backend: Backend, command: Callable[..., Finished]
    ) -> None:
        import pandas

        model = models["regression"]
        settings = (f"model={model}", "device=cpu", f"backend={backend.value}", "long_segments=truncate")
        finished = command("run", "metrics=[bleu,comet]", *(f"metrics.comet.{setting}" for setting in settings))
        assert finished.code == 0, finished.err
        assert "COMET" in finished.out
        frame = pandas.read_parquet("results/latest/segments.parquet")
        given = segments()
        by_system = frame.sort_values(["system", "segment"], kind="stable")
        expected = dict(zip(((s.hypothesis, s.source) for s in given), predicted(model, given), strict=True))
        assert len(by_system) == 45
        for row in by_system.itertuples():
            assert row.comet == pytest.approx(expected[row.hypothesis, row.source], abs=1e-6)

    def test_a_continued_run_gives_the_same_bytes(
        self, models: dict[str, Path], command: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # More rows than are handed over at once, so that a cut log ends inside and between blocks.
        n = 60
        write("src.zh", *(f"郑州 {k} 号线" for k in range(n)))
        write("ref.en", *(f"Zhengzhou Line {k}" for k in range(n)))
        for name in ("a", "b", "c"):
            write(f"hyp/{name}.en", *(f"Line {k} of Zhengzhou {name * (k % 7)}" for k in range(n)))
        words = [
            "run", "name=t", "testset=plain", "testset.language_pair=zh-en", "testset.source=src.zh",
            "testset.references=[ref.en]", "systems=[folder]", "systems.folder.path=hyp", "metrics=[comet]",
            f"metrics.comet.model={models['regression']}", "metrics.comet.device=cpu",
        ]  # fmt: skip
        assert command(*words, "results=whole").code == 0
        (whole,) = Path("whole").glob("t-*")
        log = (whole / "scores" / "comet.jsonl").read_bytes().splitlines(keepends=True)
        assert len(log) == 3 * n
        for n_lines in (0, 1, 100, 126, 127, 179):
            monkeypatch.setenv("EVALHARNESS_CACHE", f"cache-{n_lines}")  # nothing to copy rows from
            part = Path(f"part-{n_lines}") / whole.name
            (part / "scores").mkdir(parents=True)
            (part / "hypotheses").mkdir()
            shutil.copy(whole / "plan.json", part)
            (part / "scores" / "comet.jsonl").write_bytes(b"".join(log[:n_lines]))
            assert command(*words, f"results=part-{n_lines}").code == 0
            assert (part / "scores.csv").read_bytes() == (whole / "scores.csv").read_bytes()
            assert (part / "scores" / "comet.jsonl").read_bytes() == b"".join(log)

    def test_no_reference_is_needed_where_the_checkpoint_reads_none(
        self, models: dict[str, Path], command: Callable[..., Finished]
    ) -> None:
        write("src.zh", "郑州是河南省的省会。", "黄河流经郑州。")
        write("mine.en", "Zhengzhou is the capital of Henan.", "The Yellow River runs past Zhengzhou.")
        words = ["run", "testset=plain", "testset.language_pair=zh-en", "testset.source=src.zh",
                 "systems=[hypotheses]", "systems.hypotheses.path=mine.en", "metrics=[comet]",
                 "metrics.comet.device=cpu"]  # fmt: skip
        free = command(*words, f"metrics.comet.model={models['referenceless']}", "metrics.comet.reference_free=true")
        assert free.code == 0, free.err
        bound = command(*words, f"metrics.comet.model={models['regression']}")
        assert bound.code == 2
        assert "metric 'comet' needs a reference for every segment" in bound.err


def test_the_warning_of_a_missing_package_names_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    from evalharness.errors import MissingDependencyError

    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    with pytest.raises(MissingDependencyError, match=rf"not installed in this Python 3\.{sys.version_info.minor}"):
        unbabel.installed_version()


@pytest.mark.gpu
def test_a_gpu_gives_the_scores_of_the_processor(models: dict[str, Path]) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    given = segments("polished", "gloss")
    expected = scores(Comet(model=str(models["regression"]), device="cpu"), given)
    for device in ("auto", "cuda", "cuda:0"):
        metric = Comet(model=str(models["regression"]), device=device)
        assert "device:cuda" in str(metric.signature(n_references=1))
        assert scores(metric, given) == pytest.approx(expected, abs=1e-4)
