"""TER's number of edits: the beam edit distance after the block shifts that sacreBLEU's search finds, exactly.

Source: sacreBLEU 2.6, `metrics/lib_ter.py`, itself after Tercom (Snover et al. 2006). Its number depends on its limits
(beam, shift size and distance, number of candidates), so all of them are kept. What differs is the order of work:
within one round no candidate depends on another's distance, so they are listed first and then measured together, over
many pairs of texts at once.

A distance is found in one of two ways:
- bit-parallel (Myers 1999, Hyyro 2003), which knows no beam. Where the path it traces lies inside the beam, distance
  and path are the beam's too (`_inside_beam`): that is nearly always so between a translation and its reference;
- row by row inside the beam, where it does not.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from evalharness.metrics.ngrams import Integers

MAX_SHIFT_SIZE = 10
MAX_SHIFT_DISTANCE = 50
MAX_SHIFT_CANDIDATES = 1000
BEAM_WIDTH = 25

_BLOCK_BITS = 64
_PAIRS_TOGETHER = 512  # about 15,000 candidates in a first round on WMT22: a few arrays of them stay in the cache
_UNREACHABLE = 1 << 28  # more than any distance, with room to add to
_KEEP, _SUBSTITUTE, _DELETE, _INSERT = range(4)  # _DELETE uses up a hypothesis word, _INSERT a reference word

_Bits: TypeAlias = npt.NDArray[np.uint64]
_Rows: TypeAlias = npt.NDArray[np.int32]


def edits_after_shifts(pairs: Sequence[tuple[list[str], list[str]]]) -> list[int]:
    """The edits of each (hypothesis words, reference words): shifts, insertions, deletions and substitutions."""
    edits: list[int] = []
    for first in range(0, len(pairs), _PAIRS_TOGETHER):
        edits.extend(_edits_together(pairs[first : first + _PAIRS_TOGETHER]))
    return edits


def _edits_together(pairs: Sequence[tuple[list[str], list[str]]]) -> list[int]:
    edits = [0] * len(pairs)
    searches: dict[int, _Search] = {}
    for place, (hypothesis, reference) in enumerate(pairs):
        if hypothesis and reference:
            searches[place] = _Search(words=hypothesis, reference=reference)
        else:
            edits[place] = len(hypothesis) + len(reference)
    while searches:
        rounds: dict[int, _Round] = {}
        for place, search in searches.items():
            this_round = search.begin_round()
            edits[place] = search.n_shifts + this_round.distance
            if this_round.candidates:
                rounds[place] = this_round
        best: dict[int, _Shift] = {}
        places_of_size: dict[int, list[int]] = {}
        for place, this_round in rounds.items():
            if isinstance(this_round.rows, _BeamRows):
                best[place] = _best_shift_in_beam(this_round, this_round.rows)
            else:
                places_of_size.setdefault(-(-this_round.n_ref // _BLOCK_BITS), []).append(place)
        for n_blocks, places in places_of_size.items():
            best.update(zip(places, _best_shifts([rounds[place] for place in places], n_blocks), strict=True))
        searches = {place: searches[place] for place in rounds if searches[place].take(best[place], rounds[place])}
    return edits


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shift:
    """Move `length` words from `start` to before `target`, both places in the unshifted words."""

    start: int
    length: int
    target: int
    gain: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _BitRows:
    """The distance table of one pair as bits, bit j-1 for reference word j.

    After i hypothesis words (n + 1 entries): `up[i]` says where a cell is one more than its left neighbour, `down[i]`
    where it is one less. Of row i + 1 (n entries): `equal` where the words are the same, `level` where the cell equals
    the one diagonally before it, `taller` where it is one more than the one above."""

    up: list[int]
    down: list[int]
    equal: list[int]
    level: list[int]
    taller: list[int]

    def distance(self, n_ref: int) -> int:
        return len(self.equal) + self.up[-1].bit_count() - self.down[-1].bit_count()

    def operations(self, n_ref: int) -> list[int]:
        """The cheapest path's operations from the end to the start, substitution before deletion before insertion."""
        operations = []
        row, column = len(self.equal), n_ref
        while row and column:
            bit = 1 << (column - 1)
            if self.equal[row - 1] & bit:
                operations.append(_KEEP)
            elif not self.level[row - 1] & bit:
                operations.append(_SUBSTITUTE)
            elif self.taller[row - 1] & bit:
                operations.append(_DELETE)
                row -= 1
                continue
            else:
                operations.append(_INSERT)
                column -= 1
                continue
            row -= 1
            column -= 1
        return operations + [_DELETE] * row + [_INSERT] * column


@dataclass(frozen=True, slots=True, kw_only=True)
class _BeamRows:
    """The distance table of one pair inside the beam.

    Shapes: `table` [hypothesis words + 1, reference words + 1]; `word_ids` [hypothesis words]."""

    beam: _Beam
    word_ids: Integers
    table: _Rows

    def distance(self, n_ref: int) -> int:
        return int(self.table[-1, n_ref])

    def operations(self) -> list[int]:
        """The cheapest path's operations from the end to the start, substitution before deletion before insertion."""
        table, reference, hypothesis = self.table, self.beam.reference.tolist(), self.word_ids.tolist()
        operations = []
        row, column = len(hypothesis), len(reference)
        while row and column:
            same = hypothesis[row - 1] == reference[column - 1]
            if table[row, column] == table[row - 1, column - 1] + (not same):
                operations.append(_KEEP if same else _SUBSTITUTE)
                row -= 1
                column -= 1
            elif table[row, column] == table[row - 1, column] + 1:
                operations.append(_DELETE)
                row -= 1
            else:
                operations.append(_INSERT)
                column -= 1
        return operations + [_DELETE] * row + [_INSERT] * column


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """One round of one pair: its distance, and the shifts to try (packed by `_pack`, none where the search ends)."""

    n_hyp: int
    n_ref: int
    distance: int
    candidates: list[int]
    rows: _BitRows | _BeamRows


class _Search:
    """The words of one pair as shifted so far, and how they align."""

    __slots__ = ("_masks", "_n_checked", "_operations", "_places", "_reference", "_rows", "_words", "n_shifts")

    def __init__(self, *, words: list[str], reference: list[str]) -> None:
        self.n_shifts = 0
        self._reference = reference
        self._n_checked = 0
        self._places: dict[str, list[int]] = {}
        for place, word in enumerate(reference):
            self._places.setdefault(word, []).append(place)
        self._masks = {word: sum(1 << place for place in places) for word, places in self._places.items()}
        self._rows: _BitRows | _BeamRows
        if not self._align(words):
            self._align_in_beam(words)

    def begin_round(self) -> _Round:
        """The distance of the words, and the shifts worth trying."""
        distance = self._rows.distance(len(self._reference))
        return _Round(
            n_hyp=len(self._words),
            n_ref=len(self._reference),
            distance=distance,
            candidates=self._candidates(self._operations) if distance else [],
            rows=self._rows,
        )

    def take(self, shift: _Shift, this_round: _Round) -> bool:
        """Make the round's best shift; False, and nothing done, where it gains nothing."""
        if shift.gain > 0 and not self._align(_shifted(self._words, shift)):
            # Inside the beam this shift may gain less than was measured. (Where it is the beam's own measure, or where
            # its path lies inside, no other candidate can be better: the beam only ever takes from a gain.)
            if isinstance(this_round.rows, _BitRows):
                rows = _Beam(self._reference, len(self._words)).rows(self._words)
                shift = _best_shift_in_beam(this_round, rows)
            if shift.gain > 0 and not self._align(_shifted(self._words, shift)):
                self._align_in_beam(_shifted(self._words, shift))
        self.n_shifts += shift.gain > 0
        return shift.gain > 0

    def _align(self, words: list[str]) -> bool:
        """Align the words bit-parallel; False, and nothing done, where the path leaves the beam."""
        n_ref = len(self._reference)
        rows = _bit_rows(words, self._masks, n_ref)
        operations = rows.operations(n_ref)
        if not _inside_beam(operations, len(words), n_ref):
            return False
        self._words, self._rows, self._operations = words, rows, operations
        return True

    def _align_in_beam(self, words: list[str]) -> None:
        rows = _Beam(self._reference, len(words)).rows(words)
        self._words, self._rows, self._operations = words, rows, rows.operations()

    def _candidates(self, operations: list[int]) -> list[int]:
        """The shifts to try in sacreBLEU's order; none at all once `MAX_SHIFT_CANDIDATES` are reached over the rounds,
        because sacreBLEU then throws the round away in which that happens."""
        words, reference, places = self._words, self._reference, self._places
        n_hyp, n_ref = len(words), len(reference)
        # `before[j]` is the place in the hypothesis before which a block aligned after reference word j-1 goes.
        before, next_hyp_error, next_ref_error = _alignment(operations, n_hyp, n_ref)
        candidates = []
        n_checked = self._n_checked
        for start in range(n_hyp):
            hyp_error = next_hyp_error[start] - start
            if hyp_error >= MAX_SHIFT_SIZE:
                continue
            for ref_start in places.get(words[start], ()):
                ref_error = next_ref_error[ref_start] - ref_start
                # Both spans must hold an error, so length > both distances to the next one; and the block must not
                # hold the word that the reference word is aligned with.
                longest = min(MAX_SHIFT_SIZE, n_hyp - start, n_ref - ref_start)
                aligned = before[ref_start + 1] - 1
                if aligned >= start:
                    longest = min(longest, aligned - start)
                shortest = max(hyp_error, ref_error) + 1
                if shortest > longest or abs(ref_start - start) > MAX_SHIFT_DISTANCE:
                    continue
                targets = [before[ref_start]]
                for length in range(1, longest + 1):
                    if words[start + length - 1] != reference[ref_start + length - 1]:
                        break
                    target = before[ref_start + length]
                    if target != targets[-1]:
                        targets.append(target)
                    if length >= shortest:
                        n_checked += len(targets)
                        candidates.extend([_pack(start, length, target) for target in targets])
                        if n_checked >= MAX_SHIFT_CANDIDATES:
                            return []
        self._n_checked = n_checked
        return candidates


def _shifted(words: list[str], shift: _Shift) -> list[str]:
    start, end = shift.start, shift.start + shift.length
    others = words[:start] + words[end:]
    place = _place_after_removal(start, shift.length, shift.target, len(words))
    return others[:place] + words[start:end] + others[place:]


def _alignment(operations: list[int], n_hyp: int, n_ref: int) -> tuple[list[int], list[int], list[int]]:
    """From a path, end to start: the place after the hypothesis word each reference word is aligned with ([n_ref + 1],
    first 0), and for each place the next error at or after it, in the hypothesis and in the reference."""
    far = n_hyp + n_ref + MAX_SHIFT_SIZE
    before = [0] * (n_ref + 1)
    next_hyp_error, next_ref_error = [far] * n_hyp, [far] * n_ref
    hyp_error = ref_error = far
    row, column = n_hyp, n_ref
    for operation in operations:
        if operation != _DELETE:
            before[column] = row
            column -= 1
            if operation != _KEEP:
                ref_error = column
            next_ref_error[column] = ref_error
        if operation != _INSERT:
            row -= 1
            if operation != _KEEP:
                hyp_error = row
            next_hyp_error[row] = hyp_error
    return before, next_hyp_error, next_ref_error


def _pack(start: int, length: int, target: int) -> int:
    return start << 40 | length << 32 | target


def _place_after_removal(start: int, length: int, target: int, n_hyp: int) -> int:
    """Where the block begins once it is moved. A target inside the block moves it on by as much, as in Tercom."""
    if target < start:
        return target
    if target > start + length:
        return target - length
    return min(target, n_hyp - length)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turns:
    """Candidates as what they do to the words: those of [first, first + width) turn left by `turn` places.

    Everything before `first` stays, so a distance can be continued from that row of the unshifted table."""

    start: Integers
    length: Integers
    target: Integers
    first: Integers
    width: Integers
    turn: Integers

    @classmethod
    def of(cls, candidates: Integers, n_hyp: Integers | int) -> _Turns:
        start, length, target = candidates >> 40, candidates >> 32 & 0xFF, candidates & 0xFFFFFFFF
        # `_place_after_removal` for arrays
        inside = np.minimum(target, n_hyp - length)
        place = np.where(target < start, target, np.where(target > start + length, target - length, inside))
        return cls(
            start=start,
            length=length,
            target=target,
            first=np.minimum(place, start),
            width=np.abs(place - start) + length,
            turn=np.where(place < start, start - place, length),
        )

    def rank(self, gain: Integers) -> Integers:
        """sacreBLEU's order: largest gain, then longest block, then earliest start, then earliest target."""
        return ((gain * 16 + self.length) * (1 << 22) - self.start) * (1 << 22) - self.target

    def shift(self, which: int, gain: int) -> _Shift:
        return _Shift(
            start=int(self.start[which]), length=int(self.length[which]), target=int(self.target[which]), gain=gain
        )


def _source(step: int | Integers, turn: Integers, width: Integers) -> Integers:
    """The place, from `first` on, of the word that the turned sequence has `step` places after `first`."""
    turned = step + turn
    return np.where(step < width, np.where(turned >= width, turned - width, turned), step)


def _bit_rows(words: list[str], masks: dict[str, int], n_ref: int) -> _BitRows:
    full = (1 << n_ref) - 1
    up, down = full, 0
    rows = _BitRows(up=[up], down=[down], equal=[], level=[], taller=[])
    for word in words:
        equal = masks.get(word, 0)
        level = ((((equal & up) + up) ^ up) | equal | down) & full
        taller = down | (full ^ (level | up))
        shorter = level & up
        rows.equal.append(equal)
        rows.level.append(level)
        rows.taller.append(taller)
        taller = (taller << 1 | 1) & full
        up = (shorter << 1 & full) | (full ^ (level | taller))
        down = taller & level
        rows.up.append(up)
        rows.down.append(down)
    return rows


def _best_shifts(rounds: list[_Round], n_blocks: int) -> list[_Shift]:
    """The best candidate of each round, measured bit-parallel; references of `n_blocks` times 64 words at most."""
    rows = [this_round.rows for this_round in rounds if isinstance(this_round.rows, _BitRows)]
    n_candidates = np.array([len(this_round.candidates) for this_round in rounds], dtype=np.int64)
    n_hyp = np.array([this_round.n_hyp for this_round in rounds], dtype=np.int64)
    distance = np.array([this_round.distance for this_round in rounds], dtype=np.int64)
    owner = np.repeat(np.arange(len(rounds)), n_candidates)
    candidates = np.array([candidate for this_round in rounds for candidate in this_round.candidates], dtype=np.int64)
    turns = _Turns.of(candidates, n_hyp[owner])

    n_steps = n_hyp[owner] - turns.first
    order = np.argsort(-n_steps, kind="stable")  # those still going are always the first so many
    n_going = len(owner) - np.cumsum(np.bincount(n_steps))
    first_word = (np.cumsum(n_hyp) - n_hyp)[owner] + turns.first
    first_row = (first_word + owner)[order]
    first_word, width, turn = first_word[order], turns.width[order], turns.turn[order]
    equal = _blocks([bits for of_pair in rows for bits in of_pair.equal], n_blocks)
    up = _blocks([bits for of_pair in rows for bits in of_pair.up], n_blocks)[:, first_row]
    down = _blocks([bits for of_pair in rows for bits in of_pair.down], n_blocks)[:, first_row]
    for step in range(int(n_steps.max())):
        going = slice(0, int(n_going[step]))
        word = first_word[going] + _source(step, turn[going], width[going])
        _next_bit_row(equal[:, word], up[:, going], down[:, going])

    within = _blocks([(1 << this_round.n_ref) - 1 for this_round in rounds], n_blocks)[:, owner[order]]
    measured = np.empty(len(owner), dtype=np.int64)
    measured[order] = n_hyp[owner[order]] + _bit_counts(up & within) - _bit_counts(down & within)
    gain = distance[owner] - measured
    rank = turns.rank(gain)
    best_rank = np.maximum.reduceat(rank, np.cumsum(n_candidates) - n_candidates)
    is_best = np.flatnonzero(rank == best_rank[owner])
    _, first_best = np.unique(owner[is_best], return_index=True)
    return [turns.shift(which, int(gain[which])) for which in is_best[first_best].tolist()]


def _blocks(rows: list[int], n_blocks: int) -> _Bits:
    """Numbers cut into blocks of 64 bits, the lowest first: [n_blocks, rows]."""
    n_bytes = n_blocks * _BLOCK_BITS // 8
    joined = np.frombuffer(b"".join([bits.to_bytes(n_bytes, "little") for bits in rows]), dtype="<u8")
    return np.ascontiguousarray(joined.reshape(-1, n_blocks).T, dtype=np.uint64)


def _next_bit_row(equal: _Bits, up: _Bits, down: _Bits) -> None:
    """One hypothesis word on, as in `_bit_rows`, for [blocks, C candidates]; `up` and `down` are changed in place.
    Bits past the reference's end are noise that never reaches the bits before them."""
    one, top = np.uint64(1), np.uint64(_BLOCK_BITS - 1)
    carry = shorter_in = np.uint64(0)
    taller_in: _Bits | np.uint64 = one
    for block in range(len(equal)):
        same, above, below = equal[block], up[block], down[block]
        both = same & above
        total = both + above
        if block:
            total += carry
        level = (total ^ above) | same | below
        taller, shorter = below | ~(level | above), level & above
        more = (taller << one) | taller_in
        less = shorter << one
        if block:
            less |= shorter_in
        if block + 1 < len(equal):
            carry, taller_in, shorter_in = (both | (above & ~total)) >> top, taller >> top, shorter >> top
        np.bitwise_or(less, ~(level | more), out=above)
        np.bitwise_and(more, level, out=below)


def _bit_counts(bits: _Bits) -> Integers:
    """[blocks, C] -> the number of ones in each column."""
    per_block = np.unpackbits(np.ascontiguousarray(bits).view(np.uint8).reshape(*bits.shape, 8), axis=2)
    return np.asarray(per_block.sum(axis=(0, 2), dtype=np.int64))


@functools.lru_cache(maxsize=4096)
def _limits(n_hyp: int, n_ref: int) -> tuple[tuple[int, int], ...]:
    """The beam: [from, to) of each row from 1 on, in sacreBLEU's arithmetic."""
    length_ratio = n_ref / n_hyp
    width = math.ceil(length_ratio / 2 + BEAM_WIDTH) if length_ratio / 2 > BEAM_WIDTH else BEAM_WIDTH
    limits = []
    for row in range(1, n_hyp + 1):
        diagonal = math.floor(row * length_ratio)
        high = n_ref + 1 if row == n_hyp else min(n_ref + 1, diagonal + width)
        limits.append((max(0, diagonal - width), high))
    return tuple(limits)


def _inside_beam(operations: list[int], n_hyp: int, n_ref: int) -> bool:
    """Whether the path traced without a beam is the one that is traced with it, at the same distance.

    It is if all its cells lie inside. A beam never lowers a cell, and the path's own cells keep their values; so on the
    path each operation that was cheapest still is, and one that was dearer is not chosen before it."""
    if n_ref < BEAM_WIDTH:
        return True  # the beam holds every column
    limits = _limits(n_hyp, n_ref)
    row, column = n_hyp, n_ref
    for operation in operations:
        if not row:
            break
        low, high = limits[row - 1]
        if not low <= column < high:
            return False
        row -= operation != _INSERT
        column -= operation != _DELETE
    return True


class _Beam:
    """Edit distances to one reference inside the beam, for hypotheses of one length."""

    def __init__(self, reference: list[str], n_hyp: int) -> None:
        self._ids = {word: place for place, word in enumerate(dict.fromkeys(reference))}
        self._limits = _limits(n_hyp, len(reference))
        self._columns = np.arange(len(reference) + 1, dtype=np.int32)
        self.reference = np.array([self._ids[word] for word in reference], dtype=np.int64)

    def rows(self, words: list[str]) -> _BeamRows:
        word_ids = np.array([self._ids.get(word, -1) for word in words], dtype=np.int64)
        state = np.zeros((len(self._columns), 1), dtype=np.int32)
        table = np.zeros((len(words) + 1, len(state)), dtype=np.int32)
        for row in range(1, len(words) + 1):
            self._advance(state, word_ids[row - 1 : row], row)
            table[row] = state[:, 0]
        return _BeamRows(beam=self, word_ids=word_ids, table=table + self._columns)

    def distances(self, rows: _BeamRows, turns: _Turns) -> Integers:
        order = np.argsort(turns.first, kind="stable")
        first, width, turn = turns.first[order], turns.width[order], turns.turn[order]
        state = np.ascontiguousarray((rows.table[first] - self._columns).T)
        n_rows = len(rows.word_ids)
        n_begun = np.cumsum(np.bincount(first, minlength=n_rows))
        for row in range(int(first[0]) + 1, n_rows + 1):
            begun = slice(0, int(n_begun[row - 1]))
            source = first[begun] + _source(row - 1 - first[begun], turn[begun], width[begun])
            self._advance(state[:, begun], rows.word_ids[source], row)
        distances = np.empty(len(order), dtype=np.int64)
        distances[order] = state[-1] + self._columns[-1]
        return distances

    def _advance(self, state: _Rows, word_ids: Integers, row: int) -> None:
        """From one row of the table to the next, in place: state [reference words + 1, C candidates], words [C].

        The state is the distance less the column: so an insertion costs nothing, and the cheapest run of them into a
        cell is the least value up to it."""
        low, high = self._limits[row - 1]
        first = max(low, 1)
        best = np.empty((high - low, state.shape[1]), dtype=np.int32)
        inner = best[first - low :]
        # A substitution costs 1 and moves a column on: nothing is left of it, and a match is 1 less.
        np.subtract(state[first - 1 : high - 1], self.reference[first - 1 : high - 1, None] == word_ids, out=inner)
        np.minimum(inner, state[first:high] + np.int32(1), out=inner)
        if low == 0:
            best[0] = state[0] + 1
        state[:low] = _UNREACHABLE
        np.minimum.accumulate(best, axis=0, out=state[low:high])
        state[high:] = _UNREACHABLE


def _best_shift_in_beam(this_round: _Round, rows: _BeamRows) -> _Shift:
    turns = _Turns.of(np.array(this_round.candidates, dtype=np.int64), this_round.n_hyp)
    gain = this_round.distance - rows.beam.distances(rows, turns)
    which = int(np.argmax(turns.rank(gain)))
    return turns.shift(which, int(gain[which]))
