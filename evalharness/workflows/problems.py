"""What is wrong with hypotheses, counted, and scores in which the unusable ones count as the worst."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from evalharness.metrics.base import FlagsSegments, HasWorst, Metric
from evalharness.outputs.find import find_flags
from evalharness.outputs.flags import MEANINGS, NO_HYPOTHESIS
from evalharness.outputs.settings import OutputSettings
from evalharness.records import Array, Floats
from evalharness.runs.view import UNUSABLE, GuardedLine, ProblemLine, ScoreLine

if TYPE_CHECKING:
    from evalharness.workflows.derive import Scored, ScoredMetric

_log = logging.getLogger(__name__)

Flags: TypeAlias = tuple[tuple[tuple[str, ...], ...], ...]
"""By system and segment, [S][N]."""


def flags_of_texts(scored: Scored, settings: OutputSettings) -> Flags:
    return find_flags(scored.testset, scored.hypotheses, settings)


def flags_of(scored: Scored, settings: OutputSettings) -> Flags:
    """The flags of every hypothesis: what its text tells, then what metrics tell, as `METRIC:flag`."""
    of_texts = flags_of_texts(scored, settings) if scored.flags_of_texts is None else scored.flags_of_texts
    of_metrics = [found for metric in scored.metrics if (found := _flags_by(metric)) is not None]
    return tuple(
        tuple((*flags, *(flag for found in of_metrics for flag in found[s][n])) for n, flags in enumerate(of_system))
        for s, of_system in enumerate(of_texts)
    )


def problem_lines(scored: Scored, flags: Flags, settings: OutputSettings) -> tuple[ProblemLine, ...]:
    """A line for each system and each flag that some system has, unusable ones first."""
    found = {flag for of_system in flags for of_text in of_system for flag in of_text}
    metrics = {metric.name: metric for metric in scored.metrics}
    lines = []
    for system, hypotheses, of_system in zip(scored.systems, scored.hypotheses, flags, strict=True):
        counts = Counter(flag for of_text in of_system for flag in of_text)
        counts[UNUSABLE] = sum(_is_unusable(of_text, settings) for of_text in of_system)
        for flag in _in_order(found, settings):
            metric = metrics.get(flag.partition(":")[0])
            lines.append(
                ProblemLine(
                    system=system,
                    flag=flag,
                    n_segments=counts[flag],
                    n_hypotheses=len(hypotheses) if flag == NO_HYPOTHESIS else len(hypotheses) - hypotheses.count(None),
                    is_unusable=flag == UNUSABLE or flag in settings.unusable,
                    meaning=_meaning(flag, metric),
                )
            )
    return tuple(lines)


def guarded_lines(
    scored: Scored, flags: Flags, score_lines: Sequence[ScoreLine], settings: OutputSettings
) -> tuple[GuardedLine, ...]:
    """Scores with the metric's worst in place of unusable segments; no line where they were not asked for."""
    if not settings.guarded:
        return ()
    is_unusable = np.array([[_is_unusable(of_text, settings) for of_text in of_system] for of_system in flags])
    raw = {(line.system, line.metric): line.score for line in score_lines}
    guarded = {
        (system, one.name): (score, n_unusable)
        for one in scored.metrics
        for system, (score, n_unusable) in zip(scored.systems, _guarded(one, is_unusable), strict=True)
    }
    return tuple(
        GuardedLine(
            system=system,
            metric=one.name,
            score=guarded[system, one.name][0] if guarded[system, one.name][1] else raw[system, one.name],
            n_unusable=guarded[system, one.name][1],
        )
        for system in scored.systems
        for one in scored.metrics
    )


def warn_of_problems(lines: Iterable[ProblemLine]) -> None:
    """Say of each system what is wrong with its hypotheses, and aloud where some are no translations."""
    by_system: dict[str, list[ProblemLine]] = {}
    for line in lines:
        if line.n_segments:
            by_system.setdefault(line.system, []).append(line)
    for system, of_system in by_system.items():
        for line in of_system:
            if line.flag == UNUSABLE:
                _log.warning(
                    "%s: %d of %d hypotheses are unusable (%s); they are scored as they are.",
                    system,
                    line.n_segments,
                    line.n_hypotheses,
                    _counts(one for one in of_system if one.is_unusable and one.flag != UNUSABLE),
                )
        if others := [line for line in of_system if not line.is_unusable]:
            _log.info("%s: remarkable hypotheses: %s", system, _counts(others))


def _counts(lines: Iterable[ProblemLine]) -> str:
    return ", ".join(f"{line.n_segments} {line.flag}" for line in lines)


def _flags_by(one: ScoredMetric) -> list[list[tuple[str, ...]]] | None:
    if not isinstance(one.metric, FlagsSegments) or not one.rows.shape[2]:
        return None
    return [
        [tuple(f"{one.name}:{flag}" for flag in of_text) for of_text in one.metric.segment_flags(of_system)]
        for of_system in one.rows
    ]


def _in_order(found: set[str], settings: OutputSettings) -> list[str]:
    own = [flag for flag in MEANINGS if flag in found]
    unusable = [flag for flag in own if flag in settings.unusable]
    others = [flag for flag in own if flag not in settings.unusable]
    return [*([UNUSABLE] if unusable else []), *unusable, *others, *sorted(found - set(own))]


def _meaning(flag: str, metric: ScoredMetric | None) -> str:
    if flag == UNUSABLE:
        return "one or more of the flags that leave no translation (outputs.unusable)"
    return MEANINGS[flag] if metric is None else f"{metric.metric.heading} says so"


def _is_unusable(flags: Sequence[str], settings: OutputSettings) -> bool:
    return any(flag in settings.unusable for flag in flags)


def _guarded(one: ScoredMetric, is_unusable: Array) -> Iterator[tuple[float | None, int]]:
    """Score and number of replaced rows of each system."""
    n_systems, n_segments, n_statistics = one.rows.shape
    if not n_statistics:
        yield from ((None, 0) for _ in range(n_systems))
        return
    present = ~np.isnan(one.rows).any(axis=2)
    scores = one.metric.segment_scores(one.rows.reshape(-1, n_statistics)).reshape(n_systems, n_segments)
    usable = present & ~is_unusable
    worst = _worst_segment(one.metric, scores, usable if usable.any() else present)
    for of_system, is_present, is_bad in zip(one.rows, present, present & is_unusable, strict=True):
        if not is_present.any():
            yield None, 0
            continue
        rows = of_system.copy()
        if is_bad.any() and worst is not None:
            rows[is_bad] = _worst_rows(one.metric, of_system[is_bad], one.rows[worst], float(scores[worst]))
        score = float(one.metric.corpus_scores(rows[is_present].sum(axis=0)))
        yield (None if np.isnan(score) else score), int(is_bad.sum())


def _worst_segment(metric: Metric, scores: Floats, among: Array) -> tuple[int, int] | None:
    """Where the worst segment score of the run is; the first of equals. None where no segment has one."""
    badness = np.where(among & ~np.isnan(scores), -scores if metric.higher_is_better else scores, -np.inf)
    place = np.unravel_index(int(np.argmax(badness)), badness.shape)
    return None if np.isneginf(badness[place]) else (int(place[0]), int(place[1]))


def _worst_rows(metric: Metric, rows: Floats, worst_row: Floats, worst_score: float) -> Array:
    if isinstance(metric, HasWorst):
        return metric.worst_rows(rows, worst_score=worst_score)
    scores = metric.segment_scores(rows)
    is_worse = scores < worst_score if metric.higher_is_better else scores > worst_score
    return np.where(is_worse[:, None], rows, worst_row)
