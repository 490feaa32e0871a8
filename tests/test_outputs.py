"""Degenerate hypotheses planted among sound ones are found, each by its name, and nothing else is."""

from __future__ import annotations

import csv
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import REPOSITORY, Finished, write
from data_folder import ted21, wmt22
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import evalharness as eh
from evalharness.errors import ConfigError
from evalharness.metrics.base import Needs
from evalharness.metrics.comet.metric import Comet
from evalharness.metrics.lexical import Bleu, Chrf, Chrfpp, Ter
from evalharness.outputs import find
from evalharness.outputs.find import find_flags
from evalharness.outputs.flags import MEANINGS, UNUSABLE
from evalharness.outputs.numerals import numbers_of
from evalharness.outputs.settings import OutputSettings
from evalharness.records import Array, Floats, LanguagePair, ScoringSegment, Segment, Signature, TestSet
from evalharness.report.table import ScoreCell, TextCell
from evalharness.runs.view import COPY_OF_REFERENCE

ZHENGZHOU = REPOSITORY / "references" / "zhengzhou"


def made(lp: str, *segments: tuple[str | None, str] | tuple[str | None, str, str]) -> TestSet:
    """A test set of (source, reference, ...) in this order."""
    return TestSet(
        name="made",
        language_pair=LanguagePair.parse(lp),
        segments=tuple(
            Segment(id=str(number), source=source, references=tuple(references))
            for number, (source, *references) in enumerate(segments, start=1)
        ),
    )


def zhengzhou() -> TestSet:
    lines = (ZHENGZHOU / "segments.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    return made("zh-en", *((one["source"], *one["references"]) for one in map(json.loads, lines)))


def candidate(name: str) -> list[str]:
    return (ZHENGZHOU / "candidates" / name).read_text(encoding="utf-8").split("\n")[:-1]


def found(
    testset: TestSet, systems: Mapping[str, Sequence[str | None]], chosen: OutputSettings | None = None
) -> dict[tuple[str, int], tuple[str, ...]]:
    """The flags by system and position, of hypotheses that have any."""
    flags = find_flags(testset, list(systems.values()), chosen or OutputSettings())
    return {
        (name, n): of_text
        for name, of_system in zip(systems, flags, strict=True)
        for n, of_text in enumerate(of_system)
        if of_text
    }


def alone(lp: str, source: str, reference: str, hypothesis: str) -> tuple[str, ...]:
    return find_flags(made(lp, (source, reference)), [[hypothesis]], OutputSettings())[0][0]


class TestPlanted:
    """Nine paragraphs by four sound systems and three with faults, of every kind and at known places."""

    SOUND = ("polished", "literal", "gloss")

    def systems(self) -> dict[str, list[str | None]]:
        testset, polished = zhengzhou(), candidate("polished.en")
        first: list[str | None] = [
            None,
            "\u200b \n",
            testset.segments[2].source,
            "In den letzten Jahren hat Zhengzhou an dem Grundsatz festgehalten, dass Projekte an erster Stelle stehen, "
            "und hat eine Reihe großer und guter Projekte in die Stadt geholt, die der Industrie neue Kraft geben.",
            polished[4][:60] + " to work to put" * 30,
            polished[5].replace("131", "137").replace("117", "one hundred and seventeen"),
            f"Sure! Here is the translation:\n\n{polished[6]}",
            polished[7].replace("Zhengzhou will", "**Zhengzhou** <b>will</b>"),
            "Beneath our feet.",
        ]
        second: list[str | None] = [
            polished[0].replace("JSQ6", "满载 JSQ6"),
            polished[1].replace(" 11 months of 2024", " months"),
            f"{polished[2]} {polished[3]} {polished[5]}",
            f"{(testset.segments[3].source or '')[:-6]}，新成绩。",
            "I'm sorry, but I can't translate this text.",
            testset.segments[5].references[0].upper(),
            f"{polished[6]}\n\nNote: the names of places were left as they are.",
            "Чжэнчжоу будет опираться на ведущие предприятия отрасли, чтобы создать цифровые платформы услуг.",
            f"<think>The user wants English.</think>{polished[8]}<|im_end|>",
        ]
        third: list[str | None] = [
            polished[0],
            polished[1][:60] + "。" * 60,
            "哈" * 40,
            f"```\n{polished[3]}\n```",
            f"# {polished[4]}",
            polished[5].replace("69 enterprises", "6.9 million enterprises"),
            "Zhengzhou will build. " * 9,
            "As an AI language model, I cannot see the text that you would like to have in English.",
            testset.segments[8].references[0],
        ]
        sound = {name: candidate(f"{name}.en") for name in self.SOUND}
        return {**sound, "first": first, "second": second, "third": third}

    PLANTED: ClassVar[dict[tuple[str, int], tuple[str, ...]]] = {
        ("first", 0): ("no-hypothesis",),
        ("first", 1): ("empty-hypothesis",),
        ("first", 2): ("copy-of-source",),
        ("first", 3): ("wrong-language",),
        ("first", 4): ("repetition",),
        ("first", 5): ("numbers-missing", "numbers-invented"),  # 131 became 137; 117 in words is no fault
        ("first", 6): ("llm-residue",),
        ("first", 7): ("markup",),
        ("first", 8): ("too-short", "shorter-than-others"),
        ("second", 0): ("untranslated",),
        ("second", 1): ("numbers-missing",),
        ("second", 2): ("too-long", "longer-than-others", "numbers-invented"),
        ("second", 3): ("copy-of-source",),  # but for some characters at the end
        ("second", 4): ("llm-refusal",),
        ("second", 5): ("all-capitals", "copy-of-reference"),
        ("second", 6): ("llm-residue",),
        ("second", 7): ("wrong-script",),
        ("second", 8): ("llm-residue",),
        ("third", 1): ("repetition",),
        ("third", 2): ("repetition",),
        ("third", 3): ("markup",),
        ("third", 4): ("markup",),
        ("third", 5): ("numbers-missing", "numbers-invented"),
        ("third", 6): ("repetition",),
        ("third", 7): ("llm-refusal",),
        ("third", 8): ("copy-of-reference",),
    }

    def test_everything_planted_is_found_and_nothing_else(self) -> None:
        assert found(zhengzhou(), self.systems()) == self.PLANTED

    def test_every_kind_is_planted(self) -> None:
        assert {flag for flags in self.PLANTED.values() for flag in flags} == set(MEANINGS)

    def test_the_order_of_systems_and_segments_does_not_matter(self) -> None:
        testset, systems = zhengzhou(), self.systems()
        rng = random.Random(3)
        order = rng.sample(range(9), 9)
        names = rng.sample(list(systems), len(systems))
        shuffled = replace(testset, segments=tuple(testset.segments[n] for n in order))
        flags = found(shuffled, {name: [systems[name][n] for n in order] for name in names})
        assert {(name, order[n]): of_text for (name, n), of_text in flags.items()} == self.PLANTED

    def test_unchecked_only_what_is_empty_is_flagged(self) -> None:
        assert found(zhengzhou(), self.systems(), OutputSettings(checked=False)) == {
            ("first", 0): ("no-hypothesis",),
            ("first", 1): ("empty-hypothesis",),
        }

    def test_a_reference_has_no_flag_but_that_it_is_one(self) -> None:
        testset = zhengzhou()
        references = [segment.references[0] for segment in testset.segments]
        assert found(testset, {"ref": references}) == {("ref", n): ("copy-of-reference",) for n in range(9)}


# By language pair: source, reference, and a sound hypothesis that is neither.
CLEAN = {
    "zh-en": (
        (
            "他说，这台机器三年前就坏了。",
            "He said the machine had broken down three years ago.",
            "The machine, he said, stopped working three years ago.",
        ),
    ),
    "en-zh": (
        (
            "He said the machine had broken down 3 years ago.",
            "他说这台机器3年前就坏了。",
            "他表示，机器三年前坏掉了。",
        ),
        (
            "The new iPhone 15 Pro Max runs iOS 17.",
            "新款 iPhone 15 Pro Max 运行 iOS 17。",
            "新的iPhone 15 Pro Max搭载iOS 17系统。",
        ),
    ),
    "de-en": (
        (
            "Die Kosten stiegen um 3,5 Millionen Euro auf 12.400.000 Euro.",
            "Costs rose by 3.5 million euros to 12,400,000 euros.",
            "The costs went up by €3.5 million, to €12.4 million.",
        ),
        ("Angela Merkel", "Angela Merkel", "Angela Merkel"),
        ("München", "Munich", "Munich"),
    ),
    "en-de": (
        (
            "Costs rose by 3.5 million euros last year.",
            "Die Kosten stiegen im vergangenen Jahr um 3,5 Millionen Euro.",
            "Im letzten Jahr erhöhten sich die Kosten um 3,5 Mio. Euro.",
        ),
        (
            "The twelve apostles sat at one table.",
            "Die zwölf Apostel saßen an einem Tisch.",
            "An einem Tisch saßen die zwölf Apostel.",
        ),
    ),
    "en-ja": (
        ("The city has 1.2 million inhabitants.", "その都市の人口は120万人です。", "市には120万人の住民がいる。"),
        ("Tokyo Metropolitan Government", "東京都庁", "東京都政府"),
    ),
    "ja-en": (
        (
            "その都市の人口は120万人です。",
            "The city has 1.2 million inhabitants.",
            "That city's population is 1,200,000.",
        ),
    ),
    "en-ru": (
        (
            "The village lies at the foot of the mountain.",
            "Деревня лежит у подножия горы.",
            "Село расположено у подножия горы.",
        ),
    ),
    "en-sr": (
        (
            "The village lies at the foot of the mountain.",
            "Село лежи у подножју планине.",
            "Selo se nalazi u podnožju planine.",
        ),
    ),
    "en-zh_CN": (("The library is closed on Mondays.", "图书馆星期一不开放。", "圖書館星期一不開放。"),),
    "en-cs": (
        (
            "The library is closed on Mondays until the end of May.",
            "Knihovna je do konce května v pondělí zavřená.",
            "Do konce května je knihovna v pondělí mimo provoz.",
        ),
    ),
}
GERMAN = "Das ist ein ganz gewöhnlicher deutscher Satz, den hier niemand erwartet hat."
ENGLISH = "This is quite an ordinary English sentence, which nobody expected to find here."
FRENCH = "Ceci est une phrase française tout à fait ordinaire que personne n'attendait ici."
CHINESE = "这是一个谁也没有料到会在这里出现的普通中文句子。"
JAPANESE = "これはここで誰も予想していなかった、ごく普通の日本語の文です。"
UKRAINIAN = "Це звичайне українське речення, якого тут ніхто не очікував."


class TestLanguages:
    @pytest.mark.parametrize("lp", CLEAN)
    def test_sound_hypotheses_have_no_flag(self, lp: str) -> None:
        testset = made(lp, *((source, reference) for source, reference, _ in CLEAN[lp]))
        assert found(testset, {"mine": [hypothesis for *_, hypothesis in CLEAN[lp]]}) == {}

    @pytest.mark.parametrize(
        ("lp", "hypothesis", "flag"),
        [
            ("zh-en", GERMAN, "wrong-language"),
            ("zh-en", FRENCH, "wrong-language"),
            ("zh-en", JAPANESE, "wrong-script"),
            ("zh-en", CHINESE, "wrong-script"),
            ("de-en", GERMAN, "wrong-language"),
            ("de-en", FRENCH, "wrong-language"),
            ("en-de", ENGLISH, "wrong-language"),
            ("en-de", FRENCH, "wrong-language"),
            ("en-cs", ENGLISH, "wrong-language"),
            ("en-zh", ENGLISH, "wrong-script"),
            ("en-zh", JAPANESE, "wrong-language"),
            ("en-zh_CN", JAPANESE, "wrong-language"),
            ("en-ja", CHINESE, "wrong-language"),
            ("en-ja", ENGLISH, "wrong-script"),
            ("en-ru", UKRAINIAN, "wrong-language"),
            ("en-ru", GERMAN, "wrong-script"),
        ],
    )
    def test_another_language(self, lp: str, hypothesis: str, flag: str) -> None:
        source, reference, _ = CLEAN[lp][0]
        assert flag in alone(lp, source, reference, hypothesis)
        assert {"wrong-language", "wrong-script"} & set(alone(lp, source, reference, hypothesis)) == {flag}

    def test_short_texts_are_in_no_language(self) -> None:
        assert alone("zh-en", "谢谢你。", "Thank you.", "Merci bien!") == ()

    def test_languages_alike_are_not_told_apart(self) -> None:
        danish = "Landsbyen ligger ved foden af bjerget, hvor vejen til dalen begynder."
        norwegian = "Landsbyen ligger ved foten av fjellet, der veien til dalen begynner."
        assert alone("en-no", "The village lies at the foot of the mountain.", norwegian, danish) == ()

    def test_a_language_that_lingua_does_not_know_is_said_and_not_checked(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        breton = "Emañ ar gêriadenn e troad ar menez, e-lec'h ma krog an hent."
        assert alone("en-br", "The village lies at the foot of the mountain.", breton, GERMAN) == ()
        assert len([one for one in caplog.messages if "lingua does not know br" in one]) == 1

    def test_references_in_another_script_than_the_code_says(self) -> None:
        # Uighur is written in Arabic letters, and also in Latin ones, which the code does not say.
        reference, hypothesis = "Bu kitab nahayiti yaxshi we qiziqarliq.", "Bu kitap bek yaxshi hem qiziqarliq iken."
        assert "wrong-script" not in alone("zh-ug", "这本书很好看。", reference, hypothesis)


class TestCopies:
    def test_a_number_or_name_that_stays_is_no_copy(self) -> None:
        assert alone("zh-en", "2024-12-25", "December 25, 2024", "2024-12-25") == ()
        assert alone("de-en", "Angela Merkel", "Mrs. Angela Merkel", "Angela Merkel") == ()
        assert alone("en-zh", "iPhone 15 Pro", "iPhone 15 Pro 手机", "iPhone 15 Pro") == ()

    def test_a_source_that_is_its_own_reference_is_no_copy(self) -> None:
        text = "Rock am Ring 2024: Green Day, Die Ärzte, Queens of the Stone Age"
        assert "copy-of-source" not in alone("de-en", text, text, text.upper())

    def test_a_short_text_that_should_have_been_translated_is_one(self) -> None:
        assert alone("de-en", "Guten Morgen!", "Good morning!", "guten Morgen") == ("copy-of-source",)
        assert alone("zh-en", "谢谢", "Thanks", "谢谢！") == ("copy-of-source",)

    def test_case_width_and_punctuation_hide_no_copy(self) -> None:
        source = "Die Bürgermeisterin eröffnete gestern das neue Schwimmbad."
        reference = "The mayor opened the new swimming pool yesterday."
        assert alone("de-en", source, reference, source.upper().replace(".", " !!")) == ("copy-of-source",)

    def test_short_translations_are_often_the_reference(self) -> None:
        assert alone("zh-en", "谢谢你的帮助。", "Thank you for your help.", "Thank you for your help.") == ()


class TestRepetition:
    REFERENCE = "The committee will meet again next week to decide on the plan."

    @pytest.mark.parametrize(
        "hypothesis",
        [
            "The committee will meet again" + " and again" * 12,
            "The committee, the committee, the committee, the committee, the committee will meet",
            "The commiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiittee",
            " ".join(f"The committee will meet in week {n}." for n in range(1, 12)),
        ],
    )
    def test_loops(self, hypothesis: str) -> None:
        assert alone("de-en", "Der Ausschuss tagt nächste Woche wieder.", self.REFERENCE, hypothesis) == ("repetition",)

    @pytest.mark.parametrize(
        ("source", "reference", "hypothesis"),
        [
            ("哈哈哈哈哈哈哈哈", "Ha ha ha ha ha ha ha ha", "Ha ha ha ha ha ha ha ha ha ha"),
            ("非常非常好", "Very, very, very good", "It is very, very, very, very good."),
            ("目录……………………………………5", "Contents ........................................ 5",
             "Contents: ................................................. 5"),
        ],
    )  # fmt: skip
    def test_what_the_source_repeats_may_be_repeated(self, source: str, reference: str, hypothesis: str) -> None:
        assert alone("zh-en", source, reference, hypothesis) == ()

    def test_scripts_without_spaces(self) -> None:
        source, reference = "The committee will meet again next week.", "委员会下周将再次开会。"
        assert alone("en-zh", source, reference, "委员会下周" + "将再次" * 8) == ("repetition",)
        assert alone("en-th", source, "คณะกรรมการจะประชุมอีกครั้งในสัปดาห์หน้า", "คณะกรรมการ" + "จะประชุม" * 8) == (
            "repetition",
        )


class TestResidue:
    @pytest.mark.parametrize(
        ("lp", "hypothesis", "flag"),
        [
            ("zh-en", "Here is the translation: The weather is nice today.", "llm-residue"),
            ("zh-en", "Sure! The weather is nice today.", "llm-residue"),
            ("zh-en", "Translation: The weather is nice today.", "llm-residue"),
            ("zh-en", "English: The weather is nice today.", "llm-residue"),
            ("zh-en", "The weather is nice today.</s>", "llm-residue"),
            ("zh-en", "[INST] The weather is nice today.", "llm-residue"),
            ("zh-en", "The weather is nice today. Let me know if you need any changes.", "llm-residue"),
            ("zh-en", "The weather is nice today. (Note: \"today\" is taken literally.)", "llm-residue"),
            ("en-zh", "译文：今天天气很好。", "llm-residue"),
            ("en-zh", "好的，以下是翻译：今天天气很好。", "llm-residue"),
            ("en-zh", "今天天气很好。（注：直译）", "llm-residue"),
            ("en-zh", "作为一个AI语言模型，我无法翻译。", "llm-refusal"),
            ("en-de", "Hier ist die Übersetzung: Das Wetter ist heute schön.", "llm-residue"),
            ("zh-en", "I cannot assist with that request.", "llm-refusal"),
            ("zh-en", "The <b>weather</b> is nice today.", "markup"),
            ("zh-en", "The [weather](https://example.org) is nice today.", "markup"),
            ("zh-en", "## Weather\nThe weather is nice today.", "markup"),
        ],
    )  # fmt: skip
    def test_what_no_translator_writes(self, lp: str, hypothesis: str, flag: str) -> None:
        texts = {"zh-en": ("今天天气很好。", "The weather is fine today."),
                 "en-zh": ("The weather is fine today.", "今天天气不错。"),
                 "en-de": ("The weather is fine today.", "Heute ist schönes Wetter.")}  # fmt: skip
        assert flag in alone(lp, *texts[lp], hypothesis)

    @pytest.mark.parametrize(
        ("source", "reference", "hypothesis"),
        [
            ("注意：今天关门。", "Please note: closed today.", "Note: we are closed today."),
            ("翻译：王小明", "Translated by Wang Xiaoming", "Translation: Wang Xiaoming"),
            ("当然！我马上来。", "Of course, I'll be right there.", "Sure! I'll be there at once."),
            ("好，你不取消，我就报警", "If not, I call the police.", "OK, I'll call the police if you don't cancel"),
            ("作为一个AI，我不会累。", "As an AI, I do not tire.", "As an AI, I never get tired."),
            ("请点击<b>确定</b>。", "Click <b>OK</b>.", "Please click <b>OK</b>."),
            ("对不起，我帮不了你。", "Sorry, I can't help you.", "I'm sorry, I can't help you."),
            ("我是一名人工智能研究员。", "I work as a researcher in AI.", "I am an AI researcher."),
            ("Ich bin KI-Forscher.", "I do research in AI.", "I am an AI researcher."),
            ("Ich bin krank, deshalb kann ich nicht helfen.", "I am ill and no help.",
             "I'm sorry, I can't help because I'm sick."),
            ("我帮不上忙", "There is nothing I can do.", "I can't help with that."),
            ("如有任何问题，请告诉我。", "Please tell me if you have any questions.",
             "Please let me know if you have any questions."),
            ("希望这有帮助", "Hope it is of help", "I hope this helps."),
            ("用户要求退款", "A refund was demanded by the user", "The user wants a refund."),
            ("请翻译以下句子", "Please translate these sentences", "Translate the following sentences."),
            ("嗯，我得走了", "Well, I've got to go", "Okay, I need to go."),
            ("来源 新华社", "(Xinhua)", "Source: Xinhua News Agency"),
            ("当然。他明天会来的。", "Of course. He'll come tomorrow.", "Certainly! He will come tomorrow."),
            ("排名第一", "Ranked first", "# 1 in the ranking"),
            ("不含酒精。备注：请置于阴凉处。", "No alcohol. Keep in a cool place.", "No alcohol. Note: Keep it cool."),
            ("“好吧。”", "\"All right.\"", "“Fine.”"),
        ],
    )  # fmt: skip
    def test_what_the_source_says_may_be_said(self, source: str, reference: str, hypothesis: str) -> None:
        assert not {"llm-residue", "llm-refusal", "markup"} & set(alone("zh-en", source, reference, hypothesis))

    # Of texts that say nothing of the kind: source, reference, and a hypothesis to stand behind or before what is said.
    TEXTS: ClassVar[Mapping[str, tuple[str, str, str]]] = {
        "zh-en": (
            "他说：今天天气很好。",
            "The weather is fine today, he said.",
            "He said that the weather is nice today.",
        ),
        "en-zh": ("He said: the weather is fine today.", "他说今天天气不错。", "他表示今天天气很好。"),
        "en-de": ("The weather is fine today.", "Heute ist schönes Wetter.", "Das Wetter ist heute gut."),
        "en-ja": ("The weather is fine today.", "今日は天気がいいです。", "今日はいい天気です。"),
        "en-ru": ("The weather is fine today.", "Сегодня хорошая погода.", "Погода сегодня хорошая."),
        "en-uk": ("The weather is fine today.", "Сьогодні гарна погода.", "Погода сьогодні гарна."),
        "en-ko": ("The weather is fine today.", "오늘은 날씨가 좋습니다.", "오늘 날씨가 좋네요."),
        "en-ar": ("The weather is fine today.", "الطقس جميل اليوم.", "الجو جميل اليوم."),
        "en-hi": ("The weather is fine today.", "आज मौसम अच्छा है।", "आज का मौसम बढ़िया है।"),
    }

    @pytest.mark.parametrize(
        ("lp", "said"),
        [
            ("zh-en", "I'm unable to translate this text."),
            ("zh-en", "I'm not able to assist with translating this content."),
            ("zh-en", "I cannot provide a translation for this text."),
            ("zh-en", "Please provide the text you would like me to translate."),
            ("zh-en", "It seems that you haven't provided any text."),
            ("zh-en", "I don't feel comfortable translating this."),
            ("zh-en", "I'm sorry, but I can't help with that."),
            ("en-zh", "由于内容敏感，我无法翻译。"),
            ("en-zh", "你好，我无法给到相关内容。"),
            ("en-de", "Ich kann diesen Text leider nicht übersetzen."),
            ("en-ja", "申し訳ありませんが、そのリクエストにはお応えできません。"),
            ("en-ru", "Извините, но я не могу перевести этот текст."),
            ("en-ru", "К сожалению, я не могу помочь с этим запросом."),
            ("en-ko", "죄송하지만 이 내용은 번역할 수 없습니다."),
            ("en-ar", "عذرًا، لا أستطيع ترجمة هذا النص."),
        ],
    )
    def test_refusals(self, lp: str, said: str) -> None:
        source, reference, _ = self.TEXTS[lp]
        assert "llm-refusal" in alone(lp, source, reference, said)

    @pytest.mark.parametrize(
        ("lp", "said"),
        [
            ("zh-en", "Translation: {}"),
            ("zh-en", "Here you go: {}"),
            ("zh-en", "The translation of the given Chinese sentence into English is: {}"),
            ("zh-en", "The given text translates to: {}"),
            ("zh-en", "The English translation would be: {}"),
            ("zh-en", "Translated: {}"),
            ("zh-en", "Translate to English: {}"),
            ("zh-en", "Final answer: {}"),
            ("zh-en", "assistant\n\n{}"),
            ("zh-en", "{}\n\nPlease note that the translation may vary."),
            ("zh-en", "{}\n\nAlternatively: It is fine today, he said."),
            ("zh-en", "{}\n\n---\nThis translation keeps the formal tone."),
            ("zh-en", "{} (Note: the tone is formal.)"),
            ("zh-en", '{{"translation": "{}"}}'),
            ("zh-en", "['{}']"),
            ("zh-en", "{{'en': '{}'}}"),
            ("zh-en", "`{}`"),
            ("zh-en", '"{}"'),
            ("zh-en", "{}\\n\\n"),
            ("zh-en", "The wea@@ ther: {}"),
            ("zh-en", "{} ⁇"),
            ("zh-en", "◁think▷ Hm. ◁/think▷ {}"),
            ("en-zh", "译文：{}"),
            ("en-zh", "这句话的中文翻译是：{}"),
            ("en-zh", "这段文字翻译成中文是：“{}”"),
            ("en-de", "Natürlich! Hier ist die Übersetzung ins Deutsche:\n\n{}"),
            ("en-de", "Gerne, hier die Übersetzung: {}"),
            ("en-de", "{}\n\nAnmerkung: Der Ton ist förmlich."),
            ("en-de", "{}\n\n(Hinweis: Der Ton ist förmlich.)"),
            ("en-ru", "Конечно! Вот перевод на русский:\n\n{}"),
            ("en-ru", "{}\n\nПримечание: тон формальный."),
            ("en-uk", "Ось переклад: {}"),
            ("en-ja", "以下が翻訳です。\n{}"),
            ("en-ko", "번역: {}"),
            ("en-ar", "الترجمة: {}"),
            ("en-hi", "यहाँ अनुवाद है: {}"),
        ],
    )
    def test_residues(self, lp: str, said: str) -> None:
        source, reference, hypothesis = self.TEXTS[lp]
        assert "llm-residue" in alone(lp, source, reference, said.format(hypothesis))
        assert "llm-residue" not in alone(lp, source, reference, hypothesis)


class TestFaultsOfProgramsAndCase:
    SOURCE, REFERENCE = "今天天气很好。", "The weather is fine today in all of the country."

    @pytest.mark.parametrize(
        "text", ["None", "nan", "N/A", "null", "...", "…", "-", "\u2800", "\u3164", "\u00ad\ufeff"]
    )
    def test_what_stands_for_nothing_is_empty(self, text: str) -> None:
        assert alone("zh-en", self.SOURCE, self.REFERENCE, text) == ("empty-hypothesis",)
        assert alone("zh-en", text, text, text) == () or not text.strip(" \u2800\u3164\u00ad\ufeff")

    def test_capitals(self) -> None:
        assert alone("zh-en", self.SOURCE, self.REFERENCE, "THE WEATHER IS NICE TODAY ALL OVER THE LAND.") == (
            "all-capitals",
        )
        assert alone("zh-en", "好", "GOOD NEWS FOR ALL OF US", "GLAD TIDINGS FOR EVERYBODY") == ()

    def test_everything_twice(self) -> None:
        text = "It is nice weather in the whole of the country today."
        assert alone("zh-en", self.SOURCE, self.REFERENCE, f"{text} {text}") == ("too-long",)

    @pytest.mark.parametrize("lp", ["en-ja", "en-zh", "en-ru"])
    @pytest.mark.parametrize("name", ["iPhone", "Toyota", "Apple Watch", "Google Chrome", "The Beatles"])
    def test_names_may_stay_in_latin_letters(self, lp: str, name: str) -> None:
        reference = {"en-ja": "アイフォーン", "en-zh": "苹果手表", "en-ru": "Гугл Хром"}[lp]
        assert alone(lp, name, reference, name) == ()

    @pytest.mark.parametrize(
        ("source", "reference", "hypothesis"),
        [
            ("目录………………………………………………… 12", "Contents 12", f"Contents {'.' * 60} 12"),
            ("姓名：______ 性别：______", "Name: ____ Sex: ____", f"Name: {'_' * 30} Sex: {'_' * 30}"),
            ("太好了！！！！！！！！！！", "So great!!!!!", f"So great{'!' * 28}"),
            ("啊啊啊啊啊啊啊啊啊啊好吃", "Aaaah so tasty", f"{'A' + 'a' * 28}h so tasty"),
            ("====第一章====", "==== Chapter 1 ====", f"{'=' * 32} Chapter 1 {'=' * 32}"),
        ],
    )
    def test_runs_of_a_character_that_the_source_has(self, source: str, reference: str, hypothesis: str) -> None:
        assert alone("zh-en", source, reference, hypothesis) == ()

    def test_japanese_without_kana(self) -> None:
        source = "The People's Republic of China National Development and Reform Commission"
        office = "中華人民共和国国家発展改革委員会"
        assert alone("en-ja", source, "中華人民共和国の国家発展改革委員会", office) == ()

    def test_a_phrase_left_in_english(self) -> None:
        source = "The city said on Tuesday that the new line would open before the end of the year."
        reference = "Die Stadt teilte am Dienstag mit, dass die neue Strecke noch in diesem Jahr eröffnet werde."
        hypothesis = "Die Stadt teilte am Dienstag mit, die neue Strecke werde open before the end of the year."
        assert "untranslated" in alone("en-de", source, reference, hypothesis)

    @pytest.mark.parametrize("target", ["no", "lvs", "ekk", "als", "swh", "azj", "zsm"])
    def test_codes_that_lingua_has_otherwise(self, target: str) -> None:
        assert alone(f"zh-{target}", self.SOURCE, "Xyz qwr.", ENGLISH) == ("wrong-language",)

    def test_names_are_in_no_language(self) -> None:
        names = "Xi Jinping, Li Keqiang, Li Zhanshu, Wang Yang, Wang Huning, Zhao Leji"
        assert (
            alone(
                "zh-en",
                "习近平、李克强、栗战书、汪洋、王沪宁、赵乐际",
                "Xi, Li, Wang and the others were there.",
                names,
            )
            == ()
        )


class TestLengths:
    REFERENCE = "The committee will meet again next week to decide on the plan for the new bridge across the river."

    def test_other_systems_are_a_measure_of_their_own(self) -> None:
        testset = made("de-en", ("Der Ausschuss tagt.", "It meets."))
        long = "The committee will meet again next week to decide on the plan."
        flags = found(testset, {"a": [long], "b": [long + " Indeed."], "c": [long[:-5]], "d": ["It meets."]})
        assert flags == {
            ("a", 0): ("too-long",),
            ("b", 0): ("too-long",),
            ("c", 0): ("too-long",),
            ("d", 0): ("shorter-than-others",),
        }  # a short reference, but the three agree

    def test_two_systems_are_no_measure(self) -> None:
        testset = made("de-en", ("Der Ausschuss tagt.", self.REFERENCE))
        assert found(testset, {"a": [self.REFERENCE[:50]], "b": [self.REFERENCE[:60]]}) == {}

    def test_the_ratio_is_a_setting(self) -> None:
        testset = made("de-en", ("Der Ausschuss tagt.", self.REFERENCE))
        hypotheses = {"a": [self.REFERENCE + " This was said by its chair in a letter to all of its members."]}
        assert found(testset, hypotheses) == {}
        assert found(testset, hypotheses, OutputSettings(length_ratio=1.3)) == {("a", 0): ("too-long",)}


@given(
    st.lists(st.tuples(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60)), min_size=1, max_size=4),
    st.sampled_from(["zh-en", "en-zh", "de-en", "en-ja", "ja-zh", "en-sr_Latn", "xx-yy"]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_can_be_looked_at(texts: list[tuple[str, str, str]], lp: str) -> None:
    testset = made(lp, *((source, reference) for source, reference, _ in texts))
    flags = find_flags(testset, [[hypothesis for *_, hypothesis in texts]], OutputSettings())
    assert [len(of_system) for of_system in flags] == [len(texts)]


def test_who_waits_is_told_of_every_hypothesis_that_is_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "_TEXTS_TOGETHER", 4)
    testset = made("de-en", *[("Der Ausschuss tagt.", "The committee is meeting.")] * 5)
    told: list[int] = []
    find.find_flags(testset, [["It meets."] * 5, [None] * 5], OutputSettings(), told.append)
    assert told == [4, 4, 2]


@pytest.mark.parametrize(
    "loop", ["1", "9,", "亿", "万亿", "3千", "hundred ", "billion ", "a", "<", "**", "!", "两", "\u0301"]
)
def test_long_loops_are_looked_at_in_no_time(loop: str) -> None:
    started = time.perf_counter()
    assert "repetition" in alone("zh-en", "他走了。", "He left.", loop * 5000)
    numbers_of(loop * 5000)
    assert time.perf_counter() - started < 5


class TestSettings:
    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"unusable": ("copy-of-sorce",)}, r"'copy-of-sorce': no such flag; did you mean 'copy-of-source'\?"),
            ({"unusable": ("no-hypothesis",)}, "has no score that could be replaced"),
            ({"guarded": True, "checked": False}, r"guarded scores need to know"),
            ({"guarded": True, "unusable": ()}, "would be the plain ones"),
            ({"length_ratio": 1.0}, "expected a number above 1"),
            ({"length_ratio": float("nan")}, "expected a number above 1"),
            ({"n_repeats": 2}, "expected at least 3"),
            ({"language_letters": 0}, "expected at least 1"),
        ],
    )  # fmt: skip
    def test_values_are_checked(self, values: dict[str, object], message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            OutputSettings(**values)  # type: ignore[arg-type]

    def test_what_is_unusable_is_known(self) -> None:
        assert set(UNUSABLE) < set(MEANINGS)
        assert COPY_OF_REFERENCE in MEANINGS


def lines(record: Path, name: str) -> list[dict[str, str]]:
    with open(record / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class TestRecord:
    def test_problems_are_counted_shown_and_said(self, command: Callable[..., Finished]) -> None:
        finished = command("run", "metrics=[bleu]")
        assert finished.code == 0
        assert "source-copy: 9 of 9 hypotheses are unusable (9 copy-of-source)" in finished.err
        assert "Unusable hypotheses, scored as they are: source-copy 9 of 9 (9 copy-of-source)." in finished.out
        record = Path("results/latest")
        counts = {(one["system"], one["flag"]): int(one["n_segments"]) for one in lines(record, "problems.csv")}
        rows = pq.read_table(record / "segments.parquet", columns=["system", "flags"]).to_pylist()
        counted = Counter((row["system"], flag) for row in rows for flag in row["flags"])
        # lossy was made with four wrong numbers in segments 1 and 2 and a cut paragraph: provenance.json
        assert counted["source-copy", "copy-of-source"] == 9
        assert counted["lossy", "numbers-missing"] == counted["lossy", "numbers-invented"] == 3
        assert {key: n for key, n in counts.items() if n and key[1] != "unusable"} == counted
        assert {key: n for key, n in counts.items() if key[1] == "unusable" and n} == {("source-copy", "unusable"): 9}
        shown = command("report", "results/latest", "--table", "problems").out
        assert "copy-of-source: the source, or nearly" in shown
        assert eh.open_run(record).problems["n_hypotheses"].tolist() == [9] * len(counts)

    def test_who_hands_references_in_or_loses_half_is_told(self, caplog: pytest.LogCaptureFixture) -> None:
        references = [segment.references[0] for segment in zhengzhou().segments]
        half = [text[: len(text) * 48 // 100] for text in candidate("polished.en")]
        run = eh.evaluate(systems={"copied": references, "half": half}, metrics=["bleu"])
        assert (
            "copied: 9 of 9 hypotheses are references word for word; the scores are not a system's." in caplog.messages
        )
        assert len([one for one in caplog.messages if one.startswith("half: its hypotheses are 4")]) == 1
        assert not [one for one in caplog.messages if one.startswith("copied: its")]
        notes = run.table().notes
        assert "References handed in as hypotheses, whose scores are not a system's: copied 9 of 9." in notes

    def test_flags_of_metrics_are_said_at_the_end(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("INFO")
        eh.evaluate(
            testset=made("zh-en", ("狗在跑。", "The dog runs.")),
            systems={"mine": ["A dog runs."]},
            metrics={"odd": Odd()},
        )
        assert caplog.messages.count("mine: remarkable hypotheses: 1 odd:odd-length") == 1

    def test_a_record_made_before_hypotheses_were_looked_at_says_so(self, command: Callable[..., Finished]) -> None:
        command("run", "metrics=[bleu]")
        (Path("results/latest") / "problems.csv").unlink()
        done = json.loads(Path("results/latest/done.json").read_text())
        Path("results/latest/done.json").write_text(json.dumps({**done, "n_lines": {}}))
        run = eh.open_run("results/latest")
        assert run.problem_lines is None
        assert "give its command again" in run.table("problems").notes[0]

    def test_what_is_unusable_is_said_before_anything_is_scored(self, caplog: pytest.LogCaptureFixture) -> None:
        eh.evaluate(systems={"mine": ["天气很好"] * 9}, metrics=["bleu"])
        said = [message.partition(":")[0] for message in caplog.messages]
        assert said.index("mine") < said.index("bleu")
        assert (
            caplog.messages[0] == "mine: 9 of 9 hypotheses are unusable (9 wrong-script); they are scored as they are."
        )
        n_said = len(caplog.messages)
        eh.evaluate(systems={"mine": ["天气很好"] * 9}, metrics=["bleu"])
        assert len([one for one in caplog.messages[n_said:] if one == caplog.messages[0]]) == 1

    def test_flags_are_derived_and_follow_the_settings(self, command: Callable[..., Finished]) -> None:
        command("run", "metrics=[bleu]")
        record = Path("results/latest").resolve()
        logs = {path: path.read_bytes() for path in record.glob("*/*.jsonl")}
        command("run", "metrics=[bleu]", "outputs.unusable=[numbers-invented]", "outputs.guarded=true")
        assert Path("results/latest").resolve() == record
        assert {path: path.read_bytes() for path in record.glob("*/*.jsonl")} == logs
        unusable = {one["system"]: one["n_unusable"] for one in lines(record, "guarded.csv")}
        assert unusable == {"gloss": "0", "literal": "0", "lossy": "3", "polished": "0", "source-copy": "0"}
        finished = command("run", "metrics=[bleu]", "outputs.checked=false")
        assert not (record / "guarded.csv").exists()
        assert "unusable" not in finished.out + finished.err
        assert lines(record, "problems.csv") == []

    def test_a_wrong_setting_is_refused(self, command: Callable[..., Finished]) -> None:
        finished = command("run", "outputs.unusable=[wrong-langage]")
        assert finished.code == 2
        assert "did you mean 'wrong-language'?" in finished.err

    def test_flags_of_metrics_are_named_after_them(self) -> None:
        run = eh.evaluate(
            testset=made("zh-en", ("猫坐着。", "The cat sits."), ("狗在跑。", "The dog runs.")),
            systems={"mine": ["The cat is sitting", "A dog runs."]},  # 18 and 11 characters
            metrics={"odd": Odd()},
        )
        assert [list(flags) for flags in run.segments["flags"]] == [[], ["odd:odd-length"]]
        assert [(one.flag, one.n_segments, one.meaning) for one in run.problem_lines] == [
            ("odd:odd-length", 1, "of an odd number of characters")
        ]

    def test_compared_runs_have_the_problems_of_their_records(self, command: Callable[..., Finished]) -> None:
        command("run", "metrics=[bleu]", "outputs.guarded=true")
        first = Path("results/latest").resolve()
        eh.evaluate(systems={"mine": ["天气很好"] * 9, "polished": ["x"] * 9}, metrics=["bleu"])
        comparison = eh.compare(first, "results/latest")
        assert comparison.guarded_lines == ()
        assert "guarded" not in comparison.table("systems").to_text()
        unusable = {
            line.system: (line.n_segments, line.n_hypotheses)
            for line in comparison.problem_lines or ()
            if line.flag == "unusable"
        }
        other = f"polished@{Path('results/latest').resolve().name}"
        assert unusable[f"polished@{first.name}"] == (0, 9)
        assert unusable["source-copy"] == unusable["mine"] == (9, 9)
        assert other in unusable
        said = comparison.table("systems").to_text()
        assert "mine 9 of 9 (9 wrong-script)" in said
        assert "source-copy 9 of 9 (9 copy-of-source)" in said
        columns = {line.system for line in comparison.problem_lines or () if line.flag == "wrong-script"}
        assert columns == set(unusable)  # each flag that any system has, has a line for every system


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """The number of characters, which says that it is odd where it is; without an idea of the worst."""

    needs: ClassVar[frozenset[Needs]] = frozenset()
    higher_is_better: ClassVar[bool] = True
    exact_in_any_batch: ClassVar[bool] = True
    rows_per_call: ClassVar[int] = 10
    display_factor: ClassVar[float] = 1.0
    heading: ClassVar[str] = "Odd"
    flag_meanings: ClassVar[Mapping[str, str]] = {"odd-length": "of an odd number of characters"}

    def for_language_pair(self, lp: LanguagePair) -> Odd:
        return self

    def statistics(self, segments: Sequence[ScoringSegment]) -> Array:
        return np.array([[float(len(segment.hypothesis)), 1.0] for segment in segments])

    def segment_scores(self, statistics: Array) -> Floats:
        return self.corpus_scores(statistics)

    def corpus_scores(self, sums: Array) -> Floats:
        return np.asarray(sums[..., 0] / sums[..., 1])

    def segment_flags(self, statistics: Array) -> list[tuple[str, ...]]:
        return [("odd-length",) if row[0] % 2 else () for row in statistics]

    def signature(self, *, n_references: int | None) -> Signature:
        return Signature(fields=(("version", "1"),))


class TestGuarded:
    def test_source_copy_is_last_by_every_metric(self, command: Callable[..., Finished]) -> None:
        finished = command("run", "outputs.guarded=true")
        assert "BLEU guarded ↑" in finished.out
        record = Path("results/latest")
        run = eh.open_run(record)
        for metric in run.plan.metrics:
            scores = {one.system: one.score for one in run.guarded_lines if one.metric == metric.name}
            sign = 1 if metric.higher_is_better else -1
            copied = sign * (scores.pop("source-copy") or 0.0)
            assert all(copied < sign * (score or 0.0) for score in scores.values()), metric.name
        raw = {(one.system, one.metric): one.score for one in run.score_lines}
        assert all(one.score == raw[one.system, one.metric] for one in run.guarded_lines if one.system != "source-copy")
        guarded = {(one.system, one.metric): one.score for one in run.guarded_lines}
        # no n-gram counts as a match
        assert [guarded["source-copy", name] for name in ("bleu", "chrf", "chrfpp")] == [0.0] * 3

    def test_runs_of_one_system_show_their_mean(self, command: Callable[..., Finished]) -> None:
        for seed, name in enumerate(("polished", "literal")):
            texts = [*candidate(f"{name}.en")[:8], candidate("source-copy.en")[8]]
            write(f"hyp/mine-seed{seed}.en", *texts)
        write("hyp/other.en", *candidate("lossy.en"))
        options = ["systems=[folder]", "systems.folder.path=hyp", "systems.folder.group_by='*-seed*'"]
        finished = command("run", *options, "metrics=[chrf]", "outputs.guarded=true")
        assert finished.code == 0, finished.err
        run = eh.open_run("results/latest")
        guarded = {one.system: one.score or 0.0 for one in run.guarded_lines}
        row = next(row for row in run.table().rows if row[0] == TextCell(text="mine"))
        assert row[2] == ScoreCell(score=(guarded["mine-seed0"] + guarded["mine-seed1"]) / 2)
        assert [one.n_unusable for one in run.guarded_lines] == [1, 1, 0]

    def test_raw_scores_tests_and_ranks_stay(self, command: Callable[..., Finished]) -> None:
        command("run", "metrics=[bleu,ter]")
        record = Path("results/latest").resolve()
        before = {name: (record / name).read_bytes() for name in ("scores.csv", "comparisons.csv", "ranks.csv")}
        command("run", "metrics=[bleu,ter]", "outputs.guarded=true")
        assert {name: (record / name).read_bytes() for name in before} == before

    @pytest.mark.parametrize("metric", [Bleu(tokenize="13a"), Chrf(), Chrfpp(), Ter()], ids=lambda one: one.heading)
    def test_worst_rows_are_never_better(self, metric: Bleu | Chrf | Chrfpp | Ter) -> None:
        hypotheses = [*candidate("lossy.en"), *candidate("polished.en"), "word " * 60, "", "one"]
        references = [segment.references for segment in zhengzhou().segments]
        segments = [
            ScoringSegment(id=str(n), source=None, hypothesis=text, references=references[n % 9])
            for n, text in enumerate(hypotheses)
        ]
        rows = metric.statistics(segments).astype(float)
        scores = metric.segment_scores(rows)
        sign = 1 if metric.higher_is_better else -1
        worst = metric.worst_rows(rows)
        assert (sign * metric.segment_scores(worst) <= sign * scores).all()
        assert len(set(metric.segment_scores(worst))) == 1
        rng = np.random.default_rng(5)
        for _ in range(50):
            chosen = rng.random(len(rows)) < 0.4
            mixed = np.where(chosen[:, None], worst, rows).sum(axis=0)
            assert sign * metric.corpus_scores(mixed) <= sign * metric.corpus_scores(rows.sum(axis=0)) + 1e-9

    def test_worst_rows_by_hand(self) -> None:
        bleu = np.array([[3, 4, 2, 1, 0, 0, 3, 2, 1, 0]])
        assert Bleu().worst_rows(bleu).tolist() == [[3, 4, 0, 0, 0, 0, 3, 2, 1, 0]]
        assert Chrf(char_order=2).worst_rows(np.array([[5, 6, 4, 4, 5, 2]])).tolist() == [[5, 6, 0, 4, 5, 0]]
        # 4 words of reference: 8 edits, whether there were 1 or 9
        assert Ter().worst_rows(np.array([[1.0, 4.0], [9.0, 4.0]])).tolist() == [[8.0, 4.0], [8.0, 4.0]]

    def test_comet_is_0_where_the_scale_begins_there(self) -> None:
        rows = np.array([[0.7, 1.0, 0.0], [-0.1, 1.0, 0.0]])
        worst = Comet(model="Unbabel/wmt22-comet-da").worst_rows(rows)
        assert worst is not None
        assert worst.tolist() == [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]
        assert Comet(model="Unbabel/wmt20-comet-da").worst_rows(rows) is None

    @pytest.mark.parametrize("junk", ["", "1 2 3 4 5 6", "x" * 2000, "word " * 400, "哈" * 40, "source"])
    def test_comet_mini_gives_nothing_its_worst(self, junk: str) -> None:
        mini = Comet(model="comet-mini")
        segments = [
            ScoringSegment(
                id=one.id, source=one.source, hypothesis=junk.replace("source", one.source or ""), references=(ref,)
            )
            for one in zhengzhou().segments
            for ref in one.references
        ]
        rows = mini.statistics(segments)
        worst = mini.worst_rows(rows)
        assert worst is not None
        assert (worst[:, 0] < rows[:, 0]).all()

    def test_what_is_unusable_counts_the_same_whoever_else_is_in_the_run(self) -> None:
        sources = [segment.source or "" for segment in zhengzhou().segments]
        lossy: list[str] = [*candidate("lossy.en")[:8], sources[8]]
        babble = ["Дом стоит у реки, и никто не знает, кто его построил. " * 20] * 9
        wordy = [f"{text} {text} {text}" for text in candidate("polished.en")]

        def guarded(systems: dict[str, list[str]]) -> dict[tuple[str, str], float]:
            run = eh.evaluate(
                systems=systems, metrics=["bleu", "chrf", "ter", "comet_mini"], overrides=["outputs.guarded=true"]
            )
            return {(one.system, one.metric): one.score or 0.0 for one in run.guarded_lines}

        few = guarded({"lossy": lossy, "copied": sources})
        many = guarded({"lossy": lossy, "copied": sources, "babble": babble, "wordy": wordy})
        assert {key: many[key] for key in few} == few
        for metric in ("bleu", "chrf", "ter", "comet_mini"):
            assert many["copied", metric] == pytest.approx(many["babble", metric], abs=1e-12)
        assert (many["copied", "ter"], many["copied", "comet_mini"]) == pytest.approx((200.0, -0.2))

    def test_metrics_that_do_not_say_take_the_worst_segment_of_the_run(self) -> None:
        run = eh.evaluate(
            testset=made("zh-en", ("猫坐着。", "The cat sits."), ("狗在跑。", "The dog runs.")),
            systems={"good": ["The cat is sitting.", "A dog runs."], "bad": ["猫坐着。", "A dog runs away."]},
            metrics={"odd": Odd()},
            overrides=["outputs.guarded=true"],
        )
        # 19 and 11 characters; 4 (a copy, itself the worst of the run) and 16
        assert [(one.system, one.score, one.n_unusable) for one in run.guarded_lines] == [
            ("good", 15.0, 0),
            ("bad", 10.0, 1),
        ]


class TestPublicData:
    """Systems of shared tasks are mostly sound. Nearly every flag of WMT22 but copies of references was read; the
    bounds stand a little above what was found."""

    def of_wmt22(self) -> tuple[TestSet, dict[str, list[str]]]:
        folder = wmt22()

        def read(path: Path) -> list[str]:
            return path.read_text(encoding="utf-8").split("\n")[:-1]

        pairs = zip(read(folder / "src.zh"), read(folder / "ref.A.en"), strict=True)
        return made("zh-en", *pairs), {path.stem: read(path) for path in sorted((folder / "hyp").glob("*.en"))}

    @pytest.mark.slow
    def test_wmt22(self) -> None:
        testset, systems = self.of_wmt22()
        started = time.perf_counter()
        flags = found(testset, systems)
        assert time.perf_counter() - started < 20  # 0.9 s on two cores (2026-11)
        counts = Counter(flag for of_text in flags.values() for flag in of_text)
        # of 22,500 hypotheses; found: 1, 3, 0, 0, 1, 16, 2, 1, 10, 9, 80, 32, 6, 1, 60
        bounds = {
            "empty-hypothesis": 1, "repetition": 4, "wrong-script": 1, "wrong-language": 1, "copy-of-source": 2,
            "untranslated": 20, "too-long": 3, "longer-than-others": 2, "too-short": 12, "shorter-than-others": 12,
            "numbers-missing": 90, "numbers-invented": 40, "llm-residue": 10, "markup": 2, "copy-of-reference": 70,
            "all-capitals": 4,
        }  # fmt: skip
        assert {flag: n for flag, n in counts.items() if n > bounds.get(flag, 0)} == {}
        # Read in the files: a loop of "February", an empty line, a price of 3999 yuan given as RMB399.
        assert flags["DLUT", 1473] == ("repetition",)
        assert flags["Online-W", 1478] == ("empty-hypothesis",)
        assert flags["DLUT", 856] == ("numbers-missing",)

    @pytest.mark.slow
    @pytest.mark.parametrize("target", ["de", "fr", "no", "lvs"])
    def test_english_for_another_language_is_found(self, target: str) -> None:
        english = [text for text in self.of_wmt22()[1]["Online-B"] if len(text) > 30][:200]
        flags = found(made(f"zh-{target}", *((f"源{n}", "Xyz qwr.") for n in range(200))), {"mine": english})
        n_found = sum("wrong-language" in of_text for of_text in flags.values())
        assert n_found >= 185  # 189 to 194; the others are short or mostly names

    @pytest.mark.slow
    def test_ted(self) -> None:
        segments, systems = ted21()
        testset = made("zh-en", *segments)
        flags = found(testset, systems)
        counts = Counter((name.startswith("ref-"), flag) for (name, _), of_text in flags.items() for flag in of_text)
        copies = counts.pop((True, "copy-of-reference"))
        assert copies == 762  # the references themselves, handed in as systems: those of ten words or more
        assert {flag for is_reference, flag in counts if is_reference} == set()
        assert sum(counts.values()) < 80  # of 6,877; 50 are short sentences that equal a reference
