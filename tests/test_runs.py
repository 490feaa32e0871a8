"""The record's parts: logs that survive being killed, the cache, the plan, the lock."""

from __future__ import annotations

import dataclasses
import json
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Finished

from evalharness.errors import ConfigError, RecordError
from evalharness.runs.cache import SqliteCache, user_cache
from evalharness.runs.log import JsonLines, only_writer
from evalharness.runs.paths import RunPaths, check_name, point_latest_at, records_under, run_paths
from evalharness.runs.plan import (
    Plan,
    PlannedMetric,
    PlannedSystem,
    PlannedTestSet,
    identity_of,
    read_plan,
    write_plan,
)
from evalharness.runs.view import RunView

TESTSET = PlannedTestSet(
    name="t", language_pair="zh-en", n_segments=1, n_references=1, fingerprint="f", provenance=""
)  # fmt: skip
SYSTEMS = (PlannedSystem(name="a", signature="x", provenance=""), PlannedSystem(name="b", signature="y", provenance=""))
METRICS = (PlannedMetric(name="bleu", heading="BLEU", higher_is_better=True, display_factor=1.0, signature="s"),)

BAD_METRIC = {**dataclasses.asdict(METRICS[0]), "name": 7}


def plan(**changes: object) -> Plan:
    made = Plan(
        name="t",
        identity=identity_of(TESTSET, SYSTEMS, METRICS),
        testset=TESTSET,
        systems=SYSTEMS,
        metrics=METRICS,
        settings={"stats": {"seed": 1}},
        created="2026-01-01T00:00:00+00:00",
        git=None,
        versions={"python": "3"},
        machine={},
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


class TestLog:
    def test_entries_come_back_in_order(self) -> None:
        log = JsonLines(Path("deep/log.jsonl"))
        assert list(log.read()) == []
        log.append([{"id": "1", "x": 0.1 + 0.2}, {"id": "2", "x": "郑州\u2028\r"}])
        log.append([])
        log.append([{"id": "3", "x": None}])
        assert list(log.read()) == [
            (1, {"id": "1", "x": 0.30000000000000004}),
            (2, {"id": "2", "x": "郑州\u2028\r"}),
            (3, {"id": "3", "x": None}),
        ]

    @pytest.mark.parametrize("cut", [1, 5, 9])
    def test_a_cut_last_line_is_dropped_with_a_warning(self, cut: int, caplog: pytest.LogCaptureFixture) -> None:
        path = Path("log.jsonl")
        log = JsonLines(path)
        log.append([{"id": "1"}, {"id": "2"}])
        path.write_bytes(path.read_bytes()[:-cut])
        with caplog.at_level(logging.WARNING):
            assert [entry for _, entry in log.read()] == [{"id": "1"}]
        assert "log.jsonl: the last line was cut off" in caplog.text
        log.append([{"id": "2"}])
        assert [entry for _, entry in log.read()] == [{"id": "1"}, {"id": "2"}]

    @pytest.mark.parametrize("damage", [b"{}}", b'{"id": "2"', b"", b"[]", b"1,2", b'{"id": "\xff"}', b"{},{}"])
    def test_any_other_damage_is_an_error_with_file_and_line(self, damage: bytes) -> None:
        path = Path("log.jsonl")
        path.write_bytes(b'{"id": "1"}\n' + damage + b'\n{"id": "3"}\n')
        with pytest.raises(RecordError, match=r"log\.jsonl:2: not "):
            list(JsonLines(path).read())


class TestCache:
    def test_rows_are_kept_for_the_next_run(self) -> None:
        first = SqliteCache(Path("c/rows.sqlite"))
        first.put({f"k{n}": f"[{n}, 0.5]" for n in range(1200)})
        first.put({"k0": "[9]"})  # what is there stays
        first.close()
        second = SqliteCache(Path("c/rows.sqlite"))
        assert second.get([f"k{n}" for n in range(1201)]) == {f"k{n}": f"[{n}, 0.5]" for n in range(1200)}
        second.close()

    def test_two_runs_at_once(self) -> None:
        one, other = SqliteCache(Path("rows.sqlite")), SqliteCache(Path("rows.sqlite"))
        one.put({"a": "[1]"})
        other.put({"b": "[2]"})
        assert one.get(["a", "b"]) == other.get(["a", "b"]) == {"a": "[1]", "b": "[2]"}
        one.close()
        other.close()

    def test_a_broken_cache_is_said_and_left(self, caplog: pytest.LogCaptureFixture) -> None:
        Path("rows.sqlite").write_bytes(b"not a database" * 100)
        with caplog.at_level(logging.WARNING):
            cache = SqliteCache(Path("rows.sqlite"))
        assert "the cache cannot be used" in caplog.text
        cache.put({"a": "[1]"})
        assert cache.get(["a"]) == {}

    def test_the_environment_moves_it(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("EVALHARNESS_CACHE", str(tmp_path / "elsewhere"))
        cache = user_cache()
        cache.put({"a": "[1]"})
        cache.close()
        (file,) = (tmp_path / "elsewhere").glob("*.sqlite")
        with sqlite3.connect(file) as connection:
            assert connection.execute("SELECT key, row FROM rows").fetchall() == [("a", "[1]")]
        connection.close()


class TestPlan:
    def test_comes_back(self) -> None:
        paths = RunPaths(folder=Path())
        write_plan(paths, plan())
        assert read_plan(paths) == plan()

    def test_identity_ignores_order_and_everything_that_decides_no_score(self) -> None:
        same = identity_of(dataclasses.replace(TESTSET, name="u", provenance="p"), SYSTEMS[::-1], METRICS)
        assert same == identity_of(TESTSET, SYSTEMS, METRICS)

    @pytest.mark.parametrize(
        ("testset", "systems", "metrics"),
        [
            (dataclasses.replace(TESTSET, fingerprint="g"), SYSTEMS, METRICS),
            (TESTSET, SYSTEMS[:1], METRICS),
            (TESTSET, (SYSTEMS[0], dataclasses.replace(SYSTEMS[1], signature="z")), METRICS),
            (TESTSET, SYSTEMS, (dataclasses.replace(METRICS[0], signature="z"),)),
        ],
    )
    def test_identity_holds_what_decides_scores(self, testset: object, systems: object, metrics: object) -> None:
        assert identity_of(testset, systems, metrics) != identity_of(TESTSET, SYSTEMS, METRICS)  # type: ignore[arg-type]

    def test_new_settings_refresh_the_plan_of_the_same_run(self) -> None:
        paths = RunPaths(folder=Path())
        write_plan(paths, plan())
        write_plan(paths, plan(settings={"stats": {"seed": 2}}))
        assert read_plan(paths).settings == {"stats": {"seed": 2}}

    def test_another_runs_record_is_not_touched(self) -> None:
        paths = RunPaths(folder=Path())
        write_plan(paths, plan())
        before = paths.plan.read_bytes()
        other = dataclasses.replace(TESTSET, fingerprint="g")
        with pytest.raises(RecordError, match=r"record of another run \(it differs in test set\)"):
            write_plan(paths, plan(testset=other, identity=identity_of(other, SYSTEMS, METRICS)))
        assert paths.plan.read_bytes() == before

    def test_a_folder_of_other_things_is_not_touched(self) -> None:
        folder = Path("mine")
        folder.mkdir()
        (folder / "notes.txt").write_text("mine")
        with pytest.raises(RecordError, match="is not empty and holds no plan"):
            write_plan(RunPaths(folder=folder), plan())
        assert [path.name for path in folder.iterdir()] == ["notes.txt"]

    @pytest.mark.parametrize("content", ["{}", "[]", '{"schema": 99}', '{"schema": 1, "name": "x"}'])
    def test_a_plan_that_is_none(self, content: str) -> None:
        Path("plan.json").write_text(content)
        with pytest.raises(RecordError, match=r"plan\.json: "):
            read_plan(RunPaths(folder=Path()))

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b'{"schema": 1, "name": "\xff"}', "not UTF-8"),
            (b'{"schema": 1,\n"name"}', "not JSON: .* line 2 "),
            (b"", "not JSON: "),
        ],
    )
    def test_a_plan_that_is_no_text(self, content: bytes, said: str) -> None:
        Path("plan.json").write_bytes(content)
        with pytest.raises(RecordError, match=rf"^plan\.json: is damaged: {said}.*Restore it from a copy, or"):
            read_plan(RunPaths(folder=Path()))

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"metrics": [{**dataclasses.asdict(METRICS[0]), "name": 7}]}, "name of a metric is 7; expected a str"),
            ({"metrics": [{**dataclasses.asdict(METRICS[0]), "name": "a/b"}]}, "metric name 'a/b'"),
            ({"metrics": [{**dataclasses.asdict(METRICS[0]), "name": "\ud800"}]}, "unpaired surrogate"),
            (
                {"metrics": [{**dataclasses.asdict(METRICS[0]), "display_factor": "1"}]},
                "display_factor of a metric is '1'",
            ),
            (
                {"metrics": [{**dataclasses.asdict(METRICS[0]), "signature": 1}]},
                "signature of a metric is 1; expected a str",
            ),
            ({"metrics": 7}, "not a plan"),
            ({"metrics": None}, "not a plan"),
            ({"systems": [{**dataclasses.asdict(SYSTEMS[0]), "name": ["a"]}]}, r"name of a system is \['a'\]"),
            ({"testset": {**dataclasses.asdict(TESTSET), "n_segments": "9"}}, "n_segments of the test set is '9'"),
            ({"testset": []}, "not a plan"),
            ({"settings": []}, r"settings of the run is \[\]"),
            ({"created": None}, "created of the run is None; expected a str"),
            ({"name": ""}, "name of the run ''"),
            ({"more": 1}, "not a plan"),
        ],
    )
    def test_a_plan_with_something_else_in_it(self, changes: dict[str, object], said: str) -> None:
        Path("plan.json").write_text(json.dumps({**dataclasses.asdict(plan()), **changes}))
        with pytest.raises(RecordError, match=rf"^plan\.json: is damaged: .*{said}.*Restore it from a copy, or"):
            read_plan(RunPaths(folder=Path()))

    @pytest.mark.parametrize("log", ["scores/bleu.jsonl", "hypotheses/a.jsonl"])
    def test_logs_without_their_plan(self, log: str) -> None:
        folder = Path("results/t-1")
        (folder / log).parent.mkdir(parents=True)
        (folder / log).write_text("{}\n")
        said = f"^results/t-1: holds logs of a run, such as {log}, and no plan.json, which was removed. "
        with pytest.raises(
            RecordError, match=said + ".*Nothing was written.*Put plan.json back, or move the folder away"
        ):
            write_plan(RunPaths(folder=folder), plan())
        with pytest.raises(RecordError, match=said):
            RunView(folder)
        assert not (folder / "plan.json").exists()


class TestPaths:
    def test_the_folder_is_named_by_what_decides_scores(self) -> None:
        assert run_paths(Path("results"), name="t", identity="0123456789abcdef").folder == Path("results/t-01234567")

    @pytest.mark.parametrize(
        "name", ["", ".", "..", "a/b", "a\\b", "-x", ".x", "a\n", "a ", "a:b", "con.", " x", "a\tb"]
    )
    def test_names_that_are_no_file_names(self, name: str) -> None:
        with pytest.raises(ConfigError, match="system name"):
            check_name(name, what="system name")

    @pytest.mark.parametrize("name", [None, 1, b"a", ["a"]])
    def test_names_that_are_no_strings(self, name: object) -> None:
        with pytest.raises(ConfigError, match=rf"system name .*: is {type(name).__name__}; expected a string"):
            check_name(name, what="system name")

    def test_a_name_that_is_no_text_is_shown_escaped(self) -> None:
        with pytest.raises(ConfigError, match=r"system name 'a\\udcff': is not UTF-8"):
            check_name("a\udcff", what="system name")

    def test_the_longest_name(self) -> None:
        check_name("系" * 66, what="system name")  # 3 bytes each: 198
        with pytest.raises(ConfigError, match="has 201 bytes in UTF-8; expected at most 200"):
            check_name("系" * 67, what="system name")

    @pytest.mark.parametrize("name", ["a", "Online-A", "GPT-4.1", "系统", "a b", "m2m@1.0+x=y_z", "a (v2)", "_x"])
    def test_names_that_are(self, name: str) -> None:
        check_name(name, what="system name")

    def test_latest_is_a_relative_link_and_no_record(self) -> None:
        for name in ("a", "b"):
            paths = RunPaths(folder=Path("results") / name)
            paths.folder.mkdir(parents=True)
            write_plan(paths, plan())
            point_latest_at(paths)
        assert Path("results/latest").readlink() == Path("b")
        assert [paths.folder.name for paths in records_under(Path("results"))] == ["a", "b"]


def test_records_are_listed_by_time_and_damaged_ones_too(command: Callable[..., Finished]) -> None:
    for name, created in {"a": "2026-03-01T00:00:00+00:00", "b": "2026-01-01T00:00:00+00:00"}.items():
        paths = RunPaths(folder=Path("results") / name)
        paths.folder.mkdir(parents=True)
        write_plan(paths, dataclasses.replace(plan(), created=created))
    RunPaths(folder=Path("results/c")).folder.mkdir()
    RunPaths(folder=Path("results/c")).plan.write_text("{")
    finished = command("runs")
    assert finished.code == 2
    assert [line.split()[2] for line in finished.out.splitlines()] == ["results/c", "results/b", "results/a"]


def test_one_writer_at_a_time() -> None:
    with only_writer(Path(".lock")), pytest.raises(RecordError, match="another process"), only_writer(Path(".lock")):
        pass
    with only_writer(Path(".lock")):
        pass


def test_a_folder_that_is_no_record() -> None:
    with pytest.raises(RecordError, match="is not a run record"):
        RunView(Path())


def test_a_record_without_derived_files_says_so() -> None:
    Path("plan.json").write_text(json.dumps(dataclasses.asdict(plan())))
    view = RunView(Path())
    assert not view.is_complete
    with pytest.raises(RecordError, match=r"scores\.csv: is not there"):
        _ = view.score_lines


class TestDamage:
    SCORES = "system,metric,score,ci_low,ci_high,n_scored,n_missing,signature\n"
    COMPARISONS = (
        "metric,system_a,system_b,delta,p,p_holm,unit,n_units,method,n_draws,p_bh,ci_low,ci_high,interval,level,"
        "n_segments,n_left_out,p_smallest,detectable,human_agreement,p_replicates,is_significant\n"
    )

    @pytest.fixture(autouse=True)
    def _record(self) -> None:
        Path("plan.json").write_text(json.dumps(dataclasses.asdict(plan())))

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("x\n", r"scores\.csv:1: is damaged: begins with 'x'; expected the columns system,metric,score,ci_low"),
            (f"{SCORES}a,bleu\n", r"scores\.csv:2: is damaged: 2 values for 8 columns"),
            (f"{SCORES}a,bleu,1,,,1,0,s\nb,bleu,?,,,1,0,s\n", r"scores\.csv:3: is damaged: .*'\?'"),
            (f'{SCORES}a,"bleu,1,,,1,0,s\n', r"scores\.csv:2: is damaged"),
            ("", r"scores\.csv: is damaged: it is empty; expected the columns system,metric,.*\. Remove the file and"),
            (
                "\udcff\n",
                r"scores\.csv: is damaged: it is not UTF-8; expected the columns system,metric,.*\. Remove the",
            ),
            (
                f"{SCORES}a,bleu,1,,,1,0,s\n",
                r"scores\.csv: is damaged: it has 0 lines for system 'b' and metric 'bleu'; expected one\. Remove",
            ),
            (
                f"{SCORES}a,bleu,1,,,1,0,s\nb,bleu,1,,,1,0,s\na,bleu,2,,,1,0,s\n",
                r"scores\.csv: is damaged: it has 2 lines for system 'a' and metric 'bleu'; expected one",
            ),
            (
                f"{SCORES}a,bleu,1,,,1,0,s\nb,bleu,1,,,1,0,s\nc,bleu,1,,,1,0,s\n",
                r"scores\.csv: is damaged: it has the system 'c', which plan\.json does not name",
            ),
            (
                f"{SCORES}a,bleu,1,,,1,0,s\nb,bleu,1,,,1,0,s\na,ter,1,,,1,0,s\n",
                r"scores\.csv: is damaged: it has the metric 'ter', which plan\.json does not name",
            ),
        ],
    )
    def test_of_scores(self, content: str, said: str) -> None:
        Path("scores.csv").write_bytes(content.encode("utf-8", "surrogateescape"))
        with pytest.raises(RecordError, match=said):
            _ = RunView(Path()).score_lines
        with pytest.raises(RecordError, match=said):
            _ = RunView(Path()).scores

    def test_of_scores_that_were_all_removed(self) -> None:
        Path("scores.csv").write_text(self.SCORES)
        assert RunView(Path()).score_lines == ()  # as where a model was missing
        Path("done.json").write_text('{"n_scores": 2}')
        with pytest.raises(
            RecordError, match=r"scores\.csv: is damaged: it has 0 lines; expected 2, as done\.json says"
        ):
            _ = RunView(Path()).score_lines

    def test_of_comparisons(self) -> None:
        Path("comparisons.csv").write_text("x\n")
        with pytest.raises(RecordError, match=r"comparisons\.csv:1: is damaged: begins with 'x'.*metric,system_a"):
            _ = RunView(Path()).comparison_lines
        with pytest.raises(RecordError, match=r"comparisons\.csv:1: is damaged"):
            _ = RunView(Path()).comparisons
        Path("comparisons.csv").write_text(
            f"{self.COMPARISONS}bleu,a,b,1.0,0.5,,segment,many,sign_flip,,,,,,0.95,9,0,0.1,,,,False\n"
        )
        with pytest.raises(RecordError, match=r"comparisons\.csv:2: is damaged: .*'many'"):
            _ = RunView(Path()).comparison_lines

    @pytest.mark.parametrize("content", ["{", "", "[]"])
    def test_of_done_is_a_run_that_is_not_complete(self, content: str) -> None:
        Path("done.json").write_text(content)
        view = RunView(Path())
        assert not view.is_complete
        assert view.done is None


@pytest.mark.parametrize("damage", ["{", json.dumps({**dataclasses.asdict(plan()), "metrics": [BAD_METRIC]})])
def test_a_damaged_record_does_not_hide_the_others(damage: str, command: Callable[..., Finished]) -> None:
    for name in ("a", "b", "c"):
        paths = RunPaths(folder=Path("results") / name)
        paths.folder.mkdir(parents=True)
        write_plan(paths, plan())
        paths.done.write_text("{}")
    Path("results/b/plan.json").write_text(damage)
    Path("results/c/done.json").write_text("{")
    finished = command("runs")
    assert [line.split()[1:3] for line in finished.out.splitlines()] == [
        ["damaged", "results/b"],  # its time is not known
        ["complete", "results/a"],
        ["INCOMPLETE", "results/c"],
    ]
    assert "results/b/plan.json" in finished.err
    assert finished.code == 2
