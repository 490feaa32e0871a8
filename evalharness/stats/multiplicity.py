"""Correction of p-values for the number of tests in one table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evalharness.records import Array, Floats


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down corrected p-values, in the order given: they bound the chance of any false claim.

    Source: Holm 1979."""
    order = np.argsort(p_values, kind="stable")
    factors = len(order) - np.arange(len(order))
    corrected = np.maximum.accumulate(np.minimum(1.0, factors * np.asarray(p_values, dtype=np.float64)[order]))
    return _in_given_order(corrected, order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Benjamini and Hochberg's step-up corrected p-values, in the order given: they bound the expected share of false
    ones among claims.

    Source: Benjamini & Hochberg 1995."""
    order = np.argsort(p_values, kind="stable")[::-1]
    factors = len(order) / (len(order) - np.arange(len(order)))
    corrected = np.minimum.accumulate(np.minimum(1.0, factors * np.asarray(p_values, dtype=np.float64)[order]))
    return _in_given_order(corrected, order)


def _in_given_order(corrected: Floats, order: Array) -> list[float]:
    placed = np.empty(len(order))
    placed[order] = corrected
    return [float(p) for p in placed]
