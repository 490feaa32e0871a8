"""Planted errors: copies of a translation that are worse than it by construction.

Words are what white space separates. `share` is of words, at least one. Every function gives None where a text offers
no place for its damage, or where the damage would leave it as it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evalharness.errors import InputError

Damage = Callable[[str, np.random.Generator], "str | None"]

_DIGIT = re.compile(r"\d")
_NAME = re.compile(r"(?<=[\w,;] )[A-Z][a-z]{2,}\b")  # a capital inside a sentence
_NEVER_NAMES = frozenset({"The", "This", "That", "And", "But", "For", "You", "They", "She", "His", "Her", "Our"})


@dataclass(frozen=True, slots=True, kw_only=True)
class WordStock:
    """What substituted words and names are drawn from."""

    words: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> WordStock:
        """Every word of `texts` as often as it occurs, every name once.

        Raises: InputError where there are fewer than two different words."""
        words = [word for text in texts for word in text.split()]
        names = sorted({name for text in texts for name in _names(text)})
        if len(set(words)) < 2:
            raise InputError("the translations hold fewer than two different words; expected running text.")
        return cls(words=tuple(words), names=tuple(names))


def drop(text: str, share: float, rng: np.random.Generator) -> str | None:
    """The text without `share` of its words; never without all."""
    words = text.split()
    if len(words) < 2:
        return None
    n_left_out = min(len(words) - 1, _count(share, len(words)))
    left_out = set(rng.choice(len(words), size=n_left_out, replace=False).tolist())
    return " ".join(word for place, word in enumerate(words) if place not in left_out)


def truncate(text: str, share: float) -> str | None:
    """The text without its last words."""
    words = text.split()
    if len(words) < 2:
        return None
    return " ".join(words[: max(1, len(words) - _count(share, len(words)))])


def substitute(text: str, share: float, stock: WordStock, rng: np.random.Generator) -> str | None:
    """The text with `share` of its words replaced by words of other texts."""
    words = text.split()
    if not words:
        return None
    for place in rng.choice(len(words), size=_count(share, len(words)), replace=False):
        words[place] = stock.words[rng.integers(len(stock.words))]
    return _if_changed(text, " ".join(words))


def shuffle(text: str, rng: np.random.Generator) -> str | None:
    """The words of the text in another order."""
    words = text.split()
    return _if_changed(text, " ".join(words[place] for place in rng.permutation(len(words))))


def swap_neighbours(text: str, share: float, rng: np.random.Generator) -> str | None:
    """The text with `share` of its words exchanged with the word after them."""
    words = text.split()
    if len(words) < 2:
        return None
    for place in rng.choice(len(words) - 1, size=min(len(words) - 1, _count(share, len(words))), replace=False):
        words[place], words[place + 1] = words[place + 1], words[place]
    return _if_changed(text, " ".join(words))


def repeat(text: str, share: float, rng: np.random.Generator) -> str | None:
    """The text with a stretch of `share` of its words said twice."""
    words = text.split()
    if not words:
        return None
    length = _count(share, len(words))
    start = int(rng.integers(len(words) - length + 1))
    return " ".join([*words[: start + length], *words[start : start + length], *words[start + length :]])


def wrong_number(text: str, rng: np.random.Generator) -> str | None:
    """The text with one digit changed."""
    places = [match.start() for match in _DIGIT.finditer(text)]
    if not places:
        return None
    place = places[rng.integers(len(places))]
    digit = (int(text[place]) + 1 + int(rng.integers(9))) % 10
    return f"{text[:place]}{digit}{text[place + 1 :]}"


def wrong_name(text: str, stock: WordStock, rng: np.random.Generator) -> str | None:
    """The text with one name replaced, everywhere it stands, by a name of another text."""
    names = _names(text)
    if not names or not stock.names:
        return None
    name = names[rng.integers(len(names))]
    other = stock.names[rng.integers(len(stock.names))]
    return _if_changed(text, re.sub(rf"\b{name}\b", other, text))


def mix_in_source(text: str, source: str, share: float, rng: np.random.Generator) -> str | None:
    """The text with a stretch of `share` of its words replaced by as large a stretch of the source."""
    words = text.split()
    if not words or len(source) < 2:
        return None
    length = _count(share, len(words))
    start = int(rng.integers(len(words) - length + 1))
    n_characters = max(1, round(share * len(source)))
    begin = int(rng.integers(len(source) - n_characters + 1))
    return " ".join([*words[:start], source[begin : begin + n_characters], *words[start + length :]])


def _names(text: str) -> list[str]:
    return [name for name in _NAME.findall(text) if name not in _NEVER_NAMES]


def _count(share: float, n_words: int) -> int:
    return min(n_words, max(1, round(share * n_words)))


def _if_changed(text: str, damaged: str) -> str | None:
    return None if damaged == " ".join(text.split()) or damaged == text else damaged
