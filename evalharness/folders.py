"""Where this package keeps what it can make again."""

from __future__ import annotations

import os
import sys
from pathlib import Path


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
