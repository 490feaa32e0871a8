"""Peak memory of 1,000,000 segment pairs with BLEU and chrF, as rows alone and as whole runs, and whether bars are met.

`python tests/bench/memory_bench.py` takes some minutes; `--pairs 100000` a tenth of them, without a bar. Texts are
those of `bench.py`, each with a number of its own, so that none is known from before. Exit code 1 where a bar is not
met."""

from __future__ import annotations

import argparse
import itertools
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from bench import fresh, hypothesis_files, lay_out_corpus, spawn

from evalharness.launch.base import Shard, Worker
from evalharness.launch.local import Local
from evalharness.metrics.base import Metric
from evalharness.metrics.lexical import Bleu, Chrf
from evalharness.records import ScoredRows, ScoringSegment
from evalharness.textio import read_lines

N_PAIRS = 1_000_000
BAR_GB = 1.5
SHAPES = (10, 1)
"""Numbers of systems that the pairs are divided by."""


def repeated(texts: list[str], n: int) -> str:
    return "".join(f"{texts[place % len(texts)]} {place}\n" for place in range(n))


def peak_gb() -> float:
    """The most memory that a process had which has ended."""
    in_bytes = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * in_bytes / 1e9


def stream(folder: str) -> None:
    """Corpus scores of files of any length: a block of rows at a time, of which the sum is kept."""
    for metric in (Bleu(tokenize="13a"), Chrf()):
        with open(f"{folder}/ref.A.en", encoding="utf-8") as refs, open(f"{folder}/hyp.en", encoding="utf-8") as hyps:
            shards = blocks_of(refs, hyps, metric.rows_per_call)
            blocks = Local().run(partial(worker, metric), shards)
            print(metric.heading, metric.corpus_scores(sum(block.rows.sum(axis=0) for block in blocks)))


def blocks_of(refs: Iterable[str], hyps: Iterable[str], n_rows: int) -> Iterator[Shard]:
    segments = (
        ScoringSegment(id=str(place), source=None, hypothesis=hyp[:-1], references=(ref[:-1],))
        for place, (hyp, ref) in enumerate(zip(hyps, refs, strict=True))
    )
    while block := tuple(itertools.islice(segments, n_rows)):
        yield block


def worker(metric: Metric) -> Worker:
    return lambda shard: ScoredRows(rows=metric.statistics(shard))


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

        def say(what: str, took_s: float) -> bool:
            peak = peak_gb()
            said = "" if n_pairs < N_PAIRS else " ok" if peak < BAR_GB else " NOT MET"
            print(f"{what}: peak {peak:.2f} GB, bar {BAR_GB} GB{said}, {took_s:.0f} s", flush=True)
            return "NOT" not in said

        # The peak is of all processes so far: what takes least comes first.
        for name_of_file, source in (("ref.A.en", "ref.A.en"), ("hyp.en", hypothesis_files(corpus)[0])):
            text = repeated(read_lines(corpus / source), n_pairs)
            (Path(name) / name_of_file).write_text(text, encoding="utf-8", newline="\n")
        start = time.perf_counter()
        subprocess.run([sys.executable, __file__, "stream", name], check=True)
        is_met &= say(f"rows of {n_pairs:,} pairs, block by block", time.perf_counter() - start)
        for n_systems in SHAPES:
            folder = fresh(Path(name))
            (folder / "hyp").mkdir()
            n_segments = n_pairs // n_systems
            for file in ("src.zh", "ref.A.en", *hypothesis_files(corpus)[:n_systems]):
                text = repeated(read_lines(corpus / file), n_segments)
                (folder / file).write_text(text, encoding="utf-8", newline="\n")
            start = time.perf_counter()
            spawn(
                "evalharness", "run", "testset=plain", "testset.language_pair=zh-en", "testset.source=src.zh",
                "testset.references=[ref.A.en]", "systems=[folder]", "systems.folder.path=hyp", "metrics=[bleu,chrf]",
                folder=folder, cache=fresh(Path(name)),
            )  # fmt: skip
            is_met &= say(f"a run of {n_systems} systems x {n_segments:,} segments", time.perf_counter() - start)
    return int(not is_met)


if __name__ == "__main__":
    sys.exit(main())
