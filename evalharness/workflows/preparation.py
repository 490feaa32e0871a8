"""What a run is made of, checked and planned before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalharness.errors import AlignmentError, ConfigError, InputError, MissingError
from evalharness.fingerprint import fingerprint_testset
from evalharness.inspection.alignment import AlignedTexts, Side, inspect_alignment
from evalharness.inspection.findings import Findings, InputSettings, Tally, collecting
from evalharness.launch.base import Launcher
from evalharness.metrics.base import Metric, Needs, Remarked, averages_segments
from evalharness.outputs.settings import OutputSettings
from evalharness.records import SourceSegment, TestSet
from evalharness.report.page.content import HYPOTHESIS_LENGTH, SOURCE_LENGTH
from evalharness.report.settings import ReportSettings
from evalharness.runs.paths import check_name
from evalharness.runs.plan import (
    Plan,
    PlannedMetric,
    PlannedSystem,
    PlannedTestSet,
    git_commit,
    identity_of,
    now,
    recorded_machine,
    recorded_versions,
)
from evalharness.runs.segments import COLUMNS
from evalharness.stats.settings import StatsSettings
from evalharness.stats.units import units_of
from evalharness.systems.base import Member, System, SystemGroup, Written
from evalharness.testsets.base import Reader, check_testset, inspect_testset
from evalharness.testsets.selection import Selection
from evalharness.workflows.lines import check_stats


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """Everything one run is made of. `settings` is what the record keeps of how it was asked for."""

    testset: Reader
    selection: Selection
    systems: Mapping[str, System | SystemGroup]
    metrics: Mapping[str, Metric]
    inputs: InputSettings
    outputs: OutputSettings
    stats: StatsSettings
    report: ReportSettings
    launcher: Launcher
    name: str | None
    results: Path
    use_cache: bool
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A run that has been checked and planned and has written nothing yet. `testset` is the part of it that is scored,
    `sources` are that part's, with their places in the whole."""

    testset: TestSet
    sources: tuple[SourceSegment, ...]
    systems: Mapping[str, Member]
    metrics: Mapping[str, Metric]
    plan: Plan
    unavailable: tuple[MissingError, ...]
    findings: tuple[Tally, ...]


def prepare(experiment: Experiment) -> Prepared:
    """Read the test set, open groups of systems, look at all texts, check that everything fits, and plan.

    Raises: EvalHarnessError for bad input. A metric whose package or model is missing is planned as unavailable."""
    with collecting(experiment.inputs) as findings:
        return _prepare(experiment, findings)


def _prepare(experiment: Experiment, findings: Findings) -> Prepared:
    whole = experiment.testset.read()
    check_testset(whole)
    inspect_testset(whole)
    testset, sources = experiment.selection.of(whole)
    systems = _expanded(experiment.systems, testset)
    check_stats(
        list(systems),
        [member.group for member in systems.values()],
        list(experiment.metrics),
        experiment.stats,
        stacks_runs=not all(averages_segments(metric) for metric in experiment.metrics.values()),
    )
    units_of([segment.document for segment in testset.segments], experiment.stats.unit)
    for member in systems.values():
        _check(member.system, whole, experiment.selection)
    _inspect_alignment(whole, systems, findings)
    metrics = {name: metric.for_language_pair(testset.language_pair) for name, metric in experiment.metrics.items()}
    if not metrics:
        raise ConfigError("metrics=[]: there is nothing to score; name at least one metric.")
    for name, metric in metrics.items():
        check_name(name, what="metric name")
        if name in (*COLUMNS, SOURCE_LENGTH, HYPOTHESIS_LENGTH):
            raise ConfigError(
                f"metric name {name!r}: is a column of segments.parquet or report.html already; choose another name."
            )
        _check_needs(name, metric, testset)
    unavailable: list[MissingError] = []
    planned_metrics = []
    for name, metric in metrics.items():
        signature, reason = None, None
        try:
            signature = str(metric.signature(n_references=testset.n_references()))
        except MissingError as err:
            unavailable.append(err)
            reason = str(err)
        planned_metrics.append(
            PlannedMetric(
                name=name,
                heading=metric.heading,
                higher_is_better=metric.higher_is_better,
                display_factor=metric.display_factor,
                signature=signature,
                unavailable=reason,
                remark=metric.remark if isinstance(metric, Remarked) else None,
            )
        )
    plan = _plan(experiment, testset, systems, planned_metrics)
    return Prepared(
        testset=testset,
        sources=sources,
        systems=systems,
        metrics=metrics,
        plan=plan,
        unavailable=tuple(unavailable),
        findings=tuple(findings.tallies),
    )


def _check(system: System, whole: TestSet, selection: Selection) -> None:
    """Raises: InputError where outputs that exist already do not fit the test set."""
    try:
        system.check(whole.sources(), whole.language_pair)
    except AlignmentError as err:
        if not str(selection):
            raise
        raise AlignmentError(
            f"{err} Outputs must be those of the whole test set; testset.filter chooses of it."
        ) from err


def _inspect_alignment(testset: TestSet, systems: Mapping[str, Member], findings: Findings) -> None:
    """Hold outputs that exist already against the first reference, which is in their language, or else the sources.

    Raises: InputError where they belong to other segments and errors stop."""
    segments = testset.segments
    if testset.n_references():
        anchor = AlignedTexts(name="the first reference", side=Side([segment.references[0] for segment in segments]))
    elif all(segment.source is not None for segment in segments):
        anchor = AlignedTexts(name="the sources", side=Side([segment.source or "" for segment in segments]))
    else:
        return
    written = [member.system for member in systems.values() if isinstance(member.system, Written)]
    sources = testset.sources()
    inspect_alignment(
        findings, anchor, (AlignedTexts(name=one.place, side=Side(one.texts(sources))) for one in written)
    )


def _plan(
    experiment: Experiment, testset: TestSet, systems: Mapping[str, Member], metrics: Sequence[PlannedMetric]
) -> Plan:
    name = experiment.name or testset.name
    check_name(name, what="name of the run")
    planned_testset = PlannedTestSet(
        name=testset.name,
        language_pair=str(testset.language_pair),
        n_segments=len(testset.segments),
        n_references=testset.n_references(),
        fingerprint=fingerprint_testset(testset),
        provenance=testset.provenance,
        selection=str(experiment.selection) or None,
    )
    planned_systems = tuple(
        PlannedSystem(
            name=name, signature=str(one.system.signature()), provenance=one.system.provenance, group=one.group
        )
        for name, one in systems.items()
    )
    return Plan(
        name=name,
        identity=identity_of(planned_testset, planned_systems, metrics),
        testset=planned_testset,
        systems=planned_systems,
        metrics=tuple(metrics),
        settings=experiment.settings,
        created=now(),
        git=git_commit(),
        versions=recorded_versions(),
        machine=recorded_machine(),
    )


def _expanded(options: Mapping[str, System | SystemGroup], testset: TestSet) -> dict[str, Member]:
    """Every system by name, groups opened, in the order given.

    Raises: ConfigError where there is none, or two have one name."""
    systems: dict[str, Member] = {}
    for name, option in options.items():
        members = (
            option.members(testset.language_pair)
            if isinstance(option, SystemGroup)
            else [Member(name=name, system=option)]
        )
        for member in members:
            check_name(member.name, what="system name")
            if member.name in systems:
                raise ConfigError(
                    f"two systems are called {member.name!r}; every system needs a name of its own. Rename one of the "
                    "files."
                )
            systems[member.name] = member
    if not systems:
        raise ConfigError("systems=[]: there is nothing to score; name at least one system.")
    return systems


def _check_needs(name: str, metric: Metric, testset: TestSet) -> None:
    """Refuse a test set that lacks what a metric reads.

    Raises: InputError naming the first segment without it."""
    for segment in testset.segments:
        lacks = {
            Needs.SOURCE: segment.source is None,
            Needs.REFERENCE: not segment.references,
        }
        for need in metric.needs:
            if lacks[need]:
                raise InputError(
                    f"metric {name!r} needs a {need.value} for every segment, and segment {segment.id!r} of test set "
                    f"{testset.name!r} has none. Give the test set one, or leave the metric out."
                )
