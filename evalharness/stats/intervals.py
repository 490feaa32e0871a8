"""Intervals for corpus scores and for differences of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from statistics import NormalDist

import numpy as np

from evalharness.records import Array, Floats

_MEANS_TOGETHER = 1 << 21


class IntervalKind(Enum):
    """How bounds are found: quantiles of resamples, the same corrected for bias and skew, or the differences that the
    sign-flip test would not reject."""

    percentile = "percentile"
    bca = "bca"
    inverted = "inverted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """`n_resamples` is None where nothing was resampled."""

    low: float
    high: float
    level: float
    kind: IntervalKind
    n_resamples: int | None


def percentile_interval(resampled: Floats, *, level: float) -> Interval | None:
    """The percentile bootstrap interval from scores of resamples [R]; None where a resample has no score.

    Source: Efron & Tibshirani 1993, chapter 13."""
    return _quantiles(resampled, (1 - level) / 2, (1 + level) / 2, level=level, kind=IntervalKind.percentile)


def bca_interval(resampled: Floats, *, observed: float, left_out: Floats, level: float) -> Interval | None:
    """The bias-corrected and accelerated interval from scores of resamples [R] and without each unit [G].

    None where a score is not defined, and where all resamples lie on one side of the observed score.
    Source: Efron & Tibshirani 1993, section 14.3."""
    if np.isnan(resampled).any() or np.isnan(left_out).any():
        return None
    below = ((resampled < observed).mean() + (resampled <= observed).mean()) / 2
    if not 0 < below < 1:
        return None
    normal = NormalDist()
    bias = normal.inv_cdf(float(below))
    deviations = left_out.mean() - left_out
    spread = float((deviations**2).sum())
    acceleration = float((deviations**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    shares = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        shifted = bias + normal.inv_cdf(tail)
        shares.append(normal.cdf(bias + shifted / (1 - acceleration * shifted)))
    return _quantiles(resampled, *shares, level=level, kind=IntervalKind.bca)


def _quantiles(resampled: Floats, low: float, high: float, *, level: float, kind: IntervalKind) -> Interval | None:
    bounds = np.quantile(resampled, [low, high])
    if np.isnan(bounds).any():
        return None
    return Interval(low=float(bounds[0]), high=float(bounds[1]), level=level, kind=kind, n_resamples=len(resampled))


def inverted_intervals(differences: Floats, counts: Floats, *, level: float) -> list[Interval | None]:
    """For each pair the mean differences that the exact sign-flip test does not reject at 1 - level; up to 20 units.

    None where no difference can be rejected, because there are too few units.
    Shapes: differences [P, G] summed over each unit's segments, counts [G] of those.
    Source: the subset means of Hartigan 1969, section 2, for units of unequal weight and two sides."""
    subsets = half_of_subsets(len(counts))
    n_together = max(1, _MEANS_TOGETHER // max(len(subsets), 1))
    intervals: list[Interval | None] = []
    for start in range(0, len(differences), n_together):
        bounds = unrejected_shifts(differences[start : start + n_together], counts, subsets, alpha=round(1 - level, 12))
        for low, high in zip(*bounds, strict=True):
            is_bounded = bool(np.isfinite(low) and np.isfinite(high))
            interval = Interval(
                low=float(low), high=float(high), level=level, kind=IntervalKind.inverted, n_resamples=None
            )
            intervals.append(interval if is_bounded else None)
    return intervals


def half_of_subsets(n_units: int) -> Array:
    """One of each subset of units and its complement, but for the empty one: [2^(G-1) - 1, G] of 0 and 1."""
    numbers = np.arange(1, 2 ** max(n_units - 1, 0))
    subsets: Array = ((numbers[:, None] >> np.arange(n_units)) & 1).astype(np.float64)
    return subsets


def unrejected_shifts(differences: Floats, counts: Floats, subsets: Array, *, alpha: float) -> tuple[Floats, Floats]:
    """The smallest and the largest common shift that the sign-flip test with these swaps does not reject: [D], [D].

    Swapping the units of a subset F reaches a shift below the observed mean exactly where the shift is at least the
    mean over F or that over its complement, whichever is smaller. So p is known for every shift from the order of
    those means, and the bound is the one in place floor(alpha (B + 1)) of B subsets; infinite where that is 0.
    Shapes: differences [D data sets, G units] summed over each unit's segments, counts [G], subsets [B, G], of which
    none is empty or whole."""
    place = math.floor(alpha * (len(subsets) + 1) + 1e-9)
    if place < 1:
        return np.full(len(differences), -np.inf), np.full(len(differences), np.inf)
    within = subsets @ counts
    sums = subsets @ differences.T
    means = sums / within[:, None]
    others = (differences.sum(axis=1) - sums) / (counts.sum() - within)[:, None]
    low = np.partition(np.minimum(means, others), place - 1, axis=0)[place - 1]
    high = np.partition(np.maximum(means, others), len(subsets) - place, axis=0)[len(subsets) - place]
    return low, high
