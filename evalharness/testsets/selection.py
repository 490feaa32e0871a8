"""A part of a test set: the segments of some documents, domains, original languages or source lengths."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from evalharness.errors import ConfigError, InputError, nearest
from evalharness.records import Segment, SourceSegment, TestSet

_BY_NAME = ("document", "domain", "original_language")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Segments must be of one of the documents, one of the domains and so on, as far as any are named.

    Lengths are those of sources, in characters, both bounds included."""

    document: tuple[str, ...] = field(default=())
    domain: tuple[str, ...] = field(default=())
    original_language: tuple[str, ...] = field(default=())
    min_source_length: int | None = None
    max_source_length: int | None = None

    def __post_init__(self) -> None:
        low, high = self.min_source_length, self.max_source_length
        for name, length in (("min_source_length", low), ("max_source_length", high)):
            if length is not None and length < 0:
                raise ConfigError(f"testset.filter.{name}={length}: expected a number of characters.")
        if low is not None and high is not None and low > high:
            raise ConfigError(
                f"testset.filter: min_source_length={low} is more than max_source_length={high}; no source is so long."
            )

    def __str__(self) -> str:
        """What is selected, as captions say it: `domain news, source of 9 characters or more`; empty for everything."""
        parts = [
            f"{name.replace('_', ' ')} {' or '.join(values)}" for name in _BY_NAME if (values := getattr(self, name))
        ]
        if self._has_lengths():
            low, high = self.min_source_length, self.max_source_length
            span = f"{low} to {high}" if low is not None and high is not None else f"{high if low is None else low}"
            more = "" if low is not None and high is not None else " or less" if low is None else " or more"
            parts.append(f"source of {span} characters{more}")
        return ", ".join(parts)

    def of(self, testset: TestSet) -> tuple[TestSet, tuple[SourceSegment, ...]]:
        """The part of a test set, and what systems are shown of it, with the places in the whole.

        Raises: InputError where there is no such document and so on, a source is missing, or nothing is left."""
        if not str(self):
            return testset, testset.sources()
        for name in _BY_NAME:
            self._check_known(name, testset)
        if self._has_lengths():
            without = next((segment.id for segment in testset.segments if segment.source is None), None)
            if without is not None:
                raise InputError(
                    f"testset.filter: segment {without!r} of {testset.name!r} has no source to be as long."
                )
        kept = [self._keeps(segment) for segment in testset.segments]
        if not any(kept):
            raise InputError(f"testset.filter: no segment of {testset.name!r} is of {self}. Take one condition out.")
        segments = tuple(segment for segment, is_kept in zip(testset.segments, kept, strict=True) if is_kept)
        sources = tuple(source for source, is_kept in zip(testset.sources(), kept, strict=True) if is_kept)
        return replace(testset, segments=segments), sources

    def _has_lengths(self) -> bool:
        return self.min_source_length is not None or self.max_source_length is not None

    def _check_known(self, name: str, testset: TestSet) -> None:
        known = list(
            dict.fromkeys(value for segment in testset.segments if (value := getattr(segment, name)) is not None)
        )
        for value in getattr(self, name):
            if value not in known:
                shown = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
                raise InputError(
                    f"testset.filter.{name}: {value!r}: no segment of {testset.name!r} has it{nearest(value, known)} "
                    f"There are: {shown or 'none'}."
                )

    def _keeps(self, segment: Segment) -> bool:
        named = all(not (values := getattr(self, name)) or getattr(segment, name) in values for name in _BY_NAME)
        if not named or not self._has_lengths():
            return named
        length = len(segment.source or "")
        low, high = self.min_source_length, self.max_source_length
        return (low is None or length >= low) and (high is None or length <= high)
