"""What stands beside a converted checkpoint: which one it was, and the SHA-256 of every file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalharness.errors import MissingModelError
from evalharness.metrics.comet.checksums import sha256_of
from evalharness.textio import write_json

CONVERSION_FILE = "conversion.json"
_SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedFile:
    """`path` is relative to the folder, with forward slashes."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """Name, revision and SHA-256 are those of the checkpoint that was converted; `evalharness` is the version that did
    it."""

    name: str
    revision: str
    sha256: str
    files: tuple[ConvertedFile, ...]
    evalharness: str

    def check(self, folder: Path, *, small: bool, large: Path) -> None:
        """Hold the files in the folder against their SHA-256: all but the `large` one, or that one.

        Raises: MissingModelError naming the first that is missing or damaged."""
        for one in self.files:
            file = folder / one.path
            if (file != large) is not small:
                continue
            if not file.is_file():
                raise MissingModelError(
                    f"{file}: is missing; {CONVERSION_FILE} beside it lists it. Convert the checkpoint again."
                )
            if (found := sha256_of(file, with_parts=False)) != one.sha256:
                raise MissingModelError(
                    f"{file}: is damaged or was changed: expected SHA-256 {one.sha256}, as {CONVERSION_FILE} says, "
                    f"found {found}. Convert the checkpoint again."
                )

    def check_nothing_added(self, folder: Path) -> None:
        """Raises: MissingModelError for a file that was put into the folder, where it could change what is read."""
        known = {folder / one.path for one in self.files}
        for part in ("encoder", "checkpoints"):
            for file in sorted((folder / part).rglob("*")):
                if file.is_file() and file not in known:
                    raise MissingModelError(
                        f"{file}: is not among the files that {CONVERSION_FILE} lists; take it away, or convert the "
                        "checkpoint again."
                    )

    def lists(self, path: Path, folder: Path) -> bool:
        return any(folder / one.path == path for one in self.files)


def read_conversion(folder: Path) -> Conversion | None:
    """None for a folder that was not converted.

    Raises: MissingModelError where the file does not say what it should."""
    file = folder / CONVERSION_FILE
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["schema"] != _SCHEMA:
            raise MissingModelError(
                f"{file}: has schema {content['schema']!r}; this version of evalharness reads {_SCHEMA}. Convert the "
                "checkpoint again."
            )
        texts = {name: _text(content, name) for name in ("name", "revision", "sha256", "evalharness")}
        files = tuple(ConvertedFile(path=str(path), sha256=str(sha256)) for path, sha256 in content["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise MissingModelError(f"{file}: is damaged ({err!r}). Convert the checkpoint again.") from err
    return Conversion(files=files, **texts)


def write_conversion(folder: Path, conversion: Conversion) -> None:
    write_json(
        folder / CONVERSION_FILE,
        {
            "schema": _SCHEMA,
            "name": conversion.name,
            "revision": conversion.revision,
            "sha256": conversion.sha256,
            "evalharness": conversion.evalharness,
            "files": {one.path: one.sha256 for one in conversion.files},
        },
    )


def _text(content: Mapping[str, Any], name: str) -> str:
    if not isinstance(content[name], str):
        raise TypeError(f"{name} is {content[name]!r}")
    return str(content[name])
