"""Tables of how often the tests are right, by simulation, and whether each bar is met.

`make bench` runs it last, `python tests/bench/calibration_bench.py --quick` with fewer repetitions; exit code 1 where a
bar is not met. Data are normal numbers, and for BLEU the rows of bench.py's corpus.

Calibration: how often the sign-flip test rejects equal systems, and beside it, without a bar, two bootstraps.
Power: how often it finds the difference that is printed as the least detectable, given the true standard error, and as
the mean of what is printed for each data set. Families: how often Holm's correction lets any of all pairs of equal
systems through."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from comet_bench import print_table
from sacrebleu.significance import _compute_p_value as their_p_value
from stats_bench import METRICS, N_DRAWS, N_RESAMPLES, SEED, all_pairs, mean_score, measuring, read_rows, verdict

from evalharness.records import Array, Floats
from evalharness.stats.multiplicity import holm
from evalharness.stats.paired import PairedTest, sign_flip_tests
from evalharness.stats.power import POWER, jackknife_standard_error, minimum_detectable_effect
from evalharness.stats.resampling import Measure, resampled_scores
from evalharness.stats.settings import UnitKind
from evalharness.stats.units import units_of

ALPHA = 0.05
STANDARD_ERRORS, POWER_TOLERANCE = 3, 0.03
N_REPETITIONS, N_QUICK_REPETITIONS = 4_000, 1_000
TOGETHER = 200  # repetitions that share their draws
N_EQUAL_SYSTEMS = 10

# Simulated data: one measure holds many repetitions, whose two systems are 2i and 2i + 1

Simulation = Callable[[int, np.random.Generator], Measure]
"""So many repetitions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Normal:
    """Normal scores of two systems whose segment differences have variance 1 and correlate by `icc` within a document
    of `n_per_document` segments."""

    n_units: int
    n_per_document: int = 1
    icc: float = 0.0

    @property
    def what(self) -> str:
        if self.n_per_document == 1:
            return "mean, by segment"
        return f"mean, by document of {self.n_per_document}, ICC {self.icc}"

    @property
    def standard_error(self) -> float:
        """The true one, of the mean difference."""
        return math.sqrt((self.icc + (1 - self.icc) / self.n_per_document) / self.n_units)

    def measure(self, n_repetitions: int, rng: np.random.Generator, *, shift: float = 0.0) -> Measure:
        """`shift` is added to the first system of each repetition."""
        return self.of_systems(2 * n_repetitions, rng, np.tile([shift, 0.0], n_repetitions))

    def of_systems(self, n_systems: int, rng: np.random.Generator, shifts: Floats | float = 0.0) -> Measure:
        shape = (n_systems, self.n_units, self.n_per_document)
        of_document = rng.normal(scale=math.sqrt(self.icc / 2), size=shape[:2])
        of_segment = rng.normal(scale=math.sqrt((1 - self.icc) / 2), size=shape)
        scores = of_segment + of_document[:, :, None] + np.reshape(shifts, (-1, 1, 1))
        rows = np.ones((n_systems, self.n_units * self.n_per_document, 2))
        rows[:, :, 0] = scores.reshape(n_systems, -1)
        documents = [str(place // self.n_per_document) for place in range(rows.shape[1])]
        unit_sums = units_of(documents, UnitKind.document).sums(rows)
        return Measure(unit_sums=unit_sums, to_corpus=mean_score, is_mean=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """BLEU of segments drawn from two systems' rows [2, N, K], each row given to either system at random."""

    rows: Array
    n_units: int
    what: str = "BLEU, by segment"

    def measure(self, n_repetitions: int, rng: np.random.Generator) -> Measure:
        size = (n_repetitions, self.n_units)
        segments, first = rng.integers(self.rows.shape[1], size=size), rng.integers(2, size=size)
        unit_sums = np.stack([self.rows[first, segments], self.rows[1 - first, segments]], axis=1)
        unit_sums = unit_sums.reshape(2 * n_repetitions, self.n_units, -1).astype(np.float64)
        return Measure(unit_sums=unit_sums, to_corpus=METRICS["BLEU"].corpus_scores)


def simulated(
    simulation: Simulation, n_repetitions: int, n_together: int, rng: np.random.Generator
) -> Iterator[Measure]:
    """Measures of `n_together` repetitions, which share their draws."""
    for start in range(0, n_repetitions, n_together):
        yield simulation(min(n_together, n_repetitions - start), rng)


def tests_of_repetitions(measure: Measure, rng: np.random.Generator) -> list[PairedTest]:
    pairs = [(first, first + 1) for first in range(0, len(measure.unit_sums), 2)]
    (tests,) = sign_flip_tests([measure], [pairs], n_draws=N_DRAWS, rng=rng)
    return tests


def differences(scores: Floats) -> Floats:
    """Of each repetition: [2R, ...] -> [R, ...]."""
    return np.asarray(scores[0::2] - scores[1::2])


def standard_error(share: float, n_repetitions: int) -> float:
    return math.sqrt(share * (1 - share) / n_repetitions)


# Calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """p-values of repetitions [R] by each method; `levels` [R] is the largest rejection rate of an exact test that is
    at most alpha, given how many units differ and how many swaps there are."""

    sign_flip: Floats
    levels: Floats
    sacrebleu: Floats
    efron: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    what: str
    n_units: int
    n_draws: int | None
    tested: Tested

    @property
    def level(self) -> float:
        return float(self.tested.levels.mean())

    @property
    def rejected(self) -> float:
        return float((self.tested.sign_flip <= ALPHA).mean())

    @property
    def margin(self) -> float:
        return STANDARD_ERRORS * standard_error(ALPHA, len(self.tested.levels))

    @property
    def met(self) -> bool:
        return abs(self.rejected - ALPHA) <= self.margin

    def cells(self) -> list[str]:
        shares = (float((p <= ALPHA).mean()) for p in (self.tested.sacrebleu, self.tested.efron))
        return [
            self.what,
            str(self.n_units),
            f"{self.n_draws:,}" if self.n_draws is not None else f"all {2 ** (self.n_units - 1)}",
            f"{len(self.tested.levels):,}",
            f"{self.level:.4f}",
            f"{self.rejected:.4f}",
            f"{ALPHA - self.margin:.4f} to {ALPHA + self.margin:.4f}",
            verdict(self.met),
            *(f"{share:.4f}" for share in shares),
        ]


def calibration(design: Normal | Exchanged, n_repetitions: int, rng: np.random.Generator) -> Calibration:
    measuring(f"calibration: {design.what}, {design.n_units} units")
    batches = []
    n_draws: int | None = None
    for measure in simulated(design.measure, n_repetitions, TOGETHER, rng):
        tests = tests_of_repetitions(measure, rng)
        n_draws = tests[0].n_draws
        differing = (differences(measure.unit_sums) != 0).any(axis=2).sum(axis=1)
        sacrebleu_p, efron_p = bootstrap_p_values(measure, rng)
        batches.append(
            Tested(
                sign_flip=np.array([test.p for test in tests]),
                levels=np.array([attainable_level(int(n), n_draws) for n in differing]),
                sacrebleu=sacrebleu_p,
                efron=efron_p,
            )
        )
    names = ("sign_flip", "levels", "sacrebleu", "efron")
    tested = Tested(**{name: np.concatenate([getattr(batch, name) for batch in batches]) for name in names})
    return Calibration(what=design.what, n_units=design.n_units, n_draws=n_draws, tested=tested)


def attainable_level(n_differing: int, n_draws: int | None) -> float:
    """The largest possible p-value that is at most alpha: p-values are multiples of one over this many swaps."""
    n_swaps = 2 ** max(n_differing - 1, 0) if n_draws is None else n_draws + 1
    return math.floor(ALPHA * n_swaps + 1e-9) / n_swaps


def bootstrap_p_values(measure: Measure, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """sacreBLEU's [R], and Efron & Tibshirani's [R] with however few units: `bootstrap_tests` wants 30."""
    (resampled,) = resampled_scores([measure], n_resamples=N_RESAMPLES, rng=rng)
    observed, starred = differences(measure.scores()), differences(resampled)
    sizes = np.abs(starred)
    of_sacrebleu = [their_p_value(one - one.mean(), size) for one, size in zip(sizes, np.abs(observed), strict=True)]
    reached = np.abs(starred - observed[:, None]) >= np.abs(observed)[:, None]
    return np.array(of_sacrebleu), (1 + reached.sum(axis=1)) / (N_RESAMPLES + 1)


# Power and families


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often something happened in simulation; `low` to `high` is the bar."""

    what: str
    n_units: int
    difference: float
    rate: float
    n_repetitions: int
    low: float
    high: float

    @property
    def met(self) -> bool:
        return self.low <= self.rate <= self.high

    def cells(self) -> list[str]:
        return [
            self.what,
            str(self.n_units),
            f"{self.difference:.3f}",
            f"{self.n_repetitions:,}",
            f"{self.rate:.4f}",
            f"{standard_error(self.rate, self.n_repetitions):.4f}",
            f"{self.low:.3f} to {self.high:.3f}",
            verdict(self.met),
        ]


def power(design: Normal, n_repetitions: int, rng: np.random.Generator) -> Iterator[Rate]:
    """At the effect of the true standard error, and at the mean of those printed for each data set."""
    n_units, true_error = design.n_units, design.standard_error
    measuring(f"power: {design.what}, {n_units} units")
    effects = {
        "of the true standard error": minimum_detectable_effect(true_error, n_units, alpha=ALPHA),
        "mean of those printed": mean_printed_effect(design, n_repetitions, rng),
    }
    for which, effect in effects.items():
        if effect is None:
            sys.exit(f"power: {design.what}, {n_units} units: no effect is detectable, so there is none to find")
        shifted = simulated(partial(design.measure, shift=effect), n_repetitions, TOGETHER, rng)
        rejected = sum(test.p <= ALPHA for measure in shifted for test in tests_of_repetitions(measure, rng))
        yield Rate(
            what=f"{design.what}: {which}",
            n_units=n_units,
            difference=effect / true_error,
            rate=rejected / n_repetitions,
            n_repetitions=n_repetitions,
            low=POWER - POWER_TOLERANCE,
            high=POWER + POWER_TOLERANCE,
        )


def mean_printed_effect(design: Normal, n_repetitions: int, rng: np.random.Generator) -> float:
    effects = []
    for measure in simulated(design.measure, n_repetitions, TOGETHER, rng):
        errors = jackknife_standard_error(differences(measure.left_out_scores()))
        effects += [minimum_detectable_effect(error, design.n_units, alpha=ALPHA) for error in errors]
    return float(np.mean(effects))


def family(design: Normal, n_repetitions: int, rng: np.random.Generator) -> Rate:
    """All pairs of equal systems, corrected by Holm: how often any is taken for different."""
    measuring(f"families: {design.n_units} units")
    pairs = all_pairs(N_EQUAL_SYSTEMS)

    def simulation(n_together: int, rng: np.random.Generator) -> Measure:
        return design.of_systems(N_EQUAL_SYSTEMS * n_together, rng)

    n_wrong = 0
    for measure in simulated(simulation, n_repetitions, TOGETHER // N_EQUAL_SYSTEMS, rng):
        starts = range(0, len(measure.unit_sums), N_EQUAL_SYSTEMS)
        of_all = [(start + a, start + b) for start in starts for a, b in pairs]
        (tests,) = sign_flip_tests([measure], [of_all], n_draws=N_DRAWS, rng=rng)
        p_values = np.array([test.p for test in tests]).reshape(len(starts), len(pairs))
        n_wrong += sum(min(holm(of_family)) <= ALPHA for of_family in p_values.tolist())
    return Rate(
        what=f"{N_EQUAL_SYSTEMS} equal systems, {len(pairs)} pairs, Holm",
        n_units=design.n_units,
        difference=0.0,
        rate=n_wrong / n_repetitions,
        n_repetitions=n_repetitions,
        low=0.0,
        high=ALPHA,
    )


# The tables


def print_calibration(rows: dict[str, Array], n_repetitions: int, rng: np.random.Generator) -> bool:
    sizes_of_tests = (9, 30, 100)
    designs: list[Normal | Exchanged] = [
        *(Normal(n_units=n) for n in sizes_of_tests),
        *(Normal(n_units=n, n_per_document=5, icc=0.5) for n in sizes_of_tests),
        *(Exchanged(rows=rows["BLEU"][:2], n_units=n) for n in (9, 100)),
    ]
    table = [calibration(design, n_repetitions, rng) for design in designs]
    print("\nCALIBRATION: share of equal systems taken for different at a nominal 5 %, simulated\n")
    head = ["data", "units", "swaps", "repetitions", "attainable", "sign-flip", "bar", "", "sacreBLEU bs", "E&T bs"]
    print_table(head, [line.cells() for line in table])
    print(
        "\nThe bar is for the sign-flip test: 0.05 and 3 standard errors. With few units p is a multiple of"
        "\n2^(1 - units): of 9 units, 12/256 is the largest below 5 %, the most that can be attained. BLEU: rows of the"
        "\nfirst two systems, segments drawn, and the two systems' rows of each exchanged, at random."
        f"\nbs: bootstrap p-values of sacreBLEU and of Efron & Tibshirani, {N_RESAMPLES:,} resamples; they have no bar."
    )
    return all(line.met for line in table)


def print_power(n_repetitions: int, rng: np.random.Generator) -> bool:
    designs = [*(Normal(n_units=n) for n in (9, 30, 100)), Normal(n_units=30, n_per_document=5, icc=0.5)]
    found = [rate for design in designs for rate in power(design, n_repetitions, rng)]
    wrong = [family(Normal(n_units=n), n_repetitions, rng) for n in (12, 30)]
    print("\nPOWER at the least detectable difference, and chance of any false claim, simulated\n")
    head = ["what", "units", "difference", "repetitions", "rejected", "standard error", "bar", ""]
    print_table(head, [rate.cells() for rate in (*found, *wrong)])
    print("\nDifference: in true standard errors. Of 45 pairs over fewer than 11 units none can be significant.")
    return all(rate.met for rate in (*found, *wrong))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, wider bars")
    n_repetitions = N_QUICK_REPETITIONS if parser.parse_args().quick else N_REPETITIONS
    rng = np.random.default_rng(SEED)
    description, rows = read_rows()
    print(f"numpy {np.__version__}; BLEU of {description}")
    return int(not all((print_calibration(rows, n_repetitions, rng), print_power(n_repetitions, rng))))


if __name__ == "__main__":
    sys.exit(main())
