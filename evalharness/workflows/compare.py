"""Systems of several records over one test set, compared as those of one run are."""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from evalharness.errors import ConfigError, MissingError, RecordError, nearest
from evalharness.metrics.base import Metric, averages_segments
from evalharness.records import Floats, LanguagePair
from evalharness.runs.log import JsonLines
from evalharness.runs.plan import PlannedMetric, PlannedSystem, PlannedTestSet
from evalharness.runs.view import ProblemLine, RunView
from evalharness.stats.settings import StatsSettings
from evalharness.workflows.comparison import Comparison, plan_of
from evalharness.workflows.lines import Measured, check_stats, lines_of

_log = logging.getLogger(__name__)

MetricBuilder: TypeAlias = Callable[[str, object], Metric]
"""A metric from its name and what a record's settings say of it."""


StatsBuilder: TypeAlias = Callable[[Mapping[str, Any]], StatsSettings]
"""Settings of statistics from those that all records share, where nothing else was asked for."""


def compare_runs(
    folders: Sequence[Path], build_stats: StatsBuilder, build_metric: MetricBuilder, *, metrics: Sequence[str] = ()
) -> Comparison:
    """Compare all systems of these records by the metrics that all of them have, or by those named; tested as the runs
    were where all were tested alike.

    A system of the same name and outputs in several records is one system; of the same name and other outputs, each
    gets its record's name behind its own.
    Raises: ConfigError or RecordError where the records are of different test sets or a metric has different
    signatures, saying which."""
    views = list({folder.resolve(): RunView(folder) for folder in folders}.values())
    if not views:
        raise ConfigError("there is no record to compare; name at least one folder, such as results/latest.")
    testset = _shared_testset(views)
    planned = _shared_metrics(views, metrics)
    entrants = _entrants(views)
    names = [entrant.planned.name for entrant in entrants]
    groups = [entrant.planned.group for entrant in entrants]
    built = [_rebuilt(views[0], metric, testset, build_metric) for metric in planned]
    stacks_runs = not all(averages_segments(metric) for metric in built)
    shared = _shared_stats(views)
    if shared.get("baseline") not in (*names, *groups):  # it is two systems here
        shared.pop("baseline", None)
    stats = build_stats(shared)
    check_stats(names, groups, [one.name for one in planned], stats, stacks_runs=stacks_runs)
    segments = _segments(views[0], ["segment", "document"])
    measured = [
        Measured.by(
            metric,
            name=one.name,
            signature=one.signature or "",
            rows=_rows(entrants, one.name, segments["segment"]),
        )
        for metric, one in zip(built, planned, strict=True)
    ]
    return Comparison(
        plan=plan_of(
            "-".join(dict.fromkeys(view.plan.name for view in views)),
            testset,
            [entrant.planned for entrant in entrants],
            planned,
            stats,
        ),
        lines=lines_of(names, groups, segments["document"], measured, stats),
        problems=_problems(entrants),
    )


def _shared_stats(views: Sequence[RunView]) -> dict[str, Any]:
    """The settings of statistics that all records have alike; a warning names the others. AutoRank is asked for anew:
    it is over metrics that may not be compared here."""
    recorded = [view.plan.settings.get("stats") for view in views]
    known = [stats if isinstance(stats, Mapping) else {} for stats in recorded]
    names = [field.name for field in fields(StatsSettings) if not field.name.startswith("autorank")]
    shared = {name: known[0][name] for name in names if all(name in stats for stats in known)}
    differing = [name for name in shared if any(stats[name] != shared[name] for stats in known)]
    if differing:
        said = ", ".join(f"{name} ({' and '.join(str(stats[name]) for stats in known)})" for name in differing)
        _log.warning("the runs were tested with different settings: %s; the defaults are taken for these.", said)
    return {name: value for name, value in shared.items() if name not in differing}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entrant:
    """A system as it is called here, and the records that have its rows, under the name they know it by."""

    planned: PlannedSystem
    recorded_name: str
    views: tuple[RunView, ...]


def _shared_testset(views: Sequence[RunView]) -> PlannedTestSet:
    first = views[0].plan.testset
    for view in views[1:]:
        if view.plan.testset.fingerprint != first.fingerprint:
            raise ConfigError(
                f"{view.folder}: is over another test set than {views[0].folder}: {_difference(view, views[0])} "
                f"(fingerprints {view.plan.testset.fingerprint[:8]} and {first.fingerprint[:8]}). Only systems on the "
                "same segments, with the same sources, references and documents, can be compared; score one of them "
                "again on the other's test set."
            )
    return first


def _difference(one: RunView, other: RunView) -> str:
    """What differs between two test sets, first of all."""
    for field, said in (("language_pair", "language pair"), ("n_segments", "number of segments")):
        values = [getattr(view.plan.testset, field) for view in (one, other)]
        if values[0] != values[1]:
            return f"its {said} is {values[0]}, not {values[1]}"
    columns = {"segment": "ids", "source": "sources", "references": "references", "document": "documents"}
    columns["domain"] = "domains"
    tables = [_segments(view, list(columns)) for view in (one, other)]
    for column, said in columns.items():
        for row, (mine, theirs) in enumerate(zip(*(table[column] for table in tables), strict=True)):
            if mine != theirs:
                return f"their {said} differ, first in segment {tables[1]['segment'][row]!r}"
    return "they differ in what segments.parquet does not hold"


def _segments(view: RunView, columns: list[str]) -> dict[str, list[Any]]:
    """Columns of a test set's segments, from the rows of the first system."""
    return view.segment_columns(columns, rows=range(view.plan.testset.n_segments))


def _shared_metrics(views: Sequence[RunView], asked: Sequence[str]) -> list[PlannedMetric]:
    scored = [{line.metric for line in view.score_lines} for view in views]
    everywhere = set.intersection(*scored)
    somewhere = list(dict.fromkeys(metric.name for view in views for metric in view.plan.metrics))
    for name in asked:
        if name not in everywhere:
            lacking = [str(view.folder) for view, names in zip(views, scored, strict=True) if name not in names]
            raise ConfigError(
                f"metric {name!r}: has no scores in {', '.join(lacking)}{nearest(name, somewhere)} "
                f"Metrics of all records: {', '.join(sorted(everywhere)) or 'none'}."
            )
    left = [name for name in somewhere if name not in everywhere]
    if left and not asked:
        _log.warning("not compared, since not every record has scores of them: %s.", ", ".join(left))
    chosen = [
        metric for metric in views[0].plan.metrics if metric.name in everywhere and (not asked or metric.name in asked)
    ]
    if not chosen:
        raise ConfigError(f"the records share no metric; there are: {', '.join(somewhere)}.")
    for metric, view in itertools.product(chosen, views[1:]):
        signature = view.metric(metric.name).signature
        if signature != metric.signature:
            raise ConfigError(
                f"metric {metric.name!r}: its signature in {view.folder} is {signature}, in {views[0].folder} "
                f"{metric.signature}. Such scores cannot be compared; score one of the runs again, or name other "
                "metrics with --metrics."
            )
    return chosen


def _entrants(views: Sequence[RunView]) -> list[_Entrant]:
    """Every system once.

    Raises: ConfigError where one system is a run of another in one record, and of none or of a third in another."""
    outputs: dict[str, dict[str, list[RunView]]] = {}
    groups: dict[tuple[str, str], set[str | None]] = {}
    for view, system in _systems(views):
        outputs.setdefault(system.name, {}).setdefault(system.signature, []).append(view)
        groups.setdefault((system.name, system.signature), set()).add(system.group)
    for (name, _), of_system in groups.items():
        if len(of_system) > 1:
            said = " and ".join("of none" if group is None else f"of {group!r}" for group in sorted(of_system, key=str))
            raise ConfigError(
                f"system {name!r}: is a run {said} in different records; group_by must group it in the same way. Give "
                "the command of one of the runs again with the other's group_by."
            )
    clashing = {name for name, of_name in outputs.items() if len(of_name) > 1}
    # Runs of one system that differ between records are runs of two systems, with all their siblings.
    clashing_groups = {system.group for _, system in _systems(views) if system.group and system.name in clashing}
    for _, system in _systems(views):
        if system.group in clashing_groups and len(outputs[system.name][system.signature]) > 1:
            raise ConfigError(
                f"group {system.group!r}: its run {system.name!r} is the same in several records and others of its "
                "runs are not, so these are neither one system nor two. Give the runs of another system other names."
            )
    behind = _short_names(views)
    found: dict[tuple[str, str], _Entrant] = {}
    for view, system in _systems(views):
        if (system.name, system.signature) in found:
            continue
        suffix = f"@{behind[view.folder]}" if system.name in clashing or system.group in clashing_groups else ""
        found[system.name, system.signature] = _Entrant(
            planned=replace(
                system,
                name=f"{system.name}{suffix}",
                group=None if system.group is None else f"{system.group}{suffix}",
            ),
            recorded_name=system.name,
            views=tuple(outputs[system.name][system.signature]),
        )
    return list(found.values())


def _problems(entrants: Sequence[_Entrant]) -> list[ProblemLine] | None:
    """What was found of the hypotheses of each system, under its name here; None where some record says nothing."""
    found: list[ProblemLine] = []
    for entrant in entrants:
        lines = entrant.views[0].problem_lines
        if lines is None:
            return None
        name = entrant.planned.name
        found += [replace(line, system=name) for line in lines if line.system == entrant.recorded_name]
    n_hypotheses = entrants[0].views[0].plan.testset.n_segments
    counted = {(line.system, line.flag) for line in found}
    for first in {line.flag: line for line in found}.values():
        found += [
            replace(first, system=entrant.planned.name, n_segments=0, n_hypotheses=n_hypotheses)
            for entrant in entrants
            if (entrant.planned.name, first.flag) not in counted
        ]
    return found


def _systems(views: Sequence[RunView]) -> Iterator[tuple[RunView, PlannedSystem]]:
    return ((view, system) for view in views for system in view.plan.systems)


def _short_names(views: Sequence[RunView]) -> dict[Path, str]:
    """The name of each record's folder; with what is above it where that is not enough to tell them apart."""
    resolved = {view.folder: view.folder.resolve() for view in views}
    for n_parts in range(1, max(len(path.parts) for path in resolved.values()) + 1):
        names = {folder: "/".join(path.parts[-n_parts:]) for folder, path in resolved.items()}
        if max(Counter(names.values()).values()) == 1:
            break
    return names


def _rows(entrants: Sequence[_Entrant], metric: str, segments: Sequence[str]) -> Floats:
    """All rows of a metric [S, N, K]; what one record lacks may be in another. The order of records decides nothing.

    Raises: RecordError where a record's log is not there or damaged."""
    place = {segment: position for position, segment in enumerate(segments)}
    rows = np.full((len(entrants), len(segments), 0), np.nan)
    views = {view.folder: view for entrant in entrants for view in entrant.views}.values()
    for view in sorted(views, key=lambda view: view.plan.identity):
        n_differing, n_found = 0, 0
        places = {entrant.recorded_name: index for index, entrant in enumerate(entrants) if view in entrant.views}
        path = view.paths.score_rows(metric)
        if not path.is_file():
            raise RecordError(f"{path}: is not there, and {view.paths.scores} has scores of it. Run it again.")
        log = JsonLines(path)
        for number, entry in log.read(mend=False):
            system, segment, row = entry.get("system"), entry.get("id"), entry.get("statistics")
            is_row = isinstance(row, list) and all(isinstance(value, (int, float)) for value in row)
            if segment not in place or system not in places or not (row is None or is_row):
                raise log.damaged(number, "it is no row of a system and segment of this run")
            if row is None:
                continue
            if rows.shape[2] == 0:
                rows = np.full((*rows.shape[:2], len(row)), np.nan)
            if len(row) != rows.shape[2]:
                raise log.damaged(number, f"its row has {len(row)} statistics; expected {rows.shape[2]}")
            n_found += 1
            target = rows[places[system], place[segment]]
            if np.isnan(target).any():
                target[:] = row
            else:
                n_differing += bool((target != row).any())
        n_expected = sum(line.n_scored for line in view.score_lines if line.metric == metric)
        if n_found < n_expected:
            _log.warning(
                "%s: holds %d rows of the %d that were scored; the others are missing.", path, n_found, n_expected
            )
        if n_differing:
            _log.warning(
                "%s: %d rows differ from those of the same outputs in another record, which are taken.",
                path,
                n_differing,
            )
    return rows


def _rebuilt(view: RunView, planned: PlannedMetric, testset: PlannedTestSet, build_metric: MetricBuilder) -> Metric:
    """The metric that made a record's rows, to make corpus scores of their sums.

    Raises: ConfigError where the metric that there is would sign its scores otherwise."""
    recorded = view.plan.settings.get("metrics")
    option = recorded.get(planned.name) if isinstance(recorded, Mapping) else None
    metric = build_metric(planned.name, option).for_language_pair(LanguagePair.parse(testset.language_pair))
    if averages_segments(metric):  # then no setting decides what becomes of its rows
        return metric
    try:
        signature = str(metric.signature(n_references=testset.n_references))
    except MissingError:
        return metric
    if signature != planned.signature:
        raise ConfigError(
            f"metric {planned.name!r}: {view.folder} has the signature {planned.signature}, and this installation "
            f"would sign {signature}. Use the version that made the record, or give the command of the run again."
        )
    return metric
