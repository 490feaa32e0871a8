"""From texts to flags: what is odd about each hypothesis, without any metric."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evalharness.outputs.capitals import all_capitals
from evalharness.outputs.copies import copies_of_references, copies_of_source
from evalharness.outputs.examined import Check, Examined, TestSetTexts
from evalharness.outputs.flags import EMPTY_HYPOTHESIS, MEANINGS, NO_HYPOTHESIS
from evalharness.outputs.language import detectors, untranslated, wrong_languages, wrong_scripts
from evalharness.outputs.lengths import odd_lengths
from evalharness.outputs.numbers import odd_numbers
from evalharness.outputs.numerals import numbers_of
from evalharness.outputs.repetition import repetitions
from evalharness.outputs.residue import markups, refusals, residues
from evalharness.outputs.settings import OutputSettings
from evalharness.outputs.words import folded, has_letters, words
from evalharness.records import TestSet

# What says all of a text, one after another: a copy of the source also is in the wrong language and lacks numbers.
_OF_THE_WHOLE: tuple[Check, ...] = (refusals, copies_of_source, repetitions, wrong_scripts, wrong_languages)
_OF_OTHERS: tuple[Check, ...] = (untranslated, all_capitals, odd_lengths, odd_numbers)
_OF_ALL: tuple[Check, ...] = (residues, markups, copies_of_references)

_BLANKS = "\u2800\u3164\u115f\u1160\uffa0"  # letters and symbols by their category, with nothing to see
_PLACEHOLDERS = frozenset({"none", "nan", "n/a", "null", "nil", "undefined", "[none]", "<na>", "<none>", "<null>"})
_DOTS = ".…。·・-–—_ "
_LONGEST_PLACEHOLDER = 20
_TEXTS_TOGETHER = 1 << 11
"""What one check works out of a text the next ones find remembered; of all texts of a large test set they would not."""


def find_flags(
    testset: TestSet,
    hypotheses: Sequence[Sequence[str | None]],
    settings: OutputSettings,
    advance: Callable[[int], None] | None = None,
) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """The flags of each hypothesis [S][N], in the order of `MEANINGS`; each distinct text of a segment is examined
    once.

    The first flag that says all of a hypothesis (refusal, copy of the source, repetition, script, language) is the only
    one of these, and it is not examined for untranslated parts, capitals, length and numbers then; for residues, markup
    and references it is. `advance` is told how many hypotheses are examined, block after block."""
    texts = TestSetTexts(
        language_pair=testset.language_pair,
        references=tuple(reference for segment in testset.segments for reference in segment.references),
    )
    n_together = max(1, _TEXTS_TOGETHER // max(1, len(hypotheses)))
    flags: list[list[tuple[str, ...]]] = [[] for _ in hypotheses]
    for start in range(0, len(testset.segments), n_together):
        together = range(start, min(start + n_together, len(testset.segments)))
        found = _flags_of(together, testset, hypotheses, texts, settings)
        for of_system, outputs in zip(flags, hypotheses, strict=True):
            of_system.extend(found[n, outputs[n]] for n in together)
        if advance is not None:
            advance(len(together) * len(hypotheses))
    for remembered in (folded, words, numbers_of, detectors):  # more than the texts, where these are a million
        remembered.cache_clear()
    return tuple(map(tuple, flags))


def _flags_of(
    together: range,
    testset: TestSet,
    hypotheses: Sequence[Sequence[str | None]],
    texts: TestSetTexts,
    settings: OutputSettings,
) -> dict[tuple[int, str | None], tuple[str, ...]]:
    """The flags of each distinct hypothesis of some segments, by the segment's place."""
    examined: dict[tuple[int, str], Examined] = {}
    sorted_flags: dict[tuple[int, str | None], tuple[str, ...]] = {}
    for n in together:
        of_segment = tuple(text for of_system in hypotheses if (text := of_system[n]) is not None)
        sorted_flags[n, None] = (NO_HYPOTHESIS,)
        for text in dict.fromkeys(of_segment):
            examined[n, text] = Examined(text=text, segment=testset.segments[n], of_systems=of_segment)
            sorted_flags[n, text] = ()
    found = {key: {EMPTY_HYPOTHESIS} for key, one in examined.items() if _is_empty(one.text) or _is_placeholder(one)}
    if settings.checked:
        rest = {key: one for key, one in examined.items() if key not in found}
        found |= _found(rest, texts, settings)
    order = {flag: place for place, flag in enumerate(MEANINGS)}
    return sorted_flags | {key: tuple(sorted(flags, key=order.__getitem__)) for key, flags in found.items()}


def _found(
    examined: dict[tuple[int, str], Examined], texts: TestSetTexts, settings: OutputSettings
) -> dict[tuple[int, str], set[str]]:
    found: dict[tuple[int, str], set[str]] = {}

    def note(check: Check, keys: list[tuple[int, str]]) -> None:
        for position, flag in check([examined[key] for key in keys], texts, settings):
            found.setdefault(keys[position], set()).add(flag)

    for check in _OF_THE_WHOLE:
        note(check, [key for key in examined if key not in found])
    others = [key for key in examined if key not in found]
    for check in _OF_OTHERS:
        note(check, others)
    for check in _OF_ALL:
        note(check, list(examined))
    return found


def _is_empty(text: str) -> bool:
    """Whether there is nothing but spaces and characters that are not seen. Punctuation is something."""
    return not any(char.isprintable() and not char.isspace() and char not in _BLANKS for char in text)


def _is_placeholder(one: Examined) -> bool:
    """Whether a text only says that there is none, as programs write it, or is dots or dashes where source and
    references have letters."""
    text = one.text.strip()
    if len(text) > _LONGEST_PLACEHOLDER:
        return False
    others = one.excuses()
    if text.lower() in _PLACEHOLDERS:
        return not any(text.lower() in other.lower() for other in others)
    return not text.strip(_DOTS) and bool(others) and all(map(has_letters, others))
