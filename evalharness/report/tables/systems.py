"""The results table: a row per system, a column per metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from evalharness.report.settings import ReportSettings
from evalharness.report.table import Cell, Column, ScoreCell, Table, TextCell
from evalharness.runs.plan import PlannedMetric
from evalharness.runs.view import RunView, ScoreLine

_ALPHA = 0.05

Scores: TypeAlias = Mapping[tuple[str, str], ScoreLine]
"""Lines of `scores.csv` by system and metric."""


def build(run: RunView, settings: ReportSettings) -> Table:
    """Systems in the order of the first metric, best first; in bold the best of each metric and all systems that the
    test does not tell from it."""
    scores: Scores = {(line.system, line.metric): line for line in run.score_lines}
    scored = {metric for _, metric in scores}
    metrics = [metric for metric in run.plan.metrics if metric.name in scored]
    systems = [system.name for system in run.plan.systems]
    if metrics:
        systems.sort(key=_best_first(scores, metrics[0]))
    best = {metric.name: _top(run, scores, metric) for metric in metrics}
    heads = headings(metrics)
    rows: list[tuple[Cell, ...]] = []
    for system in systems:
        cells: list[Cell] = [TextCell(text=system)]
        for metric in metrics:
            cells.append(
                ScoreCell(
                    score=scores[system, metric.name].score,
                    display_factor=metric.display_factor,
                    decimals=settings.decimals,
                    is_best=system in best[metric.name],
                )
            )
        rows.append(tuple(cells))
    testset = run.plan.testset
    return Table(
        name="systems",
        caption=f"{testset.name} {testset.language_pair}, {counted(testset.n_segments, 'segment')}",
        columns=(
            Column(heading="System"),
            *(Column(heading=heads[metric.name], higher_is_better=metric.higher_is_better) for metric in metrics),
        ),
        rows=tuple(rows),
        notes=tuple(_notes(run, metrics, scores)),
    )


def counted(n: int, noun: str) -> str:
    """`1 document`, `2 documents`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def headings(metrics: Sequence[PlannedMetric]) -> dict[str, str]:
    """Column heads by metric name; where two metrics share the field's spelling, with the option name behind it."""
    shared = Counter(metric.heading for metric in metrics)
    return {
        metric.name: metric.heading if shared[metric.heading] == 1 else f"{metric.heading} ({metric.name})"
        for metric in metrics
    }


def _best_first(scores: Scores, metric: PlannedMetric) -> Callable[[str], tuple[bool, float]]:
    sign = -1.0 if metric.higher_is_better else 1.0

    def position(system: str) -> tuple[bool, float]:
        score = scores[system, metric.name].score
        return (score is None, 0.0 if score is None else sign * score)

    return position


def _top(run: RunView, scores: Scores, metric: PlannedMetric) -> set[str]:
    """The best system and those not significantly different from it; the best alone where it was not compared."""
    scored = [system.name for system in run.plan.systems if scores[system.name, metric.name].score is not None]
    if len(scored) < 2:
        return set()
    first = min(scored, key=_best_first(scores, metric))
    top = {name for name in scored if scores[name, metric.name].score == scores[first, metric.name].score}
    for line in run.comparison_lines:
        if line.metric == metric.name and first in (line.system_a, line.system_b) and line.decisive_p >= _ALPHA:
            top |= {line.system_a, line.system_b}
    return top


def _longer_signatures(heading: str, metric: PlannedMetric, scores: Scores) -> list[str]:
    """What stands behind the metric's signature in that of a system's score, such as `cut:3`."""
    systems: dict[str, list[str]] = {}
    for line in scores.values():
        behind = line.signature.removeprefix(metric.signature or "")
        if line.metric == metric.name and line.signature != behind and behind:
            systems.setdefault(behind, []).append(line.system)
    return [f"{heading}: the signature ends in {behind} for {', '.join(names)}." for behind, names in systems.items()]


def _notes(run: RunView, metrics: list[PlannedMetric], scores: Scores) -> list[str]:
    notes = []
    compared = run.comparison_lines
    if compared:
        test = compared[0]
        draws = "exact" if test.n_draws is None else f"{test.n_draws} draws"
        n_pairs = sum(line.metric == test.metric for line in compared)
        family = (
            f"{'not corrected for' if test.p_holm is None else 'Holm over'} {n_pairs} pairs"
            if n_pairs > 1
            else "one pair"
        )
        family += " for each metric" if len(metrics) > 1 else ""
        notes.append(
            f"Marked: the best of each metric and every system not significantly different from it (paired sign-flip "
            f"test, {draws}, {counted(test.n_units, test.unit)}, p < {_ALPHA}, {family})."
        )
        smallest = 2.0 ** (1 - test.n_units)
        n_together = 1 if test.p_holm is None else n_pairs
        if test.n_draws is None and smallest * n_together >= _ALPHA:
            corrected = min(1.0, smallest * n_together)
            of_pairs = f", or {corrected:.2g} corrected for {n_together} pairs" if n_together > 1 else ""
            notes.append(
                f"No difference can be significant here: with {counted(test.n_units, test.unit)} no p-value is below "
                f"{smallest:.2g}{of_pairs}. So nothing is told apart, whatever the scores."
            )
        if n_pairs > 1 and len({line.system_b for line in compared}) == 1:  # the baseline: `pairs_of` puts it second
            notes.append(
                f"Only pairs with {test.system_b} were tested: where another system is the best, systems without a "
                "mark may still not differ from it."
            )
    heads = headings(metrics)
    for metric in metrics:
        notes.append(f"{heads[metric.name]}: {metric.signature}")
        notes += _longer_signatures(heads[metric.name], metric, scores)
        if metric.remark is not None:
            notes.append(f"{heads[metric.name]}: {metric.remark}")
        gaps = [line for line in scores.values() if line.metric == metric.name and line.n_missing]
        if gaps:
            of_each = ", ".join(f"{line.n_missing} of {line.system}" for line in gaps)
            notes.append(
                f"{heads[metric.name]}: some segments have no score ({of_each}); scores are over the others, "
                "differences over the segments that every compared system has a score for."
            )
    notes += [
        f"{metric.heading}: not scored. {metric.unavailable}" for metric in run.plan.metrics if metric.unavailable
    ]
    return notes
