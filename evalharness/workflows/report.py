"""A record as Python objects: frames, and tables drawn from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from evalharness.errors import ConfigError, nearest
from evalharness.report.settings import ReportSettings
from evalharness.report.table import Table
from evalharness.report.tables import systems
from evalharness.runs.view import RunView

_TABLES: Mapping[str, Callable[[RunView, ReportSettings], Table]] = {systems.NAME: systems.build}


class Run(RunView):
    """A record that can also draw its tables."""

    def table(self, name: str = systems.NAME, *, decimals: int | None = None) -> Table:
        """A table of this run, at full precision until it is rendered; `decimals` is what renderers round to.

        Raises: ConfigError for a table there is not."""
        if name not in _TABLES:
            raise ConfigError(f"table {name!r}: no such table{nearest(name, _TABLES)} Tables: {', '.join(_TABLES)}.")
        settings = ReportSettings() if decimals is None else ReportSettings(decimals=decimals)
        return _TABLES[name](self, settings)


def open_run(folder: str | Path) -> Run:
    """The record in a folder such as `results/zhengzhou-1a2b3c4d` or `results/latest`.

    Raises: RecordError where the folder is not a record."""
    return Run(folder)
