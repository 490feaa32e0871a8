"""The contract of a test-set format, and the checks all formats share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from evalharness.errors import AlignmentError, InputError
from evalharness.records import Segment, TestSet
from evalharness.textio import check_text


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


def check_testset(testset: TestSet) -> None:
    """Refuse a test set that no reader should give; test sets made in Python come unread.

    Raises: InputError naming the segment."""
    where = f"test set {testset.name!r}"
    if not testset.segments:
        raise InputError(f"{where}: has no segments; there is nothing to score.")
    check_ids(testset.segments, where=where)
    for segment in testset.segments:
        of_segment = f"{where}: segment {segment.id!r}"
        if not isinstance(segment.references, tuple):
            raise InputError(
                f"{of_segment}: its references are {type(segment.references).__name__}; expected a tuple of strings."
            )
        for position, text in enumerate((segment.source, *segment.references)):
            if position or text is not None:
                check_text(text, where=f"{of_segment}: {f'reference {position}' if position else 'source'}")


def check_ids(segments: Sequence[Segment], *, where: str) -> None:
    """Refuse segments that share an id.

    Raises: InputError naming the id."""
    seen: set[str] = set()
    for segment in segments:
        if segment.id in seen:
            raise InputError(f"{where}: segment id {segment.id!r} occurs twice; ids must be unique in a test set.")
        seen.add(segment.id)
