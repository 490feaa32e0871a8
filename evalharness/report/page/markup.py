"""Pieces of HTML that more than one page has."""

from __future__ import annotations

import re

from evalharness.report.html import escaped


def inline_script(source: str) -> str:
    """JavaScript within `<script>`: what would end or change the element there is written as an escape, which means
    the same in strings, templates and patterns, and stands nowhere else in what is bundled."""
    return re.sub(r"<(?=/script|!--)", r"\\x3c", source, flags=re.IGNORECASE)


def scrolled(table: str, *, label: str) -> str:
    """HTML of a table, and of notes below it, whose table is moved sideways where it is wider than the window, by
    keyboard too. `label` is text."""
    rows, end, notes = table.partition("</table>")
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{escaped(label)}">{rows}{end}</div>{notes}'
