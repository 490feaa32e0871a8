"""Numbers in English words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from evalharness.outputs.units import rounded

_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_WORDS: dict[str, int] = {word: value for value, word in enumerate(_UNITS)}
_WORDS |= {
    word: 10 * value
    for value, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_ORDINALS: dict[str, int] = {f"{word}th": value for word, value in _WORDS.items()}
_ORDINALS |= {word.replace("y", "ieth"): value for word, value in _WORDS.items() if word.endswith("y")}
_ORDINALS |= {"first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12}
_PLAIN: Mapping[str, int] = {**_WORDS, **_ORDINALS}
NUMBER_WORDS: Mapping[str, int] = _WORDS
_SCALES: Mapping[str, int] = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
# The words above by themselves and in the plural: "eighties", "millions".
_SINGULARS: dict[str, str] = {
    form: word
    for word in (*_WORDS, *_ORDINALS, *_SCALES)
    for form in (word, f"{word}s", *([f"{word[:-1]}ies"] if word.endswith("y") else []))
}
# Words that may stand for a number, and the numbers; they only excuse.
_LOOSE: Mapping[str, tuple[float, ...]] = {
    **dict.fromkeys(("half", "halves", "halved", "semi"), (0.5, 50.0)),
    **dict.fromkeys(("triple", "tripled", "thrice", "trio", "tri", "trilogy"), (3.0,)),
    **dict.fromkeys(("quarter", "quarters", "quarterly"), (4.0,)),
    **dict.fromkeys(("decade", "decades", "decimal", "tens"), (10.0,)),
    **dict.fromkeys(("dozen", "dozens"), (12.0, 10.0)),
    **dict.fromkeys(("noon", "midday", "midnight"), (0.0, 12.0, 24.0)),
    **dict.fromkeys(("century", "centuries", "hundreds", "centennial", "centenary", "cent"), (100.0,)),
    **dict.fromkeys(("millennium", "millennia", "millennial"), (1000.0,)),
    **dict.fromkeys(("fortnight", "biweekly"), (14.0,)),
    **dict.fromkeys(("quadruple", "quartet"), (4.0,)),
    "weekly": (7.0,),
    "score": (20.0,),
    "thousands": (1000.0, 1e4),
    "millions": (1e6,),
    "billions": (1e9,),
}
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_NTH_MONTH = {name: nth for nth, month in enumerate(_MONTHS, 1) for name in (month, month[:3])}


_ENGLISH = re.compile(r"[a-z]+")
_SMALLEST_SOLID = 13  # smaller ones stand in idioms


def in_english(text: str) -> Iterator[tuple[float, bool]]:
    words = _ENGLISH.findall(text)
    for word in _LOOSE.keys() & words:
        yield from ((value, False) for value in _LOOSE[word])
    for word in _NTH_MONTH.keys() & words:
        yield float(_NTH_MONTH[word]), False
    if _SINGULARS.keys().isdisjoint(words):
        return
    run: list[str] = []
    for before, word in zip(_ENGLISH.split(text)[:-1], words, strict=True):
        if run and (before.strip() not in ("", "-") or run[-1] in _ORDINALS):
            yield from english_values(run)  # "ten thousand, four-wheel drive", "the second hundred years"
            run = []
        if word in _SINGULARS:
            run.append(_SINGULARS[word])
        elif run and word in ("and", "a", "point"):
            run.append(word)
        elif run:
            yield from english_values(run)
            run = []
    yield from english_values(run)


def english_values(run: Sequence[str]) -> Iterator[tuple[float, bool]]:
    """The value of number words in a row, and of each by itself."""
    words = [word for word in run if word not in ("and", "a")]
    if not words:
        return
    yield from ((float(_PLAIN.get(word) or _SCALES.get(word, 0)), False) for word in words if word != "point")
    values = [_value(of_one) for of_one in _split(words)]
    if len(values) == 2 and all(10 <= value < 100 for value in values):
        yield 100 * values[0] + values[1], False  # a year
    has_scale = any(word in _SCALES for word in words)
    is_open = words[0] in _SCALES or (has_scale and (len(run) == 1 or words[0] == "one"))  # a hundred, in idioms
    yield from ((value, len(values) == 1 and value >= _SMALLEST_SOLID and not is_open) for value in values)


def _split(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """The words of each number: in "nineteen eighty-four" and "three four" another one begins."""
    start, in_decimals = 0, False
    for place, (before, word) in enumerate(pairwise(words), 1):
        in_decimals = (in_decimals or before == "point") and before not in _SCALES
        both = _PLAIN.get(before, 0), _PLAIN.get(word)
        if both[0] and both[1] is not None and not in_decimals and not (both[0] >= 20 and both[1] < 10):
            yield words[start:place]
            start = place
    yield words[start:]


def _value(words: Sequence[str]) -> float:
    total = section = 0.0  # of three hundred thousand and five, the thousands and the five
    place = 1.0
    for word in words:
        if word == "point":
            place = 0.1
        elif word in _PLAIN:
            section += _PLAIN[word] * place
            place = place / 10 if place < 1 else 1.0
        elif word == "hundred":
            section = (section or 1.0) * 100
        else:
            total += (section or 1.0) * _SCALES[word]
            section, place = 0.0, 1.0
    return rounded(total + section)
