"""Sentences of two texts that say the same, aligned by their lengths.

Source: Gale and Church 1993, A program for aligning sentences in bilingual corpora, with its penalties where it gives
them. Costs are in nats."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalharness.records import Array, Floats

# Chosen on 24 and 200 segments of WMT22 zh-en joined into one, whole, stopped half way and with a part left out.
# HELD
_VARIANCE = 2.0
"""Of the difference between the lengths of a sentence and its translation, per token of both together."""
# By how many sentences of the one text and of the other say the same.
_PENALTIES = {(1, 1): 0.0, (2, 1): 2.3, (1, 2): 2.3, (2, 2): 4.4, (3, 1): 4.5, (1, 3): 4.5}
_OMISSION = 4.5  # a sentence that has none opposite
_MORE_OMITTED = 2.5  # each further one behind it: what is left out is often a whole passage
_OTHER_LINE_END = 3.0  # where one line ends and its translation goes on
_DRIFT = 600.0  # so many tokens further in one text than in the other cost one; a path that lost its way comes back
_MOST_DRIFT = 0.5  # so that it need not where a passage was left out
_EARLY_END = 8.0  # where one text stops and the other goes on
_MOST_LEFT = 1.5  # of it, in what the one text has more than the other
_LEFT = 1.0  # each sentence of it: as much as one costs that has its like opposite
_MOVES = (*_PENALTIES, (1, 0), (0, 1))
_FURTHEST = max(step for step, _ in _PENALTIES)
_OMITTED, _ADDED = len(_PENALTIES), len(_PENALTIES) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Of a text, sentence by sentence: its tokens [n], and whether a line ends with it [n].

    `may_stop_early`: whether it is in the language of the first text, and one of the two may be the beginning only of
    what the other says."""

    sentences: tuple[int, ...]
    ends_line: tuple[bool, ...]
    may_stop_early: bool = False

    def part(self, start: int, stop: int) -> Lengths:
        return Lengths(sentences=self.sentences[start:stop], ends_line=self.ends_line[start:stop])


def common_cuts(texts: Sequence[Lengths]) -> list[tuple[int, ...]]:
    """The numbers of sentences, a number for each text, after which all have said the same: from the beginning to the
    end of all of them, each at least one sentence further than the one before in one text and behind it in none.

    All others are aligned with the first text, and with each other where they say what it does not."""
    first, *others = texts
    if not others:
        return [(number,) for number in range(len(first.sentences) + 1)]
    stops: list[dict[int, list[int]]] = []
    for other in others:
        grouped = itertools.groupby(aligned(first, other), key=lambda place: place[0])
        stops.append({i: [j for _, j in places] for i, places in grouped})
    cuts = []
    for i in sorted(set.intersection(*map(set, stops))):
        between = [of[i] for of in stops]
        inner = common_cuts([other.part(js[0], js[-1]) for other, js in zip(others, between, strict=True)])
        cuts += [(i, *(js[0] + k for js, k in zip(between, ks, strict=True))) for ks in inner]
    return cuts


@functools.lru_cache(maxsize=256)  # source and reference are those of all systems
def aligned(text: Lengths, other: Lengths) -> tuple[tuple[int, int], ...]:
    """The numbers of sentences after which both texts have said the same, from (0, 0) to all of both.

    Taken together they are as long, unless one stops early: where that may be, what is likelier is taken."""
    n, m = len(text.sentences), len(other.sentences)
    at_end_of_other, at_end_of_text, moves, goes_on = _tables(text, other)
    ends = [(cost, number, n, m) for number, cost in enumerate(at_end_of_text[:, m])]
    if other.may_stop_early:
        more = sum(text.sentences) - sum(other.sentences)
        for i, cost in enumerate(at_end_of_other[:n, 1]):
            if sum(text.sentences[i:]) <= _MOST_LEFT * more:
                ends.append((cost + _EARLY_END + (n - i) * _LEFT, 1, i, m))
        for j, cost in enumerate(at_end_of_text[1, :m]):
            if sum(other.sentences[j:]) <= -_MOST_LEFT * more:
                ends.append((cost + _EARLY_END + (m - j) * _LEFT, 1, n, j))
    _, number, i, j = min(ends)
    path = [*((k, m) for k in range(n, i, -1)), *((n, k) for k in range(m, j, -1)), (i, j)]
    move, is_within = 0, False  # within what is omitted or added
    while (i, j) != (0, 0):
        if not is_within:
            move = int(moves[i, number, j])
        is_within = move >= _OMITTED and bool(goes_on[i, move - _OMITTED, number, j])
        step, across = _MOVES[move]
        i, j = i - step, j - across
        path.append((i, j))
    return tuple(path[::-1])


def _tables(text: Lengths, other: Lengths) -> tuple[Floats, Floats, Array, Array]:
    """The least costs of getting to each sentence of the first text and the end of the other [n + 1, units], and to the
    end of the first and each sentence of the other [units, m + 1]; the last move on the way to every place
    [n + 1, units, m + 1]; whether one that omits of the first text, or adds of the other, has its like before it
    [n + 1, 2, units, m + 1].

    Units: what a token of the other text is worth, so that all of both are equal; if it may stop early, also 1."""
    n, m = len(text.sentences), len(other.sentences)
    a, whole = (np.concatenate([[0.0], np.cumsum(one.sentences)]) for one in (text, other))
    units = [a[-1] / whole[-1] if whole[-1] else 1.0, *([1.0] if other.may_stop_early else [])]
    b = np.outer(units, whole)
    lines, other_lines = (np.concatenate([[0], np.cumsum(one.ends_line)]) for one in (text, other))
    ends = np.array([True, *other.ends_line])
    moves = np.full((n + 1, len(units), m + 1), _ADDED, dtype=np.int8)
    goes_on = np.zeros((n + 1, 2, len(units), m + 1), dtype=bool)
    goes_on[0, 1, :, 2:] = True
    further = np.arange(m + 1) * _MORE_OMITTED
    first = np.concatenate([[0.0], further[:-1] + _OMISSION])
    rows = [np.tile(first, (len(units), 1))]  # the newest last
    omitted = np.full_like(rows[0], np.inf)
    at_end = [rows[0][:, m]]
    for i in range(1, n + 1):
        goes_on[i, 0] = omitted + _MORE_OMITTED < rows[-1] + _OMISSION
        omitted = np.minimum(omitted + _MORE_OMITTED, rows[-1] + _OMISSION)
        here, move = omitted.copy(), moves[i]
        move[:] = _OMITTED
        drift = np.minimum(((b - a[i]) / _DRIFT) ** 2, _MOST_DRIFT)
        off_line = np.where(ends == text.ends_line[i - 1], 0.0, _OTHER_LINE_END)
        for number, ((step, across), penalty) in enumerate(_PENALTIES.items()):
            if step > i or across > m:
                continue
            reached = rows[-step][:, : m + 1 - across] + penalty + off_line[across:]
            inside = lines[i - 1] - lines[i - step]
            reached += _OTHER_LINE_END * abs(inside - (other_lines[across - 1 : -1] - other_lines[: m + 1 - across]))
            reached += drift[:, across:]
            reached += _mismatch(a[i] - a[i - step], b[:, across:] - b[:, : m + 1 - across])
            is_better = reached < here[:, across:]
            here[:, across:][is_better] = reached[is_better]
            move[:, across:][is_better] = number
        added = np.full_like(here, np.inf)
        added[:, 1:] = np.minimum.accumulate(here - further, axis=1)[:, :-1] + _OMISSION + further[:-1]
        move[added < here] = _ADDED
        goes_on[i, 1, :, 1:] = added[:, :-1] + _MORE_OMITTED < np.minimum(here, added)[:, :-1] + _OMISSION
        rows = [*rows[-_FURTHEST + 1 :], np.minimum(here, added)]
        at_end.append(rows[-1][:, m])
    return np.stack(at_end), rows[-1], moves, goes_on


def _mismatch(length: float, others: Floats) -> Floats:
    """Half the squared difference in standard deviations."""
    both = length + others
    return np.divide((length - others) ** 2, _VARIANCE * both, out=np.zeros_like(both), where=both > 0)
