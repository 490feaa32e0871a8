"""Bad input: one clear error each, exit code 2, and nothing written over or left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Finished, spawn, write

BASE = ["run", "testset=plain", "testset.language_pair=zh-en", "testset.source=src.zh", "testset.references=[ref.en]"]
FOLDER = ["systems=[folder]", "systems.folder.path=hyp", "metrics=[bleu]"]


@pytest.fixture(autouse=True)
def _test_set() -> None:
    write("src.zh", "一", "二", "三")
    write("ref.en", "one", "two", "three")
    write("hyp/a.en", "one", "two", "tree")


def refused(finished: Finished, *said: str) -> None:
    assert finished.code == 2, finished.err
    lines = finished.err.strip().splitlines()
    assert len(lines) == 1, finished.err
    for text in said:
        assert text in lines[0]
    assert not Path("results").exists()


def test_a_file_in_place_of_a_folder(command: Callable[..., Finished]) -> None:
    refused(
        command(*BASE, "systems=[folder]", "systems.folder.path=hyp/a.en"),
        "hyp/a.en: is a file; expected a folder",
        "systems.hypotheses.path=hyp/a.en",
    )


def test_too_few_hypotheses(command: Callable[..., Finished]) -> None:
    write("hyp/a.en", "one", "two")
    refused(
        command(*BASE, *FOLDER), "hyp/a.en: 2 hypotheses for 3 segments", "first segment without a hypothesis is '3'"
    )


def test_too_many_hypotheses(command: Callable[..., Finished]) -> None:
    write("hyp/a.en", "one", "two", "three", "four")
    refused(command(*BASE, *FOLDER), "hyp/a.en: 4 hypotheses for 3 segments", "line 4")


def test_references_that_do_not_fit(command: Callable[..., Finished]) -> None:
    write("ref.en", "one", "two")
    refused(command(*BASE, *FOLDER), "ref.en: 2 lines, but src.zh has 3", "missing line is ref.en:3")


@pytest.mark.parametrize("name", ["src.zh", "ref.en", "hyp/a.en"])
def test_empty_file(name: str, command: Callable[..., Finished]) -> None:
    Path(name).write_bytes(b"")
    refused(command(*BASE, *FOLDER), f"{name}: the file is empty")


@pytest.mark.parametrize("name", ["src.zh", "ref.en", "hyp/a.en"])
def test_not_utf8(name: str, command: Callable[..., Finished]) -> None:
    Path(name).write_bytes("a\nb\nnaïve\n".encode("latin-1"))
    refused(command(*BASE, *FOLDER), f"{name}:3:3: not-utf-8: byte 0xef at byte 3 of the line")


def test_duplicate_system_names(command: Callable[..., Finished]) -> None:
    write("hyp/a.txt", "one", "two", "tree")
    refused(command(*BASE, *FOLDER), "a.en and a.txt would both be the system 'a'")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("metrics=[bleu,chfr]", "metrics: no option 'chfr'; did you mean 'chrf'?"),
        ("metrics.bleu.tokeniser=zh", "metrics.bleu.tokeniser: no such setting; did you mean 'tokenize'?"),
        ("+metrics.bleu.unheard=1", "metrics.bleu.unheard: no such setting"),
        ("stats.n_draws=many", "stats.n_draws=many: Value 'many' of type 'str' could not be converted to Integer"),
        ("metrics.bleu.tokenize=13b", "did you mean '13a'?"),
        ("stats.baseline=b", "stats.baseline=b: no such system"),
        ("stats.unit=document", "does not say which document"),
        ("testset.language_pair=zhen", "language pair 'zhen'"),
        ("systems.folder.path=nowhere", "nowhere: no such folder"),
        ("testset.source=nowhere.zh", "nowhere.zh: no such file"),
        ("name=a/b", "name of the run 'a/b'"),
        ("report.decimals=-1", "report.decimals=-1"),
    ],
)
def test_settings(override: str, said: str, command: Callable[..., Finished]) -> None:
    refused(command(*BASE, *FOLDER, override), said)


def test_no_system(command: Callable[..., Finished]) -> None:
    refused(command(*BASE, "systems=[]"), "systems=[]: there is nothing to score")


def test_no_metric(command: Callable[..., Finished]) -> None:
    refused(command(*BASE, *FOLDER[:2], "metrics=[]"), "metrics=[]: there is nothing to score")


def test_a_setting_of_an_option_that_is_not_chosen(command: Callable[..., Finished]) -> None:
    refused(
        command(*BASE, *FOLDER, "metrics.ter.normalized=true"), "the option 'ter' is not chosen", "metrics=[...,ter]"
    )


def test_a_metric_without_its_references(command: Callable[..., Finished]) -> None:
    refused(
        command(*BASE, *FOLDER, "testset.references=[]"),
        "metric 'bleu' needs a reference for every segment, and segment '1' of test set 'src' has none",
    )


def test_one_missing_reference_is_named(command: Callable[..., Finished]) -> None:
    write("set.jsonl", '{"source": "一", "reference": "one"}', '{"source": "二", "reference": null}')
    write("hyp/a.en", "one", "two")
    refused(
        command("run", "testset=jsonl", "testset.language_pair=zh-en", "testset.path=set.jsonl", *FOLDER),
        "metric 'bleu' needs a reference for every segment, and segment '2'",
    )


def test_candidates_of_a_test_set_that_has_none(command: Callable[..., Finished]) -> None:
    refused(command(*BASE), "only an imported test set has candidates beside it", "systems=[folder]")


def test_a_folder_with_another_runs_record(command: Callable[..., Finished]) -> None:
    assert command(*BASE, *FOLDER).code == 0
    record = Path("results/latest").resolve()
    plan = (record / "plan.json").read_text()
    (record / "plan.json").write_text(
        plan.replace('"name": "a"', '"name": "b"').replace('"identity": "', '"identity": "x')
    )
    before = {path: path.read_bytes() for path in record.rglob("*") if path.is_file()}
    finished = command(*BASE, *FOLDER)
    assert finished.code == 2
    assert "holds the record of another run (it differs in systems)" in finished.err
    assert {path: path.read_bytes() for path in record.rglob("*") if path.is_file()} == before


def test_a_record_whose_plan_was_removed(command: Callable[..., Finished]) -> None:
    assert command(*BASE, *FOLDER).code == 0
    record = Path("results/latest").resolve()
    (record / "plan.json").unlink()
    before = {path: path.read_bytes() for path in record.rglob("*") if path.is_file()}
    finished = command(*BASE, *FOLDER)
    assert finished.code == 2
    assert "holds logs of a run, such as " in finished.err
    assert "and no plan.json, which was removed" in finished.err
    assert {path: path.read_bytes() for path in record.rglob("*") if path.is_file()} == before


def test_a_damaged_log(command: Callable[..., Finished]) -> None:
    assert command(*BASE, *FOLDER).code == 0
    log = Path("results/latest/scores/bleu.jsonl").resolve()
    lines = log.read_bytes().split(b"\n")
    log.write_bytes(b"\n".join([lines[0], b"garbage", *lines[2:]]))
    finished = command(*BASE, *FOLDER)
    assert finished.code == 2
    assert "scores/bleu.jsonl:2: not JSON" in finished.err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": ["1"]}, "its id is ['1']; expected a string"),
        ({"id": {}}, "its id is {}; expected a string"),
        ({"id": None}, "its id is None; expected a string"),
        ({"text": 7}, "its text: is int; expected a string"),
        ({"text": ["one"]}, "its text: is list; expected a string"),
        ({"text": "\ud800"}, "its text: character 1 is an unpaired surrogate"),
        ({"key": [1]}, "the hypothesis belongs to another segment or system"),
    ],
)
def test_a_damaged_log_of_hypotheses(changes: dict[str, object], said: str, command: Callable[..., Finished]) -> None:
    assert command(*BASE, *FOLDER).code == 0
    log = Path("results/latest/hypotheses/a.jsonl").resolve()
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join([lines[0], json.dumps({**json.loads(lines[1]), **changes}) + "\n", *lines[2:]]))
    finished = command(*BASE, *FOLDER)
    assert finished.code == 2
    assert f"hypotheses/a.jsonl:2: {said}" in finished.err
    assert "Traceback" not in finished.err


def test_a_line_missing_from_the_scores(command: Callable[..., Finished]) -> None:
    write("hyp/b.en", "one", "two", "three")
    assert command(*BASE, *FOLDER, "metrics=[bleu,chrf]").code == 0
    scores = Path("results/latest/scores.csv")
    whole = scores.read_text()
    scores.write_text("".join(whole.splitlines(keepends=True)[:-1]))
    finished = command("report", "results/latest")
    assert (finished.code, finished.out) == (2, "")
    assert "scores.csv: is damaged: it has 0 lines for system 'b' and metric 'chrf'; expected one" in finished.err
    scores.unlink()
    assert command(*BASE, *FOLDER, "metrics=[bleu,chrf]").code == 0
    assert scores.read_text() == whole


def test_a_country_in_place_of_a_language_is_said(command: Callable[..., Finished]) -> None:
    said = command("run", "testset=plain", "testset.language_pair=en-jp", "testset.references=[ref.en]", *FOLDER)
    assert said.code == 0, said.err
    assert "language pair en-jp: 'jp' is a country; write 'ja'" in said.err
    assert "is a country" not in command(*BASE, *FOLDER).err


def test_tolerated_oddities_are_said_once(command: Callable[..., Finished]) -> None:
    Path("hyp/a.en").write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\nthree\r\n")
    finished = command(*BASE, *FOLDER[:2], "metrics=[chrf]")
    assert finished.code == 0, finished.err
    assert finished.err.count("byte-order-mark: the file begins with U+FEFF") == 1
    assert finished.err.count("windows-line-end: the line ends in \\r\\n") == 1
    assert len([line for line in finished.err.splitlines() if "WARNING" in line]) == 2
    assert "100.0" in finished.out  # sacreBLEU scores the mark: chrF 98.4 (pitfall D6)


@pytest.mark.parametrize("name", ["1e5", "true", "1.50"])
def test_a_name_that_hydra_would_change(name: str, command: Callable[..., Finished]) -> None:
    refused(command(*BASE, *FOLDER, f"name={name}"), "Quote it for Hydra and for the shell, as in 'name=\"1e5\"'")
    finished = command(*BASE, *FOLDER, f'name="{name}"')
    assert finished.code == 0, finished.err
    assert f"Record: results/{name}-" in finished.out


@pytest.mark.parametrize("flags", [["--run", "--multirun"], ["--resolve"]])
def test_flags_that_hydra_refuses(flags: list[str], command: Callable[..., Finished]) -> None:
    refused(command(*BASE, *FOLDER, *flags), "can only be" if len(flags) == 1 else "can be specified")


def test_an_error_of_our_own_is_not_taken_for_hydras(
    command: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("a fault of this program")

    monkeypatch.setattr("evalharness.cli.run.evaluate", broken)
    with pytest.raises(ValueError, match="a fault of this program"):
        command(*BASE, *FOLDER)


@pytest.mark.parametrize("results", ["/dev/null/x", "ref.en"])
def test_a_folder_of_records_that_cannot_be(results: str, command: Callable[..., Finished]) -> None:
    refused(
        command(*BASE, *FOLDER, f"results={results}"),
        f"{results}/src-",
        "`evalharness run` could not read or write this: Not a directory. Check that the path is right",
    )
    assert "Traceback" in command("--debug", *BASE, *FOLDER, f"results={results}").err


def test_a_reader_of_an_error_stream_that_goes_away_is_not_bad_input(
    command: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("evalharness.cli.run.evaluate", broken)
    with pytest.raises(BrokenPipeError):
        command(*BASE, *FOLDER)


def test_a_system_name_that_is_too_long(command: Callable[..., Finished]) -> None:
    write(f"hyp/{'x' * 201}.en", "one", "two", "tree")
    refused(command(*BASE, *FOLDER), f"system name '{'x' * 30}...': has 201 bytes in UTF-8; expected at most 200")


def test_file_names_that_are_not_utf8(command: Callable[..., Finished]) -> None:
    try:
        write("hyp/b\udcff.en", "one", "two", "tree")
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system takes no such name")
    refused(command(*BASE, *FOLDER), r"system name 'b\udcff': is not UTF-8")
    refused(
        command(*BASE, "systems=[hypotheses]", "systems.hypotheses.path=hyp/b\udcff.en"), r"b\udcff.en': is not UTF"
    )
    refused(command("score", "-r", "ref.en", "-l", "zh-en", "hyp/b\udcff.en"), r"'hyp/b\udcff.en': is not UTF-8")
    refused(
        command("import", "hyp/b\udcff.en", "--reader", "plain", "--name", "n", "-l", "zh-en"),
        r"b\udcff.en': is not UTF",
    )


def test_standard_input_cannot_be_imported(command: Callable[..., Finished]) -> None:
    for files in (["-"], ["src.zh", "-"]):
        refused(
            command("import", *files, "--reader", "plain", "--name", "n", "-l", "zh-en"),
            "-: standard input cannot be imported",
        )
    assert not Path("references").exists()


@pytest.mark.parametrize("file", ["scores.csv", "comparisons.csv"])
def test_a_damaged_score_file(file: str, command: Callable[..., Finished]) -> None:
    assert command(*BASE, *FOLDER).code == 0
    (Path("results/latest") / file).write_text("x\n")
    finished = command("report", "results/latest")
    assert (finished.code, finished.out) == (2, "")
    assert f"results/latest/{file}:1: is damaged: begins with 'x'; expected the columns " in finished.err


def test_no_arguments_and_wrong_verbs() -> None:
    assert spawn().returncode == 2
    wrong = spawn("scor")
    assert wrong.returncode == 2
    assert "invalid choice: 'scor'" in wrong.stderr
