"""JSON lines: one object a segment, fields chosen by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalharness.errors import InputError
from evalharness.records import LanguagePair, TestSet
from evalharness.testsets.columns import ColumnNames, check_columns, segments_from_rows
from evalharness.textio import parse_each


@dataclass(frozen=True, slots=True, kw_only=True)
class Jsonl:
    """Values are strings; ids, documents and domains may be numbers. A null reference means the segment lacks it."""

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
            provenance=self.provenance or f"fields of {Path(self.path).name}",
        )

    def _rows(self, columns: ColumnNames) -> Iterator[tuple[str, Mapping[str, str | None]]]:
        labels = {name for name in (columns.id, columns.document, columns.domain) if name is not None}
        parsed = parse_each(self.path, json.loads, expected="one JSON object", error=json.JSONDecodeError)
        for number, row in parsed:
            where = f"{self.path}:{number}"
            if not isinstance(row, dict):
                raise InputError(f"{where}: expected one JSON object, found {type(row).__name__}.")
            check_columns(columns.named(), list(row), where=where)
            yield where, {name: _text(row[name], name, where, is_label=name in labels) for name in columns.named()}


def _text(value: Any, name: str, where: str, *, is_label: bool) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if is_label and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise InputError(f"{where}: field {name!r} is {type(value).__name__}; expected a string.")
