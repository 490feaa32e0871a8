"""A record as Python objects: frames, and tables drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.errors import ConfigError, RecordError
from evalharness.report.figures import build_figure
from evalharness.report.settings import ReportSettings
from evalharness.report.table import Table
from evalharness.report.tables import build_table
from evalharness.runs.view import RunView

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Run(RunView):
    """A record that can also draw its tables."""

    def table(self, name: str = "systems", *, decimals: int | None = None) -> Table:
        """A table of this run, at full precision until it is rendered; `decimals` is what renderers round to, None
        what the run was set to.

        Raises: ConfigError for a table there is not."""
        settings = self._report_settings() if decimals is None else ReportSettings(decimals=decimals)
        return build_table(name, self, settings)

    def figure(self, name: str = "scores") -> Figure:
        """A figure of this run, as matplotlib draws it.

        Raises: ConfigError for a figure there is not; NothingToDrawError where the record has nothing that it shows."""
        return build_figure(name, self, self._report_settings())

    def _report_settings(self) -> ReportSettings:
        """What the record says of its reports; of `segments_csv` no table asks."""
        report = self.plan.settings.get("report")
        if not isinstance(report, Mapping) or "decimals" not in report:
            return ReportSettings()
        decimals = report["decimals"]
        try:
            if type(decimals) is int:  # a bool is an int too
                return ReportSettings(decimals=decimals)
        except ConfigError:
            pass
        raise RecordError(
            f"{self.paths.plan}: is damaged: settings.report.decimals is {decimals!r}; expected 0 to 15. Give the "
            "command of the run again, or say how many decimals this table should have."
        )


def open_run(folder: str | Path) -> Run:
    """The record in a folder such as `results/zhengzhou-1a2b3c4d` or `results/latest`.

    Raises: RecordError where the folder is not a record."""
    return Run(folder)
