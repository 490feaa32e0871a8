"""Vectors of texts that were encoded before, in memory and, where asked for, on disk."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import sys
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from evalharness.fingerprint import fingerprint
from evalharness.folders import open_database

_log = logging.getLogger(__name__)

Floats32: TypeAlias = npt.NDArray[np.float32]

_SCHEMA = 2
_KEYS_PER_QUERY = 500
_REMEMBERED_BYTES = 256 << 20


class EmbeddingStore:
    """Embeddings by key in a SQLite file of limited size; those used longest ago make room.

    A store only saves time, so one that fails is said once and not used again; nothing is lost by it."""

    def __init__(self, folder: Path, *, limit_bytes: int) -> None:
        self._path = folder / f"embeddings-{_SCHEMA}.sqlite"
        self._limit_bytes = limit_bytes
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        try:
            self._connection = open_database(
                self._path,
                "CREATE TABLE IF NOT EXISTS embeddings "
                "(key TEXT PRIMARY KEY, used INTEGER NOT NULL, value BLOB NOT NULL)",
                "CREATE INDEX IF NOT EXISTS by_use ON embeddings (used)",
            )
        except (sqlite3.Error, OSError) as err:
            self._give_up(err)

    def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        with self._lock:
            try:
                for start in range(0, len(keys), _KEYS_PER_QUERY):
                    if self._connection is None:
                        break
                    some = tuple(keys[start : start + _KEYS_PER_QUERY])
                    marks = ",".join("?" * len(some))
                    query = f"SELECT key, value FROM embeddings WHERE key IN ({marks})"
                    found.update(self._connection.execute(query, some))
                if found and self._connection is not None:
                    self._connection.execute("BEGIN IMMEDIATE")
                    now = self._next_use()
                    self._connection.executemany(
                        "UPDATE embeddings SET used = ? WHERE key = ?", ((now, key) for key in found)
                    )
                    self._connection.execute("COMMIT")
            except sqlite3.Error as err:
                self._give_up(err)
        return found

    def put(self, values: Mapping[str, bytes]) -> None:
        with self._lock:
            if self._connection is None or not values:
                return
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                now = self._next_use()
                self._connection.executemany(
                    "INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?)",
                    ((key, now, value) for key, value in values.items()),
                )
                self._make_room(self._connection)
                self._connection.execute("COMMIT")
            except sqlite3.Error as err:
                self._give_up(err)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _next_use(self) -> int:
        if self._connection is None:
            return 0
        return int(self._connection.execute("SELECT COALESCE(MAX(used), 0) + 1 FROM embeddings").fetchone()[0])

    def _make_room(self, connection: sqlite3.Connection) -> None:
        """Delete what was used longest ago until nine tenths of the limit are left; freed pages are reused."""

        def pragma(name: str) -> int:
            return int(connection.execute(f"PRAGMA {name}").fetchone()[0])

        n_bytes = (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")
        if n_bytes <= self._limit_bytes:
            return
        n_rows = int(connection.execute("SELECT COUNT(*) FROM embeddings").fetchone()[0])
        n_kept = int(n_rows * 0.9 * self._limit_bytes / n_bytes)
        connection.execute(
            "DELETE FROM embeddings WHERE key IN (SELECT key FROM embeddings ORDER BY used LIMIT ?)", (n_rows - n_kept,)
        )

    def _give_up(self, err: Exception) -> None:
        _log.warning("%s: embeddings cannot be kept (%s); this run encodes every text itself.", self._path, err)
        with contextlib.suppress(sqlite3.Error):  # of a disk that fails, this does too
            if self._connection is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self.close()
        self._connection = None


class Embeddings:
    """What one loaded model has encoded: the newest in memory, all in the store where there is one.

    `signature` is of everything but the text that a vector depends on."""

    def __init__(self, signature: Iterable[str], store: EmbeddingStore | None) -> None:
        self._prefix = fingerprint(["embedding", *signature])
        self._store = store
        self._remembered: OrderedDict[str, Floats32] = OrderedDict()
        self._n_bytes = 0

    def get(self, texts: Sequence[str]) -> dict[str, Floats32]:
        known = {text: self._remembered[text] for text in texts if text in self._remembered}
        for text in known:
            self._remembered.move_to_end(text)
        if self._store is not None:
            keys = {self._key(text): text for text in texts if text not in known}
            for key, value in self._store.get(list(keys)).items():
                if (vector := _from_bytes(value)) is not None:
                    known[keys[key]] = vector
                    self._remember(keys[key], vector)
        return known

    def put(self, made: Mapping[str, Floats32]) -> None:
        if self._store is not None:
            self._store.put({self._key(text): _to_bytes(vector) for text, vector in made.items()})
        for text, vector in made.items():
            self._remember(text, vector)

    def _remember(self, text: str, vector: Floats32) -> None:
        if (before := self._remembered.pop(text, None)) is not None:
            self._n_bytes -= _n_bytes(text, before)
        # A copy: a row of a batch would keep the whole batch in memory.
        self._remembered[text] = vector.copy()
        self._n_bytes += _n_bytes(text, vector)
        while self._n_bytes > _REMEMBERED_BYTES:
            self._n_bytes -= _n_bytes(*self._remembered.popitem(last=False))

    def _key(self, text: str) -> str:
        return fingerprint((self._prefix, text))


def _n_bytes(text: str, vector: Floats32) -> int:
    return sys.getsizeof(text) + vector.nbytes


_CHECKSUM_BYTES = 4  # SQLite has none of its own, and a wrong vector would give a wrong score


def _to_bytes(vector: Floats32) -> bytes:
    content = vector.astype("<f4").tobytes()
    return zlib.crc32(content).to_bytes(_CHECKSUM_BYTES, "little") + content


def _from_bytes(value: bytes) -> Floats32 | None:
    """None for what is damaged: it is then made anew."""
    content = value[_CHECKSUM_BYTES:]
    if not content or zlib.crc32(content) != int.from_bytes(value[:_CHECKSUM_BYTES], "little"):
        return None
    return np.frombuffer(content, dtype="<f4")
