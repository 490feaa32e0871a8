"""Every error a user can meet, each with the exit code the command line gives it.

A message answers four things: what, where (file:line or segment id), expected against found, what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

EXIT_DONE = 0
EXIT_FAILED_SEGMENTS = 1
EXIT_WRONG_SCORES = 1
EXIT_BAD_INPUT = 2
EXIT_MISSING = 3
EXIT_INTERRUPTED = 130


class EvalHarnessError(Exception):
    """Base of every error this package raises on purpose."""

    exit_code = EXIT_BAD_INPUT


class ConfigError(EvalHarnessError):
    """A setting is unknown, of the wrong type, missing or contradicts another."""


class InputError(EvalHarnessError):
    """A file cannot be read as what it was given as."""


class AlignmentError(InputError):
    """Two things that must have the same segments do not."""


class RecordError(EvalHarnessError):
    """A run record on disk is damaged, or belongs to another run."""


class NothingToDrawError(EvalHarnessError):
    """The record has nothing of what a figure shows."""


class MissingError(EvalHarnessError):
    """Something outside this package is needed and is not there."""

    exit_code = EXIT_MISSING


class MissingDependencyError(MissingError):
    """A package that an option needs is not installed."""


class MissingModelError(MissingError):
    """A model or checkpoint could not be found or opened."""


class WorkerError(EvalHarnessError):
    """A process that scores ended before its work did."""


class FailedSegmentsError(EvalHarnessError):
    """The run finished and some segments have no score."""

    exit_code = EXIT_FAILED_SEGMENTS


class WrongScoresError(EvalHarnessError):
    """A metric does not give the scores here that are stored for it."""

    exit_code = EXIT_WRONG_SCORES


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: `; did you mean 'bleu'?`, or `.` where no known name is near."""
    known = list(known)
    plain = name.lower().replace("+", "p").replace("-", "").replace("_", "")  # chrF++ and COMET-22 as the field writes
    close = [one for one in known if one.lower().replace("_", "") == plain] or difflib.get_close_matches(
        name, known, n=1
    )
    return f"; did you mean {close[0]!r}?" if close else "."
