"""Tab-separated files with a header line: columns are chosen by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evalharness.errors import InputError
from evalharness.records import LanguagePair, TestSet
from evalharness.testsets.columns import ColumnNames, check_columns, segments_from_rows
from evalharness.textio import read_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Delimited:
    """One row a segment. Fields are taken as they stand: no quoting, no escapes, so a quotation mark is a character."""

    path: str
    language_pair: str
    source_column: str | None = "source"
    reference_columns: tuple[str, ...] = field(default=("reference",))
    id_column: str | None = None
    document_column: str | None = None
    domain_column: str | None = None
    delimiter: str = "\t"
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

    def _rows(self, columns: ColumnNames) -> Iterator[tuple[str, Mapping[str, str | None]]]:
        header, *rows = read_lines(self.path)
        names = header.split(self.delimiter)
        if len(set(names)) != len(names):
            raise InputError(f"{self.path}:1: two columns have the same name: {header!r}.")
        check_columns(columns.named(), names, where=f"{self.path}:1")
        for number, row in enumerate(rows, start=2):
            texts = row.split(self.delimiter)
            if len(texts) != len(names):
                raise InputError(
                    f"{self.path}:{number}: {len(texts)} fields where the header has {len(names)} columns. "
                    "Tabs and line ends inside a text must be removed before it is written to this format."
                )
            yield f"{self.path}:{number}", dict(zip(names, texts, strict=True))
