"""`evalharness score`: sacreBLEU's flags, the same workflow."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sacrebleu
from conftest import Finished, write

import evalharness as eh

SOURCES = ["今天天气很好。", "我喜欢喝茶。", "再见!"]
ONE = ["The weather is very good today.", "I like to drink tea.", "Goodbye!"]
TWO = ["It is a fine day.", "I like tea.", "See you!"]
A = ["The weather today is very good.", "I love drinking tea.", "Goodbye!"]
B = ["It is fine weather.", "I like tea a lot.", "Bye."]


@pytest.fixture
def files() -> list[str]:
    write("src.zh", *SOURCES)
    write("ref.A.en", *ONE)
    write("ref.B.en", *TWO)
    write("hyp/a.en", *A)
    write("hyp/b.en", *B)
    return ["-s", "src.zh", "-r", "ref.A.en", "ref.B.en", "-l", "zh-en"]


def test_it_writes_the_record_that_run_writes(files: list[str], command: Callable[..., Finished]) -> None:
    scored = command(
        "score", *files, "-m", "bleu", "chrf", "--results", "x", "--name", "n", "-i", "hyp/a.en", "hyp/b.en"
    )
    assert scored.code == 0, scored.err
    ran = command(
        "run", "testset=plain", "testset.language_pair=zh-en", "testset.source=src.zh", "name=n", "results=y",
        "testset.references=[ref.A.en,ref.B.en]", "metrics=[bleu,chrf]", "systems=[folder]", "systems.folder.path=hyp",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert Path("x/latest").readlink() == Path("y/latest").readlink()
    for name in ("scores.csv", "comparisons.csv", "tables/systems.md", "scores/bleu.jsonl"):
        assert (Path("x/latest") / name).read_bytes() == (Path("y/latest") / name).read_bytes()


def test_bare_number(files: list[str], command: Callable[..., Finished]) -> None:
    expected = sacrebleu.BLEU().corpus_score(A, [ONE, TWO]).score
    assert command("score", *files, "-m", "bleu", "-b", "hyp/a.en").out == f"{expected:.1f}\n"
    assert command("score", *files, "-m", "bleu", "-b", "-w", "4", "hyp/a.en").out == f"{expected:.4f}\n"
    chrf = sacrebleu.CHRF().corpus_score(A, [ONE, TWO]).score
    assert command("score", *files, "-m", "bleu", "chrf", "-b", "hyp/a.en").out == f"{expected:.1f}\n{chrf:.1f}\n"


@pytest.mark.parametrize("flags", [["-m", "bleu", "chrf"], ["-m", "bleu", "-m", "chrf"]])
def test_a_flag_given_twice_adds_to_the_first(
    flags: list[str], files: list[str], command: Callable[..., Finished]
) -> None:
    settings = ["--set", "stats.level=0.9", "--set", "report.page=false"]
    twice = [*files[:2], "-r", "ref.A.en", "-r", "ref.B.en", *files[5:]]
    scored = command("score", *twice, *flags, *settings, "-i", "hyp/a.en", "-i", "hyp/b.en")
    assert scored.code == 0, scored.err
    run = eh.open_run("results/latest")
    assert set(run.scores["metric"]) == {"bleu", "chrf"}
    assert set(run.scores["system"]) == {"a", "b"}
    assert json.loads(Path("results/latest/plan.json").read_text())["settings"]["stats"]["level"] == 0.9
    assert "nrefs:2" in run.scores["signature"][0]
    assert not Path("results/latest/report.html").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["-m", "bleu", "hyp/b.en", "hyp/a.en"],
        ["--set", "stats.level=0.9", "hyp/b.en", "-m", "bleu", "hyp/a.en"],
        ["-m", "bleu", "--set", "stats.level=0.9", "hyp/b.en", "hyp/a.en"],
        ["hyp/b.en", "-m", "bleu", "hyp/a.en"],
        ["-m", "bleu", "hyp/b.en", "--input=hyp/a.en"],
        ["-ihyp/b.en", "-m", "bleu", "hyp/a.en"],
    ],
)
def test_files_behind_a_flag_that_takes_many_are_hypotheses_in_the_order_given(
    words: list[str], files: list[str], command: Callable[..., Finished]
) -> None:
    scored = command("score", "-b", "-w", "4", *files, *words)
    assert scored.code == 0, scored.err
    expected = [sacrebleu.BLEU().corpus_score(texts, [ONE, TWO]).score for texts in (B, A)]
    assert scored.out == "".join(f"{score:.4f}\n" for score in expected)
    if "--set" in words:
        settings = json.loads(Path("results/latest/plan.json").read_text(encoding="utf-8"))["settings"]
        assert settings["stats"]["level"] == 0.9


def test_a_file_called_like_a_metric_takes_no_metric_away(files: list[str], command: Callable[..., Finished]) -> None:
    write("bleu", *A)
    scored = command("score", *files, "-b", "-m", "bleu", "--set", "cache=false", "bleu")
    assert scored.out == f"{sacrebleu.BLEU().corpus_score(A, [ONE, TWO]).score:.1f}\n", scored.err


def test_equal_to_the_sacrebleu_command(files: list[str], command: Callable[..., Finished]) -> None:
    theirs = subprocess.run(
        [sys.executable, "-m", "sacrebleu", "ref.A.en", "ref.B.en", "-i", "hyp/a.en", "-m", "bleu", "chrf", "ter",
         "-w", "9", "-f", "json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    ours = json.loads(command("score", *files, "-m", "bleu", "chrf", "ter", "-f", "json", "hyp/a.en").out)
    for own, other in zip(ours, json.loads(theirs.stdout), strict=True):
        assert own["name"] == other["name"]
        assert own["score"] == pytest.approx(other["score"], abs=1e-9)
        assert own["signature"] == other["signature"]
        for key in ("nrefs", "case", "tok", "version"):
            assert own.get(key) == other.get(key)


def test_json_of_several_systems_has_signatures(files: list[str], command: Callable[..., Finished]) -> None:
    arguments = [*files, "-m", "bleu", "-f", "json", "--baseline", "b", "-i", "hyp/a.en", "hyp/b.en"]
    first, second = json.loads(command("score", *arguments).out)
    assert (first["system"], second["system"]) == ("a", "b")
    assert first["BLEU"]["signature"].startswith("nrefs:2|case:mixed")
    assert 0 < first["BLEU"]["p_value"] <= 1
    assert second["BLEU"]["p_value"] is None


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("text", "ref zh-en"),
        ("markdown", "**ref zh-en"),
        ("latex", "% requires \\usepackage{booktabs}"),
        ("tsv", "System\tBLEU\tBLEU low\tBLEU high\n"),
    ],
)
def test_formats(form: str, start: str, files: list[str], command: Callable[..., Finished]) -> None:
    finished = command("score", *files[2:], "-m", "bleu", "-f", form, "hyp/a.en")
    assert finished.out.startswith(start.replace("ref zh", "ref.A zh")), finished.out
    assert finished.err.splitlines()[-1].startswith("Record: results/ref.A-")


def test_sentence_level(files: list[str], command: Callable[..., Finished]) -> None:
    bleu, chrf = sacrebleu.BLEU(effective_order=True), sacrebleu.CHRF()
    expected = [
        [f"{metric.sentence_score(hyp, list(refs)).score:.9f}" for metric in (bleu, chrf)]
        for hyp, *refs in zip(A, ONE, TWO, strict=True)
    ]
    finished = command("score", *files, "-m", "bleu", "chrf", "-sl", "-w", "9", "hyp/a.en")
    lines = [line.split("\t") for line in finished.out.splitlines()]
    assert lines[0] == ["system", "segment", "bleu", "chrf"]
    assert [line[2:] for line in lines[1:]] == expected
    bare = command("score", *files, "-m", "bleu", "--sentence-level", "-b", "-w", "9", "hyp/a.en")
    assert bare.out.splitlines() == [line[0] for line in expected]
    objects = json.loads(command("score", *files, "-m", "bleu", "-sl", "-f", "json", "hyp/a.en").out)
    assert [entry["segment"] for entry in objects] == ["1", "2", "3"]


@pytest.mark.parametrize("arguments", [["-w", "-1", "-b"], ["-w", "-1", "-sl"], ["-w", "99"], ["-w", "x"]])
def test_a_width_that_cannot_be(arguments: list[str], files: list[str], command: Callable[..., Finished]) -> None:
    finished = command("score", *files, "-m", "bleu", *arguments, "hyp/a.en")
    assert finished.code == 2
    assert f"-w/--width: {arguments[1]!r}: expected a whole number of digits, from 0 to 15" in finished.err
    assert not Path("results").exists()
    reported = command("report", "results/latest", *arguments[:2])
    assert reported.code == 2
    assert "expected a whole number of digits, from 0 to 15" in reported.err


def test_segments_of_the_metrics_that_could_be_had(files: list[str], command: Callable[..., Finished]) -> None:
    arguments = [*files, "-m", "bleu", "comet", "--model", "/nowhere/model.ckpt", "-sl"]
    finished = command("score", *arguments, "--", "hyp/a.en")
    assert finished.code == 3, finished.err
    assert finished.err.count("evalharness: error: ") == 1
    assert finished.out.splitlines()[0] == "system\tsegment\tbleu"
    assert len(finished.out.splitlines()) == 4
    as_json = command("score", *arguments, "-f", "json", "--", "hyp/a.en")
    assert as_json.code == 3
    assert [sorted(entry) for entry in json.loads(as_json.out)] == [["bleu", "segment", "system"]] * 3
    alone = command("score", *files, "-m", "comet", "--model", "/nowhere/model.ckpt", "-sl", "-b", "--", "hyp/a.en")
    assert (alone.code, alone.out) == (3, "")


def test_json_says_null_for_a_metric_that_could_not_be_had(files: list[str], command: Callable[..., Finished]) -> None:
    arguments = [*files, "-m", "bleu", "comet", "--model", "/nowhere/model.ckpt", "-f", "json", "--"]
    one = command("score", *arguments, "hyp/a.en")
    assert one.code == 3
    assert [(entry["name"], entry["score"] is None) for entry in json.loads(one.out)] == [
        ("BLEU", False),
        ("COMET (model)", True),
    ]
    assert (json.loads(one.out)[1]["n_scored"], json.loads(one.out)[1]["n_missing"]) == (0, 3)
    for entry in json.loads(command("score", *arguments, "hyp/a.en", "hyp/b.en").out):
        assert (entry["COMET (model)"]["score"], entry["COMET (model)"]["p_value"]) == (None, None)
        assert entry["BLEU"]["score"] is not None


def test_a_flag_that_is_not_given_leaves_what_set_says(files: list[str], command: Callable[..., Finished]) -> None:
    finished = command(
        "score", *files[2:], "-m", "bleu", "--set", "results=foo", "name=mine", "testset.source=src.zh",
        "metrics.bleu.lowercase=true", "--", "hyp/a.en",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    assert not Path("results").exists()
    assert str(Path("foo/latest").readlink()).startswith("mine-")
    assert "case:lc" in finished.out
    assert eh.open_run("foo/latest").segments["source"].tolist() == SOURCES
    write("mine.zh", *["郑州。"] * 9)
    reverse = command("score", "-t", "zhengzhou", "-m", "bleu", "--set", "testset.language_pair=en-zh", "--", "mine.zh")
    assert "tok:zh" in reverse.out


@pytest.mark.parametrize(
    ("flags", "metric"), [(["-lc"], "bleu"), (["-tok", "char"], "bleu"), (["--model", "Unbabel/any"], "comet")]
)
def test_a_flag_of_a_metric_that_is_not_chosen_is_refused(
    flags: list[str], metric: str, files: list[str], command: Callable[..., Finished]
) -> None:
    finished = command("score", *files, "-m", "chrf", "ter", *flags, "-i", "hyp/a.en")
    assert finished.code == 2
    assert f"{flags[0]}: is a setting of {metric}, which is not among the metrics (chrf, ter)." in finished.err
    assert not Path("results").exists()


def test_json_keeps_metrics_of_one_heading_apart(files: list[str], command: Callable[..., Finished]) -> None:
    arguments = [*files, "-f", "json", "-m", "chrf", "chrfpp", "bleu", "--set", "metrics.chrf.word_order=2"]
    arguments += ["metrics.chrf.lowercase=true", "--"]
    expected = {
        "chrF2++ (chrf)": sacrebleu.CHRF(word_order=2, lowercase=True).corpus_score(A, [ONE, TWO]).score,
        "chrF2++ (chrfpp)": sacrebleu.CHRF(word_order=2).corpus_score(A, [ONE, TWO]).score,
        "BLEU": sacrebleu.BLEU().corpus_score(A, [ONE, TWO]).score,
    }
    one = json.loads(command("score", *arguments, "hyp/a.en").out)
    assert {entry["name"]: entry["score"] for entry in one} == pytest.approx(expected)
    several = json.loads(command("score", *arguments, "hyp/a.en", "hyp/b.en").out)
    assert {name: several[0][name]["score"] for name in several[0] if name != "system"} == pytest.approx(expected)


def test_json_has_no_nan(files: list[str], command: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evalharness.cli.score._p_value", lambda *_: float("nan"))
    finished = command("score", *files, "-m", "bleu", "-f", "json", "hyp/a.en", "hyp/b.en")
    assert [entry["BLEU"]["p_value"] for entry in json.loads(finished.out)] == [None, None]
    assert "NaN" not in finished.out


def test_sources_from_standard_input(files: list[str]) -> None:
    piped = subprocess.run(
        [sys.executable, "-m", "evalharness", "score", "-s", "-", *files[2:], "-m", "bleu", "-b", "hyp/a.en"],
        input="".join(f"{line}\n" for line in SOURCES), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert piped.returncode == 0, piped.stderr
    assert str(Path("results/latest").readlink()).startswith("stdin-")
    assert eh.open_run("results/latest").segments["source"].tolist() == SOURCES


@pytest.mark.parametrize(
    "arguments",
    [["-s", "-", "-r", "-", "-i", "hyp/a.en"], ["-s", "-", "-r", "ref.A.en"], ["-r", "ref.A.en", "-i", "-", "-"]],
)
def test_standard_input_is_read_once(arguments: list[str], files: list[str], command: Callable[..., Finished]) -> None:
    finished = command("score", *arguments, "-l", "zh-en")
    assert finished.code == 2
    assert "-: standard input is asked for 2 times" in finished.err
    assert not Path("results").exists()


def test_standard_input(files: list[str]) -> None:
    command = [sys.executable, "-m", "evalharness", "score", *files, "-m", "bleu", "-b"]
    piped = subprocess.run(
        command, input="".join(f"{line}\n" for line in A), capture_output=True, text=True, check=True
    )
    assert piped.stdout == f"{sacrebleu.BLEU().corpus_score(A, [ONE, TWO]).score:.1f}\n"


def test_standard_input_keeps_carriage_returns_inside_lines(
    files: list[str], command: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    # pitfall D6: sacreBLEU splits here when it reads standard input, and not when it reads a file
    text = "".join(f"{line}\n" for line in [A[0].replace("very", "\rvery"), *A[1:]])
    from evalharness import textio

    textio._standard_input.cache_clear()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    finished = command("score", *files, "-m", "bleu", "-b")
    textio._standard_input.cache_clear()
    assert finished.code == 0, finished.err


def test_an_imported_test_set(command: Callable[..., Finished]) -> None:
    write("mine.en", *["Zhengzhou."] * 9)
    finished = command("score", "-t", "zhengzhou", "-m", "chrf", "mine.en")
    assert finished.code == 0, finished.err
    assert eh.open_run("results/latest").plan.testset.name == "zhengzhou"
    write("mine.zh", *["郑州。"] * 9)
    reverse = command("score", "-t", "zhengzhou", "-l", "en-zh", "-m", "bleu", "mine.zh")
    assert reverse.code == 0, reverse.err
    assert "tok:zh" in reverse.out


def test_flags_for_bleu(files: list[str], command: Callable[..., Finished]) -> None:
    finished = command("score", *files, "-m", "bleu", "-tok", "char", "-lc", "hyp/a.en")
    assert "case:lc|eff:no|tok:char" in finished.out
    other = command("score", *files, "-m", "chrf", "--set", "metrics.chrf.beta=3", "--", "hyp/a.en")
    assert "chrF3" in other.out


def test_names_with_odd_characters(files: list[str], command: Callable[..., Finished]) -> None:
    finished = command("score", *files, "-m", "bleu", "--", write("hyp/a=b, [c] ${x}/GPT-4.1 (${v}, 2=b).en", *A))
    assert finished.code == 0, finished.err
    assert "GPT-4.1 (${v}, 2=b)" in finished.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-l", "zh-en", "hyp/a.en"], "no test set: give -r FILE"),
        (["-r", "ref.A.en", "-i", "hyp/a.en"], "no language pair: give -l SRC-TGT"),
        (["-t", "zhengzhou", "-r", "ref.A.en", "-i", "hyp/a.en"], "-t names a test set"),
        (["-r", "ref.A.en", "-l", "zh-en", "-m", "blue", "--", "hyp/a.en"], "did you mean 'bleu'?"),
        (["-r", "ref.A.en", "-l", "zh-en", "--set", "cache=false", "hyp/c.en"], "--set hyp/c.en: is no KEY=VALUE, and"),
        (["-r", "ref.A.en", "-l", "zh-en", "-lc", "--set", "metrics=[]", "--", "hyp/a.en"], "the metrics (none)"),
        (["-r", "ref.A.en", "-l", "zh-en", "hyp/a.en", "hyp/a.en"], "two systems are called 'a'"),
        (["-r", "ref.A.en", "-l", "zh-en", "--baseline", "c", "hyp/a.en"], "stats.baseline=c: no such system"),
    ],
)
def test_what_is_wrong_is_named(
    arguments: list[str], said: str, files: list[str], command: Callable[..., Finished]
) -> None:
    finished = command("score", *arguments)
    assert finished.code == 2
    assert said in finished.err
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "systems=[folder]"], "systems are the files of hypotheses here"),
        (["--set", "systems.folder.path=x"], "systems are the files of hypotheses here"),
        (["--set", "testset.language_pair=en-zh"], "a flag sets testset.language_pair already"),
        (["-m", "bleu", "--set", "metrics=[ter]"], "a flag sets metrics already"),
        (["--results", "a", "--set", "results=b"], "a flag sets results already"),
    ],
)
def test_nothing_is_set_twice(command: Callable[..., Finished], words: list[str], said: str) -> None:
    write("ref.en", "a b c d")
    write("mine.en", "a b c d")
    finished = command("score", "-r", "ref.en", "-l", "zh-en", "-i", "mine.en", *words)
    assert finished.code == 2
    assert said in finished.err
    assert not Path("results").exists()


def test_bare_scores_keep_their_lines_where_a_model_is_missing(
    command: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    from evalharness.errors import MissingModelError
    from evalharness.metrics.lexical import Chrf

    def missing(self: Chrf, *, n_references: int | None) -> None:
        raise MissingModelError("the model is not here")

    monkeypatch.setattr(Chrf, "signature", missing)
    write("ref.en", "a b c d")
    for name in ("one", "two"):
        write(f"{name}.en", "a b c d")
    finished = command(
        "score", "-r", "ref.en", "-l", "zh-en", "-b", "-m", "bleu", "chrf", "ter", "--", "one.en", "two.en"
    )
    assert finished.code == 3
    assert finished.out.split() == ["100.0", "nan", "0.0"] * 2
