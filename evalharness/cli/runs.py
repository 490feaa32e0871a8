"""`evalharness runs`: what records there are."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from evalharness.cli.main import shown_path, write_out
from evalharness.errors import EXIT_DONE, InputError
from evalharness.runs.paths import records_under
from evalharness.workflows.report import open_run


def main(arguments: Sequence[str]) -> int:
    """Print a line for each record; the exit code."""
    parser = argparse.ArgumentParser(prog="evalharness runs", description="List the records in a results folder.")
    parser.add_argument("results", nargs="?", default="results", type=Path, help="the folder (default: results)")
    options = parser.parse_args(arguments)
    if not options.results.is_dir():
        raise InputError(f"{options.results}: no such folder of records. `evalharness run` makes one.")
    for paths in records_under(options.results):
        run = open_run(paths.folder)
        plan = run.plan
        metrics = ",".join(metric.name for metric in plan.metrics)
        state = "complete" if run.is_complete else "INCOMPLETE"
        write_out(
            f"{plan.created}  {state:<10}  {shown_path(paths.folder)}  {plan.testset.language_pair}  "
            f"{plan.testset.n_segments} segments  {len(plan.systems)} systems  {metrics}\n"
        )
    return EXIT_DONE
