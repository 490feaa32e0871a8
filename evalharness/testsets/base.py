"""The contract of a test-set format, and the checks all formats share."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from evalharness.errors import AlignmentError, InputError
from evalharness.inspection.alignment import AlignedTexts, Side, find_gap, inspect_alignment
from evalharness.inspection.findings import Finding, Kind, Place, current_findings
from evalharness.inspection.lines import duplicated_blocks, inspect_text
from evalharness.inspection.repeats import Lines
from evalharness.records import LanguagePair, Segment, TestSet, language_meant
from evalharness.scripts import HAN, script_weights, scripts_of
from evalharness.textio import check_text

_log = logging.getLogger(__name__)

_ENOUGH_SOURCES = 20
_ENOUGH_LETTERS = 20
_NEARLY_ALL = 0.8


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


def check_counts(counts: Sequence[tuple[str, int]], texts: Sequence[AlignedTexts] = ()) -> None:
    """Refuse files that should be aligned and are not.

    Args: counts: file name and number of lines, the file that decides first. texts: what is known of some of them.
    Raises: AlignmentError naming both files, both counts, and where a line is missing or too many."""
    first_name, first_count = counts[0]
    sides = {one.name: one.side for one in texts}
    for name, count in counts[1:]:
        if count == first_count:
            continue
        shorter = name if count < first_count else first_name
        gap = find_gap(sides[first_name], sides[name]) if first_name in sides and name in sides else None
        where = (
            f"It is from about {name}:{gap + 1} on that lines fit others than theirs."
            if gap is not None
            else f"The first missing line is {shorter}:{min(count, first_count) + 1}."
        )
        raise AlignmentError(
            f"{name}: {count} lines, but {first_name} has {first_count}; they must be aligned line by line. {where} "
            "Re-export the one that is wrong."
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
    """Look at sources and references that were not read as lines of plain files, which are looked at as they are read:
    their characters, rows that are there twice, and whether they are aligned.

    Args: places: where each segment stands, such as `set.tsv:7`; all in one file.
    Raises: InputError where something found is an error and errors stop."""
    if not places:
        return
    findings = current_findings()
    file, seen = Place.parse(places[0]).file, Lines()
    for segment, where in zip(segments, places, strict=True):
        texts = _texts(segment)
        seen.add("\n".join(texts.values()))
        for name, text in texts.items():
            inspect_text(text, Place.parse(where, field=name), findings)
    findings.add(duplicated_blocks(seen, lambda number: Place.parse(places[number - 1])))
    findings.decide(file)
    columns: dict[str, list[str]] = {}
    for segment in segments:
        for name, text in _texts(segment).items():
            columns.setdefault(name, []).append(text)
    inspect_columns(
        [
            AlignedTexts(name=name, side=Side(texts), places=[Place.parse(where, field=name) for where in places])
            for name, texts in columns.items()
            if len(texts) == len(segments)
        ]
    )


def inspect_columns(columns: Sequence[AlignedTexts]) -> None:
    """Hold references against the sources, or where there are none against the first reference.

    Raises: InputError where they are not aligned and errors stop."""
    if columns:
        inspect_alignment(current_findings(), columns[0], columns[1:])


def inspect_testset(testset: TestSet) -> None:
    """Look whether a test set is what its language pair says, and holds each source once.

    Raises: InputError where something found is an error and errors stop."""
    findings, lp = current_findings(), testset.language_pair
    for code in (lp.source, lp.target):
        if (meant := language_meant(code)) is not None:
            _log.warning(
                "language pair %s: %r is a country; write %r, else tokenizers and checks do not know the language.",
                lp,
                code,
                meant,
            )
    file = f"test set {testset.name!r}"
    sources = [segment.source for segment in testset.segments if segment.source is not None]
    sides = {
        "sources": (lp.source, lp.target, _mostly_in(sources)),
        "references": (lp.target, lp.source, _mostly_in([text for one in testset.segments for text in one.references])),
    }
    odd = {
        name: script
        for name, (language, _, script) in sides.items()
        if script is not None and script not in scripts_of(language)
    }
    is_swapped = len(odd) == 2 and all(script in scripts_of(sides[name][1]) for name, script in odd.items())
    for name, script in odd.items():
        said = f"{name} are written in {'Han' if script == HAN else script.title()}, which {sides[name][0]!r} is not"
        kind = Kind.swapped_sides if is_swapped else Kind.other_script
        findings.add([Finding(kind=kind, place=Place(file=file, field=name), found=said)])
    n_distinct = len(set(sources))
    if len(sources) >= _ENOUGH_SOURCES and 2 * n_distinct <= len(sources):
        said = f"{len(sources)} sources, of which only {n_distinct} are different"
        findings.add([Finding(kind=Kind.repeated_sources, place=Place(file=file), found=said)])
    findings.decide(file)


def _mostly_in(texts: Sequence[str]) -> str | None:
    """The script that nearly all letters of texts are in; None where there is none, or too few letters to tell."""
    weights = script_weights("".join(texts[: _ENOUGH_SOURCES * 10]))
    script = max(weights, key=lambda name: (weights[name], name), default=None)
    is_clear = script is not None and weights[script] >= max(_ENOUGH_LETTERS, _NEARLY_ALL * sum(weights.values()))
    return script if is_clear else None


def _texts(segment: Segment) -> dict[str, str]:
    """Source and references of a segment by name."""
    texts = {} if segment.source is None else {"source": segment.source}
    return texts | {f"reference {number}": text for number, text in enumerate(segment.references, start=1)}


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
