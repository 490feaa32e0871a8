"""Intervals for corpus scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from evalharness.records import Array, Floats

ToCorpus: TypeAlias = Callable[[Array], Floats]
"""Sums of rows [..., K] to corpus scores [...]: a metric's `corpus_scores`."""
_RESAMPLES_PER_BLOCK = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    low: float
    high: float
    level: float
    n_resamples: int


def bootstrap_intervals(
    unit_sums: Floats, to_corpus: ToCorpus, *, n_resamples: int, level: float, rng: np.random.Generator
) -> list[Interval | None]:
    """The percentile bootstrap interval of each system's corpus score, from the same resamples for all.

    As many units are drawn, with replacement, as there are (never a share of them). None where there are fewer than
    two units, or where a resample has no score.
    Shapes: unit_sums [S, G, K].
    Source: Efron & Tibshirani 1993, chapter 13."""
    n_systems, n_units, n_statistics = unit_sums.shape
    if n_units < 2 or n_statistics == 0:
        return [None] * n_systems
    by_unit = unit_sums.transpose(1, 0, 2).reshape(n_units, n_systems * n_statistics)
    scores = np.empty((n_resamples, n_systems))
    for start in range(0, n_resamples, _RESAMPLES_PER_BLOCK):
        n_block = min(_RESAMPLES_PER_BLOCK, n_resamples - start)
        drawn = rng.integers(n_units, size=(n_block, n_units))
        drawn += np.arange(n_block)[:, None] * n_units
        counts = np.bincount(drawn.ravel(), minlength=n_block * n_units).reshape(n_block, n_units)
        sums = (counts.astype(np.float64) @ by_unit).reshape(n_block, n_systems, n_statistics)
        scores[start : start + n_block] = to_corpus(sums)
    tail = (1 - level) / 2
    intervals: list[Interval | None] = []
    for system_scores in scores.T:
        low, high = np.quantile(system_scores, [tail, 1 - tail])
        missing = np.isnan(low) or np.isnan(high)
        intervals.append(
            None if missing else Interval(low=float(low), high=float(high), level=level, n_resamples=n_resamples)
        )
    return intervals
