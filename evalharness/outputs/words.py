"""Texts as checks compare them: without case, width and punctuation, and as words."""

from __future__ import annotations

import functools
import re
import unicodedata

# Scripts that put no space between words: every character is a word of its own.
_UNSPACED = (
    "\u0e00-\u0e7f\u0e80-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan, Myanmar, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")
UNSPACED = re.compile(rf"[{_UNSPACED}]")


class _Spaces(dict[int, str | None]):
    """Maps punctuation and symbols to spaces, and what is not seen to nothing, as characters come up."""

    def __missing__(self, code: int) -> str | None:
        category = unicodedata.category(chr(code))
        kept = " " if category[0] in "PSZ" or category == "Cc" else None if category == "Cf" else chr(code)
        self[code] = kept
        return kept


_SPACES = _Spaces()
# The same for the bytes of ASCII texts, and in lower case.
_ASCII_SPACES = "".join(map(chr, range(128))).lower().translate(_SPACES).encode() + bytes(128)


@functools.lru_cache(maxsize=1 << 13)
def folded(text: str) -> str:
    """The text in lower case, of one width, with single spaces for punctuation; empty where nothing can be read."""
    return " ".join(_spaced(text).split())


@functools.lru_cache(maxsize=1 << 13)
def words(text: str) -> tuple[str, ...]:
    """The words of a folded text; every character is one in scripts without spaces."""
    spaced = _spaced(text)
    return tuple(spaced.split() if spaced.isascii() else _WORD.findall(spaced))


def normalized(text: str) -> str:
    """The text with one form of each character: NFKC."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _spaced(text: str) -> str:
    if text.isascii():  # most are, and this is faster
        return text.encode().translate(_ASCII_SPACES).decode()
    return normalized(text).casefold().translate(_SPACES)


def has_letters(text: str) -> bool:
    return any(map(str.isalpha, text))
