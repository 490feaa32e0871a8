"""What all figures share: their look, the fonts that have their characters, their data, and their files."""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evalharness.records import Floats
from evalharness.report.selection import Selection
from evalharness.report.visible import visible
from evalharness.runs.plan import PlannedMetric
from evalharness.runs.view import RunView

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_log = logging.getLogger(__name__)

WIDTH = 6.3
"""Inches: the text width of an A4 paper, two columns of the ACL style."""
TALLEST = 9.5
"""Inches: the text height of such a paper."""
FORMATS = ("svg", "pdf", "png")
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#666666"
"""Blue and vermilion of Okabe and Ito, told apart with any colour vision and in print without colour."""
_FONT = "DejaVu Sans"  # comes with matplotlib, so that figures are the same on every machine
_STYLE: dict[str, Any] = {
    "font.size": 7,
    "axes.titlesize": 8,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "axes.linewidth": 0.6,
    "axes.edgecolor": GREY,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "hatch.linewidth": 0.4,
    "axes.formatter.useoffset": False,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "text.parse_math": False,  # $ in the name of a system is a dollar
    "text.usetex": False,
    "savefig.dpi": 300,
    "svg.fonttype": "none",  # text stays text, to be found and edited
    "svg.hashsalt": "evalharness",
    "pdf.fonttype": 42,  # submission systems refuse Type 3
}
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "ModDate": None},
    "png": {},
}


@contextlib.contextmanager
def look() -> Iterator[None]:
    """The same settings of matplotlib on every machine, whatever its matplotlibrc says, until the block is left."""
    from matplotlib import style

    with style.context(["default", {**_STYLE, "font.family": [_FONT]}]):
        yield


def new_figure(*, height: float) -> Figure:
    """An empty figure of the text width that finds room for all its labels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def figure_file(figure: Figure, *, kind: str) -> bytes:
    """A file of the figure: the same bytes for the same record and version of matplotlib."""
    file = io.BytesIO()
    with look():
        figure.savefig(file, format=kind, metadata=_METADATA[kind])
    return file.getvalue()


def shown(text: str) -> str:
    """The text on one line, with marks for what cannot be seen, as in tables."""
    return visible(" ".join(text.splitlines()))


def label(text: str, longest: int = 28) -> str:
    """A name for an axis: `shown`, its middle left out where it is long."""
    text = shown(text)
    if sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text) <= longest:
        return text
    half = (longest - 1) // (4 if any(unicodedata.east_asian_width(character) in "WF" for character in text) else 2)
    return f"{text[:half]}…{text[-half:]}"


def labels(names: Sequence[str]) -> list[str]:
    """Labels of systems, in full where two would be the same when shortened."""
    short = [label(name) for name in names]
    return [one if short.count(one) == 1 else shown(name) for name, one in zip(names, short, strict=True)]


def titled(metric: PlannedMetric, heading: str) -> str:
    """A metric, how its numbers are multiplied, and which are better."""
    factor = "" if metric.display_factor == 1 else f" × {metric.display_factor:g}"
    return f"{shown(heading)}{factor} {'↑' if metric.higher_is_better else '↓'}"


def add_notes(figure: Figure, notes: Sequence[str]) -> None:
    """What a reader must know, in small print under the figure, behind what stands there."""
    known = figure.get_supxlabel()
    lines = [*([known] if known else []), *(line for note in notes for line in textwrap.wrap(shown(note), 135))]
    text = "\n".join(lines)
    figure.supxlabel(text, x=0.01, ha="left", fontsize=6, color="#444444", linespacing=1.3)


def rows_of(n: int, *, most: int) -> tuple[int, int]:
    """Rows and columns of a grid of `n` panels, rows filled as evenly as can be."""
    n_rows = -(-n // most)
    return n_rows, -(-n // n_rows)


def system_panels(n: int, names: Sequence[str], *, row_height: float) -> tuple[Figure, list[Axes]]:
    """A figure with `n` panels, each with a row for every system, the first on top; heights are in inches."""
    n_rows, n_columns = rows_of(n, most=4)
    figure = new_figure(height=0.5 + n_rows * (0.55 + row_height * len(names)))
    panels = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True)
    for axes in panels.flat[n:]:
        axes.set_axis_off()
    for axes in panels.flat[:n]:
        axes.grid(axis="x", linewidth=0.4, color="#dddddd")
        axes.set_axisbelow(True)
        axes.locator_params(axis="x", nbins=4)
        axes.tick_params(axis="y", length=0)
    panels[0, 0].set_yticks(range(len(names)), labels(names))
    panels[0, 0].set_ylim(len(names) - 0.5, -0.5)
    return figure, list(panels.flat[:n])


def say_missing(axes: Axes, row: int, text: str) -> None:
    """What stands in a row that has nothing to draw."""
    axes.text(
        0.5, row, text, transform=axes.get_yaxis_transform(), ha="center", va="center", color=GREY, style="italic"
    )  # fmt: skip


def segment_scores(run: RunView | Selection, metrics: Sequence[PlannedMetric]) -> dict[str, Floats]:
    """Segment scores [S, N] of the plan's systems as readers see them, NaN where there is none, of those metrics that
    have any.

    Raises: RecordError where `segments.parquet` is damaged."""
    record = run.record if isinstance(run, Selection) else run
    present = set(record.segment_column_names())
    names = [metric.name for metric in metrics if metric.name in present]
    columns = record.segment_columns(["system", *names])
    systems = [system.name for system in record.plan.systems]
    n = record.plan.testset.n_segments
    chosen = [systems.index(system.name) for system in run.plan.systems]
    factors = {metric.name: metric.display_factor for metric in metrics}
    scores = {
        name: np.array(columns[name], dtype=np.float64).reshape(len(systems), n)[chosen] * factors[name]
        for name in names
    }
    return {name: values for name, values in scores.items() if not np.isnan(values).all()}


def use_fonts(figure: Figure) -> None:
    """Give the figure's texts the fonts that their characters need, after that of all else. One warning names the
    characters that no installed font has."""
    from matplotlib.text import Text

    for axes in figure.axes:
        axes.get_xticklabels(), axes.get_yticklabels()  # made when asked for
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    missing = {character for text in texts for character in text.get_text() if not character.isspace()}
    missing -= _characters(_fallback_path())
    families = [_FONT]
    while missing:
        best = max(_installed(), key=lambda font: _worth(font, missing), default=None)
        found = _characters(best) & missing if best is not None else frozenset()
        if best is None or not found:
            _log.warning(*_without_a_font(sorted(missing)))
            break
        families.append(_family(best))
        missing -= found
    if len(families) > 1:
        for text in texts:
            text.set_fontfamily(families)


def _without_a_font(missing: Sequence[str]) -> tuple[str, str, str]:
    names = " ".join(f"{character} (U+{ord(character):04X})" for character in missing[:10])
    more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
    return (
        "No installed font has %s%s: figures show boxes there. Install one that does, such as Noto Sans (on Debian: "
        "apt install fonts-noto-core fonts-noto-cjk), and draw them again.",
        names,
        more,
    )


def _fallback_path() -> str:
    from matplotlib.font_manager import FontProperties, findfont

    return findfont(FontProperties(family=[_FONT]))


@functools.cache
def _installed() -> tuple[str, ...]:
    """Files of upright fonts of normal weight, by path; matplotlib's own list may be older than the last installed."""
    from matplotlib.font_manager import findSystemFonts

    ending = ("-regular.ttf", "-regular.otf", "-regular.ttc")
    paths = sorted(findSystemFonts())
    plain = [path for path in paths if Path(path).name.lower().endswith(ending)]
    others = [path for path in paths if not any(word in path.lower() for word in ("bold", "italic"))]
    return tuple(dict.fromkeys([*plain, *others]))


def _worth(font: str, missing: set[str]) -> tuple[int, bool, bool]:
    """How many of the characters a font has; of equals one without serifs, and one of Noto."""
    name = Path(font).name.lower()
    return len(_characters(font) & missing), "sans" in name, "noto" in name


@functools.cache
def _characters(font: str) -> frozenset[str]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(map(chr, FT2Font(font).get_charmap()))
    except (RuntimeError, OSError, ValueError):  # bitmap and broken fonts
        return frozenset()


def _family(font: str) -> str:
    from matplotlib.font_manager import fontManager
    from matplotlib.ft2font import FT2Font

    if all(entry.fname != font for entry in fontManager.ttflist):
        fontManager.addfont(font)
    return str(FT2Font(font).family_name)
