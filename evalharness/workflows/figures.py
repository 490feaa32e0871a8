"""The figures of a record, as files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.errors import ConfigError, MissingDependencyError, NothingToDrawError
from evalharness.report.figure import FORMATS, TALLEST, figure_file
from evalharness.report.figures import figure_names
from evalharness.workflows.report import Run, open_run, write_all

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_log = logging.getLogger(__name__)


def write_figures(
    folder: str | Path,
    *,
    names: Sequence[str] = (),
    formats: Sequence[str] = (),
    output: Path | None = None,
    is_forced: bool = False,
    draw: Callable[[Run, str], Figure] = Run.figure,
) -> list[Path]:
    """Write figures of the record in a folder, all there are unless named; the files. `draw` makes one of them.

    They go into `figures/` of the record, which are of all of it and made anew from it at any time, or into `output`,
    where nothing is written if one file would be lost. A figure that this record has nothing for is left out with a
    warning.

    Raises: ConfigError for a figure or format there is not, and for files of other content in `output`, unless forced;
    NothingToDrawError for a figure that was named."""
    kinds = tuple(dict.fromkeys(formats or FORMATS))
    for kind in kinds:
        if kind not in FORMATS:
            raise ConfigError(f"format {kind!r}: figures are written as {', '.join(FORMATS)}.")
    run = open_run(folder)
    drawn: dict[str, Figure] = {}
    try:
        for name in dict.fromkeys(names or figure_names()):
            try:
                drawn[name] = draw(run, name)
            except NothingToDrawError as err:
                if names:
                    raise
                _log.warning("%s It is left out.", err)
    except ModuleNotFoundError as err:
        if (err.name or "").partition(".")[0] != "matplotlib":
            raise
        raise MissingDependencyError(
            "figures: matplotlib is not installed. Install it: pip install matplotlib"
        ) from err
    for name, figure in drawn.items():
        if (height := figure.get_size_inches()[1]) > TALLEST:
            _log.warning(
                "figure %r is %.0f inches tall, more than a page. Draw fewer metrics or systems: --metrics, --systems.",
                name,
                height,
            )
    target = run.paths.figures if output is None else output
    contents = {
        target / f"{name}.{kind}": figure_file(figure, kind=kind) for name, figure in drawn.items() for kind in kinds
    }
    return write_all(contents, is_forced=is_forced or output is None)
