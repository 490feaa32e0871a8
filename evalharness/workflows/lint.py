"""Files of texts looked at by themselves: every finding, and whether files of as many lines are aligned."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalharness.errors import InputError
from evalharness.inspection.alignment import Side, find_gap, misalignment
from evalharness.inspection.characters import findings_in
from evalharness.inspection.findings import Finding, Findings, InputSettings, Kind, Place, Tally
from evalharness.inspection.lines import Inspector, wrong_fields
from evalharness.rows import all_rows
from evalharness.textio import read_blocks

_TAB_SEPARATED = (".tsv", ".tab")
_JSON_LINES = (".jsonl", ".ndjson")
_ROWS = (".csv", ".parquet")
_MOST_ALIGNED_LINES = 100_000
"""Of a file that is held against another: its texts are kept in memory for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted:
    """`not_compared` are files too long, or too unlike in lines, to be held against the first."""

    n_files: int
    n_lines: int
    tallies: tuple[Tally, ...]
    not_compared: tuple[str, ...]


def lint(
    files: Sequence[Path], *, ignored: Sequence[str], are_aligned: bool, tell: Callable[[Finding, int], None]
) -> Linted:
    """Look at files, and where there are several of plain lines, whether they are aligned with the first.

    Args: tell: is called with each finding and how many of its kind the file has so far.
    Raises: InputError where a file cannot be opened."""
    findings = Findings(InputSettings(ignored=tuple(ignored)), tell=tell)
    n_lines, not_compared = 0, []
    anchors: list[tuple[Path, Side]] = []
    for path in files:
        texts: list[str] | None = [] if are_aligned and len(files) > 1 and _kind_of(path) == "" else None
        n_of_file = _lint_file(path, findings, texts)
        n_lines += n_of_file
        if texts is None:
            continue
        if n_of_file > _MOST_ALIGNED_LINES:
            not_compared.append(str(path))
            continue
        side = Side(texts)
        if not anchors or _is_aligned(path, side, anchors, findings):
            anchors.append((path, side))
    return Linted(
        n_files=len(files), n_lines=n_lines, tallies=tuple(findings.tallies), not_compared=tuple(not_compared)
    )


def files_under(paths: Sequence[Path]) -> list[Path]:
    """The files given, and for a folder all in it that are not hidden, by name.

    Raises: InputError for a folder that holds none."""
    files = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(one for one in path.rglob("*") if one.is_file() and not _is_hidden(one.relative_to(path)))
        if not inside:
            raise InputError(f"{path}: holds no file.")
        files += inside
    return files


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _kind_of(path: Path) -> str:
    """The suffix that says how lines are made up; empty for plain lines."""
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    return suffix if suffix in (*_TAB_SEPARATED, *_JSON_LINES, *_ROWS) else ""


def _lint_file(path: Path, findings: Findings, texts: list[str] | None) -> int:
    """The number of lines of a file, whose lines go into `texts` as long as alignment can be looked at."""
    kind = _kind_of(path)
    if kind in _ROWS:
        return _lint_rows(path, findings)
    has_fields, has_objects = kind in _TAB_SEPARATED, kind in _JSON_LINES
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
        parsed = json.loads(line)
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


def _is_aligned(path: Path, side: Side, anchors: Sequence[tuple[Path, Side]], findings: Findings) -> bool:
    """Hold a file against the first, or rather an aligned one with the same ending, which is in the same language."""
    alike = [anchor for anchor in anchors if anchor[0].suffix == path.suffix]
    anchor_path, anchor = (alike or anchors)[0]
    if side.n != anchor.n:
        gap = find_gap(anchor, side)
        said = f"{side.n} lines, but {anchor_path} has {anchor.n}"
        if gap is not None:
            said += f"; from line {gap + 1} on, they fit other lines than theirs"
        findings.add(
            [
                Finding(
                    kind=Kind.line_count, place=Place(file=str(path), line=None if gap is None else gap + 1), found=said
                )
            ]
        )
        return False
    found = misalignment(str(path), side, str(anchor_path), anchor)
    if found is not None:
        findings.add([found])
    return found is None
