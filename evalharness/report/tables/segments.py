"""Segments by which two systems differ most, and those of which the metrics say different things."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import pstdev
from typing import Any, Protocol, runtime_checkable

from evalharness.report.notes import baseline_of, not_of_comparisons, of_testset
from evalharness.report.settings import ReportSettings
from evalharness.report.table import Cell, Column, ScoreCell, Table, TextCell, one_line
from evalharness.report.tables.systems import headings, scored_metrics
from evalharness.runs.plan import PlannedMetric
from evalharness.runs.view import Reported

_N_OF_EACH = 5
_WIDEST = 60
"""Characters of a text that are shown."""


@runtime_checkable
class HasSegments(Protocol):
    """A record, which has texts and scores of segments; a comparison of records has none."""

    @property
    def all_systems(self) -> Sequence[str]: ...

    def segment_columns(self, names: Sequence[str], *, rows: Sequence[int] | None = None) -> dict[str, list[Any]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """Two systems and where their rows begin; by metric the scores of each and their differences, gaps left out."""

    names: tuple[str, str]
    starts: tuple[int, int]
    scores: dict[str, tuple[list[float | None], list[float | None]]]
    deltas: dict[str, dict[int, float]]


def build(run: Reported, settings: ReportSettings) -> Table:
    """The two best systems by the first metric, or the baseline and the best other.

    Raises: ConfigError for a comparison, which knows no segments."""
    if not isinstance(run, HasSegments):
        raise not_of_comparisons("segments")
    metrics = scored_metrics(run)
    heads = headings(metrics)
    n_segments = run.plan.testset.n_segments
    chosen = _two(run)
    rows: list[tuple[Cell, ...]] = []
    ends = set()
    notes = ["There are no two systems with scores, so no differences of segments."]
    has_documents = False
    if chosen is not None:
        pair = _pair(run, chosen, metrics, n_segments)
        has_documents = any(run.segment_columns(["document"], rows=range(n_segments))["document"])
        picked = _picked(pair, metrics)
        # A few texts of what may be millions.
        rows_read = sorted({start + position for start in pair.starts for _, position in picked})
        columns = run.segment_columns(["segment", "document", "source", "hypothesis"], rows=rows_read)
        texts = {name: dict(zip(rows_read, column, strict=True)) for name, column in columns.items()}
        for kind, position in picked:
            places = [start + position for start in pair.starts]
            lines = [
                (name, [pair.scores[metric.name][side][position] for metric in metrics], texts["hypothesis"][place])
                for side, (name, place) in enumerate(zip(pair.names, places, strict=True))
            ]
            deltas = [pair.deltas[metric.name].get(position) for metric in metrics]
            lines.append(("A - B; source", deltas, texts["source"][places[0]]))
            for name, numbers, text in lines:
                first = [kind, texts["segment"][places[0]]]
                first += [texts["document"][places[0]] or ""] if has_documents else []
                cells: list[Cell] = [TextCell(text=word) for word in [*first, name]]
                for number, metric in zip(numbers, metrics, strict=True):
                    cells.append(
                        ScoreCell(
                            score=number,
                            display_factor=metric.display_factor,
                            decimals=settings.decimals_of(metric.name),
                        )
                    )
                rows.append((*cells, TextCell(text=_cut(text))))
            ends.add(len(rows) - 1)
        notes = _notes(pair, {kind for kind, _ in picked}, heads[metrics[0].name])
    return Table(
        name="segments",
        caption=f"Segments that differ most, {of_testset(run.plan.testset)}",
        columns=(
            *(Column(heading=heading) for heading in ("Why", "Segment", *(["Document"] if has_documents else []))),
            Column(heading="System"),
            *(Column(heading=heads[metric.name], higher_is_better=metric.higher_is_better) for metric in metrics),
            Column(heading="Text"),
        ),
        rows=tuple(rows),
        notes=tuple(notes),
        lines_after=frozenset(ends - {len(rows) - 1}),
    )


def _two(run: Reported) -> tuple[str, str] | None:
    """The best system by the first metric, and the baseline or the second best; of several runs of one the best."""
    metrics = scored_metrics(run)
    if not metrics:
        return None
    sign = -1.0 if metrics[0].higher_is_better else 1.0
    scores = {line.system: line.score for line in run.score_lines if line.metric == metrics[0].name}
    known_scores = [(sign * score, name) for name, score in scores.items() if score is not None]
    systems = {system.name: system.group or system.name for system in run.plan.systems}
    best_runs: dict[str, str] = {}
    for _, name in sorted(known_scores):
        best_runs.setdefault(systems[name], name)
    ordered = list(best_runs)
    baseline = baseline_of(run)
    if baseline in ordered:
        ordered.remove(baseline)
        ordered.insert(1, baseline)
    return (best_runs[ordered[0]], best_runs[ordered[1]]) if len(ordered) > 1 else None


def _pair(run: HasSegments, names: tuple[str, str], metrics: Sequence[PlannedMetric], n_segments: int) -> _Pair:
    starts = (run.all_systems.index(names[0]) * n_segments, run.all_systems.index(names[1]) * n_segments)
    wanted = ["system", *(metric.name for metric in metrics)]
    sides = [run.segment_columns(wanted, rows=range(start, start + n_segments)) for start in starts]
    scores: dict[str, tuple[list[float | None], list[float | None]]] = {}
    deltas: dict[str, dict[int, float]] = {}
    for metric in metrics:
        first, second = (columns[metric.name] for columns in sides)
        scores[metric.name] = (first, second)
        deltas[metric.name] = {
            position: a - b
            for position, (a, b) in enumerate(zip(first, second, strict=True))
            if a is not None and b is not None and not math.isnan(a - b)
        }
    return _Pair(names=names, starts=starts, scores=scores, deltas=deltas)


def _picked(pair: _Pair, metrics: Sequence[PlannedMetric]) -> list[tuple[str, int]]:
    """Why, and which segment: A better, B better, then those the metrics disagree on; of equal ones the first."""
    first = metrics[0]
    sign = 1.0 if first.higher_is_better else -1.0
    better = {position: sign * delta for position, delta in pair.deltas[first.name].items()}
    above = sorted((position for position in better if better[position] > 0), key=lambda one: -better[one])
    below = sorted((position for position in better if better[position] < 0), key=lambda one: better[one])
    picked = [("A better", position) for position in above[:_N_OF_EACH]]
    picked += [("B better", position) for position in below[:_N_OF_EACH]]
    distances = _disagreement(pair, metrics)
    apart = sorted(distances, key=lambda position: -distances[position])
    return picked + [("metrics disagree", position) for position in apart[:_N_OF_EACH]]


def _disagreement(pair: _Pair, metrics: Sequence[PlannedMetric]) -> dict[int, float]:
    """By segment, how far the metrics' differences lie apart, each in its standard deviations and turned so that above
    zero A is better; only segments of which one metric says A and another B."""
    scaled: list[dict[int, float]] = []
    for metric in metrics:
        deltas = pair.deltas[metric.name]
        spread = pstdev(deltas.values()) if deltas else 0.0
        if spread:
            sign = 1.0 if metric.higher_is_better else -1.0
            scaled.append({position: sign * delta / spread for position, delta in deltas.items()})
    found = {}
    for position in scaled[0] if len(scaled) > 1 else ():
        of_metrics = [deltas[position] for deltas in scaled if position in deltas]
        if min(of_metrics) < 0 < max(of_metrics):
            found[position] = max(of_metrics) - min(of_metrics)
    return found


def _cut(text: str | None) -> str:
    """The beginning on one line; a dash where there is no text."""
    if text is None:
        return "-"
    line = one_line(text)
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1].rstrip()}…"


def _notes(pair: _Pair, kinds: set[str], head: str) -> list[str]:
    first, second = pair.names
    notes = [
        f"A is {first}, B is {second}: up to {_N_OF_EACH} segments in which each is better by most by {head}. Scores "
        "of single segments are noisy; nothing is tested here."
    ]
    if "metrics disagree" in kinds:
        notes.append(
            "metrics disagree: by one metric A is better, by another B; furthest apart in standard deviations of their "
            "differences."
        )
    return [*notes, f"Texts are cut to {_WIDEST} characters."]
