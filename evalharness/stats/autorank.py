"""AutoRank: WMT's average of several metrics into one figure, 1 for the best of N systems and N for the worst."""

from __future__ import annotations

from enum import Enum

import numpy as np

from evalharness.errors import ConfigError
from evalharness.records import Floats

_SMALLEST_SPREAD = 1e-12


class AutoRankRule(Enum):
    """Which formula; `none` gives no AutoRank."""

    wmt24 = "wmt24"
    wmt25 = "wmt25"
    none = "none"


def autorank(scores: Floats, rule: AutoRankRule) -> Floats:
    """AutoRank of each system [S], 1 for the best; 1 for all where they are equal.

    WMT24 scales each metric linearly to 1 to N and takes the mean. WMT25 centres each metric at its median and scales
    it by the distance from its best score to its lower quartile, so that a few very bad systems do not decide the
    scale, takes the mean and scales that to 1 to N.
    Shapes: scores [S systems, M metrics], higher is better in all, none missing.
    Source: Kocmi et al. 2024 and 2025, preliminary rankings of the WMT general task."""
    if scores.ndim != 2 or not scores.shape[1] or np.isnan(scores).any():
        raise ConfigError("AutoRank: expected a score of every system in every metric, and at least one metric.")
    n_systems = len(scores)
    if rule is AutoRankRule.wmt24:
        spread = np.maximum(scores.max(axis=0) - scores.min(axis=0), _SMALLEST_SPREAD)
        return np.asarray((1 + (n_systems - 1) * (scores.max(axis=0) - scores) / spread).mean(axis=1))
    best, lower_quartile = np.percentile(scores, [100, 25], axis=0)
    z = ((scores - np.median(scores, axis=0)) / np.maximum(best - lower_quartile, _SMALLEST_SPREAD)).mean(axis=1)
    return np.asarray(1 + (n_systems - 1) * (z.max() - z) / max(z.max() - z.min(), _SMALLEST_SPREAD))
