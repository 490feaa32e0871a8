"""TER's shift search against sacreBLEU's, with its limits drawn tight so that short texts meet every one of them."""

from __future__ import annotations

import random

import numpy as np
import pytest
from sacrebleu.metrics import lib_ter
from wheels import needs_compiler

from evalharness.metrics.compiled.library import Groups, counters

pytestmark = needs_compiler
Pair = tuple[list[str], list[str]]


def edits(pairs: list[Pair], **limits: int) -> list[int]:
    """Of (hypothesis, reference), each a group of its own."""
    compiled = counters()
    assert compiled is not None
    groups = Groups(
        references=[" ".join(reference) for _, reference in pairs],
        hypotheses=[" ".join(hypothesis) for hypothesis, _ in pairs],
        n_references=np.ones(len(pairs), dtype=np.int64),
        n_hypotheses=np.ones(len(pairs), dtype=np.int64),
    )
    found: list[int] = compiled.ter_edits(groups, **limits).counts.tolist()
    return found


def random_pair(rng: random.Random, longest: int) -> Pair:
    n_words = rng.choice([2, 5, 20, 200])
    reference = [str(rng.randrange(n_words)) for _ in range(rng.randrange(longest))]
    if rng.random() < 0.3:
        return [str(rng.randrange(n_words)) for _ in range(rng.randrange(longest))], reference
    hypothesis = list(reference)
    for _ in range(rng.randrange(4)):
        start, target, length = rng.randrange(longest), rng.randrange(longest), rng.randrange(12)
        block = hypothesis[start : start + length]
        del hypothesis[start : start + length]
        hypothesis[target:target] = block
    for _ in range(rng.randrange(4)):
        if hypothesis:
            hypothesis[rng.randrange(len(hypothesis))] = str(rng.randrange(n_words))
    return hypothesis, reference


@pytest.mark.parametrize(
    ("beam_width", "max_candidates", "max_distance", "longest", "n_pairs"),
    [
        (25, 1000, 50, 22, 120),
        (25, 1000, 50, 45, 5),
        (25, 15, 50, 22, 120),
        (25, 1000, 3, 22, 80),
        (1, 1000, 50, 20, 150),
        (2, 40, 50, 30, 80),
        (3, 1000, 6, 30, 60),
        (2, 1000, 50, 90, 4),
    ],
)
def test_edits_equal_sacrebleu(
    beam_width: int,
    max_candidates: int,
    max_distance: int,
    longest: int,
    n_pairs: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lib_ter, "_BEAM_WIDTH", beam_width)
    monkeypatch.setattr(lib_ter, "_MAX_SHIFT_CANDIDATES", max_candidates)
    monkeypatch.setattr(lib_ter, "_MAX_SHIFT_DIST", max_distance)
    rng = random.Random(beam_width * 1000 + longest)
    pairs = [random_pair(rng, longest) for _ in range(n_pairs)]
    found = edits(pairs, beam_width=beam_width, max_candidates=max_candidates, max_distance=max_distance)
    assert found == [lib_ter.translation_edit_rate(*pair)[0] for pair in pairs]


def shuffled(n_words: int, *, seed: int, vocabulary: int) -> Pair:
    rng = random.Random(seed)
    reference = [str(rng.randrange(vocabulary)) for _ in range(n_words)]
    hypothesis = list(reference)
    rng.shuffle(hypothesis)
    return hypothesis, reference


def test_long_texts() -> None:
    in_order = [str(number) for number in range(70)]
    pairs = [
        (in_order[30:] + in_order[:30], in_order),
        shuffled(100, seed=1, vocabulary=60),
        shuffled(130, seed=2, vocabulary=500),
        (shuffled(90, seed=3, vocabulary=40)[0], shuffled(90, seed=3, vocabulary=40)[1][:35]),
    ]
    # sacrebleu 2.6.0, lib_ter.translation_edit_rate, 34 s for the four
    assert edits(pairs) == [70, 88, 128, 76]


def test_an_empty_side() -> None:
    pairs: list[Pair] = [([], []), (["a"], []), ([], ["a", "b"]), (["a"], ["a"])]
    assert edits(pairs) == [0, 1, 2, 0]  # every word is an insertion or a deletion
    assert edits([]) == []
