"""A table as CSV or TSV, for other programs: full precision, a header line, no notes.

Text is as it is, but for what a spreadsheet would take for a formula: text that begins with = + - @, a tab or a
carriage return has an apostrophe before it. Numbers never have one."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from evalharness.report.table import Cell, IntervalCell, RankCell, Table, TextCell, values

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render_csv(table: Table) -> str:
    """Comma-separated, quoted where needed, ending in a line end."""
    return _render(table, delimiter=",")


def render_tsv(table: Table) -> str:
    """Tab-separated, ending in a line end."""
    return _render(table, delimiter="\t")


def _render(table: Table, *, delimiter: str) -> str:
    """Intervals and ranges of ranks take two columns; scores more where any has an interval or a deviation."""
    cells = list(zip(*table.rows, strict=True)) or [() for _ in table.columns]
    parts = [_parts(column) for column in cells]
    lines: list[list[str | float]] = [
        [
            _guarded(f"{column.heading}{part}")
            for column, names in zip(table.columns, parts, strict=True)
            for part in names
        ]
    ]
    lines += [
        [_value(cell, part) for cell, names in zip(row, parts, strict=True) for part in names] for row in table.rows
    ]
    return "".join(_line(line, delimiter) for line in lines)


def _line(line: Sequence[str | float], delimiter: str) -> str:
    """The writer quotes what its own line end consists of, and a lone carriage return has to be quoted too."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerow(line)
    return text.getvalue().removesuffix("\r\n") + "\n"


def _parts(column: tuple[Cell, ...]) -> tuple[str, ...]:
    """What stands behind the heading of each column that a column of the table becomes."""
    found: dict[str, bool] = {}
    for cell in column:
        if not isinstance(cell, TextCell):
            always = isinstance(cell, IntervalCell | RankCell)
            for part, value in values(cell).items():
                found[part] = found.get(part, False) or always or part == "" or value is not None
    return tuple(part for part, is_written in found.items() if is_written) or ("",)


def _value(cell: Cell, part: str) -> str | float:
    if isinstance(cell, TextCell):
        return _guarded(cell.text) if part in ("", " low", " top") else ""
    value = values(cell).get(part)
    return "" if value is None else value


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
