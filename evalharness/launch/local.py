"""Shards one after the other in this process."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

from evalharness.launch.base import Shard, Worker
from evalharness.records import ScoredRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """The default: no other process, shards taken only as they are computed."""

    def run(self, build: Callable[[], Worker], shards: Iterable[Shard]) -> Generator[ScoredRows, None, None]:
        worker: Worker | None = None
        for shard in shards:
            if worker is None:
                worker = build()
            yield worker(shard)
