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

import numpy as np
import sacrebleu
from sacrebleu.metrics import BLEU, CHRF, TER

from evalharness.metrics import lexical, ngrams, shifts
from evalharness.metrics.lexical import Bleu, Chrf, Chrfpp, Ter
from evalharness.records import LanguagePair, ScoringSegment
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
        bar = "-" if self.bar is None else f"{self.bar:.2f}" if self.theirs_s else f"{self.bar:.1f} s"
        return (
            self.what,
            f"{statistics.median(self.ours_s):.3f}",
            f"{statistics.median(self.theirs_s):.3f}" if self.theirs_s else "-",
            "-" if self.ratio is None else f"{self.ratio:.3f}",
            bar,
            {None: "-", True: "ok", False: "NOT MET"}[self.met],
        )


# Our metric, sacreBLEU's for corpus and for sentence scores, systems, segments; sacreBLEU's TER takes 20 ms a segment.
ROWS = (
    (Bleu(), BLEU, partial(BLEU, effective_order=True), N_SYSTEMS, 300),  # effective order: as `sacrebleu -sl`
    (Chrf(), CHRF, CHRF, N_SYSTEMS, 300),
    (Chrfpp(), partial(CHRF, word_order=2), partial(CHRF, word_order=2), N_SYSTEMS, 300),
    (Ter(), TER, TER, 3, 100),
)


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


def rows_against_sacrebleu(
    folder: Path, metric: Any, their_corpus: Any, their_sentences: Any, n_systems: int, n_segments: int, *, n_pairs: int
) -> Measurement:
    all_references = read_lines(folder / "ref.A.en")
    places = np.linspace(0, len(all_references) - 1, n_segments).astype(int)  # from all over the test set
    references = [all_references[place] for place in places]
    of_systems = (read_lines(folder / name) for name in hypothesis_files(folder)[:n_systems])
    hypotheses = [[texts[place] for place in places] for texts in of_systems]
    segments = [
        ScoringSegment(id=str(place), source=None, hypothesis=hypothesis, references=(reference,))
        for of_system in hypotheses
        for place, hypothesis, reference in zip(places, of_system, references, strict=True)
    ]
    metric = metric.for_language_pair(LanguagePair(source="zh", target="en"))

    def ours() -> Any:
        """[S systems, 1 corpus score + N segment scores]"""
        # A run meets every word anew. sacreBLEU's caches belong to metric objects, which are new each time.
        for function in (value for module in (lexical, ngrams, shifts) for value in vars(module).values()):
            if hasattr(function, "cache_clear"):
                function.cache_clear()
        rows = metric.statistics(segments).reshape(len(hypotheses), len(places), -1)
        return np.column_stack((metric.corpus_scores(rows.sum(axis=1)), metric.segment_scores(rows)))

    def theirs() -> Any:
        of_corpus = their_corpus(references=[references])  # extracts them once for all systems, as its command does
        of_sentence = their_sentences()
        scores = []
        for texts in hypotheses:
            scores.append([of_corpus.corpus_score(texts, None).score])
            for hypothesis, reference in zip(texts, references, strict=True):
                scores[-1].append(of_sentence.sentence_score(hypothesis, [reference]).score)
        return np.array(scores)

    what = f"{metric.heading} in process: {len(hypotheses)} systems x {len(places)} segments"
    check_equal(what, ours(), theirs())
    return take_turns(what, ours, theirs, n_pairs=n_pairs)


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
            *(rows_against_sacrebleu(folder, *case, n_pairs=n_pairs) for case in ROWS),
            *commands_alone(folder, n_repetitions=n_repetitions),
        ]
    print(table(measurements))
    noisiest = max(measurements, key=lambda line: line.spread)
    load = f"; load average now {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(
        "\nevalharness run also writes segment scores and compares all systems, which this sacrebleu command does not."
        "\nIn process: corpus and segment scores; sacreBLEU counts for each of the two, ours once for both."
        f"\nScores of the two sides are equal to {TOLERANCE:g}."
        f"\nNoise: slowest over fastest repetition up to {noisiest.spread:.2f} ({noisiest.what}){load}."
    )
    return int(any(line.met is False for line in measurements))


if __name__ == "__main__":
    sys.exit(main())
