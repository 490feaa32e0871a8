"""What is wrong with hypotheses, counted, and scores in which the unusable ones count as the worst."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from evalharness.metrics.base import FlagsSegments, HasWorst, Metric
from evalharness.outputs.flags import MEANINGS, NO_HYPOTHESIS
from evalharness.outputs.lengths import byte_length
from evalharness.outputs.settings import OutputSettings
from evalharness.records import Array, Floats
from evalharness.runs.view import UNUSABLE, GuardedLine, ProblemLine, ScoreLine

if TYPE_CHECKING:
    from evalharness.workflows.derive import Scored, ScoredMetric

_log = logging.getLogger(__name__)

_LENGTH_RATIO = 1.5  # of all texts together; sound systems of WMT22 stay below 1.1

Flags: TypeAlias = tuple[tuple[tuple[str, ...], ...], ...]
"""By system and segment, [S][N]."""


def flags_of(scored: Scored, of_texts: Flags) -> Flags:
    """The flags of every hypothesis: what its text tells, then what metrics tell, as `METRIC:flag`."""
    of_metrics = [found for metric in scored.metrics if (found := _flags_by(metric)) is not None]
    return tuple(
        tuple((*flags, *(flag for found in of_metrics for flag in found[s][n])) for n, flags in enumerate(of_system))
        for s, of_system in enumerate(of_texts)
    )


def problem_lines(scored: Scored, flags: Flags, settings: OutputSettings) -> tuple[ProblemLine, ...]:
    """A line for each system and each flag that some system has, unusable ones first."""
    found = {flag for of_system in flags for of_text in of_system for flag in of_text}
    meanings = {**MEANINGS, UNUSABLE: "one or more of the flags that leave no translation (outputs.unusable)"}
    for one in scored.metrics:
        if isinstance(one.metric, FlagsSegments):
            meanings |= {f"{one.name}:{flag}": meaning for flag, meaning in one.metric.flag_meanings.items()}
    unusable, lines = {UNUSABLE, *settings.unusable}, []
    for system, hypotheses, of_system in zip(scored.systems, scored.hypotheses, flags, strict=True):
        counts = Counter(flag for of_text in of_system for flag in of_text)
        counts[UNUSABLE] = sum(not unusable.isdisjoint(of_text) for of_text in of_system)
        for flag in _in_order(found, unusable):
            lines.append(
                ProblemLine(
                    system=system,
                    flag=flag,
                    n_segments=counts[flag],
                    n_hypotheses=len(hypotheses) if flag == NO_HYPOTHESIS else len(hypotheses) - hypotheses.count(None),
                    is_unusable=flag in unusable,
                    meaning=meanings[flag],
                )
            )
    return tuple(lines)


def guarded_lines(
    scored: Scored, flags: Flags, score_lines: Sequence[ScoreLine], settings: OutputSettings
) -> tuple[GuardedLine, ...]:
    """Scores with the metric's worst in place of unusable segments; no line where they were not asked for."""
    if not settings.guarded:
        return ()
    unusable = set(settings.unusable)
    is_unusable = np.array([[not unusable.isdisjoint(of_text) for of_text in of_system] for of_system in flags])
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


def warn_of_unusable(lines: Iterable[ProblemLine]) -> None:
    """Say aloud of each system how many of its hypotheses are no translations, or are the references."""
    for system, of_system in _by_system(lines).items():
        for line in of_system:
            if line.flag == UNUSABLE:
                _log.warning(
                    "%s: %d of %d hypotheses are unusable (%s); they are scored as they are.",
                    system,
                    line.n_segments,
                    line.n_hypotheses,
                    _counts(one for one in of_system if one.is_unusable and one.flag != UNUSABLE),
                )
            elif line.is_mostly_references:
                _log.warning(
                    "%s: %d of %d hypotheses are references word for word; the scores are not a system's.",
                    system,
                    line.n_segments,
                    line.n_hypotheses,
                )


def say_remarkable(lines: Iterable[ProblemLine]) -> None:
    """Count the other flags of each system."""
    for system, of_system in _by_system(lines).items():
        if others := [line for line in of_system if not line.is_unusable]:
            _log.info("%s: remarkable hypotheses: %s", system, _counts(others))


def warn_of_lengths(scored: Scored, flags: Flags, settings: OutputSettings) -> None:
    """Say of which systems the translations are far shorter or longer than the references, all in all, where each may
    differ by as much. Unusable ones are left out."""
    unusable = set(settings.unusable)
    expected = [
        sum(map(byte_length, segment.references)) / len(segment.references) if segment.references else None
        for segment in scored.testset.segments
    ]
    for system, hypotheses, of_system in zip(scored.systems, scored.hypotheses, flags, strict=True):
        total = of_references = 0.0
        for text, of_text, length in zip(hypotheses, of_system, expected, strict=True):
            if text is not None and length is not None and unusable.isdisjoint(of_text):
                total += byte_length(text)
                of_references += length
        if of_references and not 1 / _LENGTH_RATIO < total / of_references < _LENGTH_RATIO:
            _log.warning(
                "%s: its hypotheses are %.0f %% as long as the references, all in all.",
                system,
                100 * total / of_references,
            )


def _by_system(lines: Iterable[ProblemLine]) -> dict[str, list[ProblemLine]]:
    """The lines that count something."""
    by_system: dict[str, list[ProblemLine]] = {}
    for line in lines:
        if line.n_segments:
            by_system.setdefault(line.system, []).append(line)
    return by_system


def _counts(lines: Iterable[ProblemLine]) -> str:
    return ", ".join(f"{line.n_segments} {line.flag}" for line in lines)


def _flags_by(one: ScoredMetric) -> list[list[tuple[str, ...]]] | None:
    if not isinstance(one.metric, FlagsSegments) or not one.rows.shape[2]:
        return None
    return [
        [tuple(f"{one.name}:{flag}" for flag in of_text) for of_text in one.metric.segment_flags(of_system)]
        for of_system in one.rows
    ]


def _in_order(found: set[str], unusable: set[str]) -> list[str]:
    """Those that are unusable first, then the others that texts tell, then those of metrics."""
    own = sorted((flag for flag in MEANINGS if flag in found), key=lambda flag: flag not in unusable)
    return [*([UNUSABLE] if found & unusable else []), *own, *sorted(found - set(own))]


def _guarded(one: ScoredMetric, is_unusable: Array) -> Iterator[tuple[float | None, int]]:
    """Score and number of replaced rows of each system."""
    n_systems, n_segments, n_statistics = one.rows.shape
    if not n_statistics:
        yield from ((None, 0) for _ in range(n_systems))
        return
    present = ~np.isnan(one.rows).any(axis=2)
    scores = one.metric.segment_scores(one.rows.reshape(-1, n_statistics)).reshape(n_systems, n_segments)
    worst = _worst_row(one.metric, one.rows, scores)
    for of_system, is_present, is_bad in zip(one.rows, present, present & is_unusable, strict=True):
        if not is_present.any():
            yield None, 0
            continue
        rows = of_system.copy()
        if is_bad.any():
            stated = one.metric.worst_rows(of_system[is_bad]) if isinstance(one.metric, HasWorst) else None
            rows[is_bad] = worst if stated is None else stated
        score = float(one.metric.corpus_scores(rows[is_present].sum(axis=0)))
        yield (None if np.isnan(score) else score), int(is_bad.sum())


def _worst_row(metric: Metric, rows: Floats, scores: Floats) -> Floats:
    """The row of the worst segment score of the run, of whichever system; the first of equals."""
    badness = np.where(np.isnan(scores), -np.inf, -scores if metric.higher_is_better else scores)
    system, segment = np.unravel_index(int(np.argmax(badness)), badness.shape)
    return np.asarray(rows[system, segment])
