"""`evalharness report`: tables, figures and the page of a run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from evalharness.cli.main import digits, shown_path, write_out
from evalharness.errors import EXIT_DONE, ConfigError, nearest
from evalharness.report.figure import FORMATS
from evalharness.report.figures import figure_names
from evalharness.report.table import RENDERERS
from evalharness.report.tables import table_names
from evalharness.workflows.figures import write_figures
from evalharness.workflows.report import open_run, write_page

_ALL = "all"


def main(arguments: Sequence[str]) -> int:
    """Print tables, or write figures or the page; the exit code."""
    options = _parser().parse_args(arguments)
    if options.page:
        write_out(f"{shown_path(write_page(options.run))}\n")
    elif options.figures or options.figure:
        formats = _formats(options, FORMATS, of="figures")
        written = write_figures(options.run, names=options.figure, formats=formats or FORMATS, output=options.output)
        write_out("".join(f"{shown_path(path)}\n" for path in written))
    else:
        write_out(_tables(options))
    return EXIT_DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evalharness report", description="Print tables of a run, or write its figures or its page."
    )
    parser.add_argument("run", type=Path, help="the record, for instance results/latest")
    parser.add_argument(
        "--table", nargs="+", default=["systems"], metavar="TABLE",
        help=f"which tables, or all: {', '.join(table_names())} (default: systems)",
    )  # fmt: skip
    parser.add_argument(
        "-f", "--format", nargs="+", default=[], metavar="FORMAT",
        help=f"of tables one of {', '.join(RENDERERS)} (default: text); of figures any of {', '.join(FORMATS)} "
        "(default: all)",
    )  # fmt: skip
    parser.add_argument("-w", "--width", type=digits, help="digits after the point (0 to 15)")
    parser.add_argument("--figures", action="store_true", help="write figures, not a table")
    parser.add_argument(
        "--figure", nargs="+", default=[], metavar="NAME", help=f"only these: {', '.join(figure_names())}"
    )
    parser.add_argument("-o", "--output", type=Path, help="folder for figures (default: figures/ of the record)")
    parser.add_argument("--page", action="store_true", help="write report.html of the record again")
    return parser


def _tables(options: argparse.Namespace) -> str:
    if options.output is not None:
        raise ConfigError(
            "--output: is the folder of figures; tables are printed. Add --figures, or send the table on."
        )
    kinds = _formats(options, list(RENDERERS), of="tables")
    if len(kinds) > 1:
        raise ConfigError(f"--format {' '.join(kinds)}: tables are printed in one format; expected one.")
    render = RENDERERS[kinds[0] if kinds else "text"]
    names = table_names() if _ALL in options.table else options.table
    run = open_run(options.run)
    return "\n".join(render(run.table(name, decimals=options.width)) for name in names)


def _formats(options: argparse.Namespace, known: Sequence[str], *, of: str) -> list[str]:
    """What was asked for.

    Raises: ConfigError for a format that tables or figures do not have."""
    formats: list[str] = options.format
    for name in formats:
        if name not in known:
            raise ConfigError(
                f"--format {name}: no such format of {of}{nearest(name, list(known))} Formats: {', '.join(known)}."
            )
    return formats
