"""`evalharness report`: tables, figures and the page of a run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.cli.main import digits, shown_path, write_out
from evalharness.errors import EXIT_DONE, ConfigError
from evalharness.report.figure import FORMATS
from evalharness.report.figures import figure_names
from evalharness.report.table import RENDERERS, SUFFIXES
from evalharness.report.tables import table_names
from evalharness.workflows.figures import write_figures
from evalharness.workflows.report import Run, open_run, write_page, write_tables_to

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def main(arguments: Sequence[str]) -> int:
    """Print tables, or write tables, figures or the page; the exit code."""
    parser = argparse.ArgumentParser(
        prog="evalharness report", description="Print a table of a run, or write its figures."
    )
    parser.add_argument("run", type=Path, help="the record, for instance results/latest")
    parser.add_argument(
        "--table", action="extend", nargs="+", metavar="NAME",
        help=f"which tables, or all (default: systems): {', '.join(table_names())}",
    )  # fmt: skip
    parser.add_argument(
        "-f", "--format", action="extend", nargs="+", choices=[*RENDERERS, *FORMATS], metavar="FORMAT",
        help=f"of a table one of {', '.join(RENDERERS)} (default: text); of figures any of {', '.join(FORMATS)} "
        "(default: all)",
    )  # fmt: skip
    parser.add_argument("--figures", action="store_true", help="write figures, not a table")
    parser.add_argument(
        "--figure",
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME",
        help=f"only these: {', '.join(figure_names())}",
    )
    parser.add_argument("--metrics", action="extend", nargs="+", default=[], help="only these; the first orders rows")
    parser.add_argument(
        "--systems", action="extend", nargs="+", default=[], help="only these; rows stay in the order of scores"
    )
    parser.add_argument("--baseline", help="only pairs with this system; p-values are as corrected in the record")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        help="folder for tables, as NAME.SUFFIX, or figures (default: figures/ of the record)",
    )
    parser.add_argument("--force", action="store_true", help="write over files of other content in that folder")
    parser.add_argument(
        "-w",
        "--width",
        type=digits,
        help="digits after the point, of all metrics (0 to 15); differences in tables have one more",
    )
    parser.add_argument(
        "--decimals",
        action="extend",
        nargs="+",
        default=[],
        type=_metric_digits,
        metavar="METRIC=N",
        help="digits of single metrics",
    )
    parser.add_argument("--intervals", action="store_true", default=None, help="show the interval of each score")
    parser.add_argument("--page", action="store_true", help="write report.html of the record again, not a table")
    options = parser.parse_args(arguments)
    if options.page:
        _refuse_others(options, "--page", allowed=())
        written = [write_page(options.run)]
    elif options.figures or options.figure:
        _refuse_others(options, "--figures", allowed=(*_CHOICES, *_FILES, "figures", "figure"))
        written = _figures(options)
    else:
        written = _tables(options)
    write_out("".join(f"{shown_path(path)}\n" for path in written))
    return EXIT_DONE


_CHOICES = ("metrics", "systems", "baseline", "width", "decimals")
_FILES = ("format", "output", "force")


def _refuse_others(options: argparse.Namespace, flag: str, *, allowed: Sequence[str]) -> None:
    """Raises: ConfigError for an option that says nothing where this flag is given."""
    for name, value in vars(options).items():
        if name not in ("run", "page", *allowed) and value:
            raise ConfigError(f"--{name}: says nothing beside {flag}; give one command for each.")


def _figures(options: argparse.Namespace) -> list[Path]:
    for kind in options.format or ():
        if kind not in FORMATS:
            raise ConfigError(f"--format {kind}: figures are written as {', '.join(FORMATS)}.")

    if options.output is None and any(getattr(options, name) for name in _CHOICES):
        raise ConfigError(
            "--output: say into which folder figures of a selection go; figures/ of the record has those of the whole."
        )

    def draw(run: Run, name: str) -> Figure:
        return run.figure(
            name,
            decimals=options.width,
            metric_decimals=dict(options.decimals),
            metrics=options.metrics,
            systems=options.systems,
            baseline=options.baseline,
        )

    return write_figures(
        options.run,
        names=options.figure,
        formats=options.format or FORMATS,
        output=_folder(options.output),
        is_forced=options.force,
        draw=draw,
    )


def _tables(options: argparse.Namespace) -> list[Path]:
    """Print tables, or write them; the files."""
    kinds = list(dict.fromkeys(options.format or ["text"]))
    if unknown := [kind for kind in kinds if kind not in RENDERERS]:
        raise ConfigError(
            f"--format {unknown[0]}: tables are written as {', '.join(RENDERERS)}; figures with --figures as "
            f"{', '.join(FORMATS)}."
        )
    if options.force and options.output is None:
        raise ConfigError("--force: is for files; say where with --output.")
    run = open_run(options.run)
    asked = options.table or ["systems"]
    names = table_names() if "all" in asked else list(dict.fromkeys(asked))
    tables = [
        run.table(
            name,
            decimals=options.width,
            metric_decimals=dict(options.decimals),
            intervals=options.intervals,
            metrics=options.metrics,
            systems=options.systems,
            baseline=options.baseline,
        )
        for name in names
    ]
    if (folder := _folder(options.output)) is not None:
        return write_tables_to(folder, tables, kinds=kinds, is_forced=options.force)
    if kinds == ["json"] and len(tables) > 1:
        write_out(f"[{','.join(table.to_json() for table in tables)}]\n")
    else:
        write_out("\n".join(RENDERERS[kind](table) for kind in kinds for table in tables))
    return []


def _folder(path: Path | None) -> Path | None:
    """Raises: ConfigError for what is a file, or was meant as one."""
    suffixes = {f".{suffix}" for suffix in (*RENDERERS, *SUFFIXES.values(), *FORMATS)}
    if path is not None and (path.is_file() or (path.suffix in suffixes and not path.is_dir())):
        raise ConfigError(
            f"--output {path}: names a file; expected a folder, into which files are written as NAME.SUFFIX, such as "
            "systems.tex."
        )
    return path


def _metric_digits(text: str) -> tuple[str, int]:
    """`bleu=2`.

    Raises: argparse.ArgumentTypeError for anything else."""
    name, sign, number = text.partition("=")
    if not name or not sign:
        raise argparse.ArgumentTypeError(f"{text!r}: expected METRIC=N, such as bleu=2")
    return name, digits(number)
