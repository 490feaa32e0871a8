"""Texts cut where a reader would: between sentences, else between clauses, words, characters."""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata

from evalharness.errors import MissingDependencyError

_PACKAGE = "sentencex"
NO_LANGUAGE = "und"  # the package then splits at the marks of all scripts
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_PLACES = (
    # Of two halves, the first ends with one of these; the earlier kinds are the better places.
    re.compile(rf"[{_LINE_ENDS}]\s*"),
    re.compile(r"[.!?;:,…)\]}\"'”’»،؛۔؟।॥።]+\s+|[。！？；：，、…—）」』】》]+\s*"),
    re.compile(r"\s+"),
)

_ENDS = re.compile(r"(?:[.!?…۔؟।॥።]+[)\]}\"'”’»]*\s+|[。！？]+[”’」』】》）]*\s*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """Characters `start` up to, not including, `end` of a text, with the spaces behind. `ends_line`: whether there is a
    line break among these, or the end of the text."""

    start: int
    end: int
    ends_line: bool


@functools.cache
def splitter() -> str:
    """The package that splits sentences, with its version.

    Raises: MissingDependencyError where it is not installed."""
    try:
        return f"{_PACKAGE}-{metadata.version(_PACKAGE)}"
    except metadata.PackageNotFoundError as err:
        raise MissingDependencyError(
            f"COMET with long_segments=windows needs the package {_PACKAGE}, which is not installed: pip install "
            f"{_PACKAGE}. With long_segments=truncate it is not needed, and long segments are cut."
        ) from err


def sentences(text: str, language: str | None) -> tuple[Sentence, ...]:
    """The sentences of a text, each character in one of them; none of a text without any. A line's end always ends one.

    `language` is a code such as `zh`; None where it is not known.
    Raises: MissingDependencyError where the package that splits them is not there."""
    lines = text.splitlines(keepends=True)
    given = [len(sentence) for line in lines for sentence in _of_line(line, language or NO_LANGUAGE)]
    found: list[Sentence] = []
    for start, end in itertools.pairwise([0, *itertools.accumulate(given)]):
        is_first = not found or text[: found[-1].end].isspace()
        if found and (is_first or text[start:end].isspace()):  # spaces alone belong to a sentence beside them
            start = found.pop().start
        found.append(Sentence(start=start, end=end, ends_line=end == len(text) or text[end - 1] in _LINE_ENDS))
    return tuple(found)


def parts(sentence: Sentence, text: str) -> list[Sentence]:
    """Of a sentence that is none, such as all that stands between two quotes: what its marks end, the quotes and
    brackets that close behind these with it; without such marks, its halves. Itself where it has only one character."""
    of = text[sentence.start : sentence.end]
    ends = [match.end() for match in _ENDS.finditer(of) if match.end() < len(of) and not of[match.end()].islower()]
    cuts = [sentence.start + end for end in ends or [middle(of)] if end]
    bounds = itertools.pairwise([sentence.start, *cuts, sentence.end])
    return [
        Sentence(start=start, end=end, ends_line=sentence.ends_line and end == sentence.end) for start, end in bounds
    ]


def middle(text: str) -> int:
    """Where to cut a text in two, both with characters: at the best place in its middle half, there the most central.

    0 where it has less than two characters."""
    first, last = len(text) // 4, len(text) - len(text) // 4
    for kind in _PLACES:
        places = [place for match in kind.finditer(text, first, last) if 0 < (place := match.end()) < len(text)]
        if places:
            return _most_central(places, text)
    between = [place for place in range(max(1, first), last) if not _belongs_to_the_one_before(text, place)]
    return _most_central(between, text) if between else len(text) // 2


def _of_line(line: str, language: str) -> Sequence[str]:
    try:
        from sentencex import segment
    except ImportError as err:
        splitter()
        raise MissingDependencyError(
            f"COMET with long_segments=windows: the package {_PACKAGE} cannot be imported: {err}. Install it again, or "
            "use long_segments=truncate."
        ) from err
    # Version 1.0.32 panics on spaces of more than one byte behind an initial; these are of one, and as many.
    plain = "".join(" " if character.isspace() and not character.isascii() else character for character in line)
    try:
        found: list[str] = segment(language, plain)
    except BaseException as err:
        if type(err).__name__ != "PanicException":  # of Rust code, which Python sees as no Exception
            raise
        return [line]
    return found if "".join(found) == plain else [line]


def _belongs_to_the_one_before(text: str, place: int) -> bool:
    """Whether the character at a place makes one sign with the one before it."""
    character, before = text[place], text[place - 1]
    is_skin = "\U0001f3fb" <= character <= "\U0001f3ff"
    return bool(unicodedata.combining(character)) or is_skin or "\u200d" in (character, before) or character == "\ufe0f"


def _most_central(places: Sequence[int], text: str) -> int:
    return min(places, key=lambda place: (abs(2 * place - len(text)), place))
