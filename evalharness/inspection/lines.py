"""Files of lines, read and inspected in one go."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from evalharness.errors import InputError
from evalharness.inspection.characters import findings_in, is_clean
from evalharness.inspection.findings import Finding, Findings, Kind, Place, current_findings
from evalharness.inspection.repeats import Lines
from evalharness.textio import BOM, STANDARD_INPUT, read_blocks

_ENCODED_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_EMPTY = {STANDARD_INPUT: "standard input, which is read where no file is given, is empty"}
_ROWS = (".jsonl", ".parquet")
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


def read_texts(path: str | Path) -> tuple[str, ...]:
    """The lines of a UTF-8 file, as `textio.read_lines` gives them, inspected: what is found is said and counted.

    Raises: InputError where the file is missing, empty or not UTF-8, or holds rows and not lines, or something found is
    an error."""
    if (ending := Path(path).suffix.lower()) in _ROWS:
        raise InputError(
            f"{path}: a {ending} file holds rows and not a text a line. Test sets are read from it with testset="
            f"{ending[1:]} (import: --reader {ending[1:]}), outputs with systems.folder.column=NAME or "
            "systems.hypotheses.column=NAME."
        )
    return _read(path, has_records=False)


def read_records(path: str | Path) -> tuple[str, ...]:
    """The same of a file whose lines are no texts but hold some, such as JSON: only its encoding and line ends are
    looked at here, and texts as they are taken out.

    Raises: InputError as `read_texts`."""
    return _read(path, has_records=True)


def _read(path: str | Path, *, has_records: bool) -> tuple[str, ...]:
    findings = current_findings()
    inspector = Inspector(path, findings, has_records=has_records)
    lines = [line for block in read_blocks(path) for line in inspector.lines(block)]
    inspector.finish()
    findings.decide(str(path))
    if not lines:
        raise InputError(f"{path}: {_EMPTY.get(str(path), 'the file is empty')}; expected one segment a line.")
    texts = tuple(line for line in lines if line is not None)
    if len(texts) != len(lines):  # errors do not stop here, but a line that is left out would shift all after it
        raise InputError(f"{path}:{lines.index(None) + 1}: the line is not UTF-8. Convert the file to UTF-8 first.")
    return texts


def byte_order_mark(file: str) -> Finding:
    """That a file begins with one."""
    place = Place(file=file, line=1, column=1)
    return Finding(kind=Kind.byte_order_mark, place=place, found="the file begins with U+FEFF", code_point=0xFEFF)


def inspect_text(text: str, place: Place, findings: Findings) -> None:
    """Count what is wrong with a text that is no line, such as a value of a JSON object; `Findings.decide` says it."""
    if not is_clean(text):
        findings.add(findings_in(text, place))


def duplicated_blocks(seen: Lines, place: Callable[[int], Place]) -> Iterator[Finding]:
    """Blocks of lines that are there again; `place` is where the line or row of a number, from 1, stands."""
    for block in seen.repeated():
        numbers = (block.first, block.first + block.n_lines - 1, block.original)
        first, last, original = (place(number).line for number in numbers)
        said = f"lines {first} to {last} are those from {original} on again"
        yield Finding(kind=Kind.duplicated_block, place=place(block.first), found=said)


class Inspector:
    """Inspects the lines of one file, block by block, in memory that does not grow with the file."""

    def __init__(
        self, path: str | Path, findings: Findings, *, tabs_part_fields: bool = False, has_records: bool = False
    ) -> None:
        """`has_records` says that lines are no texts but hold some, such as JSON, which are looked at by themselves."""
        self._has_records = has_records
        self._file = str(path)
        self._findings = findings
        self._tabs_part_fields = tabs_part_fields
        self._n_lines = 0
        self._is_utf16 = False
        self._seen = Lines()

    @property
    def n_lines(self) -> int:
        return self._n_lines

    def lines(self, block: bytes) -> list[str | None]:
        """The lines of a block, without their ends and the file's BOM; None for one that is not UTF-8, where errors do
        not stop."""
        first = self._n_lines + 1
        if self._is_utf16:
            return []
        if first == 1 and block.startswith(_UTF16_BOMS):
            self._is_utf16 = True
            self._n_lines = 1
            self._found(Kind.not_utf8, 1, 1, f"byte 0x{block[0]:02x} at byte 1 of the line, as UTF-16 begins")
            return [None]
        if first == 1 and block.startswith(BOM):
            self._findings.add([byte_order_mark(self._file)])
            block = block[len(BOM) :]
            if not block:
                return []
        try:
            lines: list[str | None] = list(block.removesuffix(b"\n").decode("utf-8").split("\n"))
        except UnicodeDecodeError:
            raw = block.removesuffix(b"\n").split(b"\n")
            lines = [self._decoded(line, number) for number, line in enumerate(raw, start=first)]
        if b"\r\n" in block:
            n_ended = len(lines) - (not block.endswith(b"\n"))  # a return at the end of the file ends no line
            ended = [self._without_return(line, number) for number, line in enumerate(lines[:n_ended], start=first)]
            lines = ended + lines[n_ended:]
        self._n_lines += len(lines)
        if self._has_records:
            return lines
        for number, line in enumerate(lines, start=first):
            if line is None:
                self._seen.add(f"line {number}")  # like no other
                continue
            self._seen.add(line)
            if not is_clean(line):
                place = Place(file=self._file, line=number)
                self._findings.add(findings_in(line, place, tabs_part_fields=self._tabs_part_fields))
        if self._seen.is_full:
            self._find_repeats()
            self._seen = Lines(first=self._n_lines + 1)
        return lines

    def finish(self) -> None:
        """Look at the file as a whole, once all blocks were given."""
        self._find_repeats()

    def _find_repeats(self) -> None:
        self._findings.add(duplicated_blocks(self._seen, lambda number: Place(file=self._file, line=number)))

    def _found(self, kind: Kind, line: int, column: int | None, said: str, code_point: int | None = None) -> None:
        place = Place(file=self._file, line=line, column=column)
        self._findings.add([Finding(kind=kind, place=place, found=said, code_point=code_point)])

    def _without_return(self, line: str | None, number: int) -> str | None:
        if line is None or not line.endswith("\r"):
            return line
        self._found(Kind.windows_line_end, number, len(line), "the line ends in \\r\\n", 0x0D)
        return line[:-1]

    def _decoded(self, line: bytes, number: int) -> str | None:
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError as err:
            column = len(line[: err.start].decode("utf-8")) + 1
            if (match := _ENCODED_SURROGATE.match(line, err.start)) is not None:
                code_point = ord(match.group().decode("utf-8", "surrogatepass"))
                self._found(Kind.surrogate, number, column, f"U+{code_point:04X} unpaired surrogate", code_point)
            else:
                said = f"byte 0x{line[err.start]:02x} at byte {err.start + 1} of the line"
                self._found(Kind.not_utf8, number, column, said)
            return None


def wrong_fields(line: str, n_expected: int, place: Place, *, delimiter: str) -> Finding | None:
    """What is wrong with a line of another number of fields than the header; None where it has as many."""
    fields = line.split(delimiter)
    if len(fields) == n_expected:
        return None
    column = None
    if len(fields) > n_expected:
        column = sum(len(field) + len(delimiter) for field in fields[:n_expected]) - len(delimiter) + 1
    return Finding(
        kind=Kind.wrong_fields,
        place=Place(file=place.file, line=place.line, column=column),
        found=f"{len(fields)} fields where the header has {n_expected} columns",
        code_point=ord(delimiter) if column is not None and len(delimiter) == 1 else None,
    )
