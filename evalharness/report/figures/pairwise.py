"""Differences between systems: a heat map per metric, row minus column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import NothingToDrawError
from evalharness.records import Floats
from evalharness.report.figure import GREY, add_notes, labels, new_figure, rows_of, titled
from evalharness.report.notes import by_metric, how_tested, impossible, of_testset
from evalharness.report.selection import Selection
from evalharness.report.settings import ReportSettings
from evalharness.report.tables.systems import best_first, headings, scored_metrics
from evalharness.runs.view import RunView

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FEW, _MANY = 6, 20  # systems of panels that stand side by side; of cells too small for a number


def build(run: RunView | Selection, settings: ReportSettings) -> Figure:
    """Colours go with who is better, so that they mean the same for every metric; `*` marks significant differences,
    hatching pairs that were not tested. Pairs that were not compared are empty."""
    from matplotlib.patches import Rectangle

    families = by_metric(run.comparison_lines)
    metrics = [metric for metric in scored_metrics(run) if metric.name in families]
    if not metrics:
        raise NothingToDrawError("figure 'pairwise': there is no pair of systems that were compared.")
    compared = {name for line in run.comparison_lines for name in (line.system_a, line.system_b)}
    systems = [name for name in best_first(run, scored_metrics(run)[0]) if name in compared]
    place, heads = {name: number for number, name in enumerate(systems)}, headings(scored_metrics(run))
    n_rows, n_columns = rows_of(len(metrics), most=2 if len(systems) <= _FEW else 1)
    cell = 0.3 if n_columns > 1 else 0.19 if len(systems) <= _MANY else 0.12
    figure = new_figure(height=1.3 + n_rows * (0.4 + cell * max(len(systems), 3)))
    panels = figure.subplots(n_rows, n_columns, squeeze=False)
    for axes in panels.flat[len(metrics) :]:
        axes.set_axis_off()
    for number, (axes, metric) in enumerate(zip(panels.flat, metrics, strict=False)):
        values = np.full((len(systems), len(systems)), np.nan)
        marks: dict[tuple[int, int], bool] = {}
        for line in families[metric.name]:
            a, b = place[line.system_a], place[line.system_b]
            values[a, b], values[b, a] = line.delta * metric.display_factor, -line.delta * metric.display_factor
            marks[a, b] = marks[b, a] = line.is_significant
            if line.p is None:
                for x, y in ((b, a), (a, b)):
                    axes.add_patch(
                        Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, hatch="/////", edgecolor=GREY, linewidth=0)
                    )
        of_metric = [line for line in run.corrected_lines if line.metric == metric.name]
        largest = max(abs(line.delta) for line in of_metric) * metric.display_factor or 1.0
        image = axes.imshow(
            values, cmap="PuOr" if metric.higher_is_better else "PuOr_r", vmin=-largest, vmax=largest, aspect="auto"
        )
        bar = figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02)
        bar.outline.set_linewidth(0.4)
        _write_values(axes, values, marks, largest, settings.decimals_of(metric.name))
        axes.set_title(f"Δ {titled(metric, heads[metric.name])}")
        has_panel_below = number + n_columns < len(metrics)
        axes.set_xticks(range(len(systems)), [""] * len(systems) if has_panel_below else labels(systems), rotation=90)
        axes.set_yticks(range(len(systems)), labels(systems))
        axes.tick_params(length=0)
        axes.set_facecolor("white")
    add_notes(figure, _notes(run))
    return figure


def _write_values(
    axes: Axes, values: Floats, marks: dict[tuple[int, int], bool], largest: float, decimals: int
) -> None:
    n = len(values)
    with_numbers = n <= _MANY
    size = 6.0 if n <= 12 else 4.5
    for (row, column), is_significant in marks.items():
        number = _signed(values[row, column], decimals) if with_numbers else ""
        mark = "*" if is_significant else ""
        if number or mark:
            axes.text(
                column, row, number + mark, ha="center", va="center", fontsize=size,
                color="white" if abs(values[row, column]) > 0.62 * largest else "black",
            )  # fmt: skip


def _signed(value: float, decimals: int) -> str:
    shown = f"{value:+.{decimals}f}"
    return shown.replace("-", "−") if float(shown) else shown[1:]


def _notes(run: RunView | Selection) -> list[str]:
    tested = [line for line in run.comparison_lines if line.p is not None]
    how = f"* significant ({how_tested(run)})." if tested else "No pair was tested."
    hatched = " Hatched: not tested." if len(tested) < len(run.comparison_lines) else ""
    return [
        f"{of_testset(run.plan.testset)}. Row minus column; purple: the row is better, orange: the column is. {how}"
        f"{hatched} Empty: not compared.",
        *impossible(run, headings(scored_metrics(run))),
    ]
