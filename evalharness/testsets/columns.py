"""What formats with named columns share: rows of texts by column name become segments."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evalharness.errors import ConfigError, InputError
from evalharness.records import LanguagePair, Segment, TestSet
from evalharness.testsets.base import check_ids
from evalharness.textio import check_text


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnNames:
    """Which column holds what; None where the file has no such column. Without an id column, ids are row numbers."""

    source: str | None
    references: tuple[str, ...]
    id: str | None
    document: str | None
    domain: str | None

    def __post_init__(self) -> None:
        if self.source is None and not self.references:
            raise ConfigError(
                "testset: neither a source column nor a reference column is named; set testset.source_column, "
                "testset.reference_columns or both."
            )

        twice = [name for name in self.references if self.references.count(name) > 1]
        if twice:
            raise ConfigError(f"testset.reference_columns: {twice[0]!r} is named twice; each reference counts once.")

    def named(self) -> list[str]:
        single = [self.source, self.id, self.document, self.domain]
        return [name for name in single if name is not None] + list(self.references)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns(ABC):
    """What the settings of formats with named columns share. A format says what its rows are in `_rows`."""

    path: str
    language_pair: str
    source_column: str | None = "source"
    reference_columns: tuple[str, ...] = field(default=("reference",))
    id_column: str | None = None
    document_column: str | None = None
    domain_column: str | None = None
    name: str | None = None
    provenance: str = ""

    def read(self) -> TestSet:
        columns = ColumnNames(
            source=self.source_column,
            references=self.reference_columns,
            id=self.id_column,
            document=self.document_column,
            domain=self.domain_column,
        )
        return TestSet(
            name=self.name or Path(self.path).stem,
            language_pair=LanguagePair.parse(self.language_pair),
            segments=segments_from_rows(self._rows(columns), columns),
            provenance=self.provenance or f"columns of {Path(self.path).name}",
        )

    @abstractmethod
    def _rows(self, columns: ColumnNames) -> Iterator[tuple[str, Mapping[str, str | None]]]:
        """For each row where it stands (`file:line`) and its texts by column name.

        Raises: InputError naming the line that is no row."""


def segments_from_rows(
    rows: Iterable[tuple[str, Mapping[str, str | None]]], columns: ColumnNames
) -> tuple[Segment, ...]:
    """Segments in row order. `rows` gives, for each, where it stands (`file:line`) and its texts by column name.

    A missing (None) reference is left out of that segment's tuple; a missing source or id is refused.
    Raises: InputError naming the row."""
    segments = []
    where = ""
    for number, (where, texts) in enumerate(rows, start=1):
        for name, text in texts.items():
            if text is not None:
                check_text(text, where=f"{where}: column {name!r}")
        for required in (columns.source, columns.id):
            if required is not None and texts[required] is None:
                raise InputError(f"{where}: column {required!r} has no text (null); every segment needs one.")
        segments.append(
            Segment(
                id=(texts[columns.id] or "") if columns.id is not None else str(number),
                source=texts[columns.source] if columns.source is not None else None,
                references=tuple(text for name in columns.references if (text := texts[name]) is not None),
                document=texts[columns.document] if columns.document is not None else None,
                domain=texts[columns.domain] if columns.domain is not None else None,
            )
        )
    if not segments:
        raise InputError("the test set has no segments: the file holds a header and no rows.")
    check_ids(segments, where=where.rsplit(":", maxsplit=1)[0])
    return tuple(segments)
