"""Whether two systems differ: the paired sign-flip test on additive rows, for every pair from the same draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evalharness.records import Array, Floats
from evalharness.stats.intervals import ToCorpus

MAX_EXACT_UNITS = 16
"""2^15 distinct swaps of 16 units are fewer work than 10,000 draws of a large test set, and exact."""
_DRAWS_PER_BLOCK = 1024
# Sums of the same numbers in another order differ in their last bits; such ties must count as ties.
_TIE_TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTest:
    """The difference score(a) - score(b) and its two-sided p-value; `n_draws` is None for full enumeration.

    `p` is NaN where a score, here or after some swap, is not defined."""

    delta: float
    p: float
    n_units: int
    n_draws: int | None


def sign_flip_tests(
    unit_sums: Floats,
    to_corpus: ToCorpus,
    pairs: Sequence[tuple[int, int]],
    *,
    n_draws: int,
    rng: np.random.Generator,
) -> list[PairedTest]:
    """The paired approximate-randomisation test of each pair, in order.

    Under the null hypothesis the two outputs of a unit can be swapped. p is the share of all 2^G swaps (up to 16 units)
    whose |difference| reaches the observed one, or (1 + reached) / (draws + 1) over random swaps above that; ties
    count, so identical systems get p = 1.
    Shapes: unit_sums [S, G, K]; pairs hold system indices.
    Source: Noreen 1989; Riezler & Maxwell 2005; Phipson & Smyth 2010 for the + 1."""
    n_systems, n_units, n_statistics = unit_sums.shape
    if not pairs:
        return []
    first = np.array([pair[0] for pair in pairs])
    second = np.array([pair[1] for pair in pairs])
    by_unit = unit_sums.transpose(1, 0, 2).reshape(n_units, n_systems * n_statistics)
    totals = unit_sums.sum(axis=1)
    scores = to_corpus(totals)
    deltas = scores[first] - scores[second]
    threshold = np.abs(deltas) - _TIE_TOLERANCE * np.maximum(np.abs(scores[first]), np.abs(scores[second]))
    exact = n_units <= MAX_EXACT_UNITS
    reached = np.zeros(len(pairs), dtype=np.int64)
    is_undefined = np.isnan(deltas)
    n_swaps = 0
    for swaps in _all_swaps(n_units) if exact else _random_swaps(n_units, n_draws, rng):
        moved = (swaps @ by_unit).reshape(len(swaps), n_systems, n_statistics)
        exchanged = moved[:, second] - moved[:, first]
        difference = to_corpus(totals[first] + exchanged) - to_corpus(totals[second] - exchanged)
        reached += (np.abs(difference) >= threshold).sum(axis=0)
        is_undefined |= np.isnan(difference).any(axis=0)
        n_swaps += len(swaps)
    p = np.where(is_undefined, np.nan, reached / n_swaps if exact else (1 + reached) / (n_swaps + 1))
    return [
        PairedTest(
            delta=float(deltas[index]),
            p=float(p[index]),
            n_units=n_units,
            n_draws=None if exact else n_swaps,
        )
        for index in range(len(pairs))
    ]


def _all_swaps(n_units: int) -> Iterator[Array]:
    """Blocks [B, G] of 0 and 1. The last unit is never swapped: swapping all units only changes the sign, so the half
    of the swaps that is left has the same shares."""
    bits = np.arange(max(n_units - 1, 0))
    for start in range(0, 2 ** len(bits), _DRAWS_PER_BLOCK):
        numbers = np.arange(start, min(start + _DRAWS_PER_BLOCK, 2 ** len(bits)))
        swaps = np.zeros((len(numbers), n_units))
        swaps[:, : len(bits)] = (numbers[:, None] >> bits) & 1
        yield swaps


def _random_swaps(n_units: int, n_draws: int, rng: np.random.Generator) -> Iterator[Array]:
    for start in range(0, n_draws, _DRAWS_PER_BLOCK):
        yield rng.integers(2, size=(min(_DRAWS_PER_BLOCK, n_draws - start), n_units), dtype=np.int8).astype(np.float64)
