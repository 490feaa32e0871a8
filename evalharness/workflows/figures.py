"""The figures of a record, as files."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from evalharness.errors import ConfigError, MissingDependencyError, NothingToDrawError
from evalharness.report.figure import FORMATS, write_figure
from evalharness.report.figures import figure_names
from evalharness.workflows.report import open_run

_log = logging.getLogger(__name__)


def write_figures(
    folder: str | Path, *, names: Sequence[str] = (), formats: Sequence[str] = (), output: Path | None = None
) -> list[Path]:
    """Draw figures of the record in a folder, all there are unless named, into `figures/` of the record; the files.

    All are drawn before the first is written. A figure that this record has nothing for is left out with a warning.

    Raises: ConfigError for a figure or format there is not; NothingToDrawError for one that was named."""
    kinds = tuple(dict.fromkeys(formats or FORMATS))
    for kind in kinds:
        if kind not in FORMATS:
            raise ConfigError(f"format {kind!r}: figures are written as {', '.join(FORMATS)}.")
    run = open_run(folder)
    drawn = {}
    try:
        for name in dict.fromkeys(names or figure_names()):
            try:
                drawn[name] = run.figure(name)
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
    target = run.paths.figures if output is None else output
    written = []
    for name, figure in drawn.items():
        for kind in kinds:
            target.mkdir(parents=True, exist_ok=True)
            path = target / f"{name}.{kind}"
            write_figure(figure, path, kind=kind)
            written.append(path)
    return written
