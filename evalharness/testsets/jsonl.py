"""JSON lines: one object a segment, fields chosen by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evalharness.errors import InputError
from evalharness.testsets.columns import ColumnNames, Columns
from evalharness.textio import check_columns, parse_each


@dataclass(frozen=True, slots=True, kw_only=True)
class Jsonl(Columns):
    """Values are strings; ids, documents and domains may be numbers. A null reference means the segment lacks it."""

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
