"""What it costs to look at every text: of a lexical run, and by itself on a large file; and whether each bar is met.

The share of a run is the time of everything the inspection does to its files beyond reading them, in the same process,
of the whole time of the run (BLEU and chrF, nothing stored). The corpus is that of bench.py; the large file is made of
its lines. `--quick` makes it a tenth as large."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import fresh, hypothesis_files, lay_out_corpus, seconds, spawn

from evalharness.inspection.alignment import AlignedTexts, Side, misalignment
from evalharness.inspection.findings import InputSettings, collecting
from evalharness.inspection.lines import read_texts
from evalharness.textio import read_lines

MOST_OF_A_RUN = 0.05
MOST_S_FOR_100_MB = 20.0
MOST_GROWTH = 1.5  # of peak memory with ten times the text, of which the interpreter is most
RUN = (
    "run", "testset=plain", "testset.language_pair=zh-en", "testset.source=src.zh", "testset.references=[ref.A.en]",
    "systems=[folder]", "systems.folder.path=hyp", "metrics=[bleu,chrf]",
)  # fmt: skip
_LINT = """
import json, sys, time
from pathlib import Path
from evalharness.workflows.lint import lint
start = time.perf_counter()
linted = lint([Path(sys.argv[1])], ignored=(), are_aligned=True, tell=lambda finding, n: None)
took_s = time.perf_counter() - start
status = Path("/proc/self/status").read_text()  # ru_maxrss would be that of this bench, before the new program began
peak_kib = int(status.partition("VmHWM:")[2].split()[0])
print(json.dumps([took_s, peak_kib, linted.n_lines]))
"""


def looked_at(paths: Sequence[Path]) -> None:
    """What a run does to its files: sources, reference, outputs."""
    with collecting(InputSettings()):
        sources, reference, *outputs = (AlignedTexts(name=str(path), side=Side(read_texts(path))) for path in paths)
        for anchor, others in ((sources, [reference]), (reference, outputs)):
            for other in others:
                misalignment(anchor, other)


def read_only(paths: Sequence[Path]) -> None:
    for path in paths:
        read_lines(path)


def share_of_a_run(folder: Path, *, n_repetitions: int) -> float:
    paths = [folder / name for name in ("src.zh", "ref.A.en", *hypothesis_files(folder))]
    shares = []
    for _ in range(n_repetitions):
        of_run = seconds(
            lambda: spawn("evalharness", *RUN, f"results={fresh(folder).name}", folder=folder, cache=fresh(folder))
        )
        extra = seconds(lambda: looked_at(paths)) - seconds(lambda: read_only(paths))
        shares.append(extra / of_run)
        print(f"  run {of_run:.2f} s, inspection {extra:.2f} s", file=sys.stderr, flush=True)
    return statistics.median(shares)


def large_file(folder: Path, lines: Sequence[str], n_bytes: int) -> Path:
    """Lines of the corpus in random order, each with a number, so that none is like another."""
    rng, path, n_written = random.Random(22), folder / f"{n_bytes}.txt", 0
    with open(path, "w", encoding="utf-8", newline="") as file:
        for number in itertools.count():
            line = f"{rng.choice(lines).strip()} {number}\n"
            n_written += len(line.encode("utf-8"))
            file.write(line)
            if n_written >= n_bytes:
                return path
    raise AssertionError("unreachable")


def linted(path: Path) -> tuple[float, float, int]:
    """Seconds, peak memory in MiB and lines, of a process of its own."""
    finished = subprocess.run([sys.executable, "-c", _LINT, str(path)], capture_output=True, text=True, check=True)
    took_s, peak_kib, n_lines = json.loads(finished.stdout)
    return took_s, peak_kib / 1024, n_lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smaller file, more noise")
    is_quick = parser.parse_args().quick
    are_met = []
    with tempfile.TemporaryDirectory(prefix="evalharness-bench-") as name:
        folder = Path(name)
        print(f"Data: {lay_out_corpus(folder)}\n")
        spawn("evalharness", *RUN, f"results={fresh(folder).name}", folder=folder, cache=fresh(folder))  # untimed
        share = share_of_a_run(folder, n_repetitions=1 if is_quick else 3)
        are_met.append(share < MOST_OF_A_RUN)
        print(
            f"Inspection of a run with BLEU and chrF: {share:.1%} of its time (bar {MOST_OF_A_RUN:.0%}): "
            f"{_said(are_met)}"
        )
        n_bytes = 10_000_000 if is_quick else 100_000_000
        for what, files in (("English", hypothesis_files(folder)), ("Chinese", ["src.zh"])):
            lines = [line for file in files for line in read_lines(folder / file)]
            small = linted(large_file(folder, lines, n_bytes // 10))
            took_s, peak_mib, n_lines = linted(path := large_file(folder, lines, n_bytes))
            size_mb = os.path.getsize(path) / 1e6
            path.unlink()
            are_met.append(took_s * 100 / size_mb < MOST_S_FOR_100_MB)
            print(
                f"lint, {what}, {size_mb:.0f} MB, {n_lines:,} lines: {took_s:.1f} s (bar {MOST_S_FOR_100_MB:.0f} s for "
                f"100 MB): {_said(are_met)}"
            )
            are_met.append(peak_mib < MOST_GROWTH * small[1])
            print(
                f"  peak memory {peak_mib:.0f} MiB, with a tenth of it {small[1]:.0f} MiB (bar {MOST_GROWTH} times): "
                f"{_said(are_met)}"
            )
    return int(not all(are_met))


def _said(are_met: Sequence[bool]) -> str:
    return "ok" if are_met[-1] else "NOT MET"


if __name__ == "__main__":
    sys.exit(main())
