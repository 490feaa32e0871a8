"""A table in HTML, and how text of others gets into HTML at all."""

from __future__ import annotations

import html

from evalharness.report.table import Cell, CountCell, PValueCell, ScoreCell, Table, TextCell, arrow
from evalharness.report.visible import visible


def escaped(text: str) -> str:
    """The text for an element or a quoted attribute; what would hide or reorder others is a mark."""
    return html.escape(visible(text), quote=True)


def isolated(text: str) -> str:
    """The text in an element of its own, so that its direction is its own."""
    return f'<bdi dir="auto">{escaped(text)}</bdi>'


def render_html(table: Table) -> str:
    """A `table` element with its caption, the first column as heads of the rows, and the notes as a list; ends in a
    line end. Figures are in `data` elements that hold them at full precision."""
    is_number = table.has_numbers()
    kinds = [' class="number"' if number else "" for number in is_number]
    heads = "".join(
        f'<th scope="col"{kind}>{escaped(arrow(column, up="↑", down="↓"))}</th>'
        for column, kind in zip(table.columns, kinds, strict=True)
    )
    rows = "\n".join(
        _row(row, is_number, has_line=number in table.lines_after) for number, row in enumerate(table.rows)
    )
    notes = f"<ul>{''.join(f'<li>{escaped(note)}</li>' for note in table.notes)}</ul>\n" if table.notes else ""
    return (
        f"<table><caption>{escaped(table.caption)}</caption>\n<thead><tr>{heads}</tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody></table>\n{notes}"
    )


def _row(row: tuple[Cell, ...], is_number: list[bool], *, has_line: bool) -> str:
    cells = [f'<th scope="row">{_content(row[0])}</th>']
    for cell, number in zip(row[1:], is_number[1:], strict=True):
        classes = " ".join(["number"] * number + ["best"] * (isinstance(cell, ScoreCell) and cell.is_best))
        cells.append(f'<td class="{classes}">{_content(cell)}</td>' if classes else f"<td>{_content(cell)}</td>")
    return f"<tr{' class=line-after' if has_line else ''}>{''.join(cells)}</tr>"


def _content(cell: Cell) -> str:
    if isinstance(cell, TextCell):
        return isolated(cell.text)
    shown = escaped(cell.shown())
    value: float | None = None  # of an interval both bounds are shown, and neither is the cell's value
    if isinstance(cell, ScoreCell):
        value = cell.score
    elif isinstance(cell, PValueCell):
        value = cell.p
    elif isinstance(cell, CountCell):
        value = cell.n
    return shown if value is None else f'<data value="{value!r}">{shown}</data>'
