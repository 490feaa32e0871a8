"""Text of others as HTML: escaped, and with a mark in place of each character that would hide or reorder others."""

from __future__ import annotations

import html
import re

from evalharness.report.table import RENDERERS, Cell, ScoreCell, Table, TextCell, arrow

_NAMED = {
    "\u061c": "ALM", "\u200e": "LRM", "\u200f": "RLM", "\u202a": "LRE", "\u202b": "RLE", "\u202c": "PDF",
    "\u202d": "LRO", "\u202e": "RLO", "\u2066": "LRI", "\u2067": "RLI", "\u2068": "FSI", "\u2069": "PDI",
    "\ufeff": "BOM", "\u2028": "LS", "\u2029": "PS",
}  # fmt: skip
# Controls but tab and newline, bidi controls, tags, what is no character.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufdd0-\ufdef\ufeff\ufffe\uffff"
    "\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """The text with `␛` for an escape character, `[RLO]` for a right-to-left override and so on."""
    return _HIDDEN.sub(lambda match: _mark(match.group()), text)


def escaped(text: str) -> str:
    """The text for an element or a quoted attribute."""
    return html.escape(visible(text), quote=True)


def isolated(text: str) -> str:
    """The text in an element of its own, so that its direction is its own."""
    return f'<bdi dir="auto">{escaped(text)}</bdi>'


def table_html(table: Table) -> str:
    """A table with its caption and notes."""
    if (render := RENDERERS.get("html")) is not None:
        return render(table)
    is_number = table.has_numbers()
    kinds = [' class="number"' if number else "" for number in is_number]
    heads = "".join(
        f'<th scope="col"{kind}>{escaped(arrow(column, up="↑", down="↓"))}</th>'
        for column, kind in zip(table.columns, kinds, strict=True)
    )
    rows = "".join(
        f"<tr>{''.join(f'<td{kind}>{_cell(cell)}</td>' for cell, kind in zip(row, kinds, strict=True))}</tr>"
        for row in table.rows
    )
    notes = f"<ul>{''.join(f'<li>{escaped(note)}</li>' for note in table.notes)}</ul>" if table.notes else ""
    return (
        f"<table><caption>{escaped(table.caption)}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table>{notes}"
    )


def inline_script(source: str) -> str:
    """JavaScript within `<script>`: what would end or change the element there is written as an escape, which means
    the same in strings, templates and patterns, and stands nowhere else in what is bundled."""
    return re.sub(r"<(?=/script|!--)", r"\\x3c", source, flags=re.IGNORECASE)


def _mark(character: str) -> str:
    if character in _NAMED:
        return f"[{_NAMED[character]}]"
    code_point = ord(character)
    if code_point < 0x20:
        return chr(0x2400 + code_point)
    return "\u2421" if code_point == 0x7F else f"[U+{code_point:04X}]"


def _cell(cell: Cell) -> str:
    if isinstance(cell, TextCell):
        return isolated(cell.text)
    shown = escaped(cell.shown())
    return f"<strong>{shown}</strong>" if isinstance(cell, ScoreCell) and cell.is_best else shown
