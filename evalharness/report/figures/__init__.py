"""The figures there are: every module of this package is one, called by its file name, with a function `build`."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from evalharness.errors import ConfigError, nearest
from evalharness.report.figure import add_notes, look, use_fonts
from evalharness.report.selection import Selection
from evalharness.report.settings import ReportSettings
from evalharness.runs.view import RunView

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_names() -> list[str]:
    """The figures that `evalharness report --figures` draws."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def build_figure(name: str, run: RunView | Selection, settings: ReportSettings) -> Figure:
    """One figure of a run, or of what was chosen of it, and then it says so.

    Raises: ConfigError for a figure there is not; NothingToDrawError where the record has nothing that it shows."""
    known = figure_names()
    if name not in known:
        raise ConfigError(f"figure {name!r}: no such figure{nearest(name, known)} Figures: {', '.join(known)}.")
    with look():
        figure: Figure = importlib.import_module(f"{__name__}.{name}").build(run, settings)
        if isinstance(run, Selection):
            add_notes(figure, run.notes(name if name == "pairwise" else f"figure {name}"))
        use_fonts(figure)
    return figure
