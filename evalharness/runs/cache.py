"""Rows by the fingerprint of everything they depend on, for all runs of one user."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from evalharness.folders import cache_folder, open_database

_log = logging.getLogger(__name__)

_SCHEMA = 1
_KEYS_PER_QUERY = 500  # SQLite allows 999 variables in old builds


class RowCache(Protocol):
    """Rows as the JSON text that logs hold, so that a row from the cache is the row that was computed."""

    def get(self, keys: Sequence[str]) -> Mapping[str, str]: ...

    def put(self, rows: Mapping[str, str]) -> None: ...

    def close(self) -> None: ...


class NoCache:
    """Keeps nothing."""

    def get(self, keys: Sequence[str]) -> Mapping[str, str]:
        return {}

    def put(self, rows: Mapping[str, str]) -> None:
        return

    def close(self) -> None:
        return


class SqliteCache:
    """A SQLite file in WAL mode: any number of runs may read and write it at once.

    A cache only saves time, so one that fails is said once and not used again in this run; nothing is lost by it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        try:
            self._connection = open_database(
                path, "CREATE TABLE IF NOT EXISTS rows (key TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID"
            )
        except (sqlite3.Error, OSError) as err:
            self._give_up(err)

    def get(self, keys: Sequence[str]) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            if self._connection is None:
                break
            some = keys[start : start + _KEYS_PER_QUERY]
            try:
                found.update(
                    self._connection.execute(
                        f"SELECT key, row FROM rows WHERE key IN ({','.join('?' * len(some))})", tuple(some)
                    )
                )
            except sqlite3.Error as err:
                self._give_up(err)
        return found

    def put(self, rows: Mapping[str, str]) -> None:
        if self._connection is None or not rows:
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT OR IGNORE INTO rows VALUES (?, ?)", rows.items())
            self._connection.execute("COMMIT")
        except sqlite3.Error as err:
            self._give_up(err)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _give_up(self, err: Exception) -> None:
        _log.warning("%s: the cache cannot be used (%s); this run computes everything itself.", self._path, err)
        self.close()


def user_cache() -> SqliteCache:
    """The cache of all runs of this user."""
    return SqliteCache(cache_folder() / f"rows-{_SCHEMA}.sqlite")
