"""`evalharness run`: the Hydra application."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig

from evalharness.cli.main import check_utf8, nobody_reads, print_error, shown_path, system_errors_explained, write_out
from evalharness.cli.progress import observer
from evalharness.config import COMPOSITION_ERRORS, CONFIG_NAME, VERSION_BASE, build_experiment, explained
from evalharness.errors import EXIT_DONE, ConfigError, EvalHarnessError
from evalharness.packaged import packaged_folder
from evalharness.workflows.evaluate import evaluate
from evalharness.workflows.report import open_run

_FULL_ERROR = "HYDRA_FULL_ERROR"
_SWEEP_FLAGS = ("--multirun", "-m")


def main(arguments: Sequence[str]) -> int:
    """Run, sweep (`--multirun`) or show (`--cfg job`); the exit code of the worst run."""
    check_utf8(arguments)
    exit_codes: list[int] = []
    has_begun = False

    def task(config: DictConfig) -> int:
        nonlocal has_begun
        has_begun = True
        exit_code = run_one(config, job=_job(arguments))
        exit_codes.append(exit_code)
        return exit_code

    application = hydra.main(
        config_path=str(packaged_folder("configs")), config_name=CONFIG_NAME, version_base=VERSION_BASE
    )(task)
    with _hydra_called_with(arguments):
        try:
            application()
        except COMPOSITION_ERRORS as err:
            if has_begun:
                raise
            options, overrides = _config_dir_parser().parse_known_args(arguments)
            raise explained(err, overrides, config_dir=options.config_dir) from err
        except BrokenPipeError:
            if has_begun:
                raise
            nobody_reads()  # of Hydra's help or configuration
        except ValueError as err:
            if has_begun:
                raise
            raise ConfigError(str(err)) from err  # Hydra's own checks of its flags
    return max(exit_codes, default=EXIT_DONE)


def run_one(config: DictConfig, *, job: str = "") -> int:
    """One run, its table printed, its errors said where they happen so that a sweep goes on; the exit code.

    Args: job: what sets the run apart from the others of a sweep."""
    if job:
        print(f"evalharness: sweep, {job}", file=sys.stderr, flush=True)
    try:
        with system_errors_explained("run"):
            experiment = build_experiment(config)
            outcome = evaluate(experiment, observer=observer())
    except EvalHarnessError as err:
        print_error(err)
        return err.exit_code
    run = open_run(outcome.paths.folder)
    table = run.table().to_text()
    heading = f"\n{job}\n\n" if job else ""
    write_out(f"{heading}{table}\nRecord: {shown_path(outcome.paths.folder)}\n")
    for problem in outcome.problems:
        print_error(problem)
    return max((problem.exit_code for problem in outcome.problems), default=EXIT_DONE)


def _job(arguments: Sequence[str]) -> str:
    """Of a sweep the number of this job, from 1, and the values it has of those that are swept; else empty."""
    hydra_config = HydraConfig.get()
    if hydra_config.mode != RunMode.MULTIRUN:
        return ""
    given = OverridesParser.create().parse_overrides([word for word in arguments if "=" in word and word[0] != "-"])
    swept = {override.get_key_element() for override in given if override.is_sweep_override()}
    values = [override for override in hydra_config.overrides.task if override.split("=")[0] in swept]
    number = f"job {hydra_config.job.num + 1}"
    return f"{number}: {' '.join(values)}" if values else number


def _config_dir_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-dir", "-cd", type=Path)
    return parser


@contextmanager
def _hydra_called_with(arguments: Sequence[str]) -> Iterator[None]:
    """Hydra reads `sys.argv`, and hands errors on instead of printing them only where HYDRA_FULL_ERROR is 1."""
    argv, full_error = sys.argv, os.environ.get(_FULL_ERROR)
    # Hydra refuses overrides on both sides of a flag.
    sys.argv = ["evalharness run", *sorted(arguments, key=lambda word: word not in _SWEEP_FLAGS)]
    os.environ[_FULL_ERROR] = "1"
    try:
        yield
    finally:
        sys.argv = argv
        if full_error is None:
            del os.environ[_FULL_ERROR]
        else:
            os.environ[_FULL_ERROR] = full_error
