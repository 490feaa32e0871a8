"""System scores with their intervals: a panel per metric, systems in the order of the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.errors import NothingToDrawError
from evalharness.report.figure import BLUE, add_notes, say_missing, system_panels, titled
from evalharness.report.notes import few_units, level_of, of_testset
from evalharness.report.selection import Selection
from evalharness.report.settings import ReportSettings
from evalharness.report.tables.systems import best_first, headings, scored_metrics, standings
from evalharness.runs.view import RunView

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def build(run: RunView | Selection, settings: ReportSettings) -> Figure:
    """Points are scores, bars their intervals; of runs of one system the mean and its interval. A system without a
    score has none of both."""
    metrics, found = scored_metrics(run), standings(run)
    if not any(standing.score is not None for standing in found.values()):
        raise NothingToDrawError("figure 'scores': the record has no system scores.")
    bounds = {(line.system, line.metric): (line.ci_low, line.ci_high) for line in run.score_lines}
    bounds |= {(line.system, line.metric): (line.ci_low, line.ci_high) for line in run.replicates_lines}
    systems, heads = best_first(run, metrics[0]), headings(metrics)
    figure, panels = system_panels(len(metrics), systems, row_height=0.15)
    for axes, metric in zip(panels, metrics, strict=True):
        axes.set_title(titled(metric, heads[metric.name]))
        for place, system in enumerate(systems):
            score = found[system, metric.name].score
            if score is None:
                say_missing(axes, place, "no score")
                continue
            factor = metric.display_factor
            low, high = bounds[system, metric.name]
            if low is not None and high is not None:
                axes.hlines(place, low * factor, high * factor, color=BLUE, linewidth=1.2)
            axes.plot([score * factor], [place], "o", color=BLUE, markersize=3.2)
    add_notes(figure, [_notes(run, heads[metrics[0].name]), *_gaps(run, heads)])
    return figure


def _notes(run: RunView | Selection, first: str) -> str:
    lows = [line.ci_low for line in run.score_lines] + [line.ci_low for line in run.replicates_lines]
    has_bounds = any(low is not None for low in lows)
    bars = " ".join(["", f"Bars: {level_of(run)} bootstrap intervals.", few_units(run)]).rstrip() if has_bounds else ""
    means = " Of several runs of a system: their mean." if run.replicates_lines else ""
    return (
        f"{of_testset(run.plan.testset)}. Systems in the order of {first}, best first.{bars}{means} ↑ higher is "
        "better, ↓ lower."
    )


def _gaps(run: RunView | Selection, heads: dict[str, str]) -> list[str]:
    """Scores that are over a part of the segments only."""
    return [
        f"{heads[name]}: segments without a score: {', '.join(gaps)}."
        for name in heads
        if (
            gaps := [
                f"{line.n_missing} of {line.system}"
                for line in run.score_lines
                if line.metric == name and line.n_missing
            ]
        )
    ]
