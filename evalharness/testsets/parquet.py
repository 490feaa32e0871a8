"""Parquet: one row a segment, columns chosen by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evalharness.rows import Row, parquet_rows
from evalharness.testsets.columns import Columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Parquet(Columns):
    """Values are strings; ids, documents and domains may be numbers. Columns that are not named are not read."""

    def _rows(self, columns: list[str]) -> Iterator[Row]:
        return parquet_rows(self.path, columns)
