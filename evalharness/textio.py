"""The one place that opens text: UTF-8, one segment a line, `\\n` and nothing else ends a line.

`str.splitlines`, universal newlines and the csv module all split on characters that are data here (a lone `\\r`,
U+2028, U+0085), so files are read as bytes and split on `\\n` only. What is tolerated (a leading BOM, `\\r\\n`) is said
through logging; nothing else is changed. Files may be gzipped.
"""

from __future__ import annotations

import csv
import functools
import gzip
import json
import logging
import os
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from evalharness.errors import InputError, nearest

_log = logging.getLogger(__name__)

BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"  # which no UTF-8 text begins with
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_UNFINISHED = ".evalharness-tmp"
_BYTES_PER_BLOCK = 1 << 20
STANDARD_INPUT = "-"
to_json = json.JSONEncoder(ensure_ascii=False).encode
"""One line of JSON, characters as themselves; `json.dumps` would make an encoder for each."""


def read_lines(path: str | Path, *, is_known: bool = False) -> tuple[str, ...]:
    """The lines of a UTF-8 file, without their line ends; a last line needs none. `-` is standard input.

    `is_known` says that it was read before: what is left out of it is not said again.
    Raises: InputError where the file is missing, empty or not UTF-8 (naming line and byte)."""
    lines: list[str] = []
    n_ended = n_returns = 0
    is_empty = True
    for block in read_blocks(path):
        if is_empty and block.startswith(BOM):
            if not is_known:
                _log.warning("%s: starts with a byte order mark (BOM); it was left out.", path)
            block = block[len(BOM) :]
        is_empty &= not block
        try:
            *ended, last = block.decode("utf-8").split("\n")
        except UnicodeDecodeError:
            *ended, last = (
                _decode(line, path=path, number=number)
                for number, line in enumerate(block.split(b"\n"), len(lines) + 1)
            )
        if b"\r\n" in block:
            n_returns += sum(line.endswith("\r") for line in ended)
            ended = [line.removesuffix("\r") for line in ended]
        n_ended += len(ended)
        lines += [*ended, last] if last else ended  # a return at the end of the file ends no line
    if is_empty:
        raise InputError(f"{path}: the file is empty; expected one segment a line.")
    if n_returns and not is_known:
        _log.warning("%s: %d of %d lines end in \\r\\n; the \\r was left out of each.", path, n_returns, n_ended)
    return tuple(lines)


def read_blocks(path: str | Path) -> Iterator[bytes]:
    """A file in blocks of whole lines, as bytes, its BOM and line ends as they are; memory does not grow with it.

    Raises: InputError where the file cannot be read."""
    if str(path) == STANDARD_INPUT:
        if content := _standard_input():
            yield content
        return
    with _explained(path), open(path, "rb") as raw:
        is_gzip = raw.read(len(_GZIP)) == _GZIP
        raw.seek(0)
        file: IO[bytes] = gzip.GzipFile(fileobj=raw) if is_gzip else raw  # type: ignore[assignment]
        rest = b""
        while part := file.read(_BYTES_PER_BLOCK):
            whole, newline, rest_of_part = part.rpartition(b"\n")
            if newline:
                yield rest + whole + newline
                rest = rest_of_part
            else:
                rest += part
        if rest:
            yield rest


def read_text(path: str | Path) -> str:
    """The whole of a UTF-8 file, line ends as they are.

    Raises: InputError as `read_lines`."""
    content = _read_bytes(path)
    return "\n".join(_decode(line, path=path, number=number) for number, line in enumerate(content.split(b"\n"), 1))


def read_json(path: str | Path) -> Any:
    """The parsed content of a JSON file.

    Raises: InputError where the file is missing, not UTF-8 or not JSON (naming the line)."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as err:
        raise InputError(f"{path}:{err.lineno}: not JSON: {err.msg} at column {err.colno}.") from err
    except (ValueError, RecursionError) as err:  # a number of thousands of digits; thousands of brackets
        raise InputError(f"{path}: not JSON that can be read: {err}.") from err


def read_objects(path: str | Path, lines: Sequence[str] | None = None) -> list[tuple[int, dict[str, Any]]]:
    """`(line number, object)` of every line of a file of JSON lines; `lines` are those of the file, where it was read.

    Raises: InputError naming the line that is no JSON object, or an object that has a key twice."""

    # ValueError: also a number of thousands of digits; RecursionError: thousands of brackets
    errors = (ValueError, RecursionError)
    return parse_each(path, parse_object, expected="one JSON object", error=errors, lines=lines)


def parse_object(line: str) -> dict[str, Any]:
    """The JSON object that a line is.

    Raises: ValueError where it is none or has a key twice."""
    found = json.loads(line, object_pairs_hook=_object)
    if not isinstance(found, dict):
        raise ValueError(f"found {type(found).__name__}")
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):  # json keeps the last of them and says nothing
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"an object has the key {twice!r} twice")
    return made


def check_columns(wanted: Iterable[str], present: Sequence[str], *, where: str) -> None:
    """Refuse a column name that the file lacks.

    Raises: InputError naming the columns there are and the nearest one."""
    for name in wanted:
        if name not in present:
            raise InputError(
                f"{where}: no column {name!r}{nearest(name, present)} The columns are: {', '.join(present)}."
            )


def check_text(text: object, *, where: str) -> None:
    """Refuse what is not text or cannot be written as UTF-8; for texts that do not come from `read_lines`.

    Raises: InputError naming where it stands."""
    if not isinstance(text, str):
        raise InputError(f"{where}: is {type(text).__name__}; expected a string.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as err:
        raise InputError(
            f"{where}: character {err.start + 1} is an unpaired surrogate (U+{ord(text[err.start]):04X}), which is no "
            "text. Repair whatever wrote it."
        ) from err


@contextmanager
def replacing(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """A new file that takes the place of `path` in one step when the block ends, and not at all if it fails."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_UNFINISHED)
    try:
        encoding, newline = (None, None) if "b" in mode else ("utf-8", "")
        with open(descriptor, mode, encoding=encoding, newline=newline) as file:
            yield file
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def unfinished_files(folder: Path) -> list[Path]:
    """What `replacing` was writing in a folder when its process was killed."""
    return sorted(folder.glob(f".*{_UNFINISHED}"))


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 in one step: readers see the old file or the new one."""
    with replacing(path) as file:
        file.write(text)


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, in one step, characters as themselves."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=2) + "\n")


def _read_bytes(path: str | Path) -> bytes:
    if str(path) == STANDARD_INPUT:
        return _standard_input()
    with _explained(path):
        content = Path(path).read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP) else content


@contextmanager
def _explained(path: str | Path) -> Iterator[None]:
    """Raises: InputError naming the path, for whatever the system or gzip says of a file."""
    try:
        yield
    except FileNotFoundError as err:
        raise InputError(f"{path}: no such file (looked in {Path.cwd()}).") from err
    except IsADirectoryError as err:
        raise InputError(f"{path}: is a folder; expected a file.") from err
    except (EOFError, zlib.error, gzip.BadGzipFile) as err:
        raise InputError(f"{path}: is a damaged gzip file: {err}. Get it again.") from err
    except OSError as err:
        raise InputError(f"{path}: cannot be read: {err.strerror}.") from err


@functools.cache  # a pipe can be read once, and both the signature and the texts of a system come from it
def _standard_input() -> bytes:
    return sys.stdin.buffer.read()


def _decode(line: bytes, *, path: str | Path, number: int) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as err:
        raise InputError(
            f"{path}:{number}: not UTF-8: byte 0x{line[err.start]:02x} at byte {err.start + 1} of the line. "
            "Convert the file to UTF-8 first (for instance with iconv)."
        ) from err


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def parse_each(
    path: str | Path,
    parse: Callable[[str], Any],
    *,
    expected: str,
    error: type[Exception] | tuple[type[Exception], ...],
    lines: Sequence[str] | None = None,
) -> list[tuple[int, Any]]:
    """`(line number, parsed line)` of every line of a file; `lines` are those of the file, where it was read.

    Raises: InputError naming the line that `parse` refuses with `error`."""
    parsed = []
    for number, line in enumerate(read_lines(path) if lines is None else lines, start=1):
        try:
            parsed.append((number, parse(line)))
        except error as err:
            raise InputError(f"{path}:{number}: expected {expected}: {err}.") from err
    return parsed


def no_formula(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would take it for a formula and run it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def write_csv(file: IO[str], rows: Iterable[Sequence[object]], *, delimiter: str = ",") -> None:
    """Write rows as CSV, each ended by \\n, with quotes where they are needed."""
    plain = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    quoting = csv.writer(file, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in rows:
        # Before Python 3.13 csv writes a lone \r without quotes, and then cannot read it.
        has_return = any(isinstance(value, str) and "\r" in value for value in row)
        (quoting if has_return else plain).writerow(row)
