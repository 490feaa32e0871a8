"""What the rows say of each contestant and pair: intervals, tests, power, over the segments that both of a pair have.

Where nothing is missing there is one set of segments. Where some are, each pair may have its own; all sets share their
draws all the same, but for those with few units, which are cheap to ask about alone."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from evalharness.records import Array, Floats
from evalharness.stats.intervals import Interval, bca_interval, inverted_intervals, percentile_interval
from evalharness.stats.paired import (
    MAX_EXACT_UNITS_OF_MEANS,
    MIN_BOOTSTRAP_UNITS,
    Pair,
    PairedTest,
    bootstrap_tests,
    n_differing,
    sign_flip_tests,
)
from evalharness.stats.power import jackknife_standard_error, minimum_detectable_effect, smallest_p
from evalharness.stats.replicates import (
    Contestant,
    mean_over_stacked,
    n_stacked,
    replicate_p,
    rows_of,
    smallest_replicate_p,
)
from evalharness.stats.resampling import Measure, ToCorpus, resampled_scores
from evalharness.stats.settings import IntervalChoice, Method, StatsSettings
from evalharness.stats.units import Units, units_of

_FEWEST_SHARED_UNITS = MIN_BOOTSTRAP_UNITS
_MOST_VALUES_TOGETHER = 1 << 25  # 256 MB of rows of sets of segments that share their draws
_NO_SPREAD = 1e-12  # of scores that differ by the same in every unit, but for rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRows:
    """All rows of a metric [S systems, N segments, K statistics], NaN where there is none, and what is known of it.

    `is_mean` says that the corpus score is statistic 0 over statistic 1, summed, and that statistic 1 counts segments;
    `curve` names the metric in `thresholds.CURVES`, None where it is none of those."""

    name: str
    rows: Floats
    to_corpus: ToCorpus
    is_mean: bool
    higher_is_better: bool
    display_factor: float
    curve: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A metric's rows by contestant [N, K'] each, which of them are there [C, N], and the score of their sums."""

    metric: MetricRows
    contestants: tuple[Contestant, ...]
    rows: tuple[Floats, ...]
    present: Array
    to_corpus: ToCorpus

    @classmethod
    def of(cls, metric: MetricRows, contestants: Sequence[Contestant]) -> Field:
        stacked = 1 if metric.is_mean else n_stacked(contestants)
        rows = tuple(rows_of(one, metric.rows, is_mean=metric.is_mean, n_stacked=stacked) for one in contestants)
        return cls(
            metric=metric,
            contestants=tuple(contestants),
            rows=rows,
            present=np.array([(one.shape[1] > 0) & ~np.isnan(one).any(axis=1) for one in rows]),
            to_corpus=mean_over_stacked(metric.to_corpus, stacked),
        )

    def replicate_scores(self, contestant: int, mask: Array) -> tuple[float, ...]:
        """The corpus score of each run over some segments."""
        sums = [self.metric.rows[member][mask].sum(axis=0) for member in self.contestants[contestant].members]
        return tuple(float(self.metric.to_corpus(one)) for one in sums)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFinding:
    """What was found of score(a) - score(b), over the `n_segments` that both have.

    `p` is None where the method has too few units, or a score is not defined in some draw. `p_smallest` is the least
    there could have been, `detectable` the difference one test finds with 80 % power, None where it finds none.
    `p_replicates` is of runs of the two, None with fewer than two; `exceeds_runs` says whether they differ by more than
    their runs do, True where that is not known."""

    delta: float
    interval: Interval | None
    p: float | None
    unit: str
    n_units: int
    n_segments: int
    n_left_out: int
    n_draws: int | None
    p_smallest: float
    detectable: float | None
    p_replicates: float | None
    exceeds_runs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Of one metric, by contestant and by pair; who has no segment is not in it."""

    intervals: dict[int, Interval | None] = field(default_factory=dict)
    pairs: dict[Pair, PairFinding] = field(default_factory=dict)


def find(
    fields: Sequence[Field], pairs: Sequence[Pair], documents: Sequence[str | None], settings: StatsSettings
) -> list[Findings]:
    """Findings of each metric.

    Raises: ConfigError where documents are asked for and a segment has none."""
    units = units_of(documents, settings.unit)
    findings = [Findings() for _ in fields]
    for inquiries in _inquiries(fields, pairs, documents, units):
        for index, found in _answered(inquiries, settings).items():
            findings[index].intervals.update(found.intervals)
            findings[index].pairs.update(found.pairs)
    return findings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is asked of one metric over one set of segments: contestants' intervals, and pairs."""

    mask: Array
    scores: list[int] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)

    @property
    def involved(self) -> list[int]:
        return sorted({*self.scores, *(contestant for pair in self.pairs for contestant in pair)})


def _inquiries(
    fields: Sequence[Field], pairs: Sequence[Pair], documents: Sequence[str | None], units: Units
) -> Iterator[dict[int, _Inquiry]]:
    """By metric what is asked over sets of segments that share their draws."""
    together: dict[int, list[_Asked]] = defaultdict(list)
    n_values = 0
    for of_mask in _questions(fields, pairs).values():
        mask = next(iter(of_mask.values())).mask
        kept = units_of([one for one, keep in zip(documents, mask, strict=True) if keep], units.kind)
        if mask.all() or kept.n_units < _FEWEST_SHARED_UNITS:
            yield {index: _Inquiry(fields[index], [asked], kept, is_cut=True) for index, asked in of_mask.items()}
            continue
        for index, asked in of_mask.items():
            together[index].append(asked)
            n_values += len(asked.involved) * fields[index].rows[0].size
        if n_values > _MOST_VALUES_TOGETHER:
            yield {index: _Inquiry(fields[index], asked, units, is_cut=False) for index, asked in together.items()}
            together, n_values = defaultdict(list), 0
    if together:
        yield {index: _Inquiry(fields[index], asked, units, is_cut=False) for index, asked in together.items()}


def _questions(fields: Sequence[Field], pairs: Sequence[Pair]) -> dict[bytes, dict[int, _Asked]]:
    """By set of segments and metric; a contestant without any segment is not asked about."""
    questions: dict[bytes, dict[int, _Asked]] = {}

    def asked(mask: Array, index: int) -> _Asked:
        return questions.setdefault(mask.tobytes(), {}).setdefault(index, _Asked(mask=mask))

    for index, one in enumerate(fields):
        for contestant, mask in enumerate(one.present):
            if mask.any():
                asked(mask, index).scores.append(contestant)
        for a, b in pairs:
            mask = one.present[a] & one.present[b]
            if mask.any():
                asked(mask, index).pairs.append((a, b))
    return questions


def _answered(inquiries: Mapping[int, _Inquiry], settings: StatsSettings) -> dict[int, Findings]:
    """Findings by metric, all from the same draws."""
    of_all = list(inquiries.values())
    measures = [inquiry.measure for inquiry in of_all]
    pairs = [inquiry.pairs for inquiry in of_all]
    can_resample = measures[0].n_units >= 2
    resampled: list[Floats] = [np.empty((0, 0))] * len(measures)
    if can_resample:
        rng = np.random.default_rng(settings.seed)
        resampled = resampled_scores(measures, n_resamples=settings.n_resamples, rng=rng)
    if settings.method is Method.bootstrap and can_resample:
        tests = bootstrap_tests(measures, resampled, pairs)
    elif settings.method is Method.bootstrap:
        tests = [inquiry.untested() for inquiry in of_all]
    else:
        rng = np.random.default_rng(settings.seed)
        tests = sign_flip_tests(measures, pairs, n_draws=settings.n_draws, rng=rng)
    return {
        index: inquiry.findings(scores, of_inquiry, settings)
        for (index, inquiry), scores, of_inquiry in zip(inquiries.items(), resampled, tests, strict=True)
    }


class _Inquiry:
    """One metric over one set of segments or several: the rows of those it is asked of.

    With `is_cut` there is one set, and units are those of its segments alone. Else units are of all segments, and rows
    of segments outside of a set are zeros in it: swapping or drawing them changes nothing."""

    def __init__(self, of: Field, asked: Sequence[_Asked], units: Units, *, is_cut: bool) -> None:
        self._of, self._asked, self._units = of, asked, units
        self._places: dict[tuple[int, int], int] = {}
        self._kept: list[Array] = []  # by set, the units that have any of its segments
        unit_sums: list[Floats] = []
        for number, one in enumerate(asked):
            for contestant in one.involved:
                self._places[number, contestant] = len(unit_sums)
                rows = of.rows[contestant]
                if not one.mask.all():
                    rows = rows[one.mask] if is_cut else np.where(one.mask[:, None], rows, 0.0)
                unit_sums.append(units.sums(rows[None])[0])
            self._kept.append(np.ones(units.n_units, dtype=bool) if is_cut else units.counts(one.mask) > 0)
        self.measure = Measure(unit_sums=np.stack(unit_sums), to_corpus=of.to_corpus, is_mean=of.metric.is_mean)
        self.pairs: list[Pair] = [
            (self._places[number, a], self._places[number, b]) for number, one in enumerate(asked) for a, b in one.pairs
        ]
        self._observed = self.measure.scores()

    def untested(self) -> list[PairedTest]:
        deltas = (float(self._observed[a] - self._observed[b]) for a, b in self.pairs)
        return [PairedTest(delta=delta, p=math.nan, n_units=self._units.n_units, n_draws=None) for delta in deltas]

    def findings(self, resampled: Floats, tests: Sequence[PairedTest], settings: StatsSettings) -> Findings:
        """Shapes: resampled [S, R], empty where there is only one unit; tests in the order of `pairs`."""
        left_out = self.measure.left_out_scores() if resampled.size else None
        tested = iter(zip(self.pairs, tests, self._inverted(settings), strict=True))
        found = Findings()
        for number, one in enumerate(self._asked):
            kept = self._kept[number]
            runs = {contestant: self._of.replicate_scores(contestant, one.mask) for contestant in self._grouped(one)}
            for contestant in one.scores:
                place = self._places[number, contestant]
                found.intervals[contestant] = (
                    None
                    if left_out is None
                    else _interval(resampled[place], self._observed[place], left_out[place, kept], settings)
                )
            for pair in one.pairs:
                (a, b), test, interval = next(tested)
                p_smallest = self._smallest_p((a, b), test, settings)
                detectable = None
                if left_out is not None:
                    without = (left_out[a] - left_out[b])[kept]
                    if not math.isnan(test.p) and p_smallest <= settings.alpha:
                        detectable = _detectable(without, np.abs(self._observed[[a, b]]).max(), settings)
                    if interval is None:
                        interval = _interval(resampled[a] - resampled[b], test.delta, without, settings)
                p_replicates, exceeds_runs = _of_runs(runs.get(pair[0], ()), runs.get(pair[1], ()), settings)
                found.pairs[pair] = PairFinding(
                    delta=test.delta,
                    interval=interval,
                    p=None if math.isnan(test.p) else test.p,
                    unit=self._units.kind.value,
                    n_units=int(kept.sum()),
                    n_segments=int(one.mask.sum()),
                    n_left_out=int((~one.mask).sum()),
                    n_draws=test.n_draws,
                    p_smallest=p_smallest,
                    detectable=detectable,
                    p_replicates=p_replicates,
                    exceeds_runs=exceeds_runs,
                )
        return found

    def _grouped(self, asked: _Asked) -> set[int]:
        """The contestants of pairs that have several runs."""
        paired = {contestant for pair in asked.pairs for contestant in pair}
        return {contestant for contestant in paired if len(self._of.contestants[contestant].members) > 1}

    def _inverted(self, settings: StatsSettings) -> list[Interval | None]:
        """By pair the interval from the exact test, where it is asked for and the test is exact and of a mean."""
        chosen = settings.interval is IntervalChoice.auto and settings.method is Method.sign_flip
        if not (chosen and self.measure.is_mean and self._units.n_units <= MAX_EXACT_UNITS_OF_MEANS and self.pairs):
            return [None] * len(self.pairs)
        sums = self.measure.unit_sums
        differences = np.array([sums[a, :, 0] - sums[b, :, 0] for a, b in self.pairs])
        return inverted_intervals(differences, sums[0, :, 1], level=settings.level)

    def _smallest_p(self, pair: Pair, test: PairedTest, settings: StatsSettings) -> float:
        if settings.method is Method.bootstrap:
            return smallest_p(0, settings.n_resamples)
        return smallest_p(n_differing(self.measure, pair), test.n_draws)


def _interval(resampled: Floats, observed: float, left_out: Floats, settings: StatsSettings) -> Interval | None:
    if settings.interval is IntervalChoice.bca:
        return bca_interval(resampled, observed=observed, left_out=left_out, level=settings.level)
    return percentile_interval(resampled, level=settings.level)


def _detectable(left_out: Floats, magnitude: float, settings: StatsSettings) -> float | None:
    """None where the difference is the same in every unit; `magnitude` is that of the scores."""
    error = float(jackknife_standard_error(left_out))
    if error <= _NO_SPREAD * magnitude:
        return None
    return minimum_detectable_effect(error, len(left_out), alpha=settings.alpha)


def _of_runs(a: Sequence[float], b: Sequence[float], settings: StatsSettings) -> tuple[float | None, bool]:
    """The p-value of the difference between the runs of two contestants, and whether it exceeds that between runs of
    one: p is at most alpha, or, where so few runs cannot give that, all of one's are above all of the other's.

    `(None, True)` where one has no two runs, or a run has no score."""
    if not a or not b or any(math.isnan(score) for score in (*a, *b)):
        return None, True
    p = replicate_p(a, b, n_draws=settings.n_draws, seed=settings.seed)
    are_few = smallest_replicate_p(len(a), len(b)) > settings.alpha
    return p, p <= settings.alpha or (are_few and (min(a) > max(b) or min(b) > max(a)))
