"""What follows from a record's rows: scores, intervals, comparisons, tables. Rewritten every time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evalharness.fingerprint import fingerprint
from evalharness.metrics.base import Metric
from evalharness.outputs.settings import OutputSettings
from evalharness.records import ErrorSpans, Floats, TestSet
from evalharness.report.page.page import write_page
from evalharness.report.settings import ReportSettings
from evalharness.report.table import FILE_FORMATS
from evalharness.report.tables import build_table, table_names
from evalharness.runs.paths import RunPaths
from evalharness.runs.segments import write_segments
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
    write_lines,
)
from evalharness.stats.autorank import AutoRankRule
from evalharness.stats.settings import StatsSettings
from evalharness.textio import write_text
from evalharness.workflows.lines import Measured, lines_of
from evalharness.workflows.problems import Flags, flags_of, guarded_lines, problem_lines
from evalharness.workflows.slices import slice_lines

_DERIVATION_VERSION = "11"
"""Bumped whenever the same rows and settings give other derived files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """The lines of `scores.csv`, and by name of each file of lines how many it has."""

    scores: tuple[ScoreLine, ...]
    n_lines: Mapping[str, int]


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
    """Everything a run has computed. `hypotheses` [S][N] holds None where a system failed; `groups` [S] names the
    system that a replicate is one run of, None for a system of its own."""

    testset: TestSet
    systems: tuple[str, ...]
    groups: tuple[str | None, ...]
    hypotheses: tuple[tuple[str | None, ...], ...]
    metrics: tuple[ScoredMetric, ...]
    findings: tuple[FindingLine, ...]


def derivation_key(scored: Scored, outputs: OutputSettings, stats: StatsSettings, report: ReportSettings) -> str:
    """The fingerprint of what the derived files depend on beside the rows, which the record's identity fixes."""
    shown = [
        (metric.name, metric.metric.heading, metric.metric.display_factor, metric.metric.higher_is_better)
        for metric in scored.metrics
    ]
    decisive = (outputs, stats, report, scored.testset.name, scored.systems, scored.groups, shown, scored.findings)
    return fingerprint([_DERIVATION_VERSION, *map(repr, decisive)])


def derived_files(
    paths: RunPaths, scored: Scored, outputs: OutputSettings, stats: StatsSettings, settings: ReportSettings
) -> list[Path]:
    """What `write_derived` writes."""
    optional = {
        paths.autorank: stats.autorank is not AutoRankRule.none and bool(scored.metrics),
        paths.replicates: any(group is not None for group in scored.groups) and bool(scored.metrics),
        paths.guarded: outputs.guarded and bool(scored.metrics),
        paths.segments_csv: settings.segments_csv,
        paths.page: settings.page,
    }
    tables = [paths.tables / f"{name}.{suffix}" for name in table_names() for suffix in FILE_FORMATS]
    chosen = [path for path, is_written in optional.items() if is_written]
    always = [paths.scores, paths.comparisons, paths.ranks, paths.slices, paths.findings, paths.problems]
    return [paths.segments, *chosen, *always, *tables]


def write_derived(
    paths: RunPaths,
    scored: Scored,
    flags_of_texts: Flags,
    outputs: OutputSettings,
    stats: StatsSettings,
    report: ReportSettings,
) -> Derived:
    """Write everything but plan, logs and `done.json`, and say what was written. `flags_of_texts` are those that
    hypotheses have without any metric."""
    measured = [
        Measured.by(one.metric, name=one.name, signature=one.signature, rows=one.rows) for one in scored.metrics
    ]
    documents = [segment.document for segment in scored.testset.segments]
    lines = lines_of(scored.systems, scored.groups, documents, measured, stats)
    flags = flags_of(scored, flags_of_texts)
    files: list[tuple[Path, type, Sequence[object]]] = [
        (paths.findings, FindingLine, scored.findings),
        (paths.scores, ScoreLine, lines.scores),
        (paths.comparisons, ComparisonLine, lines.comparisons),
        (paths.ranks, RankLine, lines.ranks),
        (paths.slices, SliceLine, list(slice_lines(scored.systems, scored.testset, measured))),
        (paths.problems, ProblemLine, problem_lines(scored, flags, outputs)),
    ]
    optional: list[tuple[Path, type, Sequence[object]]] = [
        (paths.autorank, AutoRankLine, lines.autoranks),
        (paths.replicates, ReplicatesLine, lines.replicates),
        (paths.guarded, GuardedLine, guarded_lines(scored, flags, lines.scores, outputs)),
    ]
    for path, _, of_file in optional:
        if not of_file:
            path.unlink(missing_ok=True)  # one of earlier settings would contradict the rest
    files += [one for one in optional if one[2]]
    for path, kind, of_file in files:
        write_lines(path, kind, of_file)
    write_segments(
        paths,
        scored.testset,
        systems=scored.systems,
        hypotheses=scored.hypotheses,
        segment_scores={metric.name: _segment_scores(metric) for metric in scored.metrics},
        error_spans={metric.name: metric.error_spans for metric in scored.metrics if metric.error_spans is not None},
        flags=flags,
        as_csv=report.segments_csv,
    )
    run = RunView(paths.folder)
    write_tables(run, report)
    if report.page:
        write_page(run, report)
    else:
        paths.page.unlink(missing_ok=True)  # an older one would contradict the rest
    return Derived(scores=lines.scores, n_lines={path.name: len(of_file) for path, _, of_file in files})


def write_tables(run: RunView, settings: ReportSettings) -> None:
    """Draw every table of a record from what the record holds."""
    run.paths.tables.mkdir(exist_ok=True)
    for name in table_names():
        table = build_table(name, run, settings)
        for suffix, render in FILE_FORMATS.items():
            write_text(run.paths.tables / f"{name}.{suffix}", render(table))


def _segment_scores(scored_metric: ScoredMetric) -> Floats:
    """[S, N], NaN (null in the file) where there is no row."""
    n_systems, n_segments, n_statistics = scored_metric.rows.shape
    if n_statistics == 0:
        return np.full((n_systems, n_segments), np.nan)
    flat = scored_metric.rows.reshape(-1, n_statistics)
    return scored_metric.metric.segment_scores(flat).reshape(n_systems, n_segments)
