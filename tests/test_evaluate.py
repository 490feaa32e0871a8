"""What a run makes of rows that are missing, texts made in Python, and settings that change."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from conftest import Finished

import evalharness as eh
from evalharness.errors import FailedSegmentsError, InputError, RecordError
from evalharness.metrics.base import Needs
from evalharness.records import (
    Array,
    Floats,
    Hypothesis,
    LanguagePair,
    ScoringSegment,
    Segment,
    Signature,
    SourceSegment,
    TestSet,
)

LP = LanguagePair(source="zh", target="en")


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """Characters of the hypothesis per reference character, times a factor that the signature hides."""

    needs: ClassVar[frozenset[Needs]] = frozenset({Needs.REFERENCE})
    higher_is_better: ClassVar[bool] = True
    exact_in_any_batch: ClassVar[bool] = True
    rows_per_call: ClassVar[int] = 100
    display_factor: ClassVar[float] = 1.0
    heading: ClassVar[str] = "Length"

    def for_language_pair(self, lp: LanguagePair) -> Length:
        return self

    def statistics(self, segments: Sequence[ScoringSegment]) -> Array:
        return np.array([[len(segment.hypothesis), len(segment.references[0])] for segment in segments])

    def segment_scores(self, statistics: Array) -> Floats:
        return self.corpus_scores(statistics)

    def corpus_scores(self, sums: Array) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(sums[..., 1] > 0, sums[..., 0] / sums[..., 1], np.nan)

    def signature(self, *, n_references: int | None) -> Signature:
        return Signature(fields=(("version", "1"),))


class TenTimes(Length):
    """Another metric with the same signature."""

    def statistics(self, segments: Sequence[ScoringSegment]) -> Array:
        return super().statistics(segments) * np.array([10, 1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Sometimes:
    """A system that fails on all but the first `n_done` segments."""

    n_done: int
    provenance: str = "made for a test"

    def check(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> None:
        return

    def translate(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> Iterator[Hypothesis]:
        for source in sources:
            done = source.position < self.n_done
            yield Hypothesis(id=source.id, text="a b c d e" if done else None, error=None if done else "broken")

    def signature(self) -> Signature:
        return Signature(fields=(("backend", "sometimes"), ("n", str(self.n_done))))


def made(*references: str, **changes: object) -> TestSet:
    segments = tuple(
        Segment(id=str(number), source="源", references=(reference,)) for number, reference in enumerate(references, 1)
    )
    return replace(TestSet(name="made", language_pair=LP, segments=segments), **changes)


def one(**changes: object) -> TestSet:
    """A test set of one segment."""
    segment = Segment(id="1", source="源", references=("a",))
    return made(segments=(replace(segment, **changes),))  # type: ignore[arg-type]


def lines(run: eh.Run, name: str) -> list[dict[str, str]]:
    with open(run.folder / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_metrics_with_one_signature_keep_their_own_rows() -> None:
    texts = {"mine": ["ab", "abc"]}
    run = eh.evaluate(testset=made("ab", "ab"), systems=texts, metrics={"length": Length(), "ten": TenTimes()})
    # 5 characters for 4, by hand
    assert {line["metric"]: float(line["score"]) for line in lines(run, "scores.csv")} == {"length": 1.25, "ten": 12.5}


class TestMissingScores:
    def test_intervals_are_over_the_segments_there_are(self) -> None:
        testset = made(*["a b c d e"] * 9)
        systems = {"whole": ["a b c d e"] * 9, "part": Sometimes(n_done=3), "one": Sometimes(n_done=1)}
        run = eh.evaluate(testset=testset, systems=systems, metrics=["chrf", "ter"])
        # Every hypothesis there is equals its reference, so every resample of those is perfect.
        perfect = {"chrf": 100.0, "ter": 0.0}
        for line in lines(run, "scores.csv"):
            assert float(line["score"]) == perfect[line["metric"]]
            interval = (line["ci_low"], line["ci_high"])
            if line["system"] == "one":
                assert (line["n_scored"], line["n_missing"], interval) == ("1", "8", ("", ""))
            else:
                assert tuple(map(float, interval)) == (perfect[line["metric"]],) * 2

    def test_a_score_that_is_not_defined_is_missing_and_untested(self) -> None:
        run = eh.evaluate(
            testset=made("", ""), systems={"a": ["x", "xy"], "b": ["y", "yz"]}, metrics={"length": Length()}
        )
        for line in lines(run, "scores.csv"):
            assert (line["score"], line["ci_low"], line["ci_high"], line["n_scored"]) == ("", "", "", "2")
        assert lines(run, "comparisons.csv") == []
        assert "nan" not in run.table().to_text()

    def test_a_score_that_some_swap_leaves_undefined_is_untested(self) -> None:
        # With both segments the ratio is defined; the resamples of the second alone are not.
        run = eh.evaluate(
            testset=made("abc", ""), systems={"a": ["x", "xy"], "b": ["y", "yz"]}, metrics={"length": Length()}
        )
        assert [line["score"] for line in lines(run, "scores.csv")] == ["1.0", "1.0"]
        assert [line["ci_low"] for line in lines(run, "scores.csv")] == ["", ""]

    def test_the_command_says_so(self) -> None:
        run = eh.evaluate(testset=made("a", "b"), systems={"part": Sometimes(n_done=1)}, metrics=["bleu"])
        assert json.loads((run.folder / "done.json").read_text())["n_missing"] == 1
        assert FailedSegmentsError.exit_code == 1


def test_empty_texts_are_said(caplog: pytest.LogCaptureFixture) -> None:
    systems = {"mine": ["one two", " ", ""], "full": ["one two", "x", "two one"]}
    eh.evaluate(testset=made("one two", "", "two one"), systems=systems, metrics=["chrf"])
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        "test set 'made':2 in 'reference 1': empty-line: no text; kept as an empty text.",
        "the given texts of system 'mine':2: empty-line: nothing but U+0020 SPACE; kept as an empty text (and 1 more "
        "of this kind).",
        "mine: 2 of 3 hypotheses are unusable (2 empty-hypothesis); they are scored as they are.",
    ]


class TestTextsMadeInPython:
    @pytest.mark.parametrize(
        ("testset", "said"),
        [
            (made(), "test set 'made': has no segments"),
            (
                made(segments=tuple(Segment(id="1", source="源", references=(text,)) for text in "ab")),
                "segment id '1' occurs twice",
            ),
            (
                made(segments=(Segment(id="1", source="源", references="one cat"),)),  # type: ignore[arg-type]
                "segment '1': its references are str; expected a tuple of strings",
            ),
            (
                made(segments=(Segment(id="1", source="源", references=(None,)),)),  # type: ignore[arg-type]
                "segment '1': reference 1: is NoneType; expected a string",
            ),
            (
                made(segments=(Segment(id="1", source=b"x", references=("a",)),)),  # type: ignore[arg-type]
                "segment '1': source: is bytes; expected a string",
            ),
            (one(id=0), "segment 1: id: is int; expected a string"),
            (one(id="\ud800"), "segment 1: id: character 1 is an unpaired surrogate"),
            (one(document=1), "segment '1': document: is int; expected a string"),
            (one(document="d\udfff"), "segment '1': document: character 2 is an unpaired surrogate"),
            (one(domain=1.5), "segment '1': domain: is float; expected a string"),
            (one(domain="\ud800"), "segment '1': domain: character 1 is an unpaired surrogate"),
            (made("a", name=7), "name of the test set 7: is int; expected a string"),
            (made("a", name="n\ud800"), r"name of the test set 'n\\ud800': character 2 is an unpaired surrogate"),
            (made("a", provenance="\ud800"), "test set 'made': provenance: character 1 is an unpaired surrogate"),
            (made("a", provenance=None), "test set 'made': provenance: is NoneType; expected a string"),
            (
                made("a", language_pair="zh-en"),
                r"language pair is 'zh-en', a str; expected a LanguagePair, such as LanguagePair.parse\('zh-en'\)",
            ),
            (made("a", language_pair=LanguagePair(source=1, target="en")), "source language: is int"),  # type: ignore[arg-type]
            (made("a", language_pair=LanguagePair(source="zh", target="\ud800")), "target language: character 1"),
            (made(segments="ab"), "test set 'made': its segments are str; expected a tuple of Segment"),
            (made(segments=None), "test set 'made': its segments are NoneType; expected a tuple of Segment"),
            (made(segments=({"id": "1"},)), "segment 1: is dict; expected a Segment"),
        ],
    )
    def test_are_checked_like_files(self, testset: TestSet, said: str) -> None:
        with pytest.raises(InputError, match=said):
            eh.evaluate(testset=testset, systems={"mine": ["a"]}, metrics=["bleu"], name="x")
        assert not Path("results").exists()

    def test_must_make_a_test_set(self) -> None:
        class Wrong:
            def read(self) -> str:
                return "text"

        with pytest.raises(InputError, match="the test set is a str; expected a TestSet"):
            eh.evaluate(testset=Wrong(), systems={"mine": ["a"]}, metrics=["bleu"])  # type: ignore[arg-type]
        assert not Path("results").exists()

    def test_are_named_in_the_settings(self) -> None:
        run = eh.evaluate(
            testset=made("ab"), systems={"mine": ["ab"]}, metrics={"length": Length()}, results="r", name="x"
        )
        settings = run.plan.settings
        assert settings["testset"] == "TestSet 'made', made in Python"
        assert settings["systems"] == {"mine": "list, made in Python"}
        assert settings["metrics"] == {"length": "Length()"}
        assert (settings["results"], settings["name"]) == ("r", "x")


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd(Sometimes):
    """A system that gives the second segment something else than a text."""

    given: Any

    def translate(self, sources: Sequence[SourceSegment], lp: LanguagePair) -> Iterator[Hypothesis]:
        for source in sources:
            yield Hypothesis(id=source.id, text=self.given if source.id == "2" else "a")


@pytest.mark.parametrize(
    ("given", "said"), [(7, "is int; expected a string"), ("\ud800", "character 1 is an unpaired surrogate")]
)
def test_a_system_gives_texts(given: object, said: str) -> None:
    with pytest.raises(InputError, match=f"system 'odd': hypothesis for segment '2': {said}"):
        eh.evaluate(testset=made("a", "b"), systems={"odd": Odd(n_done=1, given=given)}, metrics=["chrf"])
    (log,) = Path("results").glob("*/hypotheses/odd.jsonl")
    assert [json.loads(line)["id"] for line in log.read_text().splitlines()] == ["1"]  # what was good is kept


class TestDerivedFiles:
    def test_a_table_that_was_removed_comes_back(self, command: Callable[..., Finished]) -> None:
        words = ["run", "metrics=[bleu]", "report.segments_csv=true"]
        assert command(*words).code == 0
        removed = [Path("results/latest") / name for name in ("tables/systems.tex", "segments.csv", "comparisons.csv")]
        expected = [path.read_bytes() for path in removed]
        for path in removed:
            path.unlink()
            assert command(*words).code == 0
        assert [path.read_bytes() for path in removed] == expected

    def test_they_follow_the_name_of_the_test_set(self) -> None:
        run = eh.evaluate(testset=made("ab"), systems={"mine": ["ab"]}, metrics=["bleu"], name="x")
        again = eh.evaluate(testset=made("ab", name="other"), systems={"mine": ["ab"]}, metrics=["bleu"], name="x")
        assert again.folder == run.folder
        assert set(again.segments["testset"]) == {"other"}
        assert "other zh-en" in (again.folder / "tables/systems.md").read_text()

    def test_uncorrected_values_are_not_called_corrected(self, command: Callable[..., Finished]) -> None:
        assert command("run", "metrics=[bleu]", "stats.correction=none").code == 0
        run = eh.open_run("results/latest")
        assert {line["p_holm"] for line in lines(run, "comparisons.csv")} == {""}
        assert run.comparisons["p_holm"].isna().all()

    def test_a_repeated_run_leaves_the_plan_as_it_was(self, command: Callable[..., Finished]) -> None:
        assert command("run", "metrics=[bleu]").code == 0
        plan = Path("results/latest/plan.json").resolve()
        began = json.loads(plan.read_text()) | {"created": "2001-01-01T00:00:00+00:00", "versions": {"python": "3.0"}}
        plan.write_text(json.dumps(began))
        modified = plan.stat().st_mtime_ns
        assert command("run", "metrics=[bleu]").code == 0
        assert plan.stat().st_mtime_ns == modified
        assert command("run", "metrics=[bleu]", "stats.seed=7").code == 0
        continued = json.loads(plan.read_text())
        assert (continued["created"], continued["versions"]) == (began["created"], began["versions"])
        assert continued["settings"]["stats"]["seed"] == 7


@pytest.mark.parametrize("statistics", ['"x"', "[1, 2]", '["a", 1, 1, 1, 1, 1, 1, 1, 1, 1]', "[NaN]", "{}"])
def test_a_damaged_row_is_named(command: Callable[..., Finished], statistics: str) -> None:
    assert command("run", "metrics=[bleu]").code == 0
    log = Path("results/latest/scores/bleu.jsonl").resolve()
    entries = log.read_text().splitlines(keepends=True)
    head = entries[3].partition('"statistics":')[0]
    log.write_text("".join([*entries[:3], f'{head}"statistics": {statistics}}}\n', *entries[4:]]))
    finished = command("run", "metrics=[bleu]")
    assert finished.code == RecordError.exit_code
    assert "scores/bleu.jsonl:4: its statistics are not a row of numbers" in finished.err
    assert "Traceback" not in finished.err


def test_a_folder_of_something_else_is_left_alone(command: Callable[..., Finished]) -> None:
    command("run", "metrics=[bleu]")
    folder = Path("results/latest").resolve()
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (folder / "mine.txt").write_text("mine")
    finished = command("run", "metrics=[bleu]")
    assert finished.code == 2
    assert "is not empty and holds no plan.json" in finished.err
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_other_settings_take_the_mark_of_completion_with_the_plan(command: Callable[..., Finished]) -> None:
    assert command("run", "metrics=[bleu]").code == 0
    record = Path("results/latest").resolve()
    log = record / "scores" / "bleu.jsonl"
    log.write_text("garbage\n" + log.read_text())
    assert command("run", "metrics=[bleu]", "stats.baseline=gloss").code == 2
    assert not (record / "done.json").exists()


def test_an_older_segments_csv_goes(command: Callable[..., Finished]) -> None:
    assert command("run", "metrics=[bleu]", "report.segments_csv=true").code == 0
    assert Path("results/latest/segments.csv").exists()
    assert command("run", "metrics=[bleu]").code == 0
    assert not Path("results/latest/segments.csv").exists()


def test_a_metric_cannot_be_called_like_a_column() -> None:
    with pytest.raises(eh.EvalHarnessError, match="metric name 'source': is a column of segments"):
        eh.evaluate(metrics={"source": Length()})
    with pytest.raises(eh.EvalHarnessError, match="metric name 'hypothesis_length': is a column of"):
        eh.evaluate(metrics={"hypothesis_length": Length()})
    run = eh.evaluate(metrics={"length": Length()})
    from evalharness.runs.segments import COLUMNS

    assert set(run.segments.columns) - {"length"} == COLUMNS


@pytest.mark.parametrize("lines", [["- a"], ["# @package metrics.x", "_target_: ${nope}"]])
def test_an_option_that_is_none_is_one_message(command: Callable[..., Finished], lines: list[str]) -> None:
    Path("mine/metrics").mkdir(parents=True)
    Path("mine/metrics/x.yaml").write_text("\n".join(lines) + "\n")
    finished = command("run", "--config-dir", "mine", "metrics=[x]")
    assert finished.code == 2
    assert "Traceback" not in finished.err
