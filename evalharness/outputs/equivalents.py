"""Other ways of writing the numbers of a text: 3 p.m. is 15, an hour and a half 90, three quarters 75 %, 1980 the 80s.

They only excuse, and are asked for only where a number is not found as it is.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator, Mapping

from evalharness.outputs.chinese import chinese_values
from evalharness.outputs.digits import set_apart
from evalharness.outputs.english import NUMBER_WORDS
from evalharness.outputs.units import DIGITS, MULTIPLIERS, TENS, rounded

_HAN = f"[{''.join(DIGITS)}{''.join(TENS)}]{{1,12}}"
_ONE = ("a", "an", "per", "each", "every")
_COUNT = rf"(?:\d{{1,12}}(?:[.,]\d{{1,12}})?|{_HAN}|\b(?:{'|'.join(NUMBER_WORDS)}))"
_N = rf"(?:{_COUNT}|\b(?:{'|'.join(_ONE)}))"

_DAYTIME = r"o'clock|uhr\b|[ap]\.?m\b|h\b|in the (?:morning|afternoon|evening)|at night"
_CLOCKS = (
    re.compile(r"(?<![\d:.,])(?P<hour>\d{1,2})\s?[:h点點时時]\s?(?P<minute>\d\d)(?!\d)"),
    re.compile(rf"(?<![\d:.,])(?P<hour>\d{{1,2}})\.(?P<minute>\d\d)\s?(?:{_DAYTIME})"),
    re.compile(rf"(?P<hour>{_COUNT})(?:\s?[点點时時]|[ -]?(?:{_DAYTIME}))"),
    re.compile(rf"\b(?:at|until|um) (?P<hour>{_COUNT})\b(?![.,:]\d| ?(?:percent|%))"),
)
_PARTS_OF_HOURS = (
    (re.compile("[点點]半|half past|half an hour|半小时|半个小时|halb"), (30.0,)),
    (re.compile("[点點][一三]刻|一刻钟|quarter (?:past|to|of an hour)|viertel"), (15.0, 45.0)),
)
_ALL_DAY = re.compile(
    "(?:round|around)[ -]the[ -]clock|day[ -]and[ -]night|night[ -]and[ -]day|all day|昼夜|晝夜|全天|整天|日夜"
)

# How many of others a unit of time has.
_IN_OTHERS: Mapping[str, tuple[float, ...]] = {
    "minute": (60, 1 / 60),
    "hour": (60, 1 / 24),
    "day": (24, 1 / 7, 1 / 30),
    "week": (7,),
    "month": (30, 1 / 12),
    "quarter": (3,),
    "year": (12, 365, 1 / 10, 1 / 100),
    "decade": (10,),
    "century": (100,),
}
_DURATION = re.compile(
    rf"(?P<n>{_N}|half|半)(?P<half>[个個]?半| and a half| an?)?[ -]?[个個]?"
    "(?:(?P<minute>minutes?|分钟|分鐘)|(?P<hour>hours?|小时|小時|钟头|鐘頭)|(?P<day>days?|天|日)"
    "|(?P<week>weeks?|周|週|星期|礼拜|禮拜)|(?P<month>months?|月)|(?P<quarter>quarters?|季度)|(?P<year>years?|年)"
    "|(?P<decade>decades?)|(?P<century>century|centuries|世纪|世紀))"
    "(?P<more>半| and a half)?(?![a-z])"
)
_LONGEST = 1000  # of years and the like: 2024年 is a date

_ORDINAL_PARTS = (
    *("half", "halve", "third", "quarter", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
)
_NTH: Mapping[str, int] = dict(zip(_ORDINAL_PARTS, (2, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10), strict=True))
_FRACTION = re.compile(rf"(?P<count>{_N})(?: of)?[ -](?P<part>{'|'.join(_ORDINAL_PARTS)})s?\b")
_FRACTION_OF_HAN = re.compile(rf"(?P<part>{_N})分之(?P<count>{_N})")
_FRACTION_OF_DIGITS = re.compile(r"(?<!\d)(?P<count>\d{1,2})[/⁄](?P<part>\d{1,2})(?!\d)")
_MIXED_FRACTION = re.compile(r"(?<!\d)(?P<whole>\d{1,3}) (?P<count>\d)[/⁄](?P<part>[1-9])(?!\d)")
_OUT_OF = re.compile(rf"(?P<count>{_N}) (?:in|out of) (?:every )?(?P<part>{_COUNT})")
_HALF = re.compile("一半|半数|半數|过半|過半|对半|對半")
_AND_A_HALF = (
    (re.compile(rf"(?P<n>{_N}) and (?:a |one )?half\b(?: (?P<scale>\w+))?"), 0.5),
    (re.compile(rf"(?P<n>{_N}) and (?:a |one )?quarter\b(?: (?P<scale>\w+))?"), 0.25),
    (re.compile(rf"(?P<n>{_N})[ -]\w+ and a half\b(?P<scale>)"), 0.5),
    (re.compile(rf"(?P<n>{_N})(?:\w半|半)(?P<scale>)"), 0.5),
)
_PART_OF_SCALE = re.compile(
    r"\b(?P<n>half|a quarter|anderthalb|eineinhalb|полтор[аы]|полутора)(?: of)?(?: an?)? (?P<scale>\w+)"
)
_PARTS: Mapping[str, float] = {"half": 0.5, "a quarter": 0.25}  # the others are one and a half

_DECADE = re.compile(r"(?<!\d)(?P<decade>(?:\d\d)?\d0)\s?(?:['’]?s\b|er\b|年代|[-‑]?(?:е|х|ые|ых|те|ті|і)\b)")
_DECADE_BEHIND = re.compile(r"(?:años|anni|années|anos|lata|anii)\s?['’]?(?P<decade>(?:\d\d)?\d0)(?!\d)")
_DECADE_IN_WORDS = re.compile(r"(?P<decade>twent|thirt|fort|fift|sixt|sevent|eight|ninet)ies\b")
_DECADE_OF_HAN = re.compile(rf"(?P<decade>{_HAN})年代")
_CENTURY = re.compile(rf"(?P<nth>{_N})(?:st|nd|rd|th)?[ -]?(?:century|世纪|世紀)")
_SHORT_YEAR = re.compile(rf"(?<!\w)['’](?P<year>\d\d)(?!\d)|(?<!\d)(?P<of_han>\d\d|[{''.join(DIGITS)}]{{2}})[年后後]")


@functools.lru_cache(maxsize=1 << 12)
def equivalents(text: str) -> frozenset[float]:
    """Of a text in normal form NFKC."""
    text = text.lower()
    return frozenset(
        [*_hours(text), *_durations(text), *_fractions(text), *_halves(text), *_years(text), *set_apart(text)]
    )


def _value(numeral: str) -> float:
    if numeral[0].isdigit():
        return float(numeral.replace(",", "."))
    if numeral in _ONE:
        return 1.0
    return float(NUMBER_WORDS[numeral]) if numeral in NUMBER_WORDS else chinese_values(numeral)[0]


def _hours(text: str) -> Iterator[float]:
    for found in (found for pattern in _CLOCKS for found in pattern.finditer(text)):
        hour, minute = _value(found["hour"]), found.groupdict().get("minute")
        if hour <= 24 and hour % 1 == 0:
            yield from (other for other in (hour, hour - 12, hour + 12) if 0 <= other <= 24)
        if minute is not None:
            yield float(minute)
    for pattern, minutes in _PARTS_OF_HOURS:
        if pattern.search(text):
            yield from minutes
    if _ALL_DAY.search(text):
        yield 24.0


def _durations(text: str) -> Iterator[float]:
    for found in _DURATION.finditer(text):
        is_half = found["n"] in ("half", "半")
        n = 0.5 if is_half else _value(found["n"])
        if not is_half and (found["half"] or "").endswith(("半", "half")):
            n += 0.5
        if found["more"] is not None:
            n += 0.5
        if n < _LONGEST:
            factors = next(factors for unit, factors in _IN_OTHERS.items() if found[unit] is not None)
            yield from (n, *(rounded(n * factor) for factor in factors))


def _fractions(text: str) -> Iterator[float]:
    for pattern in (_FRACTION, _FRACTION_OF_HAN, _FRACTION_OF_DIGITS):
        for found in pattern.finditer(text):
            part = float(_NTH[found["part"]]) if found["part"] in _NTH else _value(found["part"])
            if part:
                fraction = _value(found["count"]) / part
                yield from (round(scale * fraction, places) for scale in (1, 100) for places in range(3))
                yield float(math.floor(100 * fraction))
    for found in _OUT_OF.finditer(text):
        count, of = _value(found["count"]), _value(found["part"])
        if count < of <= 100:
            yield from (round(100 * count / of, places) for places in range(3))
    for found in _MIXED_FRACTION.finditer(text):
        yield rounded(float(found["whole"]) + float(found["count"]) / float(found["part"]))
    if _HALF.search(text):
        yield from (0.5, 50.0)


def _halves(text: str) -> Iterator[float]:
    for pattern, more in _AND_A_HALF:
        for found in pattern.finditer(text):
            yield (_value(found["n"]) + more) * MULTIPLIERS.get(found["scale"] or "", 1.0)
    for found in _PART_OF_SCALE.finditer(text):
        part = _PARTS.get(found["n"], 1.5)
        yield from (part, part * MULTIPLIERS.get(found["scale"], 1.0))


def _years(text: str) -> Iterator[float]:
    for pattern in (_DECADE, _DECADE_BEHIND, _DECADE_OF_HAN):
        for found in pattern.finditer(text):
            yield from _of_decade(_value(found["decade"]))
    for found in _DECADE_IN_WORDS.finditer(text):
        yield from _of_decade(float(NUMBER_WORDS[f"{found['decade']}y"]))
    for found in _CENTURY.finditer(text):
        yield 100 * (_value(found["nth"]) - 1)
    for found in _SHORT_YEAR.finditer(text):
        year = _value(found["year"] or found["of_han"])
        if year < 100:
            yield from (1900 + year, 2000 + year)


def _of_decade(decade: float) -> Iterator[float]:
    """1980 is 80, of the 20th century; 80 is 1980."""
    if decade < 100:
        yield from (1800 + decade, 1900 + decade, 2000 + decade)
    else:
        yield from (decade % 100, decade // 100 + 1)
