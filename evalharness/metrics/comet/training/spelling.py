"""Vectors of pieces made from their spelling: what shares letters looks alike, before anything is learned.

An average of such vectors over a text is a random projection of the letter sequences in it, so that two averages tell
how much of their spelling two texts share, which is what chrF counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evalharness.records import Floats

_ORDERS = range(2, 7)  # chrF has 1 to 6; single letters are in every word and only add noise (talks 2 and 9, 2026-11)
_LONGEST = 4.5  # vectors are cut to this length: that of a piece of seven letters
_OF_DIGITS_AND_CHARACTERS = 3.0  # as much as a piece of four or five letters
_WORD_START = "\u2581"


def spelled_vectors(pieces: Sequence[str], n_dimensions: int, rng: np.random.Generator) -> Floats:
    """[N pieces, n_dimensions] of lengths up to 1; of a piece without a letter, 0.

    The more letter sequences a piece has, the longer its vector: function words count for little."""
    directions: dict[str, Floats] = {}

    def direction(letters: str) -> Floats:
        if letters not in directions:
            directions[letters] = rng.standard_normal(n_dimensions) / np.sqrt(n_dimensions)
        return directions[letters]

    vectors = np.zeros((len(pieces), n_dimensions))
    for place, piece in enumerate(pieces):
        word = piece.replace(_WORD_START, "")
        if len(word) == 1:
            weight = 1.0 if word.isascii() and not word.isdigit() else _OF_DIGITS_AND_CHARACTERS
            vectors[place] = weight * direction(word)
        elif word:
            sequences = [word[at : at + order] for order in _ORDERS for at in range(len(word) - order + 1)]
            vectors[place] = sum(map(direction, sequences)) + direction(_WORD_START + word)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    cut: Floats = vectors / np.maximum(lengths, _LONGEST)
    return cut
