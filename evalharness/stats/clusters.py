"""Ranks that the tests support: clusters of systems, and the range of ranks each system may have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from evalharness.records import Array


class ClusterRule(Enum):
    """`wmt24` draws a line only where every system above beats every system below; `mtme` begins a rank at the first
    system that some member of the current rank beats."""

    wmt24 = "wmt24"
    mtme = "mtme"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """`cluster` counts from 1. The system loses to `top` - 1 systems, and beats all but `bottom` - 1 others."""

    top: int
    bottom: int
    cluster: int


def ranks(order: Sequence[int], beats: Array, rule: ClusterRule) -> list[Rank]:
    """The rank of each system, in the numbering of `beats`.

    Shapes: order [k] of systems, best first; beats [k, k], whether the row's system is significantly better.
    Source: `get_clusters` and `get_ranks` of WMT24's human evaluation; `AssignRanks` of mt-metrics-eval."""
    beats = np.asarray(beats, dtype=bool)
    clusters = (_separated if rule is ClusterRule.wmt24 else _first_beaten)(list(order), beats)
    n_systems = len(order)
    losses, wins = beats.sum(axis=0), beats.sum(axis=1)
    return [
        Rank(top=1 + int(losses[index]), bottom=n_systems - int(wins[index]), cluster=clusters[index])
        for index in range(n_systems)
    ]


def _separated(order: list[int], beats: Array) -> dict[int, int]:
    clusters, cluster = {}, 1
    for place, system in enumerate(order):
        if place and beats[np.ix_(order[:place], order[place:])].all():
            cluster += 1
        clusters[system] = cluster
    return clusters


def _first_beaten(order: list[int], beats: Array) -> dict[int, int]:
    clusters: dict[int, int] = {}
    members: list[int] = []
    cluster = 1
    for system in order:
        if members and beats[members, system].any():
            cluster, members = cluster + 1, []
        members.append(system)
        clusters[system] = cluster
    return clusters
