"""The settings of the checks on hypotheses."""

from __future__ import annotations

from dataclasses import dataclass

from evalharness.errors import ConfigError, nearest
from evalharness.outputs.flags import MEANINGS, NO_HYPOTHESIS, UNUSABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSettings:
    """`checked` asks for the checks, without which only empty texts are flagged. `guarded` asks for scores in which
    every segment with one of the flags `unusable` counts as the metric's worst.

    `length_ratio` is how many times as long, or as short, a hypothesis is that is flagged for its length, and
    `n_repeats` how often in a row a phrase stands that is a loop. A language is told from at least `language_letters`
    letters."""

    checked: bool = True
    guarded: bool = False
    unusable: tuple[str, ...] = UNUSABLE
    length_ratio: float = 2.0
    n_repeats: int = 4
    language_letters: int = 20

    def __post_init__(self) -> None:
        known = [flag for flag in MEANINGS if flag != NO_HYPOTHESIS]
        for flag in self.unusable:
            if flag == NO_HYPOTHESIS:
                raise ConfigError(
                    f"outputs.unusable: {flag!r}: a segment without a hypothesis has no score that could be replaced; "
                    "it is counted in n_missing. Leave it out."
                )
            if flag not in known:
                raise ConfigError(
                    f"outputs.unusable: {flag!r}: no such flag{nearest(flag, known)} Flags: {', '.join(known)}."
                )
        if self.guarded and not self.checked:
            raise ConfigError(
                "outputs.guarded=true with outputs.checked=false: guarded scores need to know which segments are "
                "unusable. Set outputs.checked=true."
            )
        if self.guarded and not self.unusable:
            raise ConfigError(
                "outputs.guarded=true with outputs.unusable=[]: guarded scores would be the plain ones. Name a flag, "
                "or set outputs.guarded=false."
            )
        if not 1 < self.length_ratio < float("inf"):
            raise ConfigError(f"outputs.length_ratio={self.length_ratio}: expected a number above 1, such as 2.")
        for name, least in (("n_repeats", 3), ("language_letters", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"outputs.{name}={getattr(self, name)}: expected at least {least}.")
