"""The contract of a launcher: it runs shards of work somewhere and hands back their rows."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Protocol, TypeAlias

from evalharness.records import ScoredRows, ScoringSegment

Shard: TypeAlias = tuple[ScoringSegment, ...]
"""Segments to be scored in one call."""

Worker: TypeAlias = Callable[[Shard], ScoredRows]


class Launcher(Protocol):
    """Where shards are computed. `build` makes a worker there, once per process; where that is another process, it must
    be what pickle can take there."""

    def run(self, build: Callable[[], Worker], shards: Iterable[Shard]) -> Generator[ScoredRows, None, None]:
        """The rows [N, K] of each shard with what belongs to them, in the order of its segments and of the shards:
        what is written down is then the same wherever it was computed. Of `shards` only a few are taken ahead, and
        where the generator is closed before its end, nothing goes on elsewhere."""
