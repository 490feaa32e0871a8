"""What the page of a run shows, read from the record: JSON for texts and lines, float64 for columns of numbers.

Rows of `segments.parquet` are by system, then by segment, and so is every column here. Only the columns and row groups
that are asked for are read."""

from __future__ import annotations

import base64
import gzip
import json
import math
import re
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from evalharness.errors import ConfigError, RecordError
from evalharness.records import Array, Floats, LanguagePair
from evalharness.report.notes import baseline_of
from evalharness.report.settings import ReportSettings
from evalharness.report.tables import build_table
from evalharness.report.tables.ranks import parting
from evalharness.report.tables.systems import headings
from evalharness.runs.plan import PlannedMetric
from evalharness.runs.segments import check_order, group_starts, opened_segments, read_columns
from evalharness.runs.view import UNUSABLE, RunView

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

SCHEMA = 1
SOURCE_LENGTH = "source_length"
HYPOTHESIS_LENGTH = "hypothesis_length"
_GZIP_LEVEL = 1  # 60 ms for the texts of 12 systems by 1,875 segments; 6 takes three times as long for 20 % less
_OPTIONAL_COLUMNS = ("document", "domain", "original_language")


class RunContent:
    """The content of one record's page. Raises: RecordError wherever what is asked for is damaged."""

    def __init__(self, run: RunView, settings: ReportSettings, *, kept_bytes: int = 0) -> None:
        """`kept_bytes` bounds what is kept of row groups that single rows were read from."""
        self.run = run
        self._kept: OrderedDict[tuple[int, str], pa.ChunkedArray] = OrderedDict()
        self._kept_bytes = kept_bytes
        self._n_bytes = 0
        self._lock = threading.RLock()  # a Parquet file is read by one thread at a time
        self._settings = settings
        self._n_segments = run.plan.testset.n_segments
        self._systems = [system.name for system in run.plan.systems]

    @cached_property
    def column_names(self) -> list[str]:
        """The columns there are: of each metric that has segment scores, and of lengths."""
        return [*(metric.name for metric in self._scored_metrics), SOURCE_LENGTH, HYPOTHESIS_LENGTH]

    def lines(self) -> dict[str, Any]:
        """Everything but texts and columns of numbers, as `Run` of the front-end."""
        run, plan = self.run, self.run.plan
        marked, flagged = self._flagged()
        pair = _languages(plan.testset.language_pair)
        return {
            "schema": SCHEMA,
            "name": run.folder.resolve().name,
            "created": plan.created,
            "testset": {**asdict(plan.testset), "source_language": pair[0], "target_language": pair[1]},
            "systems": [asdict(system) for system in plan.systems],
            "metrics": self._metrics(),
            "scores": [_finite(asdict(line)) for line in run.score_lines],
            "comparisons": [_finite(asdict(line)) for line in run.comparison_lines],
            "ranks": [asdict(line) for line in run.rank_lines],
            "baseline": baseline_of(run),
            "flags": marked,
            "flagged": flagged,
            "segments": {"id": self._of_testset("segment"), **self._documents()},
            "columns": self.column_names,
            "notes": {
                "differences": list(build_table("comparisons", run, self._settings).notes),
                "clusters": parting(run) if run.rank_lines else None,
            },
        }

    def column(self, name: str) -> Floats:
        """A column of `column_names`: by system and segment, [S * N], or of `source_length` [N]; NaN for what is not.

        Lengths are in characters. Raises: ConfigError for another name."""
        if name not in self.column_names:
            raise ConfigError(f"column {name!r}: there is none; columns: {', '.join(self.column_names)}.")
        if name == SOURCE_LENGTH:
            return _lengths(self._first_rows("source"))
        if name == HYPOTHESIS_LENGTH:
            return _lengths(self._column("hypothesis"))
        return _floats(self._column(name))

    def texts(self, positions: Sequence[int] | None = None) -> dict[str, Any]:
        """Sources, references, hypotheses and marked errors at some positions of the test set, or at all; as `Texts`
        of the front-end.

        Raises: ConfigError for a position there is not."""
        for position in positions or ():
            if not 0 <= position < self._n_segments:
                raise ConfigError(f"segment {position}: the run has {self._n_segments}, counted from 0.")
        content: dict[str, Any] = {} if positions is None else {"positions": list(positions)}
        content["sources"] = self._of_testset("source", positions)
        content["references"] = [texts or [] for texts in self._of_testset("references", positions)]
        content["hypotheses"] = self._of_systems("hypothesis", positions)
        marking = [metric.name for metric in self._scored_metrics if self._marks_errors(metric.name)]
        if marking:
            content["errors"] = {name: self._of_systems(f"{name}_errors", positions) for name in marking}
        return content

    def search(self, text: str) -> dict[str, Any]:
        """Where a text occurs, whatever its case, in composed form (NFC); as `Found` of the front-end."""
        wanted = _comparable(text)
        sources = self._of_testset("source")
        references = self._of_testset("references")
        return {
            "sources": [place for place, one in enumerate(sources) if _holds(one, wanted)],
            "references": [
                place for place, texts in enumerate(references) if any(_holds(one, wanted) for one in texts or ())
            ],
            "hypotheses": self._found_in_hypotheses(wanted),
        }

    @property
    def _scored_metrics(self) -> list[PlannedMetric]:
        names = set(self._file.schema_arrow.names)
        return [metric for metric in self.run.plan.metrics if metric.name in names]

    def _marks_errors(self, metric: str) -> bool:
        return f"{metric}_errors" in self._file.schema_arrow.names

    def _metrics(self) -> list[dict[str, Any]]:
        heads = headings(self.run.plan.metrics)
        scored = {metric.name for metric in self._scored_metrics}
        return [
            {
                **asdict(metric),
                "heading": heads[metric.name],
                "decimals": self._settings.decimals_of(metric.name),
                "has_segments": metric.name in scored,
                "has_errors": self._marks_errors(metric.name),
            }
            for metric in self.run.plan.metrics
        ]

    def _documents(self) -> dict[str, list[str | None] | None]:
        there = set(self._file.schema_arrow.names)
        columns = {name: self._of_testset(name) if name in there else [] for name in _OPTIONAL_COLUMNS}
        columns["source_length"] = self._length_slices()
        return {name: column if any(one is not None for one in column) else None for name, column in columns.items()}

    def _length_slices(self) -> list[str | None]:
        """The slice by the length of its source (`1-23 characters`) that the record counts each segment to."""
        labels = dict.fromkeys(line.slice for line in self.run.slice_lines or () if line.by == "source-length")
        spans = [(label, *self._span(label)) for label in labels]
        lengths = self.column(SOURCE_LENGTH).tolist()
        return [next((label for label, low, high in spans if low <= length <= high), None) for length in lengths]

    def _span(self, label: str) -> tuple[int, int]:
        found = re.fullmatch(r"(\d+)-(\d+) characters", label)
        if found is None:
            raise RecordError(
                f"{self.run.paths.slices}: slice {label!r} of source-length: expected a name like '1-23 characters'. "
                "Give the command of the run again: the file is written anew."
            )
        return int(found[1]), int(found[2])

    def _flagged(self) -> tuple[list[dict[str, Any]], list[tuple[int, int, int]]]:
        """The flags that occur, and who has which: `(system, segment, flag)`, all counted from 0."""
        names: dict[str, int] = {}
        flagged = []
        if "flags" in self._file.schema_arrow.names:
            for row, of_row in _filled_lists(self._column("flags")):
                system, segment = divmod(row, self._n_segments)
                flagged += [(system, segment, names.setdefault(name, len(names))) for name in of_row]
        lines = {line.flag: line for line in self.run.problem_lines or () if line.flag != UNUSABLE}
        marked = [
            {
                "name": name,
                "meaning": lines[name].meaning if name in lines else "",
                "is_unusable": name in lines and lines[name].is_unusable,
            }
            for name in names
        ]
        return marked, flagged

    def _of_testset(self, name: str, positions: Sequence[int] | None = None) -> list[Any]:
        """A column of what is the same for all systems, from the rows of the first."""
        values: list[Any] = self._first_rows(name).to_pylist() if positions is None else self._rows(name, positions)
        return values

    def _of_systems(self, name: str, positions: Sequence[int] | None = None) -> list[list[Any]]:
        """[S][n]."""
        n = self._n_segments
        starts = range(0, len(self._systems) * n, n)
        if positions is None:
            values = self._column(name).to_pylist()
            return [values[start : start + n] for start in starts]
        values = self._rows(name, [start + position for start in starts for position in positions])
        return [values[start : start + len(positions)] for start in range(0, len(values), len(positions))]

    def _found_in_hypotheses(self, wanted: str) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in self._systems]
        row = 0
        for group in range(self._file.num_row_groups):
            for text in self._group(group, "hypothesis").to_pylist():
                if _holds(text, wanted):
                    system, segment = divmod(row, self._n_segments)
                    found[system].append(segment)
                row += 1
        return found

    @cached_property
    def _file(self) -> pq.ParquetFile:
        file = opened_segments(self.run.paths, self.run.plan)
        systems = read_columns(self.run.paths, file, ["system"])["system"]
        check_order(self.run.paths, self.run.plan, systems.to_pylist(), range(len(systems)))
        return file

    @cached_property
    def _starts(self) -> list[int]:
        return group_starts(self._file)

    def _column(self, name: str) -> pa.ChunkedArray:
        return self._read(range(self._file.num_row_groups), name)

    def _group(self, group: int, name: str) -> pa.ChunkedArray:
        """A row group's part of a column; of those read last as many are kept as `kept_bytes` allow."""
        key = (group, name)
        with self._lock:
            if (column := self._kept.get(key)) is None:
                column = self._read([group], name)
                self._kept[key] = column
                self._n_bytes += column.nbytes
            self._kept.move_to_end(key)
            while self._n_bytes > self._kept_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._n_bytes -= oldest.nbytes
        return column

    def _first_rows(self, name: str) -> pa.ChunkedArray:
        """The rows of the first system: what they say of the test set, those of the others say too."""
        n_groups = int(np.searchsorted(self._starts, self._n_segments))
        return self._read(range(n_groups), name).slice(0, self._n_segments)

    def _rows(self, name: str, rows: Sequence[int]) -> list[Any]:
        """Single rows, in the order asked for."""
        groups = np.searchsorted(self._starts, rows, side="right") - 1
        found: list[Any] = [None] * len(rows)
        for group in np.unique(groups).tolist():
            asked = np.flatnonzero(groups == group).tolist()
            chunk = self._group(group, name)
            for index in asked:
                found[index] = chunk[rows[index] - self._starts[group]].as_py()
        return found

    def _read(self, groups: Sequence[int], name: str) -> pa.ChunkedArray:
        with self._lock:
            return read_columns(self.run.paths, self._file, [name], groups=groups)[name]


def check_whole(run: RunView) -> None:
    """Refuse a record whose run is not at its end: what it holds may be of two runs, or half of one.

    Raises: RecordError saying so."""
    if not run.is_whole:
        raise RecordError(
            f"{run.folder}: is the record of a run that is not complete (it has no done.json that can be read), so "
            "nothing is reported of it. Give the command of the run again: it goes on where it stopped."
        )


def strict_json(content: Any) -> bytes:
    """JSON without spaces, in UTF-8, characters as themselves."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def little_endian(column: Floats) -> bytes:
    """Numbers as the page reads them: float64, lowest byte first."""
    return column.astype("<f8", copy=False).tobytes()


def embedded(content: bytes) -> str:
    """Bytes as they stand in the page: compressed, in letters and digits. The same bytes give the same text."""
    return base64.b64encode(gzip.compress(content, compresslevel=_GZIP_LEVEL, mtime=0)).decode("ascii")


def embedded_parts(content: RunContent) -> Iterator[tuple[str, str]]:
    """`(name, text)` of everything a page shows that needs no server."""
    yield "run", embedded(strict_json(content.lines()))
    for name in content.column_names:
        yield f"columns/{name}", embedded(little_endian(content.column(name)))
    yield "texts", embedded(strict_json(content.texts()))


def _languages(pair: str) -> tuple[str, str]:
    """Source and target language as HTML's `lang` writes them (BCP 47): `en`, `zh-CN`; empty where not known."""
    try:
        parsed = LanguagePair.parse(pair)
    except ConfigError:
        return "", ""
    return parsed.source.replace("_", "-"), parsed.target.replace("_", "-")


def _finite(line: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no numbers that are none."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in line.items()
    }


def _comparable(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()


def _holds(text: str | None, wanted: str) -> bool:
    return text is not None and wanted in _comparable(text)


# Arrays are read from their buffers: what pyarrow has for it imports pandas, 0.4 s of a run of 2 s (pyarrow 25).
def _floats(column: pa.ChunkedArray) -> Floats:
    parts = [_numbers(chunk, np.float64) for chunk in column.chunks]
    return np.concatenate(parts) if parts else np.zeros(0)


def _lengths(texts: pa.ChunkedArray) -> Floats:
    import pyarrow.compute as pc

    # Of large_string, which other programs write, the counts are int64.
    parts = [_numbers(pc.utf8_length(chunk).cast("int32"), np.int32) for chunk in texts.chunks]
    return np.concatenate(parts) if parts else np.zeros(0)


def _numbers(chunk: pa.Array, kind: type[np.generic]) -> Floats:
    """NaN for null."""
    validity, values = chunk.buffers()
    numbers = np.frombuffer(values, dtype=kind)[chunk.offset : chunk.offset + len(chunk)].astype(np.float64)
    if validity is not None:
        bits = np.unpackbits(np.frombuffer(validity, dtype=np.uint8), bitorder="little")
        numbers[bits[chunk.offset : chunk.offset + len(chunk)] == 0] = np.nan
    return numbers


def _filled_lists(column: pa.ChunkedArray) -> Iterator[tuple[int, list[str]]]:
    """`(row, texts)` of the rows whose list is not empty; most are."""
    row = 0
    for chunk in column.chunks:
        offsets: Array = np.frombuffer(chunk.buffers()[1], dtype=np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
        for place in np.flatnonzero(np.diff(offsets)).tolist():
            yield row + place, chunk[place].as_py() or []
        row += len(chunk)
