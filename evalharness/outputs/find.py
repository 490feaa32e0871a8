"""From texts to flags: what is odd about each hypothesis, without any metric."""

from __future__ import annotations

from collections.abc import Sequence

from evalharness.outputs.capitals import all_capitals
from evalharness.outputs.copies import copies_of_references, copies_of_source
from evalharness.outputs.examined import Check, Examined, TestSetTexts
from evalharness.outputs.flags import EMPTY_HYPOTHESIS, MEANINGS, NO_HYPOTHESIS
from evalharness.outputs.language import untranslated, wrong_languages, wrong_scripts
from evalharness.outputs.lengths import odd_lengths
from evalharness.outputs.numbers import odd_numbers
from evalharness.outputs.numerals import numbers_of
from evalharness.outputs.repetition import repetitions
from evalharness.outputs.residue import markups, refusals, residues
from evalharness.outputs.settings import OutputSettings
from evalharness.outputs.words import folded, has_letters, words
from evalharness.records import TestSet

# What says all of a text, one after another: a copy of the source also is in the wrong language and lacks numbers.
_OF_THE_WHOLE: tuple[Check, ...] = (refusals, copies_of_source, repetitions, wrong_scripts)
_OF_THE_WHOLE_LAST: Check = wrong_languages  # which is dear to begin
_OF_OTHERS: tuple[Check, ...] = (untranslated, all_capitals, odd_lengths, odd_numbers)
_OF_ALL: tuple[Check, ...] = (residues, markups, copies_of_references)

_BLANKS = "\u2800\u3164\u115f\u1160\uffa0"  # letters and symbols by their category, with nothing to see
_PLACEHOLDERS = frozenset({"none", "nan", "n/a", "null", "nil", "undefined", "[none]", "<na>", "<none>", "<null>"})
_DOTS = ".…。·・-–—_ "
_LONGEST_PLACEHOLDER = 20
_TEXTS_TOGETHER = 1 << 15


def find_flags(
    testset: TestSet, hypotheses: Sequence[Sequence[str | None]], settings: OutputSettings
) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """The flags of each hypothesis [S][N], in the order of `MEANINGS`; each distinct text of a segment is examined
    once.

    The first flag that says all of a hypothesis (refusal, copy of the source, repetition, script, language) is the only
    one of these, and it is not examined for untranslated parts, capitals, length and numbers then; for residues, markup
    and references it is."""
    examined: dict[tuple[int, str], Examined] = {}
    for n, segment in enumerate(testset.segments):
        texts = tuple(text for of_system in hypotheses if (text := of_system[n]) is not None)
        for text in dict.fromkeys(texts):
            examined[n, text] = Examined(text=text, segment=segment, of_systems=texts)
    found = {key: {EMPTY_HYPOTHESIS} for key, one in examined.items() if _is_empty(one.text) or _is_placeholder(one)}
    if settings.checked:
        rest = {key: one for key, one in examined.items() if key not in found}
        for key, flags in _found(rest, testset, settings).items():
            found[key] = flags
    for remembered in (folded, words, numbers_of):  # more than the texts, where these are a million
        remembered.cache_clear()
    order = {flag: place for place, flag in enumerate(MEANINGS)}
    sorted_flags = {key: tuple(sorted(flags, key=order.__getitem__)) for key, flags in found.items()}
    return tuple(
        tuple((NO_HYPOTHESIS,) if text is None else sorted_flags.get((n, text), ()) for n, text in enumerate(of_system))
        for of_system in hypotheses
    )


def _found(
    examined: dict[tuple[int, str], Examined], testset: TestSet, settings: OutputSettings
) -> dict[tuple[int, str], set[str]]:
    texts = TestSetTexts(
        language_pair=testset.language_pair,
        references=tuple(reference for segment in testset.segments for reference in segment.references),
    )
    found: dict[tuple[int, str], set[str]] = {}

    def note(check: Check, keys: list[tuple[int, str]]) -> None:
        for position, flag in check([examined[key] for key in keys], texts, settings):
            found.setdefault(keys[position], set()).add(flag)

    # What one check works out of a text the next ones find remembered, if they come soon enough.
    keys = list(examined)
    blocks = [keys[start : start + _TEXTS_TOGETHER] for start in range(0, len(keys), _TEXTS_TOGETHER)]
    for block in blocks:
        for check in _OF_THE_WHOLE:
            note(check, [key for key in block if key not in found])
    note(_OF_THE_WHOLE_LAST, [key for key in keys if key not in found])
    for block in blocks:
        others = [key for key in block if key not in found]
        for check in _OF_OTHERS:
            note(check, others)
        for check in _OF_ALL:
            note(check, block)
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
