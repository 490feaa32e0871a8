"""A table of the native COMET backend beside unbabel-comet's `predict`, in one run on the same texts.

`make bench` runs it after bench.py; `--quick` measures less; exit code 1 where a bar is not met. The model has
XLM-R large's shape (24 layers, width 1024, 250,002 words) and wmt22-comet-da's estimator, with random weights and
comet-mini's tokenizer; speeds carry over to trained weights, errors of low precision do not: those are also given on
comet-mini, whose weights are trained. Every side is a process of its own. The native fp32 and int8 sides run before
and after unbabel-comet's, and their median counts, so that what else the machine does falls on both.

The texts are spread over WMT22 zh-en (bench.py says where it is looked for), else the bundled test set's sentences."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from evalharness.metrics.comet.backend import Triple
from evalharness.metrics.comet.checkpoint import MINI, encoder_files, locate
from evalharness.metrics.comet.settings import read_settings
from evalharness.packaged import packaged_folder
from evalharness.textio import read_lines

N_SYSTEMS = 12
ROWS_PER_CALL = 128  # as evalharness run hands them over
WIDTH, INNER, N_LAYERS, N_WORDS = 1024, 4096, 24, 250_002
MFLOP_PER_TOKEN = 2 * N_LAYERS * (4 * WIDTH * WIDTH + 2 * WIDTH * INNER) / 1e6  # matrix products with weights
SETTINGS = {
    "class_identifier": "regression_metric",
    "encoder_model": "XLM-RoBERTa",
    "pool": "avg",
    "layer": "mix",
    "layer_transformation": "softmax",
    "layer_norm": False,
    "hidden_sizes": [3072, 1024],
    "activations": "Tanh",
    "dropout": 0.1,
    "batch_size": 16,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one process did. `start_s` is imports, `load_s` from the path to a ready model, `whole_s` all of it."""

    start_s: float
    load_s: float
    predict_s: float
    whole_s: float
    peak_gb: float
    n_tokens: int
    scores: list[float]


# Both sides of the comparison, each in a process of its own


def work(task: dict[str, Any]) -> dict[str, Any]:
    began = time.perf_counter()
    import torch

    torch.set_num_threads(task["threads"])
    if task["backend"] == "product":
        return {"gflop_per_s": machine_peak(task["precision"])}
    triples = [Triple(*texts) for texts in task["triples"]]
    side = native_side if task["backend"] == "native" else unbabel_side
    start_s, load_s, predict_s, n_tokens, scores = side(task, triples, began)
    return {
        "start_s": start_s,
        "load_s": load_s,
        "predict_s": predict_s,
        "peak_gb": peak_gb(),
        "n_tokens": n_tokens,
        "scores": scores,
    }


def native_side(
    task: dict[str, Any], triples: Sequence[Triple], began: float
) -> tuple[float, float, float, int, list[float]]:
    from evalharness.metrics.comet.kernels import Precision
    from evalharness.metrics.comet.native import NativeScorer

    started = time.perf_counter()
    checkpoint = locate(task["model"], None)
    scorer = NativeScorer(
        checkpoint, precision=Precision(task["precision"]), device="cpu", batch_tokens=None, store=None
    )
    loaded = time.perf_counter()
    scores = []
    for start in range(0, len(triples), ROWS_PER_CALL):
        scores += scorer.predict(triples[start : start + ROWS_PER_CALL]).scores
    done = time.perf_counter()
    return started - began, loaded - started, done - loaded, scorer.n_tokens, scores


def unbabel_side(
    task: dict[str, Any], triples: Sequence[Triple], began: float
) -> tuple[float, float, float, int, list[float]]:
    import logging
    import warnings

    warnings.simplefilter("ignore")
    import comet

    logging.disable(logging.WARNING)
    started = time.perf_counter()
    os.chdir(task["model"])  # where comet-mini's encoder is found
    model = comet.load_from_checkpoint("checkpoints/model.ckpt", local_files_only=True)
    loaded = time.perf_counter()
    given = [{"src": one.source, "mt": one.hypothesis, "ref": one.reference} for one in triples]
    scores = model.predict(given, batch_size=16, gpus=0, num_workers=0, progress_bar=False)["scores"]
    done = time.perf_counter()
    return started - began, loaded - started, done - loaded, 0, [float(score) for score in scores]


def peak_gb() -> float:
    """Of this process; on Linux not by getrusage, which begins with what the process that started it held."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if "VmHWM" in line) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9


def machine_peak(precision: str) -> float:
    """GFLOP/s (of int8: operations) of the best of ten products [1024, 1024] x [1024, 4096], nothing else with them."""
    import torch

    x, weight = torch.randn(1024, WIDTH), torch.randn(INNER, WIDTH)
    with torch.inference_mode():
        if precision == "int8":
            packed = torch.ops.onednn.qlinear_prepack(weight.to(torch.int8), None)
            ones, zeros = torch.ones(INNER), torch.zeros(INNER, dtype=torch.int32)
            small = x.to(torch.int8).view(torch.uint8)

            def product() -> None:
                torch.ops.onednn.qlinear_pointwise(
                    small, 1.0, 128, packed, ones, zeros, None, 1.0, 0, torch.float32, "none", [], ""
                )
        else:
            dtype = torch.bfloat16 if precision == "bf16" else torch.float32
            x, packed = x.to(dtype), torch.ops.mkldnn._reorder_linear_weight(weight.to(dtype))
            bias = torch.zeros(INNER, dtype=dtype)

            def product() -> None:
                torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], "")

        fastest = min(timed(product) for _ in range(10))
    return 2 * 1024 * WIDTH * INNER / fastest / 1e9


def timed(action: Any) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


# What they work on


def build_model(folder: Path) -> Path:
    """A checkpoint of XLM-R large's shape with random weights, as Lightning saves them."""
    import torch

    mini = locate(MINI, None)
    files = encoder_files(mini, read_settings(mini.settings(), mini.settings_file))
    encoder = folder / "encoder"
    encoder.mkdir(parents=True)
    for file in files.tokenizer.iterdir():
        (encoder / file.name).write_bytes(file.read_bytes())
    config = json.loads(files.config.read_text()) | {
        "vocab_size": N_WORDS,
        "hidden_size": WIDTH,
        "num_hidden_layers": N_LAYERS,
        "num_attention_heads": 16,
        "intermediate_size": INNER,
        "max_position_embeddings": 514,
    }
    (encoder / "config.json").write_text(json.dumps(config))
    generator = torch.Generator().manual_seed(1)

    def random(*shape: int, scale: float) -> Any:
        return torch.empty(shape).normal_(0, scale, generator=generator)

    weights: dict[str, Any] = {}
    names = {"word_embeddings": N_WORDS, "position_embeddings": 514, "token_type_embeddings": config["type_vocab_size"]}
    for name, n_rows in names.items():
        weights[f"encoder.model.embeddings.{name}.weight"] = random(n_rows, WIDTH, scale=0.1)
    norms = ["encoder.model.embeddings.LayerNorm"]
    for index in range(N_LAYERS):
        layer = f"encoder.model.encoder.layer.{index}."
        shapes = {f"attention.self.{part}": (WIDTH, WIDTH) for part in ("query", "key", "value")}
        shapes |= {"attention.output.dense": (WIDTH, WIDTH)}
        shapes |= {"intermediate.dense": (INNER, WIDTH), "output.dense": (WIDTH, INNER)}
        for name, (n_out, n_in) in shapes.items():
            weights[f"{layer}{name}.weight"] = random(n_out, n_in, scale=0.03)
            weights[f"{layer}{name}.bias"] = random(n_out, scale=0.02)
        norms += [f"{layer}attention.output.LayerNorm", f"{layer}output.LayerNorm"]
    for name in norms:
        weights[f"{name}.weight"], weights[f"{name}.bias"] = torch.ones(WIDTH), torch.zeros(WIDTH)
    for index in range(N_LAYERS + 1):
        weights[f"layerwise_attention.scalar_parameters.{index}"] = torch.zeros(1)
    weights["layerwise_attention.gamma"] = torch.ones(1)
    weights["layerwise_attention.dropout_mask"] = torch.zeros(N_LAYERS + 1)
    weights["layerwise_attention.dropout_fill"] = torch.full((N_LAYERS + 1,), -1e20)
    sizes = (6 * WIDTH, 3072, 1024, 1)
    for index, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        weights[f"estimator.ff.{3 * index}.weight"] = random(n_out, n_in, scale=n_in**-0.5)
        weights[f"estimator.ff.{3 * index}.bias"] = random(n_out, scale=0.02)
    settings = SETTINGS | {"pretrained_model": str(encoder), "load_pretrained_weights": False}
    (folder / "hparams.yaml").write_text(yaml.safe_dump(settings))
    (folder / "checkpoints").mkdir()
    content = {"state_dict": weights, "hyper_parameters": settings, "pytorch-lightning_version": "2.0.0"}
    torch.save(content, folder / "checkpoints" / "model.ckpt")
    return folder


def read_triples(n_segments: int) -> tuple[str, list[list[tuple[str, str, str]]]]:
    """What the texts are, and the triples of each of twelve systems."""
    shared = Path(__file__).resolve().parents[3] / "shared" / "data"
    data = Path(os.environ.get("EVALHARNESS_DATA") or shared) / "wmt22.zh-en"
    if data.is_dir():
        sources, references = read_lines(data / "src.zh"), read_lines(data / "ref.A.en")
        systems = [read_lines(path) for path in sorted(data.glob("hyp/*.en"))[:N_SYSTEMS]]
        what = "WMT22 zh-en, reference A"
    else:
        folder = packaged_folder("references") / "zhengzhou"
        segments = [json.loads(line) for line in read_lines(folder / "segments.jsonl")]
        # Every Chinese full stop is one English one in these paragraphs, nearly; pairs need not be translations here.
        sources = [text for one in segments for text in one["source"].split("。") if text]
        english = [text for one in segments for text in one["references"][0].split(". ") if text]
        references = [english[index % len(english)] for index in range(len(sources))]
        systems = [[english[(index + k) % len(english)] for index in range(len(sources))] for k in range(N_SYSTEMS)]
        what = "sentences of the bundled test set, for want of WMT22 (set EVALHARNESS_DATA)"
    chosen = np.linspace(0, len(sources) - 1, min(n_segments, len(sources))).round().astype(int)
    triples = [[(sources[i], outputs[i], references[i]) for i in chosen] for outputs in systems]
    return f"{what}; {len(chosen)} segments spread over {len(sources)} x {len(systems)} systems", triples


# The comparison


class Bench:
    def __init__(self, model: Path, triples: Sequence[Sequence[tuple[str, str, str]]], folder: Path) -> None:
        self._model = model
        self._triples = triples
        self._folder = folder

    def run(self, backend: str, *, precision: str = "fp32", systems: int = N_SYSTEMS, threads: int) -> Side:
        print(f"measuring {backend} {precision}, {systems} systems, {threads} threads", file=sys.stderr, flush=True)
        # Segment by segment, as evalharness hands them over and as unbabel-comet sorts them itself.
        given = [of_segment for rows in zip(*self._triples[:systems], strict=True) for of_segment in rows]
        task = {"backend": backend, "precision": precision, "threads": threads, "triples": given}
        began = time.perf_counter()
        content = self._work(task | {"model": str(self._model)})
        return Side(**content, whole_s=time.perf_counter() - began)

    def machine_peak(self, precision: str, threads: int) -> float:
        """GFLOP/s; measured between the sides, since a machine's best moves with what else it does."""
        task = {"backend": "product", "precision": precision, "threads": threads}
        return float(self._work(task)["gflop_per_s"])

    def _work(self, task: dict[str, Any]) -> dict[str, Any]:
        threads = task["threads"]
        file = self._folder / "task.json"
        file.write_text(json.dumps(task))
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1"}
        environment["EVALHARNESS_CACHE"] = str(self._folder / "cache")  # no embeddings; a known file's SHA-256
        command = [sys.executable, __file__, "--work", str(file)]
        finished = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if finished.returncode:
            sys.exit(f"{task['backend']} {task['precision']} failed:\n{finished.stderr}")
        content: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
        return content


def difference(side: Side, other: Side) -> float:
    largest = float(np.abs(np.array(side.scores) - np.array(other.scores)).max())
    return largest if np.isfinite(largest) else float("inf")


def medians(sides: Sequence[Side]) -> Side:
    """The sides' median times, with the rest of the first."""
    names = ("start_s", "load_s", "predict_s", "whole_s", "peak_gb")
    return Side(**asdict(sides[0]) | {name: statistics.median(getattr(one, name) for one in sides) for name in names})


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[index]) for row in (head, *rows)) for index in range(len(head))]
    for row in (head, ["-" * width for width in widths], *rows):
        print("  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip())


def throughput_rows(
    sides: dict[tuple[str, int, int], Side], peaks: dict[tuple[str, int], float], n_segments: int
) -> list[list[str]]:
    """`peaks` by side and threads; scores are held against unbabel-comet's for the same systems."""
    rows = []
    for (what, systems, threads), side in sides.items():
        share = "-"
        if side.n_tokens and (what, threads) in peaks:
            speed = side.n_tokens * MFLOP_PER_TOKEN / 1e3 / side.predict_s
            share = f"{100 * speed / peaks[what, threads]:.0f} %"
        reference = sides.get(("unbabel fp32", systems, threads)) or sides.get(("unbabel fp32", systems, cores()))
        rows.append(
            [
                what,
                str(systems),
                str(threads),
                f"{side.predict_s:.2f}",
                f"{n_segments * systems / side.predict_s:.2f}",
                f"{side.n_tokens / side.predict_s:.0f}" if side.n_tokens else "-",
                share,
                f"{side.load_s:.2f}",
                f"{side.peak_gb:.2f}",
                f"{difference(side, reference):.1e}" if reference is not None and reference is not side else "-",
            ]
        )
    return rows


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def note_peaks(bench: Bench, peaks: dict[tuple[str, int], float]) -> None:
    """Measured before and after the rest; the better counts, since whatever else the machine does only lowers it."""
    for threads in {1, cores()}:
        for precision in ("fp32", "bf16", "int8"):
            what = f"native {precision}", threads
            peaks[what] = max(peaks.get(what, 0.0), bench.machine_peak(precision, threads))


def large_model(bench: Bench, n_segments: int, *, quick: bool) -> bool:
    all_cores = cores()
    sides: dict[tuple[str, int, int], Side] = {}
    before = {precision: bench.run("native", precision=precision, threads=all_cores) for precision in ("fp32", "int8")}
    peaks: dict[tuple[str, int], float] = {}
    note_peaks(bench, peaks)
    reference = bench.run("unbabel", threads=all_cores)
    for precision, first in before.items():
        # Twice, so that the median is not of the first, which holds the file against its checksums.
        after = [bench.run("native", precision=precision, threads=all_cores) for _ in range(2)]
        sides[f"native {precision}", N_SYSTEMS, all_cores] = medians([first, *after])
    sides["native bf16", N_SYSTEMS, all_cores] = bench.run("native", precision="bf16", threads=all_cores)
    sides["unbabel fp32", N_SYSTEMS, all_cores] = reference
    if not quick:
        for systems in (1, 4):
            sides["unbabel fp32", systems, all_cores] = bench.run("unbabel", systems=systems, threads=all_cores)
            for precision in ("fp32", "bf16", "int8"):
                side = bench.run("native", precision=precision, systems=systems, threads=all_cores)
                sides[f"native {precision}", systems, all_cores] = side
        if all_cores > 1:
            for precision in ("fp32", "int8"):
                side = bench.run("native", precision=precision, threads=1)
                sides[f"native {precision}", N_SYSTEMS, 1] = side
    note_peaks(bench, peaks)
    head = ["XLM-R large, random", "systems", "threads", "predict s", "segments/s", "tokens/s", "of peak"]
    print_table([*head, "load s", "peak GB", "difference"], throughput_rows(sides, peaks, n_segments))
    best = ", ".join(f"{what.split()[1]} {peaks[what, all_cores]:.0f}" for what, n in peaks if n == all_cores)
    print(
        f"\nThe machine's best product [1024, 1024] x [1024, 4096], GFLOP/s: {best}; difference: to unbabel-comet fp32."
    )
    fp32, int8 = (sides[f"native {precision}", N_SYSTEMS, all_cores] for precision in ("fp32", "int8"))
    bars = [
        ("fp32: throughput of predict", reference.predict_s / fp32.predict_s, 5.0),
        ("fp32: whole process", reference.whole_s / fp32.whole_s, 5.0),
        ("int8: throughput of predict", reference.predict_s / int8.predict_s, 10.0),
        ("fp32: time to load", reference.load_s / fp32.load_s, 5.0),
        ("fp32: peak memory", reference.peak_gb / fp32.peak_gb, 1 / 0.6),
    ]
    print()
    rows = [[what, f"{ratio:.2f}", f"{bar:.2f}", "ok" if ratio >= bar else "NOT MET"] for what, ratio, bar in bars]
    print_table(["unbabel-comet over native", "times", "bar", ""], rows)
    print(
        f"\nLoading was {before['fp32'].load_s:.2f} s the first time, when the file is held against its checksums; its "
        "SHA-256 is kept for\nlater processes. unbabel-comet checks nothing."
    )
    exact = difference(fp32, reference)
    print(f"\nfp32 scores differ from unbabel-comet's by at most {exact:.1e} (bar 1e-05).")
    return exact <= 1e-5 and all(ratio >= bar for _, ratio, bar in bars)


def trained_model(folder: Path, n_segments: int) -> None:
    """Errors of low precision on comet-mini."""
    what, triples = read_triples(n_segments)
    bench = Bench(locate(MINI, None).folder, triples, folder)
    sides = {
        precision: bench.run("native", precision=precision, threads=cores()) for precision in ("fp32", "bf16", "int8")
    }
    reference = bench.run("unbabel", threads=cores())
    rows = []
    exact = np.array(sides["fp32"].scores).reshape(-1, N_SYSTEMS)
    for precision, side in sides.items():
        scores = np.array(side.scores).reshape(-1, N_SYSTEMS)
        errors = np.abs(scores - exact)
        systems = np.abs(scores.mean(axis=0) - exact.mean(axis=0)).max()
        against = difference(side, reference)
        rows.append(
            [
                precision,
                *(f"{one:.1e}" for one in (against, errors.max(), errors.mean(), systems)),
                f"{side.predict_s:.2f}",
            ]
        )
    rows.append(["unbabel fp32", *"----", f"{reference.predict_s:.2f}"])
    print(f"\ncomet-mini, trained weights; {what}")
    head = ["precision", "largest, to unbabel", "largest, to fp32", "mean, to fp32", "of a system", "predict s"]
    print_table(head, rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer configurations and repetitions, more noise")
    parser.add_argument("--work", metavar="FILE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work is not None:
        print(json.dumps(work(json.loads(Path(options.work).read_text(encoding="utf-8")))))
        return 0
    import torch

    n_segments = 15
    with tempfile.TemporaryDirectory(prefix="evalharness-bench-") as name:
        folder = Path(name)
        what, triples = read_triples(n_segments)
        instructions = torch.backends.cpu.get_cpu_capability()
        print(f"{cores()} cores, {instructions}, Python {platform.python_version()}, torch {torch.__version__}")
        print(f"Texts: {what}\n", flush=True)
        bench = Bench(build_model(folder / "large"), triples, folder)
        met = large_model(bench, len(triples[0]), quick=options.quick)
        trained_model(folder, 50 if options.quick else 300)
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
