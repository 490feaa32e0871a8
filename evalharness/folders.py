"""Where this package keeps what it can make again."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_TIMEOUT_S = 30
_RETRY_S = 0.02


def cache_folder() -> Path:
    """`evalharness` in the user's cache folder; the environment variable EVALHARNESS_CACHE names another folder."""
    moved = os.environ.get("EVALHARNESS_CACHE")
    return Path(moved) if moved else _user_cache_folder() / "evalharness"


def _user_cache_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def open_database(path: Path, *statements: str) -> sqlite3.Connection:
    """A SQLite file in WAL mode, made where it is not there, that any number of processes may read and write at once.

    `statements` make its tables. Every statement is a transaction of its own unless BEGIN is said; the connection may
    be used in any thread, in one at a time.

    Raises: sqlite3.Error where the file is no database or stays locked; OSError where it cannot be made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        _set_up(connection, statements)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, statements: Sequence[str]) -> None:
    give_up_at = time.monotonic() + _TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as err:
            # While another process does the same to a new file SQLite does not wait, whatever the timeout is.
            if "locked" not in str(err) or time.monotonic() > give_up_at:
                raise
            time.sleep(_RETRY_S)
    for statement in ("PRAGMA synchronous=NORMAL", *statements):
        connection.execute(statement)
