"""Which scripts a language is written in, and which a text is written in."""

from __future__ import annotations

import functools
import unicodedata
from collections import Counter
from collections.abc import Mapping

from evalharness.records import base_language

HAN = "CJK"
LATIN = "LATIN"
KANA = frozenset({"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"})
_HAN = frozenset({HAN})
_LATIN = frozenset({LATIN})
_CYRILLIC = frozenset({"CYRILLIC"})
_ARABIC = frozenset({"ARABIC"})
_DEVANAGARI = frozenset({"DEVANAGARI"})
_JAPANESE = _HAN | KANA
_KOREAN = frozenset({"HANGUL"})
# Unicode character names start with their script; languages not listed are taken as Latin.
_SCRIPTS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("zh", "zho", "cmn", "yue", "wuu", "lzh"), _HAN),
    **dict.fromkeys(("ja", "jpn"), _JAPANESE),
    **dict.fromkeys(("ko", "kor"), _KOREAN),
    **dict.fromkeys(("ru", "uk", "be", "bg", "mk", "kk", "ky", "mn", "tg"), _CYRILLIC),
    **dict.fromkeys(("rus", "ukr", "bel", "bul", "mkd", "kaz", "kir", "mon", "khk", "tgk"), _CYRILLIC),
    **dict.fromkeys(("sr", "srp", "uz", "uzb"), _CYRILLIC | _LATIN),
    **dict.fromkeys(("ar", "fa", "ur", "ps", "ug", "sd", "ckb"), _ARABIC),
    **dict.fromkeys(("ara", "arb", "arz", "fas", "pes", "prs", "urd", "pus", "pbt", "uig", "snd"), _ARABIC),
    **dict.fromkeys(("he", "yi", "heb", "yid", "ydd"), frozenset({"HEBREW"})),
    **dict.fromkeys(("hi", "mr", "ne", "bho", "mai", "hin", "mar", "nep", "npi", "sa", "san"), _DEVANAGARI),
    **dict.fromkeys(("bn", "as", "ben", "asm"), frozenset({"BENGALI"})),
    **dict.fromkeys(("gu", "guj"), frozenset({"GUJARATI"})),
    **dict.fromkeys(("pa", "pan"), frozenset({"GURMUKHI"})),
    **dict.fromkeys(("or", "ori", "ory"), frozenset({"ORIYA"})),
    **dict.fromkeys(("ta", "tam"), frozenset({"TAMIL"})),
    **dict.fromkeys(("te", "tel"), frozenset({"TELUGU"})),
    **dict.fromkeys(("kn", "kan"), frozenset({"KANNADA"})),
    **dict.fromkeys(("ml", "mal"), frozenset({"MALAYALAM"})),
    **dict.fromkeys(("si", "sin"), frozenset({"SINHALA"})),
    **dict.fromkeys(("th", "tha"), frozenset({"THAI"})),
    **dict.fromkeys(("lo", "lao"), frozenset({"LAO"})),
    **dict.fromkeys(("km", "khm"), frozenset({"KHMER"})),
    **dict.fromkeys(("my", "mya"), frozenset({"MYANMAR"})),
    **dict.fromkeys(("bo", "bod", "dz", "dzo"), frozenset({"TIBETAN"})),
    **dict.fromkeys(("el", "ell"), frozenset({"GREEK"})),
    **dict.fromkeys(("hy", "hye"), frozenset({"ARMENIAN"})),
    **dict.fromkeys(("ka", "kat"), frozenset({"GEORGIAN"})),
    **dict.fromkeys(("am", "ti", "amh", "tir"), frozenset({"ETHIOPIC"})),
}
# The script that a code itself names, as `sr_Latn` and `zh_Hant` do (ISO 15924).
_NAMED: Mapping[str, frozenset[str]] = {
    "latn": _LATIN,
    "cyrl": _CYRILLIC,
    "arab": _ARABIC,
    "deva": _DEVANAGARI,
    "beng": frozenset({"BENGALI"}),
    "guru": frozenset({"GURMUKHI"}),
    "tfng": frozenset({"TIFINAGH"}),
    "olck": frozenset({"OL"}),  # OL CHIKI LETTER ...
    "mtei": frozenset({"MEETEI"}),
    **dict.fromkeys(("hans", "hant", "hani"), _HAN),
    "jpan": _JAPANESE,
    **dict.fromkeys(("hang", "kore"), _KOREAN),
}
# A Han character carries about as much as four Latin letters: "JSQ6笼车" with brand names in it is still Chinese.
_WEIGHT = {HAN: 4, "HANGUL": 3, "HIRAGANA": 2, "KATAKANA": 2}
_WIDTHS = ("FULLWIDTH ", "HALFWIDTH ")
# Letters of no script of their own: ª º µ ʰ and those of formulas.
_OF_NO_SCRIPT = frozenset({"MODIFIER", "MASCULINE", "FEMININE", "MICRO", "MATHEMATICAL", "DOUBLE-STRUCK", "?"})


def scripts_of(language: str) -> frozenset[str]:
    """The scripts of a language code, by what it names (`sr_Latn`) or else by its language."""
    for part in language.split("_")[1:]:
        if part.lower() in _NAMED:
            return _NAMED[part.lower()]
    return _SCRIPTS.get(base_language(language), _LATIN)


@functools.cache
def script_of(character: str) -> str | None:
    """The script of a letter; None for anything else."""
    if not character.isalpha() or character == "丨":  # a stroke, but typed for a bar
        return None
    name = unicodedata.name(character, "?")
    for width in _WIDTHS:
        name = name.removeprefix(width)
    script = name.split(" ", maxsplit=1)[0]
    if script == "IDEOGRAPHIC":  # 々
        return HAN
    return None if script in _OF_NO_SCRIPT else script


def script_weights(text: str) -> dict[str, int]:
    """How much of a text each script carries, in Latin letters."""
    if text.isascii():
        n_letters = sum(map(str.isalpha, text))
        return {LATIN: n_letters} if n_letters else {}
    weights: dict[str, int] = {}
    for character, n in Counter(text).items():
        if (script := script_of(character)) is not None:
            weights[script] = weights.get(script, 0) + n * _WEIGHT.get(script, 1)
    return weights
