"""Packages that only training needs, imported when they are used."""

from __future__ import annotations

import importlib
from typing import Any

from evalharness.errors import MissingDependencyError


def imported(name: str) -> Any:
    """The module `name`.

    Raises: MissingDependencyError where it cannot be imported."""
    try:
        return importlib.import_module(name)
    except ImportError as err:
        raise MissingDependencyError(
            f"training comet-mini needs {name}, which cannot be imported: {err}. "
            "Install what it needs with pip install 'evalharness[train]'."
        ) from err
