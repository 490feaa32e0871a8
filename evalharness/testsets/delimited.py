"""Files with a header line whose columns are chosen by name: tab-separated without quoting, and CSV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evalharness.errors import ConfigError
from evalharness.rows import Row, csv_rows, delimited_rows
from evalharness.testsets.columns import Columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Delimited(Columns):
    """One row a segment. Fields are taken as they stand: no quoting, no escapes, so a quotation mark is a character."""

    delimiter: str = "\t"

    def __post_init__(self) -> None:
        if not self.delimiter:
            raise ConfigError(
                "testset.delimiter='': nothing stands between the fields; expected at least one character, such as a "
                "tab. Leave the setting out for tab-separated files."
            )

    def _rows(self, columns: list[str]) -> Iterator[Row]:
        return delimited_rows(self.path, columns, delimiter=self.delimiter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Csv(Columns):
    """One row a segment, as RFC 4180 has it: a quoted field may hold delimiters, line ends and doubled quotes."""

    delimiter: str = ","

    def __post_init__(self) -> None:
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n':
            raise ConfigError(
                f"testset.delimiter={self.delimiter!r}: expected one character that is no quotation mark and no line "
                "end, such as a comma or a semicolon."
            )

    def _rows(self, columns: list[str]) -> Iterator[Row]:
        return csv_rows(self.path, columns, delimiter=self.delimiter)
