"""The settings of everything that turns numbers into claims."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from evalharness.errors import ConfigError
from evalharness.stats.autorank import AutoRankRule
from evalharness.stats.clusters import ClusterRule

_HIGHEST_LEVEL = 0.999


class UnitKind(Enum):
    """What is resampled and swapped as a whole; `auto` takes documents where the test set has at least two."""

    auto = "auto"
    segment = "segment"
    document = "document"


class Method(Enum):
    """How a difference is tested."""

    sign_flip = "sign_flip"
    bootstrap = "bootstrap"


class Correction(Enum):
    """How p-values of one metric are corrected for the number of pairs shown."""

    holm = "holm"
    bh = "bh"
    none = "none"


class IntervalChoice(Enum):
    """The intervals of scores and differences; `auto` inverts the exact test for differences of mean metrics with up to
    20 units, and takes percentiles of resamples otherwise."""

    auto = "auto"
    percentile = "percentile"
    bca = "bca"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsSettings:
    """`baseline` names the system all others are compared with; None compares all pairs. `level` is that of intervals;
    differences are significant at 1 - level. `autorank_metrics` are those AutoRank averages; none named takes all."""

    baseline: str | None = None
    unit: UnitKind = UnitKind.auto
    method: Method = Method.sign_flip
    correction: Correction = Correction.holm
    interval: IntervalChoice = IntervalChoice.auto
    clusters: ClusterRule = ClusterRule.wmt24
    autorank: AutoRankRule = AutoRankRule.none
    autorank_metrics: tuple[str, ...] = ()
    level: float = 0.95
    n_resamples: int = 1000
    n_draws: int = 10000
    seed: int = 12345

    def __post_init__(self) -> None:
        if not 0 < self.level <= _HIGHEST_LEVEL:
            raise ConfigError(
                f"stats.level={self.level}: expected a share above 0 and at most {_HIGHEST_LEVEL}, such as 0.95."
            )
        if self.n_draws < 1:
            raise ConfigError(f"stats.n_draws={self.n_draws}: expected at least 1.")
        needed = math.ceil(2 / (1 - self.level) - 1e-9)
        if self.n_resamples < needed:
            raise ConfigError(
                f"stats.n_resamples={self.n_resamples}: too few for an interval of {100 * self.level:g} %; expected at "
                f"least {needed}, and better ten times as many."
            )
        if self.autorank_metrics and self.autorank is AutoRankRule.none:
            raise ConfigError(
                "stats.autorank_metrics: says what AutoRank averages; set stats.autorank=wmt25 or wmt24 too."
            )
        if self.seed < 0:
            raise ConfigError(f"stats.seed={self.seed}: expected 0 or more.")

    @property
    def alpha(self) -> float:
        """A difference is significant where its p-value is at most this."""
        return round(1 - self.level, 12)
