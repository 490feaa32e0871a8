"""How a table finds room on a page of LaTeX: its type, where texts and headings are broken, and what is put on a page
of its own. Widths are in digits of Computer Modern, which most other fonts keep within."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby, pairwise

from evalharness.report.table import Cell, Column, ScoreCell, Table, TextCell, arrow, one_line
from evalharness.report.text import display_width

_MOST_LINES = 40
"""Of a table, on a page."""
_FEWEST_LINES = 8
_HEIGHT, _CAPTION_HEIGHT, _NOTE_HEIGHT = 545.0, 55.0, 9.5
"""In points: a page of the article class, what caption and headings take of it, and a line of the notes."""
_WIDTHS: Mapping[str, float] = {
    character: width
    for width, characters in (
        (0.56, "ijlI.,;:'|![]"),
        (0.67, " -`"),
        (0.8, "()rstfJ/"),
        (0.9, "cez?"),
        (1.1, 'bdhknpquvxy"'),
        (1.5, "ABCDEFGHKLNOPQRSTUVXYZ&@+−=<>±wm↑↓Δ…"),
        (2.0, "MW%"),
    )
    for character in characters
}
_BOLD = 1.15
_NARROW = 24
"""The fewest digits of a line of long texts."""
_RAGGED = 0.85
"""Of a line of broken text, what is filled."""
_RULE = 0.6
"""Lines that a rule takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeSize:
    """A size of type: the command for it, and in its digits a line of the article class at 10 pt, which most others
    exceed, and what stands between columns; `height` is that of a row, in points."""

    command: str
    line: float
    gap: float
    height: float


_NORMAL = TypeSize(command="", line=66, gap=2.4, height=12)
_SMALL = TypeSize(command=r"\footnotesize\setlength{\tabcolsep}{3pt}", line=79, gap=1.4, height=9.5)
_SMALLEST = TypeSize(command=r"\scriptsize\setlength{\tabcolsep}{2.5pt}", line=85, gap=1.3, height=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """`lengths` are, of columns whose texts are broken into lines, those of the lines in digits; `widths` those of all
    columns; a part that `is_continued` keeps the number of the part before it."""

    type: TypeSize
    widths: tuple[float, ...]
    lengths: Mapping[int, float]
    is_continued: bool = False

    def n_lines(self, row: Sequence[Cell]) -> float:
        """What a row takes."""
        return max((math.ceil(_width(row[at]) / (_RAGGED * length)) for at, length in self.lengths.items()), default=1)


def parts(table: Table) -> list[tuple[Table, Layout]]:
    """The table, or what it becomes where it is wider or longer than a page: tables with the leading columns of text in
    each, whose captions say that they go on, and the notes under the last."""
    found = [
        (
            (replace(part, caption=f"{part.caption} (continued)"), replace(layout, is_continued=True))
            if number
            else (part, layout)
        )
        for whole in _by_metric(table)
        for number, (part, layout) in enumerate(
            (part, layout) for piece, layout in _across(whole) for part in _down(piece, layout)
        )
    ]
    return [
        (replace(part, notes=table.notes if number == len(found) else ()), layout)
        for number, (part, layout) in enumerate(found, start=1)
    ]


def _by_metric(table: Table) -> Iterator[Table]:
    """The table, or of one that a page has no room for, and whose first column is of metrics, one for each metric."""
    if table.columns[0].heading != "Metric" or not table.rows or _has_room(table):
        yield table
        return
    start = 0
    for (head, *_), rows in groupby(table.rows, key=lambda row: row[:1]):
        of_metric = tuple(row[1:] for row in rows)
        end = start + len(of_metric)
        yield replace(
            table,
            caption=f"{table.caption}: {_shown(head)}",
            columns=table.columns[1:],
            rows=of_metric,
            lines_after=frozenset(number - start for number in table.lines_after if start <= number < end - 1),
        )
        start = end


def _has_room(table: Table) -> bool:
    fitting = _fitting(table)
    return fitting is not None and len(table.rows) <= _most_lines(table, fitting.type)


def _across(table: Table) -> Iterator[tuple[Table, Layout]]:
    """The table, or of one that a line has no room for, pieces, each with the columns of text at the start."""
    if (fitting := _fitting(table)) is not None:
        yield table, fitting
        return
    widths = _widths(table, is_stacked=True)
    least = _least(table, widths)
    n_keys = next((at for at, number in enumerate(table.has_numbers()) if number), 1)
    room = _SMALLEST.line + _SMALLEST.gap - sum(width + _SMALLEST.gap for width in least[:n_keys])
    taken = {column: least[column] + _SMALLEST.gap for column in range(n_keys, len(widths))}
    n_pieces = len(_packed(taken, room, math.inf))
    while len(pieces := _packed(taken, room, sum(taken.values()) / n_pieces)) > n_pieces:
        n_pieces = len(pieces)
    for columns in pieces:
        kept = [*range(n_keys), *columns]
        piece = replace(
            table,
            columns=tuple(table.columns[column] for column in kept),
            rows=tuple(tuple(row[column] for column in kept) for row in table.rows),
        )
        of_piece = [widths[column] for column in kept]
        whole = Layout(type=_SMALLEST, widths=tuple(of_piece), lengths={})
        yield piece, _layout(piece, _SMALLEST, of_piece, is_broken=True) or whole


def _packed(taken: Mapping[int, float], room: float, even: float) -> list[list[int]]:
    """Columns in pieces of at most `room`, and of about `even`."""
    pieces: list[list[int]] = [[]]
    used = 0.0
    for column, width in taken.items():
        if pieces[-1] and (used + width > room or used + width / 2 > even):
            pieces.append([])
            used = 0.0
        pieces[-1].append(column)
        used += width
    return pieces


def _down(table: Table, layout: Layout) -> Iterator[Table]:
    """The table, or of a long one its pieces, cut where it has lines as far as possible."""
    taken = (layout.n_lines(row) + _RULE * (number in table.lines_after) for number, row in enumerate(table.rows))
    above = [0.0, *accumulate(taken)]
    most = _most_lines(table, layout.type)
    if above[-1] <= most:
        yield table
        return
    starts = [0, *(number + 1 for number in sorted(table.lines_after)), len(table.rows)]
    pieces: list[tuple[int, int]] = []
    for start, end in pairwise(starts):
        if pieces and above[end] - above[pieces[-1][0]] <= most:
            pieces[-1] = (pieces[-1][0], end)
            continue
        pieces.append((start, start))
        for row in range(start, end):
            if above[row + 1] - above[pieces[-1][0]] > most and row > pieces[-1][0]:
                pieces.append((row, row))
            pieces[-1] = (pieces[-1][0], row + 1)
    for start, end in pieces:
        lines_after = frozenset(number - start for number in table.lines_after if start <= number < end - 1)
        yield replace(table, rows=table.rows[start:end], lines_after=lines_after)


def _fitting(table: Table) -> Layout | None:
    """The largest type in which a line has room for the table; None where there is none."""
    natural, broken = _widths(table, is_stacked=False), _widths(table, is_stacked=True)
    for type_, is_broken in ((_NORMAL, False), (_SMALL, False), (_SMALLEST, False), (_SMALL, True), (_SMALLEST, True)):
        widths = natural if type_ is _NORMAL else broken
        if (layout := _layout(table, type_, widths, is_broken=is_broken)) is not None:
            return layout
    return None


def _layout(table: Table, type_: TypeSize, widths: Sequence[float], *, is_broken: bool) -> Layout | None:
    """How the table fits a line, with texts broken into lines only as short as must be; None where it does not."""
    over = sum(widths) + type_.gap * (len(widths) - 1) - type_.line
    if over <= 0:
        return Layout(type=type_, widths=tuple(widths), lengths={})
    least = _least(table, widths)
    gained = sum(widths) - sum(least)
    if not is_broken or gained < over:
        return None
    lengths = {
        at: width - over / gained * (width - shortest)
        for at, (width, shortest) in enumerate(zip(widths, least, strict=True))
        if shortest < width
    }
    return Layout(type=type_, widths=tuple(widths), lengths=lengths)


def _least(table: Table, widths: Sequence[float]) -> list[float]:
    """Of each column, how wide it is when its texts are broken into lines: its longest word, of long texts more."""
    least = list(widths)
    for column, (width, is_number) in enumerate(zip(widths, table.has_numbers(), strict=True)):
        if is_number:
            continue
        words = [word for row in table.rows for word in _shown(row[column]).split(" ")]
        longest = max([*map(_text_width, words), *map(_text_width, _words(table.columns[column])), 0.0])
        of_text = min(longest, _NARROW) if width < 2 * _NARROW else _NARROW
        least[column] = min(width, of_text)
    return least


def _widths(table: Table, *, is_stacked: bool) -> list[float]:
    """Of each column, in digits."""
    widths = []
    for at, column in enumerate(table.columns):
        heads = _words(column) if is_stacked else [arrow(column, up="↑", down="↓")]
        widths.append(max([*(_width(row[at]) for row in table.rows), *(_text_width(head.rstrip()) for head in heads)]))
    return widths


def _width(cell: Cell) -> float:
    if isinstance(cell, TextCell):
        return _text_width(_shown(cell))
    width = _text_width(_shown(cell).replace("-", "−"))
    return width * (_BOLD if isinstance(cell, ScoreCell) and cell.is_best else 1.0)


def _shown(cell: Cell) -> str:
    return one_line(cell.text) if isinstance(cell, TextCell) else cell.shown()


@functools.lru_cache(maxsize=2048)
def _text_width(text: str) -> float:
    """In digits of Computer Modern; other letters than its own as wide as a terminal takes them for."""
    return sum(_WIDTHS[character] if character in _WIDTHS else display_width(character) for character in text)


def stacked(column: Column, width: float) -> list[str]:
    """A heading, on as many lines as the width of its column asks for."""
    lines = [""]
    for word in _words(column):
        if lines[-1] and _text_width((lines[-1] + word).rstrip()) > width:
            lines.append("")
        lines[-1] += word
    return [line.rstrip() for line in lines]


def _words(column: Column) -> list[str]:
    """What a heading may be broken into; with the spaces behind. The arrow is never alone."""
    heading = arrow(column, up="↑", down="↓")
    words = re.findall(r"[^ ]+?[-_](?=[^ ])|[^ ]+ *", heading)
    if column.higher_is_better is not None and len(words) > 1:
        words[-2:] = ["".join(words[-2:])]
    return words


def _most_lines(table: Table, type_: TypeSize) -> float:
    """How many rows of one line stand on a page with the notes."""
    n_notes = sum(math.ceil(_text_width(note) / _SMALL.line) for note in table.notes)
    height = _HEIGHT - _CAPTION_HEIGHT - _NOTE_HEIGHT * n_notes
    return max(_FEWEST_LINES, min(_MOST_LINES, height / type_.height))
