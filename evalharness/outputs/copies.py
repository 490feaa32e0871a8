"""Hypotheses that are the source, or a reference, once more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from evalharness.outputs.examined import Examined, TestSetTexts
from evalharness.outputs.flags import COPY_OF_REFERENCE, COPY_OF_SOURCE
from evalharness.outputs.settings import OutputSettings
from evalharness.outputs.words import UNSPACED, folded, has_letters, words
from evalharness.scripts import LATIN, scripts_of

# Of two texts, the share of words that stand in both in one order. Paraphrases in one language stay far below.
_NEARLY = 0.85
# A name, a title or a number is often the same in both languages, and a short translation the same as the reference.
_SHORT_SOURCE_WORDS = 4
_HAS_CAPITAL = re.compile(r"[A-Z0-9]")
_SHORT_REFERENCE_WORDS = 10


def copies_of_source(
    examined: Sequence[Examined], testset: TestSetTexts, settings: OutputSettings
) -> Iterator[tuple[int, str]]:
    has_latin = LATIN in scripts_of(testset.language_pair.target)
    for position, one in enumerate(examined):
        source = one.segment.source
        if source is None or not _is_copy(one.text, source, one.segment.references):
            continue
        if has_latin or not _is_latin_name(source):
            yield position, COPY_OF_SOURCE


def copies_of_references(
    examined: Sequence[Examined], testset: TestSetTexts, settings: OutputSettings
) -> Iterator[tuple[int, str]]:
    for position, one in enumerate(examined):
        of_text = words(one.text)
        if len(of_text) < _SHORT_REFERENCE_WORDS:
            continue
        alike = [folded(reference) for reference in one.segment.references if words(reference) == of_text]
        if alike and (text := folded(one.text)) in alike and text != folded(one.segment.source or ""):
            yield position, COPY_OF_REFERENCE


def _is_latin_name(text: str) -> bool:
    """Whether a text is of a few words with a capital each, as "iPhone" and "The Beatles", which may stay as they are
    in every script, also where a reference writes them in its own."""
    return text.isascii() and all(map(_HAS_CAPITAL.search, text.split())) and len(words(text)) < _SHORT_SOURCE_WORDS


def _is_copy(text: str, source: str, references: Sequence[str]) -> bool:
    likeness = _likeness(text, source)
    if likeness < _NEARLY or not has_letters(source):
        return False
    if any(folded(text) == folded(reference) for reference in references):
        return False
    source_words = words(source)
    # Two or more characters of Chinese or Thai are no name that stays as it is, unless a reference says so.
    if len(source_words) < _SHORT_SOURCE_WORDS and not UNSPACED.search(source):
        in_references = {word for reference in references for word in words(reference)}
        if not references or any(word in in_references for word in source_words if has_letters(word)):
            return False
    return all(_likeness(reference, source) < _NEARLY for reference in references)


def _likeness(text: str, other: str) -> float:
    """The share of words in common and in one order, 0 to 1."""
    a, b = words(text), words(other)
    if not a or not b:
        return 0.0
    if a == b:
        return 1.0
    if 2 * min(len(a), len(b)) < _NEARLY * (len(a) + len(b)):
        return 0.0
    # At most so many are in both; how many Counters say, far more slowly.
    if 2 * sum(map(set(b).__contains__, a)) < _NEARLY * (len(a) + len(b)):
        return 0.0
    in_both = (Counter(a) & Counter(b)).total()
    if 2 * in_both < _NEARLY * (len(a) + len(b)):
        return 0.0
    return SequenceMatcher(None, a, b, autojunk=False).ratio()
