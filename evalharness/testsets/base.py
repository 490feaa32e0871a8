"""The contract of a test-set format, and the checks all formats share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from evalharness.errors import AlignmentError, InputError
from evalharness.inspection.alignment import Side, misalignment
from evalharness.inspection.findings import Place, current_findings
from evalharness.inspection.lines import inspect_text
from evalharness.records import LanguagePair, Segment, TestSet
from evalharness.textio import check_text


@runtime_checkable
class Reader(Protocol):
    """A keyword-only frozen dataclass of settings that knows one format."""

    def read(self) -> TestSet:
        """The test set, segments in file order.

        Raises: InputError naming file and line where the input is not what the format says."""


@runtime_checkable
class ReadsFiles(Protocol):
    """A reader that says which files it reads. `import` keeps copies of them; of another reader, of its path."""

    def files(self) -> Sequence[Path]:
        """Every file that `read` opens; none where it opens none here."""


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
    if not isinstance(testset, TestSet):
        raise InputError(
            f"the test set is a {type(testset).__name__}; expected a TestSet. A reader's read() makes one."
        )
    check_text(testset.name, where=f"name of the test set {testset.name!r}")
    where = f"test set {testset.name!r}"
    check_text(testset.provenance, where=f"{where}: provenance")
    for name in testset.reference_names or ():
        check_text(name, where=f"{where}: name of a reference")
    _check_language_pair(testset.language_pair, where=where)
    if isinstance(testset.segments, str) or not isinstance(testset.segments, Sequence):
        raise InputError(
            f"{where}: its segments are {type(testset.segments).__name__}; expected a tuple of Segment. tuple(...) "
            "makes one of a generator."
        )
    if not testset.segments:
        raise InputError(f"{where}: has no segments; there is nothing to score.")
    for number, segment in enumerate(testset.segments, start=1):
        if not isinstance(segment, Segment):
            raise InputError(f"{where}: segment {number}: is {type(segment).__name__}; expected a Segment.")
        check_text(segment.id, where=f"{where}: segment {number}: id")
    check_ids(testset.segments, where=where)
    for segment in testset.segments:
        _check_segment(segment, where=f"{where}: segment {segment.id!r}")


def inspect_segments(segments: Sequence[Segment], places: Sequence[str]) -> None:
    """Look at sources and references that were not read as lines of plain files, which are looked at as they are read.

    Args: places: where each segment stands, such as `set.tsv:7`; all in one file.
    Raises: InputError where something found is an error and errors stop."""
    findings = current_findings()
    for segment, where in zip(segments, places, strict=True):
        names = ("source", *(f"reference {number}" for number in range(1, len(segment.references) + 1)))
        for name, text in zip(names, (segment.source, *segment.references), strict=True):
            if text is not None:
                inspect_text(text, Place.parse(where, field=name), findings)
    if places:
        findings.decide(Place.parse(places[0]).file)


def inspect_references(testset: TestSet) -> None:
    """Look whether every reference is aligned with the sources, or, without sources, with the first reference.

    Raises: InputError where they are not and errors stop."""
    n_references = testset.n_references() or 0
    sides = [
        (
            f"reference {number + 1} of test set {testset.name!r}",
            [segment.references[number] for segment in testset.segments],
        )
        for number in range(n_references)
    ]
    sources = [segment.source for segment in testset.segments if segment.source is not None]
    if len(sources) == len(testset.segments):
        sides.insert(0, ("the sources", sources))
    if len(sides) > 1:
        made = [(name, Side(texts)) for name, texts in sides]
        (anchor_name, anchor), *others = made
        for name, side in others:
            found = misalignment(name, side, anchor_name, anchor)
            if found is not None:
                findings = current_findings()
                findings.add([found])
                findings.decide(name)


def _check_language_pair(lp: LanguagePair, *, where: str) -> None:
    if not isinstance(lp, LanguagePair):
        raise InputError(
            f"{where}: its language pair is {lp!r}, a {type(lp).__name__}; expected a LanguagePair, such as "
            "LanguagePair.parse('zh-en')."
        )
    check_text(lp.source, where=f"{where}: source language")
    check_text(lp.target, where=f"{where}: target language")


def _check_segment(segment: Segment, *, where: str) -> None:
    if not isinstance(segment.references, tuple):
        raise InputError(
            f"{where}: its references are {type(segment.references).__name__}; expected a tuple of strings."
        )
    for name in ("source", "document", "domain", "original_language"):
        text = getattr(segment, name)
        if text is not None:
            check_text(text, where=f"{where}: {name.replace('_', ' ')}")
    for position, text in enumerate(segment.references, start=1):
        check_text(text, where=f"{where}: reference {position}")


def check_ids(segments: Sequence[Segment], *, where: str) -> None:
    """Refuse segments that share an id.

    Raises: InputError naming the id."""
    seen: set[str] = set()
    for segment in segments:
        if segment.id in seen:
            raise InputError(f"{where}: segment id {segment.id!r} occurs twice; ids must be unique in a test set.")
        seen.add(segment.id)
