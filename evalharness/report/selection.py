"""Some systems and metrics of a run, in an order asked for, as if the run had only them; tests stay as they were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from evalharness.errors import ConfigError, nearest
from evalharness.report.notes import baseline_of, compared
from evalharness.report.tables.systems import headings
from evalharness.runs.plan import Plan
from evalharness.runs.view import (
    AutoRankLine,
    ComparisonLine,
    FindingLine,
    GuardedLine,
    ProblemLine,
    RankLine,
    ReplicatesLine,
    RunView,
    ScoreLine,
    SliceLine,
)


class _OfSystem(Protocol):
    @property
    def system(self) -> str: ...


class _OfMetric(_OfSystem, Protocol):
    @property
    def metric(self) -> str: ...


_OF_PAIRS = frozenset(("systems", "pairwise", "comparisons", "segments"))
_OF_TESTS = frozenset(("systems", "pairwise", "comparisons", "ranks"))
"""Tables, and figures of these names, in which a baseline chooses pairs, and whose numbers come of tests."""

S = TypeVar("S", bound=_OfSystem)
M = TypeVar("M", bound=_OfMetric)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is to be shown, all where empty. The first metric orders rows. With a baseline only pairs with it are
    shown, from its side."""

    metrics: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    baseline: str | None = None

    def __bool__(self) -> bool:
        return bool(self.metrics or self.systems or self.baseline is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What tables read of a record, with the lines that were chosen."""

    record: RunView
    baseline: str | None
    plan: Plan
    score_lines: Sequence[ScoreLine]
    comparison_lines: Sequence[ComparisonLine]
    rank_lines: Sequence[RankLine]
    autorank_lines: Sequence[AutoRankLine]
    replicates_lines: Sequence[ReplicatesLine]
    finding_lines: Sequence[FindingLine] | None
    slice_lines: Sequence[SliceLine] | None
    problem_lines: Sequence[ProblemLine] | None
    guarded_lines: Sequence[GuardedLine]

    def segment_columns(self, names: Sequence[str], *, rows: Sequence[int] | None = None) -> dict[str, list[Any]]:
        """Rows of all systems of the record."""
        return self.record.segment_columns(names, rows=rows)

    @property
    def all_systems(self) -> Sequence[str]:
        """The record's."""
        return self.record.all_systems

    @property
    def corrected_lines(self) -> Sequence[ComparisonLine]:
        """The record's."""
        return self.record.corrected_lines

    def notes(self, shown_in: str) -> tuple[str, ...]:
        """What stands under a table or figure, of this name, of a selection."""
        counts = (
            ("systems", len(compared(self)), len(compared(self.record))),
            ("metrics", len(self.plan.metrics), len(self.record.plan.metrics)),
        )
        parts = [f"{shown} of {there} {noun}" for noun, shown, there in counts if shown < there]
        if self.baseline is not None and shown_in in _OF_PAIRS:
            parts.append(f"pairs with {self.baseline}")
        if not parts:
            return ()
        tests = ": p-values, correction and ranks are those of the record, over all its pairs"
        return (f"A selection from the record ({', '.join(parts)}){tests if shown_in in _OF_TESTS else ''}.",)


def select(run: RunView, choice: Choice) -> Selection:
    """The chosen part of a record.

    Raises: ConfigError for names it has not, and where nothing would be left."""
    heads = {heading.lower(): name for name, heading in headings(run.plan.metrics).items()}
    metrics = _known(choice.metrics, [metric.name for metric in run.plan.metrics], "metric", run, heads=heads)
    rows = compared(run)
    systems = _known(choice.systems, rows, "system", run)
    baseline = choice.baseline
    if baseline is not None:
        _check_known([baseline], rows, "system", run)
        own = baseline_of(run)
        if own not in (None, baseline):
            raise ConfigError(
                f"{run.folder}: baseline {baseline!r}: the record compares systems with {own!r} alone, so there are no "
                f"pairs with {baseline!r}. Give the command of the run again with stats.baseline={baseline}, or null."
            )
        if choice.systems and baseline not in systems:
            systems.append(baseline)
    position = {name: place for place, name in enumerate(systems)}
    planned = [one for one in run.plan.systems if (one.group or one.name) in position]
    planned.sort(key=lambda one: position[one.group or one.name])
    kept = {one.name for one in planned} | {one.group for one in planned if one.group is not None}
    by_name = {metric.name: metric for metric in run.plan.metrics}
    scored = {line.metric for line in run.score_lines}
    if not any(name in scored for name in metrics):
        raise ConfigError(
            f"{run.folder}: nothing to show: no system has a score by {', '.join(metrics)}. Metrics with scores: "
            f"{', '.join(sorted(scored)) or 'none'}."
        )
    settings: Mapping[str, Any] = run.plan.settings
    if baseline is not None:
        stats = settings.get("stats")
        settings = {**settings, "stats": {**(stats if isinstance(stats, Mapping) else {}), "baseline": baseline}}

    def of_systems(lines: Iterable[S]) -> list[S]:
        return [line for line in lines if line.system in kept]

    def of_both(lines: Iterable[M]) -> list[M]:
        return [line for line in of_systems(lines) if line.metric in metrics]

    has_autorank = not choice.metrics and baseline is None
    return Selection(
        record=run,
        baseline=baseline,
        plan=replace(
            run.plan, systems=tuple(planned), metrics=tuple(by_name[name] for name in metrics), settings=settings
        ),
        score_lines=of_both(run.score_lines),
        comparison_lines=_pairs(run, kept, metrics, baseline),
        rank_lines=of_both(run.rank_lines),
        autorank_lines=of_systems(run.autorank_lines) if has_autorank else (),
        replicates_lines=of_both(run.replicates_lines),
        finding_lines=run.finding_lines,
        slice_lines=None if run.slice_lines is None else of_both(run.slice_lines),
        problem_lines=None if run.problem_lines is None else of_systems(run.problem_lines),
        guarded_lines=of_both(run.guarded_lines),
    )


def _pairs(run: RunView, kept: set[str], metrics: Sequence[str], baseline: str | None) -> list[ComparisonLine]:
    pairs: list[ComparisonLine] = []
    for line in run.comparison_lines:
        names = (line.system_a, line.system_b)
        if line.metric not in metrics or not kept.issuperset(names) or baseline not in (None, *names):
            continue
        pairs.append(line.turned() if line.system_a == baseline else line)
    return pairs


def _known(
    asked: Sequence[str], known: Sequence[str], noun: str, run: RunView, *, heads: Mapping[str, str] | None = None
) -> list[str]:
    """What was asked for, each once, or all there are. Names may be joined by commas, and `heads` are others for them.

    Raises: ConfigError for names there are not."""
    parts = [part for name in asked for part in ([name] if name in known else name.split(","))]
    asked = [part if part in known else (heads or {}).get(part.lower(), part) for part in parts]
    _check_known(asked, known, noun, run)
    return list(dict.fromkeys(asked or known))


def _check_known(asked: Sequence[str], known: Sequence[str], noun: str, run: RunView) -> None:
    """Raises: ConfigError for names there are not."""
    for system in run.plan.systems:
        if noun == "system" and system.group is not None and system.name in asked and system.name not in known:
            raise ConfigError(
                f"{run.folder}: system {system.name!r}: is one of the runs of {system.group!r}, which are shown and "
                f"compared together. Name {system.group!r}; its runs stand in the table runs."
            )
    unknown = [name for name in asked if name not in known]
    if unknown:
        guesses = {name: nearest(name, known).removeprefix("; ") for name in unknown}
        said = ", ".join(repr(name) + (f" ({guess})" if guess != "." else "") for name, guess in guesses.items())
        raise ConfigError(f"{run.folder}: no such {noun}: {said}. The record has: {', '.join(known)}.")
