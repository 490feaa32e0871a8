"""Tab-separated files with a header line: columns are chosen by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evalharness.errors import ConfigError, InputError
from evalharness.inspection.lines import read_texts
from evalharness.testsets.columns import ColumnNames, Columns
from evalharness.textio import check_columns


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

    def _rows(self, columns: ColumnNames) -> Iterator[tuple[str, Mapping[str, str | None]]]:
        header, *rows = read_texts(self.path, tabs_part_fields=self.delimiter == "\t")
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
