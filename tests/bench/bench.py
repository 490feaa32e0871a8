"""A table of evalharness's speed beside sacreBLEU's, in one run on the same files, and whether each bar is met.

`make bench` runs it all, `python tests/bench/bench.py --quick` fewer repetitions; exit code 1 where a bar is not met.
Two sides take turns, so that whatever else the machine is doing falls on both; a ratio is the median of the ratios of
neighbours. The bars in seconds have no such protection. Where two sides' scores differ there is no table.

The corpus is WMT22 zh-en from the folder that EVALHARNESS_DATA names, else from ../shared/data beside the repository;
where it is absent, made-up words in the same shape. Either is first copied to a temporary folder."""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import loky
import numpy as np
import sacrebleu
from sacrebleu.metrics import BLEU, CHRF, TER

from evalharness.launch.base import Launcher, Worker
from evalharness.launch.local import Local
from evalharness.launch.pool import Pool
from evalharness.metrics import lexical
from evalharness.metrics.lexical import Bleu, Chrf, Chrfpp, Ter
from evalharness.records import LanguagePair, ScoredRows, ScoringSegment
from evalharness.textio import read_lines

N_SEGMENTS, N_SYSTEMS = 1875, 12  # WMT22 zh-en
TOLERANCE = 1e-9
BUNDLED = ("run", "metrics=[bleu,chrf,chrfpp,ter]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Wall seconds of each repetition; `theirs_s` is empty where there is nothing to compare with.

    `bar` is the largest median ratio that will do, or where there is no ratio the largest median of seconds."""

    what: str
    ours_s: tuple[float, ...]
    theirs_s: tuple[float, ...] = ()
    bar: float | None = None

    @property
    def ratio(self) -> float | None:
        if not self.theirs_s:
            return None
        return statistics.median(ours / theirs for ours, theirs in zip(self.ours_s, self.theirs_s, strict=True))

    @property
    def met(self) -> bool | None:
        figure = statistics.median(self.ours_s) if self.ratio is None else self.ratio
        return None if self.bar is None else figure <= self.bar

    @property
    def spread(self) -> float:
        """The slowest repetition over the fastest, of the side where that is more."""
        return max(max(side) / min(side) for side in (self.ours_s, self.theirs_s) if side)

    def cells(self) -> tuple[str, ...]:
        bar = "-" if self.bar is None else f"{self.bar:.3f}" if self.theirs_s else f"{self.bar:.1f} s"
        return (
            self.what,
            f"{statistics.median(self.ours_s):.3f}",
            f"{statistics.median(self.theirs_s):.3f}" if self.theirs_s else "-",
            "-" if self.ratio is None else f"{self.ratio:.4f}" if self.ratio < 0.01 else f"{self.ratio:.3f}",
            bar,
            {None: "-", True: "ok", False: "NOT MET"}[self.met],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsCase:
    """A metric, sacreBLEU's, over how many segments (of all systems), and the bar: so many times sacreBLEU's speed."""

    metric: Any
    theirs: Callable[..., Any]
    n_segments: int
    times: float


ROWS = (
    RowsCase(metric=Bleu(), theirs=BLEU, n_segments=N_SEGMENTS, times=5),
    RowsCase(metric=Chrf(), theirs=CHRF, n_segments=N_SEGMENTS, times=8),
    RowsCase(metric=Chrfpp(), theirs=partial(CHRF, word_order=2), n_segments=N_SEGMENTS, times=8),
    RowsCase(metric=Ter(), theirs=TER, n_segments=75, times=50),  # sacreBLEU's takes 14 ms a segment
)
TWO_CORES = 1.8


def lay_out_corpus(folder: Path) -> str:
    """What the corpus is, now in `folder`: src.zh, ref.A.en and hyp/SYSTEM.en."""
    # As tests/data_folder.py, which cannot be called here: where the data are absent it skips a test.
    shared = Path(__file__).resolve().parents[3] / "shared" / "data"
    data = Path(os.environ.get("EVALHARNESS_DATA") or shared) / "wmt22.zh-en"
    (folder / "hyp").mkdir()
    if data.is_dir():
        for path in (data / "src.zh", data / "ref.A.en", *sorted(data.glob("hyp/*.en"))[:N_SYSTEMS]):
            shutil.copyfile(path, folder / path.relative_to(data))
        what = "WMT22 zh-en, reference A"
    else:
        for name, texts in made_up_texts():
            (folder / name).write_bytes("".join(f"{text}\n" for text in texts).encode())
        what = "MADE UP, for want of WMT22 (set EVALHARNESS_DATA): random words, seed 22"
    n_segments, n_systems = len(read_lines(folder / "ref.A.en")), len(hypothesis_files(folder))
    return f"{what}; {n_segments} segments x {n_systems} systems"


def hypothesis_files(folder: Path) -> list[str]:
    return [f"hyp/{path.name}" for path in sorted((folder / "hyp").iterdir())]


def made_up_texts() -> Iterator[tuple[str, list[str]]]:
    """File names and segments in the shape of WMT22 zh-en: words, lengths and hypotheses roughly as there."""
    rng = np.random.default_rng(22)
    n_words = 10_000
    vocabulary = ["".join(map(chr, rng.integers(97, 123, length))) for length in 1 + rng.poisson(4, n_words)]
    frequency = (weights := 1 / np.arange(1, n_words + 1)) / weights.sum()
    lengths = np.clip(rng.lognormal(3.0, 0.75, N_SEGMENTS).astype(int), 1, 120)  # WMT22: median 21, mean 26
    references = [rng.choice(n_words, length, p=frequency) for length in lengths]

    def text(words: Any) -> str:
        return (" ".join(vocabulary[word] for word in words) + ".").capitalize()

    yield "src.zh", ["".join(map(chr, rng.integers(0x4E00, 0x9FA5, 1 + 3 * length // 2))) for length in lengths]
    yield "ref.A.en", [text(words) for words in references]
    for system in range(N_SYSTEMS):
        hypotheses = []
        for words in references:
            replacements = rng.choice(n_words, len(words), p=frequency)
            hyp = np.where(rng.random(len(words)) < 0.35 + 0.01 * system, replacements, words)
            if rng.random() < 0.1:
                hyp = np.roll(hyp, len(hyp) // 3)  # TER has shifts to find
            hypotheses.append(text(hyp))
        yield f"hyp/system-{system + 1:02}.en", hypotheses


def seconds(command: Callable[[], object]) -> float:
    start = time.perf_counter()
    command()
    return time.perf_counter() - start


def take_turns(
    what: str, ours: Callable[[], object], theirs: Callable[[], object], *, n_pairs: int, bar: float | None = None
) -> Measurement:
    print(f"measuring {what}", file=sys.stderr, flush=True)
    ours_s, theirs_s = zip(*((seconds(ours), seconds(theirs)) for _ in range(n_pairs)), strict=True)
    return Measurement(what=what, ours_s=ours_s, theirs_s=theirs_s, bar=bar)


def spawn(module: str, *arguments: str, folder: Path, cache: Path) -> str:
    """Standard output of `python -m MODULE ARGUMENTS` in `folder`; ends the bench where the command fails."""
    command = [sys.executable, "-m", module, *arguments]
    env = {**os.environ, "EVALHARNESS_CACHE": str(cache)}
    finished = subprocess.run(command, cwd=folder, env=env, capture_output=True, encoding="utf-8", check=False)
    if finished.returncode != 0:
        sys.exit(f"{module} {' '.join(arguments)}: exit code {finished.returncode}\n{finished.stderr}")
    return finished.stdout


def fresh(folder: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=folder))


def run_against_sacrebleu(folder: Path, *, n_pairs: int) -> Measurement:
    testset = ("testset=plain", "testset.language_pair=zh-en", "testset.source=src.zh", "testset.references=[ref.A.en]")
    options = (*testset, "systems=[folder]", "systems.folder.path=hyp", "metrics=[bleu,chrf]")
    # -w: decimals enough to compare, in the same time
    their_arguments = ("-i", *hypothesis_files(folder), "-m", "bleu", "chrf", "-l", "zh-en", "-w", "12")
    records: list[Path] = []
    their_output: list[str] = []

    def ours() -> None:
        records.append(fresh(folder) / "latest")
        results = f"results={records[-1].parent.name}"
        spawn("evalharness", "run", *options, results, folder=folder, cache=fresh(folder))

    def theirs() -> None:
        their_output.append(spawn("sacrebleu", "ref.A.en", *their_arguments, folder=folder, cache=folder))

    what = f"evalharness run / sacrebleu: {len(hypothesis_files(folder))} systems, BLEU and chrF"
    measurement = take_turns(what, ours, theirs, n_pairs=n_pairs, bar=0.7)
    for record, output in zip(records, their_output, strict=True):
        their_scores = {
            (Path(entry["system"]).stem, metric): float(entry[heading])
            for entry in json.loads(output)
            for metric, heading in (("bleu", "BLEU"), ("chrf", "chrF2"))
        }
        with open(record / "scores.csv", encoding="utf-8", newline="") as file:
            our_scores = {(line["system"], line["metric"]): float(line["score"]) for line in csv.DictReader(file)}
        if our_scores.keys() != their_scores.keys():
            sys.exit(f"{what}: evalharness scored {sorted(our_scores)}, sacreBLEU {sorted(their_scores)}")
        check_equal(what, *(np.array([scores[key] for key in our_scores]) for scores in (our_scores, their_scores)))
        if not {"segments.parquet", "comparisons.csv"} <= {path.name for path in record.iterdir()}:
            sys.exit(f"{what}: no segment scores or no comparisons, so less was done than the table says")
    return measurement


def rows_against_sacrebleu(folder: Path, case: RowsCase, *, n_pairs: int) -> Iterator[Measurement]:
    """The same work on both sides: references processed once, then rows, the corpus score and the segment scores of
    every system. On one core, and with two processes, whose start is not counted."""
    all_references = read_lines(folder / "ref.A.en")
    # from all over the test set
    places = np.linspace(0, len(all_references) - 1, min(case.n_segments, len(all_references))).astype(int).tolist()
    references = [all_references[place] for place in places]
    of_systems = [read_lines(folder / name) for name in hypothesis_files(folder)]
    hypotheses = [[texts[place] for place in places] for texts in of_systems]
    metric = case.metric.for_language_pair(LanguagePair(source="zh", target="en"))
    segments = [
        ScoringSegment(id=str(place), source=None, hypothesis=of_system[position], references=(references[position],))
        for position, place in enumerate(places)
        for of_system in hypotheses
    ]
    # At least two for each of two processes; a run's are `rows_per_call` rows.
    n_together = min(metric.rows_per_call, -(-len(segments) // 4))
    shards = [tuple(segments[start : start + n_together]) for start in range(0, len(segments), n_together)]

    def ours(launcher: Launcher) -> Any:
        """[S systems, 1 corpus score + N segment scores]"""
        scored = launcher.run(partial(build_worker, metric), shards)
        rows = np.concatenate([of_shard.rows for of_shard in scored])
        of_system = rows.reshape(len(places), len(hypotheses), -1).swapaxes(0, 1)
        return np.column_stack(
            (metric.corpus_scores(of_system.sum(axis=1)), metric.segment_scores(rows).reshape(len(places), -1).T)
        )

    def theirs() -> Any:
        their_metric = case.theirs(references=[references])
        scores = []
        for texts in hypotheses:
            rows = their_metric._extract_corpus_statistics(texts, None)
            of_corpus = their_metric._aggregate_and_compute(rows).score
            if isinstance(their_metric, BLEU):
                their_metric.effective_order = True  # as `sacrebleu -sl`
            scores.append([of_corpus, *(their_metric._compute_score_from_stats(row).score for row in rows)])
            if isinstance(their_metric, BLEU):
                their_metric.effective_order = False
        return np.array(scores)

    def forgetful(launcher: Launcher) -> Callable[[], object]:
        """Our side with every word met anew, as in a run: sacreBLEU's caches belong to metric objects, which are new
        each time."""
        if isinstance(launcher, Pool):
            loky.get_reusable_executor(max_workers=launcher.n_workers).shutdown(wait=True)
            warm = [(segments[0],)] * 8
            list(launcher.run(partial(build_worker, metric), warm))
        for function in vars(lexical).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()
        return partial(ours, launcher)

    what = f"{metric.heading} in process: {len(hypotheses)} systems x {len(places)} segments"
    one, two = Local(), Pool(n_workers=2)
    check_equal(what, forgetful(one)(), theirs())
    check_equal(what, forgetful(two)(), ours(one))
    print(f"measuring {what}", file=sys.stderr, flush=True)
    turns = [(seconds(theirs), seconds(forgetful(one)), seconds(forgetful(two))) for _ in range(n_pairs)]
    theirs_s, one_s, two_s = zip(*turns, strict=True)
    yield Measurement(what=what, ours_s=one_s, theirs_s=theirs_s, bar=1 / case.times)
    yield Measurement(
        what=f"{metric.heading} with two processes", ours_s=two_s, theirs_s=theirs_s, bar=1 / case.times / TWO_CORES
    )
    yield Measurement(what=f"{metric.heading}: two processes / one", ours_s=two_s, theirs_s=one_s)


def build_worker(metric: Any) -> Worker:
    return lambda shard: ScoredRows(rows=metric.statistics(shard))


def check_equal(what: str, ours: Any, theirs: Any) -> None:
    largest = float(np.abs(ours - theirs).max())
    if not largest <= TOLERANCE:  # a NaN is a difference too
        sys.exit(f"{what}: scores differ from sacreBLEU's by up to {largest:.3g}, so their times cannot be compared")


def commands_alone(folder: Path, *, n_repetitions: int) -> Iterator[Measurement]:
    """`--help`, the bundled test set from nothing, and the same again."""
    print("measuring evalharness alone", file=sys.stderr, flush=True)
    turns = []
    for _ in range(n_repetitions):
        start = partial(spawn, "evalharness", folder=folder, cache=fresh(folder))
        bundled = partial(start, *BUNDLED, f"results={fresh(folder).name}")
        turns.append((seconds(partial(start, "--help")), seconds(bundled), seconds(bundled)))
    help_s, first_s, again_s = zip(*turns, strict=True)
    yield Measurement(what="evalharness --help", ours_s=help_s, bar=0.4)
    yield Measurement(what="evalharness run: bundled, lexical metrics, nothing stored", ours_s=first_s, bar=3.0)
    yield Measurement(what="evalharness run: the same again, finished before", ours_s=again_s, bar=2.0)


def table(measurements: list[Measurement]) -> str:
    rows = [("what", "ours s", "theirs s", "ratio", "bar", ""), *(line.cells() for line in measurements)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "  ".join((row[0].ljust(widths[0]), *map(str.rjust, row[1:-1], widths[1:-1]), row[-1])).rstrip() for row in rows
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, more noise")
    n_pairs, n_repetitions = (1, 3) if parser.parse_args().quick else (3, 5)
    with tempfile.TemporaryDirectory(prefix="evalharness-bench-") as name:
        folder = Path(name)
        description = lay_out_corpus(folder)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        print(f"{cores} cores, Python {platform.python_version()}, sacreBLEU {sacrebleu.__version__}")
        print(f"Data: {description}\nMedian wall times: {n_pairs} pairs with sacreBLEU, {n_repetitions} runs alone\n")
        # Untimed: the first start of an installation compiles and reads its files.
        spawn("evalharness", *BUNDLED, f"results={fresh(folder).name}", folder=folder, cache=fresh(folder))
        spawn("sacrebleu", "--version", folder=folder, cache=fresh(folder))
        measurements = [
            run_against_sacrebleu(folder, n_pairs=n_pairs),
            *(line for case in ROWS for line in rows_against_sacrebleu(folder, case, n_pairs=n_pairs)),
            *commands_alone(folder, n_repetitions=n_repetitions),
        ]
    print(table(measurements))
    noisiest = max(measurements, key=lambda line: line.spread)
    load = f"; load average now {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(
        "\nevalharness run also writes segment scores and compares all systems, which this sacrebleu command does not."
        "\nIn process: rows, corpus and segment scores of all systems, each text counted once by either side; the start"
        "\nof two processes (0.3 s) is not in their times."
        f"\nScores of the two sides are equal to {TOLERANCE:g}."
        f"\nNoise: slowest over fastest repetition up to {noisiest.spread:.2f} ({noisiest.what}){load}."
    )
    return int(any(line.met is False for line in measurements))


if __name__ == "__main__":
    sys.exit(main())
