"""Numbers become claims here: intervals, tests, corrections, ranks and power, for every metric over the same systems.

Every pair is compared over the segments that both have; what has the same segments shares its draws."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evalharness.records import Array, Floats
from evalharness.stats.autorank import AutoRankRule, autorank
from evalharness.stats.clusters import Rank, ranks
from evalharness.stats.intervals import (
    Interval,
    bca_interval,
    inverted_intervals,
    percentile_interval,
)
from evalharness.stats.multiplicity import benjamini_hochberg, holm
from evalharness.stats.paired import Pair, PairedTest, bootstrap_tests, is_enumerated, sign_flip_tests
from evalharness.stats.power import jackknife_standard_error, minimum_detectable_effect, smallest_p
from evalharness.stats.replicates import (
    Contestant,
    mean_over_stacked,
    n_stacked,
    replicate_p,
    rows_of,
)
from evalharness.stats.resampling import Measure, ToCorpus, resampled_scores
from evalharness.stats.settings import Correction, IntervalChoice, Method, StatsSettings
from evalharness.stats.thresholds import human_agreement
from evalharness.stats.units import Units, units_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRows:
    """All rows of a metric [S systems, N segments, K statistics], NaN where there is none, and what is known of it.

    `heading` is the field's spelling; `is_mean` says that the corpus score is statistic 0 over statistic 1, summed, and
    that statistic 1 counts segments."""

    name: str
    heading: str
    rows: Floats
    to_corpus: ToCorpus
    is_mean: bool
    higher_is_better: bool
    display_factor: float


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
    """What can be said of score(a) - score(b), over the `n_segments` that both have.

    `p` is None where the method has too few units. `p_smallest` is the least there could have been, `detectable` the
    difference one test finds with 80 % power, None where it finds none. `human_agreement` is in percent, None for
    metrics that nothing was measured for. `p_replicates` is of runs of the two systems, None with fewer than two."""

    a: int
    b: int
    delta: float
    interval: Interval | None
    p: float | None
    p_holm: float | None
    p_bh: float | None
    unit: str
    n_units: int
    n_segments: int
    n_left_out: int
    n_draws: int | None
    p_smallest: float
    detectable: float | None
    human_agreement: float | None
    p_replicates: float | None

    @property
    def decisive_p(self) -> float | None:
        """The p-value that decides: the corrected one, where there is one."""
        return next((p for p in (self.p_holm, self.p_bh) if p is not None), self.p)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricClaims:
    """Scores by contestant, pairs in order, ranks by contestant; `ranks` is None where not every pair was tested."""

    scores: tuple[ScoreClaim, ...]
    pairs: tuple[PairClaim, ...]
    ranks: tuple[Rank, ...] | None


def claims(
    contestants: Sequence[Contestant],
    documents: Sequence[str | None],
    metrics: Sequence[MetricRows],
    pairs: Sequence[Pair],
    settings: StatsSettings,
) -> dict[str, MetricClaims]:
    """Everything that follows from the rows, by metric. Pairs are of contestants.

    Raises: ConfigError where documents are asked for and a segment has none."""
    fields = [_Field.of(metric, contestants) for metric in metrics]
    questions = _questions(fields, pairs)
    answers = [_Answers() for _ in fields]
    kind = units_of(documents, settings.unit).kind
    for key, of_mask in questions.items():
        mask = np.frombuffer(key, dtype=bool)
        kept = [document for document, keep in zip(documents, mask, strict=True) if keep]
        _answer(fields, of_mask, mask, units_of(kept, kind), settings, answers)
    return {
        field.metric.name: _concluded(field, answer, contestants, pairs, settings)
        for field, answer in zip(fields, answers, strict=True)
    }


def autoranks(
    scores: Mapping[str, Sequence[float | None]], *, higher_is_better: Mapping[str, bool], rule: AutoRankRule
) -> list[float | None]:
    """AutoRank of each contestant over metrics; None for all where no rule is set, and for one that lacks a score.

    Args: scores: by metric and contestant."""
    table = np.array(
        [
            [math.nan if score is None else score * (1 if higher_is_better[name] else -1) for score in of_metric]
            for name, of_metric in scores.items()
        ]
    ).T
    if rule is AutoRankRule.none or table.size == 0:
        return [None] * (len(table) or len(next(iter(scores.values()), ())))
    complete = ~np.isnan(table).any(axis=1)
    values: list[float | None] = [None] * len(table)
    if complete.any():
        for index, value in zip(np.flatnonzero(complete), autorank(table[complete], rule), strict=True):
            values[index] = float(value)
    return values


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """A metric's rows by contestant [N, K'] each, which of them are there [C, N], and the score of their sums."""

    metric: MetricRows
    rows: tuple[Floats, ...]
    present: Array
    to_corpus: ToCorpus

    @classmethod
    def of(cls, metric: MetricRows, contestants: Sequence[Contestant]) -> _Field:
        stacked = 1 if metric.is_mean else n_stacked(contestants)
        rows = tuple(rows_of(one, metric.rows, is_mean=metric.is_mean, n_stacked=stacked) for one in contestants)
        present = np.array([(of_one.shape[1] > 0) & ~np.isnan(of_one).any(axis=1) for of_one in rows])
        return cls(metric=metric, rows=rows, present=present, to_corpus=mean_over_stacked(metric.to_corpus, stacked))


@dataclass(slots=True)
class _Questions:
    """What is asked of one metric over one set of segments: contestants' scores, and pairs."""

    scores: list[int]
    pairs: list[Pair]


@dataclass(slots=True)
class _Answers:
    """What was found of one metric, by contestant and by pair."""

    intervals: dict[int, Interval | None]
    pairs: dict[Pair, PairClaim]

    def __init__(self) -> None:
        self.intervals, self.pairs = {}, {}


def _questions(fields: Sequence[_Field], pairs: Sequence[Pair]) -> dict[bytes, dict[int, _Questions]]:
    """By the segments asked about and the metric's index; a contestant without any segment is asked nothing about."""
    asked: dict[bytes, dict[int, _Questions]] = defaultdict(lambda: defaultdict(lambda: _Questions([], [])))
    for index, field in enumerate(fields):
        for contestant, mask in enumerate(field.present):
            if mask.any():
                asked[mask.tobytes()][index].scores.append(contestant)
        for a, b in pairs:
            mask = field.present[a] & field.present[b]
            if mask.any():
                asked[mask.tobytes()][index].pairs.append((a, b))
    return asked


def _answer(
    fields: Sequence[_Field],
    asked: Mapping[int, _Questions],
    mask: Array,
    units: Units,
    settings: StatsSettings,
    answers: Sequence[_Answers],
) -> None:
    """Answer what is asked over one set of segments, all metrics from the same draws."""
    inquiries = [_Inquiry(fields[index], questions, mask, units) for index, questions in asked.items()]
    measures = [inquiry.measure for inquiry in inquiries]
    resampled: list[Floats] = [np.empty((0, 0))] * len(measures)
    if units.n_units >= 2:
        rng = np.random.default_rng(settings.seed)
        resampled = resampled_scores(measures, n_resamples=settings.n_resamples, rng=rng)
    local_pairs = [inquiry.pairs for inquiry in inquiries]
    if settings.method is Method.sign_flip:
        rng = np.random.default_rng(settings.seed)
        tests = sign_flip_tests(measures, local_pairs, n_draws=settings.n_draws, rng=rng)
    elif units.n_units >= 2:
        tests = bootstrap_tests(measures, resampled, local_pairs)
    else:
        tests = [inquiry.untested() for inquiry in inquiries]
    for inquiry, scores, of_pairs, index in zip(inquiries, resampled, tests, asked, strict=True):
        inquiry.conclude(scores, of_pairs, settings, answers[index])


class _Inquiry:
    """One metric over one set of segments, of the contestants that are asked about."""

    def __init__(self, field: _Field, questions: _Questions, mask: Array, units: Units) -> None:
        self._field, self._questions, self._units = field, questions, units
        self._involved = sorted({*questions.scores, *(one for pair in questions.pairs for one in pair)})
        everything = bool(mask.all())
        rows = np.stack([field.rows[one] if everything else field.rows[one][mask] for one in self._involved])
        self._n_segments = rows.shape[1]
        self._n_left_out = len(mask) - self._n_segments
        self.measure = Measure(unit_sums=units.sums(rows), to_corpus=field.to_corpus, is_mean=field.metric.is_mean)
        self._place = {one: place for place, one in enumerate(self._involved)}
        self.pairs: list[Pair] = [(self._place[a], self._place[b]) for a, b in questions.pairs]
        self._observed = self.measure.scores()

    def untested(self) -> list[PairedTest]:
        deltas = (float(self._observed[a] - self._observed[b]) for a, b in self.pairs)
        return [PairedTest(delta=delta, p=math.nan, n_units=self._units.n_units, n_draws=None) for delta in deltas]

    def conclude(
        self, resampled: Floats, tests: Sequence[PairedTest], settings: StatsSettings, answers: _Answers
    ) -> None:
        left_out = self.measure.left_out_scores() if self._units.n_units >= 2 else None
        for one in self._questions.scores:
            place = self._place[one]
            answers.intervals[one] = (
                None
                if left_out is None
                else _interval(resampled[place], self._observed[place], left_out[place], settings)
            )
        inverted = self._inverted(settings)
        for number, ((a, b), test) in enumerate(zip(self.pairs, tests, strict=True)):
            interval, detectable = None, None
            if left_out is not None:
                without = left_out[a] - left_out[b]
                error = float(jackknife_standard_error(without))
                detectable = minimum_detectable_effect(error, self._units.n_units, alpha=settings.alpha)
                interval = _interval(resampled[a] - resampled[b], test.delta, without, settings)
            if inverted is not None:
                interval = inverted[number]
            metric = self._field.metric
            pair = self._questions.pairs[number]
            answers.pairs[pair] = PairClaim(
                a=pair[0],
                b=pair[1],
                delta=test.delta,
                interval=interval,
                p=None if math.isnan(test.p) else test.p,
                p_holm=None,
                p_bh=None,
                unit=self._units.kind.value,
                n_units=test.n_units,
                n_segments=self._n_segments,
                n_left_out=self._n_left_out,
                n_draws=test.n_draws,
                p_smallest=self._smallest_p(a, b, test),
                detectable=detectable,
                human_agreement=human_agreement(metric.heading, test.delta * metric.display_factor),
                p_replicates=None,
            )

    def _inverted(self, settings: StatsSettings) -> list[Interval | None] | None:
        """Intervals from the exact test, where they are asked for and it is exact and of a mean."""
        chosen = settings.interval is IntervalChoice.auto and settings.method is Method.sign_flip
        if not (chosen and self.measure.is_mean and is_enumerated(self.measure) and self.pairs):
            return None
        sums = self.measure.unit_sums
        differences = np.array([sums[a, :, 0] - sums[b, :, 0] for a, b in self.pairs])
        return inverted_intervals(differences, sums[0, :, 1], level=settings.level)

    def _smallest_p(self, a: int, b: int, test: PairedTest) -> float:
        """Units in which both are the same change no difference, whoever is swapped."""
        sums = self.measure.unit_sums
        return smallest_p(int((sums[a] != sums[b]).any(axis=1).sum()), test.n_draws)


def _interval(resampled: Floats, observed: float, left_out: Floats, settings: StatsSettings) -> Interval | None:
    if settings.interval is IntervalChoice.bca:
        return bca_interval(resampled, observed=observed, left_out=left_out, level=settings.level)
    return percentile_interval(resampled, level=settings.level)


def _concluded(
    field: _Field,
    answers: _Answers,
    contestants: Sequence[Contestant],
    pairs: Sequence[Pair],
    settings: StatsSettings,
) -> MetricClaims:
    scores = tuple(
        _score_claim(field, place, contestant, answers.intervals.get(place))
        for place, contestant in enumerate(contestants)
    )
    tested = [answers.pairs[pair] for pair in pairs if pair in answers.pairs]
    tested = [pair for pair in tested if not math.isnan(pair.delta)]  # where a score is not defined
    tested = [_with_replicates(pair, scores, settings) for pair in _corrected(tested, settings.correction)]
    return MetricClaims(scores=scores, pairs=tuple(tested), ranks=_ranks(field, scores, tested, settings))


def _score_claim(field: _Field, place: int, contestant: Contestant, interval: Interval | None) -> ScoreClaim:
    mask = field.present[place]
    of_replicates: tuple[float, ...] = ()
    if mask.any():
        sums = [field.metric.rows[member][mask].sum(axis=0) for member in contestant.members]
        of_replicates = tuple(float(field.metric.to_corpus(one)) for one in sums)
    score = float(np.mean(of_replicates)) if of_replicates else math.nan
    return ScoreClaim(
        score=None if math.isnan(score) else score,
        interval=interval,
        n_scored=int(mask.sum()),
        replicate_scores=of_replicates,
        spread=float(np.std(of_replicates, ddof=1)) if len(of_replicates) > 1 else None,
    )


def _corrected(pairs: list[PairClaim], correction: Correction) -> list[PairClaim]:
    """The pairs with corrected p-values; those without one are no part of the family."""
    p_values = [pair.p for pair in pairs if pair.p is not None]
    if correction is Correction.none or not p_values:
        return pairs
    if correction is Correction.holm:
        by_holm = iter(holm(p_values))
        return [pair if pair.p is None else replace(pair, p_holm=next(by_holm)) for pair in pairs]
    by_bh = iter(benjamini_hochberg(p_values))
    return [pair if pair.p is None else replace(pair, p_bh=next(by_bh)) for pair in pairs]


def _with_replicates(pair: PairClaim, scores: Sequence[ScoreClaim], settings: StatsSettings) -> PairClaim:
    a, b = scores[pair.a].replicate_scores, scores[pair.b].replicate_scores
    if min(len(a), len(b)) < 2:
        return pair
    return replace(pair, p_replicates=replicate_p(a, b, n_draws=settings.n_draws, seed=settings.seed))


def _ranks(
    field: _Field, scores: Sequence[ScoreClaim], pairs: Sequence[PairClaim], settings: StatsSettings
) -> tuple[Rank, ...] | None:
    """Ranks, where every pair of contestants was tested."""
    n = len(scores)
    if len(pairs) < n * (n - 1) // 2 or any(score.score is None for score in scores) or n < 2:
        return None
    beats = np.zeros((n, n), dtype=bool)
    sign = 1 if field.metric.higher_is_better else -1
    for pair in pairs:
        if pair.decisive_p is None:
            return None
        if pair.decisive_p <= settings.alpha and pair.delta != 0:
            better, worse = (pair.a, pair.b) if sign * pair.delta > 0 else (pair.b, pair.a)
            beats[better, worse] = True
    order = sorted(range(n), key=lambda place: -sign * (scores[place].score or 0.0))
    return tuple(ranks(order, beats, settings.clusters))
