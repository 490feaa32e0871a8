"""Which numbers a text names, worked out by hand."""

from __future__ import annotations

import json

import pytest
from conftest import REPOSITORY
from data_folder import wmt22

from evalharness.outputs.numerals import lacks, may_have_solid, numbers_of

MANY = 10**9


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("12,000", {12000}),
        ("1,234,567.8", {1234567.8}),
        ("1.234.567,8", {1234567.8}),
        ("3.50", {3.5}),
        ("１２％", {12}),
        ("٢٠٢٤", {2024}),
        ("2024-12-25", {2024, 12, 25}),
        ("the 25th and the 1990s", {25, 1990}),
        ("3.5亿", {350_000_000}),
        ("1.2万", {12_000}),
        ("820 万美元", {8_200_000}),
        ("50多万", {500_000}),
        ("3万5千", {35_000}),
        ("1亿2000万", {120_000_000}),
        ("1.3万亿", {1_300_000_000_000}),
        ("2천만", {20_000_000}),
        ("二十五", {25}),
        ("一百零五", {105}),
        ("三千五百", {3500}),
        ("兩萬三千", {23_000}),
        ("一亿两千万", {120_000_000}),
        ("五万亿", {5_000_000_000_000}),
        ("一百二十三万四千五百六十七", {1_234_567}),
        ("百分之七十", {70}),
        ("第二十一届", {21}),
        ("二〇二四年", {2024}),
        ("一九九八年", {1998}),
        ("twenty-five thousand", {25_000}),
        ("Two hundred and fifty-six", {256}),
        ("1.2 billion and 7.1 thousand", {1.2 * MANY, 7100}),
        ("3,5 Millionen, 12 Mrd.", {3_500_000, 12 * MANY}),
        ("ten thousand, four-wheel drive", {10_000}),
        ("the twenty-first century", {21}),
        ("in the eighties", {80}),
    ],
)
def test_what_is_a_number_beyond_doubt(text: str, values: set[float]) -> None:
    assert set(numbers_of(text).solid) == values
    assert may_have_solid(text)


@pytest.mark.parametrize(
    "text",
    [
        "一些 一下 十分 万一 千万不要 三心二意 乱七八糟 四面八方 一一",
        "one of them, a second time, at first, on the one hand",
        "hundreds of thousands of people, a thousand times",
        "两三百 十七八 几十 数百",  # which number is open
        "三四五六年级",  # a list of four
        "COVID-19 3D 5G JSQ6 H2O #NUMBER_1#",
        "12月",  # December
        "三分之一 3分之1",
        "2021百强",  # the hundred of 2021
        "12K 40m",  # thousands, metres
        "2 1 0",  # too small to be sure of
    ],
)
def test_what_may_be_none(text: str) -> None:
    assert numbers_of(text).solid == frozenset()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("half a million", 500_000),
        ("two and a half million", 2_500_000),
        ("a dozen", 12),
        ("nineteen eighty-four", 1984),
        ("下午3点", 15),
        ("at 3 p.m.", 15),
        ("at 15:30", 3),
        ("70年代", 1970),
        ("the 1970s", 70),
        ("the 1980s", 20),  # of 20世纪
        ("December", 12),
        ("4成", 40),
        ("六成", 60),
        ("3万5", 35_000),
        ("两三百", 300),
        ("12K", 12_000),
        ("2,500", 2.5),
        ("2.500", 2500),
        ("3, 200", 3200),
        ("Call 138 0013 8000", 13800138000),
    ],
)
def test_what_excuses(text: str, value: float) -> None:
    assert not lacks(numbers_of(text), value)


@pytest.mark.parametrize(
    ("text", "value"), [("6,000", 600), ("600", 6000), ("13", 3), ("0.71 million", 7100), ("twelve", 20)]
)
def test_what_does_not(text: str, value: float) -> None:
    assert lacks(numbers_of(text), value)


def test_the_quick_question_forgets_nothing() -> None:
    lines = (REPOSITORY / "references/zhengzhou/segments.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    texts = [text for one in map(json.loads, lines) for text in (one["source"], *one["references"])]
    assert [text for text in texts if numbers_of(text).solid and not may_have_solid(text)] == []
    assert not may_have_solid("今天天气一般，他说了一句话。")


@pytest.mark.slow
def test_the_quick_question_forgets_nothing_of_wmt22() -> None:
    for name in ("src.zh", "ref.A.en", "hyp/Online-A.en"):
        texts = (wmt22() / name).read_text(encoding="utf-8").split("\n")[:-1]
        assert [text for text in texts if numbers_of(text).solid and not may_have_solid(text)] == []
