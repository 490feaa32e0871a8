"""`segments.parquet`: a row per (system, segment), systems in order, segments in order within each."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from evalharness.errors import RecordError
from evalharness.records import ErrorSpan, ErrorSpans, Floats, TestSet
from evalharness.runs.paths import RunPaths
from evalharness.runs.plan import Plan
from evalharness.textio import no_formula, replacing

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_OF_TESTSET = (
    "testset", "language_pair", "domain", "document", "original_language", "segment", "source", "references"
)  # fmt: skip
COLUMNS = frozenset((*_OF_TESTSET, "system", "hypothesis", "flags"))
"""Every column that is not a metric's."""
_LATER_COLUMNS = frozenset(("original_language", "flags"))
"""What records of earlier versions lack."""
WRITE_AGAIN = "Remove the file and give the command of the run again: it is written anew from the logs."
"""What to do where a derived file is damaged."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_ROWS_OF_A_SMALL_FILE = 100_000
_ROWS_PER_GROUP = 2048


def write_segments(
    paths: RunPaths,
    testset: TestSet,
    *,
    systems: Sequence[str],
    hypotheses: Sequence[Sequence[str | None]],
    segment_scores: Mapping[str, Floats],
    error_spans: Mapping[str, ErrorSpans],
    flags: Sequence[Sequence[tuple[str, ...]]],
    as_csv: bool,
) -> None:
    """Write the file, and `segments.csv` where asked for.

    Shapes: hypotheses and flags [S][N]; segment_scores by metric [S, N], NaN (null in the file) where there is none;
    error_spans by metric, for those that mark errors, in a column `METRIC_errors`."""
    import pyarrow.parquet as pq

    n_rows = len(systems) * len(testset.segments)

    def tables() -> Iterator[pa.Table]:
        """A row group each: a million rows as one table take more memory than all that a run holds."""
        n_together = _rows_per_group(n_rows)
        for start in range(0, max(1, n_rows), n_together):
            yield _table(
                range(start, min(start + n_together, n_rows)), testset, systems=systems, hypotheses=hypotheses,
                segment_scores=segment_scores, error_spans=error_spans, flags=flags,
            )  # fmt: skip

    with replacing(paths.segments, "wb") as file, ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for table in tables():
            writer = writer or stack.enter_context(pq.ParquetWriter(file, table.schema, write_page_checksum=True))
            writer.write_table(table, row_group_size=max(1, table.num_rows))
    paths.segments_csv.unlink(missing_ok=True)  # an older one would contradict the rest
    if as_csv:
        with replacing(paths.segments_csv) as csv:
            for place, table in enumerate(tables()):
                frame = table.to_pandas()
                frame["references"] = ["\n".join(references) for references in frame["references"]]
                for name in error_spans:
                    read = table[f"{name}_errors"].to_pylist()
                    frame[f"{name}_errors"] = [
                        None if spans is None else json.dumps(spans, ensure_ascii=False) for spans in read
                    ]
                frame["flags"] = [" ".join(of_text) for of_text in frame["flags"]]
                for name in sorted(COLUMNS):
                    frame[name] = [_for_spreadsheets(text) if isinstance(text, str) else None for text in frame[name]]
                frame.to_csv(csv, index=False, header=place == 0, lineterminator="\n")


def _table(
    rows: range,
    testset: TestSet,
    *,
    systems: Sequence[str],
    hypotheses: Sequence[Sequence[str | None]],
    segment_scores: Mapping[str, Floats],
    error_spans: Mapping[str, ErrorSpans],
    flags: Sequence[Sequence[tuple[str, ...]]],
) -> pa.Table:
    """Some rows of the file. Arguments are those of `write_segments`."""
    import pyarrow as pa

    places = [divmod(row, len(testset.segments)) for row in rows]
    segments = [testset.segments[n] for _, n in places]
    columns = {
        "testset": _strings([testset.name] * len(rows)),
        "language_pair": _strings([str(testset.language_pair)] * len(rows)),
        "domain": _strings([segment.domain for segment in segments]),
        "document": _strings([segment.document for segment in segments]),
        "original_language": _strings([segment.original_language for segment in segments]),
        "segment": _strings([segment.id for segment in segments]),
        "system": _strings([systems[s] for s, _ in places]),
        "source": _strings([segment.source for segment in segments]),
        "hypothesis": _strings([hypotheses[s][n] for s, n in places]),
        "references": _lists([segment.references for segment in segments]),
        **{name: _floats(scores.ravel()[rows.start : rows.stop]) for name, scores in segment_scores.items()},
        **{f"{name}_errors": _spans([marked[s][n] for s, n in places]) for name, marked in error_spans.items()},
        "flags": _lists([flags[s][n] for s, n in places]),
    }
    return pa.table(columns)


def _for_spreadsheets(text: str) -> str:
    """Nothing that would be run as a formula or command a terminal; `segments.parquet` has the text as it is."""
    return no_formula(_CONTROL.sub(lambda match: f"[U+{ord(match.group()):04X}]", text))


def opened_segments(paths: RunPaths, plan: Plan) -> pq.ParquetFile:
    """The file of a record, found to have the columns of every record and as many rows as planned.

    Raises: RecordError where it has not, or cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not paths.segments.is_file():
        raise RecordError(
            f"{paths.segments}: is not there. Give the command of the run again: it is written from the logs."
        )
    try:
        file = pq.ParquetFile(paths.segments, page_checksum_verification=True)  # pq.read_table would load pandas
    except (pa.ArrowException, OSError) as err:
        raise _damaged(paths, str(err)) from err
    for name in sorted(COLUMNS - _LATER_COLUMNS):
        if name not in file.schema_arrow.names:
            raise _damaged(paths, f"it has no column {name!r}")
    n_systems, n_segments = len(plan.systems), plan.testset.n_segments
    if file.metadata.num_rows != n_systems * n_segments:
        raise _damaged(
            paths,
            f"it has {file.metadata.num_rows} rows; expected {n_systems * n_segments}, for {n_systems} systems and "
            f"{n_segments} segments",
        )
    return file


def read_columns(
    paths: RunPaths, file: pq.ParquetFile, names: Sequence[str], *, groups: Sequence[int] | None = None
) -> dict[str, pa.ChunkedArray]:
    """Columns of a file that was opened, of some row groups or all.

    Raises: RecordError where they are not there or cannot be read."""
    import pyarrow as pa

    for name in names:
        if name not in file.schema_arrow.names:
            raise _damaged(paths, f"it has no column {name!r}")
    try:
        wanted = range(file.num_row_groups) if groups is None else groups
        table = file.read_row_groups(list(wanted), columns=list(names))
    except (pa.ArrowException, OSError) as err:
        raise _damaged(paths, f"{', '.join(names)}: {err}") from err
    return {name: table[name] for name in names}


def group_starts(file: pq.ParquetFile) -> list[int]:
    """The first row of each row group, and behind them the number of rows."""
    sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    return [0, *np.cumsum(sizes, dtype=int).tolist()]


def read_rows(paths: RunPaths, file: pq.ParquetFile, names: Sequence[str], rows: Sequence[int]) -> dict[str, list[Any]]:
    """Some rows, which rise, of some columns, as Python values; only the row groups that hold them are read.

    Raises: RecordError where the columns are not there or cannot be read."""
    starts = group_starts(file)
    wanted = np.asarray(rows, dtype=np.int64)
    bounds = np.searchsorted(wanted, starts).tolist()
    places: list[npt.NDArray[np.int64]] = []
    groups: list[int] = []
    n_before = 0  # rows of the groups that are read
    for group, (start, stop) in enumerate(itertools.pairwise(starts)):
        if bounds[group] < bounds[group + 1]:
            groups.append(group)
            places.append(wanted[bounds[group] : bounds[group + 1]] - start + n_before)
            n_before += stop - start
    read = read_columns(paths, file, names, groups=groups)
    if len(wanted) == n_before:
        return {name: column.to_pylist() for name, column in read.items()}
    taken = _integers(np.concatenate(places))
    return {name: column.take(taken).to_pylist() for name, column in read.items()}


def check_order(paths: RunPaths, plan: Plan, systems: Sequence[str], rows: Sequence[int]) -> None:
    """Whether these are the systems of those rows: as many rows of each as segments, in the order of the plan.

    Raises: RecordError where they are not."""
    n_segments, names = plan.testset.n_segments, [system.name for system in plan.systems]
    if any(found != names[row // n_segments] for found, row in zip(systems, rows, strict=True)):
        raise _damaged(paths, f"its rows are not {n_segments} of each system, in order")


def _damaged(paths: RunPaths, found: str) -> RecordError:
    return RecordError(f"{paths.segments}: is damaged: {found}. {WRITE_AGAIN}")


def _rows_per_group(n_rows: int) -> int:
    """Small files are one group, in which a source is written once for all systems: 12 systems by 1,875 segments take
    2.8 MB then, and 6.2 MB in groups of 2,048. Who reads a screen of segments of a large one reads a group or two of
    each system: of 38 by 20,000 that took 20 ms, and 190 ms as one group."""
    return max(1, n_rows) if n_rows <= _ROWS_OF_A_SMALL_FILE else _ROWS_PER_GROUP


# Those below build arrays without `pyarrow.array`, which imports pandas: 0.4 s of a run of 2 s (pyarrow 25).
def _strings(texts: Sequence[str | None]) -> Any:
    from pyarrow.lib import StringBuilder

    builder = StringBuilder()
    builder.append_values(texts)
    return builder.finish()


def _lists(lists: Sequence[Sequence[str]]) -> Any:
    import pyarrow as pa

    offsets = np.cumsum([0, *(len(texts) for texts in lists)], dtype=np.int32)
    n_offsets = pa.Array.from_buffers(pa.int32(), len(offsets), [None, pa.py_buffer(offsets)])
    return pa.ListArray.from_arrays(n_offsets, _strings([text for texts in lists for text in texts]))


def _integers(values: npt.NDArray[np.int64]) -> Any:
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def _floats(values: Floats) -> Any:
    import pyarrow as pa

    validity = pa.py_buffer(np.packbits(~np.isnan(values), bitorder="little"))
    return pa.Array.from_buffers(pa.float64(), len(values), [validity, pa.py_buffer(np.ascontiguousarray(values))])


def _spans(marked: Sequence[tuple[ErrorSpan, ...] | None]) -> Any:
    import pyarrow as pa

    fields = {"text": pa.string(), "severity": pa.string(), "confidence": pa.float64()}
    fields |= {"start": pa.int32(), "end": pa.int32()}
    kind = pa.list_(pa.struct(list(fields.items())))
    return pa.array([None if spans is None else [dataclasses.asdict(one) for one in spans] for spans in marked], kind)
