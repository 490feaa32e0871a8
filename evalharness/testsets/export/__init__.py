"""The formats there are: every module of this package is one, called by its file name, with a function `files`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from evalharness.errors import ConfigError, nearest
from evalharness.testsets.exportable import Exportable


def format_names() -> list[str]:
    """What `evalharness export --format` takes."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def files_of(name: str, exportable: Exportable) -> Mapping[str, str]:
    """The content of each file by its place in the folder.

    Raises: ConfigError for a format there is not, InputError naming the first segment that it cannot carry."""
    known = format_names()
    if name not in known:
        raise ConfigError(f"format {name!r}: no such format{nearest(name, known)} Formats: {', '.join(known)}.")
    files: Mapping[str, str] = importlib.import_module(f"{__name__}.{name}").files(exportable)
    return files
