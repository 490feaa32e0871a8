"""`evalharness run`: the Hydra application."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from evalharness.cli.main import print_error, shown_path, write_out
from evalharness.cli.progress import observer
from evalharness.config import CONFIG_NAME, VERSION_BASE, build_experiment, explained
from evalharness.errors import EXIT_DONE, EvalHarnessError
from evalharness.packaged import packaged_folder
from evalharness.workflows.evaluate import evaluate
from evalharness.workflows.report import open_run

_FULL_ERROR = "HYDRA_FULL_ERROR"


def main(arguments: Sequence[str]) -> int:
    """Run, sweep (`--multirun`) or show (`--cfg job`); the exit code of the worst run."""
    exit_codes: list[int] = []

    def task(config: DictConfig) -> int:
        exit_code = run_one(config)
        exit_codes.append(exit_code)
        return exit_code

    application = hydra.main(
        config_path=str(packaged_folder("configs")), config_name=CONFIG_NAME, version_base=VERSION_BASE
    )(task)
    with _hydra_called_with(arguments):
        try:
            application()
        except (HydraException, OmegaConfBaseException) as err:
            options, overrides = _config_dir_parser().parse_known_args(arguments)
            raise explained(err, overrides, config_dir=options.config_dir) from err
        except ValueError as err:  # Hydra's own checks of its flags
            raise EvalHarnessError(str(err)) from err
    return max(exit_codes, default=EXIT_DONE)


def run_one(config: DictConfig) -> int:
    """One run, its table printed, its errors said where they happen so that a sweep goes on; the exit code."""
    try:
        experiment = build_experiment(config)
        outcome = evaluate(experiment, observer=observer())
    except EvalHarnessError as err:
        print_error(err)
        return err.exit_code
    run = open_run(outcome.paths.folder)
    table = run.table(decimals=experiment.report.decimals).to_text()
    write_out(f"{table}\nRecord: {shown_path(outcome.paths.folder)}\n")
    for problem in outcome.problems:
        print_error(problem)
    return max((problem.exit_code for problem in outcome.problems), default=EXIT_DONE)


def _config_dir_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-dir", "-cd", type=Path)
    return parser


@contextmanager
def _hydra_called_with(arguments: Sequence[str]) -> Iterator[None]:
    """Hydra reads `sys.argv`, and hands errors on instead of printing them only where HYDRA_FULL_ERROR is 1."""
    argv, full_error = sys.argv, os.environ.get(_FULL_ERROR)
    sys.argv = ["evalharness run", *arguments]
    os.environ[_FULL_ERROR] = "1"
    try:
        yield
    finally:
        sys.argv = argv
        if full_error is None:
            del os.environ[_FULL_ERROR]
        else:
            os.environ[_FULL_ERROR] = full_error
