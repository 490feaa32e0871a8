"""BLEU, chrF, chrF++ and TER: sacreBLEU's numbers to the last digit, counted in compiled code.

Source of every definition: sacreBLEU 2.6 (Post 2018). Its tokenizers, its preprocessing and its signatures are called;
its counting loops are replaced by the library in `compiled`, and where that cannot be loaded they are called as well.
Tests hold the rows of both equal to sacreBLEU's, integer by integer. This is the only module that touches sacreBLEU's
private functions.

"sacreBLEU's" means its Python API on the strings as given. Its command line strips white space from the ends of lines
first, which changes chrF with `whitespace=True` and nothing else here.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from evalharness.errors import ConfigError, InputError, MissingDependencyError, nearest
from evalharness.metrics.base import Needs
from evalharness.metrics.compiled.library import Counted, Groups, Integers, Units, counters
from evalharness.records import Array, Floats, LanguagePair, ScoringSegment, Signature, base_language

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric as SacrebleuMetric
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER

_log = logging.getLogger(__name__)

ROWS_PER_CALL = 4096
_HIGHEST_ORDER = 100  # every row holds numbers for each order
_WORDS_REMEMBERED = 1 << 17
_TEXTS_TOGETHER = 256  # their words stay in the processor's cache
_WITHOUT_MEANING = range(0xE000, 0xF900)  # characters for private use
_WORST_EDITS_PER_WORD = 2.0


class Smoothing(Enum):
    """What BLEU does with an n-gram order that has no match; the names are what a configuration writes."""

    exp = "exp"
    floor = "floor"
    add_k = "add-k"
    none = "none"


_SMOOTHING_WITH_VALUE = {Smoothing.floor: 0.1, Smoothing.add_k: 1.0}  # and sacreBLEU's default for it
_TOKENIZER_OF_TARGET = {
    **dict.fromkeys(("zh", "zho", "cmn", "yue"), "zh"),  # two letters or three, as in FLORES
    **dict.fromkeys(("ja", "jpn"), "ja-mecab"),
    **dict.fromkeys(("ko", "kor"), "ko-mecab"),
}
_TOKENIZER_ELSE = "13a"
_TOKENIZERS = (
    "13a",
    "char",
    "flores101",
    "flores200",
    "intl",
    "ja-mecab",
    "ko-mecab",
    "none",
    "spBLEU-1K",
    "spm",
    "zh",
)
_INSTALL = {"ja-mecab": 'pip install "sacrebleu[ja]"', "ko-mecab": 'pip install "sacrebleu[ko]"'}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bleu:
    """BLEU (Papineni et al. 2002) with sacreBLEU's options and defaults.

    `tokenize=None` follows the target language: zh -> zh, ja -> ja-mecab, ko -> ko-mecab, else 13a.
    `smooth_value` is for `floor` (None: 0.1) and `add_k` (None: 1).
    Segment scores always use the effective order, corpus scores follow `effective_order`, as `sacrebleu -sl` does.

    Row: [hypothesis length, reference length, matches of order 1.., n-grams of order 1..] int64, K = 2 + 2 orders; the
    reference length is the one closest to the hypothesis's, the shorter of two equally close."""

    needs: ClassVar[frozenset[Needs]] = frozenset({Needs.REFERENCE})
    higher_is_better: ClassVar[bool] = True
    exact_in_any_batch: ClassVar[bool] = True
    rows_per_call: ClassVar[int] = ROWS_PER_CALL
    display_factor: ClassVar[float] = 1.0

    tokenize: str | None = None
    lowercase: bool = False
    smooth_method: Smoothing = Smoothing.exp
    smooth_value: float | None = None
    effective_order: bool = False
    max_ngram_order: int = 4

    def __post_init__(self) -> None:
        if self.tokenize is not None and self.tokenize not in _TOKENIZERS:
            raise ConfigError(
                f"tokenize={self.tokenize!r}: sacreBLEU has no such tokenizer{nearest(self.tokenize, _TOKENIZERS)} "
                f"Known: {', '.join(_TOKENIZERS)}; null follows the target language."
            )
        if not isinstance(self.smooth_method, Smoothing):
            names = [smoothing.name for smoothing in Smoothing]
            raise ConfigError(
                f"smooth_method={self.smooth_method!r}: expected one of {', '.join(names)}"
                f"{nearest(str(self.smooth_method), names)} In Python: lexical.Smoothing.exp."
            )
        if self.smooth_value is not None and self.smooth_method not in _SMOOTHING_WITH_VALUE:
            raise ConfigError(
                f"smooth_value={self.smooth_value}: smoothing {self.smooth_method.name!r} takes no value. "
                "Leave it null, or set smooth_method to floor or add_k."
            )
        if self.smooth_value is not None and not 0 < self.smooth_value < np.inf:
            raise ConfigError(f"smooth_value={self.smooth_value}: expected a positive number, or null for the default.")
        _check_within("max_ngram_order", self.max_ngram_order, 1, _HIGHEST_ORDER)

    @property
    def heading(self) -> str:
        return "BLEU"

    def for_language_pair(self, lp: LanguagePair) -> Bleu:
        if self.tokenize is not None:
            return self
        return replace(self, tokenize=_TOKENIZER_OF_TARGET.get(base_language(lp.target), _TOKENIZER_ELSE))

    def statistics(self, segments: Sequence[ScoringSegment]) -> Array:
        """Rows [N, K] int64, in the order of `segments`.

        Raises: InputError where a segment has no reference; MissingDependencyError where the tokenizer is not there."""
        metric, compared = _sacrebleu_bleu(self), _Compared.of(segments)
        n_statistics = 2 + 2 * self.max_ngram_order
        if (compiled := counters()) is None:
            return compared.rows_of(metric, n_statistics=n_statistics)
        groups = compared.groups(functools.partial(_tokenized, self))
        found = compiled.clipped_matches(
            groups, units=Units.words, max_order=self.max_ngram_order, merge_references=True
        )
        hyp_len = found.hypothesis_lengths
        rows = np.empty((len(segments), n_statistics), dtype=np.int64)
        for texts in _by_number_of_references(groups):
            closest = _closest(hyp_len[texts.hypotheses], found.reference_lengths[texts.references])
            rows[compared.places[texts.hypotheses], 1] = closest
        rows[compared.places, 0] = hyp_len
        rows[compared.places, 2 : 2 + self.max_ngram_order] = found.counts
        rows[compared.places, 2 + self.max_ngram_order :] = _ngram_counts(hyp_len, self.max_ngram_order)
        return rows

    def segment_scores(self, statistics: Array) -> Floats:
        """sacreBLEU's sentence BLEU with its effective order on, whatever `effective_order` says: [N, K] -> [N]."""
        return self._scores(statistics, effective_order=True)

    def corpus_scores(self, sums: Array) -> Floats:
        """sacreBLEU's corpus BLEU, 0-100: [..., K] -> [...]; 0.0 where nothing matches."""
        return self._scores(sums, effective_order=self.effective_order)

    def worst_rows(self, rows: Array) -> Array:
        """The rows without matches. The lengths stay: an empty hypothesis in their place would raise the score of a
        system that is wordy elsewhere, and one without matches never does."""
        worst = rows.copy()
        worst[:, 2 : 2 + self.max_ngram_order] = 0
        return worst

    def signature(self, *, n_references: int | None) -> Signature:
        """sacreBLEU's, and after it what sacreBLEU's leaves out where it is not the default: the n-gram order, and a
        smoothing value that two decimals do not show."""
        extra: list[tuple[str, str]] = []
        if self.max_ngram_order != 4:
            extra.append(("order", str(self.max_ngram_order)))
        if self.smooth_value is not None and float(f"{self.smooth_value:.2f}") != self.smooth_value:
            extra.append(("smooth_value", repr(float(self.smooth_value))))
        return _signature(_sacrebleu_bleu(self), n_references, extra)

    def _scores(self, sums: Array, *, effective_order: bool) -> Floats:
        numbers = sums.astype(np.float64)
        hyp_len, ref_len = numbers[..., 0], numbers[..., 1]
        correct = numbers[..., 2 : 2 + self.max_ngram_order]
        total = numbers[..., 2 + self.max_ngram_order :]
        smooth_value = self.smooth_value
        if smooth_value is None:
            smooth_value = _SMOOTHING_WITH_VALUE.get(self.smooth_method, 0.0)

        log_sum, order_used = np.zeros(hyp_len.shape), np.zeros(hyp_len.shape)
        halvings = np.ones(hyp_len.shape)
        reached = np.ones(hyp_len.shape, dtype=bool)  # sacreBLEU stops at the first order without n-grams
        possible = (correct != 0).any(axis=-1)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for order in range(1, self.max_ngram_order + 1):
                order_correct, order_total = correct[..., order - 1], total[..., order - 1]
                if self.smooth_method is Smoothing.add_k and order > 1:
                    order_correct, order_total = order_correct + smooth_value, order_total + smooth_value
                reached &= order_total != 0
                unmatched = order_correct == 0
                precision = 100.0 * order_correct / order_total
                if self.smooth_method is Smoothing.exp:
                    halvings = np.where(reached & unmatched, halvings * 2, halvings)
                    precision = np.where(unmatched, 100.0 / (halvings * order_total), precision)
                elif self.smooth_method is Smoothing.floor:
                    precision = np.where(unmatched, 100.0 * smooth_value / order_total, precision)
                counted = reached if effective_order else np.ones_like(reached)
                order_used = np.where(counted, float(order), order_used)
                log_precision = np.where(reached, np.log(precision), -np.inf)
                log_sum = np.where(counted, log_sum + log_precision, log_sum)
            # Where no order is reached sacreBLEU still divides by the full order: its score is 0 all the same.
            brevity = np.where(hyp_len < ref_len, np.exp(1 - ref_len / hyp_len), 1.0)
            scores = np.where(order_used > 0, brevity * np.exp(log_sum / order_used), 0.0)
        scores = np.where(possible, scores, 0.0)
        return np.where(np.isnan(numbers).any(axis=-1), np.nan, scores)


@dataclass(frozen=True, slots=True, kw_only=True)
class _CharacterF:
    """chrF (Popovic 2015) and chrF++ (Popovic 2017) with sacreBLEU's options.

    Row: [n-grams in the hypothesis, in the reference, in both] for each order, characters first and words after, int64,
    K = 3 (char_order + word_order); with several references those of the one with the best F, the first of equals."""

    needs: ClassVar[frozenset[Needs]] = frozenset({Needs.REFERENCE})
    higher_is_better: ClassVar[bool] = True
    exact_in_any_batch: ClassVar[bool] = True
    rows_per_call: ClassVar[int] = ROWS_PER_CALL
    display_factor: ClassVar[float] = 1.0

    char_order: int = 6
    word_order: int = 0
    beta: int = 2
    lowercase: bool = False
    whitespace: bool = False
    eps_smoothing: bool = False

    def __post_init__(self) -> None:
        _check_within("char_order", self.char_order, 0, _HIGHEST_ORDER)
        _check_within("word_order", self.word_order, 0, _HIGHEST_ORDER)
        if self.beta < 0:
            raise ConfigError(f"beta={self.beta}: expected 0 or more.")
        if self.char_order + self.word_order == 0:
            raise ConfigError("char_order=0 with word_order=0 counts nothing: expected one of them to be 1 or more.")

    @property
    def heading(self) -> str:
        return f"chrF{self.beta}" + "+" * self.word_order

    def statistics(self, segments: Sequence[ScoringSegment]) -> Array:
        """Rows [N, K] int64, in the order of `segments`.

        Raises: InputError where a segment has no reference."""
        metric, compared = _sacrebleu_chrf(self), _Compared.of(segments)
        n_statistics = 3 * (self.char_order + self.word_order)
        if (compiled := counters()) is None:
            return compared.rows_of(metric, n_statistics=n_statistics)
        groups = compared.groups(functools.partial(_preprocessed, metric))
        orders = (
            (Units.characters if self.whitespace else Units.characters_unspaced, self.char_order),
            (Units.words_apart, self.word_order),
        )
        found = [
            (compiled.clipped_matches(groups, units=units, max_order=order, merge_references=False), order)
            for units, order in orders
            if order
        ]
        rows = np.empty((len(segments), n_statistics), dtype=np.int64)
        for texts in _by_number_of_references(groups):
            triples = np.concatenate([_triples(counted, order, texts) for counted, order in found], axis=2)
            rows[compared.places[texts.hypotheses]] = self._best_reference(triples)
        return rows

    def segment_scores(self, statistics: Array) -> Floats:
        """sacreBLEU's sentence chrF, 0-100: [N, K] -> [N]."""
        return self._scores(statistics)

    def corpus_scores(self, sums: Array) -> Floats:
        """sacreBLEU's corpus chrF, 0-100: [..., K] -> [...]."""
        return self._scores(sums)

    def worst_rows(self, rows: Array) -> Array:
        """The rows without matches; the lengths stay, as of BLEU."""
        worst = rows.copy()
        worst[:, 2::3] = 0
        return worst

    def signature(self, *, n_references: int | None) -> Signature:
        """sacreBLEU's, and after it beta where it is not 2, which sacreBLEU's leaves out."""
        extra = [] if self.beta == 2 else [("beta", str(self.beta))]
        return _signature(_sacrebleu_chrf(self), n_references, extra)

    def _best_reference(self, triples: Integers) -> Integers:
        """[T hypotheses, R references, orders, 3] -> rows [T, K]."""
        rows = triples.reshape(*triples.shape[:2], -1)
        if rows.shape[1] == 1:
            return rows[:, 0]
        best = np.argmax(self._scores(rows), axis=1)  # the first of equals, as sacreBLEU
        chosen: Integers = rows[np.arange(len(rows)), best]
        return chosen

    def _scores(self, sums: Array) -> Floats:
        """In sacreBLEU's order of operations: which reference is best must not hang on a last bit."""
        numbers = sums.astype(np.float64)
        epsilon, factor = 1e-16, self.beta**2
        n_orders = self.char_order + self.word_order
        smoothed, precision_sum, recall_sum, effective_order = np.zeros((4, *numbers.shape[:-1]))
        with np.errstate(divide="ignore", invalid="ignore"):
            for order in range(n_orders):
                n_hyp, n_ref, n_match = (numbers[..., 3 * order + place] for place in range(3))
                precision = np.where(n_hyp > 0, n_match / n_hyp, epsilon)
                recall = np.where(n_ref > 0, n_match / n_ref, epsilon)
                below = factor * precision + recall
                smoothed = smoothed + np.where(below > 0, (1 + factor) * precision * recall / below, epsilon)
                both = (n_hyp > 0) & (n_ref > 0)
                precision_sum = np.where(both, precision_sum + precision, precision_sum)
                recall_sum = np.where(both, recall_sum + recall, recall_sum)
                effective_order = effective_order + both
            if self.eps_smoothing:
                scores = 100 * smoothed / n_orders
            else:
                precision, recall = precision_sum / effective_order, recall_sum / effective_order
                f_score = (1 + factor) * precision * recall / (factor * precision + recall)
                scores = np.where((effective_order > 0) & (precision + recall != 0), 100 * f_score, 0.0)
        return np.where(np.isnan(numbers).any(axis=-1), np.nan, scores)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chrf(_CharacterF):
    """chrF: character n-grams alone. Settings, rows and scores as in `_CharacterF`."""

    def for_language_pair(self, lp: LanguagePair) -> Chrf:
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Chrfpp(_CharacterF):
    """chrF++: chrF with word n-grams up to order 2. Settings, rows and scores as in `_CharacterF`."""

    word_order: int = 2

    def for_language_pair(self, lp: LanguagePair) -> Chrfpp:
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Ter:
    """TER (Snover et al. 2006) with sacreBLEU's options and defaults: its variant of Tercom's shift search.

    Row: [edits against the closest reference, mean reference length] float64, K = 2."""

    needs: ClassVar[frozenset[Needs]] = frozenset({Needs.REFERENCE})
    higher_is_better: ClassVar[bool] = False
    exact_in_any_batch: ClassVar[bool] = True
    rows_per_call: ClassVar[int] = 1024  # about a second on WMT22, the most an interruption loses
    display_factor: ClassVar[float] = 1.0

    normalized: bool = False
    no_punct: bool = False
    asian_support: bool = False
    case_sensitive: bool = False

    @property
    def heading(self) -> str:
        return "TER"

    def for_language_pair(self, lp: LanguagePair) -> Ter:
        if _TOKENIZER_OF_TARGET.get(base_language(lp.target)) in ("zh", "ja-mecab") and not self.asian_support:
            _log.warning(
                "TER: %s is written without spaces, so that a whole phrase counts as one word; "
                "metrics.ter.normalized=true metrics.ter.asian_support=true takes characters as words.",
                lp.target,
            )
        return self

    def statistics(self, segments: Sequence[ScoringSegment]) -> Array:
        """Rows [N, K] float64, in the order of `segments`.

        Raises: InputError where a segment has no reference."""
        metric, compared = _sacrebleu_ter(self), _Compared.of(segments)
        if (compiled := counters()) is None:
            return compared.rows_of(metric, n_statistics=2, dtype=np.float64)
        groups = compared.groups(functools.partial(_preprocessed, metric))
        # sacreBLEU preprocesses references twice (2.6.0: when it caches them, and again when it splits them), which
        # shows with `normalized`: its numbers are those of texts normalized twice.
        groups = replace(groups, references=_preprocessed(metric, groups.references))
        found = compiled.ter_edits(groups)
        rows = np.empty((len(segments), 2), dtype=np.float64)
        for texts in _by_number_of_references(groups):
            places = compared.places[texts.hypotheses]
            rows[places, 0] = found.counts[texts.pairs].min(axis=1)
            rows[places, 1] = found.reference_lengths[texts.references].sum(axis=1) / texts.references.shape[1]
        return rows

    def segment_scores(self, statistics: Array) -> Floats:
        """sacreBLEU's sentence TER, 0 is perfect and 100 is as many edits as words: [N, K] -> [N]."""
        return self.corpus_scores(statistics)

    def corpus_scores(self, sums: Array) -> Floats:
        """sacreBLEU's corpus TER: [..., K] -> [...]; 100 where there are edits and no reference words."""
        numbers = sums.astype(np.float64)
        edits, ref_len = numbers[..., 0], numbers[..., 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(ref_len > 0, edits / ref_len, np.where(edits > 0, 1.0, 0.0))
        return np.where(np.isnan(numbers).any(axis=-1), np.nan, 100 * ratio)

    def worst_rows(self, rows: Array) -> Array:
        """Two edits for each word of the reference, 200 in the scale of TER, which has no end: a text as long as the
        reference to delete, and the reference to write. A translation word by word has up to 130; only babble has more
        than 200, and counts no worse than a copy of the source."""
        worst = rows.copy()
        worst[:, 0] = _WORST_EDITS_PER_WORD * rows[:, 1]
        return worst

    def signature(self, *, n_references: int | None) -> Signature:
        return _signature(_sacrebleu_ter(self), n_references, [])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """Segments by their references, each set of which is processed once whatever the order of the segments.

    `hypotheses` and `places` [N segments] go set by set; `places` are those of the segments."""

    references: list[tuple[str, ...]]
    hypotheses: list[str]
    n_hypotheses: Integers
    places: Integers

    @classmethod
    def of(cls, segments: Sequence[ScoringSegment]) -> _Compared:
        """Raises: InputError where a segment has no reference."""
        places_of: dict[tuple[str, ...], list[int]] = {}
        for place, segment in enumerate(segments):
            _check_references(segment)
            places_of.setdefault(segment.references, []).append(place)
        places = [place for of_set in places_of.values() for place in of_set]
        return cls(
            references=list(places_of),
            hypotheses=[segments[place].hypothesis for place in places],
            n_hypotheses=np.fromiter(map(len, places_of.values()), dtype=np.int64, count=len(places_of)),
            places=np.array(places, dtype=np.int64),
        )

    def groups(self, preprocess: Callable[[Sequence[str]], list[str]]) -> Groups:
        return Groups(
            references=preprocess([text for texts in self.references for text in texts]),
            hypotheses=preprocess(self.hypotheses),
            n_references=np.fromiter(map(len, self.references), dtype=np.int64, count=len(self.references)),
            n_hypotheses=self.n_hypotheses,
        )

    def rows_of(self, metric: SacrebleuMetric, *, n_statistics: int, dtype: type[np.number[Any]] = np.int64) -> Array:
        """sacreBLEU's own rows [N, K], in the order of the segments."""
        preprocess, hypotheses = metric._preprocess_segment, iter(self.hypotheses)
        rows = np.empty((len(self.places), n_statistics), dtype=dtype)
        places = iter(self.places.tolist())
        for texts, n_hypotheses in zip(self.references, self.n_hypotheses.tolist(), strict=True):
            known = metric._extract_reference_info([preprocess(text) for text in texts])
            for hypothesis in islice(hypotheses, n_hypotheses):
                rows[next(places)] = metric._compute_segment_statistics(preprocess(hypothesis), known)
        return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Indices:
    """The hypotheses with R references: which they are [T], their references and their pairs with these [T, R]."""

    hypotheses: Integers
    references: Integers
    pairs: Integers


def _by_number_of_references(groups: Groups) -> Iterator[_Indices]:
    n_references = np.repeat(groups.n_references, groups.n_hypotheses)
    first_reference = np.repeat(np.cumsum(groups.n_references) - groups.n_references, groups.n_hypotheses)
    first_pair = np.cumsum(n_references) - n_references
    for number in np.unique(n_references).tolist():
        hypotheses = np.flatnonzero(n_references == number)
        of_each: Integers = np.arange(number, dtype=np.int64)
        yield _Indices(
            hypotheses=hypotheses,
            references=first_reference[hypotheses].reshape(-1, 1) + of_each,
            pairs=first_pair[hypotheses].reshape(-1, 1) + of_each,
        )


def _triples(counted: Counted, max_order: int, texts: _Indices) -> Integers:
    """chrF's counts [T hypotheses, R references, orders, 3: in the hypothesis, the reference, both]."""
    in_both = counted.counts[texts.pairs]
    in_reference = _ngram_counts(counted.reference_lengths[texts.references], max_order)
    in_hypothesis = _ngram_counts(counted.hypothesis_lengths[texts.hypotheses], max_order)[:, None]
    in_hypothesis = in_hypothesis * (in_reference > 0)  # no reference of this order: sacreBLEU counts nothing
    return np.stack((in_hypothesis, in_reference, in_both), axis=-1)


def _ngram_counts(lengths: Integers, max_order: int) -> Integers:
    """How many n-grams texts of these lengths have: [...] -> [..., max_order]."""
    return np.maximum(lengths[..., None] - np.arange(max_order), 0)


def _preprocessed(metric: SacrebleuMetric, texts: Sequence[str]) -> list[str]:
    """Each text as sacreBLEU counts it."""
    return [str(metric._preprocess_segment(text)) for text in texts]


def _tokenized(bleu: Bleu, texts: Sequence[str]) -> list[str]:
    """sacreBLEU's tokens of each text, with white space between them.

    13a and zh run their regular expressions over every line, which was most of BLEU's time (WMT22, 12 systems: 0.9 s of
    1.7 s). None of their rules looks past white space, except the one of 13a that joins a line ending in a hyphen. So
    words can be tokenized by themselves, and most have been seen before. Only zh sees whether a word stands at an end
    of the text, where 13a puts a space."""
    metric = _sacrebleu_bleu(bleu)
    by_words: dict[str, Callable[[], _Words13a | _WordsZh]] = {"13a": _words_13a, "zh": _words_zh}
    if metric.tokenizer_signature not in by_words:
        return _preprocessed(metric, texts)
    tokenized = by_words[metric.tokenizer_signature]().of([text.lower() for text in texts] if bleu.lowercase else texts)
    for place, text in enumerate(texts):
        if "\n" in text:
            tokenized[place] = str(metric._preprocess_segment(text))
    return tokenized


class _Words13a:
    """Texts as 13a tokenizes them, word by word."""

    def __init__(self) -> None:
        from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
        from sacrebleu.tokenizers.tokenizer_re import TokenizerRegexp

        # What it is given is long and comes once, so the caches inside, which hold any number of texts, are passed by.
        tokenizer: Any = Tokenizer13a()  # type: ignore[no-untyped-call]
        tokenizer._post_tokenizer = functools.partial(TokenizerRegexp.__call__.__wrapped__, tokenizer._post_tokenizer)
        self._tokenize = functools.partial(Tokenizer13a.__call__.__wrapped__, tokenizer)
        self._tokens: dict[str, str] = {}

    def of(self, texts: Sequence[str]) -> list[str]:
        tokenized: list[str] = []
        for start in range(0, len(texts), _TEXTS_TOGETHER):
            tokenized += self._together(texts[start : start + _TEXTS_TOGETHER])
        return tokenized

    def _together(self, texts: Sequence[str]) -> list[str]:
        words_of = [text.split() for text in texts]
        # Another thread may be using what is given up here.
        tokens = self._tokens = {} if len(self._tokens) > _WORDS_REMEMBERED else self._tokens
        new = [word for word in set(chain.from_iterable(words_of)) if word not in tokens]
        tokens.update((word, word) for word in new if word.isalnum())  # it only ever splits at punctuation
        split = [word for word in new if not word.isalnum()]
        tokens.update(zip(split, self._tokenized(split), strict=True))
        return [" ".join([tokens[word] for word in of_text]) for of_text in words_of]

    def _tokenized(self, words: list[str]) -> list[str]:
        """All in one call: no rule looks past the character between two words, which stands as a word itself."""
        joined = "".join(words)
        between = next((character for character in map(chr, _WITHOUT_MEANING) if character not in joined), None)
        if not words or between is None:
            return [str(self._tokenize(word)) for word in words]
        return [tokens.strip() for tokens in str(self._tokenize(f" {between} ".join(words))).split(between)]


class _WordsZh:
    """Texts as zh tokenizes them, word by word."""

    def __init__(self) -> None:
        from sacrebleu.tokenizers.tokenizer_re import TokenizerRegexp

        self._tokenize = TokenizerRegexp()  # type: ignore[no-untyped-call]
        self._spacing = _ChineseSpacing()
        self._tokens: dict[tuple[str, bool, bool], str] = {}

    def of(self, texts: Sequence[str]) -> list[str]:
        if len(self._tokens) > _WORDS_REMEMBERED:
            self._tokens = {}
        return [self._of_text(text.strip().translate(self._spacing)) for text in texts]

    def _of_text(self, text: str) -> str:
        words = text.split()
        if not words:
            return ""
        last = len(words) - 1
        begins, ends = text[0] != " ", text[-1] != " "
        return " ".join(
            [self._of_word(word, begins and place == 0, ends and place == last) for place, word in enumerate(words)]
        )

    def _of_word(self, word: str, begins: bool, ends: bool) -> str:
        """13a's rules, at an end of the text without the space that 13a puts there."""
        place = (word, begins, ends)
        tokens = self._tokens.get(place)
        if tokens is None:
            in_place = f"{'' if begins else ' '}{word}{'' if ends else ' '}"
            tokens = self._tokens[place] = word if word.isalnum() else str(self._tokenize(in_place))
        return tokens


@functools.lru_cache(maxsize=1)
def _words_13a() -> _Words13a:
    return _Words13a()


@functools.lru_cache(maxsize=1)
def _words_zh() -> _WordsZh:
    return _WordsZh()


class _ChineseSpacing(dict[int, str]):
    """For `str.translate`: spaces around the characters that sacreBLEU's zh takes for Chinese."""

    def __missing__(self, code_point: int) -> str:
        from sacrebleu.tokenizers.tokenizer_zh import TokenizerZh

        character = chr(code_point)
        self[code_point] = f" {character} " if TokenizerZh._is_chinese_char(character) else character
        return self[code_point]


def _closest(hyp_len: Integers, ref_len: Integers) -> Integers:
    """The reference length closest to each hypothesis's, the shorter of two: [T], [T, R] -> [T]."""
    by_length = np.sort(ref_len, axis=1)
    nearest_place = np.argmin(np.abs(by_length - hyp_len[:, None]), axis=1)
    closest: Integers = by_length[np.arange(len(by_length)), nearest_place]
    return closest


def _check_within(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ConfigError(f"{name}={value}: expected {least} to {most}.")


def _check_references(segment: ScoringSegment) -> None:
    if not segment.references:
        raise InputError(
            f"segment {segment.id!r} has no reference, and this metric compares with references. "
            "Give it one, or score with a metric that needs none."
        )


def _signature(metric: SacrebleuMetric, n_references: int | None, extra: list[tuple[str, str]]) -> Signature:
    # A copy of the settings: the metric is shared by every caller with these settings.
    settings = {**metric.__dict__, "num_refs": -1 if n_references is None else n_references}
    theirs = [field.split(":", maxsplit=1) for field in metric._SIGNATURE_TYPE(settings).format().split("|")]
    return Signature(fields=(*((name, value) for name, value in theirs), *extra))


_shared_tokenizers: dict[str, Any] = {}


# sacreBLEU's tokenizers cache by text per object, so one object serves every call with the same settings.
@functools.lru_cache(maxsize=16)
def _sacrebleu_bleu(bleu: Bleu) -> BLEU:
    from sacrebleu.metrics.bleu import BLEU

    tokenize = bleu.tokenize or _TOKENIZER_ELSE
    try:
        metric = BLEU(
            lowercase=bleu.lowercase,
            tokenize=tokenize,
            smooth_method=bleu.smooth_method.value,
            smooth_value=bleu.smooth_value,
            max_ngram_order=bleu.max_ngram_order,
            effective_order=bleu.effective_order,
        )
    except Exception as err:  # missing packages, dictionaries and downloads each fail in their own way
        reason = " ".join(str(err).split()) or type(err).__name__
        raise MissingDependencyError(
            f"tokenize={tokenize!r}: sacreBLEU cannot build this tokenizer: {reason} Needed: {_needed_for(tokenize)}."
        ) from err
    # Tokenizers remember texts, each its own: with one for all settings a text is tokenized once for several metrics.
    metric.tokenizer = _shared_tokenizers.setdefault(tokenize, metric.tokenizer)
    return metric


def _needed_for(tokenize: str) -> str:
    """What is missing where sacreBLEU cannot build a tokenizer: a package, or a file where sacreBLEU looks for it."""
    if tokenize in _INSTALL:
        return _INSTALL[tokenize]
    if importlib.util.find_spec("sentencepiece") is None:
        return "pip install sentencepiece"
    from sacrebleu.tokenizers.tokenizer_spm import SPM_MODELS
    from sacrebleu.utils import SACREBLEU_DIR

    if (model := SPM_MODELS.get(tokenize)) is None:
        return "a sound installation of sacreBLEU"
    file = Path(SACREBLEU_DIR) / "models" / Path(model["url"]).name
    return f"the file {file}, from {model['url']}; with a network sacreBLEU fetches it once"


@functools.lru_cache(maxsize=16)
def _sacrebleu_chrf(chrf: _CharacterF) -> CHRF:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(
        char_order=chrf.char_order,
        word_order=chrf.word_order,
        beta=chrf.beta,
        lowercase=chrf.lowercase,
        whitespace=chrf.whitespace,
        eps_smoothing=chrf.eps_smoothing,
    )


@functools.lru_cache(maxsize=16)
def _sacrebleu_ter(ter: Ter) -> TER:
    from sacrebleu.metrics.ter import TER

    return TER(
        normalized=ter.normalized,
        no_punct=ter.no_punct,
        asian_support=ter.asian_support,
        case_sensitive=ter.case_sensitive,
    )
