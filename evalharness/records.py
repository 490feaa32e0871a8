"""The records that pass between rooms. Standard library and numpy only; everything may import this."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from evalharness.errors import ConfigError

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float64]

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(_[A-Za-z0-9]{2,8})*")
_OF_COUNTRY = {"cn": "zh", "cz": "cs", "dk": "da", "gr": "el", "jp": "ja", "ua": "uk", "vn": "vi"}
"""Countries whose codes are no language's (ISO 639-1), and their languages; `kr` is missing, which is Kanuri."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguagePair:
    """Source and target language as written in the field: `zh`, `en`, `zh_CN`."""

    source: str
    target: str

    @classmethod
    def parse(cls, text: str) -> LanguagePair:
        """The pair written `zh-en` or `en-zh_CN`.

        Raises: ConfigError where the text is not two language codes joined by one hyphen."""
        sides = text.split("-")
        if len(sides) != 2 or not all(_LANGUAGE.fullmatch(side) for side in sides):
            raise ConfigError(
                f"language pair {text!r}: expected two language codes joined by one hyphen, such as 'zh-en' or "
                "'en-zh_CN' (a region is joined with an underscore)."
            )
        return cls(source=sides[0], target=sides[1])

    def reversed(self) -> LanguagePair:
        return LanguagePair(source=self.target, target=self.source)

    def __str__(self) -> str:
        return f"{self.source}-{self.target}"


def base_language(code: str) -> str:
    """`zh` of `zh_CN`, in lower case."""
    return code.split("_", maxsplit=1)[0].lower()


def language_meant(code: str) -> str | None:
    """The language code where one gives a country's code that is no language's, as `ja` for `jp`; else None."""
    return _OF_COUNTRY.get(base_language(code))


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One segment of a test set. `references` may be empty; `source` is None where none was given.

    `original_language` is the code of the language that the text was first written in, where it is known."""

    id: str
    source: str | None
    references: tuple[str, ...]
    document: str | None = None
    domain: str | None = None
    original_language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSegment:
    """What a system is shown of a segment: never a reference. `position` is its place in the test set, from 0."""

    id: str
    position: int
    text: str | None
    document: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestSet:
    """Segments in file order. `provenance` says in a sentence where they come from.

    `reference_names` are the names of the references by position, such as `refA`, where the format gives them; no score
    depends on them."""

    __test__ = False  # the name starts with "Test"; pytest must not collect it

    name: str
    language_pair: LanguagePair
    segments: tuple[Segment, ...]
    provenance: str = ""
    reference_names: tuple[str, ...] | None = None

    def sources(self) -> tuple[SourceSegment, ...]:
        return tuple(
            SourceSegment(id=segment.id, position=position, text=segment.source, document=segment.document)
            for position, segment in enumerate(self.segments)
        )

    def n_references(self) -> int | None:
        """References per segment, or None where the number varies."""
        counts = {len(segment.references) for segment in self.segments}
        return counts.pop() if len(counts) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One system's output for one segment: a text (the empty string is one) or an error, never both."""

    id: str
    text: str | None
    error: str | None = None
    attempts: int = 1
    seconds: float | None = None
    tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringSegment:
    """What a metric is given for one (system, segment)."""

    id: str
    source: str | None
    hypothesis: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSpan:
    """A part of a hypothesis that a metric takes for an error: characters `start` up to, not including, `end`.

    `text` is what the metric's tokens spell, which can differ from the hypothesis in spaces and odd characters;
    `confidence` is the mean probability of its tokens, 0 to 1."""

    text: str
    severity: str
    confidence: float
    start: int
    end: int


ErrorSpans: TypeAlias = tuple[tuple[tuple[ErrorSpan, ...] | None, ...], ...]
"""By system and segment, [S][N]; None where there is no score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRows:
    """A metric's rows [N, K], and the errors it marks in each hypothesis; None where it marks none."""

    rows: Array
    error_spans: tuple[tuple[ErrorSpan, ...], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Ordered names and values that say how something was made; prints as `name:value|name:value`."""

    fields: tuple[tuple[str, str], ...] = field(default=())

    def __str__(self) -> str:
        return "|".join(f"{name}:{value}" for name, value in self.fields)
