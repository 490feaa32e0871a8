"""launch=pool: the same bytes as in one process, and nothing lost where a process dies."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from conftest import Finished, write

import evalharness as eh
from evalharness.errors import ConfigError, InputError, WorkerError
from evalharness.launch.base import Shard, Worker
from evalharness.launch.pool import Pool
from evalharness.metrics.lexical import Bleu, Chrf, Ter
from evalharness.records import Array, ScoredRows, ScoringSegment

TIMED = ("plan.json", "done.json", "log.txt", "report.html")
N_SEGMENTS = 60
TEXTS = {name: [f"the {name} of segment {k} is {name * (1 + k % 7)}" for k in range(N_SEGMENTS)] for name in "abc"}
REFERENCES = [f"the text of segment {k} is a" for k in range(N_SEGMENTS)]


class SmallShards(Bleu):
    rows_per_call: ClassVar[int] = 9


class Slower(SmallShards):
    """The first shard is finished last."""

    def statistics(self, segments: Sequence[ScoringSegment]) -> Array:
        if segments[0].id == "1":
            time.sleep(0.5)
        return super().statistics(segments)


class Inexact(SmallShards):
    exact_in_any_batch: ClassVar[bool] = False
    processes: ClassVar[set[int]] = set()

    def statistics(self, segments: Sequence[ScoringSegment]) -> Array:
        self.processes.add(os.getpid())
        return super().statistics(segments)


class Dying(SmallShards):
    """Ends a process of the pool that is given segment 40, and works in any other."""

    def statistics(self, segments: Sequence[ScoringSegment]) -> Array:
        if os.environ.get("EVALHARNESS_TEST_PARENT") != str(os.getpid()) and any(s.id == "40" for s in segments):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().statistics(segments)


class Talking(SmallShards):
    def statistics(self, segments: Sequence[ScoringSegment]) -> Array:
        logging.getLogger("evalharness.talking").warning("all shards say %s", "this")
        logging.getLogger("evalharness.talking").info("segment %s comes first", segments[0].id)
        return super().statistics(segments)


class Odd(Exception):
    """One that pickle cannot make again."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} {other}")


class OddlyFailing(SmallShards):
    def statistics(self, segments: Sequence[ScoringSegment]) -> Array:
        raise Odd("what", "happened")


class Failing(SmallShards):
    def statistics(self, segments: Sequence[ScoringSegment]) -> Array:
        if segments[0].id != "1":
            raise InputError(f"segment {segments[0].id}: nothing can be done with it.")
        return super().statistics(segments)


def evaluated(results: str, launch: str, *overrides: str, **metrics: Bleu | Chrf | Ter) -> eh.Run:
    write("ref.en", *REFERENCES)
    return eh.evaluate(
        name="t",
        results=results,
        systems=TEXTS,
        metrics=metrics,
        overrides=["testset=plain", "testset.language_pair=zh-en", "testset.references=[ref.en]", f"launch={launch}",
                   *overrides],
    )  # fmt: skip


def contents(record: Path) -> dict[str, bytes]:
    """Every file but those that say when they were written."""
    return {
        str(path.relative_to(record)): path.read_bytes()
        for path in sorted(record.rglob("*"))
        if path.is_file() and path.name not in TIMED
    }


@pytest.mark.parametrize("n_workers", [1, 2, 3])
def test_the_same_bytes_as_in_one_process(n_workers: int) -> None:
    metrics = {"bleu": SmallShards(), "slower": Slower(), "chrf": Chrf(), "ter": Ter()}
    alone = evaluated("alone", "local", "cache=false", **metrics)
    pooled = evaluated("pooled", "pool", f"launch.n_workers={n_workers}", "cache=false", **metrics)
    assert contents(pooled.folder) == contents(alone.folder)


def test_the_same_bytes_where_some_rows_are_in_the_cache() -> None:
    write("some.en", *REFERENCES[20:40])
    some = {name: texts[20:40] for name, texts in TEXTS.items()}
    overrides = ["testset=plain", "testset.language_pair=zh-en", "testset.references=[some.en]"]
    eh.evaluate(results="some", systems=some, metrics={"bleu": Slower()}, overrides=overrides)  # fills the cache
    pooled = evaluated("pooled", "pool", "launch.n_workers=2", bleu=Slower())
    assert "120 rows computed, 60 known" in (pooled.folder / "log.txt").read_text(encoding="utf-8")
    assert contents(pooled.folder) == contents(evaluated("alone", "local", "cache=false", bleu=Slower()).folder)


def test_a_metric_that_is_not_exact_stays_in_the_process_of_the_run() -> None:
    Inexact.processes.clear()
    evaluated("results", "pool", "launch.n_workers=2", bleu=Inexact())
    assert Inexact.processes == {os.getpid()}


def test_a_process_that_dies_is_one_clear_error_and_the_same_command_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALHARNESS_TEST_PARENT", str(os.getpid()))
    with pytest.raises(WorkerError, match=r"one of 2 processes ended before its work did.*the same command goes on"):
        evaluated("pooled", "pool", "launch.n_workers=2", "cache=false", bleu=Dying())
    (record,) = Path("pooled").glob("t-*")
    assert not (record / "done.json").exists()
    continued = evaluated("pooled", "local", "cache=false", bleu=Dying())
    assert continued.folder.resolve() == record.resolve()
    assert contents(record) == contents(evaluated("alone", "local", "cache=false", bleu=Dying()).folder)


def test_what_processes_log_is_said_once_and_stands_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    record = evaluated("results", "pool", "launch.n_workers=2", "cache=false", bleu=Talking()).folder
    assert caplog.messages.count("all shards say this") == 1
    log = (record / "log.txt").read_text(encoding="utf-8")
    assert log.count("comes first") == 20  # 60 segments of 3 systems, 9 rows a shard
    assert log.count("all shards say this") == 1


def test_an_error_in_a_process_is_the_error_of_the_run() -> None:
    with pytest.raises(InputError, match="segment 4: nothing can be done with it"):
        evaluated("results", "pool", "launch.n_workers=2", "cache=false", bleu=Failing())


def test_an_error_of_another_kind_says_what_it_was() -> None:
    with pytest.raises(WorkerError, match=r"the metric failed with Odd: what happened\nTraceback"):
        evaluated("results", "pool", "launch.n_workers=2", "cache=false", bleu=OddlyFailing())


def test_what_cannot_be_sent_is_one_clear_error() -> None:
    lock = threading.Lock()
    with pytest.raises(ConfigError, match=r"cannot be sent to other processes \(TypeError.*or set launch=local"):
        list(Pool(n_workers=2).run(lambda: lambda shard: lock, [()]))  # type: ignore[arg-type, return-value]


def test_levels_are_those_of_the_process_of_the_run(caplog: pytest.LogCaptureFixture) -> None:
    shards = [(ScoringSegment(id="1", source=None, hypothesis="a", references=("a",)),)] * 3
    with caplog.at_level(logging.ERROR, logger="evalharness"):
        list(Pool(n_workers=2).run(_build_talking, shards))
    assert not caplog.messages


def _build_talking() -> Worker:
    return lambda shard: ScoredRows(rows=Talking().statistics(shard))


KILLED = """
import os, signal, sys
from evalharness.launch.pool import Pool
from evalharness.records import ScoredRows, ScoringSegment

def build():
    return lambda shard: ScoredRows(rows=os.getpid())

shards = [(ScoringSegment(id="1", source=None, hypothesis="a", references=("a",)),)] * 20
print(*sorted({one.rows for one in Pool(n_workers=2).run(build, shards)}), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_processes_end_with_the_run_that_is_killed() -> None:
    write("killed.py", KILLED)
    # The pipe ends when the last process that holds it has ended.
    finished = subprocess.run([sys.executable, "killed.py"], capture_output=True, text=True, timeout=30, check=False)
    assert finished.returncode == -signal.SIGKILL
    assert 1 <= len(finished.stdout.split()) <= 2


def test_interrupted_it_leaves_no_processes_and_goes_on() -> None:
    texts = [f"the reference of segment {k} is number {k}" for k in range(40_000)]
    write("ref.en", *texts)
    write("hyp/a.en", *reversed(texts))
    arguments = ["run", "name=t", "testset=plain", "testset.language_pair=zh-en", "testset.references=[ref.en]",
                 "systems=[folder]", "systems.folder.path=hyp", "metrics=[chrf,chrfpp,ter]", "outputs.checked=false",
                 "inputs.on_error=warn", "launch=pool", "launch.n_workers=2", "cache=false"]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "evalharness", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    while process.poll() is None and not list(Path("results").glob("t-*/scores/chrf.jsonl")):
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted; the same command continues this run" in err
    assert "Traceback" not in err


def test_shards_are_taken_only_a_few_ahead() -> None:
    taken: list[int] = []

    def shards() -> Iterator[Shard]:
        for k in range(40):
            taken.append(k)
            yield (ScoringSegment(id=str(k), source=None, hypothesis="a", references=("a",)),)

    rows = Pool(n_workers=2).run(_build_counting, shards())
    for k in range(40):
        assert next(rows).rows.tolist() == [[k]]
        assert len(taken) <= k + 10  # four ahead of each process, one being taken


def _build_counting() -> Worker:
    return lambda shard: ScoredRows(rows=np.array([[int(segment.id)] for segment in shard]))


SCRIPT = """
import evalharness as eh
run = eh.evaluate(systems={"mine": [f"text {k}" for k in range(9)]}, metrics=["chrf"],
                  overrides=["launch=pool", "launch.n_workers=2", "cache=false"])
print(len(run.segments))
"""


def test_a_script_needs_no_guard() -> None:
    write("script.py", SCRIPT)
    finished = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, timeout=60, check=False)
    assert finished.stdout == "9\n"
    assert "Traceback" not in finished.stderr


def test_bad_settings_say_what_to_do(command: Callable[..., Finished]) -> None:
    finished = command("run", "launch=pool", "launch.n_workers=0")
    assert finished.code == 2
    assert "launch.n_workers=0: expected 1 to" in finished.err
