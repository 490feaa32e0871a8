"""BLEU, chrF and TER over whole data sets and 20,000 pairs of odd texts: every row and score must be sacreBLEU's.

sacreBLEU takes its time, for TER above all, so these tests compare samples, the same in every run: every option, but
not every option with every segment, and TER on short texts. The environment variable EVALHARNESS_EXACT=all makes the
same tests take every segment with every option, which is hours.
"""

from __future__ import annotations

import functools
import itertools
import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pytest
from data_folder import ted21, wmt22
from sacrebleu.metrics import BLEU, CHRF, TER
from test_lexical import lines, mecab

from evalharness.metrics.compiled.library import counters
from evalharness.metrics.lexical import Bleu, Chrf, Chrfpp, Smoothing, Ter
from evalharness.records import ScoringSegment
from evalharness.testsets.library import Library

Lexical: TypeAlias = Bleu | Chrf | Chrfpp | Ter

EVERYTHING = os.environ.get("EVALHARNESS_EXACT") == "all"
N_PAIRS = 20_000
TOLERANCE = 1e-12

pytestmark = pytest.mark.slow

# ---- options. Smoothing of BLEU and, with one reference, beta and epsilon of chrF change no row: `scorings` has them.

_MECAB = {"ja-mecab": [mecab("MeCab")], "ko-mecab": [mecab("mecab_ko")]}
BLEU_ROWS: list[Any] = [
    *[
        pytest.param(Bleu(tokenize=name, lowercase=lowercase), marks=_MECAB.get(name, []))
        for name in ("13a", "zh", "intl", "char", "none", "ja-mecab", "ko-mecab")
        for lowercase in (False, True)
    ],
    *[pytest.param(Bleu(tokenize="13a", max_ngram_order=order)) for order in (1, 2, 3, 6, 10)],
]
CHRF_ROWS: list[Any] = [
    pytest.param(Chrf()),
    pytest.param(Chrfpp()),
    *[
        pytest.param(Chrf(**options))
        for options in (
            {"lowercase": True},
            {"whitespace": True},
            {"lowercase": True, "whitespace": True, "word_order": 2},
            {"char_order": 1},
            {"char_order": 3, "word_order": 1},
            {"char_order": 9},
            {"char_order": 0, "word_order": 1},
            {"char_order": 0, "word_order": 4, "lowercase": True},
        )
    ],
]
# These choose another reference.
CHRF_CHOICES: list[Any] = [
    pytest.param(Chrf(beta=beta, eps_smoothing=epsilon, word_order=word_order))
    for beta, epsilon, word_order in itertools.product((0, 1, 2, 3), (False, True), (0, 2))
    if (beta, epsilon) != (2, False)
]
TER_ROWS: list[Any] = [
    pytest.param(
        Ter(normalized=normalized, no_punct=no_punct, asian_support=asian_support, case_sensitive=case_sensitive)
    )
    for normalized, no_punct, asian_support, case_sensitive in itertools.product((False, True), repeat=4)
]


def scorings(metric: Lexical) -> list[Lexical]:
    """The metric and what else makes scores of its rows."""
    if isinstance(metric, Bleu):
        values = {Smoothing.floor: (None, 0.5), Smoothing.add_k: (None, 0.25)}
        return [
            replace(metric, smooth_method=smoothing, smooth_value=value, effective_order=effective)
            for smoothing in Smoothing
            for value in values.get(smoothing, (None,))
            for effective in (False, True)
        ]
    if isinstance(metric, Ter):
        return [metric]
    return [replace(metric, beta=beta, eps_smoothing=epsilon) for beta in (0, 1, 2, 3) for epsilon in (False, True)]


def sacrebleus(metric: Lexical, **more: Any) -> Any:
    """sacreBLEU's metric with the same options, which are named alike."""
    options = {**asdict(metric), **more}
    if isinstance(metric, Bleu):
        return BLEU(**{**options, "smooth_method": metric.smooth_method.value})
    return TER(**options) if isinstance(metric, Ter) else CHRF(**options)


def ids(option: object) -> str:
    """What the option changes, in the name of the test."""
    assert isinstance(option, Bleu | Chrf | Chrfpp | Ter)
    default = asdict(type(option)())
    changed = [f"{name}={value}" for name, value in asdict(option).items() if value != default[name]]
    return "-".join([type(option).__name__, *changed])


# ---- the comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """References [N], and of each system a hypothesis for each of them."""

    references: Sequence[tuple[str, ...]]
    systems: Sequence[Sequence[str]]

    @property
    def n_pairs(self) -> int:
        return len(self.references) * len(self.systems)

    def only(self, places: Iterable[int]) -> Texts:
        chosen = list(places)
        return Texts(
            references=[self.references[place] for place in chosen],
            systems=[[hypotheses[place] for place in chosen] for hypotheses in self.systems],
        )

    def where(self, holds: Callable[[str], bool]) -> Texts:
        """Those of whose texts all do."""
        return self.only(
            place
            for place, references in enumerate(self.references)
            if all(map(holds, references)) and all(holds(hypotheses[place]) for hypotheses in self.systems)
        )

    def segments(self) -> list[ScoringSegment]:
        """System by system."""
        return [
            ScoringSegment(id=str(place), source=None, hypothesis=hypothesis, references=references)
            for hypotheses in self.systems
            for place, (hypothesis, references) in enumerate(zip(hypotheses, self.references, strict=True))
        ]


def sampled(texts: Texts, n_pairs: int, *, seed: int = 0) -> Texts:
    """Some of them, or all where everything is asked for; another seed, others."""
    n = min(len(texts.references), -(-n_pairs // len(texts.systems)))
    if EVERYTHING:
        return texts
    return texts.only(sorted(random.Random(seed).sample(range(len(texts.references)), n)))


def assert_sacrebleus(metric: Lexical, texts: Texts) -> None:
    """Every row is sacreBLEU's, integer by integer, and every score that can be made of the rows."""
    assert texts.n_pairs > 0
    assert counters() is not None, "not compiled: sacreBLEU would be compared with itself"
    references = [list(column) for column in itertools.zip_longest(*texts.references)]
    theirs = sacrebleus(metric, references=references)
    by_system = [theirs._extract_corpus_statistics(hypotheses, None) for hypotheses in texts.systems]
    expected = [row for rows in by_system for row in rows]
    segments = texts.segments()
    rows = metric.statistics(segments)
    assert rows.dtype == (np.float64 if isinstance(metric, Ter) else np.int64)
    found = rows.tolist()
    assert len(found) == len(expected) == texts.n_pairs
    if found != expected:
        fail(metric, segments, found, expected, "rows")
    for scoring in scorings(metric):
        of_corpus = sacrebleus(scoring)
        of_segments = sacrebleus(replace(scoring, effective_order=True)) if isinstance(scoring, Bleu) else of_corpus
        scores = scoring.segment_scores(rows).tolist()
        theirs_of = [of_segments._compute_score_from_stats(list(row)).score for row in expected]
        if not np.allclose(scores, theirs_of, rtol=0, atol=TOLERANCE):
            fail(scoring, segments, scores, theirs_of, "segment scores")
        sums = rows.reshape(len(by_system), -1, rows.shape[1]).sum(axis=1)
        corpora = scoring.corpus_scores(sums).tolist()
        theirs_of = [of_corpus._aggregate_and_compute(of_system).score for of_system in by_system]
        assert corpora == pytest.approx(theirs_of, rel=0, abs=TOLERANCE), scoring


def fail(metric: Lexical, segments: list[ScoringSegment], found: Any, expected: Any, what: str) -> None:
    """Names the metric with all its options and the shortest texts that differ."""
    differ = [
        place
        for place, (ours, theirs) in enumerate(zip(found, expected, strict=True))
        if not np.allclose(ours, theirs, rtol=0, atol=0 if what == "rows" else TOLERANCE)
    ]

    def length(place: int) -> int:
        return len(segments[place].hypothesis) + sum(map(len, segments[place].references))

    shown = [
        f"{segments[place].hypothesis!a} with references {segments[place].references!a}:\n"
        f"  evalharness {found[place]}\n  sacreBLEU   {expected[place]}"
        for place in sorted(differ, key=length)[:3]
    ]
    pytest.fail("\n".join([f"{len(differ)} of {len(segments)} {what} differ of {metric!r}:", *shown]), pytrace=False)


# ---- translations


@functools.lru_cache(maxsize=2)
def wmt22_texts(n_references: int) -> Texts:
    folder = wmt22()
    references = zip(*[lines(folder / f"ref.{name}.en") for name in "AB"[:n_references]], strict=True)
    return Texts(references=list(references), systems=[lines(path) for path in sorted((folder / "hyp").glob("*.en"))])


@functools.lru_cache(maxsize=1)
def ted21_texts() -> Texts:
    segments, systems = ted21()
    return Texts(references=[(ref_a, ref_b) for _, ref_a, ref_b in segments], systems=list(systems.values()))


@functools.lru_cache(maxsize=1)
def zhengzhou_texts() -> Texts:
    """The bundled test set into Chinese: clauses and whole paragraphs, each with itself, damaged and mixed up."""
    paragraphs = [segment.references[0] for segment in Library(name="zhengzhou", language_pair="en-zh").read().segments]
    clauses = [clause for paragraph in paragraphs for clause in paragraph.replace(";", ",").split(",") if clause]
    texts = paragraphs + clauses
    rng = random.Random(2)
    return Texts(
        references=[(text,) for text in texts],
        systems=[
            texts,
            [*paragraphs[1:], paragraphs[0], *clauses[1:], clauses[0]],
            [damaged(rng, text) for text in texts],
            [moved(rng, text) for text in texts],
            [damaged(rng, moved(rng, text)) + rng.choice(("", "。", " (BYD)", "3.5%")) for text in texts],
        ],
    )


def damaged(rng: random.Random, text: str) -> str:
    """A character in eight lost, doubled or another one of the text."""
    changes = (lambda _: "", lambda character: character * 2, lambda _: rng.choice(text))
    return "".join(rng.choice(changes)(character) if rng.random() < 0.125 else character for character in text)


def moved(rng: random.Random, text: str) -> str:
    """A few stretches elsewhere."""
    for _ in range(rng.randrange(1, 4)):
        start, target, length = rng.randrange(len(text) + 1), rng.randrange(len(text) + 1), rng.randrange(1, 9)
        rest = text[:start] + text[start + length :]
        text = rest[:target] + text[start : start + length] + rest[target:]
    return text


# ---- odd texts

_SPACES = [chr(code_point) for code_point in range(0x3001) if chr(code_point).isspace()]
_WORDS = """
the cat sat on a mat The THE don't it's re-do e.g. U.S.A. well-known (no) [1] "so" is: end. a, b; 's
1 1,000 1.5 1. .5 ,5 1-2 3.000,50 -1 50% $5. 1,2,3 1..2 .. .,. 1:30 2nd 3D ٣ ٣,٣ ² １ １．５ 1.a a.1 1,a
&amp; &quot; &lt; &gt; &amp;lt; &amp;amp;quot; &apos; &#39; & ; &quot &quot;a&quot; <skipped> <seg> <skip<skipped>ped>
郑州 大学 是 一所 大学。 学校、 “河南造” 《书》 ３月 𠀀 𪛖 㐀 豈 ㈱ ㍻ 「」 ！
ひらがな カタカナ ｶﾅ ー 한국어 문장 ㄱ を 漢字 。 ・
שלום שָׁלוֹם مرحبا مَرْحَبًا ـــ \u200fא\u200e \u202eabc\u202c ไทย नमस्ते क्षि
Ελλάδα ΣΑΣ ςσΣ Straße STRASSE ẞ İ I ı ǅ ﬁ Ａ Ⅷ Æ
e\u0301 é e\u0301\u0301 \u0301 \u0301a \ufe0f \u200b \u00ad \ufeff \U0010ffff \ue000 \ue001 \uf8ff
👩\u200d🔬 🇨🇳🇨 👍🏽 🙂🙂 🙂. a🙂 🙂 ☺\ufe0f
! " # $ % & ' ( ) * + , - . / : ; < = > ? @ [ \\ ] ^ _ ` { | } ~ !! ?! ... `` '' ~a~ {x} /a/ ^_^
“ ” ‘ ’ — – … « » ¿ ¡ 。 ， ！ ？ · ……
"""
_KINDS_OF_WORDS = [
    *map(str.split, _WORDS.strip().split("\n")),
    ["a<skipped>b", "-\n", "a-\nb", "\n-", "\n", "-", "--", "a-", "1-", "\r\n", "-\r\n", "\n\n", "a\n"],
    ["\0", "a\0b", "\0\0", "\ud800", "\udfff", "\ud83d\ude42", "a\ud800", "\x01", "\x7f", "\x80", "\ufffe"],
]
_CHARACTERS = sorted({character for words in _KINDS_OF_WORDS for word in words for character in word} | set(_SPACES))


def _space(rng: random.Random) -> str:
    return " " if rng.random() < 0.7 else rng.choice(("", "", "  ", *_SPACES))


def _pool(rng: random.Random) -> list[str]:
    """Few words, so that texts share some."""
    kinds = rng.sample(_KINDS_OF_WORDS, k=rng.choice((1, 1, 2, 4)))
    return rng.sample(words := list(itertools.chain(*kinds)), k=min(len(words), rng.randrange(2, 13)))


def _odd_text(rng: random.Random, pool: list[str], longest: int) -> str:
    match rng.choices(("words", "repeated", "characters", "any", "one", "blank"), weights=(60, 10, 14, 6, 5, 5))[0]:
        case "words":
            return "".join(word + _space(rng) for word in rng.choices(pool, k=rng.randrange(longest)))
        case "repeated":
            unit = "".join(word + _space(rng) for word in rng.choices(pool, k=rng.choice((1, 1, 2, 3))))
            return unit * rng.randrange(1, longest)
        case "characters":
            return "".join(rng.choices(rng.sample(_CHARACTERS, k=rng.randrange(2, 40)), k=rng.randrange(2 * longest)))
        case "any":
            return "".join(
                chr(rng.randrange(rng.choice((0x80, 0x3000, 0x110000)))) for _ in range(rng.randrange(longest))
            )
        case "one":
            return rng.choice(_CHARACTERS)
        case _:
            return "".join(rng.choices(_SPACES, k=rng.choice((0, 0, 1, 3))))


def _variant(rng: random.Random, text: str, pool: list[str]) -> str:
    """Another text with much of this one."""
    match rng.randrange(6):
        case 0:
            return text
        case 1:
            return rng.choice((str.swapcase, str.lower, str.upper, str.title))(text)
        case 2:
            return damaged(rng, text)
        case 3:
            return moved(rng, text)
    words = text.split(" ")
    for _ in range(rng.randrange(1, 4)):
        start, target, length = (rng.randrange(len(words) + 1) for _ in range(3))
        block = words[start : start + length]
        del words[start : start + length]
        words[target:target] = [*block, rng.choice(pool)] if rng.random() < 0.5 else block
    return " ".join(words)


def odd_groups(n: int, *, n_hypotheses: int, seed: int) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """One to three references and their hypotheses; of one group in 250 they have 5,000 characters."""
    rng = random.Random(seed)
    for place in range(n):
        pool = _pool(rng)
        if is_long := place % 250 == 249:
            references = ["".join(word + _space(rng) for word in rng.choices(pool, k=5000))[:5000]]
        else:
            references = [_odd_text(rng, pool, 15)]
        for _ in range(rng.choice((0, 0, 1, 2))):
            other = _variant(rng, references[0], pool) if is_long or rng.random() < 0.4 else _odd_text(rng, pool, 15)
            references.append(other)
        hypotheses = [
            _variant(rng, rng.choice(references), pool) if is_long or rng.random() < 0.7 else _odd_text(rng, pool, 15)
            for _ in range(n_hypotheses)
        ]
        yield tuple(references), hypotheses


@functools.lru_cache(maxsize=1)
def odd_texts() -> Texts:
    groups = list(odd_groups(N_PAIRS // 2, n_hypotheses=2, seed=11))
    systems = [[hypotheses[number] for _, hypotheses in groups] for number in range(2)]
    return Texts(references=[references for references, _ in groups], systems=systems)


def is_encodable(text: str) -> bool:
    """MeCab takes no lone surrogates: sacreBLEU raises an error."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


# ---- the tests

N_OPTIONS = len(BLEU_ROWS) + len(CHRF_ROWS) + len(CHRF_CHOICES)


def place_of(metric: Lexical) -> int:
    """Of an option among all, so that each gets other texts."""
    return [param.values[0] for param in BLEU_ROWS + CHRF_ROWS + CHRF_CHOICES + TER_ROWS].index(metric)


def longest_of(text: str) -> int:
    """TER's words at most: with `asian_support` every character can be one."""
    return max(len(text.split()), sum(character > "\u2e80" for character in text))


@pytest.mark.parametrize("metric", BLEU_ROWS + CHRF_ROWS + CHRF_CHOICES, ids=ids)
def test_odd_texts(metric: Lexical) -> None:
    texts = odd_texts()
    if not EVERYTHING:  # all of them over all options together
        texts = texts.only(range(place_of(metric) % N_OPTIONS, len(texts.references), N_OPTIONS))
    if isinstance(metric, Bleu) and metric.tokenize in _MECAB:
        texts = texts.where(is_encodable)
    assert_sacrebleus(metric, texts)


@pytest.mark.parametrize("metric", TER_ROWS, ids=ids)
def test_odd_texts_ter(metric: Ter) -> None:
    longest = 150 if EVERYTHING else 12  # 80 pairs are longer: below are long ones that sacreBLEU can do
    texts = odd_texts().where(lambda text: longest_of(text) <= longest)
    assert_sacrebleus(metric, sampled(texts, 1200, seed=place_of(metric)))


@pytest.mark.parametrize("n_references", [1, 2])
@pytest.mark.parametrize("metric", BLEU_ROWS + CHRF_ROWS, ids=ids)
def test_wmt22(metric: Lexical, n_references: int) -> None:
    assert_sacrebleus(metric, sampled(wmt22_texts(n_references), 600, seed=place_of(metric)))


@pytest.mark.parametrize("metric", CHRF_CHOICES, ids=ids)
def test_wmt22_choice_of_a_reference(metric: Lexical) -> None:
    assert_sacrebleus(metric, sampled(wmt22_texts(2), 600, seed=place_of(metric)))


@pytest.mark.parametrize("n_references", [1, 2])
@pytest.mark.parametrize("metric", TER_ROWS, ids=ids)
def test_wmt22_ter(metric: Ter, n_references: int) -> None:
    texts = wmt22_texts(n_references)
    if not EVERYTHING:
        texts = texts.where(lambda text: longest_of(text) <= 25)
    assert_sacrebleus(metric, sampled(texts, 100, seed=place_of(metric)))


@pytest.mark.parametrize("metric", BLEU_ROWS + CHRF_ROWS + CHRF_CHOICES, ids=ids)
def test_ted21(metric: Lexical) -> None:
    assert_sacrebleus(metric, sampled(ted21_texts(), 300, seed=place_of(metric)))


@pytest.mark.parametrize("metric", TER_ROWS, ids=ids)
def test_ted21_ter(metric: Ter) -> None:
    texts = ted21_texts()
    if not EVERYTHING:
        texts = texts.where(lambda text: longest_of(text) <= 20)
    assert_sacrebleus(metric, sampled(texts, 40, seed=place_of(metric)))


@pytest.mark.parametrize("metric", BLEU_ROWS + CHRF_ROWS, ids=ids)
def test_zhengzhou_into_chinese(metric: Lexical) -> None:
    assert_sacrebleus(metric, zhengzhou_texts())


@pytest.mark.parametrize("metric", TER_ROWS, ids=ids)
def test_zhengzhou_into_chinese_ter(metric: Ter) -> None:
    texts = zhengzhou_texts()
    if not EVERYTHING:
        texts = texts.where(lambda text: longest_of(text) <= 20)
    assert_sacrebleus(metric, sampled(texts, 100, seed=place_of(metric)))


@pytest.mark.parametrize("metric", [pytest.param(Ter()), pytest.param(Ter(normalized=True))], ids=ids)
def test_ter_of_5000_characters(metric: Ter) -> None:
    rng = random.Random(3)
    # Numbers, so that the texts hold words found once and words found often.
    references = ["".join(f"{rng.randrange(10 ** rng.choice((1, 3, 7)))} " for _ in range(2000))[:5000] for _ in "abc"]
    changes = [moved, lambda rng, text: moved(rng, moved(rng, text))]
    if EVERYTHING:
        changes.append(damaged)  # seconds each
    texts = Texts(
        references=[(text,) for text in references],
        systems=[[change(rng, text) for text in references] for change in changes],
    )
    assert_sacrebleus(metric, texts)
