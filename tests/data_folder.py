"""Where the public data sets lie that some tests compare with; they are not part of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def wmt22() -> Path:
    """The folder of WMT22 zh-en; skips the test where it is absent."""
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("EVALHARNESS_DATA") or default) / "wmt22.zh-en"
    if not folder.is_dir():
        pytest.skip(f"no WMT22 data at {folder}: set EVALHARNESS_DATA to the folder that holds wmt22.zh-en")
    return folder
