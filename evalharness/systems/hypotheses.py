"""A system whose outputs are there: one a line, aligned with the sources, or in a column of rows, also by id."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evalharness.errors import AlignmentError, InputError
from evalharness.fingerprint import fingerprint
from evalharness.inspection.alignment import Side, find_gap
from evalharness.inspection.findings import Place, current_findings
from evalharness.inspection.lines import inspect_text, read_texts
from evalharness.records import Hypothesis, LanguagePair, Signature, SourceSegment
from evalharness.rows import as_text, label_at, read_rows, value_at
from evalharness.textio import check_text, read_lines

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypotheses:
    """One file as one system."""

    path: str
    provenance: str = ""

    @property
    def place(self) -> str:
        return self.path

    def texts(self, sources: Sequence[SourceSegment]) -> Sequence[str]:
        return self._lines()

    def check(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> None:
        _check_aligned(read_texts(self.path), sources, where=self.path)

    def translate(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> Iterator[Hypothesis]:
        return _by_position(self._lines(), sources)

    def signature(self) -> Signature:
        return _texts_signature(self._lines())

    def _lines(self) -> tuple[str, ...]:
        return read_lines(self.path, is_known=True)


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
        rows = self._rows()
        if self.id_column is None:
            _check_aligned([row.text for row in rows], sources, where=self.path)
        else:
            rows = self._chosen(rows, sources, self.id_column)
        findings = current_findings()
        for row in rows:
            if row.text is not None:
                inspect_text(row.text, Place.parse(row.where, field=self.column), findings)
        findings.decide(self.path)

    @property
    def place(self) -> str:
        return f"column {self.column!r} of {self.path}"

    def texts(self, sources: Sequence[SourceSegment]) -> Sequence[str]:
        return [text or "" for text in self._texts_of(self._rows(), sources)]

    def translate(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> Iterator[Hypothesis]:
        rows = self._rows()
        if self.id_column is not None and len(rows) > len(sources):
            _log.info(
                "%s: of %d rows %d are of segments that were asked for; the others are left out.",
                self.path,
                len(rows),
                len(sources),
            )
        for source, text in zip(sources, self._texts_of(rows, sources), strict=True):
            error = None if text is not None else f"null in {self.path}"
            yield Hypothesis(id=source.id, text=text, error=error)

    def _texts_of(self, rows: Sequence[_Row], sources: Sequence[SourceSegment]) -> list[str | None]:
        if self.id_column is None:
            return [rows[source.position].text for source in sources]
        by_id = {row.id: row.text for row in rows}
        return [by_id[source.id] for source in sources]

    def signature(self) -> Signature:
        rows = self._rows()
        if self.id_column is None:
            return _texts_signature([row.text for row in rows])
        return _texts_signature([part for row in sorted(rows, key=lambda row: row.id) for part in (row.id, row.text)])

    def _chosen(self, rows: Sequence[_Row], sources: Sequence[SourceSegment], id_column: str) -> list[_Row]:
        """The rows of the segments.

        Raises: AlignmentError where one has none."""
        wanted = {source.id for source in sources}
        chosen = [row for row in rows if row.id in wanted]
        if len(chosen) < len(sources):
            missing = next(source.id for source in sources if source.id not in {row.id for row in chosen})
            raise AlignmentError(
                f"{self.path}: no row for {len(sources) - len(chosen)} of {len(sources)} segments of the test set; the "
                f"first missing {id_column} is {missing!r}. Add it, with null where the system failed."
            )
        return chosen

    def _rows(self) -> list[_Row]:
        """Raises: InputError naming the row that repeats an id or has none."""
        rows: dict[str, _Row] = {}
        for where, values in read_rows(self.path, [name for name in (self.column, self.id_column) if name is not None]):
            row_id = where if self.id_column is None else label_at(values, self.id_column, where=where)
            if row_id is None:
                raise InputError(f"{where}: column {self.id_column!r} is null; expected the id of a segment.")
            if row_id in rows:
                raise InputError(f"{where}: {self.id_column} {row_id!r} occurs twice; expected one row a segment.")
            text = as_text(value_at(values, self.column, where=where), self.column, where=where)
            rows[row_id] = _Row(where=where, id=row_id, text=text)
        return list(rows.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """Where a hypothesis stands, the id of its segment, or where there are none its place again, and its text."""

    where: str
    id: str
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenTexts:
    """A system whose outputs are given as strings, in the order of the sources; `place` is what messages call them."""

    given: tuple[str, ...]
    provenance: str = "texts given in Python"
    place: str = "the given texts"

    def __post_init__(self) -> None:
        for position, text in enumerate(self.given):
            check_text(text, where=f"hypothesis {position + 1} of {self.place}")

    def texts(self, sources: Sequence[SourceSegment]) -> Sequence[str]:
        return self.given

    def check(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> None:
        _check_aligned(self.given, sources, where=self.place)
        findings = current_findings()
        for number, text in enumerate(self.given, start=1):
            inspect_text(text, Place(file=self.place, line=number), findings)
        findings.decide(self.place)

    def translate(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> Iterator[Hypothesis]:
        return _by_position(self.given, sources)

    def signature(self) -> Signature:
        return _texts_signature(self.given)


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
    known = [source.text for source in sources if source.text is not None]
    gap = find_gap(Side(known), Side([text or "" for text in texts])) if len(known) == len(sources) else None
    if gap is not None:
        missing = f"it is from about line {gap + 1} on that hypotheses fit other sources than theirs"
    raise AlignmentError(
        f"{where}: {len(texts)} hypotheses for {len(sources)} segments of the test set; {missing}. "
        "Re-export it with one line a segment; if it is no output of a system, leave it out."
    )
