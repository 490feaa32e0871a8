"""Append-only logs of JSON lines that a killed process can leave and a later one continue."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evalharness.errors import RecordError
from evalharness.textio import to_json

_log = logging.getLogger(__name__)

_BYTES_PER_PART = 1 << 22  # logs of millions of rows are read part by part


class JsonLines:
    """One log file. Read it once to continue it, then append.

    Lines are written a block at a time in one system call, so that a killed process leaves whole blocks but for the
    last; whatever was written survives the process, though not a power cut before the next `sync`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, *, mend: bool = True) -> Iterator[tuple[int, dict[str, Any]]]:
        """`(line number, entry)` of every whole line. A last line without its end was cut off by an interruption: it is
        said and, by the writer of the log, removed from the file (`mend`).

        Raises: RecordError naming file and line where any other line is not a JSON object."""
        if not self._path.exists():
            return
        number, rest = 1, b""
        with open(self._path, "rb") as file:
            while part := file.read(_BYTES_PER_PART):
                whole, newline, rest_of_part = (rest + part).rpartition(b"\n")
                rest = rest_of_part if newline else rest + part
                if newline:
                    yield from self._entries(number, whole)
                    number += whole.count(b"\n") + 1
        if rest:
            _log.warning("%s: the last line was cut off by an interruption; it was dropped.", self._path)
            if mend:
                os.truncate(self._path, self._path.stat().st_size - len(rest))

    def _entries(self, first: int, whole: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
        """Number and entry of lines, the first of which has the number `first`."""
        try:
            lines = whole.decode("utf-8").split("\n")
        except UnicodeDecodeError as err:
            raise self.damaged(first + whole.count(b"\n", 0, err.start), "not UTF-8") from err
        try:
            entries = json.loads(f"[{','.join(lines)}]")  # three times as fast as line by line
        except ValueError:
            entries = []
        are_objects = len(entries) == len(lines) and all(isinstance(entry, dict) for entry in entries)
        if not are_objects or not all(line.startswith("{") for line in lines):  # two halves of one would be joined
            entries = [self._parsed(number, line) for number, line in enumerate(lines, start=first)]
        yield from enumerate(entries, start=first)

    def _parsed(self, number: int, line: str) -> dict[str, Any]:
        try:
            entry = json.loads(line)
        except ValueError as err:
            raise self.damaged(number, f"not JSON ({err})") from err
        if not isinstance(entry, dict):
            raise self.damaged(number, "not an object")
        return entry

    def damaged(self, number: int, what: str) -> RecordError:
        """The error for a line that is there and is wrong."""
        return RecordError(
            f"{self._path}:{number}: {what}. This line was not written by an interrupted run, so the record is not "
            "continued. Restore the file, or remove it to compute its content again."
        )

    def append(self, entries: Sequence[dict[str, Any]]) -> None:
        """Write the entries at the end, in one block."""
        if not entries:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        block = "".join(f"{to_json(entry)}\n" for entry in entries)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            unwritten = memoryview(block.encode("utf-8"))
            while unwritten:
                unwritten = unwritten[os.write(descriptor, unwritten) :]
        finally:
            os.close(descriptor)


@contextmanager
def only_writer(lock: Path) -> Iterator[None]:
    """Hold a record for writing. The lock goes with the process, however it ends.

    Raises: RecordError where another process holds it."""
    with open(lock, "a", encoding="ascii") as file:
        try:
            _lock_file(file.fileno())
        except OSError as err:
            raise RecordError(
                f"{lock.parent}: another process is writing this record. Wait for it, or give this run another name=."
            ) from err
        yield


def _lock_file(descriptor: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
