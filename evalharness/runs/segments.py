"""`segments.parquet`: a row per (system, segment), systems in order, segments in order within each."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

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
    import pyarrow as pa
    import pyarrow.parquet as pq

    segments = testset.segments
    texts = [text for outputs in hypotheses for text in outputs]
    n_systems = len(systems)
    columns = {
        "testset": _strings([testset.name] * len(texts)),
        "language_pair": _strings([str(testset.language_pair)] * len(texts)),
        "domain": _strings([segment.domain for segment in segments] * n_systems),
        "document": _strings([segment.document for segment in segments] * n_systems),
        "original_language": _strings([segment.original_language for segment in segments] * n_systems),
        "segment": _strings([segment.id for segment in segments] * n_systems),
        "system": _strings([name for name in systems for _ in segments]),
        "source": _strings([segment.source for segment in segments] * n_systems),
        "hypothesis": _strings(texts),
        "references": _lists([segment.references for segment in segments] * n_systems),
        **{name: _floats(scores.ravel()) for name, scores in segment_scores.items()},
        **{f"{name}_errors": _spans(of_systems) for name, of_systems in error_spans.items()},
        "flags": _lists([of_text for of_system in flags for of_text in of_system]),
    }
    table = pa.table(columns)
    with replacing(paths.segments, "wb") as file:
        pq.write_table(table, file, row_group_size=_rows_per_group(table.num_rows), write_page_checksum=True)
    paths.segments_csv.unlink(missing_ok=True)  # an older one would contradict the rest
    if as_csv:
        frame = table.to_pandas()
        frame["references"] = ["\n".join(references) for references in frame["references"]]
        for name in error_spans:
            of_metric = [span for of_system in error_spans[name] for span in of_system]
            frame[f"{name}_errors"] = [None if spans is None else _json(spans) for spans in of_metric]
        frame["flags"] = [" ".join(flags) for flags in frame["flags"]]
        for name in sorted(COLUMNS):
            frame[name] = [_for_spreadsheets(text) if isinstance(text, str) else None for text in frame[name]]
        with replacing(paths.segments_csv) as file:
            frame.to_csv(file, index=False, lineterminator="\n")


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


def check_order(paths: RunPaths, plan: Plan, systems: Sequence[str]) -> None:
    """Whether these are the systems of the first rows: as many rows of each as segments, in the order of the plan.

    Raises: RecordError where they are not."""
    n_segments = plan.testset.n_segments
    expected = (system.name for system in plan.systems for _ in range(n_segments))
    if any(found != wanted for found, wanted in zip(systems, expected, strict=False)):
        raise _damaged(paths, f"its rows are not {n_segments} of each system, in order")


def _damaged(paths: RunPaths, found: str) -> RecordError:
    return RecordError(f"{paths.segments}: is damaged: {found}. {WRITE_AGAIN}")


def _rows_per_group(n_rows: int) -> int:
    """Small files are one group, in which a source is written once for all systems: 12 systems by 1,875 segments take
    2.8 MB then, and 6.2 MB in groups of 2,048. Who reads a screen of segments of a large one reads a group or two of
    each system: of 38 by 20,000 that took 20 ms, and 190 ms as one group."""
    return max(1, n_rows) if n_rows <= _ROWS_OF_A_SMALL_FILE else _ROWS_PER_GROUP


# The three below build arrays without `pyarrow.array`, which imports pandas: 0.4 s of a run of 2 s (pyarrow 25).
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


def _floats(values: Floats) -> Any:
    import pyarrow as pa

    validity = pa.py_buffer(np.packbits(~np.isnan(values), bitorder="little"))
    return pa.Array.from_buffers(pa.float64(), len(values), [validity, pa.py_buffer(np.ascontiguousarray(values))])


def _spans(of_systems: ErrorSpans) -> Any:
    import pyarrow as pa

    fields = {"text": pa.string(), "severity": pa.string(), "confidence": pa.float64()}
    fields |= {"start": pa.int32(), "end": pa.int32()}
    kind = pa.list_(pa.struct(list(fields.items())))
    marked = [spans for of_system in of_systems for spans in of_system]
    return pa.array([None if spans is None else [dataclasses.asdict(one) for one in spans] for spans in marked], kind)


def _json(spans: Sequence[ErrorSpan]) -> str:
    return json.dumps([dataclasses.asdict(span) for span in spans], ensure_ascii=False)
