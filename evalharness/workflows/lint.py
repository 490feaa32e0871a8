"""Files of texts looked at by themselves: every finding, and whether files of as many lines are aligned."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalharness.errors import InputError
from evalharness.inspection.alignment import AlignedTexts, Side, find_gap, misalignment
from evalharness.inspection.characters import findings_in
from evalharness.inspection.findings import Finding, Findings, InputSettings, Kind, Place, Tally
from evalharness.inspection.lines import Inspector, wrong_fields
from evalharness.rows import all_rows
from evalharness.textio import parse_object, read_blocks

_TAB_SEPARATED = ".tsv"
_JSON_LINES = ".jsonl"
_ROWS = (".csv", ".parquet")
_MOST_ALIGNED_LINES = 100_000
"""Of a file that is held against another: its texts are kept in memory for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted:
    """`not_compared` are files too long to be held against the first."""

    n_files: int
    n_lines: int
    tallies: tuple[Tally, ...]
    not_compared: tuple[str, ...]


def lint(
    paths: Sequence[Path], *, ignored: Sequence[str], are_aligned: bool, tell: Callable[[Finding, int], None]
) -> Linted:
    """Look at files and folders of files. Files of plain lines that are named are held against the first of them, and
    so are those of folders that are named beside files; folders alone hold files of all kinds.

    Args: tell: is called with each finding and how many of its kind the file has so far.
    Raises: InputError for a folder that holds no file, ConfigError for a kind of finding that there is not."""
    findings = Findings(InputSettings(ignored=tuple(ignored)), tell=tell)
    files = _files_under(paths)
    is_compared = are_aligned and len(files) > 1 and any(not path.is_dir() for path in paths)
    n_lines, not_compared = 0, []
    anchors: list[AlignedTexts] = []
    for path in files:
        texts: list[str] = []
        is_text = is_compared and _kind_of(path) == ""
        try:
            n_of_file = _lint_file(path, findings, texts if is_text else None)
        except InputError as err:
            said = str(err).removeprefix(f"{path}: ").rstrip(".")
            findings.add([Finding(kind=Kind.unreadable, place=Place(file=str(path)), found=said)])
            continue
        n_lines += n_of_file
        if n_of_file > _MOST_ALIGNED_LINES:
            not_compared += [str(path)] if is_text else []
        elif is_text:
            given = AlignedTexts(name=str(path), side=Side(texts))
            if not anchors or _is_aligned(given, anchors, findings):
                anchors.append(given)
    return Linted(
        n_files=len(files), n_lines=n_lines, tallies=tuple(findings.tallies), not_compared=tuple(not_compared)
    )


def _files_under(paths: Sequence[Path]) -> list[Path]:
    """The files given, then of each folder all in it that are not hidden, by name.

    Raises: InputError for a folder that holds none."""
    files = [path for path in paths if not path.is_dir()]
    for folder in (path for path in paths if path.is_dir()):
        inside = sorted(one for one in folder.rglob("*") if one.is_file() and not _is_hidden(one.relative_to(folder)))
        if not inside:
            raise InputError(f"{folder}: holds no file.")
        files += inside
    return files


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _kind_of(path: Path) -> str:
    """The ending that says how lines are made up; empty for plain lines."""
    suffix = (Path(path.stem).suffix if path.suffix == ".gz" else path.suffix).lower()
    return suffix if suffix in (_TAB_SEPARATED, _JSON_LINES, *_ROWS) else ""


def _lint_file(path: Path, findings: Findings, texts: list[str] | None) -> int:
    """The number of lines of a file, whose lines go into `texts` as long as alignment can be looked at.

    Raises: InputError where it cannot be read at all."""
    kind = _kind_of(path)
    if kind in _ROWS:
        return _lint_rows(path, findings)
    has_fields, has_objects = kind == _TAB_SEPARATED, kind == _JSON_LINES
    inspector = Inspector(path, findings, tabs_part_fields=has_fields, has_records=has_objects)
    n_columns: int | None = None
    for block in read_blocks(path):
        first = inspector.n_lines + 1
        lines = inspector.lines(block)
        if texts is not None and len(texts) <= _MOST_ALIGNED_LINES:
            texts += [line or "" for line in lines]
        if has_fields or has_objects:
            for number, line in enumerate(lines, start=first):
                place = Place(file=str(path), line=number)
                if line is None:
                    continue
                if has_objects:
                    findings.add(_findings_in_json(line, place))
                elif n_columns is None:
                    n_columns = line.count("\t") + 1
                elif (found := wrong_fields(line, n_columns, place, delimiter="\t")) is not None:
                    findings.add([found])
    inspector.finish()
    if not inspector.n_lines:
        raise InputError(f"{path}: the file is empty.")
    return inspector.n_lines


def _lint_rows(path: Path, findings: Findings) -> int:
    """The number of rows of a file of columns, whose texts are looked at one by one.

    Raises: InputError where it is not of its format."""
    n_rows = 0
    for where, values in all_rows(str(path)):
        n_rows += 1
        for name, text in _texts_in(values, ""):
            findings.add(findings_in(text, Place.parse(where, field=name)))
    return n_rows


def _findings_in_json(line: str, place: Place) -> Iterator[Finding]:
    try:
        parsed = parse_object(line)
    except (ValueError, RecursionError) as err:
        column = err.colno if isinstance(err, json.JSONDecodeError) else None
        where = Place(file=place.file, line=place.line, column=column)
        yield Finding(kind=Kind.not_json, place=where, found=str(err))
        return
    for name, text in _texts_in(parsed, ""):
        yield from findings_in(text, Place(file=place.file, line=place.line, field=name))


def _texts_in(parsed: object, name: str) -> Iterator[tuple[str, str]]:
    """Every string that is a value, with the names that lead to it."""
    if isinstance(parsed, str):
        yield name, parsed
    elif isinstance(parsed, dict):
        for key, value in parsed.items():
            yield from _texts_in(value, f"{name}.{key}" if name else key)
    elif isinstance(parsed, list):
        for index, value in enumerate(parsed):
            yield from _texts_in(value, f"{name}[{index}]")


def _is_aligned(given: AlignedTexts, anchors: Sequence[AlignedTexts], findings: Findings) -> bool:
    """Hold a file against the first, or rather an aligned one with the same ending, which is in the same language."""
    alike = [one for one in anchors if Path(one.name).suffix == Path(given.name).suffix]
    anchor = (alike or anchors)[0]
    if given.side.n == anchor.side.n:
        found = misalignment(anchor, given)
        findings.add([found] if found is not None else [])
        return found is None
    gap = find_gap(anchor.side, given.side)
    said = f"{given.side.n} lines, but {anchor.name} has {anchor.side.n}"
    if gap is not None:
        said += f"; from about line {gap + 1} on, they fit others than theirs"
    place = Place(file=given.name, line=None if gap is None else gap + 1)
    findings.add([Finding(kind=Kind.line_count, place=place, found=said)])
    return False
