"""Ranks that the tests support: by metric the systems in order, their range of ranks, and lines between clusters."""

from __future__ import annotations

from evalharness.report.notes import how_tested, impossible, of_testset, untested
from evalharness.report.settings import ReportSettings
from evalharness.report.table import Cell, Column, RankCell, ScoreCell, Table, TextCell
from evalharness.report.tables.systems import best_first, headings, scored_metrics, standings
from evalharness.runs.view import Reported

_RULES = {
    "wmt24": "a line only where every system above it beats every system below it (WMT 2024)",
    "mtme": "a cluster begins at the first system that some member of the one above beats (mt-metrics-eval)",
}


def parting(run: Reported) -> str:
    """What a line between clusters means, by the rule of the record; for a run that has ranks."""
    rule = run.rank_lines[0].rule
    return f"Clusters: {_RULES.get(rule, rule)}."


def build(run: Reported, settings: ReportSettings) -> Table:
    """Nothing for metrics of which not every pair was tested."""
    metrics = scored_metrics(run)
    heads = headings(metrics)
    found = standings(run)
    ranked = [metric for metric in metrics if any(line.metric == metric.name for line in run.rank_lines)]
    rows: list[tuple[Cell, ...]] = []
    lines_after = set()
    for metric in ranked:
        previous = None
        order = {system: place for place, system in enumerate(best_first(run, metric))}
        of_metric = [line for line in run.rank_lines if line.metric == metric.name]
        # Where systems have other segments, one may be ranked above another of a higher score.
        for line in sorted(of_metric, key=lambda line: (line.cluster, line.rank_top, order[line.system])):
            system = line.system
            if rows and line.cluster != previous:
                lines_after.add(len(rows) - 1)
            previous = line.cluster
            top, bottom = line.rank_top, line.rank_bottom
            rows.append(
                (
                    TextCell(text=heads[metric.name]),
                    TextCell(text=str(line.cluster)),
                    RankCell(top=top, bottom=bottom),
                    TextCell(text=system),
                    ScoreCell(
                        score=found[system, metric.name].score,
                        display_factor=metric.display_factor,
                        decimals=settings.decimals_of(metric.name),
                        spread=found[system, metric.name].spread,
                    ),
                )
            )
    notes = []
    if ranked:
        tested = [line for line in run.comparison_lines if line.metric in {metric.name for metric in ranked}]
        notes.append(parting(run))
        how = (
            f" ({how_tested(run, {metric.name for metric in ranked})})"
            if any(line.p is not None for line in tested)
            else ""
        )
        notes.append(
            "Rank: from 1 + the number of systems that are significantly better to the number of systems less those "
            f"that are significantly worse{how}."
        )
        notes += impossible(run, {metric.name: heads[metric.name] for metric in ranked})
    unranked = [heads[metric.name] for metric in metrics if metric not in ranked]
    if unranked:
        why = "not every pair of systems was tested" if run.comparison_lines else "there is no pair to test"
        notes.append(f"No ranks by {', '.join(unranked)}: {why}.")
        notes += untested(run.comparison_lines)
    return Table(
        name="ranks",
        caption=f"Ranks, {of_testset(run.plan.testset)}",
        columns=tuple(Column(heading=heading) for heading in ("Metric", "Cluster", "Rank", "System", "Score")),
        rows=tuple(rows),
        notes=tuple(notes),
        lines_after=frozenset(lines_after),
    )
