"""Numerals and units, and what they stand for."""

from __future__ import annotations

from collections.abc import Mapping

DIGITS: Mapping[str, int] = {
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
TENS: Mapping[str, int] = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000, "백": 100, "천": 1000}
MYRIADS: Mapping[str, float] = {
    **dict.fromkeys(("万", "萬", "만"), 1e4),
    **dict.fromkeys(("亿", "億", "억"), 1e8),
    **dict.fromkeys(("兆", "조"), 1e12),
}
# Words for thousands and millions behind a number in digits. "k", "m" and the like are also units of length or memory.
MULTIPLIERS: Mapping[str, float] = {
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
    **dict.fromkeys(
        ("ألف", "آلاف", "الف", "duizend", "tusen", "bin", "ribu", "nghìn", "ezer", "אלף", "हजार", "हज़ार"), 1e3
    ),
    **dict.fromkeys(("مليون", "ملايين", "ملیون", "میلیون", "miljoen", "miljoner", "millioner", "miljoonaa"), 1e6),
    **dict.fromkeys(("milyon", "juta", "triệu", "millió", "מיליון"), 1e6),
    **dict.fromkeys(("مليار", "مليارات", "میلیارد", "miljard", "miljarder", "milliarder", "miljardia"), 1e9),
    **dict.fromkeys(("milyar", "miliar", "tỷ", "milliárd", "מיליארד"), 1e9),
    **dict.fromkeys(("trillion", "trillions", "billionen", "трлн"), 1e12),
    **dict.fromkeys(("crore", "crores", "करोड़"), 1e7),
    **dict.fromkeys(("lakh", "lakhs", "लाख"), 1e5),
}
LETTERED: Mapping[str, float] = {"k": 1e3, "m": 1e6, "mn": 1e6, "b": 1e9, "bn": 1e9, "t": 1e12, "w": 1e4}


def rounded(value: float) -> float:
    """A value that was multiplied, as if it had been written: 0.1 * 3 is 0.3."""
    return float(f"{value:.12g}")
