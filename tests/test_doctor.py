"""`evalharness doctor`: right scores pass, wrong ones fail loudly, and what was not tried is never said to be right."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Finished
from make_golden import MINI, SEGMENTS, lexical, made
from wheels import needs_compiler

from evalharness.errors import ConfigError, MissingDependencyError
from evalharness.metrics.comet import checkpoint, unbabel
from evalharness.metrics.comet.metric import Comet
from evalharness.metrics.compiled import library
from evalharness.metrics.lexical import Chrf
from evalharness.records import ScoringSegment
from evalharness.workflows.golden import GOLDEN_FILE, Check, Verdict, check_golden, read_golden

NAMES = ("bleu", "chrf", "chrfpp", "ter")
needs_mini = pytest.mark.skipif(not (MINI / "checkpoints" / "model.ckpt").is_file(), reason="comet-mini is not here")


def stored() -> dict[str, Any]:
    return dict(json.loads(GOLDEN_FILE.read_text(encoding="utf-8")))


def golden(*names: str, change: Callable[[dict[str, Any]], None] | None = None) -> Path:
    """A file of the stored scores of some metrics, one entry changed."""
    content = stored()
    content["metrics"] = [one for one in content["metrics"] if one["metric"] in names]
    if change is not None:
        change(content["metrics"][-1])
    path = Path("golden.json")
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def shift(place: int, by: float) -> Callable[[dict[str, Any]], None]:
    def change(entry: dict[str, Any]) -> None:
        entry["segment_scores"][place] += by

    return change


@pytest.fixture
def without_unbabel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing it takes ten seconds."""

    def absent() -> str:
        raise MissingDependencyError("backend=unbabel needs the package unbabel-comet, which is not installed")

    monkeypatch.setattr(unbabel, "installed_version", absent)


class TestStored:
    def test_the_file_is_what_the_tools_give(self) -> None:
        content = stored()
        assert content["segments"] == [
            {"id": name, "source": source, "hypothesis": hypothesis, "references": list(references)}
            for name, source, hypothesis, references in SEGMENTS
        ]
        assert content["metrics"][:-1] == lexical()

    @pytest.mark.slow
    @needs_mini
    def test_comet_mini_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("comet", reason="unbabel-comet is not installed")
        monkeypatch.chdir(".")  # it goes into the model's folder
        again = made()["metrics"][-1]
        entry = stored()["metrics"][-1]
        assert entry["segment_scores"] == pytest.approx(again["segment_scores"], abs=2e-6)
        assert (entry["sha256"], entry["metric"]) == (again["sha256"], "comet_mini")

    def test_every_metric_but_those_to_download_is_there(self) -> None:
        assert [scores.metric for scores in read_golden().scores] == [*NAMES, "comet_mini"]

    @pytest.mark.parametrize("content", ["[]", "{}", '{"segments": []}', '{"segments": [{"id": 1}], "metrics": []}'])
    def test_a_damaged_file(self, content: str, command: Callable[..., Finished]) -> None:
        Path("bad.json").write_text(content)
        finished = command("doctor", "--golden", "bad.json")
        assert finished.code == 2
        assert "bad.json: is no file of golden scores" in finished.err

    def test_scores_that_are_not_one_a_segment(self, command: Callable[..., Finished]) -> None:
        path = golden("ter", change=lambda entry: entry["segment_scores"].pop())
        finished = command("doctor", "--golden", str(path))
        assert finished.code == 2
        assert "7 scores of ter for 8 segments" in finished.err


class TestRight:
    def test_is_said_with_the_largest_difference(self, command: Callable[..., Finished]) -> None:
        finished = command("doctor", "--golden", str(golden(*NAMES)))
        assert finished.code == 0, finished.err
        for name in NAMES:
            (line,) = [line for line in finished.out.splitlines() if line.startswith(f"  {name} ")]
            assert " ok " in line
            assert "(sacreBLEU 2.6.0)" in line
        for said in ("Versions", "Machine", "Disk", "Models", "sacrebleu         2.6.0", "memory", "cache of rows"):
            assert said in finished.out

    def test_as_json(self, command: Callable[..., Finished]) -> None:
        finished = command("doctor", "--golden", str(golden(*NAMES)), "--format", "json")
        assert finished.code == 0, finished.err
        content = json.loads(finished.out)
        assert [(check["metric"], check["verdict"]) for check in content["checks"]] == [(name, "ok") for name in NAMES]
        assert content["machine"]["versions"]["sacrebleu"] == "2.6.0"
        assert content["machine"]["processor"]["n_cores"] >= 1
        assert {folder["purpose"] for folder in content["machine"]["folders"]} >= {"records"}
        assert "comet_mini" in {model["option"] for model in content["models"]}

    @needs_compiler
    def test_says_that_counters_are_compiled(self, command: Callable[..., Finished]) -> None:
        finished = command("doctor", "--golden", str(golden("bleu")))
        assert "  counters          BLEU, chrF and TER in compiled code\n" in finished.out
        as_json = command("doctor", "--golden", "golden.json", "--format", "json").out
        assert json.loads(as_json)["machine"]["counting"] == {"is_compiled": True, "reason": None}

    def test_counters_that_are_not_compiled_are_slower_and_no_error(
        self, command: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(library, "FOLDER", Path("nowhere"))
        library.counters.cache_clear()
        finished = command("doctor", "--golden", str(golden(*NAMES)))
        library.counters.cache_clear()
        assert finished.code == 0
        assert finished.out.count(" ok ") == len(NAMES)
        (line,) = [line for line in finished.out.splitlines() if line.startswith("  counters ")]
        assert re.fullmatch(
            r"  counters          BLEU, chrF and TER by sacreBLEU: the same numbers, many times slower\. The compiled "
            r"counters \(.*counters\.\w+\) were not built; install evalharness again where there is a C compiler "
            r"\(in a checkout: make run\)\.",
            line,
        )

    @needs_mini
    @pytest.mark.usefixtures("without_unbabel")
    def test_comet_mini_in_every_precision_and_from_no_cache(self, tmp_path: Path) -> None:
        pytest.importorskip("torch", reason="torch is not installed")
        checks = list(check_golden(read_golden(golden("comet_mini"))))
        on_cpu = {check.variant: check for check in checks if check.variant.endswith(" cpu")}
        for precision in ("fp32", "bf16", "int8"):
            assert on_cpu[f"native {precision} cpu"].verdict is Verdict.ok, on_cpu[f"native {precision} cpu"]
        assert on_cpu["unbabel fp32 cpu"].verdict is Verdict.skipped
        assert on_cpu["unbabel fp32 cpu"].reason is not None
        assert {path.name for path in (tmp_path / "cache").glob("*")} <= {"checked"}  # neither rows nor embeddings

    @pytest.mark.slow
    @needs_mini
    def test_everything(self, command: Callable[..., Finished]) -> None:
        pytest.importorskip("comet", reason="unbabel-comet is not installed")
        torch = pytest.importorskip("torch")
        finished = command("doctor")
        assert finished.code == 0, finished.err
        assert finished.out.count(" ok ") >= 8
        skipped = [line.split() for line in finished.out.splitlines() if " skipped " in line]
        absent = {"cuda": not torch.cuda.is_available(), "mps": not torch.backends.mps.is_available()}
        assert {words[3] for words in skipped} == {name for name, is_absent in absent.items() if is_absent}


class TestWrong:
    @pytest.mark.parametrize("name", NAMES)
    def test_a_score_that_is_off_by_a_hundredth(self, name: str, command: Callable[..., Finished]) -> None:
        expected = next(one for one in stored()["metrics"] if one["metric"] == name)["segment_scores"][2]
        finished = command("doctor", "--golden", str(golden("bleu", name, change=shift(2, 0.01))))
        assert finished.code == 1
        assert f"{name} (evalharness): segment 'numbers': expected {expected + 0.01!r}, found " in finished.err
        assert str(expected)[:8] in finished.err.partition("found ")[2]
        assert "Scores of these metrics from this installation are not to be reported." in finished.err
        assert f"  {name:<10}  evalharness       OFF " in finished.out

    @needs_mini
    @pytest.mark.usefixtures("without_unbabel")
    def test_a_score_of_comet_mini(self, command: Callable[..., Finished]) -> None:
        pytest.importorskip("torch", reason="torch is not installed")
        finished = command("doctor", "--golden", str(golden("comet_mini", change=shift(7, 0.01))))
        assert finished.code == 1
        assert "comet_mini (native fp32 cpu): segment 'unrelated': expected " in finished.err
        assert "comet_mini (native bf16 cpu): segment 'unrelated': expected " in finished.err

    def test_a_corpus_score(self, command: Callable[..., Finished]) -> None:
        def change(entry: dict[str, Any]) -> None:
            entry["corpus_score"] -= 0.01

        finished = command("doctor", "--golden", str(golden("chrf", change=change)), "--format", "json")
        assert finished.code == 1
        assert "chrf (evalharness): segment 'corpus': expected" in finished.err
        (check,) = json.loads(finished.out)["checks"]
        assert (check["verdict"], check["deviations"][0]["segment"]) == ("OFF", "corpus")
        assert check["largest_deviation"] == pytest.approx(0.01)

    def test_no_number_is_wrong(self, command: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Chrf, "corpus_scores", lambda self, sums: math.nan)
        finished = command("doctor", "--golden", str(golden("chrf")), "--format", "json")
        assert finished.code == 1
        assert "found nan" in finished.err
        (check,) = json.loads(finished.out)["checks"]
        assert (check["verdict"], check["deviations"][0]["found"]) == ("OFF", None)

    @needs_mini
    def test_comet_that_has_no_memory_is_not_skipped(
        self, command: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("torch", reason="torch is not installed")

        def failing(self: Comet, segments: Sequence[ScoringSegment]) -> None:
            raise ConfigError("COMET: the memory of device=cpu does not hold the model and one text of 9 tokens.")

        monkeypatch.setattr(Comet, "statistics", failing)
        finished = command("doctor", "--golden", str(golden("comet_mini")))
        assert finished.code == 1
        assert "failed with ConfigError: COMET: the memory of device=cpu" in finished.err

    def test_a_metric_that_breaks_leaves_the_others(
        self, command: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(self: Chrf, segments: Sequence[ScoringSegment]) -> None:
            raise ZeroDivisionError("no luck")

        monkeypatch.setattr(Chrf, "statistics", broken)
        finished = command("doctor", "--golden", str(golden(*NAMES)))
        assert finished.code == 1
        assert "chrf (evalharness): failed with ZeroDivisionError: no luck" in finished.err
        verdicts = [line.split()[2] for line in finished.out.splitlines() if "  evalharness       " in line[10:]]
        assert verdicts == ["ok", "OFF", "ok", "ok"]  # chrF++ has rows of its own

    @needs_mini
    def test_other_weights_than_those_of_the_stored_scores(self) -> None:
        pytest.importorskip("torch", reason="torch is not installed")
        (check,) = check_golden(read_golden(golden("comet_mini", change=lambda entry: entry.update(sha256="0" * 64))))
        assert check.verdict is Verdict.off
        assert "the stored scores are of others" in str(check.reason)


class TestSkipped:
    def checked(self) -> Check:
        (check,) = check_golden(read_golden(golden("comet_mini")))
        return check

    def test_without_the_model(self, monkeypatch: pytest.MonkeyPatch, command: Callable[..., Finished]) -> None:
        pytest.importorskip("torch", reason="torch is not installed")
        monkeypatch.setattr(checkpoint, "_MINI_FOLDER", Path("nowhere").absolute())
        check = self.checked()
        assert check.verdict is Verdict.skipped
        assert "nowhere" in str(check.reason)
        finished = command("doctor", "--golden", "golden.json")
        assert finished.code == 0
        assert "  comet_mini  all               skipped  " in finished.out
        assert " ok " not in finished.out

    def test_without_torch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def absent() -> Any:
            raise MissingDependencyError("COMET needs the package torch")

        monkeypatch.setattr("evalharness.workflows.golden.import_torch", absent)
        check = self.checked()
        assert (check.verdict, check.reason) == (Verdict.skipped, "COMET needs the package torch")
