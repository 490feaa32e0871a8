"""A table in LaTeX. Needs the package booktabs and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalharness.report.table import Cell, ScoreCell, Table, TextCell, arrow, one_line

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    # At the start of a row, the line end and the rule before it would take these as their own arguments.
    "[": "{[}",
    "*": "{*}",
    "±": r"$\pm$",
    "Δ": r"$\Delta$",
    "≤": r"$\leq$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
}
_LINE = r"\midrule"
_SPECIAL = re.compile("[" + re.escape("".join(_ESCAPES)) + "]")


def render_latex(table: Table) -> str:
    """A `table` environment with caption, tabular and notes, ending in a line end."""
    is_number = table.has_numbers()
    heads = [_escaped(arrow(column, up="↑", down="↓")) for column in table.columns]
    lines = [
        "% requires \\usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_escaped(table.caption)}}}",
        rf"\label{{tab:{_label(table)}}}",
        rf"\begin{{tabular}}{{{''.join('r' if number else 'l' for number in is_number)}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
        *(_row(row) + (f"\n{_LINE}" if number in table.lines_after else "") for number, row in enumerate(table.rows)),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    if table.notes:
        # Signatures are long words without spaces; they may break after each field.
        notes = [_escaped(note).replace(r"\textbar{}", r"\textbar\allowbreak{}") for note in table.notes]
        lines += ["", r"\smallskip", r"\begin{minipage}{\linewidth}\footnotesize\raggedright"]
        lines += [rf"{note}\\" for note in notes[:-1]] + [notes[-1], r"\end{minipage}"]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def _label(table: Table) -> str:
    """Run and table in the characters that every TeX takes in a label: two runs in one paper need two labels."""
    words = table.name if table.run is None else f"{table.run}-{table.name}"
    letters = "".join(char if char.isascii() else f"u{ord(char):04x}" for char in words)
    return re.sub(r"[^A-Za-z0-9.:+-]+", "-", letters).strip("-")


def _row(row: Sequence[Cell]) -> str:
    return " & ".join(_cell(cell) for cell in row) + r" \\"


def _cell(cell: Cell) -> str:
    if isinstance(cell, TextCell):
        return _escaped(cell.text)
    shown = cell.shown()
    # A cell that begins with a bracket would be taken for an argument of the line end before it.
    shown = "--" if shown == "-" else _escaped(shown).replace("-", "$-$")
    return rf"\textbf{{{shown}}}" if isinstance(cell, ScoreCell) and cell.is_best else shown


def _escaped(text: str) -> str:
    escaped = _SPECIAL.sub(lambda match: _ESCAPES[match.group()], one_line(text))
    return re.sub("-(?=-)", "-{}", escaped)  # two hyphens would become a dash
