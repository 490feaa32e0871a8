"""The rows of one metric: what is logged already is read, what the cache knows is copied, the rest is computed."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from evalharness.errors import EvalHarnessError
from evalharness.fingerprint import fingerprint
from evalharness.launch.base import Launcher, Shard, Worker
from evalharness.launch.local import Local
from evalharness.metrics.base import MarksErrors, Metric, Needs
from evalharness.records import ErrorSpan, ErrorSpans, Floats, ScoredRows, ScoringSegment, TestSet
from evalharness.runs.cache import RowCache
from evalharness.runs.log import JsonLines
from evalharness.runs.plan import ROWS_VERSION
from evalharness.textio import to_json

Pair: TypeAlias = tuple[int, int]
"""System index and segment index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRows:
    """Rows [S systems, N segments, K statistics]; NaN where there is no hypothesis or the metric failed."""

    rows: Floats
    error_spans: ErrorSpans | None
    """None where the metric marks no errors."""
    n_new: int
    """Rows that were not in the log before; equal texts of several systems count each."""
    n_computed: int
    """Of the new rows, those the metric computed; equal texts count once."""
    n_failed: int


class MetricScorer:
    """Scores every (system, segment) of one run with one metric, continuing its log.

    The shards a run is cut into depend on the plan alone, never on what is done already, so a continued run hands the
    metric the same segments together as an undisturbed one."""

    def __init__(
        self,
        metric: Metric,
        *,
        signature: str,
        testset: TestSet,
        system_names: Sequence[str],
        hypotheses: Sequence[Sequence[str | None]],
        log: JsonLines,
        cache: RowCache,
    ) -> None:
        self._metric = metric
        self._testset = testset
        self._names = system_names
        self._hypotheses = hypotheses
        self._log = log
        self._cache = cache
        # Two metrics can have one signature, and their rows must not be taken for each other's.
        kind = f"{type(metric).__module__}.{type(metric).__qualname__}"
        self._key_begins: tuple[str | None, ...] = (ROWS_VERSION, kind, signature)
        self._last_prefix: tuple[int, str] = (-1, "")
        shape = (len(system_names), len(testset.segments))
        self._rows: Floats = np.empty((*shape, 0))  # as long as no row says how long it is
        self._has_row = np.zeros(shape, dtype=bool)
        self._spans: dict[Pair, tuple[ErrorSpan, ...]] = {}
        self._n_failed = 0
        self._n_new = 0
        self._n_computed = 0

    @property
    def n_rows(self) -> int:
        """Rows to be had: one for every hypothesis."""
        return sum(text is not None for texts in self._hypotheses for text in texts)

    def run(self, launcher: Launcher, *, advance: Callable[[int], None]) -> MetricRows:
        """All rows; every one is in the log when this returns. `advance` is told the number of rows as they come.

        Raises: MissingError where the metric needs something that is not there; RecordError for a damaged log."""
        self._continue_log()
        advance(int(self._has_row.sum()))
        # Blocks are finished in plan order, wherever they are computed: those that are known wait for those before.
        waiting: deque[_Block] = deque()

        def finish_known() -> None:
            while waiting and not waiting[0].to_compute:
                self._finish_block(waiting.popleft(), {}, advance)

        def shards() -> Iterator[Shard]:
            for pairs in self._unfinished_blocks():
                waiting.append(self._block(pairs))
                if distinct := waiting[-1].to_compute:
                    yield tuple(self._scoring_segment(pair) for pair in distinct.values())
                finish_known()

        # Elsewhere the last bits of a metric that is not exact could be others, with other numbers of threads.
        spread = launcher if self._metric.exact_in_any_batch else Local()
        with closing(spread.run(functools.partial(_worker, self._metric), shards())) as finished:
            for scored in finished:
                block = waiting.popleft()
                computed = dict(zip(block.to_compute, _logged_texts(scored), strict=True))
                # Of a block cut off in the log, what is logged already is computed again and is not new.
                new = {key for pair, key in block.keys.items() if not self._has_row[pair]}
                self._n_computed += len(new & computed.keys())
                # The cache first: a block cut off in the log is then completed with the very rows that were computed.
                self._cache.put({key: text for key, text in computed.items() if text is not None})
                self._finish_block(block, computed, advance)
                finish_known()
        return MetricRows(
            rows=self._rows,
            error_spans=self._gathered_spans() if self._spans else None,
            n_new=self._n_new,
            n_computed=self._n_computed,
            n_failed=self._n_failed,
        )

    def _key(self, pair: Pair) -> str | None:
        """What a pair's row is kept under; None where there is no hypothesis. Keys of millions of pairs would take as
        much memory as their texts, so they are made when they are needed."""
        system_index, segment_index = pair
        text = self._hypotheses[system_index][segment_index]
        if text is None:
            return None
        if self._last_prefix[0] != segment_index:  # pairs of one segment come together, in blocks and in logs
            self._last_prefix = (segment_index, self._prefix(segment_index))
        return fingerprint((self._last_prefix[1], text))

    def _prefix(self, segment_index: int) -> str:
        needs, segment = self._metric.needs, self._testset.segments[segment_index]
        given = [*self._key_begins, segment.source if Needs.SOURCE in needs else None]
        given += [str(len(segment.references)), *segment.references] if Needs.REFERENCE in needs else [None]
        return fingerprint(given)

    def _continue_log(self) -> None:
        systems = {name: index for index, name in enumerate(self._names)}
        segments = {segment.id: index for index, segment in enumerate(self._testset.segments)}
        for number, entry in self._log.read():
            try:
                pair = systems[entry["system"]], segments[entry["id"]]
                key, row = entry["key"], entry["statistics"]
            except (KeyError, TypeError) as err:
                raise self._log.damaged(number, f"no such system, segment or entry in this run: {err}") from err
            if key != self._key(pair):
                raise self._log.damaged(number, f"the row belongs to another text of {entry['system']!r}")
            if row is not None:
                is_row = isinstance(row, list) and all(map(_is_number, row))
                if not is_row or len(row) != (self._rows.shape[2] or len(row)):
                    raise self._log.damaged(number, "its statistics are not a row of numbers like those of other lines")
                self._take_row(pair, row)
                if "error_spans" in entry:
                    try:
                        self._spans[pair] = _spans_from(entry["error_spans"])
                    except TypeError as err:
                        raise self._log.damaged(number, "its error_spans are not a list of spans") from err

    def _take_row(self, pair: Pair, row: list[float]) -> None:
        if not self._rows.shape[2]:
            self._rows = np.full((*self._has_row.shape, len(row)), np.nan)
        self._rows[pair] = row
        self._has_row[pair] = True

    def _unfinished_blocks(self) -> Iterator[list[Pair]]:
        n_systems = max(1, len(self._names))
        segments_per_block = max(1, self._metric.rows_per_call // n_systems)
        n_segments = len(self._testset.segments)
        for start in range(0, n_segments, segments_per_block):
            block = [
                (system, segment)
                for segment in range(start, min(start + segments_per_block, n_segments))
                for system in range(len(self._names))
                if self._hypotheses[system][segment] is not None
            ]
            if any(not self._has_row[pair] for pair in block):
                yield block

    def _block(self, pairs: Sequence[Pair]) -> _Block:
        keys = {pair: key for pair in pairs if (key := self._key(pair)) is not None}
        cached = dict(self._cache.get(list(set(keys.values()))))
        to_compute: dict[str, Pair] = {}
        for pair, key in keys.items():
            skip = self._metric.exact_in_any_batch and self._has_row[pair]
            if key not in cached and key not in to_compute and not skip:
                to_compute[key] = pair
        return _Block(keys=keys, cached=cached, to_compute=to_compute)

    def _scoring_segment(self, pair: Pair) -> ScoringSegment:
        system_index, segment_index = pair
        segment = self._testset.segments[segment_index]
        text = self._hypotheses[system_index][segment_index]
        if text is None:
            raise EvalHarnessError(f"segment {segment.id!r} has no hypothesis and cannot be scored.")
        return ScoringSegment(id=segment.id, source=segment.source, hypothesis=text, references=segment.references)

    def _finish_block(self, block: _Block, computed: Mapping[str, str | None], advance: Callable[[int], None]) -> None:
        entries = []
        for pair, key in block.keys.items():
            if self._has_row[pair]:
                continue
            text = block.cached[key] if key in block.cached else computed[key]
            logged = json.loads(text) if text is not None else {"statistics": None}
            if isinstance(logged, list):  # a row with nothing beside it
                logged = {"statistics": logged}
            if logged["statistics"] is None:
                self._n_failed += 1
            else:
                self._take_row(pair, logged["statistics"])
                if "error_spans" in logged:
                    self._spans[pair] = _spans_from(logged["error_spans"])
            system_index, segment_index = pair
            segment = self._testset.segments[segment_index]
            entries.append({"system": self._names[system_index], "id": segment.id, "key": key, **logged})
        self._log.append(entries)
        self._n_new += len(entries)
        advance(len(entries))

    def _gathered_spans(self) -> ErrorSpans:
        n_segments = len(self._testset.segments)
        return tuple(
            tuple(self._spans.get((system, segment)) for segment in range(n_segments))
            for system in range(len(self._names))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Pairs that are logged together, by what is known of them.

    `keys` are those of all pairs, in plan order; `cached` are known rows by key; `to_compute` is one pair of each
    distinct text without one, by key."""

    keys: Mapping[Pair, str]
    cached: Mapping[str, str]
    to_compute: Mapping[str, Pair]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _worker(metric: Metric) -> Worker:
    return functools.partial(_score, metric)


def _score(metric: Metric, shard: Shard) -> ScoredRows:
    if isinstance(metric, MarksErrors):
        return metric.statistics_and_spans(shard)
    return ScoredRows(rows=metric.statistics(shard))


def _logged_texts(scored: ScoredRows) -> list[str | None]:
    """What logs and cache hold of each row, as JSON at full precision, whole numbers without a point; None for a failed
    one."""
    texts: list[str | None] = []
    has_failed = np.isnan(scored.rows).any(axis=1)
    for index, row in enumerate(scored.rows.tolist()):
        logged: Any = row
        if scored.error_spans is not None:
            spans = [dataclasses.asdict(span) for span in scored.error_spans[index]]
            logged = {"statistics": logged, "error_spans": spans}
        texts.append(None if has_failed[index] else to_json(logged))
    return texts


def _spans_from(logged: object) -> tuple[ErrorSpan, ...]:
    """Raises: TypeError where it is not a list of spans, with nothing missing, added or of another type."""
    if not isinstance(logged, list) or not all(isinstance(span, dict) for span in logged):
        raise TypeError("not a list of objects")
    spans = tuple(ErrorSpan(**span) for span in logged)
    for span in spans:
        are_texts = isinstance(span.text, str) and isinstance(span.severity, str)
        if not are_texts or not _is_number(span.confidence) or not _is_place(span.start) or not _is_place(span.end):
            raise TypeError(f"not the fields of a span: {span}")
    return spans


def _is_place(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
