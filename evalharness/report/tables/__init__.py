"""The tables there are: every module of this package is one, called by its file name, with a function `build`."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace

from evalharness.errors import ConfigError, nearest
from evalharness.report.settings import ReportSettings
from evalharness.report.table import Table
from evalharness.runs.paths import record_name
from evalharness.runs.view import Reported


def table_names() -> list[str]:
    """The tables that a run writes and `evalharness report --table` prints."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def build_table(name: str, run: Reported, settings: ReportSettings) -> Table:
    """One table of a run, at full precision.

    Raises: ConfigError for a table there is not."""
    known = table_names()
    if name not in known:
        raise ConfigError(f"table {name!r}: no such table{nearest(name, known)} Tables: {', '.join(known)}.")
    table: Table = importlib.import_module(f"{__name__}.{name}").build(run, settings)
    return replace(table, run=record_name(run.plan.name, run.plan.identity) if run.plan.identity else run.plan.name)
