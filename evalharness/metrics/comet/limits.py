"""How many tokens of its texts a model reads at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalharness.metrics.comet.settings import Family, ModelSettings

_PARTS = {"mt": "hypothesis", "src": "source", "ref": "reference"}
_SPARE_TOKENS = 4  # unbabel-comet leaves room for two more special tokens than it adds


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What fits into the window of a model, as unbabel-comet 2.2.7 fills it.

    `parts` are the fields of a `Triple` that the model reads, in its order. `of_one` is how many tokens of one text it
    reads, the special ones not among them; `of_all` how many of all texts together, with the special ones, and None
    where it reads each text by itself. `n_separators` stand between two texts."""

    parts: tuple[str, ...]
    of_one: int
    of_all: int | None
    n_separators: int

    @classmethod
    def of(cls, settings: ModelSettings, *, max_positions: int, n_separators: int) -> Limits:
        together = settings.family.reads_texts_together
        names = settings.input_segments if together else tuple(_PARTS)
        if settings.family is Family.referenceless:
            names = ("mt", "src")
        return cls(
            parts=tuple(_PARTS[name] for name in names),
            of_one=max_positions - _SPARE_TOKENS,
            of_all=max_positions if together else None,
            n_separators=n_separators,
        )

    def fit(self, lengths: Sequence[int]) -> bool:
        """Whether the model reads texts with so many tokens whole."""
        joined = sum(lengths) + 2 + (len(lengths) - 1) * self.n_separators
        return max(lengths) <= self.of_one and (self.of_all is None or joined <= self.of_all)

    def read(self, lengths: Sequence[int]) -> list[int]:
        """How many tokens the model reads of texts with so many, in its order."""
        read = [min(length, self.of_one) for length in lengths]
        if self.of_all is None:
            return read
        left = self.of_all - 1  # the token every text begins with
        for place, length in enumerate(read):
            if place:
                left -= self.n_separators - 1
            read[place] = max(0, min(length, left))
            left -= read[place] + 1
        return read

    def size(self, lengths: Sequence[int]) -> int:
        """What of texts with so many tokens a window is filled by: the longest, or where all are read as one, all."""
        return max(lengths) if self.of_all is None else sum(lengths)
