"""A record as Python objects: frames, and tables drawn from it."""

from __future__ import annotations

from pathlib import Path

from evalharness.report.settings import ReportSettings
from evalharness.report.table import Table
from evalharness.report.tables import build_table
from evalharness.runs.view import RunView


class Run(RunView):
    """A record that can also draw its tables."""

    def table(self, name: str = "systems", *, decimals: int | None = None) -> Table:
        """A table of this run, at full precision until it is rendered; `decimals` is what renderers round to.

        Raises: ConfigError for a table there is not."""
        return build_table(name, self, ReportSettings() if decimals is None else ReportSettings(decimals=decimals))


def open_run(folder: str | Path) -> Run:
    """The record in a folder such as `results/zhengzhou-1a2b3c4d` or `results/latest`.

    Raises: RecordError where the folder is not a record."""
    return Run(folder)
