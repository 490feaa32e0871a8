"""Several runs of one system, such as training seeds: one contestant each, whose score is the mean of theirs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalharness.errors import ConfigError
from evalharness.records import Array, Floats
from evalharness.stats.resampling import TIE_TOLERANCE, ToCorpus

_MAX_STACKED = 60
_MAX_RELABELLINGS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """What is compared: a system, or all replicates of one. `members` are indices of systems."""

    name: str
    members: tuple[int, ...]
    is_group: bool


def contestants(systems: Sequence[str], groups: Sequence[str | None]) -> list[Contestant]:
    """Groups and the systems outside of them, in order of first appearance.

    Raises: ConfigError where a group has the name of a system outside of it."""
    members: dict[tuple[str, bool], list[int]] = {}
    for index, (system, group) in enumerate(zip(systems, groups, strict=True)):
        members.setdefault((system, False) if group is None else (group, True), []).append(index)
    for name, is_group in members:
        if is_group and (name, False) in members:
            raise ConfigError(f"group {name!r}: a system outside of the group has the same name. Rename one of them.")
    return [
        Contestant(name=name, members=tuple(sorted(indices, key=lambda index: systems[index])), is_group=is_group)
        for (name, is_group), indices in members.items()
    ]


def rows_of(contestant: Contestant, rows: Floats, *, is_mean: bool, n_stacked: int) -> Floats:
    """A contestant's rows [N, K'], NaN where a replicate's is: the mean of its replicates' where the metric is a mean,
    else theirs side by side, by name, repeated so that every contestant has `n_stacked`. A swap of two contestants
    swaps the runs that stand in the same place.

    Shapes: rows [S, N, K]."""
    members = list(contestant.members)
    if len(members) == 1 and (is_mean or n_stacked == 1):
        return np.asarray(rows[members[0]])
    if is_mean:
        return np.asarray(rows[members].mean(axis=0))
    repeated: Floats = rows[members * (n_stacked // len(members))]
    return repeated.transpose(1, 0, 2).reshape(rows.shape[1], -1)


def n_stacked(of: Sequence[Contestant]) -> int:
    """How many replicates stand side by side so that each has as many.

    Raises: ConfigError where that would be too many."""
    sizes = {len(contestant.members) for contestant in of}
    stacked = math.lcm(*sizes)
    if stacked > _MAX_STACKED:
        raise ConfigError(
            f"groups of {', '.join(map(str, sorted(sizes)))} replicates cannot be compared: their common multiple is "
            f"{stacked}, more than {_MAX_STACKED}. Give groups the same number of replicates."
        )
    return stacked


def mean_over_stacked(to_corpus: ToCorpus, n_stacked: int) -> ToCorpus:
    """The mean of the corpus scores of replicates whose sums stand side by side."""
    if n_stacked == 1:
        return to_corpus

    def mean(sums: Array) -> Floats:
        n_statistics = sums.shape[-1] // n_stacked
        scores = [to_corpus(sums[..., r * n_statistics : (r + 1) * n_statistics]) for r in range(n_stacked)]
        return np.asarray(np.mean(scores, axis=0))

    return mean


def smallest_replicate_p(n_a: int, n_b: int) -> float:
    """The smallest p-value that so many runs can give, where no other relabelling reaches their difference."""
    return (2 if n_a == n_b else 1) / math.comb(n_a + n_b, n_a)


def replicate_p(scores_a: Sequence[float], scores_b: Sequence[float], *, n_draws: int, seed: int) -> float:
    """The two-sided p-value of the difference of mean scores when replicates are relabelled: whether the difference is
    more than that between runs of one system.

    All relabellings up to 200,000 of them, else random ones.
    Source: Fisher 1935; Phipson & Smyth 2010 for random ones."""
    scores = np.array([*scores_a, *scores_b])
    n_a, n_all = len(scores_a), len(scores)
    observed = abs(np.mean(scores_a) - np.mean(scores_b)) - TIE_TOLERANCE * np.abs(scores).max()
    total = scores.sum()

    def reached(sums_a: Floats) -> int:
        differences = np.abs(sums_a / n_a - (total - sums_a) / (n_all - n_a))
        return int((differences >= observed).sum())

    n_relabellings = math.comb(n_all, n_a)
    if n_relabellings <= _MAX_RELABELLINGS:
        chosen = np.array(list(itertools.combinations(range(n_all), n_a)))
        return reached(scores[chosen].sum(axis=1)) / n_relabellings
    rng = np.random.default_rng(seed)
    shuffled = rng.permuted(np.broadcast_to(scores, (n_draws, n_all)), axis=1)
    return (1 + reached(shuffled[:, :n_a].sum(axis=1))) / (n_draws + 1)
