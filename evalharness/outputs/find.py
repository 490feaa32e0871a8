"""From texts to flags: what is odd about each hypothesis, without any metric."""

from __future__ import annotations

from collections.abc import Sequence

from evalharness.outputs.copies import copies_of_references, copies_of_source
from evalharness.outputs.examined import Check, Examined, TestSetTexts
from evalharness.outputs.flags import EMPTY_HYPOTHESIS, MEANINGS, NO_HYPOTHESIS
from evalharness.outputs.language import untranslated, wrong_languages, wrong_scripts
from evalharness.outputs.lengths import odd_lengths
from evalharness.outputs.numbers import odd_numbers
from evalharness.outputs.repetition import repetitions
from evalharness.outputs.residue import markups, refusals, residues
from evalharness.outputs.settings import OutputSettings
from evalharness.outputs.words import folded
from evalharness.records import TestSet

# What says all of a text, one after another: a copy of the source also is in the wrong language and lacks numbers.
_OF_THE_WHOLE: tuple[Check, ...] = (refusals, copies_of_source, repetitions, wrong_scripts, wrong_languages)
_OF_OTHERS: tuple[Check, ...] = (untranslated, odd_lengths, odd_numbers)
_OF_ALL: tuple[Check, ...] = (residues, markups, copies_of_references)


def find_flags(
    testset: TestSet, hypotheses: Sequence[Sequence[str | None]], settings: OutputSettings
) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """The flags of each hypothesis [S][N], in the order of `MEANINGS`; each distinct text of a segment is examined
    once.

    A hypothesis with a flag that says all of it (refusal, copy of the source, repetition, script, language) is not
    examined for untranslated parts, length and numbers."""
    examined: dict[tuple[int, str], Examined] = {}
    for n, segment in enumerate(testset.segments):
        texts = tuple(text for of_system in hypotheses if (text := of_system[n]) is not None)
        for text in dict.fromkeys(texts):
            examined[n, text] = Examined(text=text, segment=segment, of_systems=texts)
    found = {key: {EMPTY_HYPOTHESIS} for key, one in examined.items() if _is_empty(one.text)}
    if settings.checked:
        rest = {key: one for key, one in examined.items() if key not in found}
        for key, flags in _found(rest, testset, settings).items():
            found[key] = flags
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
    return not text.strip() or (not text.isprintable() and not folded(text) and not _is_seen(text))


def _is_seen(text: str) -> bool:
    return any(character.isprintable() and not character.isspace() for character in text)
