"""A table as a fragment of HTML: for a page, or to be pasted into one. Full-precision values stand in `<data>`."""

from __future__ import annotations

import html

from evalharness.report.table import Cell, ScoreCell, Table, TextCell, arrow, one_line, values
from evalharness.report.visible import visible


def render_html(table: Table) -> str:
    """`<table>` with caption and scopes, then the notes as a list; ends in a line end."""
    is_number = table.has_numbers()
    heads = "".join(
        f'<th scope="col"{_classes(number=number)}>{escaped(one_line(arrow(column, up="↑", down="↓")))}</th>'
        for column, number in zip(table.columns, is_number, strict=True)
    )
    lines = ['<table class="table">', f"<caption>{escaped(one_line(table.caption))}</caption>"]
    lines += [f"<thead><tr>{heads}</tr></thead>", "<tbody>"]
    head_of_row = next((index for index, column in enumerate(table.columns) if column.heading == "System"), 0)
    for number, row in enumerate(table.rows):
        cells = [_cell(cell, is_head=index == head_of_row) for index, cell in enumerate(row)]
        rule = ' class="rule"' if number in table.lines_after else ""
        lines.append(f"<tr{rule}>{''.join(cells)}</tr>")
    lines += ["</tbody>", "</table>"]
    if table.notes:
        lines += ['<ul class="notes">', *(f"<li>{escaped(one_line(note))}</li>" for note in table.notes), "</ul>"]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """The text for an element or a quoted attribute; what would hide or reorder others is a mark."""
    return html.escape(visible(text), quote=True)


def isolated(text: str) -> str:
    """The text in an element of its own, so that its direction is its own."""
    return f'<bdi dir="auto">{escaped(text)}</bdi>'


def _cell(cell: Cell, *, is_head: bool) -> str:
    if isinstance(cell, TextCell):
        text = isolated(one_line(cell.text))
        return f'<th scope="row">{text}</th>' if is_head else f"<td>{text}</td>"
    is_best = isinstance(cell, ScoreCell) and cell.is_best
    shown = escaped(cell.shown())
    known = {part: value for part, value in values(cell).items() if value is not None}
    if known:
        # One value is the element's own; several are named beside it.
        first, *others = known.items()
        named = "".join(f' data-{part.strip()}="{value!r}"' for part, value in ([first] if first[0] else []) + others)
        shown = f'<data value="{first[1]!r}"{named}>{shown}</data>'
    if is_best:
        shown = f"<strong>{shown}</strong>"
    return f"<td{_classes(number=True, best=is_best)}>{shown}</td>"


def _classes(*, number: bool, best: bool = False) -> str:
    names = " ".join(["number"] * number + ["best"] * best)
    return f' class="{names}"' if names else ""
