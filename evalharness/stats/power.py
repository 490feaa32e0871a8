"""What a test set can tell: the smallest p-value there can be, and the difference that is likely to be found."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from evalharness.records import Array, Floats
from evalharness.stats.intervals import half_of_subsets, unrejected_shifts

POWER = 0.8
_MAX_SIMULATED_UNITS = 100
_N_SIMULATED = 4000  # the power at a quantile of so many has a standard error of 0.006
_FEWEST_SIMULATED = 400
_N_SUBSETS = 1023
_MOST_MEANS = 1 << 23
_MEANS_TOGETHER = 1 << 21
_DRAWN_PER_REJECTION = 50


def smallest_p(n_differing: int, n_draws: int | None) -> float:
    """The smallest p-value there can be: of all swaps of so many units that differ, or of random draws."""
    if n_draws is not None:
        return 1 / (n_draws + 1)
    return 2.0 ** (1 - n_differing) if n_differing > 0 else 1.0


def jackknife_standard_error(left_out: Floats) -> Floats:
    """The standard error of a score or difference from its values without each unit: [..., G] -> [...].

    For a mean over equal units this is the usual sigma / sqrt(G). Where units are documents it holds what segments of
    one document have in common, so no other design effect is needed.
    Source: Efron & Tibshirani 1993, chapter 11."""
    n_units = left_out.shape[-1]
    return np.asarray(np.sqrt((n_units - 1) * left_out.var(axis=-1)))


def minimum_detectable_effect(standard_error: float, n_units: int, *, alpha: float) -> float | None:
    """The difference that one test at level alpha finds with 80 % power, for units of about equal weight.

    Up to 100 units by simulating the sign-flip test on normal differences; above, (z[1 - alpha/2] + z[0.8]) standard
    errors. None where the test cannot reject anything, and where the systems do not differ in any unit."""
    if not standard_error > 0 or n_units < 2:
        return None
    factor = detectable_in_standard_errors(n_units, alpha)
    return None if math.isinf(factor) else factor * standard_error


@lru_cache(maxsize=256)
def detectable_in_standard_errors(n_units: int, alpha: float) -> float:
    """The same in standard errors of the difference; infinite where the test cannot reject anything."""
    if n_units > _MAX_SIMULATED_UNITS:
        normal = NormalDist()
        return normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(POWER)
    rng = np.random.default_rng(0)  # a constant of mathematics, found by simulation: no setting moves it
    differences = rng.standard_normal((_N_SIMULATED, n_units))
    subsets = _subsets(n_units, alpha, rng)
    if len(subsets) * _N_SIMULATED > _MOST_MEANS:  # a small alpha asks for many subsets
        differences = differences[: max(_FEWEST_SIMULATED, _MOST_MEANS // len(subsets))]
    n_together = max(1, _MEANS_TOGETHER // max(len(subsets), 1))
    parts = [
        unrejected_shifts(differences[start : start + n_together], np.ones(n_units), subsets, alpha=alpha)
        for start in range(0, len(differences), n_together)
    ]
    low, high = (np.concatenate(bounds) for bounds in zip(*parts, strict=True))
    if np.isinf(low[0]):
        return math.inf
    # Of differences around 0 shifted by d, 0 is rejected where d > -low: that is how much each needs. By symmetry,
    # -high are as good.
    needed = np.concatenate([-low, high])
    return float(np.quantile(needed, POWER)) * math.sqrt(n_units)


def _subsets(n_units: int, alpha: float, rng: np.random.Generator) -> Array:
    n_subsets = max(_N_SUBSETS, math.ceil(_DRAWN_PER_REJECTION / alpha))
    if 2 ** (n_units - 1) - 1 <= n_subsets:
        return half_of_subsets(n_units)
    subsets = rng.integers(2, size=(n_subsets, n_units)).astype(np.float64)
    sizes = subsets.sum(axis=1)
    return np.asarray(subsets[(sizes > 0) & (sizes < n_units)])
