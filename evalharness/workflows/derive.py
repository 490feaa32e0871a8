"""What follows from a record's rows: scores, intervals, comparisons, tables. Rewritten every time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evalharness.errors import ConfigError, nearest
from evalharness.fingerprint import fingerprint
from evalharness.metrics.base import CountsIncidents, Metric
from evalharness.records import Array, ErrorSpans, Floats, TestSet
from evalharness.report.settings import ReportSettings
from evalharness.report.table import FILE_FORMATS
from evalharness.report.tables import build_table, table_names
from evalharness.runs.paths import RunPaths
from evalharness.runs.segments import write_segments
from evalharness.runs.view import ComparisonLine, RunView, ScoreLine, write_lines
from evalharness.stats.intervals import Interval, bootstrap_intervals
from evalharness.stats.multiplicity import holm
from evalharness.stats.paired import sign_flip_tests
from evalharness.stats.settings import Correction, StatsSettings, UnitKind
from evalharness.stats.units import Units, units_of
from evalharness.textio import write_text

_DERIVATION_VERSION = "6"
"""Bumped whenever the same rows and settings give other derived files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredMetric:
    """A metric with all its rows [S systems, N segments, K statistics]; missing rows are NaN."""

    name: str
    metric: Metric
    signature: str
    rows: Floats
    error_spans: ErrorSpans | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Everything a run has computed. `hypotheses` [S][N] holds None where a system failed."""

    testset: TestSet
    systems: tuple[str, ...]
    hypotheses: tuple[tuple[str | None, ...], ...]
    metrics: tuple[ScoredMetric, ...]


def derivation_key(scored: Scored, stats: StatsSettings, report: ReportSettings) -> str:
    """The fingerprint of what the derived files depend on beside the rows, which the record's identity fixes."""
    shown = [
        (metric.name, metric.metric.heading, metric.metric.display_factor, metric.metric.higher_is_better)
        for metric in scored.metrics
    ]
    return fingerprint([_DERIVATION_VERSION, *map(repr, (stats, report, scored.testset.name, scored.systems, shown))])


def derived_files(paths: RunPaths, settings: ReportSettings) -> list[Path]:
    """What `write_derived` writes."""
    tables = [paths.tables / f"{name}.{suffix}" for name in table_names() for suffix in FILE_FORMATS]
    segments = [paths.segments, paths.segments_csv] if settings.segments_csv else [paths.segments]
    return [*segments, paths.scores, paths.comparisons, *tables]


def write_derived(paths: RunPaths, scored: Scored, stats: StatsSettings, report: ReportSettings) -> list[ScoreLine]:
    """Write everything but plan, logs and `done.json`; the lines of `scores.csv`."""
    units = units_of([segment.document for segment in scored.testset.segments], stats.unit)
    score_lines = [line for metric in scored.metrics for line in _score_lines(scored, metric, units.kind, stats)]
    score_lines.sort(key=lambda line: scored.systems.index(line.system))
    write_lines(paths.scores, ScoreLine, score_lines)
    pairs = pairs_of(scored.systems, stats.baseline)
    comparisons = [line for metric in scored.metrics for line in _comparison_lines(scored, metric, units, pairs, stats)]
    write_lines(paths.comparisons, ComparisonLine, comparisons)
    write_segments(
        paths,
        scored.testset,
        systems=scored.systems,
        hypotheses=scored.hypotheses,
        segment_scores={metric.name: _segment_scores(metric) for metric in scored.metrics},
        error_spans={metric.name: metric.error_spans for metric in scored.metrics if metric.error_spans is not None},
        as_csv=report.segments_csv,
    )
    write_tables(paths, report)
    return score_lines


def write_tables(paths: RunPaths, settings: ReportSettings) -> None:
    """Draw every table of a record from what the record holds."""
    run = RunView(paths.folder)
    paths.tables.mkdir(exist_ok=True)
    for name in table_names():
        table = build_table(name, run, settings)
        for suffix, render in FILE_FORMATS.items():
            write_text(paths.tables / f"{name}.{suffix}", render(table))


def pairs_of(systems: Sequence[str], baseline: str | None) -> list[tuple[int, int]]:
    """Index pairs to compare: all of them, or each other system with the baseline.

    Raises: ConfigError where no system is called like the baseline."""
    if baseline is None:
        return list(itertools.combinations(range(len(systems)), 2))
    if baseline not in systems:
        raise ConfigError(
            f"stats.baseline={baseline}: no such system{nearest(baseline, systems)} Systems are: {', '.join(systems)}."
        )
    position = systems.index(baseline)
    return [(index, position) for index in range(len(systems)) if index != position]


def _score_lines(scored: Scored, scored_metric: ScoredMetric, kind: UnitKind, stats: StatsSettings) -> list[ScoreLine]:
    rows = scored_metric.rows
    present = ~np.isnan(rows).any(axis=2) & (rows.shape[2] > 0)
    intervals = _intervals(scored, scored_metric, present, kind, stats)
    lines = []
    for index, system in enumerate(scored.systems):
        n_scored = int(present[index].sum())
        interval = intervals[index]
        sums = rows[index, present[index]].sum(axis=0)
        score = float(scored_metric.metric.corpus_scores(sums)) if n_scored else None
        lines.append(
            ScoreLine(
                system=system,
                metric=scored_metric.name,
                score=None if score is None or math.isnan(score) else score,
                ci_low=interval.low if interval else None,
                ci_high=interval.high if interval else None,
                n_scored=n_scored,
                n_missing=len(scored.testset.segments) - n_scored,
                signature=_signature_of_score(scored_metric, sums) if n_scored else scored_metric.signature,
            )
        )
    return lines


def _signature_of_score(scored_metric: ScoredMetric, sums: Array) -> str:
    """The metric's signature, and what the rows [K] summed up say of how this very score was made."""
    metric = scored_metric.metric
    incidents = str(metric.incidents(sums)) if isinstance(metric, CountsIncidents) else ""
    return f"{scored_metric.signature}|{incidents}" if incidents else scored_metric.signature


def _intervals(
    scored: Scored, scored_metric: ScoredMetric, present: Array, kind: UnitKind, stats: StatsSettings
) -> list[Interval | None]:
    """An interval for each system, from the segments it has; systems that have the same share their resamples."""
    intervals: list[Interval | None] = [None] * len(scored.systems)
    for mask in np.unique(present, axis=0):
        members = np.flatnonzero((present == mask).all(axis=1))
        documents = [s.document for s, keep in zip(scored.testset.segments, mask, strict=True) if keep]
        if not documents:
            continue
        of_members = bootstrap_intervals(
            units_of(documents, kind).sums(scored_metric.rows[members][:, mask]),
            scored_metric.metric.corpus_scores,
            n_resamples=stats.n_resamples,
            level=stats.level,
            rng=np.random.default_rng(stats.seed),
        )
        for member, interval in zip(members, of_members, strict=True):
            intervals[member] = interval
    return intervals


def _comparison_lines(
    scored: Scored, scored_metric: ScoredMetric, units: Units, pairs: Sequence[tuple[int, int]], stats: StatsSettings
) -> list[ComparisonLine]:
    """The tests of one metric, over the segments that every system with any score has a score for."""
    present = ~np.isnan(scored_metric.rows).any(axis=2)
    is_scored = present.any(axis=1)
    shared = present[is_scored].all(axis=0)
    pairs = [(first, second) for first, second in pairs if is_scored[first] and is_scored[second]]
    if not pairs or not shared.any() or scored_metric.rows.shape[2] == 0:
        return []
    kept = units_of([s.document for s, keep in zip(scored.testset.segments, shared, strict=True) if keep], units.kind)
    tests = sign_flip_tests(
        kept.sums(scored_metric.rows[:, shared]),
        scored_metric.metric.corpus_scores,
        pairs,
        n_draws=stats.n_draws,
        rng=np.random.default_rng(stats.seed),
    )
    # Where a score is not defined there is nothing to test.
    defined = [(pair, test) for pair, test in zip(pairs, tests, strict=True) if not math.isnan(test.p)]
    corrected = holm([test.p for _, test in defined]) if stats.correction is Correction.holm else [None] * len(defined)
    return [
        ComparisonLine(
            metric=scored_metric.name,
            system_a=scored.systems[first],
            system_b=scored.systems[second],
            delta=test.delta,
            p=test.p,
            p_holm=p_holm,
            unit=kept.kind.value,
            n_units=test.n_units,
            method=stats.method.value,
            n_draws=test.n_draws,
        )
        for ((first, second), test), p_holm in zip(defined, corrected, strict=True)
    ]


def _segment_scores(scored_metric: ScoredMetric) -> Floats:
    """[S, N], NaN (null in the file) where there is no row."""
    n_systems, n_segments, n_statistics = scored_metric.rows.shape
    if n_statistics == 0:
        return np.full((n_systems, n_segments), np.nan)
    flat = scored_metric.rows.reshape(-1, n_statistics)
    return scored_metric.metric.segment_scores(flat).reshape(n_systems, n_segments)
