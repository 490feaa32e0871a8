"""The contract of a launcher: it runs shards of work somewhere and hands back their rows as they finish."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from evalharness.records import ScoredRows, ScoringSegment


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Segments to be scored in one call; `index` is the shard's place in the plan."""

    index: int
    segments: tuple[ScoringSegment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedShard:
    """A shard's index and its rows [N, K] with what belongs to them, in the order of its segments."""

    index: int
    scored: ScoredRows


Worker: TypeAlias = Callable[[Shard], ScoredRows]


class Launcher(Protocol):
    """Where shards are computed. `build` makes a worker there, once per process."""

    def run(self, build: Callable[[], Worker], shards: Iterable[Shard]) -> Iterator[FinishedShard]:
        """Finished shards, in whatever order they finish."""
