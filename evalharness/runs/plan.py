"""`plan.json`: what a run is going to do, written before it does anything."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from importlib import metadata
from types import UnionType
from typing import Any, get_origin, get_type_hints

from evalharness.errors import ConfigError, InputError, RecordError
from evalharness.fingerprint import fingerprint
from evalharness.runs.paths import RunPaths, check_name
from evalharness.textio import read_json, unfinished_files, write_json

SCHEMA = 1
ROWS_VERSION = "1"
"""Bumped whenever the rows of any metric change under an unchanged signature. Keys of logs and cache hold it, and so
does the identity of a run: an older record is left as it is, and a new one begun."""
_RECORDED_PACKAGES = (
    "evalharness", "sacrebleu", "unbabel-comet", "torch", "sentencex", "numpy", "pandas", "pyarrow", "hydra-core",
    "lingua-language-detector",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTestSet:
    """`n_references` is None where the number varies over segments; `selection` says which part of the test set it is,
    None where it is the whole."""

    name: str
    language_pair: str
    n_segments: int
    n_references: int | None
    fingerprint: str
    provenance: str
    selection: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSystem:
    """`group` names the system that this is one run of; None where it is one of its own."""

    name: str
    signature: str
    provenance: str
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMetric:
    """`signature` is None, and `unavailable` says why, where a package or model was missing when the run started.
    `remark` is what readers of the scores must be told."""

    name: str
    heading: str
    higher_is_better: bool
    display_factor: float
    signature: str | None
    unavailable: str | None = None
    remark: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What decides the scores is in `identity`: the test set's fingerprint, the systems' names and signatures, the
    metrics' names and signatures. `created`, `git`, `versions` and `machine` say what began the record."""

    name: str
    identity: str
    testset: PlannedTestSet
    systems: tuple[PlannedSystem, ...]
    metrics: tuple[PlannedMetric, ...]
    settings: Mapping[str, Any]
    created: str
    git: str | None
    versions: Mapping[str, str]
    machine: Mapping[str, Any]
    schema: int = SCHEMA


def identity_of(testset: PlannedTestSet, systems: Sequence[PlannedSystem], metrics: Sequence[PlannedMetric]) -> str:
    """The fingerprint of what decides the scores: test set, outputs, metric signatures; never order, time or paths."""
    parts: list[str | None] = [ROWS_VERSION, testset.fingerprint]
    for system in sorted(systems, key=lambda planned: planned.name):
        parts += ["system", system.name, system.signature]
    for metric in sorted(metrics, key=lambda planned: planned.name):
        parts += ["metric", metric.name, metric.signature]
    return fingerprint(parts)


def check_belongs(paths: RunPaths, plan: Plan) -> None:
    """Refuse a folder that holds anything else than the record of this run.

    Raises: RecordError saying what differs."""
    if paths.plan.exists():
        recorded = read_plan(paths)
        if recorded.identity != plan.identity:
            raise RecordError(
                f"{paths.folder}: holds the record of another run ({_differences(recorded, plan)}). Nothing was "
                "written. Give this run another name=, or move the folder away."
            )
        return
    if paths.logs:
        raise missing_plan(paths, said="Nothing was written. ")
    if paths.folder.exists() and set(paths.folder.iterdir()) - {paths.lock, *unfinished_files(paths.folder)}:
        raise RecordError(
            f"{paths.folder}: is not empty and holds no plan.json, so it is not a record of this program. Nothing was "
            "written. Give this run another name= or results=, or move the folder away."
        )


def write_plan(paths: RunPaths, plan: Plan) -> None:
    """Write the plan into a new record, or what may change into the record of the same run; for its only writer.

    Raises: RecordError where the folder holds anything else; nothing is written then."""
    check_belongs(paths, plan)
    for folder in (paths.folder, paths.tables):
        for path in unfinished_files(folder):
            path.unlink()
    if paths.plan.exists():
        recorded = read_plan(paths)
        began = {name: getattr(recorded, name) for name in ("created", "git", "versions", "machine")}
        plan = replace(plan, **began)
        if json.loads(json.dumps(asdict(plan))) == json.loads(json.dumps(asdict(recorded))):
            return
        paths.done.unlink(missing_ok=True)  # what is derived does not follow from the new settings yet
    write_json(paths.plan, asdict(plan))


def read_plan(paths: RunPaths) -> Plan:
    """The plan of a record.

    Raises: RecordError where it is damaged or of a newer schema."""
    try:
        content = read_json(paths.plan)
    except InputError as err:
        if isinstance(err.__cause__, UnicodeDecodeError):
            raise _damaged(paths, "not UTF-8") from err
        if isinstance(err.__cause__, json.JSONDecodeError):
            raise _damaged(paths, f"not JSON: {err.__cause__}") from err
        raise
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        raise RecordError(f"{paths.plan}: schema {schema!r}; this version of evalharness reads schema {SCHEMA}.")
    try:
        json.dumps(content, ensure_ascii=False).encode("utf-8")
        plan = Plan(
            **{
                **content,
                "testset": PlannedTestSet(**content["testset"]),
                "systems": tuple(PlannedSystem(**entry) for entry in content["systems"]),
                "metrics": tuple(PlannedMetric(**entry) for entry in content["metrics"]),
            }
        )
    except UnicodeEncodeError as err:
        raise _damaged(paths, "it holds an unpaired surrogate, which is no text") from err
    except (KeyError, TypeError) as err:
        raise _damaged(paths, f"not a plan this program wrote: {err}") from err
    _check_entries(plan, "the run", paths)
    _check_entries(plan.testset, "the test set", paths)
    for system in plan.systems:
        _check_entries(system, "a system", paths)
    for metric in plan.metrics:
        _check_entries(metric, "a metric", paths)
    _check_names(plan, paths)
    return plan


def missing_plan(paths: RunPaths, *, said: str = "") -> RecordError:
    """The error for logs that no plan says the meaning of; `said` is what else there is to say."""
    log = paths.logs[0].relative_to(paths.folder).as_posix()
    return RecordError(
        f"{paths.folder}: holds logs of a run, such as {log}, and no plan.json, which was removed; nothing else says "
        f"what the logs belong to. {said}Put plan.json back, or move the folder away and give the command of the run "
        "again to compute everything anew."
    )


def _check_entries(planned: Plan | PlannedTestSet | PlannedSystem | PlannedMetric, of: str, paths: RunPaths) -> None:
    """Refuse values of other types than were written; JSON has no types of its own to keep."""
    for name, hint in get_type_hints(type(planned)).items():
        expected: Any = hint if isinstance(hint, UnionType) else get_origin(hint) or hint
        value = getattr(planned, name)
        if not isinstance(value, (float, int) if expected is float else expected):
            said = str(hint) if isinstance(hint, UnionType) else expected.__name__
            raise _damaged(paths, f"{name} of {of} is {value!r}; expected a {said}")


def _check_names(plan: Plan, paths: RunPaths) -> None:
    try:
        check_name(plan.name, what="name of the run")
        for system in plan.systems:
            check_name(system.name, what="system name")
        for metric in plan.metrics:
            check_name(metric.name, what="metric name")
    except ConfigError as err:
        raise _damaged(paths, str(err).rstrip(".")) from err


def _damaged(paths: RunPaths, found: str) -> RecordError:
    return RecordError(
        f"{paths.plan}: is damaged: {found}. Restore it from a copy, or move the folder away and give the command of "
        "the run again to compute everything anew."
    )


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def recorded_versions() -> dict[str, str]:
    """Installed versions of the packages that touch scores or flags and of Python; those not installed are left out."""
    versions = {"python": platform.python_version()}
    for package in _RECORDED_PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def recorded_machine() -> dict[str, Any]:
    """What machine this is, without its name or its user's."""
    return {"system": platform.system(), "machine": platform.machine(), "cpus": os.cpu_count()}


def git_commit() -> str | None:
    """The commit of the checkout this process runs in, with `-dirty` where files differ; None outside of one."""
    command = ["git", "-c", "core.fsmonitor=false", "describe", "--always", "--dirty", "--abbrev=40", "--match="]
    try:
        finished = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return finished.stdout.strip() or None


def _differences(recorded: Plan, plan: Plan) -> str:
    differing = []
    if recorded.testset.fingerprint != plan.testset.fingerprint:
        differing.append("test set")
    if {(s.name, s.signature) for s in recorded.systems} != {(s.name, s.signature) for s in plan.systems}:
        differing.append("systems")
    if {(m.name, m.signature) for m in recorded.metrics} != {(m.name, m.signature) for m in plan.metrics}:
        differing.append("metrics")
    return "it differs in " + ", ".join(differing) if differing else "its plan.json was changed"
