"""What a check is given: a distinct hypothesis of a segment, beside the segment and the other systems' hypotheses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from evalharness.outputs.settings import OutputSettings
from evalharness.outputs.words import words
from evalharness.records import LanguagePair, Segment
from evalharness.scripts import script_weights

_REFERENCES_TOGETHER = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """`of_systems` are the hypotheses of all systems for the segment, this one among them as often as it occurs."""

    text: str
    segment: Segment
    of_systems: tuple[str, ...]

    def excuses(self) -> list[str]:
        """Source and references: what excuses a hypothesis that shares their oddities."""
        return [*([] if self.segment.source is None else [self.segment.source]), *self.segment.references]


@dataclass(frozen=True, kw_only=True)
class TestSetTexts:
    """What checks know of the whole test set."""

    __test__ = False  # the name starts with "Test"; pytest must not collect it

    language_pair: LanguagePair
    references: tuple[str, ...]

    @cached_property
    def words_of_references(self) -> frozenset[str]:
        return frozenset(word for reference in self.references for word in words(reference))

    @cached_property
    def scripts_of_references(self) -> Mapping[str, int]:
        """How much of each script they hold."""
        total: Counter[str] = Counter()
        for start in range(0, len(self.references), _REFERENCES_TOGETHER):
            total.update(script_weights("".join(self.references[start : start + _REFERENCES_TOGETHER])))
        return total


Check: TypeAlias = Callable[[Sequence[Examined], TestSetTexts, OutputSettings], Iterator[tuple[int, str]]]
"""Gives the positions of hypotheses that are flagged, each with its flag; a position may come several times."""
