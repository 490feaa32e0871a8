"""Numbers become claims here: scores with intervals, tested and corrected differences, ranks, AutoRank."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evalharness.stats.autorank import AutoRankRule, autorank
from evalharness.stats.clusters import Rank, ranks
from evalharness.stats.inquiries import Field, Findings, MetricRows, PairFinding, find
from evalharness.stats.intervals import Interval
from evalharness.stats.multiplicity import benjamini_hochberg, holm
from evalharness.stats.paired import Pair
from evalharness.stats.replicates import Contestant
from evalharness.stats.settings import Correction, StatsSettings
from evalharness.stats.thresholds import human_agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreClaim:
    """A contestant's score over the segments it has, the mean of its replicates' scores; None where there is none.

    `spread` is the standard deviation of replicates, None with fewer than two."""

    score: float | None
    interval: Interval | None
    n_scored: int
    replicate_scores: tuple[float, ...]
    spread: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairClaim:
    """What can be said of contestants a and b. `human_agreement` is in percent, None for metrics that nothing was
    measured for.

    `is_significant` says that the corrected p-value, or where none was asked for the plain one, is at most alpha; and,
    where both have several runs, that they differ by more than their runs do (`exceeds_runs`)."""

    a: int
    b: int
    finding: PairFinding
    p_holm: float | None
    p_bh: float | None
    human_agreement: float | None
    is_significant: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricClaims:
    """Scores by contestant, pairs in order, ranks of contestants with a score; none where not every pair was tested."""

    scores: tuple[ScoreClaim, ...]
    pairs: tuple[PairClaim, ...]
    ranks: Mapping[int, Rank]


def claims(
    contestants: Sequence[Contestant],
    documents: Sequence[str | None],
    metrics: Sequence[MetricRows],
    pairs: Sequence[Pair],
    settings: StatsSettings,
) -> dict[str, MetricClaims]:
    """Everything that follows from the rows, by metric. Pairs are of contestants.

    Raises: ConfigError where documents are asked for and a segment has none."""
    fields = [Field.of(metric, contestants) for metric in metrics]
    findings = find(fields, pairs, documents, settings)
    return {
        of_metric.metric.name: _concluded(of_metric, found, pairs, settings)
        for of_metric, found in zip(fields, findings, strict=True)
    }


def autoranks(
    scores: Mapping[str, Sequence[float | None]], *, higher_is_better: Mapping[str, bool], rule: AutoRankRule
) -> list[float | None]:
    """AutoRank of each contestant over metrics, of which there must be one; None for a contestant that lacks a score.

    Args: scores: by metric and contestant."""
    table = np.array(
        [
            [math.nan if score is None else score * (1 if higher_is_better[name] else -1) for score in of_metric]
            for name, of_metric in scores.items()
        ]
    ).T
    complete = ~np.isnan(table).any(axis=1)
    values: list[float | None] = [None] * len(table)
    if complete.any():
        for index, value in zip(np.flatnonzero(complete), autorank(table[complete], rule), strict=True):
            values[index] = float(value)
    return values


def _concluded(of: Field, found: Findings, pairs: Sequence[Pair], settings: StatsSettings) -> MetricClaims:
    scores = tuple(_score_claim(of, place, found.intervals.get(place)) for place in range(len(of.contestants)))
    # A pair that shares no segment was not asked about, and where a score is not defined nothing can be said.
    defined = [pair for pair in pairs if pair in found.pairs and not math.isnan(found.pairs[pair].delta)]
    tested = _judged(of, {pair: found.pairs[pair] for pair in defined}, settings)
    return MetricClaims(scores=scores, pairs=tuple(tested), ranks=_ranks(of, scores, tested, settings))


def _score_claim(of: Field, place: int, interval: Interval | None) -> ScoreClaim:
    mask = of.present[place]
    of_replicates = of.replicate_scores(place, mask) if mask.any() else ()
    score = float(np.mean(of_replicates)) if of_replicates else math.nan
    return ScoreClaim(
        score=None if math.isnan(score) else score,
        interval=interval,
        n_scored=int(mask.sum()),
        replicate_scores=of_replicates,
        spread=float(np.std(of_replicates, ddof=1)) if len(of_replicates) > 1 else None,
    )


def _judged(of: Field, found: Mapping[Pair, PairFinding], settings: StatsSettings) -> list[PairClaim]:
    """Pairs with corrected p-values; those without one are no part of the family."""
    tested = {pair: finding.p for pair, finding in found.items() if finding.p is not None}
    p_values = list(tested.values())
    by_holm = dict(zip(tested, holm(p_values), strict=True)) if settings.correction is Correction.holm else {}
    by_bh = dict(zip(tested, benjamini_hochberg(p_values), strict=True)) if settings.correction is Correction.bh else {}
    decisive = {**tested, **by_holm, **by_bh}
    claimed = []
    for (a, b), finding in found.items():
        is_tested_positive = (a, b) in decisive and decisive[a, b] <= settings.alpha and finding.delta != 0
        curve, factor = of.metric.curve, of.metric.display_factor
        claimed.append(
            PairClaim(
                a=a,
                b=b,
                finding=finding,
                p_holm=by_holm.get((a, b)),
                p_bh=by_bh.get((a, b)),
                human_agreement=None if curve is None else human_agreement(curve, finding.delta * factor),
                is_significant=is_tested_positive and finding.exceeds_runs,
            )
        )
    return claimed


def _ranks(
    of: Field, scores: Sequence[ScoreClaim], pairs: Sequence[PairClaim], settings: StatsSettings
) -> dict[int, Rank]:
    """Ranks of the contestants that have a score, where every pair of them was tested; else none."""
    scored = {place: score.score for place, score in enumerate(scores) if score.score is not None}
    n_pairs = len(scored) * (len(scored) - 1) // 2
    if n_pairs == 0 or len(pairs) < n_pairs or any(pair.finding.p is None for pair in pairs):
        return {}
    number = {place: index for index, place in enumerate(scored)}
    beats = np.zeros((len(scored), len(scored)), dtype=bool)
    sign = 1 if of.metric.higher_is_better else -1
    for pair in pairs:
        if pair.is_significant:
            better, worse = (pair.a, pair.b) if sign * pair.finding.delta > 0 else (pair.b, pair.a)
            beats[number[better], number[worse]] = True
    order = sorted(scored, key=lambda place: (-sign * scored[place], of.contestants[place].name))
    found = ranks([number[place] for place in order], beats, settings.clusters)
    return dict(zip(scored, found, strict=True))
