"""Where the public data sets lie that some tests compare with; they are not part of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import evalharness as eh


def wmt22() -> Path:
    """The folder of WMT22 zh-en; skips the test where it is absent."""
    return _folder("wmt22.zh-en")


def wmt22_run(results: Path) -> eh.Run:
    """A run of 12 systems of WMT22 zh-en, 1,875 segments, with BLEU and chrF; skips the test where they are absent."""
    folder = wmt22()
    return eh.evaluate(
        name="wmt22",
        results=results,
        overrides=[
            "testset=plain", "testset.language_pair=zh-en", f"testset.source={folder / 'src.zh'}",
            f"testset.references=[{folder / 'ref.A.en'}]", "systems=[folder]", f"systems.folder.path={folder / 'hyp'}",
            "metrics=[bleu,chrf]", "stats.n_draws=1000",
        ],
    )  # fmt: skip


def wmt25_scores() -> Path:
    """The folder of WMT25 en-zh_CN's published segment scores; skips the test where it is absent."""
    return _folder("wmt25.en-zh_CN.metric-scores")


def _folder(name: str) -> Path:
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("EVALHARNESS_DATA") or default) / name
    if not folder.is_dir():
        pytest.skip(f"no data at {folder}: set EVALHARNESS_DATA to the folder that holds {name}")
    return folder


def ted21() -> tuple[list[tuple[str, str, str]], dict[str, list[str]]]:
    """TED talks of 2021, zh-en: (source, reference A, reference B) by segment, and hypotheses by system; skips the test
    where they are absent."""
    path = _folder("ted2021.zh-en.mqm") / "segments.tsv"
    segments: dict[tuple[str, str], tuple[str, str, str]] = {}
    systems: dict[str, dict[tuple[str, str], str]] = {}
    for line in path.read_text(encoding="utf-8").split("\n")[1:-1]:
        system, talk, number, source, text, ref_a, ref_b, _ = line.split("\t")
        segments[talk, number] = (source, ref_a, ref_b)
        systems.setdefault(system, {})[talk, number] = text
    return list(segments.values()), {name: [texts[key] for key in segments] for name, texts in systems.items()}
