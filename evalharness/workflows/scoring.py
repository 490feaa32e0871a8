"""The rows of one metric: what is logged already is read, what the cache knows is copied, the rest is computed."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from evalharness.errors import EvalHarnessError
from evalharness.fingerprint import fingerprint
from evalharness.launch.base import Launcher, Shard
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
        self._keys = self._all_keys(signature)
        self._rows: dict[Pair, list[float]] = {}
        self._spans: dict[Pair, tuple[ErrorSpan, ...]] = {}
        self._failed: set[Pair] = set()
        self._n_new = 0
        self._n_computed = 0

    @property
    def n_rows(self) -> int:
        """Rows to be had: one for every hypothesis."""
        return len(self._keys)

    def run(self, launcher: Launcher, *, advance: Callable[[int], None]) -> MetricRows:
        """All rows; every one is in the log when this returns. `advance` is told the number of rows as they come.

        Raises: MissingError where the metric needs something that is not there; RecordError for a damaged log."""
        self._continue_log()
        advance(len(self._rows))
        blocks = list(self._unfinished_blocks())
        known: dict[int, dict[str, str]] = {}

        def shards() -> Iterator[Shard]:
            for index, block in enumerate(blocks):
                known[index] = dict(self._cache.get(list({self._keys[pair] for pair in block})))
                distinct = self._to_compute(block, known[index])
                if distinct:
                    segments = tuple(self._scoring_segment(pair) for pair in distinct.values())
                    yield Shard(index=index, segments=segments)
                else:
                    self._finish_block(block, known.pop(index), {}, advance)

        for finished in launcher.run(lambda: functools.partial(_score, self._metric), shards()):
            block = blocks[finished.index]
            cached = known.pop(finished.index)
            keys = list(self._to_compute(block, cached))
            computed = dict(zip(keys, _logged_texts(finished.scored), strict=True))
            # Of a block cut off in the log, what is logged already is computed again and is not new.
            self._n_computed += len({self._keys[pair] for pair in block if pair not in self._rows} & computed.keys())
            # The cache first: a block cut off in the log is then completed with the very rows that were computed.
            self._cache.put({key: text for key, text in computed.items() if text is not None})
            self._finish_block(block, cached, computed, advance)
        return self._gathered()

    def _all_keys(self, signature: str) -> dict[Pair, str]:
        needs = self._metric.needs
        # Two metrics can have one signature, and their rows must not be taken for each other's.
        kind = f"{type(self._metric).__module__}.{type(self._metric).__qualname__}"
        keys = {}
        for segment_index, segment in enumerate(self._testset.segments):
            given: list[str | None] = [ROWS_VERSION, kind, signature]
            given.append(segment.source if Needs.SOURCE in needs else None)
            given += [str(len(segment.references)), *segment.references] if Needs.REFERENCE in needs else [None]
            prefix = fingerprint(given)
            for system_index, texts in enumerate(self._hypotheses):
                text = texts[segment_index]
                if text is not None:
                    keys[system_index, segment_index] = fingerprint((prefix, text))
        return keys

    def _continue_log(self) -> None:
        systems = {name: index for index, name in enumerate(self._names)}
        segments = {segment.id: index for index, segment in enumerate(self._testset.segments)}
        for number, entry in self._log.read():
            try:
                pair = systems[entry["system"]], segments[entry["id"]]
                key, row = entry["key"], entry["statistics"]
            except (KeyError, TypeError) as err:
                raise self._log.damaged(number, f"no such system, segment or entry in this run: {err}") from err
            if key != self._keys.get(pair):
                raise self._log.damaged(number, f"the row belongs to another text of {entry['system']!r}")
            if row is not None:
                n_statistics = len(next(iter(self._rows.values()), row)) if isinstance(row, list) else 0
                if not isinstance(row, list) or len(row) != n_statistics or not all(map(_is_number, row)):
                    raise self._log.damaged(number, "its statistics are not a row of numbers like those of other lines")
                self._rows[pair] = row
                if "error_spans" in entry:
                    try:
                        self._spans[pair] = _spans_from(entry["error_spans"])
                    except TypeError as err:
                        raise self._log.damaged(number, "its error_spans are not a list of spans") from err

    def _unfinished_blocks(self) -> Iterator[list[Pair]]:
        n_systems = max(1, len(self._names))
        segments_per_block = max(1, self._metric.rows_per_call // n_systems)
        n_segments = len(self._testset.segments)
        for start in range(0, n_segments, segments_per_block):
            stop = min(start + segments_per_block, n_segments)
            block = [
                (system, segment)
                for segment in range(start, stop)
                for system in range(len(self._names))
                if (system, segment) in self._keys
            ]
            if any(pair not in self._rows for pair in block):
                yield block

    def _to_compute(self, block: Sequence[Pair], cached: Mapping[str, str]) -> dict[str, Pair]:
        """Key and one pair of every distinct text to be computed, in plan order."""
        distinct: dict[str, Pair] = {}
        for pair in block:
            key = self._keys[pair]
            skip = pair in self._rows and self._metric.exact_in_any_batch
            if key not in cached and key not in distinct and not skip:
                distinct[key] = pair
        return distinct

    def _scoring_segment(self, pair: Pair) -> ScoringSegment:
        system_index, segment_index = pair
        segment = self._testset.segments[segment_index]
        text = self._hypotheses[system_index][segment_index]
        if text is None:
            raise EvalHarnessError(f"segment {segment.id!r} has no hypothesis and cannot be scored.")
        return ScoringSegment(id=segment.id, source=segment.source, hypothesis=text, references=segment.references)

    def _finish_block(
        self,
        block: Iterable[Pair],
        cached: Mapping[str, str],
        computed: Mapping[str, str | None],
        advance: Callable[[int], None],
    ) -> None:
        entries = []
        for pair in block:
            if pair in self._rows:
                continue
            key = self._keys[pair]
            text = cached[key] if key in cached else computed[key]
            logged = json.loads(text) if text is not None else {"statistics": None}
            if isinstance(logged, list):  # a row with nothing beside it
                logged = {"statistics": logged}
            if logged["statistics"] is None:
                self._failed.add(pair)
            else:
                self._rows[pair] = logged["statistics"]
                if "error_spans" in logged:
                    self._spans[pair] = _spans_from(logged["error_spans"])
            system_index, segment_index = pair
            segment = self._testset.segments[segment_index]
            entries.append({"system": self._names[system_index], "id": segment.id, "key": key, **logged})
        self._log.append(entries)
        self._n_new += len(entries)
        advance(len(entries))

    def _gathered(self) -> MetricRows:
        n_statistics = len(next(iter(self._rows.values()), []))
        rows = np.full((len(self._names), len(self._testset.segments), n_statistics), np.nan)
        for (system_index, segment_index), row in self._rows.items():
            rows[system_index, segment_index] = row
        return MetricRows(
            rows=rows,
            error_spans=self._gathered_spans() if self._spans else None,
            n_new=self._n_new,
            n_computed=self._n_computed,
            n_failed=len(self._failed),
        )

    def _gathered_spans(self) -> ErrorSpans:
        n_segments = len(self._testset.segments)
        return tuple(
            tuple(self._spans.get((system, segment)) for segment in range(n_segments))
            for system in range(len(self._names))
        )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _score(metric: Metric, shard: Shard) -> ScoredRows:
    if isinstance(metric, MarksErrors):
        return metric.statistics_and_spans(shard.segments)
    return ScoredRows(rows=metric.statistics(shard.segments))


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
