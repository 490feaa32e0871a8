"""The numbers a text names: in digits of any script, in Chinese and Japanese numerals, in English words.

Numbers are compared by value, so that 1.2万, 12,000, 12 thousand and twelve thousand are one. What is read as a number
beyond doubt is `solid`; what might be one (a numeral in an idiom, "a dozen", the hours of an afternoon, either reading
of "2,500") is `possible`, and only excuses.
"""

from __future__ import annotations

import functools
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_DIGITS: Mapping[str, int] = {
    **{character: value for value, character in enumerate("零一二三四五六七八九")},
    **{character: value for value, character in enumerate("零壹贰叁肆伍陆柒捌玖")},
    "〇": 0,
    "○": 0,
    "两": 2,
    "兩": 2,
    "貳": 2,
    "贰": 2,
    "參": 3,
    "叁": 3,
    "陸": 6,
    "壱": 1,
    "弐": 2,
    "幺": 1,
}
_TENS: Mapping[str, int] = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000, "백": 100, "천": 1000}
_MYRIADS: Mapping[str, float] = {
    **dict.fromkeys(("万", "萬", "만"), 1e4),
    **dict.fromkeys(("亿", "億", "억"), 1e8),
    **dict.fromkeys(("兆", "조"), 1e12),
}
# Words for thousands and millions behind a number in digits. "k", "m" and the like are also units of length or memory.
_MULTIPLIERS: Mapping[str, float] = {
    **dict.fromkeys(("hundred", "hundert"), 1e2),
    **dict.fromkeys(
        ("thousand", "tausend", "tsd", "mille", "mil", "mila", "тыс", "тысяч", "тысячи", "тисяч", "tisíc"), 1e3
    ),
    **dict.fromkeys(("million", "millions", "mln", "mio", "millionen", "millón", "millones", "milhão", "milhões"), 1e6),
    **dict.fromkeys(("milione", "milioni", "миллион", "миллиона", "миллионов", "млн", "мільйонів", "мільйони"), 1e6),
    **dict.fromkeys(("milion", "miliony", "milionů", "milionów"), 1e6),
    **dict.fromkeys(("billion", "billions", "bn", "mrd", "milliarden", "milliarde", "milliard", "milliards"), 1e9),
    **dict.fromkeys(
        ("miliardi", "миллиард", "миллиарда", "миллиардов", "млрд", "мільярдів", "miliardy", "miliard"), 1e9
    ),
    **dict.fromkeys(("trillion", "trillions", "billionen", "трлн"), 1e12),
    **dict.fromkeys(("crore",), 1e7),
    **dict.fromkeys(("lakh",), 1e5),
}
_LETTERED: Mapping[str, float] = {"k": 1e3, "m": 1e6, "mn": 1e6, "b": 1e9, "bn": 1e9, "t": 1e12, "w": 1e4}

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
_SCALES: Mapping[str, int] = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
# The words above by themselves and in the plural: "eighties", "millions".
_SINGULARS: dict[str, str] = {
    form: word
    for word in (*_WORDS, *_ORDINALS, *_SCALES)
    for form in (word, f"{word}s", *([f"{word[:-1]}ies"] if word.endswith("y") else []))
}
# Words that may stand for a number, and the numbers; they only excuse.
_LOOSE: Mapping[str, tuple[float, ...]] = {
    **dict.fromkeys(
        ("a", "an", "once", "single", "sole", "only", "another", "each", "per", "mono", "solo", "every"), (1.0,)
    ),
    **dict.fromkeys(
        ("both", "pair", "couple", "twice", "double", "dual", "twin", "twins", "either", "bi", "duo"), (2.0,)
    ),
    **dict.fromkeys(("half", "halves", "halved", "semi"), (0.5, 2.0, 5.0, 30.0, 50.0)),
    **dict.fromkeys(("triple", "tripled", "thrice", "trio", "tri", "trilogy"), (3.0,)),
    **dict.fromkeys(("quarter", "quarters", "quarterly"), (0.25, 4.0, 15.0, 25.0, 3.0)),
    **dict.fromkeys(("decade", "decades", "decimal", "tens"), (10.0,)),
    **dict.fromkeys(("dozen", "dozens"), (12.0, 10.0)),
    **dict.fromkeys(("noon", "midday", "midnight"), (0.0, 12.0, 24.0)),
    **dict.fromkeys(("century", "centuries", "hundreds", "centennial", "centenary", "cent"), (100.0,)),
    **dict.fromkeys(("millennium", "millennia", "millennial"), (1000.0,)),
    **dict.fromkeys(("week", "weeks", "weekly"), (7.0,)),
    **dict.fromkeys(("fortnight", "biweekly"), (14.0, 2.0)),
    **dict.fromkeys(("year", "years", "annual"), (12.0, 1.0, 365.0)),
    **dict.fromkeys(("day", "days", "round-the-clock", "daily"), (24.0, 1.0)),
    **dict.fromkeys(("quadruple", "quartet"), (4.0,)),
    "score": (20.0,),
    "doubled": (2.0,),
    "thousands": (1000.0, 1e4),
    "millions": (1e6,),
    "billions": (1e9,),
    "fully": (100.0,),
    "sweet": (16.0,),
}
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_NTH_MONTH = {name: nth for nth, month in enumerate(_MONTHS, 1) for name in (month, month[:3])}

_NUMBER = re.compile(
    r"(?P<before>[^\W\d_][-_‑]?|_)?"
    r"(?P<number>\d+(?:(?:[.,'’\u00a0\u202f ]|, )\d{3}(?!\d))+(?:[.,]\d+)?|\d+(?:[.,]\d+)*)"
    r"(?P<after>\s*[%‰]|\s?[^\W\d_]+)?"
)
_CHINESE = re.compile(
    rf"(?:第|百分之|千分之)?[{''.join(_DIGITS)}{''.join(_TENS)}万萬亿億兆]"
    rf"[{''.join(_DIGITS)}{''.join(_TENS)}万萬亿億兆点點多余几幾数數来來]*"
)
# Every solid number has one of these; nine texts in ten have none.
_PARTS_OF_SOLID = (
    *("teen", "twent", "thirt", "fort", "fift", "sixt", "sevent", "eight", "ninet", "hundred", "thousand", "illion"),
)
_MAY_BE_SOLID = re.compile(
    rf"\d|[{''.join(_DIGITS)}{''.join(_TENS)}{''.join(_MYRIADS)}]{{2}}|{'|'.join(_PARTS_OF_SOLID)}", re.IGNORECASE
)
_DIGIT = re.compile(r"\d")
_ENGLISH = re.compile(r"[a-z]+")
_HALVES = re.compile(
    r"\b(?:([a-z]+|[0-9]+) and (?:a|one) half|(half|a quarter)(?: of)? an?) (hundred|thousand|million|billion|trillion)"
)
_SMALLEST_SOLID = 3  # one and two hide in "a", "both", "pair" and grammar
_SMALLEST_SOLID_IN_WORDS = 13  # smaller ones stand in idioms
_FIRST_YEAR, _LAST_YEAR = 1000, 2099  # in numerals without units; 三四五六 is a list
_COMMA_THOUSANDS = re.compile(r"[1-9]\d{0,2},\d{3}")
_UNIT_RUN = re.compile(rf" ?[多余餘来來几幾]?([百佰千仟백천{''.join(_MYRIADS)}]+)")
_TIME = re.compile(rf"\d\s*[:hH]|\b[ap]\.?m\b|o'clock|[上下]午|[\d{''.join(_DIGITS)}十]\s?[點点時时]", re.IGNORECASE)
_SHORT_YEAR = re.compile("[年'’]")
_TOO_LARGE = 1e18


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Values by how sure they are; `solid` ones are possible too, and so are hours twelve before or after (`lacks`).
    `digits` are all digits of the text in a row."""

    solid: frozenset[float]
    possible: frozenset[float]
    digits: str
    text: str


def may_have_solid(text: str) -> bool:
    """Whether `numbers_of` may find a solid number, at a small part of its cost; where not, it finds none."""
    if text.isascii():  # the same, five times as fast
        return _DIGIT.search(text) is not None or any(map(text.lower().__contains__, _PARTS_OF_SOLID))
    return _MAY_BE_SOLID.search(text) is not None


@functools.lru_cache(maxsize=1 << 17)
def numbers_of(text: str) -> Numbers:
    """The numbers of a text in any language; words are read as English, which other languages' are not taken for but
    by a rare chance."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    found = [*_in_digits(text), *_in_english(text.lower()), *([] if text.isascii() else _in_chinese(text))]
    named = [(value, is_solid) for value, is_solid in found if value < _TOO_LARGE]  # a loop of digits is infinite
    solid = {value for value, is_solid in named if is_solid}
    possible = {value for value, _ in named}
    possible |= {value % 100 for value in possible if 1900 <= value < 2100}  # the 90s, and the year 98
    if _SHORT_YEAR.search(text):
        possible |= {1900 + value for value in possible if 0 < value < 100}
        possible |= {2000 + value for value in possible if 0 <= value < 50}
    possible |= {value // 100 + 1 for value in possible if 1000 <= value < 2100}  # 20世纪80年代 are the 1980s
    digits = "".join(str(int(digit)) for digit in _DIGIT.findall(text))
    return Numbers(solid=frozenset(solid), possible=frozenset(possible), digits=digits, text=text)


def lacks(text: Numbers, value: float) -> bool:
    """Whether a text has a number in no reading; parts of long ones, such as telephone numbers, may be set apart."""
    if value in text.possible or _is_hour(text, value):
        return False
    digits = (f"{value:.0f}" if value == int(value) else str(value).replace(".", "")).rstrip("0")
    return len(digits) < 3 or digits not in text.digits


def _is_hour(text: Numbers, value: float) -> bool:
    """Whether a text has the hour twelve hours before or after, and speaks of times."""
    hours = [hour for hour in (value - 12, value + 12) if max(hour, value) <= 24]
    return not text.possible.isdisjoint(hours) and _TIME.search(text.text) is not None


def _in_digits(text: str) -> Iterator[tuple[float, bool]]:
    chain = _Chain(value=0.0, unit=0.0, end=-1)
    for found in _numbers_in_digits(text):
        readings = _readings(found["number"])
        # With a comma thousands are meant, but for a rare 2,500 of a language with decimal commas.
        is_read = len(readings) == 1 or _COMMA_THOUSANDS.fullmatch(found["number"]) is not None
        units = _UNIT_RUN.match(text, found.end("number"))
        if units is not None:
            unit = math.prod(_MYRIADS.get(character) or _TENS[character] for character in units[1])
            chain = chain.followed_by(readings[0], unit, start=found.start("number"), end=units.end())
            yield from ((_rounded(value * unit), False) for value in readings)
            yield from ((value, False) for value in readings)
            if not _NUMBER.match(text, units.end()):
                is_year = 1900 <= readings[0] < 2100 and unit < 1e4  # 2021百强 are the hundred of a year
                yield _rounded(chain.value), is_read and not is_year
            continue
        after = (found["after"] or "").strip().lower()
        if found.start("number") == chain.end:  # 3万5: thousands, where nothing else is said
            yield _rounded(chain.value + readings[0] * chain.unit / 10), False
            yield _rounded(chain.value + readings[0]), False
        multiplier = _MULTIPLIERS.get(after.strip("."))
        if multiplier is not None:
            yield from ((_rounded(value * multiplier), is_read and not nth) for nth, value in enumerate(readings))
        if after in _LETTERED:
            yield from ((_rounded(value * _LETTERED[after]), False) for value in readings)
        if after[:1] in ("成", "折"):  # 四成 is 40 %, 八折 20 % off
            yield from ((ten, False) for value in readings for ten in (10 * value, 100 - 10 * value))
        is_sure = multiplier is None and after not in _LETTERED and is_read and not _is_part(found, text, after)
        yield from ((value, is_sure and not nth and value >= _SMALLEST_SOLID) for nth, value in enumerate(readings))


def _numbers_in_digits(text: str) -> Iterator[re.Match[str]]:
    """What `_NUMBER.finditer` finds; it begins two characters before a digit at most, and is slow to look elsewhere."""
    end = 0
    while (digit := _DIGIT.search(text, end)) and (found := _NUMBER.search(text, max(end, digit.start() - 2))):
        yield found
        end = found.end()


def _is_part(found: re.Match[str], text: str, after: str) -> bool:
    """Whether digits belong to a code (COVID-19, 3D), a fraction, or a month that may as well be named."""
    before = found["before"] or ""
    is_attached = before[:1] == "_" or (before[:1].isascii() and bool(before))
    is_coded = after[:1].isascii() and after[:1].isalpha() and not (found["after"] or "").startswith(" ")
    ahead = text[: found.start("number")][-3:]
    in_fraction = text.startswith("分之", found.end("number")) or (
        ahead.endswith("分之") and ahead not in ("百分之", "千分之")
    )
    return is_attached or after[:1] in ("月", "월") or in_fraction or (is_coded and len(found["number"]) < 2)


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


def _in_chinese(text: str) -> Iterator[tuple[float, bool]]:
    for found in _CHINESE.finditer(text):
        run = found[0]
        before, after = text[: found.start()][-1:], text[found.end() :][:2]
        body = run.removeprefix("第").removeprefix("百分之").removeprefix("千分之")
        for character in body:
            if character in _DIGITS:
                yield float(_DIGITS[character]), False
            elif character in _TENS:
                yield float(_TENS[character]), False
            elif character in _MYRIADS:
                yield _MYRIADS[character], False
        core = body.rstrip("点點多余几幾数數来來")
        values = _chinese_values(core)
        has_unit = any(character in _TENS or character in _MYRIADS for character in core)
        is_year = not has_unit and len(core) == 4 and len(values) == 1 and _FIRST_YEAR <= values[0] <= _LAST_YEAR
        in_fraction = after == "分之" or (before == "之" and not body.startswith(("百分", "千分")))
        if after[:1] in ("成", "折"):
            yield from ((ten, False) for value in values for ten in (10 * value, 100 - 10 * value))
        for value in values:
            yield (
                value,
                (
                    len(values) == 1
                    and not in_fraction
                    and not before.isdigit()
                    and after[:1] not in ("月", "分")
                    and (
                        is_year
                        or (has_unit and len(core) > 1 and core[0] in _DIGITS and value >= _SMALLEST_SOLID_IN_WORDS)
                    )
                    and not set(body) & set("几幾数數")
                ),
            )


def _chinese_values(run: str) -> list[float]:
    """The values of a run of numerals; several where digits stand side by side before a unit, as in 两三百."""
    run = re.sub("[多余来來几幾数數]", "", run)
    if not run:
        return []
    whole, _, decimals = re.sub("[點]", "点", run).partition("点")
    if decimals:
        match = re.fullmatch(rf"([{''.join(_DIGITS)}]+)(.*)", decimals)
        if match is None:
            return [*_chinese_values(whole), *_chinese_values(decimals)]
        fraction = float("0." + "".join(str(_DIGITS[character]) for character in match[1]))
        unit = 1.0
        for character in match[2]:
            unit *= _MYRIADS.get(character) or _TENS.get(character) or 1
        return [_rounded((value + fraction) * unit) for value in _chinese_values(whole)] + [
            float(_DIGITS[character]) for character in match[1]
        ]
    if all(character in _DIGITS for character in whole):
        joined = float("".join(str(_DIGITS[character]) for character in whole))
        return [joined] if len(whole) in (1, 4) or len(whole) > 4 else [joined, *(float(_DIGITS[c]) for c in whole)]
    total = section = 0.0
    digits: list[int] = []
    readings: list[float] | None = None
    last_unit = 1.0
    for character in whole:
        if character in _DIGITS:
            if _DIGITS[character] or not digits:
                digits.append(_DIGITS[character])
        elif character in _TENS:
            meaning = [digit for digit in digits if digit] or [1]
            if len(meaning) > 1:
                readings = [float(digit * _TENS[character]) for digit in meaning]
            section += meaning[-1] * _TENS[character]
            last_unit, digits = _TENS[character], []
        else:
            meaning = [digit for digit in digits if digit]
            section += meaning[-1] if meaning else 0.0
            if total < _MYRIADS[character]:  # 五万亿 is five million million
                total = (total + section or 1.0) * _MYRIADS[character]
            else:
                total += (section or 1.0) * _MYRIADS[character]
            section, last_unit, digits = 0.0, _MYRIADS[character], []
    rest = [digit for digit in digits if digit]
    is_short = len(rest) == 1 and last_unit >= 100 and 0 not in digits and not whole.endswith(("十", "百", "千"))
    value = total + section + (rest[-1] if rest else 0)
    values = [value]
    if is_short and digits and whole[-2] not in "零〇":  # 三万五 is 35,000
        values = [total + section + rest[-1] * last_unit / 10, value]
    if len(rest) > 1:  # 十七八
        values = [total + section + digit for digit in rest]
    return [*values, *(readings or [])]


def _in_english(text: str) -> Iterator[tuple[float, bool]]:
    for found in _HALVES.finditer(text) if "half" in text or "quarter" in text else ():
        count, part, scale = found.groups()
        whole = float(count) if (count or "").isdigit() else float(_WORDS.get(count or "", 1 if count == "a" else 0))
        yield (whole + (0.25 if part == "a quarter" else 0.5)) * _SCALES[scale], False
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
            yield from _english_values(run)  # "ten thousand, four-wheel drive", "the second hundred years"
            run = []
        if word in _SINGULARS:
            run.append(_SINGULARS[word])
        elif run and word in ("and", "a", "point"):
            run.append(word)
        elif run:
            yield from _english_values(run)
            run = []
    yield from _english_values(run)


def _english_values(run: list[str]) -> Iterator[tuple[float, bool]]:
    """The value of number words in a row, and of each by itself."""
    if not run:
        return
    for word in run:
        for table in (_WORDS, _ORDINALS, _SCALES):
            if word in table:
                yield float(table[word]), False
    total = section = last = 0.0
    values = []
    point = 0.0
    for word in run:
        if word in ("and", "a"):
            continue
        if word == "point":
            point = 0.1
            continue
        number = _WORDS.get(word, _ORDINALS.get(word))
        if number is None:
            scale = _SCALES[word]
            if scale == 100:
                section = (section or 1.0) * 100
            else:
                total += (section or 1.0) * scale
                section = 0.0
            last = scale
        elif point:
            section += number * point
            point /= 10
        elif last and last < 100 and not (20 <= last < 100 and number < 10):
            values.append(total + section)  # another number begins: "nineteen eighty-four", "three four"
            total, section, last = 0.0, float(number), float(number)
        else:
            section += number
            last = float(number)
        if section >= 100 and number is not None and number >= 1:
            last = float(number)
    values.append(total + section)
    if len(values) == 2 and all(10 <= value < 100 for value in values):
        yield 100 * values[0] + values[1], False  # a year
    has_scale = any(word in _SCALES for word in run)
    starts = run[0] not in _SCALES
    for value in values:
        is_solid = len(values) == 1 and value >= _SMALLEST_SOLID_IN_WORDS and starts and (not has_scale or len(run) > 1)
        yield _rounded(value), is_solid and not (run[0] == "one" and has_scale)


def _rounded(value: float) -> float:
    return float(f"{value:.12g}")
