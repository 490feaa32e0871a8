"""Hypotheses that are far longer or shorter than the references, or than what other systems give.

Lengths are bytes of UTF-8, so that a Chinese character counts as three letters; both texts are in one language, or
should be. The median of the other systems is not moved by a system or two that fail as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from statistics import median

from evalharness.outputs.examined import Examined, TestSetTexts
from evalharness.outputs.flags import LONGER_THAN_OTHERS, SHORTER_THAN_OTHERS, TOO_LONG, TOO_SHORT
from evalharness.outputs.settings import OutputSettings
from evalharness.outputs.words import words

# "Okay." for "That's fine with me." is no fault: short texts differ by as much as this whatever their ratio.
_SLACK_BYTES = 20
_FEWEST_OTHERS = 3
_RUNS = re.compile(r"([^\w\s])\1{3,}|(_)_{3,}")
_SHORTEST_DOUBLED = 20  # "Hurrah! Hurrah!" is no fault


def odd_lengths(
    examined: Sequence[Examined], testset: TestSetTexts, settings: OutputSettings
) -> Iterator[tuple[int, str]]:
    ratio = settings.length_ratio
    for position, one in enumerate(examined):
        n_bytes = byte_length(one.text)
        of_references = [n for reference in one.segment.references if (n := byte_length(reference))]
        if of_references:
            bound = ratio * max(of_references) + _SLACK_BYTES
            # as many dots as one likes lead to the number of a page
            if (n_bytes > bound and byte_length(_RUNS.sub(r"\1\2", one.text)) > bound) or _is_twice_the_same(one):
                yield position, TOO_LONG
            elif ratio * (n_bytes + _SLACK_BYTES) < min(of_references):
                yield position, TOO_SHORT
        others = list(one.of_systems)
        others.remove(one.text)
        if len(others) >= _FEWEST_OTHERS:
            usual = median(map(byte_length, others))
            if n_bytes > ratio * usual + _SLACK_BYTES:
                yield position, LONGER_THAN_OTHERS
            elif ratio * (n_bytes + _SLACK_BYTES) < usual:
                yield position, SHORTER_THAN_OTHERS


def _is_twice_the_same(one: Examined) -> bool:
    """Whether a text is some words once and once more, as no source and reference is."""
    return len(one.text) >= _SHORTEST_DOUBLED and _is_doubled(one.text) and not any(map(_is_doubled, one.excuses()))


def _is_doubled(text: str) -> bool:
    middle = len(text) // 2
    if text[: middle // 2] not in text[max(middle - 1, 0) :]:
        return False
    of_text = words(text)
    half, is_odd = divmod(len(of_text), 2)
    return not is_odd and of_text[:half] == of_text[half:]


def byte_length(text: str) -> int:
    text = text.strip()
    return len(text) if text.isascii() else len(text.encode("utf-8"))
