"""Whether two systems differ: paired tests on additive rows, for every pair and metric from the same draws."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evalharness.records import Array, Floats
from evalharness.stats.resampling import (
    TIE_TOLERANCE,
    Measure,
    SideBySide,
    all_swaps,
    random_swaps,
    sums_of,
    varying_statistics,
)

MAX_EXACT_UNITS = 16
MAX_EXACT_UNITS_OF_MEANS = 20
"""2^15 swaps of 16 units are little more work than 10,000 draws; means, which are cheap to recompute, afford 2^19."""
MIN_BOOTSTRAP_UNITS = 30
"""With fewer, bootstrap p-values reject equal systems too often: 11.1 % of the time at nominal 5 % with 9 units, 6.0 %
with 30 (`make bench`, November 2026)."""

Pair = tuple[int, int]
_VALUES_PER_CHUNK = 1 << 13  # scores computed together: with 2^15 their statistics left the cache, 1.5 times the time
_ROUNDING = 1e-15  # of sums of scores that lie far from 0 and close to each other


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTest:
    """The difference score(a) - score(b) and its two-sided p-value.

    `p` is NaN where a score, here or after some draw, is not defined, and where there are too few units for the method.
    `n_draws` is None for full enumeration."""

    delta: float
    p: float
    n_units: int
    n_draws: int | None


def is_enumerated(measure: Measure, pair: Pair) -> bool:
    """Whether the sign-flip test goes through every swap instead of drawing some."""
    return n_differing(measure, pair) <= (MAX_EXACT_UNITS_OF_MEANS if measure.is_mean else MAX_EXACT_UNITS)


def n_differing(measure: Measure, pair: Pair) -> int:
    """In how many units two systems differ; swapping the others changes nothing."""
    return int(_differing(measure, pair).sum())


def sign_flip_tests(
    measures: Sequence[Measure], pairs: Sequence[Sequence[Pair]], *, n_draws: int, rng: np.random.Generator
) -> list[list[PairedTest]]:
    """The paired approximate-randomisation test of each of a measure's pairs, in order, for each measure.

    Under the null hypothesis the two outputs of a unit can be swapped. p is the share of all swaps whose |difference|
    reaches the observed one where the two differ in up to 16 units (20 for means), or (1 + reached) / (draws + 1) over
    random swaps above that, the same for all measures. Ties count, so identical systems get p = 1.
    All measures have the same units; pairs hold system indices.
    Source: Noreen 1989; Riezler & Maxwell 2005; Phipson & Smyth 2010 for the + 1."""
    found: list[dict[Pair, PairedTest]] = [{} for _ in measures]
    together: list[tuple[int, list[Pair], bool]] = []
    for index, (measure, of_measure) in enumerate(zip(measures, pairs, strict=True)):
        enumerated: list[Pair] = []
        drawn: list[Pair] = []
        for pair in of_measure:
            (enumerated if is_enumerated(measure, pair) else drawn).append(pair)
        all_together = not measure.is_mean and measure.n_units <= MAX_EXACT_UNITS
        if enumerated and all_together:
            together.append((index, enumerated, True))
        elif enumerated:
            found[index] |= {pair: _enumerated(measure, pair) for pair in enumerated}
        if drawn:
            together.append((index, drawn, False))
    for is_exact in (True, False):
        chosen = [(index, of_index) for index, of_index, exact in together if exact is is_exact]
        if not chosen:
            continue
        n_units = measures[chosen[0][0]].n_units
        counters = [_counter(measures[index], of_index) for index, of_index in chosen]
        n_swaps = 0
        for swaps in all_swaps(n_units) if is_exact else random_swaps(n_units, n_draws, rng):
            moved = sums_of(swaps, [counter.table for counter in counters])
            for counter, of_counter in zip(counters, moved, strict=True):
                counter.count(of_counter)
            n_swaps += len(swaps)
        for (index, of_index), counter in zip(chosen, counters, strict=True):
            p = counter.reached / n_swaps if is_exact else (1 + counter.reached) / (n_swaps + 1)
            p[counter.is_undefined] = np.nan
            tests = _tests(counter.deltas, p, n_units, None if is_exact else n_swaps)
            found[index] |= dict(zip(of_index, tests, strict=True))
    return [[found[index][pair] for pair in of_measure] for index, of_measure in enumerate(pairs)]


def _differing(measure: Measure, pair: Pair) -> Array:
    a, b = pair
    return np.asarray((measure.unit_sums[a] != measure.unit_sums[b]).any(axis=1))


def _enumerated(measure: Measure, pair: Pair) -> PairedTest:
    """The exact test of one pair, over the units in which they differ; the others are summed into one."""
    rows = measure.unit_sums[list(pair)]
    differing = _differing(measure, pair)
    if measure.is_mean:
        scores = measure.to_corpus(rows.sum(axis=1))
        p = _exact_p_of_mean(*rows[:, differing, 0])
        return PairedTest(delta=float(scores[0] - scores[1]), p=p, n_units=measure.n_units, n_draws=None)
    few = np.concatenate([rows[:, differing], rows[:, ~differing].sum(axis=1, keepdims=True)], axis=1)
    counter = _Counter(Measure(unit_sums=few, to_corpus=measure.to_corpus), [(0, 1)])
    n_swaps = 0
    for swaps in all_swaps(few.shape[1]):  # the last unit, in which they do not differ, is never swapped
        (moved,) = sums_of(swaps, [counter.table])
        counter.count(moved)
        n_swaps += len(swaps)
    p = math.nan if counter.is_undefined[0] else float(counter.reached[0] / n_swaps)
    return PairedTest(delta=float(counter.deltas[0]), p=p, n_units=measure.n_units, n_draws=None)


def bootstrap_tests(
    measures: Sequence[Measure], scores: Sequence[Floats], pairs: Sequence[Sequence[Pair]]
) -> list[list[PairedTest]]:
    """The paired bootstrap test of each of a measure's pairs, in order, for each measure, from the scores of the same
    resamples [S, R].

    p is the share of resamples, the observed one among them, whose difference is at least as far from the observed one
    as that is from 0; NaN with fewer than 30 units.
    Source: Efron & Tibshirani 1993, section 16.4. The shares of `wins` of Koehn 2004 are no p-values."""
    tests = []
    for measure, resampled, of_measure in zip(measures, scores, pairs, strict=True):
        observed = measure.scores()
        deltas, p = np.empty(len(of_measure)), np.empty(len(of_measure))
        for index, (a, b) in enumerate(of_measure):
            deltas[index] = observed[a] - observed[b]
            difference = resampled[a] - resampled[b]
            tolerance = TIE_TOLERANCE * max(abs(observed[a]), abs(observed[b]))
            reached = np.abs(difference - deltas[index]) >= abs(deltas[index]) - tolerance
            is_defined = not np.isnan(difference).any() and measure.n_units >= MIN_BOOTSTRAP_UNITS
            p[index] = (1 + reached.sum()) / (len(difference) + 1) if is_defined else np.nan
        tests.append(_tests(deltas, p, measure.n_units, resampled.shape[1]))
    return tests


def _tests(deltas: Floats, p: Floats, n_units: int, n_draws: int | None) -> list[PairedTest]:
    return [
        PairedTest(delta=float(delta), p=float(one), n_units=n_units, n_draws=n_draws)
        for delta, one in zip(deltas, p, strict=True)
    ]


class _Counter:
    """Counts, for each pair of a measure, the swaps whose difference reaches the observed one.

    A pair's swapped sums are those of `a` and what the swapped units hold more in `b` than in `a`, so one product with
    the rows of all systems serves all pairs."""

    def __init__(self, measure: Measure, pairs: Sequence[Pair]) -> None:
        self._measure = measure
        self._moved_statistics = self._statistics()
        self.table = SideBySide.of(measure.unit_sums, self._moved_statistics)
        self._first = np.array([a for a, _ in pairs], dtype=np.int64)
        self._second = np.array([b for _, b in pairs], dtype=np.int64)
        self._totals = measure.unit_sums.sum(axis=1)
        scores = measure.scores()
        self.deltas = scores[self._first] - scores[self._second]
        largest = np.maximum(np.abs(scores[self._first]), np.abs(scores[self._second]))
        self._threshold = np.abs(self.deltas) - TIE_TOLERANCE * largest
        self.reached = np.zeros(len(pairs), dtype=np.int64)
        self.is_undefined = np.isnan(self.deltas)

    def _statistics(self) -> Array:
        """Which statistics a swap can change."""
        return varying_statistics(self._measure.unit_sums)

    def count(self, moved: Floats) -> None:
        """Count swaps, given what each moves of each system [V, S, B]."""
        for pairs in self._chunks(moved.shape[2]):
            a, b = self._first[pairs], self._second[pairs]
            exchanged = moved[:, b] - moved[:, a]
            difference = self._score(a, exchanged)
            np.negative(exchanged, out=exchanged)
            difference -= self._score(b, exchanged)
            np.abs(difference, out=difference)
            self.reached[pairs] += (difference >= self._threshold[pairs, None]).sum(axis=1)
            self.is_undefined[pairs] |= np.isnan(difference).any(axis=1)

    def _score(self, systems: Array, exchanged: Floats) -> Floats:
        """Corpus scores [P, B] of systems whose varying statistics changed by [V, P, B]."""
        totals = self._totals[systems].T
        sums = np.empty((len(totals), *exchanged.shape[1:]))
        sums[:] = totals[:, :, None]
        sums[self._moved_statistics] += exchanged
        return self._measure.to_corpus(np.moveaxis(sums, 0, -1))

    def _chunks(self, n_swaps: int) -> Iterator[slice]:
        size = max(1, _VALUES_PER_CHUNK // n_swaps)
        for start in range(0, len(self._first), size):
            yield slice(start, start + size)


class _MeanCounter(_Counter):
    """The same for means, whose swapped difference is the observed one less twice what was swapped of it."""

    def __init__(self, measure: Measure, pairs: Sequence[Pair]) -> None:
        super().__init__(measure, pairs)
        sums = measure.unit_sums[:, :, 0]
        self._observed = self._totals[self._first, 0] - self._totals[self._second, 0]
        tolerance = [_tolerance(sums[a], sums[b]) for a, b in pairs]
        self._threshold = np.abs(self._observed) - np.array(tolerance)

    def _statistics(self) -> Array:
        return np.array([0])  # the scores; counts are the same in both

    def count(self, moved: Floats) -> None:
        """Count swaps, given the sums of scores each moves of each system [1, S, B]."""
        for pairs in self._chunks(moved.shape[2]):
            difference = moved[0, self._second[pairs]] - moved[0, self._first[pairs]]
            difference *= 2
            difference += self._observed[pairs, None]
            np.abs(difference, out=difference)
            self.reached[pairs] += (difference >= self._threshold[pairs, None]).sum(axis=1)


def _tolerance(a: Floats, b: Floats) -> float:
    """How far sums of the differences of these scores [G] may be off and still be the same number."""
    return max(TIE_TOLERANCE * float(np.abs(a - b).sum()), _ROUNDING * float(np.abs(a).sum() + np.abs(b).sum()))


def _exact_p_of_mean(a: Floats, b: Floats) -> float:
    """The share of all swaps of units that reach the observed difference of sums, for scores summed over units [G].

    Subset sums of one half of the units are looked up among those of the other half, so that 2^20 swaps cost 2^10."""
    differences, tolerance = a - b, _tolerance(a, b)
    total = float(differences.sum())
    if abs(total) <= tolerance:
        return 1.0
    if total < 0:
        differences, total = -differences, -total
    half = len(differences) // 2
    left, right = _subset_sums(differences[:half]), np.sort(_subset_sums(differences[half:]))
    # total - 2 * sum over swapped reaches the total itself, or its opposite, up to the tolerance
    below = np.searchsorted(right, tolerance / 2 - left, side="right").sum()
    above = (len(right) - np.searchsorted(right, total - tolerance / 2 - left, side="left")).sum()
    return min(1.0, float(below + above) / float(2 ** len(differences)))


def _subset_sums(values: Floats) -> Floats:
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums, sums + value])
    return np.asarray(sums)


def _counter(measure: Measure, pairs: Sequence[Pair]) -> _Counter:
    return (_MeanCounter if measure.is_mean else _Counter)(measure, pairs)
