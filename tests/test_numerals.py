"""Which numbers a text names, worked out by hand."""

from __future__ import annotations

import json
import re
import time

import pytest
from conftest import REPOSITORY
from data_folder import wmt22
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.outputs.examined import Examined, TestSetTexts
from evalharness.outputs.numbers import odd_numbers
from evalharness.outputs.numerals import lacks, may_have_solid, numbers_of
from evalharness.outputs.settings import OutputSettings
from evalharness.records import LanguagePair, Segment

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
        ("2024-12-25", {2024, 25}),  # a month may as well be named
        ("2.5% and 0.8%", {2.5, 0.8}),
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
        ("three point five million and sixty", {3_500_060}),
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
        "[1,1] 424.10. 0.20. 02.002",  # a list, a code
        "'98 95后 98年5月",  # without a century
        "百" * 5000 + "一二百" * 2000 + "1" * 5000,  # loops
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
        ("三万五", 35_000),
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


def flagged(lp: str, source: str, reference: str | None, hypothesis: str) -> bool:
    references = () if reference is None else (reference,)
    segment = Segment(id="1", source=source, references=references)
    one = Examined(text=hypothesis, segment=segment, of_systems=(hypothesis,))
    testset = TestSetTexts(language_pair=LanguagePair.parse(lp), references=references)
    return any(odd_numbers([one], testset, OutputSettings()))


@pytest.mark.parametrize(
    ("lp", "source", "reference", "wrong"),
    [
        ("zh-en", "产量达125万吨。", "Output was 1.25 million tons.", "Output was 12.5 million tons."),
        ("zh-en", "产量达125万吨。", "Output was 1.25 million tons.", "Output was 125 million tons."),
        ("zh-en", "产量达125万吨。", "Output was 1.25 million tons.", "Output was 125,000 tons."),
        ("zh-en", "投资386亿元。", "They invested 38.6 billion yuan.", "They invested 386 billion yuan."),
        ("zh-en", "投资386亿元。", "They invested 38.6 billion yuan.", "They invested 3.86 billion yuan."),
        ("zh-en", "有1250万人。", "There are 12.5 million people.", "There are 1.25 million people."),
        ("zh-en", "人口1.25亿。", "The population is 125 million.", "The population is 12.5 million."),
        ("zh-en", "人口一千二百六十万。", "The population is 12.6 million.", "The population is 1.26 million."),
        ("en-zh", "Output was 1.25 million tons.", "产量达125万吨。", "产量达1250万吨。"),
        ("en-zh", "Output was 1.25 million tons.", "产量达125万吨。", "产量达12.5万吨。"),
        ("en-de", "It cost 125 million euros.", "Es kostete 125 Millionen Euro.", "Es kostete 125 Milliarden Euro."),
        ("en-de", "It rose by 12.5 percent.", "Es stieg um 12,5 Prozent.", "Es stieg um 125 Prozent."),
        ("en-de", "It rose by 1.25 percent.", "Es stieg um 1,25 Prozent.", "Es stieg um 125 Prozent."),
        ("ja-en", "386億円", "38.6 billion yen", "3.86 billion yen"),
        ("de-en", "38,6 Milliarden Euro", "38.6 billion euros", "386 billion euros"),
        ("en-ko", "1.25 million tons", "125만 톤", "1250만 톤"),
        ("ar-en", "٣٫٥ مليون شخص", "3.5 million people", "35 million people"),
        ("zh-en", "增长1.2%。", "It grew by 1.2%.", "It grew by 1.3%."),
        ("zh-en", "增长2.9%。", "It grew by 2.9%.", "It grew by 2.1%."),
        ("de-en", "Es sank um 0,7 Prozent.", "It fell by 0.7 percent.", "It fell by 0.9 percent."),
        ("en-de", "It fell by 0.7 percent.", "Es sank um 0,7 Prozent.", "Es sank um 0,9 Prozent."),
        ("zh-en", "是去年的2.5倍。", "It is 2.5 times last year's.", "It is 1.5 times last year's."),
        ("zh-en", "仅占0.8%。", "It is only 0.8%.", "It is only 0.3%."),
        ("zh-en", "13人于下午3点到达。", "13 people arrived at 3 p.m.", "Some people had a meeting at 3 p.m."),
        ("zh-en", "全市23个区。", "The city has 23 districts.", "The city's districts in 2023."),
        ("zh-en", "全市有23个区。", "The city has 23 districts.", "The city's 2023 districts."),
        ("en-zh", "The city's 23 districts.", "该市23个区。", "该市2023年的区。"),
        ("zh-en", "13人到达。", "13 people came.", "People came at a house at 10:30."),
        ("zh-en", "有24人。", "There were 24 people that day.", "There were people that day."),
        ("zh-en", "有365人。", "365 people came that year.", "People came that year."),
        ("zh-en", "有12人。", "12 people came that year.", "People came that year."),
        ("zh-en", "100人来了。", "100 people came.", "People fully came."),
        ("zh-en", "请拨打13800138000。", "Please call 13800138000.", "Please call 1380013800."),
    ],
)  # fmt: skip
def test_what_is_flagged(lp: str, source: str, reference: str, wrong: str) -> None:
    assert not flagged(lp, source, reference, reference)
    assert flagged(lp, source, reference, wrong)


@pytest.mark.parametrize(
    ("lp", "source", "hypothesis", "is_odd"),
    [
        ("zh-en", "有2000人。", "There were people.", True),
        ("zh-en", "增长1.2%。", "It grew by 1.3%.", True),
        ("zh-en", "有9人。", "There were people.", False),
        ("en-de", "2000 came.", "Viele kamen.", False),  # zweitausend
        ("en-de", "2371 came.", "Viele kamen.", True),
        ("en-de", "2.5 percent", "anderthalb Prozent", False),
        ("en-de", "2.3 percent", "1,3 Prozent", True),
    ],
)
def test_without_references(lp: str, source: str, hypothesis: str, is_odd: bool) -> None:
    assert flagged(lp, source, None, hypothesis) == is_odd


@pytest.mark.parametrize(
    ("lp", "source", "reference", "hypothesis"),
    [
        ("en-de", "On 5/12/2023 at 3:30 pm.", "Am 5/12/2023 um 15:30.", "Am 12. Mai 2023 um 15.30 Uhr."),
        ("de-de", "Am 12.5.2023.", "Am 12.5.2023.", "Am 12. Mai 2023."),
        ("en-de", "On 2023-05-12.", "Am 2023-05-12.", "Am 12. Mai 2023."),
        ("ar-en", "٣٫٥ مليون شخص", "They are many.", "3.5 million people"),
        ("ar-en", "١٬٥٠٠ شخص", "They are many.", "1,500 people"),
        ("en-zh", "It took half a year.", "花了半年。", "花了6个月。"),
        ("en-en", "It took half a year.", "It took half a year.", "It took 6 months."),
        ("zh-en", "花了一个半小时。", "It took an hour and a half.", "It took 90 minutes."),
        ("zh-en", "花了一个半小时。", "It took long.", "It took 90 minutes."),
        ("zh-en", "花了1.5小时。", "It took 1.5 hours.", "It took an hour and a half."),
        ("zh-en", "花了两年半。", "It took long.", "It took 2.5 years."),
        ("zh-en", "24小时营业", "Open 24 hours", "Open round the clock"),
        ("zh-en", "24小时营业", "Open 24 hours", "Open day and night"),
        ("zh-en", "75%的人", "75% of people", "Three quarters of people"),
        ("zh-en", "四分之三的人", "Most people", "75% of people"),
        ("zh-en", "33%的人", "33% of people", "A third of people"),
        ("en-zh", "13½ cups", "13.5杯", "13.5杯"),
        ("zh-en", "2.5杯", "2.5 cups", "2 1/2 cups"),
        ("zh-en", "面积25²", "25²", "25 squared"),
        ("en-zh", "0.5% of it", "其0.5%", "其百分之零点五"),
        ("en-zh", "150 million people", "1.5亿人", "一亿五千万人"),
        ("zh-en", "1.3万亿美元", "$1.3 trillion", "1,300 billion dollars"),
        ("hi-en", "1.5 लाख लोग", "many", "150,000 people"),
        ("zh-en", "20%的人", "20% of people", "One in five people"),
        ("zh-en", "一半的人", "Half", "50% of people"),
        ("zh-en", "过半数的人", "Most people", "50% of people"),
        ("en-ru", "1,500 people", "1500 человек", "полторы тысячи человек"),
        ("en-de", "the 16th century", "das 16. Jahrhundert", "das sechzehnte Jahrhundert"),
        ("en-zh", "at 10:30", "10:30", "十点半"),
        ("zh-en", "十点半", "then", "at 10:30"),
        ("zh-en", "下午3点半", "at 3:30", "at 15:30"),
        ("en-ru", "the 1980s", "1980-е годы", "80-е годы"),
        ("en-de", "the 1980s", "die 1980er Jahre", "die 80er Jahre"),
        ("en-en", "the 1980s", "the 1980s", "the 80's"),
        ("en-en", "in 1998", "in 1998", "in '98"),
        ("zh-en", "98年", "then", "in 1998"),
        ("zh-en", "一位95后", "one of the 95 generation", "born after 1995"),
        ("zh-en", "到2021.6.11售出", "June 11, 2021", "6.11. 2021"),
        ("en-en", "3.14 15 92", "3.14 15 92", "3.141592"),
        ("en-en", "3.141592", "3.141592", "3.14 15 92"),
        ("zh-en", "请拨打13800138000。", "Please call 13800138000.", "Please call 138 0013 8000."),
        ("zh-en", "请拨打138-0013-8000。", "Please call 138-0013-8000.", "Please call 13800138000."),
        ("en-en", "It's odd.", "It's odd.", "It&#39;s odd."),
        ("en-en", "It&#39;s odd.", "It&#39;s odd.", "It's odd."),
        ("zh-en", "365天", "365 days", "a year"),
        ("zh-en", "12个月", "12 months", "one year"),
        ("zh-en", "90天", "90 days", "three months"),
        ("en-de", "1.5 million", "1,5 Millionen", "anderthalb Millionen"),
    ],
)  # fmt: skip
def test_what_is_not_flagged(lp: str, source: str, reference: str, hypothesis: str) -> None:
    assert not flagged(lp, source, reference, hypothesis)


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


TEXTS = st.lists(
    st.sampled_from(
        [
            *("1", "23", "2,500", "3.5", "138 0013 8000", "2024-12-25", "3/4", "5/0", "½", "9" * 400, "٣٫٥", "مليون"),
            *("half", "a", "quarters", "third", "and", "of", "an", "hour", "years", "at", "in", "nineteen", "eighty"),
            *("point", "million", "anderthalb", "'98", "80s", "80-е", "p.m.", ":", "30", "&#39;", "&", "(", ")", "/"),
            *("半", "个", "年", "小时", "三", "五十", "一百二", "百", "零", "分之", "点", "时", "年代", "世纪", "后"),
        ]
    )
    | st.characters(),
    max_size=14,
)


@given(TEXTS.map("".join) | TEXTS.map(" ".join))
@settings(max_examples=1000, deadline=None)
def test_any_text_can_be_asked(text: str) -> None:
    numbers = numbers_of(text)
    assert numbers.solid <= numbers.possible
    assert lacks(numbers, -1.0)  # no text has it


def test_loops_take_no_time() -> None:
    for loop in ("一二百", "1", "1 ", "1-", "1.5 ", "half an hour ", "three quarters ", "3点半", "'98 "):
        started = time.perf_counter()
        lacks(numbers_of(loop * 3000), -1.0)
        assert time.perf_counter() - started < 1  # 0.1 s (2026-11)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "factor", "n_planted", "n_found"),
    [  # two of 100 years became 10 years, which the 十 of the sentence excuses
        (r"\d[\d,]*(?:\.\d+)?(?= (?:thousand|million|billion|trillion)\b)", 10, 23, 23),
        (r"\d[\d,]*(?:\.\d+)?(?= (?:thousand|million|billion|trillion)\b)", 0.1, 23, 23),
        (r"\d{3,}(?:\.\d+)?(?![\w,:/-]|\.\d)", 10, 122, 122),
        (r"\d{3,}(?:\.\d+)?(?![\w,:/-]|\.\d)", 0.1, 122, 120),
        (r"\d+\.\d+(?![\w,:/-]|\.\d)", 10, 16, 16),
        (r"\d+\.\d+(?![\w,:/-]|\.\d)", 1.1, 16, 16),
    ],
)
def test_factors_planted_in_references_of_wmt22(pattern: str, factor: float, n_planted: int, n_found: int) -> None:
    sources, references = (
        (wmt22() / name).read_text(encoding="utf-8").split("\n")[:-1] for name in ("src.zh", "ref.A.en")
    )
    planted = [
        flagged("zh-en", source, reference, f"{reference[: found.start()]}{value:.10g}{reference[found.end() :]}")
        for source, reference in zip(sources, references, strict=True)
        for found in re.finditer(rf"(?<![\w.,:/-]){pattern}", reference)
        for value in [float(found[0].replace(",", "")) * factor]
    ]
    assert (len(planted), sum(planted)) == (n_planted, n_found)
