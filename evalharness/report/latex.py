"""A table in LaTeX. Needs the package booktabs and nothing else."""

from __future__ import annotations

import re

from evalharness.report.table import Cell, ScoreCell, Table, arrow, one_line

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
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
}
_SPECIAL = re.compile("[" + re.escape("".join(_ESCAPES)) + "]")


def render_latex(table: Table) -> str:
    """A `table` environment with caption, tabular and notes, ending in a line end."""
    is_number = [any(isinstance(row[index], ScoreCell) for row in table.rows) for index in range(len(table.columns))]
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
        *(" & ".join(_cell(cell) for cell in row) + r" \\" for row in table.rows),
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


def _cell(cell: Cell) -> str:
    if isinstance(cell, ScoreCell):
        shown = "--" if cell.score is None else cell.shown().replace("-", "$-$")
        return rf"\textbf{{{shown}}}" if cell.is_best else shown
    return _escaped(cell.text)


def _escaped(text: str) -> str:
    escaped = _SPECIAL.sub(lambda match: _ESCAPES[match.group()], one_line(text))
    return re.sub("-(?=-)", "-{}", escaped)  # two hyphens would become a dash
