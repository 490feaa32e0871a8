"""A system whose outputs are there: one a line, aligned with the sources, or in a column of rows, also by id."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evalharness.errors import AlignmentError, InputError
from evalharness.fingerprint import fingerprint
from evalharness.records import Hypothesis, LanguagePair, Signature, SourceSegment
from evalharness.rows import as_text, label_at, read_rows, value_at
from evalharness.textio import check_text, read_lines

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypotheses:
    """One file as one system."""

    path: str
    provenance: str = ""

    def check(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> None:
        _check_aligned(read_lines(self.path), sources, where=self.path)

    def translate(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> Iterator[Hypothesis]:
        return _by_position(read_lines(self.path), sources)

    def signature(self) -> Signature:
        return _texts_signature(read_lines(self.path))


@dataclass(frozen=True, slots=True, kw_only=True)
class HypothesisColumn:
    """A column of a file of rows (.jsonl, .tsv, .csv, .parquet) as one system; a null is a segment that failed.

    With `id_column` rows are found by segment id, in any order, and those of other ids are left out, since a file may
    hold several language pairs. Without it they stand in the order of the sources. A dotted name reaches into objects.
    """

    path: str
    column: str
    id_column: str | None = None
    provenance: str = ""

    def check(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> None:
        if self.id_column is None:
            _check_aligned(self._texts(), sources, where=self.path)
            return
        texts = self._texts_by_id(self.id_column)
        missing = [source.id for source in sources if source.id not in texts]
        if missing:
            raise AlignmentError(
                f"{self.path}: no row for {len(missing)} of {len(sources)} segments of the test set; the first missing "
                f"{self.id_column} is {missing[0]!r}. Add it, with null where the system failed."
            )

    def translate(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> Iterator[Hypothesis]:
        if self.id_column is None:
            by_position = self._texts()
            return (self._hypothesis(source.id, by_position[source.position]) for source in sources)
        by_id = self._texts_by_id(self.id_column)
        if len(by_id) > len(sources):
            _log.info(
                "%s: of %d rows %d are of segments that were asked for; the others are left out.",
                self.path,
                len(by_id),
                len(sources),
            )
        return (self._hypothesis(source.id, by_id[source.id]) for source in sources)

    def signature(self) -> Signature:
        if self.id_column is None:
            return _texts_signature(self._texts())
        pairs = self._texts_by_id(self.id_column).items()
        return _texts_signature([part for pair in sorted(pairs, key=lambda pair: pair[0]) for part in pair])

    def _texts(self) -> list[str | None]:
        return [
            as_text(value_at(values, self.column, where=where), self.column, where=where)
            for where, values in read_rows(self.path, [self.column])
        ]

    def _texts_by_id(self, id_column: str) -> Mapping[str, str | None]:
        """Raises: InputError naming the row that repeats an id or has none."""
        texts: dict[str, str | None] = {}
        for where, values in read_rows(self.path, [self.column, id_column]):
            segment_id = label_at(values, id_column, where=where)
            if segment_id is None:
                raise InputError(f"{where}: column {id_column!r} is null; expected the id of a segment.")
            if segment_id in texts:
                raise InputError(f"{where}: {id_column} {segment_id!r} occurs twice; expected one row a segment.")
            texts[segment_id] = as_text(value_at(values, self.column, where=where), self.column, where=where)
        return texts

    def _hypothesis(self, segment_id: str, text: str | None) -> Hypothesis:
        return Hypothesis(id=segment_id, text=text, error=None if text is not None else f"null in {self.path}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenTexts:
    """A system whose outputs are given as strings, in the order of the sources."""

    texts: tuple[str, ...]
    provenance: str = "texts given in Python"

    def __post_init__(self) -> None:
        for position, text in enumerate(self.texts):
            check_text(text, where=f"hypothesis {position + 1} of the given texts")

    def check(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> None:
        _check_aligned(self.texts, sources, where="the given texts")

    def translate(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> Iterator[Hypothesis]:
        return _by_position(self.texts, sources)

    def signature(self) -> Signature:
        return _texts_signature(self.texts)


def _texts_signature(texts: Sequence[str | None]) -> Signature:
    return Signature(fields=(("backend", "texts"), ("fingerprint", fingerprint(texts))))


def _by_position(texts: Sequence[str], sources: Sequence[SourceSegment]) -> Iterator[Hypothesis]:
    return (Hypothesis(id=source.id, text=texts[source.position]) for source in sources)


def _check_aligned(texts: Sequence[str | None], sources: Sequence[SourceSegment], *, where: str) -> None:
    if len(texts) == len(sources):
        return
    missing = (
        f"the first segment without a hypothesis is {sources[len(texts)].id!r} (line {len(texts) + 1})"
        if len(texts) < len(sources)
        else f"the first line without a segment is line {len(sources) + 1}"
    )
    raise AlignmentError(
        f"{where}: {len(texts)} hypotheses for {len(sources)} segments of the test set; {missing}. "
        "Re-export it with one line a segment; if it is no output of a system, leave it out."
    )
