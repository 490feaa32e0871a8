"""The runs of systems that have several: each run's score, then mean and standard deviation, lowest and highest."""

from __future__ import annotations

from evalharness.report.notes import of_testset
from evalharness.report.settings import ReportSettings
from evalharness.report.table import Cell, Column, CountCell, ScoreCell, Table, TextCell
from evalharness.report.tables.systems import headings, scored_metrics
from evalharness.runs.view import Reported


def build(run: Reported, settings: ReportSettings) -> Table:
    """Systems and their runs in the order of the plan."""
    metrics = scored_metrics(run)
    heads = headings(metrics)
    scores = {(line.system, line.metric): line.score for line in run.score_lines}
    found = {(line.system, line.metric): line for line in run.replicates_lines}
    rows: list[tuple[Cell, ...]] = []
    ends = set()
    for system in dict.fromkeys(line.system for line in run.replicates_lines):
        lines = [found[system, metric.name] for metric in metrics]
        members = [one.name for one in run.plan.systems if one.group == system]
        summary: list[tuple[str, list[tuple[float | None, float | None]]]] = [
            (f"mean of {lines[0].n_replicates}", [(line.mean, line.sd) for line in lines]),
            ("lowest", [(line.lowest, None) for line in lines]),
            ("highest", [(line.highest, None) for line in lines]),
        ]
        for name in reversed(members):
            summary.insert(0, (name, [(scores.get((name, metric.name)), None) for metric in metrics]))
        for name, numbers in summary:
            cells: list[Cell] = [TextCell(text=system), TextCell(text=name), CountCell(n=lines[0].n_replicates)]
            for (score, spread), metric in zip(numbers, metrics, strict=True):
                cells.append(
                    ScoreCell(
                        score=score,
                        spread=spread,
                        display_factor=metric.display_factor,
                        decimals=settings.decimals_of(metric.name),
                    )
                )
            rows.append(tuple(cells))
        ends.add(len(rows) - 1)
    notes = ["Mean ± standard deviation over the runs of one system."] if rows else ["No system has several runs."]
    return Table(
        name="runs",
        caption=f"Runs of each system, {of_testset(run.plan.testset)}",
        columns=(
            *(Column(heading=heading) for heading in ("System", "Run", "Runs")),
            *(Column(heading=heads[metric.name], higher_is_better=metric.higher_is_better) for metric in metrics),
        ),
        rows=tuple(rows),
        notes=tuple(notes),
        lines_after=frozenset(ends - {len(rows) - 1}),
    )
