"""The numbers a text names: in digits of any script, in Chinese and Japanese numerals, in English words.

Numbers are compared by value, so that 1.2万, 12,000, 12 thousand and twelve thousand are one. What is read as a number
beyond doubt is `solid`; what might be one (a numeral in an idiom, "a dozen", either reading of "2,500") is `possible`,
and only excuses, as do other ways of writing a number (`equivalents`).
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass

from evalharness.outputs.chinese import in_chinese
from evalharness.outputs.digits import in_digits
from evalharness.outputs.english import in_english
from evalharness.outputs.equivalents import equivalents
from evalharness.outputs.units import DIGITS, MYRIADS, TENS

# Every solid number has one of these; nine texts in ten have none.
_PARTS_OF_SOLID = (
    *("teen", "twent", "thirt", "fort", "fift", "sixt", "sevent", "eight", "ninet", "hundred", "thousand", "illion"),
)
_MAY_BE_SOLID = re.compile(
    rf"\d|[{''.join(DIGITS)}{''.join(TENS)}{''.join(MYRIADS)}]{{2}}|{'|'.join(_PARTS_OF_SOLID)}", re.IGNORECASE
)
_DIGIT = re.compile(r"\d")
_ENTITY = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z]+\d*);", re.IGNORECASE)  # &#39; is an apostrophe
_RAISED = re.compile(r"(\d)([²³¹¼-¾⁰-₉⅐-↉①-⓿])")  # NFKC makes 21/2 of 2½
_ARABIC_SEPARATORS = str.maketrans({"٫": ".", "٬": ","})
_TOO_LARGE = 1e18


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Values by how sure they are; `solid` ones are possible too. `text` is in normal form."""

    solid: frozenset[float]
    possible: frozenset[float]
    text: str


def may_have_solid(text: str) -> bool:
    """Whether `numbers_of` may find a solid number, at a small part of its cost; where not, it finds none."""
    if text.isascii():  # the same, five times as fast
        return _DIGIT.search(text) is not None or any(map(text.lower().__contains__, _PARTS_OF_SOLID))
    return _MAY_BE_SOLID.search(text) is not None


@functools.lru_cache(maxsize=1 << 13)
def numbers_of(text: str) -> Numbers:
    """The numbers of a text in any language; words are read as English, which other languages' are not taken for but
    by a rare chance."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _RAISED.sub(r"\1 \2", text)).translate(_ARABIC_SEPARATORS)
    if "&" in text:
        text = _ENTITY.sub(" ", text)
    found = [*in_digits(text), *in_english(text.lower()), *([] if text.isascii() else in_chinese(text))]
    named = [(value, is_solid) for value, is_solid in found if value < _TOO_LARGE]  # a loop of digits is infinite
    return Numbers(
        solid=frozenset(value for value, is_solid in named if is_solid),
        possible=frozenset(value for value, _ in named),
        text=text,
    )


def lacks(text: Numbers, value: float) -> bool:
    """Whether a text has a number in no reading and no other way of writing it."""
    return value not in text.possible and value not in equivalents(text.text)
