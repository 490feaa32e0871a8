"""The command `evalharness VERB …`. Each verb's module is imported when it is called, so that --help is instant."""

from __future__ import annotations

import argparse
import gc
import importlib
import logging
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from evalharness.errors import EXIT_BAD_INPUT, EXIT_INTERRUPTED, ConfigError, EvalHarnessError, InputError
from evalharness.report.settings import ReportSettings
from evalharness.report.visible import visible

_DEBUG_VARIABLE = "EVALHARNESS_DEBUG"
_NEW_OBJECTS = 100_000
"""After so many Python looks for cycles of objects that nobody holds; after 700, as it would, that was a tenth of a run
whose texts and rows are many objects and no cycles."""


class Verb(NamedTuple):
    """The module that holds `main(arguments) -> exit code`, and what `--help` says of the verb."""

    module: str
    summary: str


VERBS: Mapping[str, Verb] = {
    "run": Verb("evalharness.cli.run", "score candidate systems on a test set, configured by Hydra overrides"),
    "score": Verb("evalharness.cli.score", "the same from flags like sacreBLEU's"),
    "import": Verb("evalharness.cli.import_testset", "turn files into an imported test set, references/NAME"),
    "lint": Verb("evalharness.cli.lint", "say what is wrong with files of texts, without scoring them"),
    "export": Verb("evalharness.cli.export", "write a test set or a run in another format"),
    "compare": Verb("evalharness.cli.compare", "compare systems across runs, or in a table of segment scores"),
    "report": Verb("evalharness.cli.report", "print a table of a run"),
    "view": Verb("evalharness.cli.view", "show runs in a browser, on this machine only"),
    "runs": Verb("evalharness.cli.runs", "list the records in a results folder"),
    "models": Verb("evalharness.cli.models", "list COMET checkpoints, and say which of them are here"),
    "doctor": Verb("evalharness.cli.doctor", "say what is installed, and hold every metric against stored scores"),
    "comet": Verb("evalharness.cli.comet", "convert a COMET checkpoint for use without a network, or train one"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; the exit code. Errors are one message on standard error, with a traceback only under --debug."""
    gc.set_threshold(_NEW_OBJECTS, 20, 20)
    given = list(sys.argv[1:] if arguments is None else arguments)
    if "--debug" in given:
        os.environ[_DEBUG_VARIABLE] = "1"
    parser = _parser()
    options = parser.parse_args([word for word in given if word != "--debug"])
    if options.verb is None:
        parser.print_help()
        return EXIT_BAD_INPUT
    _log_to_stderr()
    try:
        with system_errors_explained(options.verb):
            return int(importlib.import_module(VERBS[options.verb].module).main(options.arguments))
    except KeyboardInterrupt:
        continued = "; the same command continues this run" if options.verb in ("run", "score") else ""
        print(f"evalharness: interrupted{continued}.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except EvalHarnessError as err:
        print_error(err)
        return err.exit_code


@contextmanager
def system_errors_explained(verb: str) -> Iterator[None]:
    """Raises: InputError, naming the path, where the operating system refuses a file or folder."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as err:
        where = f"{err.filename}: " if err.filename is not None else ""
        raise InputError(
            f"{where}`evalharness {verb}` could not read or write this: {err.strerror or err}. Check that the path is "
            "right, that every part but its last is a folder, that you may write there and that the disk is not full; "
            "then give the command again."
        ) from err


def print_error(err: EvalHarnessError) -> None:
    """The message on standard error, under --debug after its traceback."""
    if is_debugging():
        traceback.print_exception(err)
    print(f"evalharness: error: {visible(str(err))}", file=sys.stderr)


def is_debugging() -> bool:
    """Whether --debug was given, or its variable is set."""
    return os.environ.get(_DEBUG_VARIABLE, "0") not in ("", "0")


def write_out(text: str) -> None:
    """Text on standard output; nothing more is written once its reader has gone (`| head`)."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        nobody_reads()


def nobody_reads() -> None:
    """What is still to be written goes nowhere: Python flushes once more at exit and would complain then."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check_utf8(arguments: Sequence[str]) -> None:
    """Refuse words that cannot be written down again; a record holds the settings it was asked for.

    Raises: ConfigError naming the first."""
    for word in arguments:
        try:
            word.encode("utf-8")
        except UnicodeEncodeError as err:
            raise ConfigError(
                f"{word!a}: is not UTF-8, so the record cannot hold it. Rename the file or folder it names."
            ) from err


def digits(text: str) -> int:
    """What `-w` was given, as tables take it.

    Raises: argparse.ArgumentTypeError for what they do not."""
    try:
        return ReportSettings(decimals=int(text)).decimals
    except (ValueError, ConfigError) as err:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number of digits, from 0 to 15") from err


def installed_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("evalharness")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, VERBS))
    parser = argparse.ArgumentParser(
        prog="evalharness",
        usage="evalharness [--debug] VERB ...",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Machine-translation evaluation: score candidate systems, log every segment, test the differences.",
        epilog="\n".join(
            ["verbs:"]
            + [f"  {name:<{width}}  {verb.summary}" for name, verb in VERBS.items()]
            + ["", "`evalharness VERB --help` says more. `evalharness run` alone scores the bundled test set."]
            + ["exit codes: 0 done, 1 segments without a score (doctor: wrong scores), 2 bad input, 3 a package"]
            + ["or model is missing, 130 interrupted"]
        ),
    )
    parser.add_argument("--version", action=_VersionAction, nargs=0, help="print the version and exit")
    parser.add_argument("--debug", action="store_true", help=f"show tracebacks (also {_DEBUG_VARIABLE}=1)")
    parser.add_argument("verb", nargs="?", choices=list(VERBS), metavar="VERB", help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


class _VersionAction(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"evalharness {installed_version()}")
        parser.exit()


class _Once(logging.Filter):
    """Lets a message through once: a file that is read twice should not be complained of twice."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if message in self._said:
            return False
        self._said.add(message)
        return True


class _ToStderr(logging.Handler):
    """A message between two steps of a progress bar has the line to itself, and the bar goes on below."""

    def emit(self, record: logging.LogRecord) -> None:
        tqdm = getattr(sys.modules.get("tqdm"), "tqdm", None)  # imported where there is a bar
        try:
            with nullcontext() if tqdm is None else tqdm.external_write_mode(file=sys.stderr):
                print(self.format(record), file=sys.stderr, flush=True)
        except OSError:  # nobody reads it any more
            self.handleError(record)


def _log_to_stderr() -> None:
    handler = _ToStderr()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("evalharness: %(levelname)s: %(message)s"))
    handler.addFilter(_Once())
    logger = logging.getLogger("evalharness")
    logger.handlers[:] = [handler]
    logger.propagate = False


def shown_path(path: Path) -> str:
    """A path as short as it is clear: relative to where the user stands, when it lies below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
