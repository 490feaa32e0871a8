"""`evalharness run` as a user meets it, and the record it leaves."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from conftest import REPOSITORY, Finished, spawn, write

import evalharness as eh

CANDIDATES = {"polished", "literal", "lossy", "gloss", "source-copy"}
MINI_SHA256 = hashlib.sha256(
    (REPOSITORY / "evalharness/metrics/comet/mini/checkpoints/model.ckpt").read_bytes()
).hexdigest()
METRICS = ["bleu", "chrf", "chrfpp", "ter", "comet_mini"]
SIGNATURES = {
    # sacrebleu 2.6.0 prints these for the same options
    "bleu": "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0",
    "chrf": "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0",
    "chrfpp": "nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:2.6.0",
    "ter": "nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.6.0",
}


def scores(record: Path | str = "results/latest") -> dict[tuple[str, str], dict[str, str]]:
    with open(Path(record) / "scores.csv", encoding="utf-8", newline="") as file:
        return {(line["system"], line["metric"]): line for line in csv.DictReader(file)}


def log_lines(record: Path, metric: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (record / "scores" / f"{metric}.jsonl").read_text().splitlines()]


class TestBundledRun:
    def test_the_first_command(self, command: Callable[..., Finished]) -> None:
        finished = command("run")
        assert finished.code == 0, finished.err
        assert re.search(r"System +BLEU ↑ +chrF2 ↑ +chrF2\+\+ ↑ +TER ↓ +COMET-mini ↑", finished.out)
        for candidate in CANDIDATES:
            assert re.search(
                rf"^{candidate} +\d+\.\d\*? +\d+\.\d\*? +\d+\.\d\*? +\d+\.\d\*? +-?\d+\.\d", finished.out, re.M
            )
        record = Path("results/latest")
        assert f"Record: results/{record.readlink()}" in finished.out
        readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
        assert f"```text\n{finished.out}```\n" in readme, "README shows another output of the first command"
        table = pq.read_table(record / "segments.parquet").to_pylist()
        assert {(row["system"], row["segment"]) for row in table} == {
            (candidate, str(number)) for candidate in CANDIDATES for number in range(1, 10)
        }
        assert len(table) == 45
        assert all(isinstance(row[metric], float) for row in table for metric in METRICS)
        assert {row["language_pair"] for row in table} == {"zh-en"}
        assert set(scores()) == {(candidate, metric) for candidate in CANDIDATES for metric in METRICS}
        for (_, metric), line in scores().items():
            assert (line["n_scored"], line["n_missing"]) == ("9", "0")
            if metric == "comet_mini":
                assert f"|sha256:{MINI_SHA256[:16]}|" in line["signature"]
                assert "|precision:fp32|device:cpu|backend:native-1|long:windows-2|sentences:" in line["signature"]
            else:
                assert line["signature"] == SIGNATURES[metric]
            assert float(line["ci_low"]) <= float(line["score"]) <= float(line["ci_high"])
        assert {path.name for path in (record / "tables").iterdir()} == {
            f"{name}.{suffix}"
            for name in (
                "systems",
                "comparisons",
                "findings",
                "pairwise",
                "problems",
                "ranks",
                "runs",
                "segments",
                "slices",
            )
            for suffix in ("md", "tex", "csv")
        }
        assert len((record / "comparisons.csv").read_text().splitlines()) == 1 + 5 * 10
        assert json.loads((record / "done.json").read_text())["n_missing"] == 0

    def test_the_candidates_are_of_clearly_different_quality(self, command: Callable[..., Finished]) -> None:
        command("run")
        order = ["source-copy", "gloss", "lossy", "literal", "polished"]
        values = [float(scores()[candidate, "bleu"]["score"]) for candidate in order]
        assert values == sorted(set(values))

    @pytest.mark.slow
    def test_scores_are_sacrebleus(self, command: Callable[..., Finished]) -> None:
        sacrebleu = pytest.importorskip("sacrebleu")
        command("run")
        raw = (REPOSITORY / "references/zhengzhou/raw/000_d86b8319f7c0fe92.txt").read_bytes().decode()
        references = raw.split("\n")[0::2]
        for candidate in CANDIDATES:
            path = REPOSITORY / "references" / "zhengzhou" / "candidates" / f"{candidate}.en"
            outputs = path.read_text(encoding="utf-8").split("\n")[:-1]
            for name, metric in {
                "bleu": sacrebleu.BLEU(),
                "chrf": sacrebleu.CHRF(),
                "chrfpp": sacrebleu.CHRF(word_order=2),
                "ter": sacrebleu.TER(),
            }.items():
                expected = metric.corpus_score(outputs, [references]).score
                assert float(scores()[candidate, name]["score"]) == pytest.approx(expected, abs=1e-9)

    def test_reversed_direction(self, command: Callable[..., Finished]) -> None:
        finished = command("run", "experiment=zhengzhou_reversed")
        assert finished.code == 0, finished.err
        assert {system for system, _ in scores()} == {"polished", "literal", "source-copy"}
        assert "tok:zh" in scores()["polished", "bleu"]["signature"]
        assert "norm:yes|punct:yes|asian:yes" in scores()["polished", "ter"]["signature"]
        assert str(Path("results/latest").readlink()).startswith("zhengzhou-reversed-")

    def test_repeating_computes_and_writes_nothing(self, command: Callable[..., Finished]) -> None:
        first = command("run")
        record = Path("results/latest").resolve()
        before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files_of(record)}
        second = command("run")
        assert (second.code, second.out) == (0, first.out)
        after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files_of(record)}
        changed = {path.name for path in after if after[path] != before.get(path)}
        assert changed <= {"plan.json", "log.txt"}
        assert Path("results/latest").resolve() == record

    def test_other_statistics_or_tables_score_nothing_again(self, command: Callable[..., Finished]) -> None:
        command("run")
        record = Path("results/latest").resolve()
        logs = {path: path.read_bytes() for path in record.glob("*/*.jsonl")}
        finished = command("run", "stats.baseline=literal", "report.decimals=3", "report.segments_csv=true")
        assert finished.code == 0, finished.err
        assert Path("results/latest").resolve() == record
        assert {path: path.read_bytes() for path in record.glob("*/*.jsonl")} == logs
        assert len((record / "comparisons.csv").read_text().splitlines()) == 1 + 5 * 4
        assert re.search(r"\d\.\d{3}", (record / "tables" / "systems.md").read_text())
        with open(record / "segments.csv", encoding="utf-8", newline="") as file:
            assert len(list(csv.DictReader(file))) == 45

    def test_deleted_derived_files_come_back(self, command: Callable[..., Finished]) -> None:
        command("run")
        record = Path("results/latest").resolve()
        before = (record / "scores.csv").read_bytes()
        (record / "scores.csv").unlink()
        assert command("run").code == 0
        assert (record / "scores.csv").read_bytes() == before

    def test_the_record_names_no_path_of_the_machine_in_what_decides_it(
        self, command: Callable[..., Finished], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        command("run")
        first = Path("results/latest").readlink()
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.chdir(elsewhere)
        command("run", "results=other")
        assert Path("other/latest").readlink() == first

    def test_a_new_system_is_all_that_is_computed(self, command: Callable[..., Finished]) -> None:
        hyp = REPOSITORY / "references" / "zhengzhou" / "candidates"
        for name in ("polished", "literal"):
            write(f"hyp/{name}.en", *(hyp / f"{name}.en").read_text(encoding="utf-8").split("\n")[:-1])
        arguments = ("run", "systems=[folder]", "systems.folder.path=hyp", "metrics=[bleu]")
        command(*arguments)
        first = Path("results/latest").resolve()
        write("hyp/third.en", *["Something else."] * 9)
        command(*arguments)
        second = Path("results/latest").resolve()
        assert first != second
        # nine texts, but "Something else." differs in nothing except its references
        assert "bleu: 9 rows computed, 18 known or equal to another, 0 failed" in (second / "log.txt").read_text()

    def test_identical_outputs_get_identical_scores(self, command: Callable[..., Finished]) -> None:
        for name in ("a", "b"):
            write(f"hyp/{name}.en", *["The same."] * 9)
        command("run", "systems=[folder]", "systems.folder.path=hyp")
        for metric in METRICS:
            assert scores()["a", metric]["score"] == scores()["b", metric]["score"]
        lines = Path("results/latest/comparisons.csv").read_text().splitlines()[1:]
        assert [line.split(",")[3:6] for line in lines] == [["0.0", "1.0", "1.0"]] * 5


class TestSweep:
    def test_every_combination_is_a_record(self, command: Callable[..., Finished]) -> None:
        finished = command("run", "--multirun", "metrics=[bleu]", "metrics.bleu.lowercase=false,true")
        assert finished.code == 0, finished.err
        assert finished.out.count("Record: results/zhengzhou-") == 2
        assert re.findall(r"^job .*", finished.out, re.M) == [
            "job 1: metrics.bleu.lowercase=False",
            "job 2: metrics.bleu.lowercase=True",
        ]
        assert len(list(Path("results").glob("zhengzhou-*"))) == 2
        assert not Path("multirun.yaml").exists()
        assert not Path("outputs").exists()

    def test_a_run_that_fails_does_not_stop_the_others(self, command: Callable[..., Finished]) -> None:
        finished = command("run", "--multirun", "metrics=[bleu]", "stats.baseline=nobody,polished")
        assert finished.code == 2
        said = finished.err.splitlines()
        job = said.index("evalharness: sweep, job 1: stats.baseline=nobody")
        assert "stats.baseline=nobody: no such system" in "".join(
            said[job : said.index("evalharness: sweep, job 2: stats.baseline=polished")]
        )
        assert finished.out.count("Record: ") == 1

    def test_overrides_stand_on_both_sides_of_the_flag(self, command: Callable[..., Finished]) -> None:
        finished = command("run", "metrics=[bleu]", "--multirun", "metrics.bleu.lowercase=false,true", "cache=false")
        assert finished.code == 0, finished.err
        assert finished.out.count("Record: ") == 2

    def test_showing_the_configuration_runs_nothing(self, command: Callable[..., Finished]) -> None:
        finished = command("run", "--cfg", "job", "metrics=[ter]")
        assert finished.code == 0
        assert "evalharness.metrics.lexical.Ter" in finished.out
        assert list(Path().iterdir()) == []


def files_of(record: Path) -> list[Path]:
    return [path for path in record.rglob("*") if path.is_file()]


def synthetic(n_segments: int, n_systems: int) -> list[str]:
    """Files of a made-up test set and systems; the arguments that run them without the cache."""
    words = [f"w{n}" for n in range(300)]
    rng = random.Random(11)
    references = [" ".join(rng.choices(words, k=rng.randint(3, 20))) for _ in range(n_segments)]
    write("ref.en", *references)
    for system in range(n_systems):
        outputs = [" ".join(w if rng.random() < 0.8 else rng.choice(words) for w in r.split()) for r in references]
        write(f"hyp/s{system}.en", *outputs)
    return [
        "run", "testset=plain", "testset.language_pair=zh-en", "testset.references=[ref.en]", "name=made",
        "systems=[folder]", "systems.folder.path=hyp", "metrics=[bleu,chrf,ter]", "cache=false", "stats.n_draws=50",
    ]  # fmt: skip


class TestInterruption:
    N_SEGMENTS, N_SYSTEMS = 2500, 4

    def expected_lines(self) -> Counter[tuple[str, str]]:
        return Counter((f"s{s}", str(n)) for s in range(self.N_SYSTEMS) for n in range(1, self.N_SEGMENTS + 1))

    def assert_complete_and_equal(self, interrupted: Path, undisturbed: Path) -> None:
        assert (interrupted / "scores.csv").read_bytes() == (undisturbed / "scores.csv").read_bytes()
        assert (interrupted / "comparisons.csv").read_bytes() == (undisturbed / "comparisons.csv").read_bytes()
        for metric in ("bleu", "chrf", "ter"):
            logged = Counter((str(line["system"]), str(line["id"])) for line in log_lines(interrupted, metric))
            assert logged == self.expected_lines(), f"{metric}: a segment is missing or was computed twice"

    @pytest.mark.slow
    def test_killed_at_any_point_it_finishes_with_the_same_bytes(self) -> None:
        arguments = synthetic(self.N_SEGMENTS, self.N_SYSTEMS)
        assert spawn(*arguments, "results=whole").returncode == 0
        undisturbed = Path("whole/latest").resolve()
        record = Path("killed") / undisturbed.name
        n_killed = 0
        # Killed when the plan is there, when hypotheses are, and when each metric has logged its first block.
        for sign in ("plan.json", "hypotheses/s1.jsonl", "scores/bleu.jsonl", "scores/chrf.jsonl", "scores/ter.jsonl"):
            n_killed += kill_when([*arguments, "results=killed"], record / sign)
            assert not (record / "done.json").exists() or sign == "scores/ter.jsonl"
        assert n_killed >= 4
        assert spawn(*arguments, "results=killed").returncode == 0
        self.assert_complete_and_equal(record, undisturbed)

    @pytest.mark.parametrize("keep", [0.0, 0.313, 0.77, 0.9999])
    def test_logs_cut_anywhere_are_completed(self, keep: float, command: Callable[..., Finished]) -> None:
        arguments = synthetic(300, 2)
        assert command(*arguments, "results=whole").code == 0
        undisturbed = Path("whole/latest").resolve()
        assert command(*arguments, "results=cut").code == 0
        record = Path("cut") / undisturbed.name
        logs = [*record.glob("hypotheses/*.jsonl"), *record.glob("scores/*.jsonl")]
        assert len(logs) == 2 + 3
        for log in logs:
            content = log.read_bytes()
            log.write_bytes(content[: int(keep * len(content))])
        (record / "done.json").unlink()
        finished = command(*arguments, "results=cut")
        assert finished.code == 0, finished.err
        assert ("the last line was cut off" in finished.err) == (keep > 0)
        assert (record / "scores.csv").read_bytes() == (undisturbed / "scores.csv").read_bytes()
        for metric in ("bleu", "chrf", "ter"):
            counted = Counter((line["system"], line["id"]) for line in log_lines(record, metric))
            assert set(counted.values()) == {1}
            assert len(counted) == 600

    def test_a_line_of_another_text_is_damage(self, command: Callable[..., Finished]) -> None:
        arguments = synthetic(20, 2)
        command(*arguments)
        log = Path("results/latest/scores/chrf.jsonl").resolve()
        lines = log.read_text().splitlines(keepends=True)
        log.write_text("".join([lines[0], lines[1].replace('"id": "1"', '"id": "2"'), *lines[2:]]))
        finished = command(*arguments)
        assert finished.code == 2
        assert "scores/chrf.jsonl:2: the row belongs to another text" in finished.err


def kill_when(arguments: list[str], sign: Path) -> int:
    """Start a run, send SIGKILL as soon as a file is there with something in it; 1 if the run was still going."""
    process = subprocess.Popen(
        [sys.executable, "-m", "evalharness", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if sign.exists() and sign.stat().st_size > 0:
            break
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    return int(process.wait() == -signal.SIGKILL)


def test_python_m_is_the_command() -> None:
    finished = spawn("--version")
    assert finished.returncode == 0
    assert re.fullmatch(r"evalharness \d+\.\d+\.\d+\n", finished.stdout)


def test_interrupted_by_the_user() -> None:
    arguments = synthetic(2500, 4)
    process = subprocess.Popen(
        [sys.executable, "-m", "evalharness", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while process.poll() is None and not list(Path("results").glob("made-*/scores/bleu.jsonl")):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted; the same command continues this run" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", ["run metrics=[bleu]", "run --help"])
def test_a_reader_that_goes_away_is_no_error(arguments: str) -> None:
    script = f"{sys.executable} -m evalharness {arguments} | head -1; exit ${{PIPESTATUS[0]}}"
    finished = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 0, finished.stderr
    assert "Traceback" not in finished.stderr


def test_runs_lists_records(command: Callable[..., Finished]) -> None:
    command("run", "metrics=[bleu]")
    finished = command("runs")
    assert re.search(r"complete +results/zhengzhou-\w{8}  zh-en  9 segments  5 systems  bleu", finished.out)
    Path("results/latest/done.json").unlink()
    assert "INCOMPLETE" in command("runs").out
    assert command("runs", "nowhere").code == 2


def test_one_process_at_a_time(command: Callable[..., Finished]) -> None:
    from evalharness.runs.log import only_writer

    command("run", "metrics=[bleu]")
    with only_writer(Path("results/latest/.lock")):
        finished = command("run", "metrics=[bleu]")
    assert finished.code == 2
    assert "another process is writing this record" in finished.err


def test_report_prints_tables(command: Callable[..., Finished]) -> None:
    command("run")
    record = Path("results/latest")
    for form, suffix in (("markdown", "md"), ("latex", "tex"), ("csv", "csv")):
        finished = command("report", "results/latest", "-f", form)
        assert finished.out == (record / "tables" / f"systems.{suffix}").read_text(encoding="utf-8")
    assert eh.open_run(record).table().to_text() == command("report", "results/latest").out
    assert command("report", "results").code == 2


def test_debug_shows_where(command: Callable[..., Finished]) -> None:
    assert "Traceback" not in command("run", "stats.baseline=x").err
    assert "Traceback" in command("--debug", "run", "stats.baseline=x").err
    assert "Traceback" in spawn("run", "stats.baseline=x", EVALHARNESS_DEBUG="1").stderr


def test_environment_is_left_as_it_was(command: Callable[..., Finished]) -> None:
    before = dict(os.environ)
    arguments = list(sys.argv)
    command("run", "metrics=[bleu]")
    assert dict(os.environ) == before
    assert sys.argv == arguments
