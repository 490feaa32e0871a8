"""Agreement of segment scores with expert MQM, and what it is beside the length of the source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evalharness.metrics.comet.training.packages import imported
from evalharness.records import Array, Floats

LEVEL = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A percentile interval at the level 0.95 from resampled segments."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """`pearson` and `kendall` (tau-b) over all systems and segments; `partial` is Pearson with log source length taken
    out of both; `within` the share of system pairs in the right order on the same segment, half for equal scores,
    pairs with equal MQM left out."""

    pearson: float
    kendall: float
    partial: float
    within: float
    within_interval: Interval


def agreement(scores: Floats, mqm: Floats, log_source: Floats, draws: Array) -> Agreement:
    """Shapes: scores and mqm [S systems, N segments], log_source [N], draws [R resamples, N] of segment places."""
    right, n_pairs = pairs_in_order(scores, mqm)
    return Agreement(
        pearson=pearson(scores, mqm),
        kendall=kendall(scores, mqm),
        partial=partial_pearson(scores, mqm, log_source),
        within=float(right.sum() / n_pairs.sum()),
        within_interval=interval(right[draws].sum(axis=1) / n_pairs[draws].sum(axis=1)),
    )


def pearson(scores: Floats, mqm: Floats) -> float:
    return float(np.corrcoef(scores.ravel(), mqm.ravel())[0, 1])


def kendall(scores: Floats, mqm: Floats) -> float:
    return float(imported("scipy.stats").kendalltau(scores.ravel(), mqm.ravel()).statistic)


def partial_pearson(scores: Floats, mqm: Floats, log_source: Floats) -> float:
    """Pearson of what is left of both after a straight line in the log source length."""
    lengths = np.broadcast_to(log_source, scores.shape).ravel()
    line = np.stack([np.ones_like(lengths), lengths], axis=1)
    left = [values.ravel() - line @ np.linalg.lstsq(line, values.ravel(), rcond=None)[0] for values in (scores, mqm)]
    return pearson(left[0], left[1])


def pairs_in_order(scores: Floats, mqm: Floats) -> tuple[Floats, Floats]:
    """Of each segment, the system pairs that `scores` order as `mqm` does, and all that differ in `mqm`: [N], [N]."""
    better = mqm[:, None] > mqm[None, :]
    margin = scores[:, None] - scores[None, :]
    right = (better & (margin > 0)) + 0.5 * (better & (margin == 0))
    return right.sum(axis=(0, 1)).astype(np.float64), better.sum(axis=(0, 1)).astype(np.float64)


def resampled(statistic: Callable[[Array], float], draws: Array) -> Interval:
    """The interval of a statistic of segment places."""
    return interval(np.array([statistic(draw) for draw in draws]))


def interval(values: Floats) -> Interval:
    low, high = np.nanquantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(low=float(low), high=float(high))
