"""Scores by document, domain, original language and length of the source: a row for each slice and system."""

from __future__ import annotations

from collections.abc import Sequence

from evalharness.report.notes import known, of_testset
from evalharness.report.settings import ReportSettings
from evalharness.report.table import Cell, Column, CountCell, ScoreCell, Table, TextCell
from evalharness.report.tables.systems import entrants_best_first, headings, scored_metrics
from evalharness.runs.view import Reported, SliceLine

_MOST_DOCUMENTS = 12
"""With more documents they would be most of the table; all are in `slices.csv`."""


def build(run: Reported, settings: ReportSettings) -> Table:
    """Slices in the order of the test set, in each the systems best first over all of it; in bold the best of each
    slice and metric.

    Raises: ConfigError for a comparison, which knows no segments."""
    lines = known(run.slice_lines, "slices")
    metrics = scored_metrics(run)
    heads = headings(metrics)
    documents = {line.slice for line in lines if line.by == "document"}
    shown = [line for line in lines if line.by != "document" or len(documents) <= _MOST_DOCUMENTS]
    scores = {(line.by, line.slice, line.system, line.metric): line for line in shown}
    slices = list(dict.fromkeys((line.by, line.slice) for line in shown))
    best: dict[tuple[str, str, str], float] = {}
    better = {metric.name: max if metric.higher_is_better else min for metric in metrics}
    for line in shown:
        if line.score is not None:
            key = (line.by, line.slice, line.metric)
            best[key] = better[line.metric](best.get(key, line.score), line.score)
    systems = [system.name for system in entrants_best_first(run)]
    rows: list[tuple[Cell, ...]] = []
    ends = set()
    for by, name in slices:
        for system in systems:
            of_system = [scores[by, name, system, metric.name] for metric in metrics]
            cells: list[Cell] = [TextCell(text=by), TextCell(text=name), TextCell(text=system)]
            cells.append(CountCell(n=of_system[0].n_scored + of_system[0].n_missing))
            for line, metric in zip(of_system, metrics, strict=True):
                cells.append(
                    ScoreCell(
                        score=line.score,
                        display_factor=metric.display_factor,
                        decimals=settings.decimals_of(metric.name),
                        is_best=line.score is not None and line.score == best[by, name, metric.name],
                    )
                )
            rows.append(tuple(cells))
        ends.add(len(rows) - 1)
    return Table(
        name="slices",
        caption=f"Scores of slices, {of_testset(run.plan.testset)}",
        columns=(
            *(Column(heading=heading) for heading in ("By", "Slice", "System", "Segments")),
            *(Column(heading=heads[metric.name], higher_is_better=metric.higher_is_better) for metric in metrics),
        ),
        rows=tuple(rows),
        notes=tuple(_notes(run, lines, shown, len(documents))),
        lines_after=frozenset(ends - {len(rows) - 1}),
    )


def _notes(run: Reported, lines: Sequence[SliceLine], shown: Sequence[SliceLine], n_documents: int) -> list[str]:
    if not lines:
        return ["The test set is of one piece: no documents, domains or original languages, and sources of one length."]
    notes = ["Marked: the best of each slice and metric; no difference was tested."]
    if not shown:
        return [f"The {n_documents} documents are in slices.csv; else the test set is of one piece."]
    if len(shown) < len(lines):
        notes.append(f"The {n_documents} documents are in slices.csv.")
    first = next(iter(run.plan.systems)).name, shown[0].metric
    for by in dict.fromkeys(line.by for line in shown):
        of_one = [line for line in shown if line.by == by and (line.system, line.metric) == first]
        n_without = run.plan.testset.n_segments - sum(line.n_scored + line.n_missing for line in of_one)
        if n_without:
            notes.append(f"{n_without} of {run.plan.testset.n_segments} segments have no {by.replace('-', ' ')}.")
    gaps = sum(line.n_missing for line in run.score_lines)
    if gaps:
        notes.append(f"{gaps} scores of segments are missing; scores are over the others (slices.csv).")
    return notes
