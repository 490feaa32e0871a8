"""JSON lines: one object a segment, fields chosen by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evalharness.rows import Row, jsonl_rows
from evalharness.testsets.columns import Columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Jsonl(Columns):
    """Values are strings; ids, documents and domains may be numbers. A null reference means the segment lacks it."""

    def _rows(self, columns: list[str]) -> Iterator[Row]:
        return jsonl_rows(self.path, columns)
