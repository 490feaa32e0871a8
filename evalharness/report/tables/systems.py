"""The results table: a row per system, a column per metric."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from evalharness.report.notes import (
    RUNS_MUST_DIFFER,
    baseline_of,
    by_metric,
    compared,
    detectable,
    few_units,
    how_tested,
    impossible,
    is_hopeless,
    left_out,
    level_of,
    of_testset,
    untested,
)
from evalharness.report.settings import ReportSettings
from evalharness.report.table import Cell, Column, CountCell, RankCell, ScoreCell, Table, TextCell
from evalharness.report.tables.findings import found_in_texts
from evalharness.runs.plan import PlannedMetric, PlannedSystem
from evalharness.runs.view import UNUSABLE, RankLine, Reported, ScoreLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a row shows of a metric: a system's score, or mean and standard deviation over its runs."""

    score: float | None
    spread: float | None = None
    low: float | None = None
    high: float | None = None


_UNLIKE = (
    "such a segment tends to another score than it has read whole, often to a higher one, so that small differences "
    "between systems may come of that."
)

Standings: TypeAlias = Mapping[tuple[str, str], Standing]
"""By system, or the system whose runs were grouped, and metric."""


def build(run: Reported, settings: ReportSettings) -> Table:
    """Systems in the order of AutoRank or else of the first metric, best first; in bold the best of each metric and all
    systems that the test does not tell from it, or those that beat the baseline. Runs of one system are one row, with
    the standard deviation over them."""
    metrics = scored_metrics(run)
    found = standings(run)
    systems = _by_autorank(run) or (best_first(run, metrics[0]) if metrics else compared(run))
    marked = {metric.name: _marked(run, found, metric) for metric in metrics}
    heads = headings(metrics)
    autorank = {line.system: line.autorank for line in run.autorank_lines}
    guarded = _guarded(run)
    rows: list[tuple[Cell, ...]] = []
    ranks = ranks_of_order(run)
    unusable = _unusable(run)
    for system in systems:
        cells: list[Cell] = [TextCell(text=system)]
        if autorank:
            cells.append(ScoreCell(score=autorank.get(system), decimals=1))
        for metric in metrics:
            standing = found[system, metric.name]
            decimals = settings.decimals_of(metric.name)
            cells.append(
                ScoreCell(
                    score=standing.score,
                    display_factor=metric.display_factor,
                    decimals=decimals,
                    is_best=system in marked[metric.name],
                    spread=standing.spread,
                    low=standing.low,
                    high=standing.high,
                    shows_interval=settings.intervals,
                )
            )
            if guarded:
                score = guarded[system, metric.name]
                cells.append(ScoreCell(score=score, display_factor=metric.display_factor, decimals=decimals))
        if ranks:
            cells.append(_rank(ranks.get(system)))
        if unusable:
            cells.append(CountCell(n=unusable.get(system)))
        rows.append(tuple(cells))
    return Table(
        name="systems",
        caption=of_testset(run.plan.testset),
        columns=(
            Column(heading="System"),
            *([Column(heading="AutoRank", higher_is_better=False)] if autorank else []),
            *(
                Column(heading=heading, higher_is_better=metric.higher_is_better)
                for metric in metrics
                for heading in (heads[metric.name], *([f"{heads[metric.name]} guarded"] if guarded else []))
            ),
            *([Column(heading="Rank")] if ranks else []),
            *([Column(heading="Unusable")] if unusable else []),
        ),
        rows=tuple(rows),
        notes=tuple(_notes(run, metrics, settings)),
        lines_after=_between_clusters(systems, ranks),
    )


def ranks_of_order(run: Reported) -> dict[str, RankLine]:
    """By system, the ranks of the metric that orders the table; none where AutoRank does, where there is a baseline,
    and where not every pair was tested."""
    metrics = scored_metrics(run)
    if not metrics or run.autorank_lines or baseline_of(run) is not None:
        return {}
    return {line.system: line for line in run.rank_lines if line.metric == metrics[0].name}


def _rank(line: RankLine | None) -> RankCell:
    return RankCell(top=None, bottom=None) if line is None else RankCell(top=line.rank_top, bottom=line.rank_bottom)


def _between_clusters(systems: Sequence[str], ranks: Mapping[str, RankLine]) -> frozenset[int]:
    """The rows behind which only systems of later clusters stand. Where systems have other segments, one may stand
    above another of an earlier cluster."""
    clusters = [ranks[system].cluster if system in ranks else None for system in systems]
    ends = set()
    for number in range(len(clusters) - 1):
        above = [cluster for cluster in clusters[: number + 1] if cluster is not None]
        below = [cluster for cluster in clusters[number + 1 :] if cluster is not None]
        if above and below and max(above) < min(below):
            ends.add(number)
    return frozenset(ends)


def _unusable(run: Reported) -> dict[str, int]:
    """How many unusable hypotheses each row has; none where nobody has any."""
    groups = {system.name: system.group or system.name for system in run.plan.systems}
    counts: Counter[str] = Counter()
    for line in run.problem_lines or ():
        if line.flag == UNUSABLE:
            counts[groups[line.system]] += line.n_segments
    return dict(counts) if any(counts.values()) else {}


def _guarded(run: Reported) -> dict[tuple[str, str], float | None]:
    """Scores with the worst in place of unusable segments, by row and metric; the mean over the runs of one system.
    None were asked for where it is empty."""
    groups = {system.name: system.group or system.name for system in run.plan.systems}
    scores: dict[tuple[str, str], list[float | None]] = {}
    for line in run.guarded_lines:
        scores.setdefault((groups[line.system], line.metric), []).append(line.score)
    means: dict[tuple[str, str], float | None] = {}
    for key, of_runs in scores.items():
        known = [score for score in of_runs if score is not None]
        means[key] = sum(known) / len(known) if len(known) == len(of_runs) else None
    return means


def _by_autorank(run: Reported) -> list[str]:
    """Systems in the order of AutoRank, without one last; none where AutoRank was not asked for."""
    lines = sorted(run.autorank_lines, key=lambda line: math.inf if line.autorank is None else line.autorank)
    return [line.system for line in lines]


def scored_metrics(run: Reported) -> list[PlannedMetric]:
    """The metrics that have scores, as planned."""
    scored = {line.metric for line in run.score_lines}
    return [metric for metric in run.plan.metrics if metric.name in scored]


def standings(run: Reported) -> Standings:
    found = {
        (line.system, line.metric): Standing(score=line.score, low=line.ci_low, high=line.ci_high)
        for line in run.score_lines
    }
    means = {
        (line.system, line.metric): Standing(score=line.mean, spread=line.sd, low=line.ci_low, high=line.ci_high)
        for line in run.replicates_lines
    }
    return found | means


def best_first(run: Reported, metric: PlannedMetric) -> list[str]:
    """What has a row, in the order of a metric; without a score last."""
    return sorted(compared(run), key=_position(standings(run), metric))


def entrants_best_first(run: Reported) -> list[PlannedSystem]:
    """All systems, each run of one by itself, in the order of the first metric that has scores."""
    metrics = scored_metrics(run)
    order = {name: place for place, name in enumerate(best_first(run, metrics[0]) if metrics else compared(run))}
    return sorted(run.plan.systems, key=lambda system: order[system.group or system.name])


def headings(metrics: Sequence[PlannedMetric]) -> dict[str, str]:
    """Column heads by metric name; where two metrics share the field's spelling, with the option name behind it."""
    shared = Counter(metric.heading for metric in metrics)
    return {
        metric.name: metric.heading if shared[metric.heading] == 1 else f"{metric.heading} ({metric.name})"
        for metric in metrics
    }


def _position(found: Standings, metric: PlannedMetric) -> Callable[[str], tuple[bool, float, str]]:
    """By score, equal ones by name, as ranks are."""
    sign = -1.0 if metric.higher_is_better else 1.0

    def position(system: str) -> tuple[bool, float, str]:
        score = found[system, metric.name].score
        return (score is None, 0.0 if score is None else sign * score, system)

    return position


def _marked(run: Reported, found: Standings, metric: PlannedMetric) -> set[str]:
    """With a baseline, those significantly better than it. Else the best and those not significantly different from
    it; the best is who has the best score, or, where systems have other segments, who beats it over the segments both
    have. Nobody where nothing was tested, or could be told apart."""
    if is_hopeless([line for line in run.corrected_lines if line.metric == metric.name]):
        return set()
    lines = [line for line in run.comparison_lines if line.metric == metric.name and line.p is not None]
    sign = 1 if metric.higher_is_better else -1
    winners = {
        (line.system_a, line.system_b) if sign * line.delta > 0 else (line.system_b, line.system_a)
        for line in lines
        if line.is_significant
    }
    baseline = baseline_of(run)
    if baseline is not None:
        return {better for better, worse in winners if worse == baseline}
    scores = {name: found[name, metric.name].score for name in compared(run)}
    known = [score for score in scores.values() if score is not None]
    if not known:
        return set()
    best = {name for name, score in scores.items() if score == (max(known) if metric.higher_is_better else min(known))}
    seen: set[str] = set()
    while beaten_by := {winner for winner, loser in winners if loser in best} - seen:  # over the segments both have
        seen |= best
        best = beaten_by
    tested = [line for line in lines if best & {line.system_a, line.system_b}]
    not_worse = {name for line in tested if not line.is_significant for name in (line.system_a, line.system_b)}
    return best | not_worse if tested else set()


def _longer_signatures(
    heading: str, metric: PlannedMetric, lines: Sequence[ScoreLine], meanings: Mapping[str, str]
) -> list[str]:
    """What stands behind the metric's signature in that of a system's score, such as `cut:3`."""
    systems: dict[str, list[str]] = {}
    for line in lines:
        behind = line.signature.removeprefix(metric.signature or "")
        if line.metric == metric.name and line.signature != behind:
            systems.setdefault(behind, []).append(line.system)
    if not any(systems):
        return []
    endings = "; ".join(f"in {behind} for {', '.join(names)}" for behind, names in systems.items() if behind)
    said = [f"{heading}: the signature ends {endings}."]
    fields = [dict(field.partition(":")[::2] for field in behind.split("|") if field) for behind in systems]
    for name in dict.fromkeys(name for of_systems in fields for name in of_systems):
        if (flag := f"{metric.name}:{name}") not in meanings:
            continue
        said.append(f"{name} counts segments {meanings[flag]}.")
        if len({of_systems.get(name, "0") for of_systems in fields}) > 1:
            said.append(f"{name} is not the same for all systems: {_UNLIKE}")
    return [" ".join(said)]


def _notes(run: Reported, metrics: list[PlannedMetric], settings: ReportSettings) -> list[str]:
    lines, heads = run.comparison_lines, headings(metrics)
    notes = [*_notes_on_marks(run), *_notes_on_problems(run)]
    notes += _untested_marks(run, heads)
    notes += untested(lines)
    notes += impossible(run, heads)
    notes += detectable(lines, metrics, heads, settings)
    notes += [*_notes_on_ranks(run, heads), *_notes_on_intervals(run, settings)]
    if run.replicates_lines:
        counts = dict.fromkeys((line.system, line.n_replicates) for line in run.replicates_lines)
        notes.append(
            f"Mean ± standard deviation over runs ({', '.join(f'{n} of {system}' for system, n in counts)})."
            + (f" {RUNS_MUST_DIFFER}" if any(line.p_replicates is not None for line in lines) else "")
        )
    if run.autorank_lines:
        line = run.autorank_lines[0]
        averaged = ", ".join(heads.get(name, name) for name in line.metrics.split(","))
        notes.append(f"AutoRank as in {line.rule.upper()}, 1 for the best, over {averaged}.")
    meanings = {line.flag: line.meaning for line in run.problem_lines or ()}
    for metric in metrics:
        scale = "" if metric.display_factor == 1 else f" (scores shown × {metric.display_factor:g})"
        notes.append(f"{heads[metric.name]}: {metric.signature}{scale}")
        notes += _longer_signatures(heads[metric.name], metric, run.score_lines, meanings)
        if metric.remark is not None:
            notes.append(f"{heads[metric.name]}: {metric.remark}")
        gaps = [line for line in run.score_lines if line.metric == metric.name and line.n_missing]
        if gaps:
            of_each = ", ".join(f"{line.n_missing} of {line.system}" for line in gaps)
            notes.append(
                f"{heads[metric.name]}: some segments have no score ({of_each}); scores are over the others, so that "
                "systems may stand in another order than over the segments they share."
            )
    notes += left_out(run, heads)
    notes += found_in_texts(run)
    notes += [
        f"{metric.heading}: not scored. {metric.unavailable}" for metric in run.plan.metrics if metric.unavailable
    ]
    return notes


def _notes_on_problems(run: Reported) -> list[str]:
    """Who has hypotheses that are no translations, and what became of these, and who handed references in."""
    lines = run.problem_lines or ()
    unusable = [line for line in lines if line.is_unusable and line.n_segments]
    kinds: dict[str, list[str]] = {}
    for line in unusable:
        if line.flag != UNUSABLE:
            kinds.setdefault(line.system, []).append(f"{line.n_segments} {line.flag}")
    fate = "scored as they are" + (", and as the worst under guarded" if run.guarded_lines else "")
    of_systems = [
        f"{line.system} {line.n_segments} of {line.n_hypotheses} ({', '.join(kinds[line.system])})"
        for line in unusable
        if line.flag == UNUSABLE
    ]
    notes = [f"Unusable hypotheses, {fate}: {'; '.join(of_systems)}."] if of_systems else []
    copied = [f"{line.system} {line.n_segments} of {line.n_hypotheses}" for line in lines if line.is_mostly_references]
    notes += [f"References handed in as hypotheses, whose scores are not a system's: {'; '.join(copied)}."] * any(
        copied
    )
    found = {line.flag for line in lines if line.n_segments}
    others = dict.fromkeys(line.flag for line in lines if line.flag in found and not line.is_unusable)
    if others:
        notes.append(f"Other flags of hypotheses are counted in the table problems: {', '.join(others)}.")
    if run.guarded_lines:
        notes.append(
            "guarded: the same scores when each unusable hypothesis counts as the metric's worst. Tests, intervals, "
            "ranks and marks are of the plain ones."
        )
    return notes


def _notes_on_marks(run: Reported) -> list[str]:
    tested = [line for line in run.comparison_lines if line.p is not None]
    families = by_metric(run.corrected_lines)
    if all(is_hopeless(families[line.metric]) for line in tested):
        return [f"Nothing is marked ({how_tested(run)})."] if tested else []
    baseline = baseline_of(run)
    if baseline is not None:
        is_whole = len(run.comparison_lines) == len(run.corrected_lines)
        only = ", the only system compared with" if is_whole else ""
        return [f"Marked: significantly better than {baseline}{only} ({how_tested(run)})."]
    return [
        f"Marked: the best of each metric and every system not significantly different from it ({how_tested(run)})."
    ]


def _notes_on_ranks(run: Reported, heads: Mapping[str, str]) -> list[str]:
    if not (ranks := ranks_of_order(run)):
        return []
    head = heads[next(iter(ranks.values())).metric]
    is_several = len({line.cluster for line in ranks.values()}) > 1
    return [
        f"Rank: the ranks by {head} that the tests leave open"
        + ("; lines stand between clusters (table ranks)." if is_several else " (table ranks).")
    ]


def _notes_on_intervals(run: Reported, settings: ReportSettings) -> list[str]:
    if not settings.intervals or all(line.ci_low is None for line in run.score_lines):
        return []
    said = (
        f"In brackets: {level_of(run)} bootstrap interval of each score by itself; whether two systems differ is what "
        "tests say."
    )
    return [" ".join(filter(None, [said, few_units(run)]))]


def _untested_marks(run: Reported, heads: Mapping[str, str]) -> list[str]:
    """Who is not marked for want of a test, where others were tested."""
    if baseline_of(run) is not None:
        return []
    notes = []
    for name, family in by_metric(run.comparison_lines).items():
        untested_pairs = [line for line in family if line.p is None]
        if untested_pairs and len(untested_pairs) < len(family):
            without = sorted({system for line in untested_pairs for system in (line.system_a, line.system_b)})
            notes.append(
                f"{heads[name]}: some pairs of {', '.join(without)} were not tested, so a system without a mark may "
                "not differ from the best."
            )
    return notes
