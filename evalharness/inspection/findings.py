"""What can be wrong with a text, how bad it is, and where it was seen."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum

from evalharness.errors import ConfigError, InputError, nearest

_log = logging.getLogger(__name__)


class Severity(Enum):
    """An error stops a run, since no score of such a text means anything; a warning is logged and counted."""

    error = "error"
    warning = "warning"


class Kind(Enum):
    """What a finding can be: its name, its severity and, for all findings of a kind, what was done."""

    not_utf8 = ("not-utf-8", Severity.error, "convert the file to UTF-8 first, for instance with iconv")
    surrogate = ("surrogate", Severity.error, "it is no character and cannot be scored; repair whatever wrote it")
    null = ("null-character", Severity.error, "no text has it: repair whatever wrote the file")
    control = ("control-character", Severity.error, "no text has it: remove it, and look for what it stands for")
    wrong_fields = ("wrong-fields", Severity.error, "tabs and line ends inside a text must be removed before")
    not_json = ("not-json", Severity.error, "every line must hold one JSON object; write the file again")
    unreadable = ("unreadable", Severity.error, "nothing of it was looked at")
    line_count = ("line-count", Severity.error, "aligned files have as many lines; write the one that is wrong again")
    swapped_sides = (
        "swapped-sides",
        Severity.error,
        "give sources and references, or the language pair, the other way",
    )
    shifted = ("shifted-alignment", Severity.error, "compare the files there; a line is missing, added or twice")
    shifted_passage = ("shifted-passage", Severity.warning, "kept; a line is missing or too many, or was put elsewhere")
    lost = ("lost-alignment", Severity.warning, "kept; look whether these lines belong to the same texts")
    other_script = ("other-script", Severity.warning, "kept; look whether it is the right file and language pair")
    repeated_sources = ("repeated-sources", Severity.warning, "kept; a file of several systems' rows is no test set")
    latin1_control = ("c1-control-character", Severity.warning, "kept; mostly it is a character of Windows-1252")
    carriage_return = ("carriage-return", Severity.warning, "kept as part of the text; other tools end a line there")
    line_separator = ("line-separator", Severity.warning, "kept as part of the text; other tools end a line there")
    windows_line_end = ("windows-line-end", Severity.warning, "the \\r before the line end was left out")
    byte_order_mark = ("byte-order-mark", Severity.warning, "left out")
    inner_byte_order_mark = ("inner-byte-order-mark", Severity.warning, "kept as part of the text")
    invisible = ("invisible-character", Severity.warning, "kept; metrics see it")
    tab = ("tab", Severity.warning, "kept as part of the text")
    replacement = ("replacement-character", Severity.warning, "kept; what stood there was lost before")
    private_use = (
        "private-use-character",
        Severity.warning,
        "kept; it means nothing outside the program that wrote it",
    )
    noncharacter = ("noncharacter", Severity.warning, "kept; it is no character")
    not_nfc = ("not-nfc", Severity.warning, "kept; metrics take it for another text than its composed form")
    mojibake = ("mojibake", Severity.warning, "kept; the text was read in a wrong encoding before")
    surrounding_space = ("surrounding-space", Severity.warning, "kept; most metrics do not see it")
    empty_line = ("empty-line", Severity.warning, "kept as an empty text")
    duplicated_block = ("duplicated-block", Severity.warning, "kept; look whether lines were pasted twice")

    def __init__(self, title: str, severity: Severity, done: str) -> None:
        self.title = title
        self.severity = severity
        self.done = done


KINDS = {kind.title: kind for kind in Kind}
"""By the names that settings and reports use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something stands: `line` is a line of `file`, or a row or segment where it has no lines; `column` counts
    characters from 1, in the field `field` where lines have fields. None where the whole of it is meant."""

    file: str
    line: int | None = None
    column: int | None = None
    field: str | None = None

    @classmethod
    def parse(cls, where: str, *, field: str | None = None) -> Place:
        """The place that is written `set.tsv:7` or `set.parquet:row 7`."""
        file, _, number = where.rpartition(":")
        return cls(file=file, line=int(number.removeprefix("row ")), field=field)

    def __str__(self) -> str:
        numbers = "".join(f":{number}" for number in (self.line, self.column) if number is not None)
        return f"{self.file}{numbers}" + (f" in {self.field!r}" if self.field is not None else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`found` says what stands there; `code_point` is the character that is meant, where it is one."""

    kind: Kind
    place: Place
    found: str
    code_point: int | None = None

    def __str__(self) -> str:
        return f"{self.place}: {self.kind.title}: {self.found}; {self.kind.done}"


_GO_ON = "; inputs.on_error=warn (score: --set inputs.on_error=warn; import: --on-error warn) goes on in spite of it"


class OnError(Enum):
    """What becomes of errors: a run stops, or they are logged and counted as warnings are."""

    stop = "stop"
    warn = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSettings:
    """`ignored` are kinds of findings, by name, that are not looked at."""

    on_error: OnError = OnError.stop
    ignored: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for name in self.ignored:
            if name not in KINDS:
                raise ConfigError(
                    f"kind of finding {name!r}: there is none{nearest(name, KINDS)} There are: {', '.join(KINDS)}."
                )


@dataclass(slots=True, kw_only=True)
class Tally:
    """How often a kind was found in a file, and the first of them."""

    first: Finding
    n: int = 0


class Findings:
    """What was found, counted by file and kind; single findings are handed on and not kept, so that memory is flat."""

    def __init__(self, settings: InputSettings, *, tell: Callable[[Finding, int], None] | None = None) -> None:
        """`tell` is called with each finding and how many of its kind the file has so far."""
        self._settings = settings
        self._tell = tell
        self._tallies: dict[tuple[str, Kind], Tally] = {}
        self._logged: set[tuple[str, Kind]] = set()

    @property
    def tallies(self) -> list[Tally]:
        """In the order of files and of first findings."""
        return list(self._tallies.values())

    def wants(self, kind: Kind) -> bool:
        return kind.title not in self._settings.ignored

    def add(self, found: Iterable[Finding]) -> None:
        for finding in found:
            if self.wants(finding.kind):
                tally = self._tallies.setdefault((finding.place.file, finding.kind), Tally(first=finding))
                tally.n += 1
                if self._tell is not None:
                    self._tell(finding, tally.n)

    def decide(self, file: str) -> None:
        """Say what was found in a file, once.

        Raises: InputError where something of it is an error and errors stop."""
        new = {key: tally for key, tally in self._tallies.items() if key[0] == file and key not in self._logged}
        self._logged |= new.keys()
        errors = [tally for (_, kind), tally in new.items() if kind.severity is Severity.error]
        stops = bool(errors) and self._settings.on_error is OnError.stop
        for tally in new.values():
            if not (stops and tally in errors):
                _log.warning("%s%s.", tally.first, _and_more(tally))
        if stops:
            can_go_on = all(tally.first.kind is not Kind.not_utf8 for tally in errors)
            raise InputError(
                f"{'; '.join(f'{tally.first}{_and_more(tally)}' for tally in errors)}. `evalharness lint` lists all"
                f"{_GO_ON if can_go_on else ''}."
            )


def _and_more(tally: Tally) -> str:
    return f" (and {tally.n - 1} more of this kind)" if tally.n > 1 else ""


_current: ContextVar[Findings | None] = ContextVar("findings", default=None)


@contextmanager
def collecting(settings: InputSettings) -> Iterator[Findings]:
    """What is found by whatever reads inside this block is collected, and errors are decided by these settings."""
    findings = Findings(settings)
    token = _current.set(findings)
    try:
        yield findings
    finally:
        _current.reset(token)


def current_findings() -> Findings:
    """Those that the block around collects; outside of one, new ones by the default settings."""
    return _current.get() or Findings(InputSettings())


# Names that unicodedata.name does not give: aliases of the Unicode standard (NameAliases.txt).
_C0 = (
    "NULL", "START OF HEADING", "START OF TEXT", "END OF TEXT", "END OF TRANSMISSION", "ENQUIRY", "ACKNOWLEDGE",
    "ALERT", "BACKSPACE", "CHARACTER TABULATION", "LINE FEED", "LINE TABULATION", "FORM FEED", "CARRIAGE RETURN",
    "SHIFT OUT", "SHIFT IN", "DATA LINK ESCAPE", "DEVICE CONTROL ONE", "DEVICE CONTROL TWO", "DEVICE CONTROL THREE",
    "DEVICE CONTROL FOUR", "NEGATIVE ACKNOWLEDGE", "SYNCHRONOUS IDLE", "END OF TRANSMISSION BLOCK", "CANCEL",
    "END OF MEDIUM", "SUBSTITUTE", "ESCAPE", "INFORMATION SEPARATOR FOUR", "INFORMATION SEPARATOR THREE",
    "INFORMATION SEPARATOR TWO", "INFORMATION SEPARATOR ONE",
)  # fmt: skip
_C1 = (
    "PADDING CHARACTER", "HIGH OCTET PRESET", "BREAK PERMITTED HERE", "NO BREAK HERE", "INDEX", "NEXT LINE",
    "START OF SELECTED AREA", "END OF SELECTED AREA", "CHARACTER TABULATION SET",
    "CHARACTER TABULATION WITH JUSTIFICATION", "LINE TABULATION SET", "PARTIAL LINE FORWARD", "PARTIAL LINE BACKWARD",
    "REVERSE LINE FEED", "SINGLE SHIFT TWO", "SINGLE SHIFT THREE", "DEVICE CONTROL STRING", "PRIVATE USE ONE",
    "PRIVATE USE TWO", "SET TRANSMIT STATE", "CANCEL CHARACTER", "MESSAGE WAITING", "START OF GUARDED AREA",
    "END OF GUARDED AREA", "START OF STRING", "SINGLE GRAPHIC CHARACTER INTRODUCER", "SINGLE CHARACTER INTRODUCER",
    "CONTROL SEQUENCE INTRODUCER", "STRING TERMINATOR", "OPERATING SYSTEM COMMAND", "PRIVACY MESSAGE",
    "APPLICATION PROGRAM COMMAND",
)  # fmt: skip


def named(code_point: int) -> str:
    """`U+2028 LINE SEPARATOR`."""
    if code_point < len(_C0):
        name = _C0[code_point]
    elif code_point == 0x7F:
        name = "DELETE"
    elif 0x80 <= code_point < 0x80 + len(_C1):
        name = _C1[code_point - 0x80]
    elif code_point == 0xFEFF:
        name = "ZERO WIDTH NO-BREAK SPACE (byte order mark)"
    else:
        name = unicodedata.name(chr(code_point), "")
    if 0xD800 <= code_point <= 0xDFFF:
        name = "unpaired surrogate"
    return f"U+{code_point:04X}" + (f" {name}" if name else " (no name)")
