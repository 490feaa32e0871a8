"""How long the viewer takes over a large record: python tests/bench/view_bench.py SEGMENTS_PARQUET FOLDER [S N].

Texts are drawn from the given file's, with a number behind each; scores are random. Prints seconds and memory."""

from __future__ import annotations

import itertools
import json
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from evalharness.config import build_stats, recorded_metric
from evalharness.records import Floats, LanguagePair, Segment, TestSet
from evalharness.runs.paths import RunPaths
from evalharness.runs.plan import Plan, PlannedMetric, PlannedSystem, PlannedTestSet
from evalharness.runs.segments import write_segments
from evalharness.runs.view import ComparisonLine, FindingLine, ProblemLine, RankLine, ScoreLine, SliceLine, write_lines
from evalharness.textio import write_json


def build(source: Path, folder: Path, n_systems: int, n_segments: int) -> None:
    """A record with all files that a page is made from, but of no run."""
    from dataclasses import asdict

    import pyarrow.parquet as pq

    texts = pq.read_table(source, columns=["source", "references", "hypothesis"]).to_pydict()
    rng = np.random.default_rng(1)

    def drawn(known: Sequence[str | None]) -> list[str]:
        return [
            f"{known[place] or ''} {number}" for number, place in enumerate(rng.integers(0, len(known), n_segments))
        ]

    references = [of_segment[0] for of_segment in texts["references"]]
    pairs = zip(drawn(texts["source"]), drawn(references), strict=True)
    testset = TestSet(
        name="large",
        language_pair=LanguagePair.parse("zh-en"),
        segments=tuple(
            Segment(id=str(place), source=source, references=(reference,), document=f"doc{place // 20}")
            for place, (source, reference) in enumerate(pairs)
        ),
        reference_names=None,
    )
    systems = [f"system{place}" for place in range(n_systems)]
    metrics = ["bleu", "chrf", "ter"]
    (folder / "hypotheses").mkdir(parents=True, exist_ok=True)
    paths = RunPaths(folder=folder)
    scores = {name: 100 * rng.random((n_systems, n_segments)) for name in metrics}
    write_segments(
        paths,
        testset,
        systems=systems,
        hypotheses=[drawn(texts["hypothesis"]) for _ in systems],
        segment_scores=scores,
        error_spans={},
        flags=[[("markup",) if place % 50 == 0 else () for place in range(n_segments)] for _ in systems],
        as_csv=False,
    )
    plan = Plan(
        name=folder.name,
        identity="0" * 32,
        testset=PlannedTestSet(
            name="large",
            language_pair="zh-en",
            n_segments=n_segments,
            n_references=1,
            fingerprint="0" * 32,
            provenance="",
        ),
        systems=tuple(PlannedSystem(name=name, signature="s", provenance="") for name in systems),
        metrics=tuple(
            PlannedMetric(name=name, heading=name, higher_is_better=True, display_factor=1.0, signature="s")
            for name in metrics
        ),
        settings={"report": {"decimals": 1}},
        created="2026-01-01T00:00:00+00:00",
        git=None,
        versions={},
        machine={},
    )
    write_json(paths.plan, asdict(plan))
    lines = [
        ScoreLine(
            system=system, metric=metric, score=float(scores[metric][place].mean()), ci_low=None, ci_high=None,
            n_scored=n_segments, n_missing=0, signature="s",
        )
        for metric in metrics
        for place, system in enumerate(systems)
    ]  # fmt: skip
    write_lines(paths.scores, ScoreLine, lines)
    write_lines(paths.comparisons, ComparisonLine, list(_comparisons(scores, systems)))
    for path, kind in (
        (paths.ranks, RankLine),
        (paths.problems, ProblemLine),
        (paths.findings, FindingLine),
        (paths.slices, SliceLine),
    ):
        write_lines(path, kind, [])
    write_json(paths.done, {"n_scores": len(lines), "derived_from": None})


def _comparisons(scores: Mapping[str, Floats], systems: Sequence[str]) -> Iterator[ComparisonLine]:
    """All pairs, with p-values that nothing was tested for."""
    for metric, of_metric in scores.items():
        for a, b in itertools.combinations(range(len(systems)), 2):
            yield ComparisonLine(
                metric=metric, system_a=systems[a], system_b=systems[b],
                delta=float(of_metric[a].mean() - of_metric[b].mean()), p=0.5, p_holm=1.0, unit="segment",
                n_units=of_metric.shape[1], method="sign_flip", n_draws=10_000, p_bh=None, ci_low=-1.0, ci_high=1.0,
                interval="percentile", level=0.95, n_segments=of_metric.shape[1], n_left_out=0, p_smallest=1e-4,
                detectable=1.0, human_agreement=None, p_replicates=None, is_significant=False,
            )  # fmt: skip


def main() -> None:
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    n_systems, n_segments = (int(word) for word in sys.argv[3:5]) if len(sys.argv) > 4 else (38, 20000)
    if not (folder / "done.json").is_file():
        build(source, folder, n_systems, n_segments)
    from evalharness.workflows.view import Viewer

    viewer = Viewer(folder, build_stats, partial(recorded_metric, config_dir=None))
    base = f"/runs/{folder.resolve().name}/"
    beside = ",".join(map(str, range(500, 520)))
    rng = np.random.default_rng(2)
    scattered = ",".join(map(str, rng.integers(0, n_segments, 20)))
    for said, target in (
        ("page", base),
        ("run", f"{base}content/run"),
        ("column", f"{base}content/columns/bleu"),
        ("lengths", f"{base}content/columns/hypothesis_length"),
        ("20 texts side by side, first", f"{base}content/texts?segments={beside}"),
        ("again", f"{base}content/texts?segments={beside}"),
        ("20 texts scattered, first", f"{base}content/texts?segments={scattered}"),
        ("again", f"{base}content/texts?segments={scattered}"),
        ("search", f"{base}content/search?text=China"),
        ("search that finds nothing", f"{base}content/search?text=qqqqq"),
    ):
        began = time.perf_counter()
        answer = viewer.answer(target)
        took = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{said:30} {took:7.3f} s {len(answer.content) / 1e6:8.2f} MB, peak {peak:5.0f} MiB, {answer.status}")
        if answer.kind == "application/json":
            json.loads(answer.content)


if __name__ == "__main__":
    main()
