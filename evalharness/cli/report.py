"""`evalharness report`: tables and figures of a run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from evalharness.cli.main import digits, shown_path, write_out
from evalharness.errors import EXIT_DONE
from evalharness.report.figure import FORMATS
from evalharness.report.figures import figure_names
from evalharness.report.table import RENDERERS
from evalharness.workflows.figures import write_figures
from evalharness.workflows.report import open_run


def main(arguments: Sequence[str]) -> int:
    """Print a table, or write figures; the exit code."""
    parser = argparse.ArgumentParser(
        prog="evalharness report", description="Print a table of a run, or write its figures."
    )
    parser.add_argument("run", type=Path, help="the record, for instance results/latest")
    parser.add_argument("--table", default="systems", help="which table (default: systems)")
    parser.add_argument(
        "-f", "--format", nargs="+", choices=[*RENDERERS, *FORMATS], metavar="FORMAT",
        help=f"of a table one of {', '.join(RENDERERS)} (default: text); of figures any of {', '.join(FORMATS)} "
        "(default: all)",
    )  # fmt: skip
    parser.add_argument("--figures", action="store_true", help="write figures, not a table")
    parser.add_argument(
        "--figure", nargs="+", default=[], metavar="NAME", help=f"only these: {', '.join(figure_names())}"
    )
    parser.add_argument("-o", "--output", type=Path, help="folder for figures (default: figures/ of the record)")
    parser.add_argument("-w", "--width", type=digits, help="digits after the point (0 to 15)")
    options = parser.parse_args(arguments)
    if options.figures or options.figure:
        written = write_figures(
            options.run, names=options.figure, formats=options.format or FORMATS, output=options.output
        )
        write_out("".join(f"{shown_path(path)}\n" for path in written))
        return EXIT_DONE
    table = open_run(options.run).table(options.table, decimals=options.width)
    kind = options.format[0] if options.format else "text"
    write_out(RENDERERS[kind](table))
    return EXIT_DONE
