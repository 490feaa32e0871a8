"""Swaps and resamples of units as blocks of matrices: one set for every system, pair and metric.

Rows are additive, so a swap or a resample of units is a matrix product with the rows of all systems side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from evalharness.records import Array, Floats

ToCorpus: TypeAlias = Callable[[Array], Floats]
"""Sums of rows [..., K] to corpus scores [...]: a metric's `corpus_scores`."""

_ENTRIES_PER_BLOCK = 1 << 21
"""Draws times units held at once, about 16 MB: memory does not grow with the number of draws."""
_MAX_DRAWS_PER_BLOCK = 1024
_EXACT_IN_FLOAT32 = 2.0**24


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A metric as statistics know it: rows summed over units [S systems, G units, K statistics], none of them missing,
    and what their sums come to.

    `is_mean` says that this is statistic 0 over statistic 1, and that statistic 1 counts segments."""

    unit_sums: Floats
    to_corpus: ToCorpus
    is_mean: bool = False

    def __post_init__(self) -> None:
        if self.unit_sums.ndim != 3:
            raise ValueError(f"unit_sums has shape {self.unit_sums.shape}; expected [S, G, K]")

    @property
    def n_units(self) -> int:
        return int(self.unit_sums.shape[1])

    def scores(self) -> Floats:
        """The corpus score of each system [S]."""
        return self.to_corpus(self.unit_sums.sum(axis=1))

    def left_out_scores(self) -> Floats:
        """The corpus score of each system without each unit [S, G]: the jackknife."""
        totals = self.unit_sums.sum(axis=1)
        scores = np.empty(self.unit_sums.shape[:2])
        for start in range(0, self.n_units, _ENTRIES_PER_BLOCK // 16):
            block = slice(start, start + _ENTRIES_PER_BLOCK // 16)
            scores[:, block] = self.to_corpus(totals[:, None] - self.unit_sums[:, block])
        return scores


def varying_statistics(unit_sums: Floats) -> Array:
    """Which statistics differ between systems. What is the same in all, such as the length of the references, no swap
    can change."""
    differs = [bool((unit_sums[1:, :, k] != unit_sums[0, :, k]).any()) for k in range(unit_sums.shape[2])]
    return np.flatnonzero(differs)


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """Rows of units as one matrix, for products with blocks of draws.

    `matrix` is [C, G], its rows statistic by statistic, systems within. Where all values are whole and sums stay below
    2^24, float32 gives the same sums."""

    matrix: Array
    n_systems: int

    @classmethod
    def of(cls, unit_sums: Floats, statistics: Array) -> SideBySide:
        """The chosen statistics of unit_sums [S, G, K]."""
        n_systems, n_units, _ = unit_sums.shape
        matrix = np.ascontiguousarray(unit_sums[:, :, statistics].transpose(2, 0, 1)).reshape(-1, n_units)
        is_whole = all(bool((row == np.rint(row)).all()) for row in matrix)
        if is_whole and np.abs(matrix).sum(axis=1).max(initial=0.0) < _EXACT_IN_FLOAT32:
            matrix = matrix.astype(np.float32)
        return cls(matrix=matrix, n_systems=n_systems)

    def sums(self, draws: Block) -> Floats:
        """Sums of each draw: [statistics, S, B]."""
        summed = self.matrix @ draws.as_type(self.matrix.dtype).T
        return summed.astype(np.float64).reshape(-1, self.n_systems, len(draws))


class Block:
    """Draws [B, G] as whole numbers, converted once to each type that products need."""

    def __init__(self, draws: Array) -> None:
        self._draws = draws
        self._converted: dict[str, Array] = {}

    def __len__(self) -> int:
        return len(self._draws)

    def as_type(self, dtype: np.dtype[np.generic]) -> Array:
        if dtype.name not in self._converted:
            self._converted[dtype.name] = self._draws.astype(dtype)
        return self._converted[dtype.name]


def all_swaps(n_units: int) -> Iterator[Block]:
    """Every way to swap units, 1 for swapped, but the last unit, which never is: swapping all units only changes the
    sign of a difference, so the half of the swaps that is left has the same shares."""
    bits = np.arange(max(n_units - 1, 0))
    n_swaps = 2 ** len(bits)
    for start in range(0, n_swaps, _MAX_DRAWS_PER_BLOCK):
        numbers = np.arange(start, min(start + _MAX_DRAWS_PER_BLOCK, n_swaps))
        swaps = np.zeros((len(numbers), n_units), dtype=np.uint8)
        swaps[:, : len(bits)] = (numbers[:, None] >> bits) & 1
        yield Block(swaps)


def random_swaps(n_units: int, n_draws: int, rng: np.random.Generator) -> Iterator[Block]:
    """`n_draws` random swaps; the same ones whatever the size of blocks."""
    n_words = math.ceil(n_units / 64)
    for n_block in _block_sizes(n_units, n_draws):
        words = rng.integers(1 << 64, size=(n_block, n_words), dtype=np.uint64)
        yield Block(np.unpackbits(words.view(np.uint8), axis=1, count=n_units))


def random_counts(n_units: int, n_resamples: int, rng: np.random.Generator) -> Iterator[Block]:
    """How often each resample holds each unit: as many units are drawn, with replacement, as there are."""
    for n_block in _block_sizes(n_units, n_resamples):
        drawn = rng.integers(n_units, size=(n_block, n_units))
        drawn += np.arange(n_block)[:, None] * n_units
        yield Block(np.bincount(drawn.ravel(), minlength=n_block * n_units).reshape(n_block, n_units))


def resampled_scores(measures: Sequence[Measure], *, n_resamples: int, rng: np.random.Generator) -> list[Floats]:
    """The corpus score of each system in each resample [S, R], for each measure, from the same resamples.

    All measures have the same units."""
    if not measures:
        return []
    varying = [varying_statistics(measure.unit_sums) for measure in measures]
    same = [np.setdiff1d(np.arange(m.unit_sums.shape[2]), v) for m, v in zip(measures, varying, strict=True)]
    tables = [SideBySide.of(m.unit_sums, v) for m, v in zip(measures, varying, strict=True)]
    shared = [SideBySide.of(m.unit_sums[:1], s) for m, s in zip(measures, same, strict=True)]
    scores = [np.empty((table.n_systems, n_resamples)) for table in tables]
    start = 0
    for counts in random_counts(measures[0].n_units, n_resamples, rng):
        for index, measure in enumerate(measures):
            sums = np.empty((measure.unit_sums.shape[2], tables[index].n_systems, len(counts)))
            sums[varying[index]] = tables[index].sums(counts)
            sums[same[index]] = shared[index].sums(counts)
            scores[index][:, start : start + len(counts)] = measure.to_corpus(np.moveaxis(sums, 0, -1))
        start += len(counts)
    return scores


def _block_sizes(n_units: int, n_draws: int) -> Iterator[int]:
    largest = max(1, min(_MAX_DRAWS_PER_BLOCK, _ENTRIES_PER_BLOCK // max(n_units, 1)))
    for start in range(0, n_draws, largest):
        yield min(largest, n_draws - start)
