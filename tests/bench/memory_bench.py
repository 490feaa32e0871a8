"""Peak memory of 1,000,000 segment pairs with BLEU and chrF, as rows alone and as whole runs, and whether bars are met.

`python tests/bench/memory_bench.py` takes some minutes; `--pairs 100000` a tenth of them, without a bar. Texts are
those of `bench.py`, each with a number of its own, so that none is known from before. Exit code 1 where a bar is not
met."""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import build_worker, fresh, hypothesis_files, lay_out_corpus

from evalharness.launch.base import Shard
from evalharness.launch.local import Local
from evalharness.metrics.lexical import Bleu, Chrf
from evalharness.records import ScoringSegment
from evalharness.textio import read_lines

N_PAIRS = 1_000_000
BAR_GB = 1.5
SHAPES = (10,)
"""Numbers of systems that the pairs are divided by."""


def write_repeated(texts: list[str], n: int, path: Path) -> None:
    """Line by line: Linux counts what this process has among the most that its children had."""
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{texts[place % len(texts)]} {place}\n" for place in range(n))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A process: the most memory that it had, and how long it took."""

    peak_gb: float
    took_s: float


def ended(*arguments: str, folder: Path, cache: Path) -> Ended:
    """Run `python ARGUMENTS` in `folder`; ends the bench where it fails."""
    start = time.perf_counter()
    with open(folder / "errors.txt", "w", encoding="utf-8") as errors:
        env = {**os.environ, "EVALHARNESS_CACHE": str(cache)}
        process = subprocess.Popen([sys.executable, *arguments], cwd=folder, env=env, stdout=errors, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(arguments)}: exit status {status}\n{(folder / 'errors.txt').read_text(encoding='utf-8')}")
    in_bytes = 1 if sys.platform == "darwin" else 1024
    return Ended(peak_gb=usage.ru_maxrss * in_bytes / 1e9, took_s=time.perf_counter() - start)


def stream(folder: str) -> None:
    """Corpus scores of files of any length: a block of rows at a time, of which the sum is kept."""
    for metric in (Bleu(tokenize="13a"), Chrf()):
        with open(f"{folder}/ref.A.en", encoding="utf-8") as refs, open(f"{folder}/hyp.en", encoding="utf-8") as hyps:
            shards = blocks_of(refs, hyps, metric.rows_per_call)
            blocks = Local().run(partial(build_worker, metric), shards)
            print(metric.heading, metric.corpus_scores(sum(block.rows.sum(axis=0) for block in blocks)))


def blocks_of(refs: Iterable[str], hyps: Iterable[str], n_rows: int) -> Iterator[Shard]:
    segments = (
        ScoringSegment(id=str(place), source=None, hypothesis=hyp[:-1], references=(ref[:-1],))
        for place, (hyp, ref) in enumerate(zip(hyps, refs, strict=True))
    )
    while block := tuple(itertools.islice(segments, n_rows)):
        yield block


def main() -> int:
    if sys.argv[1:2] == ["stream"]:
        stream(sys.argv[2])
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=N_PAIRS)
    n_pairs = parser.parse_args().pairs
    is_met = True
    with tempfile.TemporaryDirectory(prefix="evalharness-memory-") as name:
        corpus = Path(name) / "corpus"
        corpus.mkdir()
        print(f"Data: {lay_out_corpus(corpus)}, repeated with numbers to {n_pairs:,} segment pairs")

        def say(what: str, found: Ended) -> bool:
            is_within = n_pairs < N_PAIRS or found.peak_gb < BAR_GB
            bar = f", bar {BAR_GB} GB {'ok' if is_within else 'NOT MET'}" if n_pairs >= N_PAIRS else ""
            print(f"{what}: peak {found.peak_gb:.2f} GB{bar}, {found.took_s:.0f} s", flush=True)
            return is_within

        for name_of_file, source in (("ref.A.en", "ref.A.en"), ("hyp.en", hypothesis_files(corpus)[0])):
            write_repeated(read_lines(corpus / source), n_pairs, Path(name) / name_of_file)
        found = ended(str(Path(__file__).resolve()), "stream", name, folder=Path(name), cache=fresh(Path(name)))
        is_met &= say(f"rows and corpus scores of {n_pairs:,} pairs, block by block", found)
        for n_systems in SHAPES:
            folder = fresh(Path(name))
            (folder / "hyp").mkdir()
            n_segments = n_pairs // n_systems
            for file in ("src.zh", "ref.A.en", *hypothesis_files(corpus)[:n_systems]):
                write_repeated(read_lines(corpus / file), n_segments, folder / file)
            found = ended(
                "-m", "evalharness", "run", "testset=plain", "testset.language_pair=zh-en", "testset.source=src.zh",
                "testset.references=[ref.A.en]", "systems=[folder]", "systems.folder.path=hyp", "metrics=[bleu,chrf]",
                folder=folder, cache=fresh(Path(name)),
            )  # fmt: skip
            is_met &= say(f"a run of {n_systems} systems x {n_segments:,} segments", found)
    return int(not is_met)


if __name__ == "__main__":
    sys.exit(main())
