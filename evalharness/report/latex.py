"""A table in LaTeX. Needs the package booktabs, and where letters ask for it T1 fonts or LuaLaTeX, as its head says.
Tables wider or longer than a page become several."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalharness.report.latex_layout import Layout, parts, stacked
from evalharness.report.table import Cell, RankCell, ScoreCell, Table, TextCell, one_line

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
_BREAKABLE = re.compile(r"(\\_|[/:=;](?=\S))")
_BREAK = r"\1\\allowbreak{}"
# As \raggedright, which would take the end of the row for its own, and without hyphens.
_RAGGED = r"\rightskip=0pt plus 1fil\hyphenpenalty=10000\relax "
_SPECIAL = re.compile("[" + re.escape("".join(_ESCAPES)) + "]")


_MOST_FLOATS = 10
"""Tables until a page is cleared: LaTeX keeps 18 in older versions that have no place yet."""
_NEEDS_T1 = re.compile("[«»ÐðÞþĄąĐđĘęĮįŊŋŲų‚„]")
_BEYOND_PDFLATEX = re.compile("[^\x00-\u017f\u2010-\u2026]|[ĦħĸĿŀŉŦŧſ\u2017‛‟‣․‥]")


def render_latex(table: Table) -> str:
    """A `table` environment with caption, tabular and notes, ending in a line end; several where one would be wider or
    longer than a page."""
    label = _label(table)
    bodies = [
        _environment(part, layout, label=f"{label}-{number}" if number > 1 else label)
        for number, (part, layout) in enumerate(parts(table), start=1)
    ]
    body = "\n".join(
        one if number % _MOST_FLOATS else f"\\clearpage\n{one}" if number else one for number, one in enumerate(bodies)
    )
    head = "% requires \\usepackage{booktabs}; of the width of a full line: in two columns write table* for table\n"
    if _NEEDS_T1.search(body):
        head += "% requires \\usepackage[T1]{fontenc}\n"
    if _BEYOND_PDFLATEX.search(body):
        head += (
            "% Compile with LuaLaTeX or XeLaTeX and a font that has these characters (for Chinese or Japanese: "
            "\\usepackage{luatexja} or xeCJK).\n"
        )
    return head + body


def _head(lines: Sequence[str], *, kind: str) -> str:
    escaped = list(map(_escaped, lines))
    if len(escaped) == 1:
        return escaped[0]
    stack = r" \\ ".join(escaped)
    return rf"\begin{{tabular}}[b]{{@{{}}{kind}@{{}}}}{stack}\end{{tabular}}"


def _environment(table: Table, layout: Layout, *, label: str) -> str:
    digits = max(
        (len(str(cell.bottom or 0)) for row in table.rows for cell in row if isinstance(cell, RankCell)), default=1
    )
    kinds = ["r" if number else "l" for number in table.has_numbers()]
    heads = [
        _head(stacked(column, width), kind=kind)
        for column, width, kind in zip(table.columns, layout.widths, kinds, strict=True)
    ]
    for at, length in layout.lengths.items():
        kinds[at] = rf"p{{{length / (layout.type.line + layout.type.gap):.3f}\linewidth}}"
    lines = [
        r"\begin{table}",
        r"\centering",
        *([layout.type.command] if layout.type.command else []),
        *([r"\addtocounter{table}{-1}"] if layout.is_continued else []),
        rf"\caption{{{_escaped(table.caption)}}}",
        rf"\label{{tab:{label}}}",
        rf"\begin{{tabular}}{{{''.join(kinds)}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
        *(
            _row(row, digits, layout) + (f"\n{_LINE}" if number in table.lines_after else "")
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


def _row(row: Sequence[Cell], digits: int, layout: Layout) -> str:
    cells = [_cell(cell, digits) for cell in row]
    for at in layout.lengths:
        cells[at] = f"{_RAGGED}{_BREAKABLE.sub(_BREAK, cells[at])}"
    return " & ".join(cells) + r" \\"


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
