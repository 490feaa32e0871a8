"""A table for a terminal: aligned columns, the best marked with an asterisk."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from evalharness.report.table import Cell, ScoreCell, Table, TextCell, arrow, one_line


def render_text(table: Table) -> str:
    """The table as plain text, ending in a line end."""
    heads = [arrow(column, up="↑", down="↓") for column in table.columns]
    body = [[_cell(cell) for cell in row] for row in table.rows]
    is_number = table.has_numbers()
    # Scores carry their mark or a space behind them, and so do their heads, so that digits stay in line.
    heads = [f"{head} " if number else head for head, number in zip(heads, is_number, strict=True)]
    widths = [max(display_width(text) for text in column) for column in zip(heads, *body, strict=True)]
    rule = ["-" * width for width in widths]
    for number in sorted(table.lines_after, reverse=True):
        body.insert(number + 1, rule)
    lines = ["  ".join(aligned(row, widths, is_number)).rstrip() for row in (heads, rule, *body)]
    notes = [f"  {one_line(note)}" for note in table.notes]
    return "\n".join([one_line(table.caption), "", *lines, *([""] if notes else []), *notes]) + "\n"


def aligned(row: Sequence[str], widths: Sequence[int], is_number: Sequence[bool]) -> list[str]:
    """The texts of a row padded to their columns' widths, numbers to the right."""
    padded = []
    for text, width, to_the_right in zip(row, widths, is_number, strict=True):
        space = " " * (width - display_width(text))
        padded.append(space + text if to_the_right else text + space)
    return padded


def display_width(text: str) -> int:
    """Columns a terminal gives the text: two for a wide character, none for a combining one."""
    return sum(
        (unicodedata.category(character) not in ("Mn", "Me")) * (1 + (unicodedata.east_asian_width(character) in "WF"))
        for character in text
    )


def _cell(cell: Cell) -> str:
    if isinstance(cell, TextCell):
        return one_line(cell.text)
    return cell.shown() + ("*" if isinstance(cell, ScoreCell) and cell.is_best else " ")
