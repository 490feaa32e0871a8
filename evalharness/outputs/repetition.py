"""Loops: a word, phrase or character that a decoder could not leave."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from evalharness.outputs.examined import Examined, TestSetTexts
from evalharness.outputs.flags import REPETITION
from evalharness.outputs.settings import OutputSettings
from evalharness.outputs.words import normalized, words
from evalharness.records import Array

_LONGEST_PHRASE_WORDS = 40
_LONGEST_PHRASE_CHARACTERS = 12
_FEWEST_WORDS = 8  # in a loop: "very, very, very, very good" is none
_FEWEST_CHARACTERS = 24  # of one, twice as many times as of words: "hahahahaha" is none, "......" neither
_SHARE_OF_LOOP = 0.4  # of a text, for it to be lost; with less there is a translation, and something behind it
# One character three times or more: "!!!" and "......" may become as many as one likes, and "啊啊啊" "Aaaaah".
_LONG_RUN = re.compile(r"(.)\1{7,}", re.DOTALL)
_RUN_OF_ONE = re.compile(r"(.)\1\1", re.DOTALL)
# A text of which half the trigrams stood before is one loop with small changes.
_FEWEST_TRIGRAMS = 24
_REPEATED_TRIGRAMS = 0.5
_TEXTS_PER_BLOCK = 5_000  # some 10 MB at a time; four times as many take longer
_MIXER = np.uint64(0x9E3779B97F4A7C15)


def repetitions(
    examined: Sequence[Examined], testset: TestSetTexts, settings: OutputSettings
) -> Iterator[tuple[int, str]]:
    """Hypotheses with a loop, unless the source or a reference has one at least half as long."""
    for start in range(0, len(examined), _TEXTS_PER_BLOCK):
        block = examined[start : start + _TEXTS_PER_BLOCK]
        of_words = [words(one.text) for one in block]
        of_characters = [normalized(one.text) for one in block]
        # How many words stood before; in most texts too few: in a loop all did but those of its first round, and where
        # a trigram stood before, its last word did too.
        n_before = [len(text) - len(set(text)) for text in of_words]
        fewest_of_loop = _FEWEST_WORDS * (settings.n_repeats - 1) // settings.n_repeats
        of_loops = [text if n >= fewest_of_loop else () for text, n in zip(of_words, n_before, strict=True)]
        of_trigrams = [
            text if n >= _REPEATED_TRIGRAMS * (len(text) - 2) else ()
            for text, n in zip(of_words, n_before, strict=True)
        ]
        most = (
            _most_repeats(of_loops, _LONGEST_PHRASE_WORDS, settings.n_repeats, _FEWEST_WORDS, _SHARE_OF_LOOP),
            _most_repeats(
                of_characters, _LONGEST_PHRASE_CHARACTERS, 2 * settings.n_repeats, _FEWEST_CHARACTERS, _SHARE_OF_LOOP
            ),
            [share if share >= _REPEATED_TRIGRAMS else 0.0 for share in _repeated_trigrams(of_trigrams)],
        )
        for position, (one, *found) in enumerate(zip(block, *most, strict=True), start=start):
            if any(found) and _is_its_own(found, one):
                yield position, REPETITION


def _is_its_own(found: Sequence[float], one: Examined) -> bool:
    """Whether a hypothesis has more than twice the repeats of its source and references, by some measure of the three.
    Of a single character, theirs may be as few as three."""
    others = [normalized(text) for text in one.excuses()]
    if found[1] and not found[0] and _is_excused_run(normalized(one.text), others):
        return False
    of_words = [words(text) for text in others]
    usual = (
        _most_repeats(of_words, _LONGEST_PHRASE_WORDS, 2, 2),
        _most_repeats(others, _LONGEST_PHRASE_CHARACTERS, 2, 2),
        _repeated_trigrams(of_words),
    )
    return any(one > 2 * max(of_others, default=0.0) for one, of_others in zip(found, usual, strict=True) if one)


def _is_excused_run(text: str, others: Sequence[str]) -> bool:
    """Whether a text without its longest run of one character has no loop, and another has such a run, of letters or
    of others alike."""
    runs = [match[0] for match in _LONG_RUN.finditer(text)]
    return bool(runs) and all(
        any(found[1].isalnum() == run[0].isalnum() for other in others for found in _RUN_OF_ONE.finditer(other))
        for run in runs
    )


def _most_repeats(
    texts: Sequence[Sequence[str]],
    longest_phrase: int,
    fewest_repeats: int,
    fewest_tokens: int,
    least_share: float = 0.0,
) -> list[float]:
    """How often each text has some phrase in a row at most; 0 for those with no such loop of some share of the text."""
    most = np.zeros(len(texts))
    tokens, closes = _numbered(texts)
    lengths = np.diff(closes, prepend=-1) - 1
    for period in range(1, min(longest_phrase, len(tokens) - 1) + 1):
        # In a loop so many tokens in a row are the same as the one a period before.
        n_same = max((fewest_repeats - 1) * period, fewest_tokens - period, 1)
        same = np.flatnonzero(tokens[period:] == tokens[:-period])
        if not (same[n_same - 1 :] - same[: 1 - n_same or None] == n_same - 1).any():
            continue
        edges = np.flatnonzero(np.diff(same, prepend=-2) != 1)
        spans = np.diff(edges, append=len(same)) + period
        is_loop = spans >= n_same + period
        text_of, spans = np.searchsorted(closes, same[edges[is_loop]]), spans[is_loop]
        is_large = spans >= least_share * lengths[text_of]
        np.maximum.at(most, text_of[is_large], spans[is_large] / period)
    return [float(n) for n in most]


def _repeated_trigrams(texts: Sequence[Sequence[str]]) -> list[float]:
    """The share of trigrams that stood before in the same text; 0 for short texts."""
    tokens, closes = _numbered(texts)
    text_of = np.repeat(np.arange(len(texts)), np.diff(closes, prepend=-1))
    n_trigrams = np.array([len(text) - 2 for text in texts], dtype=np.int64)
    if len(tokens) < 3:
        return [0.0] * len(texts)
    within = text_of[2:] == text_of[:-2]
    parts = (text_of[2:], tokens[:-2], tokens[1:-1], tokens[2:])
    keys = np.zeros(len(within), dtype=np.uint64)
    for part in parts:  # 64 bits mixed: two trigrams of a test set share one with a chance of 1e-7
        keys = (keys ^ part.astype(np.uint64)) * _MIXER
        keys ^= keys >> np.uint64(29)
    _, first = np.unique(keys[within], return_index=True)
    n_distinct = np.bincount(text_of[2:][within][first], minlength=len(texts))
    shares = 1 - n_distinct / np.maximum(n_trigrams, 1)
    return [float(share) for share in np.where(n_trigrams >= _FEWEST_TRIGRAMS, shares, 0.0)]


def _numbered(texts: Sequence[Sequence[str]]) -> tuple[Array, Array]:
    """All tokens in a row as numbers, each text closed by a number of its own, and where these stand. The tokens of a
    string are its characters."""
    closes = np.cumsum([len(text) + 1 for text in texts], dtype=np.int64) - 1
    if all(isinstance(text, str) for text in texts):
        tokens = np.frombuffer("\n".join([*map(str, texts), ""]).encode("utf-32-le"), dtype=np.int32).copy()
    else:
        numbers: dict[str, int] = {}
        every = chain.from_iterable((*text, "") for text in texts)
        tokens = np.array([numbers.setdefault(token, len(numbers)) for token in every], dtype=np.int32)
    tokens[closes] = -1 - np.arange(len(texts), dtype=np.int32)
    return tokens, closes
