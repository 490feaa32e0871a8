"""Differences between all systems as a matrix for each metric: the system of the row less that of the column."""

from __future__ import annotations

from evalharness.report.notes import by_metric, how_tested, impossible, left_out, of_testset, untested
from evalharness.report.settings import ReportSettings
from evalharness.report.table import Cell, Column, ScoreCell, Table, TextCell
from evalharness.report.tables.systems import best_first, headings, scored_metrics
from evalharness.runs.view import Reported


def build(run: Reported, settings: ReportSettings) -> Table:
    """Rows best first by their metric, columns best first by the first metric; in bold what is significant."""
    metrics = scored_metrics(run)
    heads = headings(metrics)
    families = by_metric(run.comparison_lines)
    tested = [metric for metric in metrics if metric.name in families]
    across = best_first(run, metrics[0]) if tested else []
    rows: list[tuple[Cell, ...]] = []
    lines_after = set()
    for metric in tested:
        if rows:
            lines_after.add(len(rows) - 1)
        deltas: dict[tuple[str, str], tuple[float, bool]] = {}
        for line in families[metric.name]:
            deltas[line.system_a, line.system_b] = (line.delta, line.is_significant)
            deltas[line.system_b, line.system_a] = (-line.delta, line.is_significant)
        for system in best_first(run, metric):
            cells: list[Cell] = [TextCell(text=heads[metric.name]), TextCell(text=system)]
            for other in across:
                delta, is_significant = deltas.get((system, other), (None, False))
                cells.append(
                    ScoreCell(
                        score=delta,
                        display_factor=metric.display_factor,
                        decimals=settings.decimals_of(metric.name) + 1,  # differences are small beside scores
                        is_best=is_significant,
                    )
                )
            rows.append(tuple(cells))
    if not tested:
        notes = ["There is no pair to compare: one system, or no segment that two systems have a score for."]
    else:
        lines = run.comparison_lines
        notes = [] if all(line.p is None for line in lines) else [f"Marked: significant ({how_tested(run)})."]
        downwards = [heads[metric.name] for metric in tested if not metric.higher_is_better]
        notes += [f"Below zero is better for the system of the row: {', '.join(downwards)}."] if downwards else []
        if len(lines) < len(tested) * len(across) * (len(across) - 1) // 2:
            notes.append("-: not compared.")
        notes += [*untested(lines), *impossible(run, heads), *left_out(run, heads)]
    return Table(
        name="pairwise",
        caption=f"Differences row - column, {of_testset(run.plan.testset)}",
        columns=(Column(heading="Metric"), Column(heading="System"), *(Column(heading=name) for name in across)),
        rows=tuple(rows),
        notes=tuple(notes),
        lines_after=frozenset(lines_after),
    )
