"""The settings of reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evalharness.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """`decimals` is what tables round scores to, `metric_decimals` those of single metrics by name; the record keeps
    full precision. `intervals` shows the interval of each score. `segments_csv` asks for `segments.csv` beside
    `segments.parquet`, `page` for `report.html`."""

    decimals: int = 1
    metric_decimals: dict[str, int] | None = None
    intervals: bool = False
    segments_csv: bool = False
    page: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.decimals <= 15:
            raise ConfigError(f"report.decimals={self.decimals}: expected 0 to 15.")
        if not isinstance(self.metric_decimals, Mapping | None):
            raise ConfigError(
                f"report.metric_decimals={self.metric_decimals!r}: expected names of metrics with their decimals, such "
                "as {comet: 2}."
            )
        for name, decimals in (self.metric_decimals or {}).items():
            if type(decimals) is not int or not 0 <= decimals <= 15:
                raise ConfigError(f"report.metric_decimals.{name}={decimals}: expected 0 to 15.")

    def decimals_of(self, metric: str) -> int:
        """What scores of a metric are rounded to."""
        return (self.metric_decimals or {}).get(metric, self.decimals)
