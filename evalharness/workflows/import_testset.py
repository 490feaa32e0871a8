"""Files of any known format become an imported test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evalharness.errors import InputError
from evalharness.records import TestSet
from evalharness.runs.paths import check_name
from evalharness.testsets.base import Reader, ReadsFiles, check_testset, inspect_testset
from evalharness.testsets.library import write_library
from evalharness.testsets.selection import Selection
from evalharness.textio import STANDARD_INPUT


def import_testset(
    reader: Reader, selection: Selection | None = None, *, files: Sequence[Path], references: Path, license_note: str
) -> tuple[TestSet, Path]:
    """Read a test set and write it to `references/NAME`, with its raw files beside it; the test set and its folder.

    Raw files are those that the reader says it reads, else `files`.

    Raises: InputError where the files are not what the reader expects, or the folder holds a test set already."""
    _check_kept(files)
    whole = reader.read()
    check_testset(whole)
    inspect_testset(whole)
    testset = whole
    if selection is not None and str(selection):
        testset, _ = selection.of(whole)
        testset = replace(testset, provenance=f"{testset.provenance}; only {selection}")
    check_name(testset.name, what="name of the test set")
    read = list(reader.files()) if isinstance(reader, ReadsFiles) else list(files)
    _check_kept(read)
    names = _names(read, folders=[path for path in files if path.is_dir()])
    if len(set(names)) != len(names):
        raise InputError(f"two of the files to import have one name ({', '.join(names)}); rename one of them.")
    folder = references / testset.name
    write_library(
        testset,
        folder=folder,
        license_note=license_note,
        raw_files=[(name, path.read_bytes()) for name, path in zip(names, read, strict=True)],
    )
    return testset, folder


def _check_kept(files: Sequence[Path]) -> None:
    if STANDARD_INPUT in map(str, files):
        raise InputError(
            f"{STANDARD_INPUT}: standard input cannot be imported, since the files a test set is made from are kept "
            "beside it under their names. Write it to a file and import that."
        )


def _names(paths: Sequence[Path], *, folders: Sequence[Path]) -> list[str]:
    """What each file is called under `raw/`: its name, or its place within a folder that was given."""
    return [
        next((path.relative_to(folder).as_posix() for folder in folders if path.is_relative_to(folder)), path.name)
        for path in paths
    ]
