"""Hypotheses in capitals throughout, which no word of a cased reference matches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evalharness.outputs.examined import Examined, TestSetTexts
from evalharness.outputs.flags import ALL_CAPITALS
from evalharness.outputs.settings import OutputSettings


def all_capitals(
    examined: Sequence[Examined], testset: TestSetTexts, settings: OutputSettings
) -> Iterator[tuple[int, str]]:
    """Texts of as many capitals as a language needs letters, where references have small letters."""
    for position, one in enumerate(examined):
        references = one.segment.references
        if not one.text.isupper() or not references or any(map(str.isupper, references)):
            continue
        if sum(map(str.isupper, one.text)) >= settings.language_letters:
            yield position, ALL_CAPITALS
