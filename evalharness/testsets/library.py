"""Imported test sets: a folder `references/NAME` with `testset.json` and `segments.jsonl`, written once, then read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from evalharness.errors import ConfigError, InputError
from evalharness.fingerprint import fingerprint_testset
from evalharness.packaged import TESTSET_FILE, library_folder
from evalharness.records import LanguagePair, Segment, TestSet
from evalharness.rows import as_text
from evalharness.testsets.base import check_ids, inspect_segments
from evalharness.textio import check_text, read_json, read_objects, replacing, write_json

SCHEMA = 1
_SEGMENTS_FILE = "segments.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """An imported test set by name. `language_pair` set to the reverse of the stored one turns the pairs round."""

    name: str
    language_pair: str | None = None
    library: str | None = None

    def read(self) -> TestSet:
        folder = library_folder(self.name, library=self.library)
        description = read_json(folder / TESTSET_FILE)
        testset = TestSet(
            name=self.name,
            language_pair=LanguagePair.parse(_entry(description, "language_pair", folder)),
            segments=_read_segments(folder / _SEGMENTS_FILE),
            provenance=_entry(description, "provenance", folder),
            reference_names=_reference_names(description, folder),
        )
        recorded, found = _entry(description, "fingerprint", folder), fingerprint_testset(testset)
        if recorded != found:
            raise InputError(
                f"{folder / _SEGMENTS_FILE}: the segments have changed since they were imported: fingerprint {found}, "
                f"recorded {recorded}. Imported test sets are read-only; import the changed text under a new name."
            )
        return self._turned(testset)

    def _turned(self, testset: TestSet) -> TestSet:
        if self.language_pair is None:
            return testset
        wanted = LanguagePair.parse(self.language_pair)
        if wanted == testset.language_pair:
            return testset
        if wanted != testset.language_pair.reversed():
            raise ConfigError(
                f"testset.language_pair={wanted}: test set {self.name!r} is {testset.language_pair}; it can be run so "
                f"or as {testset.language_pair.reversed()}."
            )
        return TestSet(
            name=testset.name,
            language_pair=wanted,
            segments=tuple(_turned_segment(segment, self.name) for segment in testset.segments),
            provenance=f"{testset.provenance}; direction reversed: references as sources, sources as references",
        )


def write_library(testset: TestSet, *, folder: Path, license_note: str, raw_files: Sequence[tuple[str, bytes]]) -> None:
    """Write an imported test set, its `testset.json` last, with the raw files it was made from under `raw/`.

    Raises: InputError where the folder already holds a test set."""
    if (folder / TESTSET_FILE).exists():
        raise InputError(
            f"{folder}: already holds an imported test set; they are read-only. Choose another --name, or remove the "
            "folder yourself if it is no longer wanted."
        )
    (folder / "raw").mkdir(parents=True, exist_ok=True)
    for name, content in raw_files:
        (folder / "raw" / name).parent.mkdir(parents=True, exist_ok=True)
        with replacing(folder / "raw" / name, "wb") as file:
            file.write(content)
    with replacing(folder / _SEGMENTS_FILE) as file:
        for segment in testset.segments:
            file.write(json.dumps(_entries(segment), ensure_ascii=False) + "\n")
    write_json(
        folder / TESTSET_FILE,
        {
            "schema": SCHEMA,
            "name": testset.name,
            "language_pair": str(testset.language_pair),
            "n_segments": len(testset.segments),
            **({} if testset.reference_names is None else {"reference_names": list(testset.reference_names)}),
            "provenance": testset.provenance,
            "license": license_note,
            "raw": [f"raw/{name}" for name, _ in raw_files],
            "fingerprint": fingerprint_testset(testset),
        },
    )


def _entries(segment: Segment) -> dict[str, Any]:
    """What is written of a segment; an original language only where it is known, which older versions do not read."""
    entries = asdict(segment)
    if segment.original_language is None:
        del entries["original_language"]
    return entries


def _turned_segment(segment: Segment, name: str) -> Segment:
    if len(segment.references) != 1 or segment.source is None:
        raise ConfigError(
            f"test set {name!r} cannot be reversed: segment {segment.id!r} has {len(segment.references)} references; "
            "expected a source and exactly one reference in every segment."
        )
    return Segment(
        id=segment.id,
        source=segment.references[0],
        references=(segment.source,),
        document=segment.document,
        domain=segment.domain,
        original_language=segment.original_language,
    )


def _read_segments(path: Path) -> tuple[Segment, ...]:
    segments, places = [], []
    for number, entry in read_objects(path):
        where = f"{path}:{number}"
        places.append(where)
        segment_id, references = entry.get("id"), entry.get("references")
        if not isinstance(segment_id, str) or not isinstance(references, list):
            raise InputError(f"{where}: expected an object with id, source, references (a list), document and domain.")
        if unknown := set(entry) - {field.name for field in fields(Segment)}:
            raise InputError(f"{where}: has {min(unknown)!r}, which this version of evalharness does not know.")
        for position, text in enumerate(references, start=1):
            check_text(text, where=f"{where}: reference {position}")
        segments.append(
            Segment(
                id=segment_id,
                source=as_text(entry.get("source"), "source", where=where),
                references=tuple(references),
                document=as_text(entry.get("document"), "document", where=where),
                domain=as_text(entry.get("domain"), "domain", where=where),
                original_language=as_text(entry.get("original_language"), "original_language", where=where),
            )
        )
    check_ids(segments, where=str(path))
    inspect_segments(segments, places)
    return tuple(segments)


def _reference_names(description: Any, folder: Path) -> tuple[str, ...] | None:
    """None where the test set has none, or was imported before they were kept."""
    names = description.get("reference_names")
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{folder / TESTSET_FILE}: entry 'reference_names' is {names!r}; expected a list of names.")
    return tuple(names)


def _entry(description: Any, name: str, folder: Path) -> str:
    value = description.get(name) if isinstance(description, dict) else None
    if not isinstance(value, str):
        raise InputError(f"{folder / TESTSET_FILE}: entry {name!r} is {value!r}; expected a string. Import it again.")
    return value
