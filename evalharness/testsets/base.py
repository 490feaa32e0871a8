"""The contract of a test-set format, and the checks all formats share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from evalharness.errors import AlignmentError, InputError
from evalharness.records import Segment, TestSet


@runtime_checkable
class Reader(Protocol):
    """A keyword-only frozen dataclass of settings that knows one format."""

    def read(self) -> TestSet:
        """The test set, segments in file order.

        Raises: InputError naming file and line where the input is not what the format says."""


def check_counts(counts: Sequence[tuple[str, int]]) -> None:
    """Refuse files that should be aligned and are not.

    Args: counts: file name and number of lines, the file that decides first.
    Raises: AlignmentError naming both files, both counts and the first line that is missing."""
    first_name, first_count = counts[0]
    for name, count in counts[1:]:
        if count == first_count:
            continue
        shorter = name if count < first_count else first_name
        raise AlignmentError(
            f"{name}: {count} lines, but {first_name} has {first_count}; they must be aligned line by line. "
            f"The first missing line is {shorter}:{min(count, first_count) + 1}. Re-export the shorter file."
        )


def check_ids(segments: Sequence[Segment], *, where: str) -> None:
    """Refuse segments that share an id.

    Raises: InputError naming the id."""
    seen: set[str] = set()
    for segment in segments:
        if segment.id in seen:
            raise InputError(f"{where}: segment id {segment.id!r} occurs twice; ids must be unique in a test set.")
        seen.add(segment.id)
