"""Segment scores that other tools wrote, in one table: a row per system and segment, a column per metric."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evalharness.errors import InputError
from evalharness.records import Floats
from evalharness.textio import check_columns, read_lines

SUFFIXES = (".tsv", ".csv", ".tsv.gz", ".csv.gz")
_SYSTEM_NAMES = ("system", "sysname", "model")
_DOCUMENT_NAMES = ("document", "doc", "document_id", "doc_id", "docid")
_TEXT_NAMES = ("source", "src", "hypothesis", "mt", "reference", "ref")
_ABOVE_DOCUMENTS = ("testset", "language_pair", "lp", "langs", "domain")
_PLACE_NAMES = (
    *_DOCUMENT_NAMES,
    *_ABOVE_DOCUMENTS,
    *("paragraph", "line", "line_id", "id", "item"),
    *("segment", "seg", "segment_id", "seg_id", "segid", "sentence", "sent_id", "index", "idx", "row"),
)
_MISSING = ("", "None", "none", "nan", "NaN", "NA", "null")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """`scores` by metric [S, N], NaN where a cell is empty or the row missing. `documents` [N] are None where no column
    names them; `read_as` says which columns were taken for what."""

    path: str
    systems: tuple[str, ...]
    documents: tuple[str | None, ...]
    scores: dict[str, Floats]
    read_as: str


def is_score_table(path: Path) -> bool:
    return path.name.endswith(SUFFIXES) and not path.is_dir()


def read_score_table(
    path: str | Path,
    *,
    metrics: Sequence[str] = (),
    system_column: str | None = None,
    document_column: str | None = None,
) -> ScoreTable:
    """The table in a TSV or CSV file, gzipped or not, with a header line.

    Columns called document, segment, line or the like say together which segment a row is of; segments are sorted by
    them, systems are in order of appearance. Without `metrics`, those are all other columns of numbers.
    Raises: InputError naming line and column of a cell that is no number, a row that is there twice, a column that is
    not there."""
    header, rows = _rows(Path(path))
    system = _column(header, system_column, _SYSTEM_NAMES, path)
    if system is None:
        raise InputError(
            f"{path}:1: no column 'system'; the columns are: {', '.join(header)}. Say which one holds the system with "
            "--system-column."
        )
    document = _column(header, document_column, _DOCUMENT_NAMES, path)
    check_columns(metrics, header, where=f"{path}:1")
    chosen = list(metrics) or _metric_columns(header, rows, {system, document}, path)
    if not chosen:
        raise InputError(f"{path}:1: no column of numbers among {', '.join(header)}; expected one per metric.")
    places = [
        index
        for index, name in enumerate(header)
        if name not in (system, *chosen) and (name == document or name.lower() in _PLACE_NAMES)
    ]
    system_place, document_place = header.index(system), None if document is None else header.index(document)
    systems = list(dict.fromkeys(row[system_place] for _, row in rows))
    keys = [tuple(row[place] for place in places) for _, row in rows]
    segments = {key: position for position, key in enumerate(sorted(set(keys)))}
    metric_places = {name: header.index(name) for name in chosen}
    scores = {name: np.full((len(systems), len(segments)), np.nan) for name in chosen}
    seen: dict[tuple[int, int], int] = {}
    index_of = {name: index for index, name in enumerate(systems)}
    documents: list[str | None] = [None] * len(segments)
    above = [index for index in places if header[index].lower() in _ABOVE_DOCUMENTS]
    for (number, row), key in zip(rows, keys, strict=True):
        if not row[system_place].strip():
            raise InputError(f"{path}:{number}: column {system!r} is empty; every row needs the name of its system.")
        at = index_of[row[system_place]], segments[key]
        if at in seen:
            raise InputError(
                f"{path}:{number}: system {row[system_place]!r} has the same segment as in line {seen[at]}, by the "
                f"columns {', '.join(header[place] for place in places) or '(none)'}. Add a column that tells segments "
                "apart, or name the metrics with --metrics."
            )
        seen[at] = number
        for name, place in metric_places.items():
            scores[name][at] = _number(row[place], path, number, name)
        if document_place is not None and row[document_place].strip():
            documents[segments[key]] = " ".join(row[place] for place in (*above, document_place))
    apart = ", ".join(header[place] for place in places) or "nothing"
    return ScoreTable(
        path=str(path),
        systems=tuple(systems),
        documents=tuple(documents),
        scores=scores,
        read_as=f"systems are in column {system!r}, documents in {'none' if document is None else repr(document)}, "
        f"segments are told apart by {apart}; metrics: {', '.join(chosen)}",
    )


def _rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header, and `(line number, cells)` of each row."""
    lines = read_lines(path)
    if ".tsv" in path.suffixes:
        numbered = [(number, line.split("\t")) for number, line in enumerate(lines, start=1)]
    else:
        reader = csv.reader((f"{line}\n" for line in lines), strict=True)
        try:
            numbered = [(reader.line_num, cells) for cells in reader]
        except csv.Error as err:
            raise InputError(f"{path}:{reader.line_num}: is not CSV: {err}.") from err
    header = [name.strip() for name in numbered.pop(0)[1]]
    if len(set(header)) != len(header):
        raise InputError(f"{path}:1: two columns have the same name: {', '.join(header)}.")
    for number, row in numbered:
        if len(row) != len(header):
            raise InputError(f"{path}:{number}: {len(row)} cells where the header has {len(header)} columns.")
    if not numbered:
        raise InputError(f"{path}: holds a header and no rows; expected a row per system and segment.")
    return header, numbered


def _column(header: list[str], given: str | None, usual: Sequence[str], path: str | Path) -> str | None:
    """The column that was named, else one that goes by a usual name; None where there is none."""
    check_columns([given] if given is not None else [], header, where=f"{path}:1")
    return given or next((name for one in usual for name in header if name.lower() == one), None)


def _metric_columns(
    header: list[str], rows: list[tuple[int, list[str]]], taken: set[str | None], path: str | Path
) -> list[str]:
    """Columns of numbers; of texts where less than half of the cells are numbers.

    Raises: InputError naming the first other cell of a column of numbers."""
    chosen = []
    for index, name in enumerate(header):
        if name in taken or name.lower() in (*_PLACE_NAMES, *_TEXT_NAMES):
            continue
        others = [(number, row[index]) for number, row in rows if not _is_number(row[index])]
        if others and 2 * len(others) < len(rows):
            number, cell = others[0]
            raise _no_number(path, number, name, cell)
        if not others and any(row[index] not in _MISSING for _, row in rows):
            chosen.append(name)
    return chosen


def _is_number(cell: str) -> bool:
    if cell in _MISSING:
        return True
    try:
        return "_" not in cell and math.isfinite(float(cell))
    except ValueError:
        return False


def _number(cell: str, path: str | Path, number: int, name: str) -> float:
    if cell in _MISSING:
        return math.nan
    if not _is_number(cell):
        raise _no_number(path, number, name, cell)
    return float(cell)


def _no_number(path: str | Path, number: int, name: str, cell: str) -> InputError:
    missing = ", ".join(word for word in _MISSING if word)
    return InputError(
        f"{path}:{number}: column {name!r} holds {cell[:40]!r}; expected a number, or for a missing score nothing or "
        f"one of {missing}. If it is no metric, name the metrics with --metrics."
    )
