"""A table of typed cells at full precision, and how a cell becomes ink. Rounding happens here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from evalharness.report.visible import visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`higher_is_better` gives the head an arrow; None for columns that have no better."""

    heading: str
    higher_is_better: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCell:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCell:
    """`score` on the metric's own scale, None where there is none; shown times `display_factor`.

    `spread` is the standard deviation over several runs, None where there is one run. `low` and `high` are the bounds
    of the score's interval, which other programs always get and readers where `shows_interval`."""

    kind: ClassVar[str] = "score"
    score: float | None
    display_factor: float = 1.0
    decimals: int = 1
    is_best: bool = False
    spread: float | None = None
    low: float | None = None
    high: float | None = None
    shows_interval: bool = False

    def shown(self) -> str:
        """The rounded figure, or a dash where there is no score."""
        if self.score is None:
            return "-"
        shown = _rounded(self.score * self.display_factor, self.decimals)
        if self.spread is not None:
            shown = f"{shown} ± {_rounded(self.spread * self.display_factor, self.decimals)}"
        if self.shows_interval and self.low is not None and self.high is not None:
            shown = f"{shown} {_bounds(self.low, self.high, self.display_factor, self.decimals)}"
        return shown


@dataclass(frozen=True, slots=True, kw_only=True)
class PValueCell:
    """Shown with three significant digits, or as many as tell it from `alpha`; None where there is none."""

    kind: ClassVar[str] = "p"
    p: float | None
    alpha: float | None = None

    def shown(self) -> str:
        if self.p is None:
            return "-"
        for digits in range(3, 18):
            shown = f"{self.p:.{digits}g}"
            if self.alpha is None or (float(shown) <= self.alpha) == (self.p <= self.alpha):
                break
        return shown


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalCell:
    """Bounds on the metric's own scale, None where there is no interval; shown times `display_factor`."""

    kind: ClassVar[str] = "interval"
    low: float | None
    high: float | None
    display_factor: float = 1.0
    decimals: int = 1

    def shown(self) -> str:
        if self.low is None or self.high is None:
            return "-"
        return _bounds(self.low, self.high, self.display_factor, self.decimals)


def _bounds(low: float, high: float, display_factor: float, decimals: int) -> str:
    return f"[{', '.join(_rounded(bound * display_factor, decimals) for bound in (low, high))}]"


def _rounded(value: float, decimals: int) -> str:
    shown = f"{value:.{decimals}f}"
    return shown if float(shown) else shown.removeprefix("-")  # -0.04 is 0.0, not -0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CountCell:
    """How many; None where nobody counted."""

    kind: ClassVar[str] = "n"
    n: int | None

    def shown(self) -> str:
        return "-" if self.n is None else str(self.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class RankCell:
    """A range of ranks, from 1; None where there is none."""

    kind: ClassVar[str] = "rank"
    top: int | None
    bottom: int | None

    def shown(self) -> str:
        if self.top is None or self.bottom is None:
            return "-"
        return str(self.top) if self.top == self.bottom else f"{self.top}-{self.bottom}"


NumberCell: TypeAlias = ScoreCell | PValueCell | IntervalCell | CountCell | RankCell
Cell: TypeAlias = TextCell | NumberCell


def values(cell: NumberCell) -> dict[str, float | int | None]:
    """Each number of a cell unrounded, by what stands behind the column's heading in formats for other programs."""
    match cell:
        case ScoreCell():
            return {"": cell.score, " low": cell.low, " high": cell.high, " sd": cell.spread}
        case PValueCell():
            return {"": cell.p}
        case IntervalCell():
            return {" low": cell.low, " high": cell.high}
        case CountCell():
            return {"": cell.n}
        case RankCell():
            return {" top": cell.top, " bottom": cell.bottom}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`notes` stand under the table, a line each. `caption` says what is shown. `run` is the name of the run it is of,
    where it is of one. `lines_after` are the rows, from 0, behind which formats that can draw a line."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = field(default=())
    run: str | None = None
    lines_after: frozenset[int] = frozenset()

    def has_numbers(self) -> list[bool]:
        """Whether each column holds numbers, which stand to the right."""
        return [any(not isinstance(row[index], TextCell) for row in self.rows) for index in range(len(self.columns))]

    def __str__(self) -> str:
        return self.to_text()

    def to_markdown(self) -> str:
        from evalharness.report.markdown import render_markdown

        return render_markdown(self)

    def to_latex(self) -> str:
        from evalharness.report.latex import render_latex

        return render_latex(self)

    def to_csv(self) -> str:
        from evalharness.report.delimited import render_csv

        return render_csv(self)

    def to_tsv(self) -> str:
        from evalharness.report.delimited import render_tsv

        return render_tsv(self)

    def to_html(self) -> str:
        from evalharness.report.html import render_html

        return render_html(self)

    def to_json(self) -> str:
        from evalharness.report.structured import render_json

        return render_json(self)

    def to_text(self) -> str:
        from evalharness.report.text import render_text

        return render_text(self)


Renderer: TypeAlias = Callable[[Table], str]

RENDERERS: Mapping[str, Renderer] = {
    "text": Table.to_text,
    "markdown": Table.to_markdown,
    "latex": Table.to_latex,
    "csv": Table.to_csv,
    "tsv": Table.to_tsv,
    "html": Table.to_html,
    "json": Table.to_json,
}
SUFFIXES: Mapping[str, str] = {"text": "txt", "markdown": "md", "latex": "tex"}
"""Of files in a format; of others the format's own name."""
FILE_FORMATS: Mapping[str, Renderer] = {"md": Table.to_markdown, "tex": Table.to_latex, "csv": Table.to_csv}
"""Suffix and renderer of the files a run writes for each table."""


def one_line(text: str) -> str:
    """The text with a space for each line end and tab, which would end or shift the row or the note, and marks for
    characters that cannot be seen."""
    return visible(re.sub(r"\s*[\r\n\t]\s*", " ", text))


def arrow(column: Column, *, up: str, down: str) -> str:
    """The heading on one line with its arrow, where the column has a better side."""
    heading = one_line(column.heading)
    if column.higher_is_better is None:
        return heading
    return f"{heading} {up if column.higher_is_better else down}"
