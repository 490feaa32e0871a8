"""How many n-grams of a hypothesis its references have: counted for many segments at once, exactly, in numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Integers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """Texts as numbers, end to end.

    Shapes: `codes` holds every text's units as numbers from 1 on, and one 0 after each text; `lengths` [texts] counts
    the units of each without that 0."""

    codes: Integers
    lengths: Integers


def encode_characters(texts: Sequence[str]) -> Codes:
    """One number per code point; lone surrogates are characters like any other."""
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    joined = "\0".join((*texts, ""))  # the joining characters are overwritten by place, so a text may hold \0 itself
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.int64)
    codes += 1
    codes[np.cumsum(lengths + 1) - 1] = 0
    return Codes(codes=codes, lengths=lengths)


def encode_words(references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]]) -> tuple[Codes, Codes]:
    """One number per word of the references; the words that no reference has are 0."""
    numbers: dict[str, int] = {}
    reference_codes: list[int] = []
    for words in references:
        reference_codes.extend([numbers.setdefault(word, len(numbers) + 1) for word in words])
        reference_codes.append(0)
    hypothesis_codes: list[int] = []
    for words in hypotheses:
        hypothesis_codes.extend(map(numbers.get, words, repeat(0)))
        hypothesis_codes.append(0)
    return _codes(reference_codes, references), _codes(hypothesis_codes, hypotheses)


def _codes(codes: list[int], texts: Sequence[Sequence[str]]) -> Codes:
    return Codes(
        codes=np.array(codes, dtype=np.int64),
        lengths=np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)),
    )


def ngram_counts(lengths: Integers, max_order: int) -> Integers:
    """How many n-grams texts of these lengths have: [...] -> [..., max_order]."""
    return np.maximum(lengths[..., None] - np.arange(max_order), 0)


class NgramTable:
    """Numbers the n-grams of references and finds them again in hypotheses.

    An n-gram's key is (its first n-1 units' number, its last unit), so equal keys are equal n-grams and nothing is
    hashed or sorted. The table behind it is kept between calls and always left empty: clearing the few written places
    is cheaper than filling a new one.
    """

    def __init__(self) -> None:
        self._table = np.full(1 << 16, -1, dtype=np.int64)

    def clipped_matches(
        self, references: Codes, hypotheses: Codes, *, n_groups: int, max_order: int, merge_references: bool
    ) -> Integers:
        """How many n-grams of each hypothesis are in its references, each counted no more often than there.

        Texts come group by group, every group with R references and T hypotheses, which are compared with the
        references of their own group only. `merge_references` takes every n-gram's largest count over the R (as BLEU
        does) and gives R' = 1; otherwise each reference stands alone and R' = R (as in chrF).

        Shapes: -> [n_groups, T, R', max_order]."""
        n_references, n_hypotheses = len(references.lengths) // n_groups, len(hypotheses.lengths) // n_groups
        n_kept = 1 if merge_references else n_references
        matches = np.zeros((n_groups, n_hypotheses, n_kept, max_order), dtype=np.int64)

        ref_place = np.flatnonzero(references.codes)
        if not ref_place.size or not n_hypotheses:
            return matches
        ref_text = np.repeat(np.arange(len(references.lengths)), references.lengths)
        hyp_text = np.repeat(np.arange(len(hypotheses.lengths)), hypotheses.lengths + 1)
        ref_group, ref_slot = ref_text // n_references, ref_text % n_references
        hyp_group, hyp_slot = hyp_text // n_hypotheses, hyp_text % n_hypotheses

        unit, hyp_unit, n_units = self._number(
            references.codes[ref_place], hypotheses.codes, 1 + int(max(references.codes.max(), hypotheses.codes.max()))
        )
        hyp_place = np.flatnonzero(hyp_unit >= 0)
        hyp_group, hyp_slot = hyp_group[hyp_place], hyp_slot[hyp_place]
        # Units are numbered anew within each group, from 1: the numbers stay small with any script, and so do keys.
        ref_id, hyp_id, n_ids = self._number(
            ref_group * n_units + unit, hyp_group * n_units + hyp_unit[hyp_place], n_groups * n_units
        )
        last_group = _group_of_ids(ref_id, ref_group, n_ids)
        first_id = np.searchsorted(last_group, np.arange(n_groups))
        ref_unit = np.zeros(len(references.codes), dtype=np.int64)
        ref_unit[ref_place] = ref_id - first_id[ref_group] + 1
        hyp_unit = np.zeros(len(hypotheses.codes), dtype=np.int64)
        hyp_unit[hyp_place] = hyp_id - first_id[hyp_group] + 1
        hyp_unit[hyp_place[hyp_id < 0]] = 0
        n_units = int(ref_unit.max()) + 1
        found = hyp_id >= 0
        hyp_place, hyp_slot, hyp_id = hyp_place[found], hyp_slot[found], hyp_id[found]

        for order in range(1, max_order + 1):
            if order > 1:
                ref_place = ref_place + 1
                following = ref_unit[ref_place]
                keep = np.flatnonzero(following)  # a 0 ends the text: no n-gram reaches over it
                ref_place, ref_group, ref_slot = ref_place[keep], ref_group[keep], ref_slot[keep]
                ref_keys = ref_id[keep] * n_units + following[keep]
                hyp_place = hyp_place + 1
                ref_id, hyp_id, n_ids = self._number(ref_keys, hyp_id * n_units + hyp_unit[hyp_place], n_ids * n_units)
                # What the references lack cannot start a longer n-gram that they have: it is never looked at again.
                keep = np.flatnonzero(hyp_id >= 0)
                hyp_place, hyp_slot, hyp_id = hyp_place[keep], hyp_slot[keep], hyp_id[keep]
            if not hyp_id.size:
                break
            counts = np.bincount(hyp_id * n_hypotheses + hyp_slot, minlength=n_ids * n_hypotheses)
            counts = counts.reshape(n_ids, n_hypotheses)
            ref_counts = np.bincount(ref_id * n_references + ref_slot, minlength=n_ids * n_references)
            ref_counts = ref_counts.reshape(n_ids, n_references)
            if merge_references:
                ref_counts = ref_counts.max(axis=1, keepdims=True)
            id_group = _group_of_ids(ref_id, ref_group, n_ids)
            starts = np.flatnonzero(np.diff(id_group, prepend=-1))
            for kept in range(n_kept):
                clipped = np.minimum(counts, ref_counts[:, kept, None])
                matches[id_group[starts], :, kept, order - 1] = np.add.reduceat(clipped, starts, axis=0)
        return matches

    def _number(self, ref_keys: Integers, hyp_keys: Integers, n_keys: int) -> tuple[Integers, Integers, int]:
        """Numbers from 0 for the distinct reference keys, in the order of their last places; the hypotheses' keys by
        these numbers (-1: no reference has it); and how many there are."""
        if len(self._table) < n_keys:
            self._table = np.full(n_keys, -1, dtype=np.int64)
        table = self._table
        places = np.arange(len(ref_keys))
        table[ref_keys] = places  # of equal keys the last one stays
        last = table[ref_keys]
        ids = np.cumsum(last == places) - 1
        ref_ids = ids[last]
        table[ref_keys] = ref_ids
        hyp_ids = table[hyp_keys]
        table[ref_keys] = -1
        return ref_ids, hyp_ids, int(ids[-1]) + 1 if len(ids) else 0


def _group_of_ids(ref_id: Integers, ref_group: Integers, n_ids: int) -> Integers:
    """The group that each n-gram belongs to: [n_ids], never falling."""
    group = np.empty(n_ids, dtype=np.int64)
    group[ref_id] = ref_group
    return group
