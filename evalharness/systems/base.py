"""The contract of a candidate system: it gets sources, never references, so none can leak."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from evalharness.records import Hypothesis, LanguagePair, Signature, SourceSegment


class System(Protocol):
    """A keyword-only frozen dataclass of settings."""

    @property
    def provenance(self) -> str:
        """Where the outputs come from, in a line; may be empty."""

    def check(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> None:
        """Refuse, before a run writes anything, what cannot work for this test set (`sources` are all of its).

        Raises: InputError where outputs that exist already do not fit the sources."""

    def translate(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> Iterator[Hypothesis]:
        """One hypothesis for each of `sources`, in any order, by id. A continued run asks only for what is missing."""

    def signature(self) -> Signature:
        """What decides the outputs: for files their content, for a translator its model and settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A system of an option that stands for several. `group` names the system that this is one run of, such as one of
    several training seeds; None where it is a system of its own."""

    name: str
    system: System
    group: str | None = None


@runtime_checkable
class Written(Protocol):
    """What a system has beside `translate` when its outputs exist already: they can be looked at before a run."""

    @property
    def place(self) -> str:
        """The file they are in, or what else to call them."""

    def texts(self, sources: Sequence[SourceSegment]) -> Sequence[str]:
        """One for each of `sources`, which are all of the test set; empty where the system failed."""


@runtime_checkable
class SystemGroup(Protocol):
    """An option that stands for several systems, such as a folder with a file for each."""

    def members(self, lp: LanguagePair) -> Sequence[Member]:
        """Each of them, in the order tables list them.

        Raises: InputError where there is none."""
