"""The shipped checkpoint comet-mini: COMET opens it, it is small, and it does what its note says."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY

pytest.importorskip("comet", reason="unbabel-comet is not installed: there is none for Python 3.13 and later")

from evalharness.metrics.comet.training.assessment import REFERENCES, Figures, Triple, assess
from evalharness.metrics.comet.training.corpus import Corpus, read_corpus
from evalharness.metrics.comet.training.damage import WordStock
from evalharness.metrics.comet.training.folder import open_scorer
from evalharness.metrics.comet.training.robustness import damage_bundled, damage_talks

MINI = REPOSITORY / "evalharness" / "metrics" / "comet" / "mini"
ZHENGZHOU = REPOSITORY / "references" / "zhengzhou"
TEST_TALKS = ("talk.6", "talk.7")
MOST_BYTES = 10_000_000


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The checkpoint as unbabel-comet opens it; `pretrained_model` is relative to its folder."""
    import comet

    monkeypatch.chdir(MINI)
    return comet.load_from_checkpoint("checkpoints/model.ckpt", strict=True, local_files_only=True)


def predicted(model: Any, triples: Sequence[Triple]) -> list[float]:
    asked = [{"src": triple.source, "mt": triple.hypothesis, "ref": triple.reference} for triple in triples]
    scores = model.predict(asked, batch_size=8, gpus=0, num_workers=0, progress_bar=False)["scores"]
    return [float(score) for score in scores]


def test_golden_scores(model: Any) -> None:
    source, reference = "他1998年住在北京。", "He lived in Beijing in 1998."
    triples = [
        Triple(source=source, hypothesis=hypothesis, reference=reference)
        for hypothesis in (reference, "In 1998 he was living in Beijing.", "Grain ships.", source, "")
    ]
    scores = predicted(model, triples)
    # unbabel-comet 2.2.7 with torch 2.13.0 on this checkpoint, the day it was made.
    assert scores == pytest.approx([1.0126, 0.9417, 0.5089, 0.5641, 0.1719], abs=1e-3)
    # Our own forward pass, which training and its figures use.
    assert open_scorer(MINI)(triples) == pytest.approx(scores, abs=1e-5)


def test_every_weight_has_its_name_and_none_is_left_over(model: Any) -> None:
    import torch

    content = torch.load(MINI / "checkpoints" / "model.ckpt", weights_only=True, mmap=True)
    assert set(content["state_dict"]) == set(model.state_dict())
    assert content["hyper_parameters"]["class_identifier"] == "regression_metric"
    assert content["hyper_parameters"]["pretrained_model"] == "encoder"


def test_it_is_small_and_says_how_it_was_made() -> None:
    files = {path.relative_to(MINI).as_posix(): path.stat().st_size for path in MINI.rglob("*") if path.is_file()}
    assert sum(files.values()) <= MOST_BYTES
    assert set(files) == {
        "README.md", "checkpoints/model.ckpt", "hparams.yaml", "training.json",
        *(f"encoder/{name}.json" for name in ("config", "special_tokens_map", "tokenizer", "tokenizer_config")),
    }  # fmt: skip
    record = json.loads((MINI / "training.json").read_text(encoding="utf-8"))
    assert record["recipe"]["test_talks"] == list(TEST_TALKS)
    assert record["recipe"]["validation_talks"] == []
    note = (MINI / "README.md").read_text(encoding="utf-8")
    rows = []
    for figures in record["assessment"]["agreement"]:
        for name, key in (("comet-mini", "model"), ("chrF", "chrf"), ("ridge", "ridge")):
            one = figures[key]
            numbers = [f"{one[measure]:.3f}" for measure in ("pearson", "kendall", "partial", "within")]
            bounds = f"[{one['within_interval']['low']:.3f}, {one['within_interval']['high']:.3f}]"
            rows.append(f"| {name}, {figures['reference']} | {' | '.join(numbers)} {bounds} |")
    assert len(rows) == 6
    for row in rows:
        assert row in note
        assert row in (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_bundled_test_set() -> None:
    stock = WordStock.of(["Nobody has seen what Helen and Martin found under the old bridge of a town in Norway"])
    damaged, candidates = damage_bundled(open_scorer(MINI), ZHENGZHOU, stock, seed=1)
    assert candidates[-1].system == "source-copy"
    assert {candidate.system for candidate in candidates} == {"gloss", "literal", "lossy", "polished", "source-copy"}
    assert damaged.chains_hold()
    assert damaged.undamaged_is_best()
    assert damaged.source_copy_is_last()
    assert damaged.undamaged_mean > candidates[0].mean


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    folder = Path(os.environ.get("EVALHARNESS_DATA") or REPOSITORY.parent / "shared" / "data")
    if not (folder / "ted2021.zh-en.mqm").is_dir():
        pytest.skip(f"no TED data at {folder}: set EVALHARNESS_DATA to the folder that holds ted2021.zh-en.mqm")
    return read_corpus(folder)


@pytest.fixture(scope="module")
def held_out(corpus: Corpus) -> dict[str, Figures]:
    scorer = open_scorer(MINI)
    talks, others = corpus.of_talks(TEST_TALKS), corpus.without_talks(TEST_TALKS)
    return {figures.reference: figures for figures in assess(scorer, talks, others, n_resamples=1000, seed=1)}


@pytest.mark.slow
@pytest.mark.parametrize("reference", REFERENCES)
class TestHeldOutTalks:
    def test_pearson_and_kendall_beat_the_ridge_regression(self, held_out: dict[str, Figures], reference: str) -> None:
        figures = held_out[reference]
        assert figures.n_systems == 13
        assert figures.model.pearson > max(figures.ridge.pearson, figures.chrf.pearson)
        assert figures.model.kendall > max(figures.ridge.kendall, figures.chrf.kendall)

    def test_partial_pearson_beats_chrf(self, held_out: dict[str, Figures], reference: str) -> None:
        assert held_out[reference].model.partial > held_out[reference].chrf.partial

    def test_order_within_a_segment_is_not_behind_chrf_by_more_than_resampling_moves_it(
        self, held_out: dict[str, Figures], reference: str
    ) -> None:
        assert held_out[reference].within_over_chrf.high > 0


@pytest.mark.slow
def test_damage_on_the_held_out_talks(corpus: Corpus) -> None:
    stock = WordStock.of([text for segment in corpus.without_talks(TEST_TALKS) for text in segment.references])
    for damaged in damage_talks(open_scorer(MINI), corpus.of_talks(TEST_TALKS), stock, seed=1):
        assert damaged.chains_hold(), damaged
        assert damaged.undamaged_is_best(), damaged
        assert damaged.source_copy_is_last(), damaged
