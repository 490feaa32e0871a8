"""Which of two languages a line is written in, told by script alone."""

from __future__ import annotations

from evalharness.errors import ConfigError
from evalharness.records import LanguagePair
from evalharness.scripts import script_weights, scripts_of


class ScriptSplitter:
    """Tells the two sides of a language pair apart by the script most of a line's letters belong to."""

    def __init__(self, lp: LanguagePair) -> None:
        source_scripts, target_scripts = scripts_of(lp.source), scripts_of(lp.target)
        if source_scripts & target_scripts:
            raise ConfigError(
                f"language pair {lp}: both sides are written in the same script, so lines cannot be told apart by "
                "script. Split the file into one file a side and use the reader 'plain'."
            )
        self._sides = ((lp.source, source_scripts), (lp.target, target_scripts))

    def language(self, line: str) -> str | None:
        """The language code of the side this line belongs to, or None where neither script prevails."""
        weights = script_weights(line)
        totals = [sum(weights.get(script, 0) for script in scripts) for _, scripts in self._sides]
        if totals[0] == totals[1]:
            return None
        return self._sides[0][0] if totals[0] > totals[1] else self._sides[1][0]
