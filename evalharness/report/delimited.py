"""A table as CSV or TSV, for other programs: full precision, a header line, no notes.

Text is as it is, but for what a spreadsheet or a terminal would obey: text that begins with = + - @, a tab or a
carriage return has an apostrophe before it, and characters that hide or reorder others are marks that can be seen.
Numbers never have an apostrophe. Columns of one heading are numbered from the second on."""

from __future__ import annotations

import io
from collections import Counter

from evalharness.report.table import Cell, IntervalCell, RankCell, Table, TextCell, values
from evalharness.report.visible import visible
from evalharness.textio import no_formula, write_csv


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
    heads = [
        _guarded(f"{column.heading}{part}")
        for column, names in zip(table.columns, parts, strict=True)
        for part in names
    ]
    seen: Counter[str] = Counter()
    for place, head in enumerate(heads):
        seen[head] += 1
        heads[place] = head if seen[head] == 1 else f"{head} ({seen[head]})"
    rows = [
        [_value(cell, part) for cell, names in zip(row, parts, strict=True) for part in names] for row in table.rows
    ]
    text = io.StringIO()
    write_csv(text, [heads, *rows], delimiter=delimiter)
    return text.getvalue()


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
    return no_formula("\r\n".join(map(visible, text.split("\r\n"))))
