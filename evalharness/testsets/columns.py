"""What formats with named columns share: rows of values by column name become segments."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalharness.errors import ConfigError, InputError
from evalharness.records import LanguagePair, Segment, TestSet
from evalharness.rows import Row, as_text, label_at, value_at
from evalharness.testsets.base import check_ids, inspect_segments


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnNames:
    """Which column holds what; None where the file has no such column. Without an id column, ids are row numbers."""

    source: str | None
    references: tuple[str, ...]
    id: str | None
    document: str | None
    domain: str | None
    original_language: str | None

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
        single = [self.source, self.id, self.document, self.domain, self.original_language]
        return [name for name in single if name is not None] + list(self.references)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns(ABC):
    """What the settings of formats with named columns share. A format says what its rows are in `_rows`.

    A reference column may hold a list of references, where the format has lists. In formats with objects a dotted name,
    such as `translation.zh`, reaches into them."""

    path: str
    language_pair: str
    source_column: str | None = "source"
    reference_columns: tuple[str, ...] = field(default=("reference",))
    id_column: str | None = None
    document_column: str | None = None
    domain_column: str | None = None
    original_language_column: str | None = None
    name: str | None = None
    provenance: str = ""

    def read(self) -> TestSet:
        lp = LanguagePair.parse(self.language_pair)
        columns = ColumnNames(
            source=self.source_column,
            references=self.reference_columns,
            id=self.id_column,
            document=self.document_column,
            domain=self.domain_column,
            original_language=self.original_language_column,
        )
        segments, has_lists = segments_from_rows(self._rows(columns.named()), columns, path=self.path)
        return TestSet(
            name=self.name or Path(self.path).stem,
            language_pair=lp,
            segments=segments,
            provenance=self._provenance(),
            reference_names=None if has_lists else self._reference_names(),
        )

    def _reference_names(self) -> tuple[str, ...] | None:
        """The names of columns that say more than that they are references."""
        names = self.reference_columns
        if not names or names == ("reference",) or any("." in name for name in names):
            return None
        return names

    def files(self) -> tuple[Path, ...]:
        return (Path(self.path),)

    def _provenance(self) -> str:
        return self.provenance or f"columns of {Path(self.path).name}"

    @abstractmethod
    def _rows(self, columns: list[str]) -> Iterator[Row]:
        """The rows of the file; those named `columns` are needed.

        Raises: InputError naming the line that is no row."""


def segments_from_rows(rows: Iterable[Row], columns: ColumnNames, *, path: str) -> tuple[tuple[Segment, ...], bool]:
    """Segments in row order, and whether references came as a list.

    A missing (null) reference is left out of that segment's tuple; a missing source or id is refused.
    Raises: InputError naming the row."""
    segments, places = [], []
    has_lists = False
    for number, (where, values) in enumerate(rows, start=1):
        segment_id = str(number) if columns.id is None else label_at(values, columns.id, where=where)
        source = None
        if columns.source is not None:
            source = as_text(value_at(values, columns.source, where=where), columns.source, where=where)
        for name, text in ((columns.id, segment_id), (columns.source, source)):
            if name is not None and text is None:
                raise InputError(f"{where}: column {name!r} has no text (null); every segment needs one.")
        references: list[str] = []
        for name in columns.references:
            value = value_at(values, name, where=where)
            has_lists = has_lists or isinstance(value, list)
            texts = value if isinstance(value, list) else [value]
            references += [text for one in texts if (text := as_text(one, name, where=where)) is not None]
        places.append(where)
        segments.append(
            Segment(
                id=segment_id or "",
                source=source,
                references=tuple(references),
                document=_label(values, columns.document, where),
                domain=_label(values, columns.domain, where),
                original_language=_label(values, columns.original_language, where),
            )
        )
    if not segments:
        raise InputError(f"{path}: the test set has no segments: the file holds a header and no rows.")
    check_ids(segments, where=path)
    inspect_segments(segments, places)
    return tuple(segments), has_lists


def _label(values: Mapping[str, Any], name: str | None, where: str) -> str | None:
    return None if name is None else label_at(values, name, where=where)
