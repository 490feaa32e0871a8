"""How segment scores spread: a box per system, a panel per metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import NothingToDrawError
from evalharness.records import Floats
from evalharness.report.figure import (
    BLUE,
    ORANGE,
    add_notes,
    say_missing,
    segment_scores,
    system_panels,
    titled,
)
from evalharness.report.notes import of_testset
from evalharness.report.selection import Selection
from evalharness.report.settings import ReportSettings
from evalharness.report.tables.systems import entrants_best_first, headings, scored_metrics
from evalharness.runs.view import RunView

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_FEW = 50  # segments that are drawn one by one, too


def build(run: RunView | Selection, settings: ReportSettings) -> Figure:
    """Whiskers end at the 5th and 95th percentile: of thousands of segments single ones tell nothing. Runs of one
    system have a box each."""
    scored = scored_metrics(run)
    scores = segment_scores(run, scored)
    metrics, heads = [metric for metric in scored if metric.name in scores], headings(scored)
    if not metrics:
        raise NothingToDrawError("figure 'distributions': the record has no segment scores.")
    place_of = {system.name: place for place, system in enumerate(run.plan.systems)}
    systems = [(place_of[system.name], system) for system in entrants_best_first(run)]
    figure, panels = system_panels(len(metrics), [system.name for _, system in systems], row_height=0.16)
    for axes, metric in zip(panels, metrics, strict=True):
        for place, (number, _) in enumerate(systems):
            values = scores[metric.name][number]
            known = values[~np.isnan(values)]
            if not len(known):
                say_missing(axes, place, "no scores")
                continue
            low, first, middle, third, high = np.quantile(known, QUANTILES)
            axes.bxp(
                [{"whislo": low, "q1": first, "med": middle, "q3": third, "whishi": high}],
                positions=[place], widths=0.6, orientation="horizontal", showfliers=False, patch_artist=True,
                manage_ticks=False,
                boxprops={"facecolor": "#cfe3f1", "edgecolor": BLUE, "linewidth": 0.7},
                whiskerprops={"color": BLUE, "linewidth": 0.7}, capprops={"color": BLUE, "linewidth": 0.7},
                medianprops={"color": ORANGE, "linewidth": 1.4},
            )  # fmt: skip
            if run.plan.testset.n_segments <= _FEW:
                axes.plot(known, np.full(len(known), place), ".", color="black", markersize=2, zorder=3)
        axes.set_title(titled(metric, heads[metric.name]))
    few = " Points: segments." if run.plan.testset.n_segments <= _FEW else ""
    missing = [
        f"{heads[metric.name]}: segments without a score, left out: {', '.join(gaps)}."
        for metric in metrics
        if (gaps := _gaps(run, scores[metric.name]))
    ]
    add_notes(
        figure,
        [
            f"{of_testset(run.plan.testset)}; segment scores. Boxes: quartiles and median; whiskers: 5th to 95th "
            f"percentile.{few} Systems in the order of {heads[scored[0].name]}, best first. ↑ higher is better, "
            "↓ lower.",
            *missing,
        ],
    )
    return figure


def _gaps(run: RunView | Selection, values: Floats) -> list[str]:
    counts = np.isnan(values).sum(axis=1)
    return [f"{n} of {system.name}" for n, system in zip(counts, run.plan.systems, strict=True) if n]
