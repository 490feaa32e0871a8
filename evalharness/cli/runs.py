"""`evalharness runs`: what records there are."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from evalharness.cli.main import print_error, shown_path, write_out
from evalharness.errors import EXIT_DONE, EvalHarnessError, InputError
from evalharness.runs.paths import RunPaths, records_under
from evalharness.workflows.report import open_run

_NO_TIME = "-" * len("2026-01-01T00:00:00+00:00")


def main(arguments: Sequence[str]) -> int:
    """Print a line for each record, the newest last, and say what is wrong with a damaged one; the exit code."""
    parser = argparse.ArgumentParser(prog="evalharness runs", description="List the records in a results folder.")
    parser.add_argument("results", nargs="?", default="results", type=Path, help="the folder (default: results)")
    options = parser.parse_args(arguments)
    if not options.results.is_dir():
        raise InputError(f"{options.results}: no such folder of records. `evalharness run` makes one.")
    exit_code = EXIT_DONE
    records = list(records_under(options.results))
    if not records and RunPaths(folder=options.results).plan.is_file():
        records = [RunPaths(folder=options.results)]
    if not records:
        print(f"evalharness: {options.results}: there is no record in it.", file=sys.stderr)
    lines = []
    for paths in records:
        try:
            lines.append(_line(paths))
        except EvalHarnessError as err:
            print_error(err)
            exit_code = err.exit_code
            lines.append(f"{_NO_TIME}  {'damaged':<10}  {shown_path(paths.folder)}")
    write_out("".join(f"{line}\n" for line in sorted(lines, key=_time)))
    return exit_code


def _line(paths: RunPaths) -> str:
    run = open_run(paths.folder)
    plan = run.plan
    metrics = ",".join(metric.name for metric in plan.metrics)
    state = "complete" if run.is_complete else "INCOMPLETE"
    return (
        f"{plan.created}  {state:<10}  {shown_path(paths.folder)}  {plan.testset.language_pair}  "
        f"{plan.testset.n_segments} segments  {len(plan.systems)} systems  {metrics}"
    )


def _time(line: str) -> str:
    return line.split(maxsplit=1)[0]
