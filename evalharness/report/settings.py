"""The settings of reports."""

from __future__ import annotations

from dataclasses import dataclass

from evalharness.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """`decimals` is what tables round scores to; the record keeps full precision. `segments_csv` asks for
    `segments.csv` beside `segments.parquet`, `page` for `report.html`."""

    decimals: int = 1
    segments_csv: bool = False
    page: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.decimals <= 15:
            raise ConfigError(f"report.decimals={self.decimals}: expected 0 to 15.")
