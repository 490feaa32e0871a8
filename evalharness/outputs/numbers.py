"""Hypotheses that lack a number of the source, or have one of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evalharness.outputs.examined import Examined, TestSetTexts
from evalharness.outputs.flags import NUMBERS_INVENTED, NUMBERS_MISSING
from evalharness.outputs.numerals import lacks, may_have_solid, numbers_of
from evalharness.outputs.settings import OutputSettings
from evalharness.records import base_language

# Languages whose numerals or number words are read; those of others in words are not.
_READ = frozenset({"en", "eng", "zh", "zho", "cmn", "yue", "ja", "jpn"})
_SMALLEST_UNREAD = 21  # smaller ones are often written in words, as are 300, 5000 or 1500
_SMALLEST_ALONE = 13  # without references; smaller ones are often said in another way


def odd_numbers(
    examined: Sequence[Examined], testset: TestSetTexts, settings: OutputSettings
) -> Iterator[tuple[int, str]]:
    """A number of the source is missing where every reference has it and the hypothesis has not; one is invented where
    neither the source nor a reference has it."""
    lp = testset.language_pair
    reads_source, reads_target = (base_language(code) in _READ for code in (lp.source, lp.target))
    sources = {one.segment.source for one in examined if one.segment.source is not None}
    may_matter = {source for source in sources if may_have_solid(source)}
    for position, one in enumerate(examined):
        if one.segment.source is None or not (one.segment.source in may_matter or may_have_solid(one.text)):
            continue
        source, text = numbers_of(one.segment.source), numbers_of(one.text)
        if not source.solid and not text.solid:
            continue
        missing = [value for value in source.solid if lacks(text, value)]
        invented = [value for value in text.solid if lacks(source, value)]
        if not missing and not invented:  # most; their references need not be read
            continue
        references = [numbers_of(reference) for reference in one.segment.references]
        if any(
            _is_telling(value, is_read=reads_target, is_alone=not references)
            and not any(lacks(reference, value) for reference in references)
            for value in missing
        ):
            yield position, NUMBERS_MISSING
        if (reads_source or references) and any(
            _is_telling(value, is_read=reads_source, is_alone=not references)
            and all(lacks(reference, value) for reference in references)
            for value in invented
        ):
            yield position, NUMBERS_INVENTED


def _is_telling(value: float, *, is_read: bool, is_alone: bool) -> bool:
    """Whether it is odd that a text lacks a number."""
    if is_read:
        return not is_alone or value >= _SMALLEST_ALONE or value % 1 > 0
    return not _may_be_in_words(value)


def _may_be_in_words(value: float) -> bool:
    """Whether a language whose words are not read may well write a number in words: up to twenty, and with one digit
    beside zeros, with and without a half."""
    halves = 2 * value
    if halves % 1:
        return False
    return (
        value < _SMALLEST_UNREAD or value == float(f"{value:.1g}") or (value > 100 and halves == float(f"{halves:.1g}"))
    )
