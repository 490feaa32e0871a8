"""What the checks leave out for speed changes nothing: each short cut gives what the long way does, of any text."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evalharness.outputs import copies, digits, english, language, numerals, residue
from evalharness.outputs.examined import Examined, TestSetTexts
from evalharness.outputs.find import find_flags
from evalharness.outputs.flags import WRONG_LANGUAGE
from evalharness.outputs.repetition import repetitions
from evalharness.outputs.settings import OutputSettings
from evalharness.outputs.words import folded, words
from evalharness.records import LanguagePair, Segment, TestSet


def examined(text: str) -> Examined:
    return Examined(text=text, segment=Segment(id="1", source=None, references=()), of_systems=(text,))


class TestWords:
    @staticmethod
    def slowly(text: str) -> str:
        kept = []
        for character in unicodedata.normalize("NFKC", text).casefold():
            category = unicodedata.category(character)
            if category != "Cf":
                kept.append(" " if category[0] in "PSZ" or category == "Cc" else character)
        return " ".join("".join(kept).split())

    @given(st.text() | st.text(alphabet=[chr(code) for code in range(128)]))
    @example("".join(map(chr, range(128))))
    def test_folding(self, text: str) -> None:
        assert folded(text) == self.slowly(text)
        assert "".join(words(text)) == self.slowly(text).replace(" ", "")
        if text.isascii():
            assert list(words(text)) == self.slowly(text).split()


class TestCopies:
    @staticmethod
    def changed(text: list[str], places: set[int]) -> list[str]:
        return ["z" if place in places else word for place, word in enumerate(text)]

    TEXTS = st.lists(st.sampled_from("abcdefgh"), max_size=30)
    PAIRS = st.tuples(TEXTS, st.sets(st.integers(0, 29), max_size=5))

    @given(PAIRS, st.integers(0, 8))
    @example((list("abcdefghijklmnopqrst"), {0, 1, 2}), 0)  # 17 of 20 words in common: 0.85
    @example((list("abcdefghijklmnopqrst"), {0, 1, 2, 3}), 0)
    def test_likeness(self, pair: tuple[list[str], set[int]], n_more: int) -> None:
        a = pair[0]
        b = self.changed(a, pair[1]) + ["more"] * n_more
        nearly = 0.85
        of_all = SequenceMatcher(None, a, b, autojunk=False).ratio() if a and b else 0.0
        found = copies._likeness(" ".join(a), " ".join(b))
        assert (found >= nearly) == (of_all >= nearly)
        assert found == of_all or of_all < nearly


class TestRepetition:
    """Against loops that are looked for at every place, one after another."""

    @staticmethod
    def has_loop(tokens: Sequence[str], longest: int, fewest_repeats: int, fewest_tokens: int) -> bool:
        for period in range(1, longest + 1):
            run = 0
            for place in range(period, len(tokens)):
                run = run + 1 if tokens[place] == tokens[place - period] else 0
                span = run + period
                # of the whole loop, so far or further on
                is_end = place + 1 == len(tokens) or tokens[place + 1] != tokens[place + 1 - period]
                is_long = span >= fewest_repeats * period and span >= fewest_tokens
                if run and is_end and is_long and span >= 0.4 * len(tokens):
                    return True
        return False

    def slowly(self, text: str, n_repeats: int) -> bool:
        of_words = words(text)
        trigrams = list(zip(of_words, of_words[1:], of_words[2:], strict=False))
        return (
            self.has_loop(of_words, 40, n_repeats, 8)
            or self.has_loop(text, 12, 2 * n_repeats, 24)
            # the last two words and the end of the text are one as well
            or (len(trigrams) >= 24 and len(set(trigrams)) + 1 <= len(trigrams) / 2)
        )

    TEXTS = st.lists(
        st.tuples(st.text(alphabet="ab 哈", min_size=1, max_size=6), st.integers(1, 16)).map(
            lambda one: one[0] * one[1]
        ),
        min_size=1,
        max_size=5,
    ).map(" ".join)
    SENTENCES = st.lists(st.sampled_from(["it", "is", "so", "we", "go", "on"]), min_size=4, max_size=70).map(" ".join)

    @given(st.lists(TEXTS | SENTENCES, min_size=1, max_size=4), st.integers(3, 6))
    @settings(max_examples=400, deadline=None)
    def test_loops(self, texts: list[str], n_repeats: int) -> None:
        testset = TestSetTexts(language_pair=LanguagePair.parse("zh-en"), references=())
        found = repetitions([examined(text) for text in texts], testset, OutputSettings(n_repeats=n_repeats))
        expected = [place for place, text in enumerate(texts) if self.slowly(text, n_repeats)]
        assert [place for place, _ in found] == expected

    @pytest.mark.parametrize("n_repeats", [3, 4, 5, 9])
    def test_loops_that_are_just_long_enough(self, n_repeats: int) -> None:
        testset = TestSetTexts(language_pair=LanguagePair.parse("zh-en"), references=())
        for period in range(1, 41):
            phrase = [f"w{n}" for n in range(period)]
            loop = (phrase * (n_repeats + 8))[: max(n_repeats * period, 8)]
            for text, is_loop in ((loop, True), (loop[:-1], len(loop[:-1]) >= max(n_repeats * period, 8))):
                joined = " ".join(["Then", *text, "end."])
                assert self.slowly(joined, n_repeats) or not is_loop
                found = list(repetitions([examined(joined)], testset, OutputSettings(n_repeats=n_repeats)))
                assert bool(found) == self.slowly(joined, n_repeats), (period, is_loop)


class TestNumbers:
    PARTS = st.sampled_from(
        [
            *("1", "23", "456", "2,500", "3.5", "1.234.567,8", "2018", "3D", "COVID-19", "#_1", "12K", "４"),
            *("٢", "x-", "a‑"),
            *("twenty", "fives", "eighties", "eightys", "hundred", "millions", "thirteenth", "second", "one", "zeros"),
            *("and", "a", "point", "half", "may", "jun", "december", "week", "dozen", "TEEN", "ﬁfteen", "ſixty", "İ"),
            *("万", "三千", "两百", "第", "几", "分之", "-", ",", ".", " ", ", ", "_", "'", "%", "p.m."),
            *(":", "house", "weight"),
        ]
    )  # fmt: skip
    TEXTS = st.lists(PARTS | st.characters(), max_size=12).map("".join) | st.lists(PARTS, max_size=12).map(" ".join)

    @given(TEXTS)
    @settings(max_examples=1000, deadline=None)
    def test_numbers_in_digits(self, text: str) -> None:
        found = [(one.span(), one.groups()) for one in digits._numbers_in_digits(text)]
        assert found == [(one.span(), one.groups()) for one in digits._NUMBER.finditer(text)]

    @given(TEXTS)
    @settings(max_examples=1000, deadline=None)
    def test_what_may_be_solid(self, text: str) -> None:
        assert numerals.may_have_solid(text) == bool(numerals._MAY_BE_SOLID.search(text))

    @staticmethod
    def slowly(text: str) -> Iterator[tuple[float, bool]]:
        """Numbers in English, word by word."""
        tables = (english._WORDS, english._ORDINALS, english._SCALES)
        run: list[str] = []
        end = 0
        for match in re.finditer("[a-z]+", text):
            word = match[0]
            if run and (text[end : match.start()].strip() not in ("", "-") or run[-1] in english._ORDINALS):
                yield from english.english_values(run)
                run = []
            end = match.end()
            yield from ((value, False) for value in english._LOOSE.get(word, ()))
            for nth, month in enumerate(english._MONTHS, 1):
                if word in (month, month[:3]):
                    yield float(nth), False
            singular = f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")
            plain = word if any(word in table for table in tables) else singular
            if any(plain in table for table in tables):
                run.append(plain)
            elif word in ("and", "a", "point") and run:
                run.append(word)
            else:
                yield from english.english_values(run)
                run = []
        yield from english.english_values(run)

    @given(TEXTS)
    @settings(max_examples=1000, deadline=None)
    def test_numbers_in_english(self, text: str) -> None:
        text = text.lower()
        assert set(english.in_english(text)) == set(self.slowly(text))


def says(sayings: Sequence[residue._Saying], text: str) -> bool:
    return any(saying.said.search(text) for saying in sayings)


class TestResidue:
    @pytest.mark.parametrize(
        "text",
        [
            "### Response\nFine.", "Note: so.", "Fine. Notes: so.", "Fine. (Translator's note: so.)",
            "EXPLANATION: so.", "Fine. Alternatively: so.", "Gut. Hinweis: so.", "Gut. Erläuterung: so.",
            "Да. Примечание: так.", "Так. Примітка: так.", "Ano. Poznámka: tak.", "Tak. Uwaga: tak.",
            "はい。補足：です",
            "Fine. Remark: so.", "好。注：如此", "好。译者注: 如此", "好。说明：如此", "好。解释：如此",
            "好。备注：如此", "This translation keeps the tone.", "Please note that the translation may vary.",
            "好。翻译说明：如此", "Let me know if you need any help.", "please let me know if you'd like another",
            "I hope this helps", "i hope this translation helps", "如果您有问题请随时告诉我",
            "Hmm, the user is here.", "THE USER WANTS it.", "Translate the following", "将以下翻译成英文",
            "将下列文字翻译为", "Fine.\nChinese: so",
            "the uſer wants", "remarK: so.", "let me \u212anow if you need any", "translate the followıng",
            "Translate the followİng", "ı hope thİſ helpſ", "Explanatıon: so.",
        ],
    )  # fmt: skip
    def test_whatever_is_remarked(self, text: str) -> None:
        assert says(residue._REMARKS, text)
        assert residue.may_have_remark(text)

    def test_letters_that_match_others(self) -> None:
        """Those that the short cuts reckon with are all there are."""
        letters = re.compile("[a-z]", re.IGNORECASE)
        others = {chr(code) for code in range(128, sys.maxunicode + 1) if letters.match(chr(code))}
        assert others == {"İ", "ı", "ſ", "\u212a"}

    @staticmethod
    def texts(sayings: Sequence[residue._Saying]) -> st.SearchStrategy[str]:
        patterns = "".join(saying.said.pattern for saying in sayings)
        parts = [*'## ::：(（[*\n."!', *re.findall(r"[^\W\d_]+(?:\\ [^\W\d_]+)*", patterns), *"ſıİ\u212a"]
        return st.lists(st.sampled_from([part.replace("\\ ", " ") for part in parts]) | st.just(" "), max_size=14).map(
            "".join
        )

    @given(st.data())
    @settings(max_examples=500, deadline=None)
    def test_nothing_else_is(self, data: st.DataObject) -> None:
        for sayings, may_say in (
            (residue._REFUSALS, residue.may_decline),
            (residue._BEGINNINGS, residue.may_have_beginning),
            (residue._REMARKS, residue.may_have_remark),
        ):
            text = data.draw(self.texts(sayings))
            assert may_say(text) or not says(sayings, text)


class TestLanguages:
    """References of one's own words; a hypothesis is in doubt or not whatever other systems say."""

    REFERENCES = (
        "The committee will meet again next week to decide on the plan for the bridge across the river.",
        "In the meantime the old bridge remains open to all those who walk or ride a bicycle.",
    )
    # 53 of 77 letters are in words of the references
    ENGLISH = "The committee will gather next week and settle the blueprint for the bridge across the river."
    # 17 of 46 letters are in words of the references
    STRANGE = "Next week they gather to settle upon a bridge blueprint."
    GERMAN = "Der Ausschuss tagt nächste Woche wieder, um über den Plan für die Brücke zu entscheiden."
    DUTCH = "De commissie komt volgende week weer bijeen om te beslissen over het plan voor de brug."

    def references_and_sources(self) -> TestSet:
        segments = tuple(
            Segment(id=str(n), source=f"{n}号", references=(text,)) for n, text in enumerate(self.REFERENCES)
        )
        return TestSet(name="made", language_pair=LanguagePair.parse("zh-en"), segments=segments)

    def in_doubt(self, *hypotheses: str) -> list[str]:
        testset = self.references_and_sources()
        of_segment = [Examined(text=text, segment=testset.segments[0], of_systems=hypotheses) for text in hypotheses]
        texts = TestSetTexts(language_pair=testset.language_pair, references=self.REFERENCES)
        return [hypotheses[place] for place in language._in_doubt(of_segment, texts, 20)]

    def test_other_systems_change_nothing(self) -> None:
        sound = [self.ENGLISH, f"{self.ENGLISH} So.", f"{self.ENGLISH} Yes."]
        for others in ([], sound[:1], sound, [*sound, self.GERMAN]):
            assert [text for text in self.in_doubt(*others, self.STRANGE) if text not in others] == [self.STRANGE]

    def test_several_systems_in_one_wrong_language_do_not_vouch_for_one_another(self) -> None:
        wrong = [self.GERMAN, f"{self.GERMAN} Ja.", self.GERMAN.replace("wieder", "abermals"), self.GERMAN, self.DUTCH]
        for n_sound in (0, 1, 3, 6):
            sound = [f"{self.ENGLISH}{' Yes.' * n}" for n in range(n_sound)]
            flags = find_flags(
                self.references_and_sources(),
                [(text, self.REFERENCES[1]) for text in (*sound, *wrong)],
                OutputSettings(),
            )
            assert [WRONG_LANGUAGE in of_system[0] for of_system in flags] == [False] * n_sound + [True] * 5
