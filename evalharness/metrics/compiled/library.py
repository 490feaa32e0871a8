"""The compiled counters: n-gram matches and TER edits of many texts in one call."""

from __future__ import annotations

import ctypes
import functools
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from evalharness.errors import InputError, MissingDependencyError
from evalharness.metrics.compiled.sources import FOLDER, fingerprint_of_sources, library_name

Integers: TypeAlias = npt.NDArray[np.int64]

_log = logging.getLogger(__name__)


class Units(IntEnum):
    """What texts are cut into; the numbers are those of `texts.h`, which says more."""

    characters = 0
    characters_unspaced = 1
    words = 2
    words_apart = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Texts in groups: every hypothesis of a group is compared with every reference of that group.

    `references` and `hypotheses` are group by group; `n_references` and `n_hypotheses` [G groups] count those of each,
    which has one reference at least. A pair is a hypothesis and a reference of its group: pairs stand group by group,
    hypothesis by hypothesis, reference by reference."""

    references: Sequence[str]
    hypotheses: Sequence[str]
    n_references: Integers
    n_hypotheses: Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What was counted of each pair, and the lengths of references and hypotheses in units."""

    counts: Integers
    reference_lengths: Integers
    hypothesis_lengths: Integers


class Counters:
    """The functions of the library. The interpreter is free for other threads while they count."""

    def __init__(self, library: ctypes.CDLL) -> None:
        numbers, count, option = np.ctypeslib.ndpointer(np.int64, flags="C_CONTIGUOUS"), ctypes.c_int64, ctypes.c_int32
        groups = (ctypes.c_char_p, numbers, numbers, numbers, count)
        library.evalharness_clipped_matches.argtypes = (*groups, option, count, option, numbers, numbers)
        library.evalharness_ter_edits.argtypes = (*groups, count, count, count, numbers, numbers)
        library.evalharness_is_space.argtypes = (ctypes.c_uint32,)
        self._library = library

    def clipped_matches(self, groups: Groups, *, units: Units, max_order: int, merge_references: bool) -> Counted:
        """How many n-grams of each hypothesis its references have, each counted no more often than there.

        `merge_references` takes every n-gram's largest count over the references, as BLEU does.

        Shapes: counts [hypotheses, max_order] where references are merged, else [pairs, max_order].
        Raises: InputError where memory runs out."""
        n_rows = groups.n_hypotheses if merge_references else groups.n_hypotheses * groups.n_references
        matches = np.zeros((int(n_rows.sum()), max_order), dtype=np.int64)
        options = (units, max_order, merge_references)
        return self._counted(self._library.evalharness_clipped_matches, groups, options, matches)

    def ter_edits(
        self, groups: Groups, *, beam_width: int = 25, max_candidates: int = 1000, max_distance: int = 50
    ) -> Counted:
        """The edits of each pair after the shifts of sacreBLEU's search, words being what stands between white space.
        The limits are those of sacreBLEU 2.6, and its number depends on them.

        Shapes: counts [pairs]. Raises: InputError where memory runs out."""
        edits = np.zeros(int((groups.n_hypotheses * groups.n_references).sum()), dtype=np.int64)
        return self._counted(
            self._library.evalharness_ter_edits, groups, (beam_width, max_candidates, max_distance), edits
        )

    def is_space(self, character: str) -> bool:
        """Whether words end at a character."""
        return bool(self._library.evalharness_is_space(ord(character)))

    def _counted(self, count: Callable[..., int], groups: Groups, options: Sequence[int], counts: Integers) -> Counted:
        texts = (*groups.references, *groups.hypotheses)
        ends = np.cumsum(np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)))
        code_points = "".join(texts).encode(f"utf-32-{sys.byteorder[0]}e", "surrogatepass")
        lengths = np.zeros(len(texts), dtype=np.int64)
        n_groups = len(groups.n_references)
        status = count(code_points, ends, groups.n_references, groups.n_hypotheses, n_groups, *options, lengths, counts)
        if status != 0:
            longest = max(map(len, texts))
            raise InputError(
                f"memory ran out while {len(groups.hypotheses)} hypotheses and their references were counted, the "
                f"longest of {longest} characters. Cut long segments, or count where there is more memory."
            )
        n_references = len(groups.references)
        return Counted(
            counts=counts, reference_lengths=lengths[:n_references], hypothesis_lengths=lengths[n_references:]
        )


def load_counters() -> Counters:
    """The compiled counters of this installation.

    Raises: MissingDependencyError that says why they cannot be used."""
    path = FOLDER / library_name(sys.platform)
    try:
        library = ctypes.CDLL(str(path))
        library.evalharness_sources.restype = ctypes.c_char_p
        made_from = library.evalharness_sources().decode()
    except (OSError, AttributeError) as err:
        reason = f"cannot be loaded ({err})" if path.exists() else "were not built"
        raise _not_usable(path, reason) from err
    if made_from != fingerprint_of_sources():
        raise _not_usable(path, "were made from other sources than those beside them")
    return Counters(library)


def _not_usable(path: Path, reason: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"The compiled counters ({path}) {reason}; install evalharness again where there is a C "
        "compiler (in a checkout: make run)."
    )


@functools.lru_cache(maxsize=1)
def counters() -> Counters | None:
    """The compiled counters; None, which is said once, where they cannot be used."""
    try:
        return load_counters()
    except MissingDependencyError as err:
        _log.warning("BLEU, chrF and TER are counted by sacreBLEU: the same numbers, many times slower. %s", err)
        return None
