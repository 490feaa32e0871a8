"""A table in LaTeX. Needs the package booktabs and nothing else; long tables become several, each of a page at most."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from evalharness.report.table import Cell, RankCell, ScoreCell, Table, TextCell, arrow, one_line

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
    "…": r"\ldots{}",
    # The marks of control characters, which no text font has.
    **{chr(0x2400 + code): f"{{[}}U+{code:04X}]" for code in range(0x20)},
    "\u2421": "{[}U+007F]",
}
_LINE = r"\midrule"
_SPECIAL = re.compile("[" + re.escape("".join(_ESCAPES)) + "]")


_MOST_ROWS = 40
"""What fits on a page with caption and notes."""
_MOST_COLUMNS = 8
"""With more the type is smaller."""
_BEYOND_PDFLATEX = re.compile("[^\x00-\u017f\u2010-\u2026]")


def render_latex(table: Table) -> str:
    """A `table` environment with caption, tabular and notes, ending in a line end; of a long table one for each metric
    and for every 40 rows, with the notes under the last."""
    parts = list(_parts(table))
    labels = [f"{_label(table)}-{number}" if number > 1 else _label(table) for number in range(1, len(parts) + 1)]
    captions = [table.caption if number == 0 else f"{table.caption} (continued)" for number in range(len(parts))]
    bodies = [
        _environment(replace(part, caption=caption), label, is_number=table.has_numbers())
        for part, caption, label in zip(parts, captions, labels, strict=True)
    ]
    body = "\n".join(bodies)
    head = "% requires \\usepackage{booktabs}\n"
    if _BEYOND_PDFLATEX.search(body):
        head += (
            "% Compile with LuaLaTeX or XeLaTeX and a font that has these characters (for Chinese or Japanese: "
            "\\usepackage{luatexja} or xeCJK).\n"
        )
    return head + body


def _parts(table: Table) -> Iterator[Table]:
    """The table, or of a long one its pieces, cut where it has lines as far as possible."""
    if len(table.rows) <= _MOST_ROWS:
        yield table
        return
    is_by_metric = table.columns[0].heading == "Metric"
    starts = [0, *(number + 1 for number in sorted(table.lines_after)), len(table.rows)]
    pieces: list[tuple[int, int]] = []
    for start, end in pairwise(starts):
        is_same = not is_by_metric or (start > 0 and table.rows[start][0] == table.rows[start - 1][0])
        if pieces and is_same and end - pieces[-1][0] <= _MOST_ROWS:
            pieces[-1] = (pieces[-1][0], end)
        else:
            pieces += [(first, min(first + _MOST_ROWS, end)) for first in range(start, end, _MOST_ROWS)]
    for start, end in pieces:
        yield replace(
            table,
            rows=table.rows[start:end],
            lines_after=frozenset(number - start for number in table.lines_after if start <= number < end - 1),
            notes=table.notes if end == len(table.rows) else (),
        )


def _environment(table: Table, label: str, *, is_number: Sequence[bool]) -> str:
    heads = [_escaped(arrow(column, up="↑", down="↓")) for column in table.columns]
    digits = max(
        (len(str(cell.bottom or 0)) for row in table.rows for cell in row if isinstance(cell, RankCell)), default=1
    )
    lines = [
        r"\begin{table}",
        r"\centering",
        *([r"\footnotesize\setlength{\tabcolsep}{3pt}"] if len(heads) > _MOST_COLUMNS else []),
        rf"\caption{{{_escaped(table.caption)}}}",
        rf"\label{{tab:{label}}}",
        rf"\begin{{tabular}}{{{''.join('r' if number else 'l' for number in is_number)}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
        *(
            _row(row, digits) + (f"\n{_LINE}" if number in table.lines_after else "")
            for number, row in enumerate(table.rows)
        ),
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


def _row(row: Sequence[Cell], digits: int) -> str:
    return " & ".join(_cell(cell, digits) for cell in row) + r" \\"


def _cell(cell: Cell, digits: int) -> str:
    """`digits` are those of the longest rank, to which others are padded, so that ranges stand under each other."""
    if isinstance(cell, TextCell):
        return _escaped(cell.text)
    if isinstance(cell, RankCell) and cell.top is not None and cell.bottom is not None:
        bounds = dict.fromkeys((cell.top, cell.bottom))
        return "--".join(rf"\phantom{{{'0' * pad}}}{n}" if (pad := digits - len(str(n))) else str(n) for n in bounds)
    shown = cell.shown()
    # A cell that begins with a bracket would be taken for an argument of the line end before it.
    shown = "--" if shown == "-" else _escaped(shown).replace("-", "$-$")
    return rf"\textbf{{{shown}}}" if isinstance(cell, ScoreCell) and cell.is_best else shown


def _escaped(text: str) -> str:
    escaped = _SPECIAL.sub(lambda match: _ESCAPES[match.group()], one_line(text))
    return re.sub("-(?=-)", "-{}", escaped)  # two hyphens would become a dash
