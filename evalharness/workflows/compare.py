"""Systems of several records over one test set, or of a table of segment scores, compared as those of one run are."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from evalharness.errors import ConfigError, MissingError, RecordError, nearest
from evalharness.metrics.base import AveragesSegments, Metric
from evalharness.records import Array, Floats, LanguagePair
from evalharness.report.settings import ReportSettings
from evalharness.report.table import Table
from evalharness.report.tables import build_table
from evalharness.runs.log import JsonLines
from evalharness.runs.plan import Plan, PlannedMetric, PlannedSystem, PlannedTestSet, now, recorded_versions
from evalharness.runs.scoretable import ScoreTable
from evalharness.runs.view import AutoRankLine, ComparisonLine, RankLine, ReplicatesLine, RunView, ScoreLine
from evalharness.stats.claims import MetricRows
from evalharness.stats.settings import StatsSettings
from evalharness.workflows.lines import Lines, Measured, check_stats, lines_of

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)

MetricBuilder: TypeAlias = Callable[[str, object], Metric]
"""A metric from its name and what a record's settings say of it."""
_SHARES_SHOWN_TIMES = 100.0
_LARGEST_SHARE = 1.5
_MEASURED_AS_MEANS = ("COMET-22", "CometKiwi-22", "XCOMET-XL", "MetricX-23")
"""Metrics whose differences are known to mean something to people, and whose corpus scores are means of segments'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is claimed of the systems that were compared, and the tables it makes; nothing is written."""

    plan: Plan
    lines: Lines

    @property
    def score_lines(self) -> Sequence[ScoreLine]:
        return self.lines.scores

    @property
    def comparison_lines(self) -> Sequence[ComparisonLine]:
        return self.lines.comparisons

    @property
    def rank_lines(self) -> Sequence[RankLine]:
        return self.lines.ranks

    @property
    def autorank_lines(self) -> Sequence[AutoRankLine]:
        return self.lines.autoranks

    @property
    def replicates_lines(self) -> Sequence[ReplicatesLine]:
        return self.lines.replicates

    @property
    def comparisons(self) -> pd.DataFrame:
        """A row per metric and pair, as in a record's `comparisons.csv`."""
        return _frame(self.lines.comparisons)

    @property
    def scores(self) -> pd.DataFrame:
        """A row per system and metric, as in a record's `scores.csv`."""
        return _frame(self.lines.scores)

    def table(self, name: str = "comparisons", *, decimals: int | None = None) -> Table:
        """A table, at full precision until it is rendered.

        Raises: ConfigError for a table there is not."""
        return build_table(name, self, ReportSettings() if decimals is None else ReportSettings(decimals=decimals))


def _frame(lines: Sequence[Any]) -> pd.DataFrame:
    import pandas as pd

    frame: pd.DataFrame = pd.DataFrame([asdict(line) for line in lines])
    return frame


def compare_runs(
    folders: Sequence[Path], stats: StatsSettings, build_metric: MetricBuilder, *, metrics: Sequence[str] = ()
) -> Comparison:
    """Compare all systems of these records by the metrics that all of them have, or by those named.

    A system of the same name and outputs in several records is one system; of the same name and other outputs, each
    gets its record's name behind its own.
    Raises: ConfigError or RecordError where the records are of different test sets or a metric has different
    signatures, saying which."""
    views = list({folder.resolve(): RunView(folder) for folder in folders}.values())
    if not views:
        raise ConfigError("there is no record to compare; name at least one folder, such as results/latest.")
    testset = _shared_testset(views)
    planned = _shared_metrics(views, metrics)
    segments, documents = _segments(views[0])
    entrants = _entrants(views)
    systems = [entrant.planned for entrant in entrants]
    check_stats([one.name for one in systems], [one.group for one in systems], [one.name for one in planned], stats)
    measured = [
        Measured.by(
            _rebuilt(views[0], metric, testset, build_metric),
            name=metric.name,
            signature=metric.signature or "",
            rows=_rows(entrants, metric.name, segments),
        )
        for metric in planned
    ]
    lines = lines_of([one.name for one in systems], [one.group for one in systems], documents, measured, stats)
    name = "-".join(dict.fromkeys(view.plan.name for view in views))
    return Comparison(plan=_plan(name, testset, systems, planned, stats), lines=lines)


def compare_score_table(table: ScoreTable, stats: StatsSettings, *, lower_is_better: Sequence[str] = ()) -> Comparison:
    """Compare the systems of a table of segment scores; each metric is the mean over segments.

    Raises: ConfigError for a metric or system that is not there."""
    for name in lower_is_better:
        if name not in table.scores:
            raise ConfigError(
                f"lower is better: {name!r}: no such metric{nearest(name, table.scores)} "
                f"Metrics are: {', '.join(table.scores)}."
            )
    systems = [PlannedSystem(name=name, signature="", provenance=table.path) for name in table.systems]
    check_stats(table.systems, [None] * len(systems), list(table.scores), stats)
    planned = [_planned(name, scores, table, name not in lower_is_better) for name, scores in table.scores.items()]
    measured = [_imported(metric, scores) for metric, scores in zip(planned, table.scores.values(), strict=True)]
    name = Path(table.path).name.split(".")[0]
    testset = PlannedTestSet(
        name=name,
        language_pair="",
        n_segments=len(table.documents),
        n_references=None,
        fingerprint="",
        provenance=table.path,
    )
    lines = lines_of(table.systems, [None] * len(systems), table.documents, measured, stats)
    return Comparison(plan=_plan(name, testset, systems, planned, stats), lines=lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entrant:
    """A system as it is called here, and the records that have its rows, under the name they know it by."""

    planned: PlannedSystem
    recorded_name: str
    views: tuple[RunView, ...]


def _shared_testset(views: Sequence[RunView]) -> PlannedTestSet:
    first = views[0].plan.testset
    for view in views[1:]:
        other = view.plan.testset
        if other.fingerprint != first.fingerprint:
            raise ConfigError(
                f"{view.folder}: is over another test set than {views[0].folder}: {_said(other)}, not {_said(first)}. "
                "Only systems on the same segments, with the same sources and references, can be compared."
            )
    return first


def _said(testset: PlannedTestSet) -> str:
    return (
        f"{testset.name} {testset.language_pair} of {testset.n_segments} segments (fingerprint "
        f"{testset.fingerprint[:8]})"
    )


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
                f"{metric.signature}. Such scores cannot be compared; score one of the runs again, or leave the metric "
                "out with --metrics."
            )
    return chosen


def _segments(view: RunView) -> tuple[list[str], list[str | None]]:
    """Id and document of each segment."""
    import pyarrow.parquet as pq

    if not view.paths.segments.is_file():
        raise RecordError(
            f"{view.paths.segments}: is not there: the run was interrupted before it was written. Run it again."
        )
    columns = pq.read_table(view.paths.segments, columns=["segment", "document"]).slice(0, view.plan.testset.n_segments)
    return columns["segment"].to_pylist(), columns["document"].to_pylist()


def _entrants(views: Sequence[RunView]) -> list[_Entrant]:
    outputs: dict[str, dict[str, list[RunView]]] = {}
    for view in views:
        for system in view.plan.systems:
            outputs.setdefault(system.name, {}).setdefault(system.signature, []).append(view)
    found: dict[tuple[str, str], _Entrant] = {}
    for view in views:
        for system in view.plan.systems:
            if (system.name, system.signature) in found:
                continue
            behind = f"@{view.folder.resolve().name}" if len(outputs[system.name]) > 1 else ""
            found[system.name, system.signature] = _Entrant(
                planned=replace(
                    system,
                    name=f"{system.name}{behind}",
                    group=None if system.group is None else f"{system.group}{behind}",
                ),
                recorded_name=system.name,
                views=tuple(outputs[system.name][system.signature]),
            )
    return list(found.values())


def _rows(entrants: Sequence[_Entrant], metric: str, segments: Sequence[str]) -> Floats:
    """All rows of a metric [S, N, K]; what one record lacks may be in another."""
    place = {segment: position for position, segment in enumerate(segments)}
    logs = {view.folder: _logged(view, metric) for view in {v.folder: v for e in entrants for v in e.views}.values()}
    n_statistics = max((len(row) for log in logs.values() for row in log.values()), default=0)
    rows = np.full((len(entrants), len(segments), n_statistics), np.nan)
    for index, entrant in enumerate(entrants):
        for view in reversed(entrant.views):
            for (system, segment), row in logs[view.folder].items():
                if system == entrant.recorded_name:
                    if segment not in place or len(row) != n_statistics:
                        raise RecordError(
                            f"{view.paths.score_rows(metric)}: is damaged: its row for system {system!r}, segment "
                            f"{segment!r} is not one of this test set's. Give the command of the run again."
                        )
                    rows[index, place[segment]] = row
    return rows


def _logged(view: RunView, metric: str) -> dict[tuple[str, str], list[float]]:
    log = JsonLines(view.paths.score_rows(metric))
    rows: dict[tuple[str, str], list[float]] = {}
    for number, entry in log.read(mend=False):
        system, segment, row = entry.get("system"), entry.get("id"), entry.get("statistics")
        is_row = row is None or (isinstance(row, list) and all(isinstance(value, (int, float)) for value in row))
        if not isinstance(system, str) or not isinstance(segment, str) or not is_row:
            raise log.damaged(number, "it is no row of a system and segment")
        if row is not None:
            rows[system, segment] = row
    return rows


def _rebuilt(view: RunView, planned: PlannedMetric, testset: PlannedTestSet, build_metric: MetricBuilder) -> Metric:
    """The metric that made a record's rows, to make corpus scores of their sums.

    Raises: ConfigError where the metric that there is would sign its scores otherwise."""
    recorded = view.plan.settings.get("metrics")
    option = recorded.get(planned.name) if isinstance(recorded, Mapping) else None
    metric = build_metric(planned.name, option).for_language_pair(LanguagePair.parse(testset.language_pair))
    if isinstance(metric, AveragesSegments):  # which any model's rows are turned into scores by
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


def _planned(name: str, scores: Floats, table: ScoreTable, higher_is_better: bool) -> PlannedMetric:
    is_share = bool(np.nanmax(np.abs(scores), initial=0.0) <= _LARGEST_SHARE)
    return PlannedMetric(
        name=name,
        heading=name,
        higher_is_better=higher_is_better,
        display_factor=_SHARES_SHOWN_TIMES if is_share else 1.0,
        signature=f"mean of the column {name} of {Path(table.path).name}" + (", shown times 100" if is_share else ""),
    )


def _imported(planned: PlannedMetric, scores: Floats) -> Measured:
    def mean(sums: Array) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(sums[..., 0] / sums[..., 1])

    counts = np.where(np.isnan(scores), math.nan, 1.0)
    rows = MetricRows(
        name=planned.name,
        heading=planned.name if planned.name in _MEASURED_AS_MEANS else "",
        rows=np.stack([scores, counts], axis=-1),
        to_corpus=mean,
        is_mean=True,
        higher_is_better=planned.higher_is_better,
        display_factor=planned.display_factor,
    )
    signature = planned.signature or ""
    return Measured(rows=rows, signature=signature, signature_of=lambda sums: signature)


def _plan(
    name: str,
    testset: PlannedTestSet,
    systems: Sequence[PlannedSystem],
    metrics: Sequence[PlannedMetric],
    stats: StatsSettings,
) -> Plan:
    """What tables read of a run; this one has no record."""
    settings: dict[str, Any] = {"stats": {"baseline": stats.baseline}}
    return Plan(
        name=name,
        identity="",
        testset=testset,
        systems=tuple(systems),
        metrics=tuple(metrics),
        settings=settings,
        created=now(),
        git=None,
        versions=recorded_versions(),
        machine={},
    )
