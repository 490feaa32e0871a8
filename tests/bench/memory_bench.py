"""Peak memory of whole runs of 1,000,000 segment pairs with BLEU and chrF, and whether the bar is met.

`python tests/bench/memory_bench.py` takes some minutes; `--pairs 100000` a tenth of them, without a bar. Texts are
those of `bench.py`, each with a number of its own, so that none is known from before. Exit code 1 where a bar is not
met."""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

from bench import fresh, hypothesis_files, lay_out_corpus, spawn

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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=N_PAIRS)
    n_pairs = parser.parse_args().pairs
    is_met = True
    with tempfile.TemporaryDirectory(prefix="evalharness-memory-") as name:
        corpus = Path(name) / "corpus"
        corpus.mkdir()
        print(f"Data: {lay_out_corpus(corpus)}, repeated with numbers to {n_pairs:,} segment pairs")
        # The peak is of all processes so far: the shape that takes least comes first.
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
            took_s, peak = time.perf_counter() - start, peak_gb()
            said = "" if n_pairs < N_PAIRS else "ok" if peak < BAR_GB else "NOT MET"
            is_met &= said != "NOT MET"
            print(
                f"{n_systems:2} systems x {n_segments:9,} segments: peak {peak:.2f} GB, bar {BAR_GB} GB {said}, "
                f"{took_s:.0f} s"
            )
    return int(not is_met)


if __name__ == "__main__":
    sys.exit(main())
