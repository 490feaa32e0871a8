"""One run: test set, systems, metrics, record. Introduces the rooms to each other and knows nothing of Hydra."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from evalharness.errors import EvalHarnessError, FailedSegmentsError, InputError, MissingError
from evalharness.fingerprint import fingerprint
from evalharness.inspection.findings import Tally, named
from evalharness.metrics.base import CountsIncidents, Metric
from evalharness.outputs.find import find_flags
from evalharness.outputs.settings import OutputSettings
from evalharness.records import Floats, Hypothesis, LanguagePair, SourceSegment
from evalharness.runs.cache import NoCache, RowCache, user_cache
from evalharness.runs.log import JsonLines, only_writer
from evalharness.runs.paths import RunPaths, point_latest_at, run_paths
from evalharness.runs.plan import PlannedSystem, check_belongs, now, write_plan
from evalharness.runs.view import FindingLine, RunView
from evalharness.systems.base import System
from evalharness.textio import check_text, write_json
from evalharness.workflows.derive import Scored, ScoredMetric, derivation_key, derived_files, write_derived
from evalharness.workflows.preparation import Experiment, Prepared, prepare
from evalharness.workflows.problems import Flags, problem_lines, say_remarkable, warn_of_lengths, warn_of_unusable
from evalharness.workflows.scoring import MetricScorer

_log = logging.getLogger(__name__)

_HYPOTHESES_PER_BLOCK = 1000
_LOGGED = tuple(field.name for field in fields(Hypothesis))  # asdict takes five times as long
_LONGEST_UNLOGGED_S = 1.0  # a translator can take seconds for a segment, a file gives thousands in one


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Where the record is and what is wrong with it: errors that did not stop the run."""

    paths: RunPaths
    problems: tuple[EvalHarnessError, ...]


class Observer(Protocol):
    """Who is told how far a run is."""

    def start(self, stage: str, total: int) -> None: ...

    def advance(self, n: int) -> None: ...

    def finish(self) -> None: ...


class Unobserved:
    """Tells nobody."""

    def start(self, stage: str, total: int) -> None:
        return

    def advance(self, n: int) -> None:
        return

    def finish(self) -> None:
        return


@contextmanager
def _stage(observer: Observer, stage: str, total: int) -> Iterator[None]:
    observer.start(stage, total)
    try:
        yield
    finally:
        observer.finish()


def evaluate(experiment: Experiment, *, observer: Observer | None = None) -> Outcome:
    """Score every system on every segment with every metric and write the record; continue it where it exists.

    Raises: EvalHarnessError for bad input, before anything is written. A metric whose package or model is missing, and
    segments without a score, are problems of the outcome instead: the rest of the record is written."""
    prepared = prepare(experiment)
    paths = run_paths(experiment.results, name=prepared.plan.name, identity=prepared.plan.identity)
    check_belongs(paths, prepared.plan)
    paths.folder.mkdir(parents=True, exist_ok=True)
    with only_writer(paths.lock):
        write_plan(paths, prepared.plan)
        with _logged_to(paths.log):
            return _evaluate_prepared(experiment, prepared, paths, observer or Unobserved())


def _evaluate_prepared(experiment: Experiment, prepared: Prepared, paths: RunPaths, observer: Observer) -> Outcome:
    problems: list[EvalHarnessError] = list(prepared.unavailable)
    sources, lp = prepared.sources, prepared.testset.language_pair
    hypotheses = tuple(
        _hypotheses(member.system, planned, sources, lp, JsonLines(paths.hypotheses(planned.name)))
        for member, planned in zip(prepared.systems.values(), prepared.plan.systems, strict=True)
    )
    unscored = Scored(
        testset=prepared.testset,
        systems=tuple(prepared.systems),
        groups=tuple(member.group for member in prepared.systems.values()),
        hypotheses=hypotheses,
        metrics=(),
        findings=tuple(_finding_line(tally) for tally in prepared.findings),
    )
    is_first = not RunView(paths.folder).is_complete
    flags: Flags | None = None
    if is_first:  # said before hours are spent on scoring what is none
        flags = _flags_of_texts(unscored, experiment.outputs, observer)
        warn_of_unusable(problem_lines(unscored, flags, experiment.outputs))
        warn_of_lengths(unscored, flags, experiment.outputs)
    metrics, n_new, failures = _score_all(experiment, prepared, hypotheses, paths, observer)
    problems += failures
    scored = replace(unscored, metrics=tuple(metrics))
    settings = (experiment.outputs, experiment.stats, experiment.report)
    key = derivation_key(scored, *settings)
    done = RunView(paths.folder).done or {}
    is_current = done.get("derived_from") == key and all(
        path.exists() for path in derived_files(paths, scored, *settings)
    )
    if is_current and n_new == 0 and not problems:
        _say_problems(RunView(paths.folder), is_first=is_first)
        return Outcome(paths=_latest(paths), problems=())
    paths.done.unlink(missing_ok=True)  # before anything it vouches for is rewritten
    if flags is None:
        flags = _flags_of_texts(unscored, experiment.outputs, observer)
    derived = write_derived(paths, scored, flags, *settings)
    _say_problems(RunView(paths.folder), is_first=is_first)
    n_missing = sum(line.n_missing for line in derived.scores)
    if n_missing:
        problems.append(
            FailedSegmentsError(
                f"{paths.scores}: {n_missing} segment scores are missing (column n_missing says where). The same "
                "command tries them again."
            )
        )
    is_complete = not any(isinstance(problem, MissingError) for problem in problems)
    # Only a record without gaps says what its derived files come from, so that gaps are tried again.
    derived_from = None if problems else key
    write_json(
        paths.done,
        {
            "finished": now(),
            "n_scores": len(derived.scores),
            "n_lines": derived.n_lines,
            "n_missing": n_missing,
            "derived_from": derived_from,
            "is_complete": is_complete,
        },
    )
    return Outcome(paths=_latest(paths) if is_complete else paths, problems=tuple(problems))


def _flags_of_texts(scored: Scored, settings: OutputSettings, observer: Observer) -> Flags:
    with _stage(observer, "checks of hypotheses", len(scored.systems) * len(scored.testset.segments)):
        return find_flags(scored.testset, scored.hypotheses, settings, observer.advance)


def _say_problems(run: RunView, *, is_first: bool) -> None:
    """What metrics tell of texts is known at the end; what a first run said in front is not said again."""
    lines = run.problem_lines or ()
    if not is_first:
        warn_of_unusable(lines)
    say_remarkable(lines)


def _finding_line(tally: Tally) -> FindingLine:
    first = tally.first
    return FindingLine(
        file=first.place.file,
        kind=first.kind.title,
        severity=first.kind.severity.value,
        n_found=tally.n,
        line=first.place.line,
        column=first.place.column,
        field=first.place.field,
        code_point=None if first.code_point is None else named(first.code_point),
        found=first.found,
        done=first.kind.done,
    )


def _score_all(
    experiment: Experiment,
    prepared: Prepared,
    hypotheses: Sequence[Sequence[str | None]],
    paths: RunPaths,
    observer: Observer,
) -> tuple[list[ScoredMetric], int, list[MissingError]]:
    """Every metric's rows, the number of rows that were not logged before, and what was found missing on the way."""
    cache: RowCache = user_cache() if experiment.use_cache else NoCache()
    scored_metrics, n_new, failures = [], 0, []
    try:
        for planned in prepared.plan.metrics:
            if planned.signature is None:
                continue
            metric = prepared.metrics[planned.name]
            scorer = MetricScorer(
                metric,
                signature=planned.signature,
                testset=prepared.testset,
                system_names=tuple(prepared.systems),
                hypotheses=hypotheses,
                log=JsonLines(paths.score_rows(planned.name)),
                cache=cache,
            )
            try:
                with _stage(observer, planned.heading, scorer.n_rows):
                    scored = scorer.run(experiment.launcher, advance=observer.advance)
            except MissingError as err:
                failures.append(err)
                _log.info("%s: not scored: %s", planned.name, err)
                continue
            _log.info(
                "%s: %d rows computed, %d known or equal to another, %d failed",
                planned.name,
                scored.n_computed,
                scored.n_new - scored.n_computed,
                scored.n_failed,
            )
            _warn_of_incidents(planned.heading, metric, scored.rows)
            n_new += scored.n_new
            scored_metrics.append(
                ScoredMetric(
                    name=planned.name,
                    metric=metric,
                    signature=planned.signature,
                    rows=scored.rows,
                    error_spans=scored.error_spans,
                )
            )
    finally:
        cache.close()
    return scored_metrics, n_new, failures


def _warn_of_incidents(heading: str, metric: Metric, rows: Floats) -> None:
    """Rows [S, N, K], whether they were computed now or before."""
    present = rows[~np.isnan(rows).any(axis=2)]
    if isinstance(metric, CountsIncidents) and len(present):
        for said in metric.incident_warnings(present.sum(axis=0)):
            _log.warning("%s: %s", heading, said)


def _latest(paths: RunPaths) -> RunPaths:
    try:
        point_latest_at(paths)
    except OSError as err:
        _log.warning("%s: no link to this run could be made there: %s", paths.folder.parent, err)
    return paths


def _hypotheses(
    system: System, planned: PlannedSystem, sources: Sequence[SourceSegment], lp: LanguagePair, log: JsonLines
) -> tuple[str | None, ...]:
    """The system's text for each segment, from the log or else from the system; None where it failed."""
    prefix = fingerprint((planned.signature, str(lp)))
    known = {source.id: source for source in sources}

    def key_of(source: SourceSegment) -> str:
        return fingerprint((prefix, source.id, source.text))

    texts: dict[str, str | None] = {}
    for number, entry in log.read():
        segment_id, key, text = entry.get("id"), entry.get("key"), entry.get("text")
        if not isinstance(segment_id, str):
            raise log.damaged(number, f"its id is {segment_id!r}; expected a string")
        if segment_id not in known or key_of(known[segment_id]) != key:
            raise log.damaged(number, "the hypothesis belongs to another segment or system")
        if text is None:
            continue
        try:
            check_text(text, where="its text")
        except InputError as err:
            raise log.damaged(number, str(err).rstrip(".")) from err
        texts[segment_id] = text
    missing = [source for source in sources if source.id not in texts]
    entries: list[dict[str, Any]] = []
    logged_at = time.monotonic()
    try:
        for hypothesis in system.translate(missing, lp) if missing else ():
            if not isinstance(hypothesis.id, str) or hypothesis.id not in known:
                raise InputError(f"system {planned.name!r}: gave a hypothesis for {hypothesis.id!r}, no segment's id.")
            if hypothesis.text is not None:
                check_text(hypothesis.text, where=f"system {planned.name!r}: hypothesis for segment {hypothesis.id!r}")
            texts[hypothesis.id] = hypothesis.text
            key = key_of(known[hypothesis.id])
            entries.append({**{name: getattr(hypothesis, name) for name in _LOGGED}, "key": key})
            if len(entries) >= _HYPOTHESES_PER_BLOCK or time.monotonic() - logged_at >= _LONGEST_UNLOGGED_S:
                log.append(entries)
                entries, logged_at = [], time.monotonic()
    finally:
        log.append(entries)
    return tuple(texts.get(source.id) for source in sources)


@contextmanager
def _logged_to(path: Path) -> Iterator[None]:
    """Everything this package logs also goes to the record's `log.txt`."""
    logger = logging.getLogger("evalharness")
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        handler.close()
