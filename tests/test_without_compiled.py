"""Where the compiled counters cannot be used, sacreBLEU counts: the same records, and one warning that says why."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import REPOSITORY, spawn
from test_lexical import BLEU_OPTIONS, CHRF_OPTIONS, TER_OPTIONS, Build, Lexical, made_up
from wheels import COMPILED, WITHOUT_COMPILER, build, copy_of_checkout, install, needs_compiler, run_installed

from evalharness.metrics import lexical
from evalharness.metrics.compiled import library, sources

RUN = ("run", "metrics=[bleu,chrf,chrfpp,ter]")
SLOWER = "BLEU, chrF and TER are counted by sacreBLEU: the same numbers, many times slower."
REMEDY = "install evalharness again where there is a C compiler (in a checkout: make run)."
LIBRARY = sources.library_name(sys.platform)
pytestmark = needs_compiler


@pytest.fixture
def compiled() -> library.Counters:
    """Those of the checkout. Without them the tests here would compare sacreBLEU with itself."""
    return library.load_counters()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: library.Counters) -> Path:
    """A copy of the library and its sources, which is the one that is loaded."""
    folder = tmp_path / "compiled"
    shutil.copytree(REPOSITORY / COMPILED, folder)
    for module in (library, sources):
        monkeypatch.setattr(module, "FOLDER", folder)
    return folder


def of_other_sources(folder: Path) -> str:
    with (folder / "ter.c").open("a") as file:
        file.write("/* changed since */\n")
    return "were made from other sources than those beside them"


def no_library(folder: Path) -> str:
    (folder / LIBRARY).write_bytes(b"this is no library\n" * 100)
    return "cannot be loaded ("


def nothing_there(folder: Path) -> str:
    (folder / LIBRARY).unlink()
    return "were not built"


def another_library(folder: Path) -> str:
    shutil.copy(np.random.mtrand.__file__, folder / LIBRARY)
    return "cannot be loaded ("


def test_a_copy_is_as_good(folder: Path) -> None:
    """Guards the tests below: what they do to the copy is what makes it useless."""
    assert library.load_counters()._library._name == str(folder / LIBRARY)


@pytest.mark.parametrize("spoil", [of_other_sources, no_library, nothing_there, another_library])
def test_one_warning_says_why_and_what_to_do(
    spoil: Callable[[Path], str], folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reason = spoil(folder)
    library.counters.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            assert [library.counters(), library.counters()] == [None, None]
    finally:
        library.counters.cache_clear()
    (message,) = caplog.messages
    assert message.startswith(f"{SLOWER} The compiled counters ({folder / LIBRARY}) {reason}")
    assert message.endswith(f"; {REMEDY}")


@pytest.mark.parametrize(("metric", "theirs"), BLEU_OPTIONS + CHRF_OPTIONS + TER_OPTIONS)
def test_rows_are_the_same(
    metric: Lexical, theirs: Build, compiled: library.Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    segments = made_up(60, n_references=(1, 2, 3), seed=11)
    segments += [segments[place] for place in (3, 5, 3)]
    monkeypatch.setattr(lexical, "counters", lambda: compiled)
    expected = metric.statistics(segments)
    monkeypatch.setattr(lexical, "counters", lambda: None)
    rows = metric.statistics(segments)
    assert rows.dtype == expected.dtype
    assert np.array_equal(rows, expected)


def test_the_record_is_the_same_to_the_byte(compiled: library.Counters, tmp_path: Path) -> None:
    wheel, _ = build(copy_of_checkout(tmp_path / "tree"), "wheel", **WITHOUT_COMPILER)
    installed = install(wheel, tmp_path / "installed")
    without = run_installed(installed, "-m", "evalharness", *RUN, "results=without")
    with_library = spawn(*RUN, "results=with")
    for finished in (without, with_library):
        assert finished.returncode == 0, finished.stderr
    warnings = [line for line in without.stderr.splitlines() if "sacreBLEU" in line]
    path = installed / COMPILED / LIBRARY
    assert warnings == [f"evalharness: WARNING: {SLOWER} The compiled counters ({path}) were not built; {REMEDY}"]
    assert "sacreBLEU" not in with_library.stderr
    assert without.stdout == with_library.stdout.replace("Record: with/", "Record: without/")
    records = [Path(results, "latest").resolve() for results in ("without", "with")]
    assert records[0].name == records[1].name
    found, expected = (
        {path.relative_to(record).as_posix(): path.read_bytes() for path in record.rglob("*.jsonl")}
        | {"scores.csv": (record / "scores.csv").read_bytes()}
        for record in records
    )
    assert {"scores/bleu.jsonl", "scores/chrf.jsonl", "scores/chrfpp.jsonl", "scores/ter.jsonl"} < set(found)
    assert found == expected
