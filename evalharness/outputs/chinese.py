"""Numbers in Chinese numerals, which Japanese has too."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from evalharness.outputs.units import DIGITS, MYRIADS, TENS, rounded

_CHINESE = re.compile(
    rf"(?:第|百分之|千分之)?[{''.join(DIGITS)}{''.join(TENS)}万萬亿億兆]"
    rf"[{''.join(DIGITS)}{''.join(TENS)}万萬亿億兆点點多余几幾数數来來]*"
)
_ZEROS = "零〇○"
_LONGEST = 24  # numerals; what is longer is a loop
_SMALLEST_SOLID = 13  # smaller ones stand in idioms
_FIRST_YEAR, _LAST_YEAR = 1000, 2099  # in numerals without units; 三四五六 is a list


def in_chinese(text: str) -> Iterator[tuple[float, bool]]:
    for found in _CHINESE.finditer(text):
        run = found[0]
        before, after = text[: found.start()][-1:], text[found.end() :][:2]
        body = run.removeprefix("第").removeprefix("百分之").removeprefix("千分之")
        for character in body:
            if character in DIGITS:
                yield float(DIGITS[character]), False
            elif character in TENS:
                yield float(TENS[character]), False
            elif character in MYRIADS:
                yield MYRIADS[character], False
        core = body.rstrip("点點多余几幾数數来來")
        values = chinese_values(core)
        if after[:1] in ("成", "折"):
            yield from ((ten, False) for value in values for ten in (10 * value, 100 - 10 * value))
        in_fraction = after == "分之" or (before == "之" and not body.startswith(("百分", "千分")))
        is_apart = not in_fraction and not before.isdigit() and after[:1] not in ("月", "分")
        is_sure = len(values) == 1 and is_apart and not set(body) & set("几幾数數") and _is_solid(core, values[0])
        yield from ((value, is_sure) for value in values)


def _is_solid(numerals: str, value: float) -> bool:
    if all(character in DIGITS for character in numerals):
        return len(numerals) == 4 and _FIRST_YEAR <= value <= _LAST_YEAR
    has_unit = any(character in TENS or character in MYRIADS for character in numerals)
    return has_unit and len(numerals) > 1 and numerals[0] in DIGITS and value >= _SMALLEST_SOLID


def chinese_values(run: str) -> list[float]:
    """The values of a run of numerals; several where digits stand side by side before a unit, as in 两三百."""
    run = re.sub("[多余来來几幾数數]", "", run)
    if not 0 < len(run) <= _LONGEST:
        return []
    whole, _, decimals = run.replace("點", "点").partition("点")
    if decimals:
        return _with_decimals(whole, decimals)
    if all(character in DIGITS for character in whole):
        joined = float("".join(str(DIGITS[character]) for character in whole))
        return [joined] if len(whole) in (1, 4) or len(whole) > 4 else [joined, *_each(whole)]
    return _with_units(whole)


def _with_decimals(whole: str, decimals: str) -> list[float]:
    match = re.fullmatch(rf"([{''.join(DIGITS)}]+)(.*)", decimals)
    if match is None:
        return [*chinese_values(whole), *chinese_values(decimals)]
    fraction = float("0." + "".join(str(DIGITS[character]) for character in match[1]))
    unit = math.prod(MYRIADS.get(character) or TENS.get(character) or 1 for character in match[2])
    return [rounded((value + fraction) * unit) for value in chinese_values(whole)] + _each(match[1])


def _with_units(run: str) -> list[float]:
    """Split at the largest unit: what is before it is multiplied, what is behind it added. 五万亿 is five million
    million."""
    run = run.lstrip(_ZEROS)
    units = [(_unit(character), place) for place, character in enumerate(run) if character not in DIGITS]
    if not units:
        return _each(run)
    unit, place = max(units)
    rest = run[place + 1 :]
    before = _with_units(run[:place]) or [1.0]
    after = _with_units(rest) or [0.0]
    if unit >= 100 and rest in DIGITS and after != [0.0]:
        after = [after[0] * unit / 10, *after]  # 三万五 is 35,000
    return [value * unit + more for value in before for more in after]


def _unit(character: str) -> float:
    return MYRIADS.get(character) or TENS[character]


def _each(digits: str) -> list[float]:
    return [float(DIGITS[digit]) for digit in digits]
