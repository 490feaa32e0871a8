"""A system whose outputs are in a file, one a line, aligned with the sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evalharness.errors import AlignmentError
from evalharness.fingerprint import fingerprint
from evalharness.inspection.alignment import Side, find_gap
from evalharness.inspection.findings import Place, current_findings
from evalharness.inspection.lines import inspect_text, read_texts
from evalharness.records import Hypothesis, LanguagePair, Signature, SourceSegment
from evalharness.textio import check_text, read_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypotheses:
    """One file as one system."""

    path: str
    provenance: str = ""

    @property
    def place(self) -> str:
        return self.path

    def texts(self) -> Sequence[str]:
        return read_lines(self.path)

    def check(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> None:
        _check_aligned(read_texts(self.path), sources, where=self.path)

    def translate(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> Iterator[Hypothesis]:
        return _by_position(self.texts(), sources)

    def signature(self) -> Signature:
        return _texts_signature(self.texts())


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenTexts:
    """A system whose outputs are given as strings, in the order of the sources; `place` is what messages call them."""

    given: tuple[str, ...]
    provenance: str = "texts given in Python"
    place: str = "the given texts"

    def __post_init__(self) -> None:
        for position, text in enumerate(self.given):
            check_text(text, where=f"hypothesis {position + 1} of {self.place}")

    def texts(self) -> Sequence[str]:
        return self.given

    def check(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> None:
        _check_aligned(self.given, sources, where=self.place)
        for number, text in enumerate(self.given, start=1):
            inspect_text(text, Place(file=self.place, line=number))
        current_findings().decide(self.place)

    def translate(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> Iterator[Hypothesis]:
        return _by_position(self.given, sources)

    def signature(self) -> Signature:
        return _texts_signature(self.given)


def _texts_signature(texts: Sequence[str]) -> Signature:
    return Signature(fields=(("backend", "texts"), ("fingerprint", fingerprint(texts))))


def _by_position(texts: Sequence[str], sources: Sequence[SourceSegment]) -> Iterator[Hypothesis]:
    return (Hypothesis(id=source.id, text=texts[source.position]) for source in sources)


def _check_aligned(texts: Sequence[str], sources: Sequence[SourceSegment], *, where: str) -> None:
    if len(texts) == len(sources):
        return
    missing = (
        f"the first segment without a hypothesis is {sources[len(texts)].id!r} (line {len(texts) + 1})"
        if len(texts) < len(sources)
        else f"the first line without a segment is line {len(sources) + 1}"
    )
    known = [source.text for source in sources if source.text is not None]
    gap = find_gap(Side(known), Side(texts)) if len(known) == len(sources) else None
    if gap is not None:
        missing += f", but it is from line {gap + 1} on that hypotheses fit other sources than theirs"
    raise AlignmentError(
        f"{where}: {len(texts)} hypotheses for {len(sources)} segments of the test set; {missing}. "
        "Re-export it with one line a segment; if it is no output of a system, leave it out."
    )
