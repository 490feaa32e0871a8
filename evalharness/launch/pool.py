"""Shards spread over the cores of this machine."""

from __future__ import annotations

import functools
import logging
import logging.handlers
import pickle
import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from evalharness.errors import ConfigError, WorkerError
from evalharness.launch.base import Shard, Worker
from evalharness.launch.local import Local
from evalharness.records import ScoredRows, ScoringSegment

if TYPE_CHECKING:
    from concurrent.futures import Future

_SHARDS_AHEAD = 2  # of each process: one it works on, one that waits
_IDLE_S = 60  # after which a process ends

_Columns: TypeAlias = tuple[tuple[str, ...], tuple[str | None, ...], tuple[str, ...], tuple[tuple[str, ...], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """`n_workers` processes beside this one; null takes as many as there are cores to be had.

    They start in about 0.2 s, stay for all metrics of a run, and are given whole shards. Metrics whose rows are not
    exact in any batch, such as COMET, use the cores by themselves and stay in the process of the run."""

    n_workers: int | None = None

    def __post_init__(self) -> None:
        if self.n_workers is not None and self.n_workers < 1:
            raise ConfigError(f"n_workers={self.n_workers}: expected 1 or more, or null for one per core.")

    def run(self, build: Callable[[], Worker], shards: Iterable[Shard]) -> Iterator[ScoredRows]:
        """Raises: WorkerError where a process ends before its work does."""
        import cloudpickle
        import loky

        n_workers = self.n_workers or loky.cpu_count()
        if n_workers == 1:
            yield from Local().run(build, shards)
            return
        executor = loky.get_reusable_executor(max_workers=n_workers, timeout=_IDLE_S)
        packed = cloudpickle.dumps(build)
        said: set[tuple[str, str]] = set()
        pending: deque[Future[_Finished]] = deque()

        def next_rows() -> ScoredRows:
            try:
                finished = pending.popleft().result()
            except loky.BrokenProcessPool as err:
                raise WorkerError(
                    f"launch=pool: one of {n_workers} processes ended before its work did, most often because memory "
                    "ran out. What was scored is kept: the same command goes on; fewer processes "
                    "(launch.n_workers=2) or launch=local take less memory."
                ) from err
            for record in finished.log:
                if (record.name, record.msg) not in said:  # every process says it
                    said.add((record.name, record.msg))
                    logging.getLogger(record.name).handle(record)
            return finished.scored

        try:
            for shard in shards:
                pending.append(executor.submit(_run_shard, packed, _columns(shard)))
                while pending and (pending[0].done() or len(pending) >= _SHARDS_AHEAD * n_workers):
                    yield next_rows()
            while pending:
                yield next_rows()
        finally:
            for future in pending:
                future.cancel()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finished:
    """The rows of a shard, and what was logged meanwhile."""

    scored: ScoredRows
    log: list[logging.LogRecord]


def _columns(shard: Shard) -> _Columns:
    """A shard as lists of texts, which take a tenth of the time to send."""
    return (
        tuple(segment.id for segment in shard),
        tuple(segment.source for segment in shard),
        tuple(segment.hypothesis for segment in shard),
        tuple(segment.references for segment in shard),
    )


def _run_shard(packed: bytes, columns: _Columns) -> _Finished:
    """In a process of the pool."""
    logger, messages = logging.getLogger("evalharness"), queue.SimpleQueue[logging.LogRecord]()
    handler = logging.handlers.QueueHandler(messages)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        shard = tuple(
            ScoringSegment(id=segment_id, source=source, hypothesis=hypothesis, references=references)
            for segment_id, source, hypothesis, references in zip(*columns, strict=True)
        )
        scored = _built(packed)(shard)
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
    return _Finished(scored=scored, log=[messages.get() for _ in range(messages.qsize())])


@functools.lru_cache(maxsize=1)
def _built(packed: bytes) -> Worker:
    build: Callable[[], Worker] = pickle.loads(packed)
    return build()
