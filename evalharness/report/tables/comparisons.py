"""The differences between systems: a row per metric and pair, with interval, p-values and what it means to people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalharness.report.notes import (
    FEWEST_BOOTSTRAP_UNITS,
    RUNS_MUST_DIFFER,
    baseline_of,
    by_metric,
    how_tested,
    impossible,
    left_out,
    of_testset,
    untested,
)
from evalharness.report.settings import ReportSettings
from evalharness.report.table import Cell, Column, IntervalCell, PValueCell, ScoreCell, Table, TextCell
from evalharness.report.tables.systems import best_first, headings, scored_metrics
from evalharness.runs.plan import PlannedMetric
from evalharness.runs.view import ComparisonLine, Reported

_KINDS = {
    "percentile": "percentile bootstrap",
    "bca": "BCa bootstrap",
    "inverted": "differences the exact test does not reject",
}


def build(run: Reported, settings: ReportSettings) -> Table:
    """Pairs by metric, the better system first, in the order of the systems; with a baseline that is always second."""
    metrics = scored_metrics(run)
    heads = headings(metrics)
    families = by_metric(run.comparison_lines)
    is_bh = any(line.p_bh is not None for line in run.comparison_lines)
    is_corrected = is_bh or any(line.p_holm is not None for line in run.comparison_lines)
    rows: list[tuple[Cell, ...]] = []
    lines_after = set()
    has_baseline = baseline_of(run) is not None
    for metric in metrics:
        if rows and metric.name in families:
            lines_after.add(len(rows) - 1)
        order = {name: place for place, name in enumerate(best_first(run, metric))}
        sign = 1 if metric.higher_is_better else -1
        pairs = [
            line.turned() if not has_baseline and _is_turned(line, sign, order) else line
            for line in families.get(metric.name, [])
        ]
        pairs.sort(key=lambda pair: (order[pair.system_a], order[pair.system_b]))
        rows += [_row(pair, metric, heads[metric.name], settings) for pair in pairs]
    has_agreement = any(line.human_agreement is not None for line in run.comparison_lines)
    has_replicates = any(line.p_replicates is not None for line in run.comparison_lines)
    level = run.comparison_lines[0].level if run.comparison_lines else 0.95
    columns = [
        ("Metric", True),
        ("A", True),
        ("B", True),
        ("Δ", True),
        (f"{100 * level:g}% interval", True),
        ("p", True),
        ("p (BH)" if is_bh else "p (Holm)", is_corrected),
        ("p of runs", has_replicates),
        ("People agree %", has_agreement),
        ("Detectable", True),
    ]
    return Table(
        name="comparisons",
        caption=f"Differences A - B, {of_testset(run.plan.testset)}",
        columns=tuple(Column(heading=heading) for heading, is_shown in columns if is_shown),
        rows=tuple(tuple(cell for cell, (_, is_shown) in zip(row, columns, strict=True) if is_shown) for row in rows),
        notes=tuple(_notes(run, metrics, has_agreement=has_agreement, has_replicates=has_replicates)),
        lines_after=frozenset(lines_after),
    )


def _is_turned(line: ComparisonLine, sign: int, order: Mapping[str, int]) -> bool:
    """Whether the second system is the better, over the segments of the pair; of equal ones the first in the order."""
    if line.delta == 0:
        return order[line.system_a] > order[line.system_b]
    return sign * line.delta < 0


def _row(line: ComparisonLine, metric: PlannedMetric, head: str, settings: ReportSettings) -> tuple[Cell, ...]:
    factor = metric.display_factor
    decimals = settings.decimals_of(metric.name) + 1  # differences are small beside scores
    return (
        TextCell(text=head),
        TextCell(text=line.system_a),
        TextCell(text=line.system_b),
        ScoreCell(score=line.delta, display_factor=factor, decimals=decimals, is_best=line.is_significant),
        IntervalCell(low=line.ci_low, high=line.ci_high, display_factor=factor, decimals=decimals),
        PValueCell(p=line.p, alpha=line.alpha),
        PValueCell(p=line.p_holm if line.p_bh is None else line.p_bh, alpha=line.alpha),
        PValueCell(p=line.p_replicates, alpha=line.alpha),
        ScoreCell(score=line.human_agreement, decimals=0),
        ScoreCell(score=line.detectable, display_factor=factor, decimals=decimals),
    )


def _notes(run: Reported, metrics: list[PlannedMetric], *, has_agreement: bool, has_replicates: bool) -> list[str]:
    lines = run.comparison_lines
    heads = headings(metrics)
    if not lines:
        return ["There is no pair to compare: one system, or no segment that two systems have a score for."]
    notes = [] if all(line.p is None for line in lines) else [f"Marked: significant ({how_tested(run)})."]
    notes += untested(lines)
    notes += impossible(run, heads)
    notes += _intervals(lines, heads)
    if any(line.detectable is not None for line in lines):
        notes.append(
            f"Detectable: the difference that one test at p ≤ {lines[0].alpha:g} finds with 80 % power, given how much "
            "this pair varies from unit to unit; correction asks for more."
        )
    if has_agreement:
        notes.append(_agreement(run, metrics, heads))
    if has_replicates:
        notes.append(f"p of runs: of a difference as large between runs relabelled. {RUNS_MUST_DIFFER}")
    return notes + left_out(run, heads)


def _intervals(lines: Sequence[ComparisonLine], heads: Mapping[str, str]) -> list[str]:
    """How intervals were found, by metric where it differs."""
    kinds: dict[str, list[str]] = {}
    for name, family in by_metric(lines).items():
        for kind in dict.fromkeys(line.interval for line in family if line.interval is not None):
            kinds.setdefault(kind, []).append(heads[name])
    if not kinds:
        return []
    said = [
        _KINDS.get(kind, kind) + (f" ({', '.join(names)})" if len(kinds) > 1 else "") for kind, names in kinds.items()
    ]
    few = any(line.interval in ("percentile", "bca") and line.n_units < FEWEST_BOOTSTRAP_UNITS for line in lines)
    return [
        f"Intervals: {'; '.join(said)}; of each pair by itself, not corrected."
        + (
            f" With fewer than {FEWEST_BOOTSTRAP_UNITS} units bootstrap intervals are too narrow; go by p."
            if few
            else ""
        )
    ]


def _agreement(run: Reported, metrics: Sequence[PlannedMetric], heads: Mapping[str, str]) -> str:
    covered = {line.metric for line in run.comparison_lines if line.human_agreement is not None}
    others = [heads[metric.name] for metric in metrics if metric.name not in covered]
    return (
        "People agree: how often human raters prefer the system with the better score at a difference of this size, "
        "were it real (Kocmi et al. 2024); of large differences that levels off below 100 %, since raters differ"
        + (f"; not measured for {', '.join(others)}." if others else ".")
    )
