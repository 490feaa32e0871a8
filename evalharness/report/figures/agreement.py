"""Metric against metric: the segment scores of each two metrics, with their correlation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import NothingToDrawError
from evalharness.records import Floats
from evalharness.report.figure import BLUE, add_notes, new_figure, segment_scores, shown, titled
from evalharness.report.notes import counted, of_testset
from evalharness.report.selection import Selection
from evalharness.report.settings import ReportSettings
from evalharness.report.tables.systems import headings, scored_metrics
from evalharness.runs.view import RunView

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FEW = 500  # outputs that are drawn one by one; more are counted in hexagons


def build(run: RunView | Selection, settings: ReportSettings) -> Figure:
    """Under the diagonal the outputs of all systems, above it Pearson's r over them and their number: those that have
    a score by both metrics."""
    from matplotlib.colors import LogNorm

    scored = scored_metrics(run)
    scores = segment_scores(run, scored)
    metrics, heads = [metric for metric in scored if metric.name in scores], headings(scored)
    if len(metrics) < 2:
        raise NothingToDrawError(
            f"figure 'agreement': needs segment scores by two metrics; there are those of {len(metrics)}."
        )
    n, darker = len(metrics), ""
    figure = new_figure(height=min(6.3, 1.6 * n) + 0.4)
    panels = figure.subplots(n, n, squeeze=False, sharex="col")
    for row, of_row in enumerate(metrics):
        for column, of_column in enumerate(metrics):
            axes = panels[row, column]
            x, y = scores[of_column.name].ravel(), scores[of_row.name].ravel()
            known = ~(np.isnan(x) | np.isnan(y))
            x, y = x[known], y[known]
            axes.tick_params(labelsize=5.5, length=2)
            axes.locator_params(nbins=4)
            if row == column:
                axes.hist(x, bins=30, color="#9bb8cc")
                axes.set_yticks([])
            elif column > row:
                r = correlation(x, y)
                text = "r undefined" if r is None else f"r = {r:.2f}".replace("-", "−")
                axes.text(0.5, 0.5, f"{text}\nn = {len(x):,}", transform=axes.transAxes, ha="center", va="center")
                axes.set_yticks([])
            elif len(x) > _FEW:
                darker = " Darker: more outputs (logarithmic)."
                axes.hexbin(x, y, gridsize=30, cmap="Greys", norm=LogNorm(), linewidths=0.1)
            else:
                axes.plot(x, y, "o", color=BLUE, markersize=2, alpha=0.6, markeredgewidth=0)
            if row == 0:
                axes.set_title(titled(of_column, heads[of_column.name]), fontsize=7)
            if column == 0:
                axes.set_ylabel(titled(of_row, heads[of_row.name]))
    inverse = [shown(heads[metric.name]) for metric in metrics if not metric.higher_is_better]
    turned = (
        f" Of {', '.join(inverse)} low scores are the good ones, so that a negative r with a ↑ metric is agreement."
        if inverse
        else ""
    )
    add_notes(
        figure,
        [
            f"{of_testset(run.plan.testset)}; segment scores of {counted(len(run.plan.systems), 'system')}. "
            f"r: Pearson's, over the n outputs that both metrics score.{darker} On the diagonal: the distribution of "
            f"each metric's.{turned}"
        ],
    )
    return figure


def correlation(x: Floats, y: Floats) -> float | None:
    """Pearson's r; None where one of both does not vary."""
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(np.corrcoef(x, y)[0, 1])
