"""A table as CSV or TSV, for other programs: full precision, a header line, no notes.

Text that a spreadsheet would take for a formula has an apostrophe before it, which spreadsheets do not show."""

from __future__ import annotations

import io

from evalharness.report.table import Cell, CountCell, IntervalCell, PValueCell, ScoreCell, Table
from evalharness.textio import write_csv


def render_csv(table: Table) -> str:
    """Comma-separated, quoted where needed, ending in a line end."""
    return _render(table, delimiter=",")


def render_tsv(table: Table) -> str:
    """Tab-separated, ending in a line end."""
    return _render(table, delimiter="\t")


def _render(table: Table, *, delimiter: str) -> str:
    """An interval takes two columns, low and high, and so do scores with a standard deviation."""
    cells = list(zip(*table.rows, strict=True)) or [() for _ in table.columns]
    parts = [_parts(column) for column in cells]
    heads = [
        f"{_no_formula(column.heading)}{part}"
        for column, names in zip(table.columns, parts, strict=True)
        for part in names
    ]
    rows = [
        [_value(cell, part) for cell, names in zip(row, parts, strict=True) for part in names] for row in table.rows
    ]
    text = io.StringIO()
    write_csv(text, [heads, *rows], delimiter=delimiter)
    return text.getvalue()


def _parts(column: tuple[Cell, ...]) -> tuple[str, ...]:
    """What stands behind the heading of each column that a column of the table becomes."""
    if any(isinstance(cell, IntervalCell) for cell in column):
        return (" low", " high")
    if any(isinstance(cell, ScoreCell) and cell.spread is not None for cell in column):
        return ("", " sd")
    return ("",)


def _value(cell: Cell, part: str) -> str | float:
    if isinstance(cell, IntervalCell):
        value = cell.low if part == " low" else cell.high
    elif isinstance(cell, ScoreCell):
        value = cell.spread if part == " sd" else cell.score
    elif isinstance(cell, PValueCell):
        value = cell.p
    elif isinstance(cell, CountCell):
        value = cell.n
    else:
        return _no_formula(cell.text)
    return "" if value is None else value


def _no_formula(text: str) -> str:
    """Names and texts come from anywhere, and `=HYPERLINK(...)` in a cell is run when the file is opened."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
