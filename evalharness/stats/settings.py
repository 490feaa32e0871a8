"""The settings of everything that turns numbers into claims."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from evalharness.errors import ConfigError


class UnitKind(Enum):
    """What is resampled and swapped as a whole; `auto` takes documents where the test set has at least two."""

    auto = "auto"
    segment = "segment"
    document = "document"


class Method(Enum):
    """How a difference is tested."""

    sign_flip = "sign_flip"


class Correction(Enum):
    """How p-values of one metric are corrected for the number of pairs shown."""

    holm = "holm"
    none = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsSettings:
    """`baseline` names the system all others are compared with; None compares all pairs."""

    baseline: str | None = None
    unit: UnitKind = UnitKind.auto
    method: Method = Method.sign_flip
    correction: Correction = Correction.holm
    level: float = 0.95
    n_resamples: int = 1000
    n_draws: int = 10000
    seed: int = 12345

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ConfigError(f"stats.level={self.level}: expected a share between 0 and 1, such as 0.95.")
        for name in ("n_resamples", "n_draws"):
            if getattr(self, name) < 1:
                raise ConfigError(f"stats.{name}={getattr(self, name)}: expected at least 1.")
        if self.seed < 0:
            raise ConfigError(f"stats.seed={self.seed}: expected 0 or more.")
