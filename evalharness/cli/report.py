"""`evalharness report`: tables of a run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from evalharness.cli.main import digits, write_out
from evalharness.errors import EXIT_DONE
from evalharness.report.table import RENDERERS
from evalharness.workflows.report import open_run


def main(arguments: Sequence[str]) -> int:
    """Print a table; the exit code."""
    parser = argparse.ArgumentParser(prog="evalharness report", description="Print a table of a run.")
    parser.add_argument("run", type=Path, help="the record, for instance results/latest")
    parser.add_argument("--table", default="systems", help="which table (default: systems)")
    parser.add_argument("-f", "--format", default="text", choices=list(RENDERERS), help="default: text")
    parser.add_argument("-w", "--width", type=digits, help="digits after the point (0 to 15)")
    options = parser.parse_args(arguments)
    table = open_run(options.run).table(options.table, decimals=options.width)
    write_out(RENDERERS[options.format](table))
    return EXIT_DONE
