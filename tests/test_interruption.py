"""A run that is killed, at every point where it writes, is finished by the same command with the same bytes."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pytest
from conftest import Finished, write

import evalharness as eh
from evalharness.metrics.lexical import Bleu
from evalharness.records import Array, Hypothesis, LanguagePair, ScoringSegment, Signature, SourceSegment

# Dies just before the n-th time that it would write a block, put a file into its place or take one away.
DYING = """
import os, signal, sys
left = int(sys.argv[1])
def dying(act):
    def acting(*arguments, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return act(*arguments, **options)
    return acting
from evalharness.cli.main import main
os.write, os.replace, os.unlink = dying(os.write), dying(os.replace), dying(os.unlink)
sys.exit(main(sys.argv[2:]))
"""
DERIVED = ("scores.csv", "comparisons.csv", "tables/systems.md", "tables/systems.tex", "tables/systems.csv")


def killed(n: int, *arguments: str) -> bool:
    """Run the command until its n-th write; False where it finished before."""
    finished = subprocess.run(
        [sys.executable, "-c", DYING, str(n), *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert finished.returncode in (0, -signal.SIGKILL), finished.stderr
    return finished.returncode != 0


def contents(record: Path) -> list[bytes]:
    return [(record / name).read_bytes() for name in DERIVED]


@pytest.fixture
def arguments() -> list[str]:
    write("ref.en", *(f"the reference of segment {k}" for k in range(30)))
    for system in ("a", "b"):
        write(f"hyp/{system}.en", *(f"the {system * (k % 3)} of segment {k}" for k in range(30)))
    return ["run", "name=t", "testset=plain", "testset.language_pair=zh-en", "testset.references=[ref.en]",
            "systems=[folder]", "systems.folder.path=hyp", "metrics=[bleu,chrf]", "cache=false"]  # fmt: skip


@pytest.mark.slow
def test_killed_before_every_write(arguments: list[str], command: Callable[..., Finished]) -> None:
    assert command(*arguments, "results=whole").code == 0
    expected = contents(Path("whole/latest"))
    n = 1
    while killed(n, *arguments, f"results=killed-{n}"):
        finished = command(*arguments, f"results=killed-{n}")
        assert finished.code == 0, f"killed before write {n}: {finished.err}"
        record = Path(f"killed-{n}/latest")
        assert contents(record) == expected, f"killed before write {n}"
        assert (record / "done.json").exists()
        assert not list(record.rglob("*-tmp")), f"killed before write {n}: left files behind"
        n += 1
    assert n > 12  # plan, 2 systems, 2 metrics, segments, scores, comparisons, 3 tables, done, latest


@pytest.mark.slow
def test_killed_while_other_settings_are_applied_it_is_not_complete(
    arguments: list[str], command: Callable[..., Finished]
) -> None:
    assert command(*arguments, "stats.seed=1").code == 0
    record = Path("results/latest").resolve()
    expected = contents(record)
    assert command(*arguments, "stats.seed=2", "results=other").code == 0
    other = contents(Path("other/latest"))
    assert other != expected
    n = 1
    while killed(n, *arguments, "stats.seed=2"):
        assert not (record / "done.json").exists() or contents(record) in (expected, other), f"killed before write {n}"
        assert command(*arguments, "stats.seed=1").code == 0
        assert contents(record) == expected, f"killed before write {n}"
        n += 1
    assert n > 7
    assert contents(record) == other


class CountingBleu(Bleu):
    """BLEU that says what it was asked to compute."""

    asked: ClassVar[list[str]] = []

    def statistics(self, segments: Sequence[ScoringSegment]) -> Array:
        self.asked.extend(segment.id for segment in segments)
        return super().statistics(segments)


@pytest.mark.parametrize("n_logged", [0, 1, 5, 8, 9])
def test_nothing_logged_is_computed_again(n_logged: int) -> None:
    def evaluated() -> eh.Run:
        CountingBleu.asked.clear()
        texts = [f"text {k}" for k in range(9)]
        return eh.evaluate(systems={"mine": texts}, metrics={"bleu": CountingBleu()}, overrides=["cache=false"])

    record = evaluated().folder
    assert sorted(CountingBleu.asked) == [str(k) for k in range(1, 10)]
    log = record / "scores" / "bleu.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:n_logged]))
    (record / "done.json").unlink()
    evaluated()
    assert sorted(CountingBleu.asked) == [str(k) for k in range(n_logged + 1, 10)]
    evaluated()
    assert CountingBleu.asked == []


class Slow:
    """A system that is interrupted, or does something it must not."""

    provenance = "made for a test"

    def __init__(self, stop_at: str | None = None, strange_id: str | None = None) -> None:
        self.stop_at, self.strange_id = stop_at, strange_id
        self.asked: list[str] = []

    def check(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> None:
        return

    def translate(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> Iterator[Hypothesis]:
        for source in sources:
            if source.id == self.stop_at:
                raise KeyboardInterrupt
            self.asked.append(source.id)
            yield Hypothesis(id=self.strange_id or source.id, text=f"text {source.id}")

    def signature(self) -> Signature:
        return Signature(fields=(("backend", "slow"),))


def test_hypotheses_are_kept_when_a_system_is_interrupted() -> None:
    with pytest.raises(KeyboardInterrupt):
        eh.evaluate(systems={"slow": Slow(stop_at="7")}, metrics=["bleu"])
    again = Slow()
    eh.evaluate(systems={"slow": again}, metrics=["bleu"])
    assert again.asked == ["7", "8", "9"]


def test_a_hypothesis_for_no_segment_is_named() -> None:
    with pytest.raises(eh.EvalHarnessError, match=r"system 'slow': gave a hypothesis for 'nope', no segment's id"):
        eh.evaluate(systems={"slow": Slow(strange_id="nope")}, metrics=["bleu"])
