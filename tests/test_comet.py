"""COMET through unbabel-comet: equal to its own predict on real (tiny, random) checkpoints, and clear errors."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import random
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import REPOSITORY, Finished, spawn, write

pytest.importorskip("comet", reason="unbabel-comet is not installed: there is none for Python 3.13 and later")

from tiny_comet import build_referenceless, build_regression, build_unified

from evalharness.errors import ConfigError, InputError, MissingModelError
from evalharness.metrics.comet import unbabel
from evalharness.metrics.comet.checkpoint import locate
from evalharness.metrics.comet.metric import Comet, Precision, ReferenceHandling
from evalharness.records import ScoringSegment

pytestmark = pytest.mark.slow
ZHENGZHOU = REPOSITORY / "references" / "zhengzhou"
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
    unbabel.forget()
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
        self, models: dict[str, Path], family: str, settings: dict[str, Any], reference: int | None
    ) -> None:
        given = segments()
        expected = predicted(models[family], given, reference=reference)
        assert max(expected) - min(expected) > 1e-3  # a checkpoint that told nothing apart would prove nothing
        metric = Comet(model=str(models[family]), device="cpu", **settings)
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
        metric = Comet(model=str(models["regression"]), device="cpu", batch_size=batch_size)
        assert scores(metric, given[:7]) + scores(metric, given[7:]) == pytest.approx(expected, abs=1e-6)

    def test_of_several_references_are_averaged_or_the_best_is_taken(self, models: dict[str, Path]) -> None:
        given = segments("polished", "lossy", n_references=3)
        each = np.array([predicted(models["regression"], given, reference=k) for k in range(3)])
        mean = Comet(model=str(models["regression"]), device="cpu")
        best = dataclasses.replace(mean, references=ReferenceHandling.max)
        assert scores(mean, given) == pytest.approx(each.mean(axis=0), abs=1e-6)
        assert scores(best, given) == pytest.approx(each.max(axis=0), abs=1e-6)

    def test_corpus_score_is_the_mean(self, models: dict[str, Path]) -> None:
        metric = Comet(model=str(models["regression"]), device="cpu")
        rows = metric.statistics(segments())
        assert metric.corpus_scores(rows.sum(axis=0)) == pytest.approx(metric.segment_scores(rows).mean(), abs=1e-12)
        assert np.isnan(metric.corpus_scores(np.zeros(2)))

    def test_equal_triples_are_computed_once(self, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
        counts = []
        original = unbabel.Scorer.scores

        def counting(self: unbabel.Scorer, triples: Sequence[dict[str, str]], *, batch_size: int) -> list[float]:
            counts.append(len(triples))
            return original(self, triples, batch_size=batch_size)

        monkeypatch.setattr(unbabel.Scorer, "scores", counting)
        got = scores(Comet(model=str(models["regression"]), device="cpu"), [*segments("lossy"), *segments("lossy")])
        assert counts == [9]
        assert got[:9] == got[9:]

    def test_no_segments_give_no_rows(self, models: dict[str, Path]) -> None:
        assert Comet(model=str(models["regression"]), device="cpu").statistics([]).shape == (0, 2)

    def test_half_precision_is_said_and_is_close(self, models: dict[str, Path]) -> None:
        exact = Comet(model=str(models["regression"]), device="cpu")
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

    def test_texts_that_are_cut_are_said(self, models: dict[str, Path], caplog: pytest.LogCaptureFixture) -> None:
        segment = segments("polished")[0]
        long = dataclasses.replace(segment, hypothesis="Zhengzhou is a city in Henan Province. " * 100)
        with caplog.at_level(logging.WARNING, logger="evalharness"):
            scores(Comet(model=str(models["regression"]), device="cpu"), [segment])
            assert caplog.messages == []
            scores(Comet(model=str(models["regression"]), device="cpu"), [segment, long])
        assert len(caplog.messages) == 1
        assert "1 texts are longer than the 510 tokens the model reads" in caplog.messages[0]

    def test_unified_models_cut_all_texts_together(
        self, models: dict[str, Path], caplog: pytest.LogCaptureFixture
    ) -> None:
        segment = segments("polished")[0]
        # Source and reference take some 60 and 150 tokens of this tokenizer; alone, the hypothesis would fit.
        long = dataclasses.replace(segment, hypothesis="Zhengzhou is a city in Henan Province. " * 25)
        with caplog.at_level(logging.WARNING, logger="evalharness"):
            scores(Comet(model=str(models["regression"]), device="cpu"), [long])
            assert caplog.messages == []
            scores(Comet(model=str(models["unified mt src ref"]), device="cpu"), [segment, long])
        assert len(caplog.messages) == 1
        assert "longer than the 512 tokens" in caplog.messages[0]

    def test_nothing_is_printed(self, models: dict[str, Path], capfd: pytest.CaptureFixture[str]) -> None:
        unbabel.forget()
        scores(Comet(model=str(models["regression"]), device="cpu"), segments("lossy"))
        captured = capfd.readouterr()
        assert (captured.out, captured.err) == ("", "")


class TestSignature:
    def test_says_everything_that_decides_the_score(self, models: dict[str, Path]) -> None:
        import comet

        fields = dict(Comet(model=str(models["regression"]), device="cpu").signature(n_references=2).fields)
        weights = (models["regression"] / "checkpoints" / "model.ckpt").read_bytes()
        import hashlib

        assert fields == {
            "nrefs": "2",
            "refs": "mean",
            "model": "local",
            "revision": "local",
            "sha256": hashlib.sha256(weights).hexdigest()[:16],
            "class": "regression_metric",
            "precision": "fp32",
            "device": "cpu",
            "backend": f"unbabel-{comet.__version__}",
        }

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
            ({"batch_size": 0}, "expected at least 1"),
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
            ("- a", "no entry class_identifier"),
            ("class_identifier: gemba", "'gemba' is no family of COMET checkpoints; expected one of regression_metric"),
        ],
    )
    def test_settings_file_damaged(self, model: Path, text: str, said: str) -> None:
        (model / "hparams.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(MissingModelError, match=said):
            Comet(model=str(model)).signature(n_references=1)

    @pytest.mark.parametrize("keep", [0, 1000, -1000])
    def test_weights_cut_short(self, model: Path, keep: int) -> None:
        weights = model / "checkpoints" / "model.ckpt"
        weights.write_bytes(weights.read_bytes()[:keep])
        with pytest.raises(MissingModelError, match=r"model\.ckpt: is damaged or is no COMET checkpoint"):
            Comet(model=str(model), device="cpu").statistics(segments("lossy"))

    def test_weights_that_would_run_code_are_not_loaded(self, model: Path, tmp_path: Path) -> None:
        import torch

        trap = tmp_path / "sprung"

        class Trap:
            def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
                return os.mkdir, (str(trap),)

        weights = model / "checkpoints" / "model.ckpt"
        content = torch.load(weights, weights_only=True)
        torch.save({**content, "callbacks": Trap()}, weights)
        with pytest.raises(MissingModelError, match=r"holds more than weights: it names posix\.mkdir"):
            Comet(model=str(model), device="cpu").statistics(segments("lossy"))
        assert not trap.exists()

    def test_weights_of_another_model(self, model: Path) -> None:
        import torch

        weights = model / "checkpoints" / "model.ckpt"
        content = torch.load(weights, weights_only=True)
        lost = [name for name in content["state_dict"] if name.startswith("estimator")]
        for name in lost:
            del content["state_dict"][name]
        torch.save(content, weights)
        with pytest.raises(MissingModelError, match=rf"lacks {len(lost)} of the weights .* the first: estimator"):
            Comet(model=str(model), device="cpu").statistics(segments("lossy"))

    def test_the_encoders_tokenizer_missing(self, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
            Comet(model=str(model), device="cpu").statistics(segments("lossy"))


OFFLINE = {"HF_HUB_OFFLINE": "1"}


class TestRun:
    def test_a_model_that_is_not_there_keeps_the_other_metrics(self, tmp_path: Path) -> None:
        finished = spawn("run", "metrics=[bleu,chrf,comet22]", **OFFLINE, HF_HOME=str(tmp_path / "hub"), COLUMNS="200")
        assert finished.returncode == 3
        assert finished.stderr.count("Unbabel/wmt22-comet-da") == finished.stderr.count("huggingface-cli download") + 1
        for said in (str(tmp_path / "hub"), "HF_HUB_OFFLINE is set", "huggingface-cli download Unbabel/wmt22-comet-da"):
            assert said in finished.stderr
        assert "Traceback" not in finished.stderr
        assert "polished" in finished.stdout
        (folder,) = Path("results").glob("zhengzhou-*")
        assert {line.split(",")[1] for line in (folder / "scores.csv").read_text().splitlines()[1:]} == {"bleu", "chrf"}
        assert not (folder / "done.json").exists()

    def test_scores_are_those_of_predict(self, models: dict[str, Path], command: Callable[..., Finished]) -> None:
        import pandas

        model = models["regression"]
        finished = command("run", "metrics=[bleu,comet]", f"metrics.comet.model={model}", "metrics.comet.device=cpu")
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
