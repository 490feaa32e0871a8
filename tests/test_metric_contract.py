"""The law of the metric contract, over every option in configs/metrics."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import REPOSITORY

from evalharness.config import build, compose_config, set_values
from evalharness.metrics.base import Metric, Needs
from evalharness.records import LanguagePair, ScoringSegment

NAMES = sorted(path.stem for path in (REPOSITORY / "configs" / "metrics").glob("*.yaml"))
LP = LanguagePair(source="zh", target="en")
BATCH_TOLERANCE = 1e-5  # of metrics whose rows may differ in their last bits with the other rows of the call


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Checkpoints in place of those on the hub, by whether they are reference-free."""
    pytest.importorskip("comet", reason="unbabel-comet is not installed: there is none for Python 3.13 and later")
    from tiny_comet import build_referenceless, build_regression

    folder = tmp_path_factory.mktemp("contract")
    return {False: build_regression(folder / "regression"), True: build_referenceless(folder / "referenceless")}


def _is_slow(name: str) -> bool:
    return "metrics.comet." in (REPOSITORY / "configs" / "metrics" / f"{name}.yaml").read_text(encoding="utf-8")


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.slow] * _is_slow(name)) for name in NAMES])
def built(request: pytest.FixtureRequest) -> Callable[[], Metric]:
    """What builds the option once more."""
    name = request.param
    settings: dict[str, Any] = {}
    option = compose_config([f"metrics=[{name}]"])["metrics"][name]
    if option["_target_"].startswith("evalharness.metrics.comet."):
        models = request.getfixturevalue("checkpoints")
        settings = {
            f"metrics.{name}.model": str(models[bool(option["reference_free"])]),
            f"metrics.{name}.device": "cpu",
        }

    def once() -> Metric:
        config = compose_config([f"metrics=[{name}]"])
        set_values(config, settings)
        metric: Metric = build(config, f"metrics.{name}", allowed=("evalharness",))  # type: ignore[assignment]
        return metric.for_language_pair(LP)

    return once


@pytest.fixture(scope="module")
def segments() -> list[ScoringSegment]:
    """The bundled paragraphs with two candidates, two references for each, and an empty hypothesis."""
    folder = REPOSITORY / "references" / "zhengzhou"
    paragraphs = [json.loads(line) for line in (folder / "segments.jsonl").read_text(encoding="utf-8").splitlines()]
    polished, lossy = (
        (folder / "candidates" / f"{name}.en").read_text(encoding="utf-8").split("\n")[: len(paragraphs)]
        for name in ("polished", "lossy")
    )
    return [
        ScoringSegment(
            id=f"{name}:{paragraph['id']}",
            source=paragraph["source"],
            hypothesis=hypothesis,
            references=(paragraph["references"][0], other),
        )
        for name, hypotheses in (("lossy", lossy), ("empty", [""] * 2))
        for paragraph, hypothesis, other in zip(paragraphs, hypotheses, polished, strict=False)
    ]


def test_reordering_segments_reorders_rows_and_nothing_else(
    built: Callable[[], Metric], segments: list[ScoringSegment]
) -> None:
    metric = built()
    rows = metric.statistics(segments)
    order = list(range(len(segments)))
    random.Random(3).shuffle(order)
    reordered = metric.statistics([segments[index] for index in order])
    if metric.exact_in_any_batch:
        assert np.array_equal(reordered, rows[order])
    else:
        assert reordered == pytest.approx(rows[order], abs=BATCH_TOLERANCE)


def test_any_batching_gives_the_same_rows(built: Callable[[], Metric], segments: list[ScoringSegment]) -> None:
    metric = built()
    rows = metric.statistics(segments)
    for size in (1, 4):
        parts = [metric.statistics(segments[start : start + size]) for start in range(0, len(segments), size)]
        if metric.exact_in_any_batch:
            assert np.array_equal(np.concatenate(parts), rows)
        else:
            assert np.concatenate(parts) == pytest.approx(rows, abs=BATCH_TOLERANCE)


def test_scores_come_from_rows_alone(built: Callable[[], Metric], segments: list[ScoringSegment]) -> None:
    metric = built()
    rows = metric.statistics(segments)
    assert rows.ndim == 2
    assert len(rows) == len(segments)
    assert np.isfinite(rows).all()
    scores = metric.segment_scores(rows)
    assert scores.shape == (len(segments),)
    assert len(set(scores.tolist())) > 3  # a metric that told nothing apart would prove nothing
    stacked = np.stack([rows.sum(axis=0), rows[:2].sum(axis=0)])
    assert metric.corpus_scores(stacked).shape == (2,)
    assert metric.corpus_scores(stacked)[1] == metric.corpus_scores(stacked[1])


def test_one_failed_row_is_nan_and_the_others_are_not(
    built: Callable[[], Metric], segments: list[ScoringSegment]
) -> None:
    metric = built()
    rows = metric.statistics(segments).astype(float)
    expected = metric.segment_scores(rows)
    rows[1] = np.nan
    scores = metric.segment_scores(rows)
    assert np.isnan(scores[1])
    assert np.array_equal(np.delete(scores, 1), np.delete(expected, 1))


def test_two_builds_have_one_signature(built: Callable[[], Metric]) -> None:
    first, second = built(), built()
    assert str(first.signature(n_references=2)) == str(second.signature(n_references=2))
    if Needs.REFERENCE in first.needs:
        assert str(first.signature(n_references=1)) != str(first.signature(n_references=2))
        assert "nrefs:var" in str(first.signature(n_references=None))
    assert first.heading
