"""A table in Markdown, as GitHub reads it: the best in bold, scores to the right, notes as a list."""

from __future__ import annotations

import re

from evalharness.report.table import Cell, ScoreCell, Table, TextCell, arrow, one_line
from evalharness.report.text import aligned, display_width

_SPECIAL = re.compile(r"([\\`*_<>|\[\]~#&$])")  # $ begins mathematics on GitHub, & an entity


def render_markdown(table: Table) -> str:
    """The table as Markdown text, ending in a line end."""
    heads = [_escaped(arrow(column, up="↑", down="↓")) for column in table.columns]
    body = [[_cell(cell) for cell in row] for row in table.rows]
    is_number = table.has_numbers()
    widths = [max(3, *(display_width(text) for text in column)) for column in zip(heads, *body, strict=True)]
    rule = ["-" * (width - number) + ":" * number for width, number in zip(widths, is_number, strict=True)]
    lines = [f"| {' | '.join(aligned(row, widths, is_number))} |" for row in (heads, rule, *body)]
    notes = [f"- {_escaped(note)}" for note in table.notes]
    return "\n".join([f"**{_escaped(table.caption)}**", "", *lines, "", *notes]).rstrip("\n") + "\n"


def _cell(cell: Cell) -> str:
    if isinstance(cell, TextCell):
        return _escaped(cell.text)
    shown = _escaped(cell.shown())
    return f"**{shown}**" if isinstance(cell, ScoreCell) and cell.is_best else shown


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", one_line(text))
