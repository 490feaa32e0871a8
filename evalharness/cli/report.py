"""`evalharness report`: tables, figures and the page of a run."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evalharness.cli.main import digits, shown_path, write_out
from evalharness.errors import EXIT_DONE, ConfigError
from evalharness.report.figure import FORMATS
from evalharness.report.figures import figure_names
from evalharness.report.table import RENDERERS
from evalharness.report.tables import table_names
from evalharness.workflows.figures import write_figures
from evalharness.workflows.report import open_run, write_page, write_tables_to


def main(arguments: Sequence[str]) -> int:
    """Print tables, or write tables, figures or the page; the exit code."""
    parser = argparse.ArgumentParser(
        prog="evalharness report", description="Print a table of a run, or write its figures."
    )
    parser.add_argument("run", type=Path, help="the record, for instance results/latest")
    parser.add_argument(
        "--table", nargs="+", default=["systems"], metavar="NAME",
        help=f"which tables, or all (default: systems): {', '.join(table_names())}",
    )  # fmt: skip
    parser.add_argument(
        "-f", "--format", nargs="+", choices=[*RENDERERS, *FORMATS], metavar="FORMAT",
        help=f"of a table one of {', '.join(RENDERERS)} (default: text); of figures any of {', '.join(FORMATS)} "
        "(default: all)",
    )  # fmt: skip
    parser.add_argument("--figures", action="store_true", help="write figures, not a table")
    parser.add_argument(
        "--figure", nargs="+", default=[], metavar="NAME", help=f"only these: {', '.join(figure_names())}"
    )
    parser.add_argument("--metrics", nargs="+", default=[], help="only these; the first orders rows")
    parser.add_argument("--systems", nargs="+", default=[], help="only these; rows stay in the order of scores")
    parser.add_argument("--baseline", help="only pairs with this system; p-values are as corrected in the record")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        help="folder for tables, as NAME.SUFFIX, or figures (default: figures/ of the record)",
    )
    parser.add_argument("--force", action="store_true", help="write over files of other content in that folder")
    parser.add_argument("-w", "--width", type=digits, help="digits after the point, of all metrics (0 to 15)")
    parser.add_argument(
        "--decimals", nargs="+", default=[], type=_metric_digits, metavar="METRIC=N", help="digits of single metrics"
    )
    parser.add_argument("--intervals", action="store_true", default=None, help="show the interval of each score")
    parser.add_argument("--page", action="store_true", help="write report.html of the record again, not a table")
    options = parser.parse_args(arguments)
    if options.page:
        write_out(f"{shown_path(write_page(options.run))}\n")
        return EXIT_DONE
    shown: Mapping[str, Any] = {
        "decimals": options.width,
        "metric_decimals": dict(options.decimals),
        "metrics": options.metrics,
        "systems": options.systems,
        "baseline": options.baseline,
    }
    if options.figures or options.figure:
        if options.intervals:
            raise ConfigError("--intervals is of tables; the figure scores always draws them.")
        written = write_figures(
            options.run,
            names=options.figure,
            formats=options.format or FORMATS,
            output=options.output,
            is_forced=options.force,
            draw=lambda run, name: run.figure(name, **shown),
        )
        write_out("".join(f"{shown_path(path)}\n" for path in written))
        return EXIT_DONE
    kinds = list(dict.fromkeys(options.format or ["text"]))
    if unknown := [kind for kind in kinds if kind not in RENDERERS]:
        raise ConfigError(
            f"--format {unknown[0]}: tables are written as {', '.join(RENDERERS)}; figures with --figures as "
            f"{', '.join(FORMATS)}."
        )
    run = open_run(options.run)
    names = table_names() if options.table == ["all"] else list(dict.fromkeys(options.table))
    tables = [run.table(name, intervals=options.intervals, **shown) for name in names]
    if options.output is not None:
        written = write_tables_to(options.output, tables, kinds=kinds, is_forced=options.force)
        write_out("".join(f"{shown_path(path)}\n" for path in written))
        return EXIT_DONE
    if kinds == ["json"] and len(tables) > 1:
        write_out(f"[{','.join(table.to_json() for table in tables)}]\n")
        return EXIT_DONE
    write_out("\n".join(RENDERERS[kind](table) for kind in kinds for table in tables))
    return EXIT_DONE


def _metric_digits(text: str) -> tuple[str, int]:
    """`bleu=2`.

    Raises: argparse.ArgumentTypeError for anything else."""
    name, sign, number = text.partition("=")
    if not name or not sign:
        raise argparse.ArgumentTypeError(f"{text!r}: expected METRIC=N, such as bleu=2")
    return name, digits(number)
