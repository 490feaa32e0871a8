"""Shards spread over the cores of this machine."""

from __future__ import annotations

import functools
import logging
import logging.handlers
import os
import pickle
import queue
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from evalharness.errors import ConfigError, EvalHarnessError, WorkerError
from evalharness.launch.base import Shard, Worker
from evalharness.launch.local import Local
from evalharness.records import ScoredRows, ScoringSegment

if TYPE_CHECKING:
    from concurrent.futures import Future

_SHARDS_AHEAD = 4  # of each process: with 2, TER of 225,000 pairs kept two processes busy three quarters of the time
_IDLE_S = 60  # after which a process ends
_MOST_PER_CORE = 4

_Columns: TypeAlias = tuple[tuple[str, ...], tuple[str | None, ...], tuple[str, ...], tuple[tuple[str, ...], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """`n_workers` processes beside this one; null takes as many as there are cores to be had.

    They start in about 0.3 s, stay for all metrics of a run, and are given whole shards. Metrics whose rows are not
    exact in any batch, such as COMET, use the cores by themselves and stay in the process of the run."""

    n_workers: int | None = None

    def __post_init__(self) -> None:
        most = _MOST_PER_CORE * (os.cpu_count() or 1)
        if self.n_workers is not None and not 1 <= self.n_workers <= most:
            raise ConfigError(
                f"launch.n_workers={self.n_workers}: expected 1 to {most} on this machine, or null for one per core."
            )

    def run(self, build: Callable[[], Worker], shards: Iterable[Shard]) -> Generator[ScoredRows, None, None]:
        """Raises: WorkerError where a process ends before its work does, or an error cannot come back from it;
        ConfigError where what should be run there cannot be sent."""
        import loky

        n_workers = loky.cpu_count() if self.n_workers is None else self.n_workers
        if n_workers == 1:
            yield from Local().run(build, shards)
            return
        packed = _packed(build)
        executor = loky.get_reusable_executor(
            max_workers=n_workers, timeout=_IDLE_S, initializer=_end_with, initargs=(os.getpid(),)
        )
        said: set[tuple[str, str]] = set()
        pending: deque[Future[_Finished]] = deque()
        try:
            for shard in shards:
                with _explained(n_workers):
                    pending.append(executor.submit(_run_shard, packed, _columns(shard)))
                while pending and (pending[0].done() or len(pending) >= _SHARDS_AHEAD * n_workers):
                    yield _taken(pending.popleft(), n_workers, said)
            while pending:
                yield _taken(pending.popleft(), n_workers, said)
        finally:
            if pending:  # the run was given up: nobody waits for what is being worked on
                executor.shutdown(wait=False, kill_workers=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finished:
    """What a shard came to, its rows or the error, and what was logged meanwhile."""

    outcome: ScoredRows | EvalHarnessError
    log: list[logging.LogRecord]


def _packed(build: Callable[[], Worker]) -> bytes:
    import cloudpickle

    try:
        packed: bytes = cloudpickle.dumps(build)
    except Exception as err:  # objects refuse to be pickled in their own ways
        raise ConfigError(
            f"launch=pool: a metric cannot be sent to other processes ({type(err).__name__}: {err}). Its settings must "
            "be what pickle takes; or set launch=local."
        ) from err
    return packed


@contextmanager
def _explained(n_workers: int) -> Iterator[None]:
    """Raises: WorkerError for what loky says of processes that ended."""
    import loky

    try:
        yield
    except loky.BrokenProcessPool as err:
        raise WorkerError(
            f"launch=pool: one of {n_workers} processes ended before its work did ({_first_line(err)}). What was "
            "scored is kept, and the same command goes on. Where memory ran out, as is most often so, fewer processes "
            "(launch.n_workers) or launch=local take less."
        ) from err


def _taken(future: Future[_Finished], n_workers: int, said: set[tuple[str, str]]) -> ScoredRows:
    with _explained(n_workers):
        finished = future.result()
    for record in finished.log:
        logger = logging.getLogger(record.name)
        if (record.name, record.msg) not in said and logger.isEnabledFor(record.levelno):
            said.add((record.name, record.msg))  # every process says it
            logger.handle(record)
    if isinstance(finished.outcome, EvalHarnessError):
        raise finished.outcome
    return finished.outcome


def _first_line(err: BaseException) -> str:
    return next(iter(str(err).splitlines()), type(err).__name__)


def _columns(shard: Shard) -> _Columns:
    """A shard as columns of texts, which are sent faster than an object for each segment."""
    return (
        tuple(segment.id for segment in shard),
        tuple(segment.source for segment in shard),
        tuple(segment.hypothesis for segment in shard),
        tuple(segment.references for segment in shard),
    )


def _end_with(parent: int) -> None:
    """In a process of the pool: end when the process of the run says so or has been killed, which can tell nobody.

    Ctrl-C reaches all processes of a terminal. One that it stops while it holds the lock of a queue would leave the
    others waiting for good."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _run_shard(packed: bytes, columns: _Columns) -> _Finished:
    """In a process of the pool, whose log goes nowhere but to the process of the run."""
    logger, messages = logging.getLogger("evalharness"), queue.SimpleQueue[logging.LogRecord]()
    handler = logging.handlers.QueueHandler(messages)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    outcome: ScoredRows | EvalHarnessError
    try:
        shard = tuple(
            ScoringSegment(id=segment_id, source=source, hypothesis=hypothesis, references=references)
            for segment_id, source, hypothesis, references in zip(*columns, strict=True)
        )
        outcome = _built(packed)(shard)
    except EvalHarnessError as err:
        outcome = err
    except Exception as err:  # of a metric's own making: not every class survives the way back
        trace = "".join(traceback.format_exception(err))
        outcome = WorkerError(f"launch=pool: the metric failed with {type(err).__name__}: {err}\n{trace}")
    finally:
        logger.removeHandler(handler)
    return _Finished(outcome=outcome, log=[messages.get() for _ in range(messages.qsize())])


@functools.lru_cache(maxsize=1)
def _built(packed: bytes) -> Worker:
    build: Callable[[], Worker] = pickle.loads(packed)
    return build()
