"""BLEU, chrF, chrF++ and TER against sacreBLEU, against numbers worked out by hand, and against their laws."""

from __future__ import annotations

import importlib.util
import itertools
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_folder import wmt22
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF, TER

from evalharness.errors import EXIT_MISSING, ConfigError, InputError, MissingDependencyError
from evalharness.metrics import lexical
from evalharness.metrics.lexical import Bleu, Chrf, Chrfpp, Smoothing, Ter
from evalharness.records import LanguagePair, ScoringSegment

Lexical = Bleu | Chrf | Chrfpp | Ter
Build = Callable[[], Any]


def mecab(module: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(importlib.util.find_spec(module) is None, reason=f"{module} is not installed")


BLEU_OPTIONS: list[Any] = [
    pytest.param(Bleu(), BLEU, id="default"),
    pytest.param(Bleu(lowercase=True), lambda: BLEU(lowercase=True), id="lowercase"),
    pytest.param(Bleu(effective_order=True), lambda: BLEU(effective_order=True), id="effective_order"),
    *[
        pytest.param(Bleu(tokenize=name), lambda name=name: BLEU(tokenize=name), id=f"tokenize-{name}")
        for name in ("none", "char", "intl", "zh", "13a")
    ],
    pytest.param(Bleu(tokenize="ja-mecab"), lambda: BLEU(tokenize="ja-mecab"), id="ja-mecab", marks=mecab("MeCab")),
    pytest.param(Bleu(tokenize="ko-mecab"), lambda: BLEU(tokenize="ko-mecab"), id="ko-mecab", marks=mecab("mecab_ko")),
    *[
        pytest.param(
            Bleu(smooth_method=smoothing, smooth_value=value, effective_order=effective),
            lambda smoothing=smoothing, value=value, effective=effective: BLEU(
                smooth_method=smoothing.value, smooth_value=value, effective_order=effective
            ),
            id=f"{smoothing.name}-{value}-{effective}",
        )
        for (smoothing, value), effective in itertools.product(
            [
                (Smoothing.none, None),
                (Smoothing.floor, None),
                (Smoothing.floor, 0.5),
                (Smoothing.add_k, None),
                (Smoothing.add_k, 0.25),
            ],
            [False, True],
        )
    ],
    *[
        pytest.param(Bleu(max_ngram_order=order), lambda order=order: BLEU(max_ngram_order=order), id=f"order-{order}")
        for order in (1, 2, 6)
    ],
]
CHRF_OPTIONS: list[Any] = [
    pytest.param(Chrf(), CHRF, id="chrf"),
    pytest.param(Chrfpp(), lambda: CHRF(word_order=2), id="chrfpp"),
    *[
        pytest.param(Chrf(**options), lambda options=options: CHRF(**options), id="-".join(map(str, options.items())))
        for options in (
            {"lowercase": True},
            {"whitespace": True},
            {"eps_smoothing": True},
            {"beta": 1},
            {"beta": 3, "char_order": 4},
            {"char_order": 1},
            {"char_order": 0, "word_order": 1},
            {"word_order": 1, "whitespace": True, "eps_smoothing": True},
        )
    ],
]
TER_OPTIONS: list[Any] = [
    pytest.param(Ter(), TER, id="default"),
    *[
        pytest.param(Ter(**options), lambda options=options: TER(**options), id="-".join(options))
        for options in (
            {"normalized": True},
            {"no_punct": True},
            {"case_sensitive": True},
            {"normalized": True, "asian_support": True},
            {"normalized": True, "asian_support": True, "no_punct": True, "case_sensitive": True},
        )
    ],
]
EVERY = [Bleu(), Chrf(), Chrfpp(), Ter()]

# Repeats, entities, scripts without spaces, right to left, combining marks, emoji, letters of odd lower case.
WORDS = [
    *("the", "the", "The", "cat", "sat", "on", "mat", ".", ",", ";", "!", "'s", "3.5", "1,000", "well-known", "(no)"),
    *(
        "&quot;so&quot;",
        "&amp;",
        "<skipped>",
        "\u201cyes\u201d",
        "郑州",
        "大学",
        "是",
        "一所",
        "大学。",
        "学校、",
        "ひらがな",
    ),
    *("カタカナ", "한국어", "문장", "שלום", "مرحبا", "cafe\u0301", "café", "👩\u200d🔬", "🙂", "Straße", "ΣΑΣ", "İ"),
]
SPACES = (" ", " ", " ", "", "  ", "\u00a0", "\u3000", "\t", "\n", "-\n")


def made_up(n_segments: int, *, n_references: tuple[int, ...], seed: int = 0) -> list[ScoringSegment]:
    """Segments with some words in common; the number of references is drawn from `n_references`."""
    rng = random.Random(seed)

    def text(pool: Sequence[str], n_words: int) -> str:
        return "".join(word + rng.choice(SPACES) for word in rng.choices(pool, k=n_words))

    segments = []
    for place in range(n_segments):
        pool = rng.sample(WORDS, k=rng.randrange(2, 12))
        references = tuple(text(pool, rng.randrange(14)) for _ in range(rng.choice(n_references)))
        segments.append(
            ScoringSegment(id=str(place), source=None, hypothesis=text(pool, rng.randrange(14)), references=references)
        )
    return segments


def transposed(segments: Sequence[ScoringSegment]) -> list[list[str | None]]:
    return [list(refs) for refs in itertools.zip_longest(*(segment.references for segment in segments))]


def their_rows(metric: Any, segments: Sequence[ScoringSegment]) -> list[list[float]]:
    hypotheses = [segment.hypothesis for segment in segments]
    rows: list[list[float]] = metric._extract_corpus_statistics(hypotheses, transposed(segments))
    return rows


def assert_equal_to_sacrebleu(metric: Lexical, theirs: Build, segments: Sequence[ScoringSegment]) -> None:
    rows = metric.statistics(segments)
    expected = their_rows(theirs(), segments)
    assert rows.tolist() == expected
    assert rows.dtype == (np.float64 if isinstance(metric, Ter) else np.int64)
    hypotheses = [segment.hypothesis for segment in segments]
    corpus = theirs().corpus_score(hypotheses, transposed(segments)).score
    assert metric.corpus_scores(rows.sum(axis=0)) == pytest.approx(corpus, abs=1e-12)
    sentence_metric = theirs()
    if isinstance(metric, Bleu):
        sentence_metric.effective_order = True  # as `sacrebleu -sl` sets it
    sentence = [sentence_metric.sentence_score(s.hypothesis, s.references).score for s in segments]
    assert metric.segment_scores(rows) == pytest.approx(sentence, abs=1e-12)


@pytest.mark.parametrize(("metric", "theirs"), BLEU_OPTIONS + CHRF_OPTIONS + TER_OPTIONS)
@pytest.mark.parametrize("n_references", [(1,), (3,), (1, 2, 4)], ids=["one", "three", "varying"])
def test_rows_and_scores_equal_sacrebleu(metric: Lexical, theirs: Build, n_references: tuple[int, ...]) -> None:
    assert_equal_to_sacrebleu(metric, theirs, made_up(20, n_references=n_references, seed=len(n_references)))


TRICKY = st.text(
    alphabet=st.sampled_from(" .,-\n\r\x0b\x1c\x85\u2028\u00a0\u3000'&;<>()%$/!\0ab1٣ΣσÀ\u0301字。ا🙂\ud800"),
    max_size=14,
)
PIECES = st.sampled_from(
    ["&quot;", "&amp;lt;", "<skipped>", "a", "a b", "1.5", "1,", ".,.", "-", "-\n", "U.S.A.", "字 字"]
)
TEXTS = st.one_of(TRICKY, st.lists(PIECES, max_size=8).map("".join), st.text(max_size=10))
SEGMENTS = st.lists(
    st.builds(
        ScoringSegment,
        id=st.just("x"),
        source=st.none(),
        hypothesis=TEXTS,
        references=st.lists(TEXTS, min_size=1, max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, max_examples=60)
@given(segments=SEGMENTS)
@pytest.mark.parametrize(
    ("metric", "theirs"),
    [
        (Bleu(), BLEU),
        (Bleu(lowercase=True, tokenize="intl"), lambda: BLEU(lowercase=True, tokenize="intl")),
        (Chrfpp(), lambda: CHRF(word_order=2)),
        (Chrf(whitespace=True, lowercase=True), lambda: CHRF(whitespace=True, lowercase=True)),
        (Ter(), TER),
    ],
    ids=["bleu", "bleu-intl-lc", "chrfpp", "chrf-space-lc", "ter"],
)
def test_equal_sacrebleu_on_any_text(metric: Lexical, theirs: Build, segments: list[ScoringSegment]) -> None:
    assert_equal_to_sacrebleu(metric, theirs, segments)


@settings(deadline=None, max_examples=250)
@given(text=TEXTS)
@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("tokenize", ["13a", "zh"])
def test_words_tokenized_one_by_one_are_those_of_the_whole_line(tokenize: str, lowercase: bool, text: str) -> None:
    texts = [text, *text.split(" "), f"{text} {text}"]
    theirs = BLEU(tokenize=tokenize, lowercase=lowercase)
    ours = lexical._tokenized(Bleu(tokenize=tokenize, lowercase=lowercase), texts)
    assert [tokens.split() for tokens in ours] == [theirs._preprocess_segment(text).split() for text in texts]


@pytest.mark.parametrize("tokenize", ["13a", "zh"])
def test_threads_do_not_disturb_each_other(tokenize: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexical, "_WORDS_REMEMBERED", 50)  # so that what is remembered is given up all the time
    switched = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        segments = [
            [one(" ".join(f"w{seed}.{k * n}," for k in range(9)), f"w{seed}.{n}") for n in range(300)]
            for seed in range(4)
        ]
        metric = Bleu(tokenize=tokenize)
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(metric.statistics, segments))
    finally:
        sys.setswitchinterval(switched)
    for rows, of_thread in zip(found, segments, strict=True):
        assert rows.tolist() == their_rows(BLEU(tokenize=tokenize), of_thread)


def test_a_text_with_every_character_for_private_use() -> None:
    segments = [one(" ".join(f"{chr(code)}." for code in range(0xE000, 0xF900)), "a. b")]
    assert Bleu(tokenize="13a").statistics(segments).tolist() == their_rows(BLEU(), segments)


def test_metrics_share_the_tokens_of_a_text() -> None:
    segments = [one("so much, for so little", "so little; for so much")]
    first, second = Bleu(tokenize="intl"), Bleu(tokenize="intl", max_ngram_order=2)
    first.statistics(segments)
    tokenizer = lexical._sacrebleu_bleu(second).tokenizer
    n_tokenized = type(tokenizer).__call__.cache_info().misses
    second.statistics(segments)
    assert type(tokenizer).__call__.cache_info().misses == n_tokenized


@pytest.mark.parametrize("metric", EVERY, ids=lambda metric: type(metric).__name__)
def test_no_segments_are_no_rows(metric: Lexical, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = metric.statistics([])
    monkeypatch.setattr(lexical, "counters", lambda: None)
    assert metric.statistics([]).shape == compiled.shape == (0, metric.statistics([one("a", "a")]).shape[1])


def one(hypothesis: str, *references: str) -> ScoringSegment:
    return ScoringSegment(id="1", source=None, hypothesis=hypothesis, references=references)


def corpus_score(metric: Lexical, *segments: ScoringSegment) -> float:
    return float(metric.corpus_scores(metric.statistics(segments).sum(axis=0)))


@pytest.mark.parametrize(
    ("metric", "segment", "row", "score"),
    [
        # unigrams: the (once) and cat of 3; bigrams: "the cat" of 2; equal lengths: 100 sqrt(2/3 * 1/2)
        (Bleu(max_ngram_order=2), one("the the cat", "the cat sat"), [3, 3, 2, 1, 3, 2], 100 * (1 / 3) ** 0.5),
        # P = 2/2, R = 2/3, F2 = 5 P R / (4 P + R) = (10/3) / (14/3)
        (Chrf(char_order=1), one("a b", "abc"), [2, 3, 2], 100 * 5 / 7),
        # characters 3 of 4, words 1 of 2, so mean P = mean R = 0.625 = F
        (Chrfpp(char_order=1, word_order=1), one("ab cd", "ab ce"), [4, 4, 3, 2, 2, 1], 62.5),
        # one shift makes it the reference: 1 edit for 3 words
        (Ter(), one("b a c", "a b c"), [1, 3], 100 / 3),
        # closest reference length of 2 and 4 to 3 is the shorter; counts are the largest over the references
        (Bleu(max_ngram_order=1), one("a a b", "a b", "a a c d"), [3, 2, 3, 3], 100.0),
        # edits against the nearer reference (1), the mean reference length (2 + 4) / 2
        (Ter(), one("a b c", "a b", "d e f g"), [1, 3], 100 / 3),
        # the reference is empty: every word is an edit, and sacreBLEU calls it 100
        (Ter(), one("a b", ""), [2, 0], 100.0),
        (Ter(), one("", "a b"), [2, 2], 100.0),
        (Ter(), one("", ""), [0, 0], 0.0),
        (Bleu(), one("", "a b"), [0, 2, 0, 0, 0, 0, 0, 0, 0, 0], 0.0),
        (Chrf(char_order=1), one("ab", ""), [0, 0, 0], 0.0),
        (Chrf(char_order=1), one("", "ab"), [0, 2, 0], 0.0),
    ],
)
def test_by_hand(metric: Lexical, segment: ScoringSegment, row: list[float], score: float) -> None:
    assert metric.statistics([segment]).tolist() == [row]
    assert corpus_score(metric, segment) == pytest.approx(score, abs=1e-12)


SMALL = [
    one("The cat sat on the mat.", "The cat is sitting on the mat."),
    one('He said "hello, world" at 3.5%-rate.', 'He said: "Hello, world!" at a 3.5% rate.'),
    one("It rained all day in Zhengzhou.", "In Zhengzhou it rained all day long."),
]


@pytest.mark.parametrize(
    ("metric", "score"),
    # sacrebleu 2.6.0 command line, `-m bleu|chrf|ter -w 6` (chrF++: `--chrf-word-order 2`), the three lines above
    [(Bleu(), 19.465786), (Chrf(), 57.467313), (Chrfpp(), 54.785655), (Ter(), 45.454545)],
)
def test_sacrebleu_command_line(metric: Lexical, score: float) -> None:
    assert corpus_score(metric, *SMALL) == pytest.approx(score, abs=5e-7)


def test_sentence_bleu_of_the_sacrebleu_command_line() -> None:
    scores = Bleu().segment_scores(Bleu().statistics(SMALL))
    assert scores == pytest.approx([42.383656, 11.154877, 24.078566], abs=5e-7)  # sacrebleu 2.6.0 -m bleu -sl -b -w 6


@pytest.mark.parametrize("metric", EVERY, ids=lambda metric: type(metric).__name__)
class TestLaws:
    def test_any_order_and_any_batch_give_the_same_rows(self, metric: Lexical) -> None:
        segments = made_up(90, n_references=(1, 2), seed=5)
        segments += [  # five systems on some of the same references, system after system
            ScoringSegment(id=s.id, source=None, hypothesis=other.hypothesis, references=s.references)
            for step in range(1, 5)
            for s, other in zip(segments[:40], segments[step : 40 + step], strict=True)
        ]
        rows = metric.statistics(segments)
        order = np.random.default_rng(0).permutation(len(segments))
        assert np.array_equal(metric.statistics([segments[place] for place in order]), rows[order])
        for size in (1, 7, 64):
            batches = [metric.statistics(segments[start : start + size]) for start in range(0, len(segments), size)]
            assert np.array_equal(np.concatenate(batches), rows)

    def test_scores_work_over_any_leading_axes(self, metric: Lexical) -> None:
        rows = metric.statistics(made_up(40, n_references=(1,), seed=6))
        sums = rows[np.random.default_rng(1).integers(40, size=(2, 3, 40))].sum(axis=2)
        scores = metric.corpus_scores(sums)
        assert scores.shape == (2, 3)
        for place in np.ndindex(2, 3):
            assert scores[place] == metric.corpus_scores(sums[place])

    def test_nan_rows_give_nan_and_leave_the_others(self, metric: Lexical) -> None:
        rows = metric.statistics(SMALL).astype(np.float64)
        with_failed = rows.copy()
        with_failed[1] = np.nan
        scores = metric.segment_scores(with_failed)
        assert np.isnan(scores).tolist() == [False, True, False]
        assert scores[[0, 2]].tolist() == metric.segment_scores(rows)[[0, 2]].tolist()

    def test_the_reference_itself_is_perfect(self, metric: Lexical) -> None:
        segments = [one(segment.references[0], *segment.references) for segment in SMALL]
        perfect = 100.0 if metric.higher_is_better else 0.0
        assert metric.segment_scores(metric.statistics(segments)) == pytest.approx([perfect] * 3, abs=1e-12)
        assert corpus_score(metric, *segments) == pytest.approx(perfect, abs=1e-12)

    def test_no_segments_give_no_rows(self, metric: Lexical) -> None:
        assert metric.statistics([]).shape == (0, metric.statistics(SMALL).shape[1])

    def test_a_segment_without_references_is_named(self, metric: Lexical) -> None:
        with pytest.raises(InputError, match="'doc1-7'"):
            metric.statistics([ScoringSegment(id="doc1-7", source=None, hypothesis="a", references=())])


@pytest.mark.parametrize(("metric", "theirs"), BLEU_OPTIONS + CHRF_OPTIONS + TER_OPTIONS)
@pytest.mark.parametrize("n_references", [1, 2, None])
def test_signature_begins_with_sacrebleus(metric: Lexical, theirs: Build, n_references: int | None) -> None:
    their_metric = theirs()
    their_metric.num_refs = -1 if n_references is None else n_references
    assert str(metric.signature(n_references=n_references)).startswith(str(their_metric.get_signature()))


@pytest.mark.parametrize(
    ("metric", "signature"),
    [
        # sacrebleu 2.6.0 prints these
        (Bleu(), "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"),
        (Chrfpp(), "nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:2.6.0"),
        (Ter(), "nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.6.0"),
        # and leaves these settings out
        (Bleu(max_ngram_order=2), "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0|order:2"),
        (Chrf(beta=3), "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0|beta:3"),
        (
            Bleu(smooth_method=Smoothing.floor, smooth_value=0.125),
            "nrefs:1|case:mixed|eff:no|tok:13a|smooth:floor[0.12]|version:2.6.0|smooth_value:0.125",
        ),
    ],
)
def test_signature(metric: Lexical, signature: str) -> None:
    from sacrebleu import __version__

    assert str(metric.signature(n_references=1)) == signature.replace("2.6.0", __version__)


@pytest.mark.parametrize(
    ("metric", "heading"),
    [(Bleu(), "BLEU"), (Chrf(), "chrF2"), (Chrf(beta=3), "chrF3"), (Chrfpp(), "chrF2++"), (Ter(), "TER")],
)
def test_headings(metric: Lexical, heading: str) -> None:
    assert metric.heading == heading


@pytest.mark.parametrize(
    ("target", "tokenize"),
    [
        ("zh", "zh"),
        ("zh_CN", "zh"),
        ("ja", "ja-mecab"),
        ("ko", "ko-mecab"),
        ("en", "13a"),
        ("de_AT", "13a"),
        ("zho_Hant", "zh"),
        ("cmn", "zh"),
        ("yue", "zh"),
        ("jpn_Jpan", "ja-mecab"),
        ("kor", "ko-mecab"),
    ],
)
def test_bleu_tokenizer_follows_the_target_language(target: str, tokenize: str) -> None:
    lp = LanguagePair(source="en", target=target)
    assert Bleu(lowercase=True).for_language_pair(lp) == Bleu(lowercase=True, tokenize=tokenize)
    assert Bleu(tokenize="intl").for_language_pair(lp) == Bleu(tokenize="intl")
    assert Chrf().for_language_pair(lp) == Chrf()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Bleu(tokenize="13b"), r"tokenize='13b'.*did you mean '13a'"),
        (lambda: Bleu(smooth_method="exp"), r"smooth_method='exp'.*exp, floor, add_k, none"),  # type: ignore[arg-type]
        (lambda: Bleu(smooth_value=0.5), r"smooth_value=0.5.*'exp' takes no value"),
        (lambda: Bleu(smooth_method=Smoothing.floor, smooth_value=0.0), r"smooth_value=0.0: expected a positive"),
        (lambda: Bleu(max_ngram_order=0), r"max_ngram_order=0: expected 1 to 100"),
        (lambda: Chrf(char_order=-1), r"char_order=-1: expected 0 to 100"),
        (lambda: Chrf(char_order=0), r"counts nothing"),
        (lambda: Chrfpp(beta=-1), r"beta=-1"),
    ],
)
def test_bad_settings_say_what_to_do(build: Build, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build()


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [("ja-mecab", "ja_mecab", r"sacrebleu\[ja\]"), ("ko-mecab", "ko_mecab", r"sacrebleu\[ko\]")],
)
def test_a_missing_tokenizer_says_what_to_install(
    name: str, module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lexical._sacrebleu_bleu.cache_clear()
    monkeypatch.setattr(f"sacrebleu.tokenizers.tokenizer_{module}.MeCab", None)
    with pytest.raises(MissingDependencyError, match=f"tokenize='{name}'.*pip install \"{package}\"") as raised:
        Bleu(tokenize=name).statistics(SMALL)
    assert raised.value.exit_code == EXIT_MISSING
    with pytest.raises(MissingDependencyError):
        Bleu(tokenize=name).signature(n_references=1)


def test_a_tokenizer_that_cannot_be_downloaded_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object) -> None:
        raise OSError("no route to host")

    lexical._sacrebleu_bleu.cache_clear()
    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_spm.Flores200Tokenizer.__init__", refuse)
    expected = r"'flores200'.*no route to host.*the file .*models.flores200sacrebleuspm, from https://"
    with pytest.raises(MissingDependencyError, match=expected):
        Bleu(tokenize="flores200").statistics(SMALL)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"'flores200'.*pip install sentencepiece"):
        Bleu(tokenize="flores200").statistics(SMALL)


def test_importing_the_module_loads_no_sacrebleu() -> None:
    code = (
        "import sys, evalharness.metrics.lexical; sys.exit(any(name.startswith('sacrebleu') for name in sys.modules))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).resolve().parent.parent, check=False).returncode
        == 0
    )


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def test_wmt22_sentences() -> None:
    folder = wmt22()
    references = list(zip(lines(folder / "ref.A.en"), lines(folder / "ref.B.en"), strict=True))
    hypotheses = lines(folder / "hyp" / "Online-B.en")
    segments = [one(hypotheses[place], *references[place]) for place in range(0, len(references), 37)]
    short = [segment for segment in segments if len(segment.hypothesis.split()) < 30]  # sacreBLEU's TER is slow
    assert_equal_to_sacrebleu(Bleu(), BLEU, segments)
    assert_equal_to_sacrebleu(Chrf(), CHRF, segments)
    assert_equal_to_sacrebleu(Chrfpp(), lambda: CHRF(word_order=2), segments)
    assert_equal_to_sacrebleu(Ter(), TER, short[:15])


@pytest.mark.parametrize(
    ("target", "asian_support", "is_said"),
    [("zh", False, True), ("jpn", False, True), ("zh", True, False), ("ko", False, False), ("en", False, False)],
)
def test_ter_of_a_language_without_spaces_is_said(
    caplog: pytest.LogCaptureFixture, target: str, asian_support: bool, is_said: bool
) -> None:
    Ter(asian_support=asian_support, normalized=asian_support).for_language_pair(
        LanguagePair(source="en", target=target)
    )
    assert [f"{target} is written without spaces" in message for message in caplog.messages] == [True] * is_said
