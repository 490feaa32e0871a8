"""What is exported, a test set with or without a run's outputs and scores, and what formats of lines refuse of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evalharness.errors import InputError
from evalharness.records import ErrorSpan, Segment, TestSet

_log = logging.getLogger(__name__)

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedScores:
    """A metric's scores on its own scale, by system; None where there is none. `error_spans` for one that marks any."""

    metric: str
    needs_references: bool
    is_comet: bool
    higher_is_better: bool
    corpus: Mapping[str, float | None]
    segments: Mapping[str, Sequence[float | None]]
    error_spans: Mapping[str, Sequence[Sequence[ErrorSpan] | None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exportable:
    """`outputs` are the systems' texts by name, in the order of the segments; None where a system failed."""

    testset: TestSet
    outputs: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    scores: tuple[ExportedScores, ...] = ()

    @property
    def segments(self) -> tuple[Segment, ...]:
        return self.testset.segments

    def sources(self, *, of: str) -> list[str] | None:
        """The source of every segment; None where no segment has one."""
        return self._all_or_none("source", lambda segment: segment.source, of=of)

    def documents(self, *, of: str) -> list[str] | None:
        return self._all_or_none("document", lambda segment: segment.document, of=of)

    def domains(self, *, of: str) -> list[str] | None:
        return self._all_or_none("domain", lambda segment: segment.domain, of=of)

    def original_languages(self, *, of: str) -> list[str] | None:
        return self._all_or_none("original language", lambda segment: segment.original_language, of=of)

    def references(self, *, of: str) -> list[list[str]]:
        """A list for each reference, as files have them.

        Raises: InputError naming the first segment with another number of them than the first."""
        expected = len(self.segments[0].references)
        for segment in self.segments:
            if len(segment.references) != expected:
                raise InputError(
                    f"segment {segment.id!r}: has {len(segment.references)} references and segment "
                    f"{self.segments[0].id!r} has {expected}; {of} needs the same number everywhere. Export jsonl or "
                    "wmt25 instead."
                )
        return [[segment.references[position] for segment in self.segments] for position in range(expected)]

    def reference_names(self) -> tuple[str, ...]:
        """A name for each reference: those of the test set, or else refA, refB and so on."""
        longest = max(len(segment.references) for segment in self.segments)
        names = self.testset.reference_names
        if names is not None and len(names) == longest and len(set(names)) == longest:
            return names
        return tuple(f"ref{_letter(position)}" for position in range(longest))

    def complete_outputs(self, *, of: str) -> dict[str, list[str]]:
        """Raises: InputError naming the first segment that a system failed on."""
        return {system: list(self._without_gaps(system, texts, of)) for system, texts in self.outputs.items()}

    def say_what_is_lost(self, *, of: str, ids: bool, original_languages: bool, reference_names: bool = False) -> None:
        """Warn of what the format has no place for, and is neither text nor structure."""
        lost = []
        if ids and any(segment.id != str(number) for number, segment in enumerate(self.segments, start=1)):
            lost.append("segment ids (line numbers take their place)")
        if original_languages and any(segment.original_language is not None for segment in self.segments):
            lost.append("original languages")
        if reference_names and self.testset.reference_names is not None:
            lost.append("the names of references")
        if lost:
            _log.warning("test set %s: %s has no place for %s; left out.", self.testset.name, of, " and ".join(lost))

    def _all_or_none(self, what: str, value: Callable[[Segment], str | None], *, of: str) -> list[str] | None:
        values = [value(segment) for segment in self.segments]
        present = [one for one in values if one is not None]
        if not present:
            return None
        if len(present) < len(values):
            segment = self.segments[values.index(None)]
            raise InputError(
                f"segment {segment.id!r}: has no {what}, and others have one; {of} cannot say so. Export jsonl instead."
            )
        return present

    def _without_gaps(self, system: str, texts: Sequence[str | None], of: str) -> Iterator[str]:
        for segment, text in zip(self.segments, texts, strict=True):
            if text is None:
                raise InputError(
                    f"segment {segment.id!r}: system {system!r} gave no hypothesis; {of} cannot say so. Leave the "
                    "system out with --systems, or export jsonl or wmt25."
                )
            yield text


def as_lines(
    texts: Sequence[str], exportable: Exportable, *, what: str, of: str, refused: Mapping[str, str] | None = None
) -> str:
    """The content of a file with a text a line, which `textio.read_lines` reads back as it is.

    Args: refused: other characters that the format cannot have in a text, and what they are called.
    Raises: InputError naming the first segment whose text a line cannot hold."""
    for position, (segment, text) in enumerate(zip(exportable.segments, texts, strict=True)):
        found = next((name for char, name in {"\n": "a line end", **(refused or {})}.items() if char in text), None)
        if found is None and text.endswith("\r"):
            found = "a carriage return at its end, which readers take for a part of the line end"
        if found is None and position == 0 and text.startswith(_BOM):
            found = "a byte order mark at its beginning, which readers leave out"
        if found is not None:
            raise InputError(
                f"segment {segment.id!r}: its {what} holds {found}; {of} cannot carry that. Export jsonl instead."
            )
    return "".join(f"{text}\n" for text in texts)


def json_lines(objects: Iterable[Any]) -> str:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects)


def check_file_name(name: str, *, what: str) -> None:
    """Raises: InputError where the name cannot be one of a file."""
    if not name or name.startswith(".") or any(char in name for char in "/\\\0\n\r"):
        raise InputError(f"{what} {name!r}: becomes the name of a file, and cannot be one. Rename it.")


def _letter(position: int) -> str:
    return chr(ord("A") + position) if position < 26 else str(position + 1)
