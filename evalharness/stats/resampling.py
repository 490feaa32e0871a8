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

TIE_TOLERANCE = 1e-12
"""Sums of the same numbers in another order differ in their last bits; such ties must count as ties."""
# What is held at once: 16 MB of bits, 32 or 64 MB of counts. Memory does not grow with the number of draws.
_BITS_PER_BLOCK = 1 << 27
_COUNTS_PER_BLOCK = 1 << 24
_UNITS_PER_TILE = 2048  # of a million units: 11 s for 10,000 draws of ten systems, 86 s untiled
_VALUES_PER_CHUNK = 1 << 21
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
        n_together = max(1, _VALUES_PER_CHUNK // max(totals.size, 1))
        for start in range(0, self.n_units, n_together):
            block = slice(start, start + n_together)
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

    `matrix` is [C, G], its rows statistic by statistic, systems within. Where all values are whole and no sum of a draw
    can reach 2^24, float32 gives the same sums."""

    matrix: Array
    n_systems: int

    @classmethod
    def of(cls, unit_sums: Floats, statistics: Array, *, are_resampled: bool = False) -> SideBySide:
        """The chosen statistics of unit_sums [S, G, K]; a resample may hold one unit G times, a swap holds it once."""
        n_systems, n_units, _ = unit_sums.shape
        rows = [unit_sums[system, :, k] for k in statistics for system in range(n_systems)]
        is_exact = all(_is_exact_in_float32(row, are_resampled=are_resampled) for row in rows)
        matrix = np.empty((len(rows), n_units), dtype=np.float32 if is_exact else np.float64)
        for place, row in enumerate(rows):
            matrix[place] = row
        return cls(matrix=matrix, n_systems=n_systems)


def _is_exact_in_float32(row: Floats, *, are_resampled: bool) -> bool:
    if not (row == np.rint(row)).all():
        return False
    largest = len(row) * np.abs(row).max(initial=0.0) if are_resampled else np.abs(row).sum()
    return bool(largest < _EXACT_IN_FLOAT32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Draws [B, G] as whole numbers; swaps are kept as bits, eight units a byte, until a tile of them is used."""

    draws: Array
    n_units: int
    are_bits: bool

    def __len__(self) -> int:
        return len(self.draws)

    def of(self, start: int, stop: int) -> Array:
        """The draws of some units; `start` is a multiple of 8."""
        if not self.are_bits:
            return self.draws[:, start:stop]
        return np.unpackbits(self.draws[:, start // 8 : (stop + 7) // 8], axis=1, count=stop - start)


def sums_of(draws: Block, tables: Sequence[SideBySide]) -> list[Floats]:
    """The sums of each draw, for each table: [statistics, S, B]. Units are taken a tile at a time, which stays in the
    cache and is converted once for all tables."""
    totals = [np.zeros((len(table.matrix), len(draws)), dtype=table.matrix.dtype) for table in tables]
    for start in range(0, draws.n_units, _UNITS_PER_TILE):
        stop = min(start + _UNITS_PER_TILE, draws.n_units)
        tile = draws.of(start, stop)
        converted = {dtype: tile.astype(dtype).T for dtype in {total.dtype for total in totals}}
        for table, total in zip(tables, totals, strict=True):
            total += table.matrix[:, start:stop] @ converted[total.dtype]
    return [
        total.astype(np.float64).reshape(-1, table.n_systems, len(draws))
        for table, total in zip(tables, totals, strict=True)
    ]


def all_swaps(n_units: int) -> Iterator[Block]:
    """Every way to swap units, 1 for swapped, but the last unit, which never is: swapping all units only changes the
    sign of a difference, so the half of the swaps that is left has the same shares."""
    bits = np.arange(max(n_units - 1, 0))
    n_swaps = 2 ** len(bits)
    for start in range(0, n_swaps, _MAX_DRAWS_PER_BLOCK):
        numbers = np.arange(start, min(start + _MAX_DRAWS_PER_BLOCK, n_swaps))
        swaps = np.zeros((len(numbers), n_units), dtype=np.uint8)
        swaps[:, : len(bits)] = (numbers[:, None] >> bits) & 1
        yield Block(draws=swaps, n_units=n_units, are_bits=False)


def random_swaps(n_units: int, n_draws: int, rng: np.random.Generator) -> Iterator[Block]:
    """`n_draws` random swaps; the same ones whatever the size of blocks."""
    n_words = math.ceil(n_units / 64)
    for n_block in _block_sizes(n_draws, _BITS_PER_BLOCK // max(n_units, 1)):
        words = rng.integers(1 << 64, size=(n_block, n_words), dtype=np.uint64)
        yield Block(draws=words.view(np.uint8), n_units=n_units, are_bits=True)


def random_counts(n_units: int, n_resamples: int, rng: np.random.Generator) -> Iterator[Block]:
    """How often each resample holds each unit: as many units are drawn, with replacement, as there are."""
    kind = np.uint16 if n_units < 1 << 16 else np.uint32
    for n_block in _block_sizes(n_resamples, _COUNTS_PER_BLOCK // max(n_units, 1)):
        counts = np.empty((n_block, n_units), dtype=kind)
        for row in counts:
            row[:] = np.bincount(rng.integers(n_units, size=n_units), minlength=n_units)
        yield Block(draws=counts, n_units=n_units, are_bits=False)


def resampled_scores(measures: Sequence[Measure], *, n_resamples: int, rng: np.random.Generator) -> list[Floats]:
    """The corpus score of each system in each resample [S, R], for each measure, from the same resamples.

    All measures have the same units."""
    if not measures:
        return []
    varying = [varying_statistics(measure.unit_sums) for measure in measures]
    same = [np.setdiff1d(np.arange(m.unit_sums.shape[2]), v) for m, v in zip(measures, varying, strict=True)]
    tables = [SideBySide.of(m.unit_sums, v, are_resampled=True) for m, v in zip(measures, varying, strict=True)]
    shared = [SideBySide.of(m.unit_sums[:1], s, are_resampled=True) for m, s in zip(measures, same, strict=True)]
    scores = [np.empty((table.n_systems, n_resamples)) for table in tables]
    start = 0
    for counts in random_counts(measures[0].n_units, n_resamples, rng):
        summed = sums_of(counts, [*tables, *shared])
        for index, measure in enumerate(measures):
            sums = np.empty((measure.unit_sums.shape[2], tables[index].n_systems, len(counts)))
            sums[varying[index]] = summed[index]
            sums[same[index]] = summed[len(tables) + index]
            scores[index][:, start : start + len(counts)] = measure.to_corpus(np.moveaxis(sums, 0, -1))
        start += len(counts)
    return scores


def _block_sizes(n_draws: int, largest: int) -> Iterator[int]:
    largest = max(1, min(_MAX_DRAWS_PER_BLOCK, largest))
    for start in range(0, n_draws, largest):
        yield min(largest, n_draws - start)
