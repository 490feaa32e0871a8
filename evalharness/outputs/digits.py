"""Numbers in digits of any script, with the words and units behind them. Texts are in normal form NFKC."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from evalharness.outputs.units import LETTERED, MULTIPLIERS, MYRIADS, TENS, rounded

_NUMBER = re.compile(
    r"(?P<before>[^\W\d_][-_‑]?|_)?"
    r"(?P<number>\d+(?:(?:[.,'’\u00a0\u202f ]|, )\d{3}(?!\d))+(?:[.,]\d+)?|\d+(?:[.,]\d+)*)"
    r"(?P<after>\s*[%‰]|\s?[^\W\d_]+)?"
)

_DIGIT = re.compile(r"\d")
_SMALLEST_SOLID = 3  # of integers: one and two hide in "a", "both", "pair" and grammar
_COMMA_THOUSANDS = re.compile(r"[1-9]\d{0,2},\d{3}")
_UNIT_RUN = re.compile(rf" ?[多余餘来來几幾]?([百佰千仟백천{''.join(MYRIADS)}]+)")
# Digits set apart: dates, telephone numbers, decimals in groups.
_APART = re.compile(r"(?<!\d)(?:\d+\.(?:\d\d(?: \d\d)+|\d{5}(?: \d{5})+)(?![\d.,])|\d+(?:[ /()-]{1,2}\d+){2,})")
_RUN = re.compile(r"\d+")
_MOST_GROUPS = 8  # of digits that are joined
_DATE = re.compile(r"\d{4}([/-])\d{1,2}\1\d{1,2}|\d{1,2}([/-])\d{1,2}\2\d{4}")
_SHORT_YEAR = re.compile(r"(?:(?<=\W['’])|(?<=^['’]))\d\d(?!\d)|\d\d(?=年\d{1,2}月|[后後])|0\d(?=年)")
_POINT_AHEAD = re.compile(r"\. ?\d")
_POINT_BEHIND = re.compile(r"\d\. ?$")
_DAYTIMES = ("uhr", "am", "pm", "a", "p")  # a.m., p.m.
_TIME = re.compile(r"\d{1,2}\.\d\d")
_MONTHS_IN_A_YEAR = 12
_SHORTEST_CODE = 7


def in_digits(text: str) -> Iterator[tuple[float, bool]]:
    chain = _Chain(value=0.0, unit=0.0, end=-1)
    numbers = list(_numbers_in_digits(text))
    of_codes = _places_in_codes(text) if len(numbers) > 1 else frozenset()
    for found in numbers:
        readings = _readings(found["number"])
        # With a comma thousands are meant, but for a rare 2,500 of a language with decimal commas.
        is_read = len(readings) == 1 or _COMMA_THOUSANDS.fullmatch(found["number"]) is not None
        units = _UNIT_RUN.match(text, found.end("number"))
        if units is not None:
            unit = math.prod(MYRIADS.get(character) or TENS[character] for character in units[1])
            chain = chain.followed_by(readings[0], unit, start=found.start("number"), end=units.end())
            yield from ((rounded(value * unit), False) for value in readings)
            yield from ((value, False) for value in readings)
            if not _NUMBER.match(text, units.end()):
                is_year = 1900 <= readings[0] < 2100 and unit < 1e4  # 2021百强 are the hundred of a year
                yield rounded(chain.value), is_read and not is_year
            continue
        after = (found["after"] or "").strip().lower()
        if found.start("number") == chain.end:  # 3万5: thousands, where nothing else is said
            yield rounded(chain.value + readings[0] * chain.unit / 10), False
            yield rounded(chain.value + readings[0]), False
        multiplier = MULTIPLIERS.get(after.strip("."))
        if multiplier is not None:
            yield from ((rounded(value * multiplier), is_read and not nth) for nth, value in enumerate(readings))
        if after in LETTERED:
            yield from ((rounded(value * LETTERED[after]), False) for value in readings)
        if after[:1] in ("成", "折"):  # 四成 is 40 %, 八折 20 % off
            yield from ((ten, False) for value in readings for ten in (10 * value, 100 - 10 * value))
        is_sure = (
            is_read
            and multiplier is None
            and after not in LETTERED
            and (readings[0] >= _SMALLEST_SOLID or readings[0] % 1 > 0)
            and found.start("number") not in of_codes
            and not _is_part(found, text, after)
            and not _may_be_written_otherwise(found, text, after)
        )
        yield from ((value, is_sure and not nth) for nth, value in enumerate(readings))


def _numbers_in_digits(text: str) -> Iterator[re.Match[str]]:
    """What `_NUMBER.finditer` finds; it begins two characters before a digit at most, and is slow to look elsewhere."""
    end = 0
    while (digit := _DIGIT.search(text, end)) and (found := _NUMBER.search(text, max(end, digit.start() - 2))):
        yield found
        end = found.end()


def _places_in_codes(text: str) -> frozenset[int]:
    """Where digits begin that may be written in another way: parts of telephone numbers, and months of dates."""
    places: set[int] = set()
    for chain in _APART.finditer(text):
        groups = list(_RUN.finditer(text, chain.start(), chain.end()))
        if _DATE.search(chain[0]):
            places |= {group.start() for group in groups if len(group[0]) <= 2 and int(group[0]) <= _MONTHS_IN_A_YEAR}
        elif "." in chain[0] or sum(len(group[0]) for group in groups) >= _SHORTEST_CODE:
            places |= {group.start() for group in groups}
    return frozenset(places)


def set_apart(text: str) -> Iterator[float]:
    """The values of digits that are set apart, joined: telephone numbers, and decimals in groups."""
    for chain in _APART.finditer(text):
        groups = _RUN.findall(chain[0])[:_MOST_GROUPS]
        if "." in chain[0]:
            yield float(f"{groups[0]}.{''.join(groups[1:])}")
            continue
        for first, last in combinations(range(len(groups) + 1), 2):
            joined = "".join(groups[first:last])
            if last - first > 1 and len(joined) >= _SHORTEST_CODE:
                yield float(joined)


def _is_part(found: re.Match[str], text: str, after: str) -> bool:
    """Whether digits belong to a code (COVID-19, 3D), a fraction, or a month that may as well be named."""
    before = found["before"] or ""
    is_attached = before[:1] == "_" or (before[:1].isascii() and bool(before))
    is_coded = after[:1].isascii() and after[:1].isalpha() and not (found["after"] or "").startswith(" ")
    ahead = text[: found.start("number")][-3:]
    in_fraction = text.startswith(("分之", "⁄"), found.end("number")) or (
        ahead.endswith(("分之", "⁄")) and ahead not in ("百分之", "千分之")
    )
    is_month = after[:1] in ("月", "월") and len(found["number"]) <= 2
    return is_attached or is_month or in_fraction or (is_coded and len(found["number"]) < 2)


def _may_be_written_otherwise(found: re.Match[str], text: str, after: str) -> bool:
    """Whether digits are a year without its century ('98, 95后), a time of day with a point (15.30 Uhr), a part of a
    code with points (424.10. 0.20) or a list (1,1)."""
    number = found["number"]
    start, end = found.span("number")
    if number.isdigit():
        return len(number) == 2 and _SHORT_YEAR.match(text, start) is not None
    return (
        (after in _DAYTIMES and _TIME.fullmatch(number) is not None)
        or _POINT_AHEAD.match(text, end) is not None
        or _POINT_BEHIND.search(text[max(start - 3, 0) : start]) is not None
        or ("," in number and text[:start][-1:] in ("(", "[") and text[end : end + 1] in (")", "]"))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chain:
    """Digits with units in a row, as in 1亿2000万: their value, the last unit and where they end in the text."""

    value: float
    unit: float
    end: int

    def followed_by(self, value: float, unit: float, *, start: int, end: int) -> _Chain:
        is_continued = start == self.end and unit < self.unit
        return _Chain(value=(self.value if is_continued else 0.0) + value * unit, unit=unit, end=end)


def _readings(number: str) -> list[float]:
    """The values a number in digits may have: "2,500" and "2.500" have two, "1,234,567" and "3.5" one."""
    if ", " in number:  # a list, or a thousands separator gone astray
        return [float(re.sub(r"\D", "", number)), *map(float, re.findall(r"\d+", number))]
    plain = re.sub(r"[\s'’]", "", number)
    separators = [character for character in plain if character in ".,"]
    if not separators:
        if plain != number:  # digits set apart by spaces may be several numbers
            return [float(plain), *map(float, re.split(r"[\s'’]", number))]
        return [float(plain)]
    kinds = set(separators)
    if len(kinds) == 2:
        last = separators[-1]
        if separators.count(last) == 1:
            other = "," if last == "." else "."
            return [float(plain.replace(other, "").replace(last, "."))]
        return [float(part) for part in re.split("[.,]", plain)]
    separator = separators[0]
    parts = plain.split(separator)
    as_thousands = all(len(part) == 3 for part in parts[1:]) and len(parts[0]) <= 3 and parts[0] != "0"
    if len(separators) > 1:
        whole = [float("".join(parts))] if as_thousands else []
        return whole or [float(part) for part in parts]  # a date, a version, a list
    decimal = float(plain.replace(",", "."))
    if as_thousands:
        joined = float("".join(parts))
        return [joined, decimal]
    return [decimal] if separator == "." or len(parts[1]) <= 2 else [decimal, *map(float, parts)]
