"""Blocks of lines that stand in a file twice, as they do where something was pasted or written twice."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_FEWEST_LINES = 3
_FEWEST_CHARACTERS = 100
"""Of a block: single lines, and short ones such as `Yes.`, stand in a text twice for good reasons."""

_MOST_LINES = 1 << 20
"""Of a file looked at together: with more, blocks are found among as many, so that memory stays what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """`n_lines` lines from `first` on (from 1) are those from `original` on again."""

    first: int
    original: int
    n_lines: int


class Lines:
    """The hashes and lengths of lines of one file: 12 bytes a line, whatever they hold."""

    def __init__(self, *, first: int = 1) -> None:
        self._first = first
        self._hashes = array("q")
        self._lengths = array("I")

    @property
    def is_full(self) -> bool:
        return len(self._hashes) >= _MOST_LINES

    def add(self, line: str) -> None:
        self._hashes.append(hash(line))
        self._lengths.append(len(line))

    def repeated(self) -> Iterator[Block]:
        """Every block that is there again, in the order of the repetitions, as long as it is."""
        hashes = np.frombuffer(self._hashes, dtype=np.int64)
        n_grams = len(hashes) - _FEWEST_LINES + 1
        if n_grams < 2:
            return
        multiplier = np.uint64(0x9E3779B97F4A7C15)
        grams = np.zeros(n_grams, dtype=np.uint64)
        for offset in range(_FEWEST_LINES):
            grams = grams * multiplier + hashes[offset : offset + n_grams].view(np.uint64)
        values = np.sort(grams)
        places = np.flatnonzero(np.isin(grams, values[1:][values[1:] == values[:-1]]))
        # Each with the one before: a block that stands there three times, and a line that does all along, is one run.
        in_order = places[np.argsort(grams[places], kind="stable")]
        is_again = grams[in_order[1:]] == grams[in_order[:-1]]
        again, originals = in_order[1:][is_again], in_order[:-1][is_again]
        if not len(again):
            return
        by_place = np.argsort(again)
        again, originals = again[by_place], originals[by_place]
        distances = again - originals
        breaks = np.flatnonzero((np.diff(again) != 1) | (np.diff(distances) != 0)) + 1
        lengths = np.frombuffer(self._lengths, dtype=np.uint32)
        for run, of_run in zip(np.split(again, breaks), np.split(originals, breaks), strict=True):
            first, n_lines = int(run[0]), len(run) + _FEWEST_LINES - 1
            if lengths[first : first + n_lines].sum(dtype=np.int64) >= _FEWEST_CHARACTERS:
                yield Block(first=first + self._first, original=int(of_run[0]) + self._first, n_lines=n_lines)
