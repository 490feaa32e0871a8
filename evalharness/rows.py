"""Files of rows with named columns: JSON lines, tab-separated, CSV, Parquet. A row is where it stands and its values.

Values are as the file has them: texts in TSV and CSV; in JSON lines and Parquet also null, numbers, lists and objects.
A dotted name reaches into objects: `translation.zh`."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from evalharness.errors import InputError, nearest
from evalharness.inspection.findings import current_findings
from evalharness.inspection.lines import byte_order_mark, read_records
from evalharness.textio import check_columns, check_text, read_objects, read_text

Row: TypeAlias = tuple[str, Mapping[str, Any]]
"""Where it stands, such as `set.tsv:7`, and its values by column."""

_BOM = "\ufeff"
_LONE_CARRIAGE_RETURN = re.compile("\r(?!\n)")
_STAND_INS = range(0xE000, 0xF900)  # characters without a meaning
_ROWS_PER_BATCH = 4096


def read_rows(path: str, columns: Sequence[str]) -> Iterator[Row]:
    """The rows of a file in the format that its ending says: .jsonl, .tsv, .csv or .parquet (.gz may follow).

    Raises: InputError where the ending says none of these, and as the functions below."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    ending = next((suffix for suffix in reversed(suffixes) if suffix != ".gz"), "")
    if ending not in _BY_ENDING:
        raise InputError(f"{path}: its ending says no format with columns; expected {', '.join(_BY_ENDING)}.")
    return _BY_ENDING[ending](path, columns)


def all_rows(path: str) -> Iterator[Row]:
    """The rows of a file with all of its columns."""
    if not path.lower().endswith(".parquet"):
        return read_rows(path, [])
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return parquet_rows(path, pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as err:
        raise InputError(f"{path}: cannot be read as Parquet: {str(err).splitlines()[0]}. Get it again.") from err


def jsonl_rows(path: str, columns: Sequence[str]) -> Iterator[Row]:
    """Raises: InputError naming the line that is no JSON object or lacks a column."""
    for number, values in read_objects(path, read_records(path)):
        yield f"{path}:{number}", values


def delimited_rows(path: str, columns: Sequence[str], *, delimiter: str = "\t") -> Iterator[Row]:
    """Fields as they stand between delimiters: no quoting, no escapes, so a quotation mark is a character.

    Raises: InputError naming the line whose fields are not those of the header, or the column that is not there."""
    header, *rows = read_records(path)
    names = header.split(delimiter)
    _check_header(names, columns, where=f"{path}:1")
    for number, row in enumerate(rows, start=2):
        yield (
            f"{path}:{number}",
            _fields(
                row.split(delimiter),
                names,
                where=f"{path}:{number}",
                advice="Tabs and line ends inside a text must be removed before it is written to this format.",
            ),
        )


def csv_rows(path: str, columns: Sequence[str], *, delimiter: str = ",") -> Iterator[Row]:
    """RFC 4180: a quoted field may hold delimiters, line ends and, doubled, quotation marks. Nothing but `\\n` and
    `\\r\\n` ends a line; where a row stands is the line of the file it begins on.

    Raises: InputError naming the line that breaks the rules, or the column that is not there."""
    rows = _csv_cells(path, delimiter)
    number, names = next(rows)
    _check_header(names, columns, where=f"{path}:{number}")
    for number, cells in rows:
        where = f"{path}:{number}"
        advice = f"A text with {delimiter!r}, quotation marks or line ends in it must be quoted."
        yield where, _fields(cells, names, where=where, advice=advice)


def parquet_rows(path: str, columns: Sequence[str]) -> Iterator[Row]:
    """Only the columns that are asked for are read, some thousand rows at a time.

    Raises: InputError where the file is no Parquet, or lacks a column."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not Path(path).is_file():
        found = "is a folder; expected a file" if Path(path).is_dir() else f"no such file (looked in {Path.cwd()})"
        raise InputError(f"{path}: {found}.")
    number = 0
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            present = file.schema_arrow.names
            wanted = sorted({_outermost(name, present, where=path) for name in columns}, key=present.index)
            if twice := next((name for name in wanted if present.count(name) > 1), None):
                raise InputError(f"{path}: two columns have the same name: {twice!r}.")
            for batch in file.iter_batches(batch_size=_ROWS_PER_BATCH, columns=wanted):
                for values in batch.to_pylist():
                    number += 1
                    yield f"{path}:row {number}", values
            n_rows = file.metadata.num_rows
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError, TypeError, KeyError) as err:
        said = str(err).splitlines()[0] if str(err) else type(err).__name__
        raise InputError(f"{path}: cannot be read as Parquet after row {number}: {said}. Get it again.") from err
    if number != n_rows:
        raise InputError(f"{path}: holds {number} rows and says that there are {n_rows}. Get it again.")


def value_at(values: Mapping[str, Any], name: str, *, where: str) -> Any:
    """The value of a column. A field of just this name comes before one that the dots reach.

    Raises: InputError naming the columns there are."""
    found = _reach(values, name)
    if found is None:
        check_columns([name], _names_within(values, name), where=where)
        raise InputError(f"{where}: no column {name!r}.")
    return found.value


def label_at(values: Mapping[str, Any], name: str, *, where: str) -> str | None:
    """The value of a column of ids or names, where numbers are as good as texts.

    Raises: InputError where it is anything else."""
    value = value_at(values, name, where=where)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return as_text(value, name, where=where)


def as_text(value: Any, name: str, *, where: str) -> str | None:
    """A value that is a text or null.

    Raises: InputError where it is anything else."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise InputError(f"{where}: field {name!r} is {type(value).__name__}; expected a string.")
    check_text(value, where=f"{where}: column {name!r}")
    return value


class _Found(NamedTuple):
    value: Any


def _reach(values: Mapping[str, Any], name: str) -> _Found | None:
    """None where there is no such field. Within null everything is null."""
    if name in values:
        return _Found(values[name])
    for position in (match.start() for match in re.finditer(r"\.", name)):
        head, tail = name[:position], name[position + 1 :]
        if head in values:
            inner = values[head]
            if inner is None:
                return _Found(None)
            if isinstance(inner, Mapping) and (found := _reach(inner, tail)) is not None:
                return found
    return None


def _names_within(values: Mapping[str, Any], name: str) -> list[str]:
    """The columns of a row, for a message: those within an object that the name reaches into are dotted."""
    head = name.partition(".")[0]
    inner = values.get(head)
    dotted = [f"{head}.{key}" for key in inner] if isinstance(inner, Mapping) else []
    return [*map(str, values), *dotted]


def _outermost(name: str, present: Sequence[str], *, where: str) -> str:
    """The column of the file that holds a dotted name."""
    parts = name.split(".")
    heads = [name, *(".".join(parts[:end]) for end in range(1, len(parts)))]
    head = next((head for head in heads if head in present), None)
    if head is None:
        raise InputError(f"{where}: no column {name!r}{nearest(name, present)} The columns are: {', '.join(present)}.")
    return head


def _check_header(names: Sequence[str], columns: Sequence[str], *, where: str) -> None:
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{where}: two columns have the same name: {twice!r}.")
    check_columns(columns, names, where=where)


def _fields(cells: Sequence[str], names: Sequence[str], *, where: str, advice: str) -> dict[str, str]:
    if len(cells) != len(names):
        raise InputError(f"{where}: {len(cells)} fields where the header has {len(names)} columns. {advice}")
    return dict(zip(names, cells, strict=True))


def _csv_cells(path: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row's cells, and the line it begins on."""
    text = read_text(path)
    if text.startswith(_BOM):
        findings = current_findings()
        findings.add([byte_order_mark(path)])
        findings.decide(path)
        text = text[len(_BOM) :]
    if not text:
        raise InputError(f"{path}: the file is empty; expected a header line and one row a segment.")
    # The csv module takes a lone \r for the end of a row, so another character stands for it meanwhile.
    stand_in = next(char for char in map(chr, _STAND_INS) if char not in text and char != delimiter)
    lines = re.findall("[^\n]*\n|[^\n]+", _LONE_CARRIAGE_RETURN.sub(stand_in, text))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    begins_at = 1
    try:
        for cells in reader:
            yield begins_at, [cell.replace(stand_in, "\r") for cell in cells] or [""]
            begins_at = reader.line_num + 1
    except csv.Error as err:
        raise InputError(f"{path}:{begins_at}: the row that begins here is not CSV: {err}.") from err


_BY_ENDING: Mapping[str, Callable[[str, Sequence[str]], Iterator[Row]]] = {
    ".jsonl": jsonl_rows,
    ".tsv": delimited_rows,
    ".csv": csv_rows,
    ".parquet": parquet_rows,
}
