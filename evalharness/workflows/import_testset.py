"""Files of any known format become an imported test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evalharness.errors import InputError
from evalharness.records import TestSet
from evalharness.runs.paths import check_name
from evalharness.testsets.base import Reader, check_testset, inspect_references
from evalharness.testsets.library import write_library
from evalharness.testsets.selection import Selection
from evalharness.textio import STANDARD_INPUT


def import_testset(
    reader: Reader, selection: Selection, *, files: Sequence[Path], references: Path, license_note: str
) -> tuple[TestSet, Path]:
    """Read a test set and write it to `references/NAME`, with its raw files beside it; the test set and its folder.

    Raises: InputError where the files are not what the reader expects, or the folder holds a test set already."""
    if STANDARD_INPUT in map(str, files):
        raise InputError(
            f"{STANDARD_INPUT}: standard input cannot be imported, since the files a test set is made from are kept "
            "beside it under their names. Write it to a file and import that."
        )
    whole = reader.read()
    check_testset(whole)
    inspect_references(whole)
    testset, _ = selection.of(whole)
    if str(selection):
        testset = replace(testset, provenance=f"{testset.provenance}; only {selection}")
    check_name(testset.name, what="name of the test set")
    names = [path.name for path in files]
    if len(set(names)) != len(names):
        raise InputError(f"two of the files to import have one name ({', '.join(names)}); rename one of them.")
    folder = references / testset.name
    write_library(
        testset,
        folder=folder,
        license_note=license_note,
        raw_files=[(path.name, path.read_bytes()) for path in files],
    )
    return testset, folder
