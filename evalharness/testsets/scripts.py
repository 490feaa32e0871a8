"""Which of two languages a line is written in, told by script alone."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from evalharness.errors import ConfigError
from evalharness.records import LanguagePair, base_language

_HAN = frozenset({"CJK"})
# Unicode character names start with their script; languages not listed are taken as Latin.
_SCRIPTS: Mapping[str, frozenset[str]] = {
    "zh": _HAN,
    "yue": _HAN,
    "ja": _HAN | {"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"},
    "ko": frozenset({"HANGUL"}),
    **dict.fromkeys(("ru", "uk", "be", "bg", "mk", "kk", "ky", "mn", "tg"), frozenset({"CYRILLIC"})),
    **dict.fromkeys(("ar", "fa", "ur", "ps", "ug"), frozenset({"ARABIC"})),
    **dict.fromkeys(("he", "yi"), frozenset({"HEBREW"})),
    **dict.fromkeys(("hi", "mr", "ne", "bho", "mai"), frozenset({"DEVANAGARI"})),
    "bn": frozenset({"BENGALI"}),
    "gu": frozenset({"GUJARATI"}),
    "pa": frozenset({"GURMUKHI"}),
    "ta": frozenset({"TAMIL"}),
    "te": frozenset({"TELUGU"}),
    "kn": frozenset({"KANNADA"}),
    "ml": frozenset({"MALAYALAM"}),
    "th": frozenset({"THAI"}),
    "km": frozenset({"KHMER"}),
    "my": frozenset({"MYANMAR"}),
    "el": frozenset({"GREEK"}),
    "hy": frozenset({"ARMENIAN"}),
    "ka": frozenset({"GEORGIAN"}),
    "am": frozenset({"ETHIOPIC"}),
}
_LATIN = frozenset({"LATIN"})
# A Han character carries about as much as four Latin letters: "JSQ6笼车" with brand names in it is still Chinese.
_WEIGHT = {"CJK": 4, "HANGUL": 3, "HIRAGANA": 2, "KATAKANA": 2}


def scripts_of(language: str) -> frozenset[str]:
    return _SCRIPTS.get(base_language(language), _LATIN)


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
        weights: dict[str, int] = {}
        for character in line:
            if character.isalpha():
                script = unicodedata.name(character, "?").split(" ", maxsplit=1)[0]
                weights[script] = weights.get(script, 0) + _WEIGHT.get(script, 1)
        totals = [sum(weights.get(script, 0) for script in scripts) for _, scripts in self._sides]
        if totals[0] == totals[1]:
            return None
        return self._sides[0][0] if totals[0] > totals[1] else self._sides[1][0]
