"""Tables of the statistics' speed and of how their cost grows, and whether each bar is met.

`make bench` runs it, `python tests/bench/stats_bench.py --quick` does less of everything; exit code 1 where a bar
is not met. The data are those of bench.py, whose rows are made first and not timed.

Speed: approximate randomisation and the paired bootstrap with intervals, of BLEU, chrF and TER, beside sacreBLEU's own
from the same stored statistics: its code, but for the reading of texts. Theirs runs once, ours a median of several.
Then all pairs beside those with one baseline, in turns.
Growth: seconds and peak memory of the same test of BLEU and chrF by systems, segments and draws, and of all claims
about a mean metric of a large test set; each in a process of its own."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import sacrebleu
from bench import Measurement, check_equal, hypothesis_files, lay_out_corpus, seconds, take_turns
from comet_bench import cores, peak_gb, print_table
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest as TheirPairedTest

from evalharness.metrics.lexical import Bleu, Chrf, Ter
from evalharness.records import Array, Floats, LanguagePair, ScoringSegment
from evalharness.stats.claims import claims
from evalharness.stats.inquiries import MetricRows
from evalharness.stats.intervals import percentile_interval
from evalharness.stats.paired import Pair, bootstrap_tests, sign_flip_tests
from evalharness.stats.replicates import contestants
from evalharness.stats.resampling import Measure, resampled_scores
from evalharness.stats.settings import StatsSettings
from evalharness.textio import read_lines

METRICS = {"BLEU": Bleu(tokenize="13a"), "chrF2": Chrf(), "TER": Ter()}  # by the name that sacreBLEU gives each
SEED = 12345
N_DRAWS, N_RESAMPLES = 10_000, 1_000  # the defaults of both sides

LEAST_SPEEDUP, MOST_FOR_ALL_PAIRS = 50.0, 3.0
FLAT, MOST_GB = 1.05, 3.0

CENTRE_SYSTEMS, CENTRE_SEGMENTS = 12, 2_000
SYSTEMS, SEGMENTS, DRAWS = (2, 6, 12, 24), (500, 2_000, 8_000, 32_000), (1_000, 10_000, 100_000)
N_SYSTEMS_OF_LARGE = 10
REPEATED_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is done; `n_large` are the segments of the large test set."""

    n_draws: int
    n_resamples: int
    n_turns: int
    n_large: int


FULL = Sizes(n_draws=N_DRAWS, n_resamples=N_RESAMPLES, n_turns=5, n_large=1_000_000)
QUICK = Sizes(n_draws=2_000, n_resamples=300, n_turns=3, n_large=100_000)


def verdict(met: bool | None) -> str:
    return {None: "-", True: "ok", False: "NOT MET"}[met]


def measuring(what: str) -> None:
    print(f"measuring {what}", file=sys.stderr, flush=True)


def all_pairs(n_systems: int) -> list[Pair]:
    return [(a, b) for a in range(n_systems) for b in range(a + 1, n_systems)]


# Rows


def read_rows() -> tuple[str, dict[str, Array]]:
    """What the corpus is, and the rows [S systems, N segments, K statistics] of each metric."""
    measuring("nothing yet: making the rows")
    with tempfile.TemporaryDirectory(prefix="evalharness-bench-") as name:
        folder = Path(name)
        description = lay_out_corpus(folder)
        references = read_lines(folder / "ref.A.en")
        hypotheses = [read_lines(folder / file) for file in hypothesis_files(folder)]
    segments = [
        ScoringSegment(id=str(place), source=None, hypothesis=hypothesis, references=(reference,))
        for of_system in hypotheses
        for place, (hypothesis, reference) in enumerate(zip(of_system, references, strict=True))
    ]
    lp = LanguagePair(source="zh", target="en")
    shape = (len(hypotheses), len(references), -1)
    rows = {name: one.for_language_pair(lp).statistics(segments).reshape(shape) for name, one in METRICS.items()}
    return description, rows


def measures_of(rows: dict[str, Array]) -> list[Measure]:
    return [
        Measure(unit_sums=of_metric.astype(np.float64), to_corpus=METRICS[name].corpus_scores)
        for name, of_metric in rows.items()
    ]


def mean_score(sums: Array) -> Floats:
    return np.asarray(sums[..., 0] / sums[..., 1])


# Speed beside sacreBLEU


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    what: str
    ours_s: tuple[float, ...]
    theirs_s: float

    @property
    def times(self) -> float:
        return self.theirs_s / statistics.median(self.ours_s)

    @property
    def met(self) -> bool:
        return self.times >= LEAST_SPEEDUP

    def cells(self) -> list[str]:
        ours_s = statistics.median(self.ours_s)
        numbers = [f"{ours_s:.3f}", f"{self.theirs_s:.2f}", f"{self.times:.0f}", f"at least {LEAST_SPEEDUP:.0f}"]
        return [self.what, *numbers, verdict(self.met)]


def with_stored_statistics(metric: Any, rows: Array) -> Any:
    """sacreBLEU's metric, which finds the statistics of its "hypotheses": a system's index, for every segment."""
    stored = {str(system): of_system.tolist() for system, of_system in enumerate(rows)}
    metric._extract_corpus_statistics = lambda hypotheses, references: stored[hypotheses[0]]
    metric.num_refs = 1  # what it would know from references, for its signature
    return metric


def their_tests(rows: dict[str, Array], test_type: str, n_samples: int) -> Callable[[], dict[str, list[Any]]]:
    """sacreBLEU's comparison of the first system with all others: by metric, what it finds for each system."""
    new = {"BLEU": BLEU, "chrF2": CHRF, "TER": TER}
    metrics = {name: with_stored_statistics(new[name](), of_metric) for name, of_metric in rows.items()}
    n_systems, n_segments, _ = rows["BLEU"].shape
    named_systems = [(str(system), [str(system)] * n_segments) for system in range(n_systems)]

    def run() -> dict[str, list[Any]]:
        _, found = TheirPairedTest(named_systems, metrics, references=None, test_type=test_type, n_samples=n_samples)()
        return {name: found[name] for name in rows}

    return run


def randomisation(measures: Sequence[Measure], pairs: Sequence[Pair], n_draws: int) -> list[Array]:
    """p-values of each metric's pairs."""
    rng = np.random.default_rng(SEED)
    tests = sign_flip_tests(measures, [pairs] * len(measures), n_draws=n_draws, rng=rng)
    return [np.array([test.p for test in of_metric]) for of_metric in tests]


def bootstrap(measures: Sequence[Measure], pairs: Sequence[Pair], n_resamples: int) -> list[Floats]:
    """Tests of all pairs and intervals of all systems; the scores of the resamples [S, R] of each metric."""
    resampled = resampled_scores(measures, n_resamples=n_resamples, rng=np.random.default_rng(SEED))
    bootstrap_tests(measures, resampled, [pairs] * len(measures))
    for of_metric in resampled:
        for of_system in of_metric:
            percentile_interval(of_system, level=0.95)
    return resampled


def against_sacrebleu(rows: dict[str, Array], sizes: Sizes) -> Iterator[Speed]:
    """Both methods, with one baseline; ends the bench where the two sides did not do the same."""
    measures = measures_of(rows)
    pairs = [(0, other) for other in range(1, len(rows["BLEU"]))]
    sides: tuple[tuple[str, str, int, Callable[..., list[Array]], Callable[..., None]], ...] = (
        ("approximate randomisation", "ar", sizes.n_draws, randomisation, check_p_values),
        ("paired bootstrap", "bs", sizes.n_resamples, bootstrap, check_means),
    )
    for method, test_type, n_draws, ours, check in sides:
        what = f"{method}: {len(pairs)} pairs, {n_draws:,} draws"
        measuring(what)
        command = partial(ours, measures, pairs, n_draws)
        ours_s = tuple(seconds(command) for _ in range(sizes.n_turns))
        run = their_tests(rows, test_type, n_draws)
        start = time.perf_counter()
        theirs = run()
        theirs_s = time.perf_counter() - start
        for measure, of_ours, of_theirs in zip(measures, command(), theirs.values(), strict=True):
            check_equal(what, measure.scores(), np.array([one.score for one in of_theirs]))
            check(what, of_ours, of_theirs, n_draws)
        yield Speed(what=what, ours_s=ours_s, theirs_s=theirs_s)


def check_p_values(what: str, ours: Array, theirs: Sequence[Any], n_draws: int) -> None:
    p = np.array([one.p_value for one in theirs[1:]])
    pooled = (ours + p) / 2
    check_within(what, "p-values", ours, p, 5 * np.sqrt(2 * pooled * (1 - pooled) / n_draws) + 2 / (n_draws + 1))


def check_means(what: str, ours: Array, theirs: Sequence[Any], n_resamples: int) -> None:
    means = np.array([one.mean for one in theirs])
    check_within(what, "means", ours.mean(axis=1), means, 5 * ours.std(axis=1) * math.sqrt(2 / n_resamples))


def check_within(what: str, of: str, ours: Array, theirs: Array, allowed: Array) -> None:
    if not (np.abs(ours - theirs) <= allowed).all():
        sys.exit(f"{what}: {of} differ from sacreBLEU's by more than chance allows, so their times cannot be compared")


def all_pairs_against_baseline(rows: dict[str, Array], sizes: Sizes) -> Iterator[Measurement]:
    measures = measures_of(rows)
    n_systems = len(rows["BLEU"])
    every, some = all_pairs(n_systems), [(0, other) for other in range(1, n_systems)]
    for method, run, n_draws in (
        ("approximate randomisation", randomisation, N_DRAWS),
        ("paired bootstrap", bootstrap, N_RESAMPLES),
    ):
        yield take_turns(
            f"{method}: {len(every)} pairs / {len(some)} pairs, {n_draws:,} draws",
            partial(run, measures, every, n_draws),
            partial(run, measures, some, n_draws),
            n_pairs=sizes.n_turns,
            bar=MOST_FOR_ALL_PAIRS,
        )


# Growth, each load in a process of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one process is to do; `rows_file` is None for all claims about a mean metric."""

    n_systems: int
    n_segments: int
    n_draws: int
    rows_file: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A load and what it took; `factor` and `times` are how much larger it is, and took, than the first of its kind."""

    load: Load
    seconds: float
    peak_gb: float
    factor: float = 1.0
    times: float = 1.0

    def cells(self, what: str, bar: str, met: bool | None) -> list[str]:
        load = self.load
        counts = (load.n_systems, len(all_pairs(load.n_systems)), load.n_segments, load.n_draws)
        grown = [f"x {self.factor:.1f}", f"{self.seconds:.3f}", f"x {self.times:.1f}", f"{1000 * self.peak_gb:.0f}"]
        return [what, *(f"{count:,}" for count in counts), *grown, bar, verdict(met)]


def work(load: Load) -> None:
    """Prints seconds and peak memory of a load, in a process that does nothing else."""
    took_s = large_claims(load) if load.rows_file is None else stretched_tests(load, load.rows_file)
    print(json.dumps({"seconds": took_s, "peak_gb": peak_gb()}))


def stretched_tests(load: Load, rows_file: str) -> float:
    with np.load(rows_file) as file:
        measures = measures_of({name: stretched(file[name], load) for name in file.files})
    command = partial(randomisation, measures, all_pairs(load.n_systems), load.n_draws)
    took_s = [seconds(command)]
    while sum(took_s) < REPEATED_S:
        took_s.append(seconds(command))
    return statistics.median(took_s)


def stretched(rows: Array, load: Load) -> Array:
    """Rows of as many systems and segments as the load wants: after the last segment the first again, after the last
    system mixtures of all."""
    n_systems, n_segments, _ = rows.shape
    rng = np.random.default_rng(SEED)
    chosen = rng.integers(n_systems, size=(load.n_systems, load.n_segments))
    chosen[:n_systems] = np.arange(n_systems)[: load.n_systems, None]
    return rows[chosen, np.arange(load.n_segments) % n_segments]


def large_claims(load: Load) -> float:
    rng = np.random.default_rng(SEED)
    rows = np.ones((load.n_systems, load.n_segments, 2))
    difficulty = rng.standard_normal(load.n_segments)
    for of_system in rows:
        of_system[:, 0] = difficulty + rng.standard_normal(load.n_segments)
    metric = MetricRows(
        name="mean",
        rows=rows,
        to_corpus=mean_score,
        is_mean=True,
        higher_is_better=True,
        display_factor=1.0,
    )
    names = [str(system) for system in range(load.n_systems)]
    compared = contestants(names, [None] * load.n_systems)
    pairs, settings = all_pairs(load.n_systems), StatsSettings(n_draws=load.n_draws)
    return seconds(partial(claims, compared, [None] * load.n_segments, [metric], pairs, settings))


def grown(load: Load) -> Growth:
    measuring(f"{load.n_systems} systems, {load.n_segments:,} segments, {load.n_draws:,} draws")
    command = [sys.executable, __file__, "--work", json.dumps(asdict(load))]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        sys.exit(f"{load} failed:\n{finished.stderr}")
    return Growth(load=load, **json.loads(finished.stdout))


def growth_table(rows: dict[str, Array], sizes: Sizes) -> tuple[list[list[str]], bool]:
    """The table's rows, and whether all bars are met."""
    with tempfile.TemporaryDirectory(prefix="evalharness-bench-") as folder:
        rows_file = Path(folder) / "rows.npz"
        np.savez(rows_file, **{name: rows[name] for name in ("BLEU", "chrF2")})
        load = partial(Load, rows_file=str(rows_file))
        segments, systems = {"n_segments": CENTRE_SEGMENTS}, {"n_systems": CENTRE_SYSTEMS}
        kinds = {
            "systems": [load(n_systems=n, n_draws=N_DRAWS, **segments) for n in SYSTEMS],
            "segments": [load(n_segments=n, n_draws=N_DRAWS, **systems) for n in SEGMENTS],
            "draws": [load(n_draws=n, **segments, **systems) for n in DRAWS],
        }
        measured = {kind: relative_to_first([grown(one) for one in loads]) for kind, loads in kinds.items()}
    peaks = [growth.peak_gb for growth in measured["draws"]]
    is_flat = max(peaks) <= FLAT * min(peaks)
    table = []
    for kind, growths in measured.items():
        for growth in growths:
            is_last_draws = growth is measured["draws"][-1]
            bar = f"{max(peaks) / min(peaks):.3f}, at most {FLAT}" if is_last_draws else "-"
            table.append(growth.cells(kind, bar, is_flat if is_last_draws else None))
    large = grown(Load(n_systems=N_SYSTEMS_OF_LARGE, n_segments=sizes.n_large, n_draws=N_DRAWS, rows_file=None))
    fits = large.peak_gb < MOST_GB
    table.append(large.cells("all claims, a mean", f"below {1000 * MOST_GB:.0f} MB", fits))
    return table, is_flat and fits


def relative_to_first(growths: Sequence[Growth]) -> list[Growth]:
    def size(load: Load) -> int:
        return len(all_pairs(load.n_systems)) * load.n_segments * load.n_draws

    first = growths[0]
    return [
        replace(one, factor=size(one.load) / size(first.load), times=one.seconds / first.seconds) for one in growths
    ]


# The tables


def print_speed(rows: dict[str, Array], sizes: Sizes) -> bool:
    speeds = list(against_sacrebleu(rows, sizes))
    turns = list(all_pairs_against_baseline(rows, sizes))
    print(f"\nSPEED of BLEU, chrF and TER from stored rows; ours: median of {sizes.n_turns}, theirs: once\n")
    head = ["method", "ours s", "sacreBLEU s", "times faster", "bar", ""]
    print_table(head, [speed.cells() for speed in speeds])
    print(f"\nAll pairs beside those with one baseline, both ours: medians of {sizes.n_turns} turns\n")
    head = ["method", "all s", "baseline s", "ratio", "bar: at most", ""]
    print_table(head, [list(turn.cells()) for turn in turns])
    print(
        "\nCorpus scores of the two sides are equal to 1e-9; p-values of approximate randomisation, and means of the"
        "\nresamples, agree within 5 standard errors of their draws. The bootstrap gives intervals of all systems, too."
    )
    return all(speed.met for speed in speeds) and all(turn.met for turn in turns)


def print_growth(rows: dict[str, Array], sizes: Sizes) -> bool:
    table, met = growth_table(rows, sizes)
    print("\nGROWTH of approximate randomisation, all pairs, BLEU and chrF\n")
    head = ["what grows", "systems", "pairs", "segments", "draws", "size", "s", "time", "peak MB"]
    print_table([*head, "bar", ""], table)
    print(
        "\nSize: pairs x segments x draws; size and time beside the first line of each kind. Bars are for peak memory:"
        "\nthe largest of all numbers of draws over the smallest, and that of all claims."
    )
    if sizes.n_large < FULL.n_large:
        print(f"All claims of {sizes.n_large:,} segments only: without --quick it is {FULL.n_large:,}.")
    return met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less of everything, more noise")
    parser.add_argument("--work", metavar="LOAD", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work is not None:
        work(Load(**json.loads(options.work)))
        return 0
    start = time.perf_counter()
    sizes = QUICK if options.quick else FULL
    description, rows = read_rows()
    print(f"{cores()} cores, Python {platform.python_version()}, numpy {np.__version__}, ", end="")
    print(f"sacreBLEU {sacrebleu.__version__}\nData: {description}")
    met = [
        print_speed(rows, sizes),
        print_growth(rows, sizes),
    ]
    load = f"; load average now {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"\nAll of it took {time.perf_counter() - start:.0f} s{load}.")
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
