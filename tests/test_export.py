"""Export: what each format brings through, byte for byte, what it refuses, and that other tools read it as we do."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import REPOSITORY, Finished, write
from data_folder import wmt22
from hostile import TEXTS, WITH_LINE_ENDS, WITH_TABS, hostile_testset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import evalharness as eh
from evalharness.errors import EvalHarnessError, InputError
from evalharness.fingerprint import fingerprint_testset
from evalharness.records import ErrorSpan, LanguagePair, Segment, TestSet
from evalharness.systems.files import Folder, HypothesisColumns
from evalharness.testsets.base import Reader
from evalharness.testsets.delimited import Csv, Delimited
from evalharness.testsets.evalset import EvalSet
from evalharness.testsets.export import files_of, format_names
from evalharness.testsets.exportable import Exportable, ExportedScores
from evalharness.testsets.jsonl import Jsonl
from evalharness.testsets.library import Library
from evalharness.testsets.plain import Plain
from evalharness.testsets.wmt25 import Wmt25
from evalharness.workflows.export import exportable_run, write_export
from evalharness.workflows.import_testset import import_testset

pytestmark = pytest.mark.usefixtures("errors_in_texts_are_warnings")

CANDIDATES = REPOSITORY / "references" / "zhengzhou" / "candidates"
COLUMNS = {
    "id_column": "id",
    "document_column": "document",
    "domain_column": "domain",
    "original_language_column": "original_language",
}


def reader(format_name: str, folder: Path, testset: TestSet) -> Reader:
    """A reader of everything that the format carries."""
    lp = str(testset.language_pair)
    names = [f"ref{'AB'[position]}" for position in range(testset.n_references() or 0)]
    if format_name == "plain":
        return Plain(
            language_pair=lp,
            source=str(folder / "src.zh"),
            references=tuple(str(folder / f"ref.{name[3:]}.en") for name in names),
            documents=str(folder / "documents.txt"),
            domains=str(folder / "domains.txt"),
            original_languages=str(folder / "original-languages.txt"),
            name=testset.name,
        )
    if format_name == "tsv":
        path = str(folder / "segments.tsv")
        return Delimited(path=path, language_pair=lp, reference_columns=tuple(names), name=testset.name, **COLUMNS)
    if format_name == "jsonl":
        path = str(folder / "segments.jsonl")
        return Jsonl(path=path, language_pair=lp, reference_columns=("references",), name=testset.name, **COLUMNS)
    if format_name == "evalset":
        return EvalSet(path=str(folder), language_pair=lp, name=testset.name)
    return Wmt25(path=str(folder / "wmt25-genmt.jsonl"), language_pair=lp, name=testset.name)


def without_original_language(testset: TestSet) -> TestSet:
    segments = tuple(dataclasses.replace(segment, original_language=None) for segment in testset.segments)
    return dataclasses.replace(testset, segments=segments)


CARRIED = {
    "plain": hostile_testset(*TEXTS, *WITH_TABS),
    "tsv": hostile_testset(*TEXTS),
    "jsonl": hostile_testset(*TEXTS, *WITH_TABS, *WITH_LINE_ENDS),
    "wmt25": hostile_testset(*TEXTS, *WITH_TABS, *WITH_LINE_ENDS),
    # mt-metrics-eval ends lines at a lone \r, and knows no original language
    "evalset": without_original_language(hostile_testset(*(text for text in (*TEXTS, *WITH_TABS) if "\r" not in text))),
}


def as_bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("format_name", CARRIED)
def test_what_a_format_carries_survives_byte_for_byte(format_name: str, command: Callable[..., Finished]) -> None:
    testset = CARRIED[format_name]
    write_export(Exportable(testset=testset), format_name=format_name, folder=Path("first"))
    read, folder = import_testset(
        reader(format_name, Path("first"), testset), files=[Path("first")], references=Path("references"),
        license_note="mine",
    )  # fmt: skip
    assert read.segments == testset.segments
    assert Library(name="hostile").read().segments == testset.segments
    assert fingerprint_testset(Library(name="hostile").read()) == fingerprint_testset(testset)
    finished = command("export", "hostile", "--format", format_name, "--output", "second")
    assert finished.code == 0, finished.err
    assert as_bytes(Path("second")) == as_bytes(Path("first"))
    # what was read is kept beside it, as it was
    assert as_bytes(folder / "raw") == as_bytes(Path("first"))


def test_every_format_with_texts_is_among_those_above() -> None:
    assert set(format_names()) - {"comet"} == set(CARRIED)


def refused_or_carried(format_name: str, testset: TestSet, folder: Path) -> None:
    try:
        files = files_of(format_name, Exportable(testset=testset))
    except InputError:
        return
    for place, content in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    assert reader(format_name, folder, testset).read().segments == testset.segments


@pytest.mark.parametrize("format_name", CARRIED)
@given(texts=st.lists(st.text(max_size=6) | st.sampled_from(["\r", "\n", "\t", "\ufeff"]), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_refused_or_survives(format_name: str, texts: list[str], tmp_path: Path) -> None:
    made = hostile_testset(*texts)
    refused_or_carried(format_name, without_original_language(made) if format_name == "evalset" else made, tmp_path)


@given(labels=st.lists(st.text(min_size=1, max_size=4), min_size=2, max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_document_and_domain_is_refused_or_survives(labels: list[str], tmp_path: Path) -> None:
    segments = tuple(
        Segment(
            id=str(at + 1), source="s", references=("a", "b"), document=label, domain=labels[0], original_language="x"
        )
        for at, label in enumerate(labels)
    )
    testset = TestSet(name="labels", language_pair=LanguagePair.parse("zh-en"), segments=segments)
    for format_name in CARRIED:
        made = without_original_language(testset) if format_name == "evalset" else testset
        refused_or_carried(format_name, made, tmp_path / format_name)


def changed(**values: object) -> TestSet:
    """A test set of three good segments, the second with these values."""
    good = without_original_language(hostile_testset("one", "two", "three"))
    second = dataclasses.replace(good.segments[1], **values)  # type: ignore[arg-type]
    return dataclasses.replace(good, segments=(good.segments[0], second, good.segments[2]))


@pytest.mark.parametrize(
    ("format_name", "values", "said"),
    [
        ("plain", {"source": "a\nb"}, "segment '2': its source holds a line end; plain cannot carry that"),
        ("plain", {"references": ("x", "y\r")}, "segment '2': its reference holds a carriage return at its end"),
        ("plain", {"references": ("x",)}, "segment '2': has 1 references and segment '1' has 2; plain needs the same"),
        ("plain", {"domain": None}, "segment '2': has no domain, and others have one; plain cannot say so"),
        ("plain", {"source": None}, "segment '2': has no source, and others have one"),
        ("tsv", {"source": "a\tb"}, "segment '2': its source holds a tab; tsv cannot carry that"),
        ("tsv", {"references": ("x", "y\n")}, "segment '2': its refB holds a line end"),
        ("tsv", {"domain": "d\r"}, "segment '2': its row holds a carriage return at its end"),
        ("evalset", {"source": "a\rb"}, "segment '2': its source holds a carriage return, where mt-metrics-eval"),
        ("evalset", {"domain": None}, "segment '2': has no domain; evalset needs one"),
        ("evalset", {"document": "a b"}, "segment '2': its document 'a b' is empty or holds spaces"),
        ("evalset", {"document": "doc.2"}, "segment '3': has"),
        ("wmt25", {"source": None}, "segment '2': has no source; wmt25 needs one"),
    ],
)  # fmt: skip
def test_what_a_format_cannot_carry_is_refused_with_the_first_segment(
    format_name: str, values: dict[str, object], said: str, tmp_path: Path
) -> None:
    testset = changed(**values)
    if values == {"document": "doc.2"}:  # the third is of doc.2 too; the first of another
        first = dataclasses.replace(testset.segments[0], document="doc.2")
        middle = dataclasses.replace(testset.segments[1], document="doc.1")
        testset = dataclasses.replace(testset, segments=(first, middle, testset.segments[2]))
        said = "segment '3': goes on with document 'doc.2' after another one"
    with pytest.raises(InputError) as raised:
        write_export(Exportable(testset=testset), format_name=format_name, folder=tmp_path / "out")
    assert str(raised.value).startswith(said)
    assert not (tmp_path / "out").exists()


def test_references_are_called_by_their_names() -> None:
    testset = dataclasses.replace(changed(), reference_names=("refC", "spellcheck"))
    exportable = Exportable(testset=testset)
    assert [place for place in files_of("plain", exportable) if "ref" in place] == ["ref.C.en", "ref.spellcheck.en"]
    assert files_of("tsv", exportable)["segments.tsv"].split("\n")[0].split("\t")[2:4] == ["refC", "spellcheck"]
    assert "references/zh-en.spellcheck.txt" in files_of("evalset", exportable)
    assert (
        list(json.loads(files_of("wmt25", exportable)["wmt25-genmt.jsonl"].split("\n")[0])["refs"])[1] == "spellcheck"
    )
    clash = dataclasses.replace(changed(), reference_names=("A", "refA"))
    assert "ref.refA.en" in files_of("plain", Exportable(testset=clash))


@pytest.mark.parametrize("name", ["ref.A", "ref-A", "all", "src", "ref A", ""])
def test_names_that_mt_metrics_eval_does_not_take(name: str) -> None:
    testset = dataclasses.replace(changed(), reference_names=("refA", name))
    with pytest.raises(InputError, match=f"^reference '{name}': the name"):
        files_of("evalset", Exportable(testset=testset))


@pytest.mark.parametrize("format_name", ["plain", "tsv", "evalset"])
def test_a_failed_segment_is_refused_where_there_is_no_word_for_it(format_name: str) -> None:
    exportable = Exportable(testset=changed(), outputs={"good": ["a", "b", "c"], "bad": ["a", None, "c"]})
    with pytest.raises(InputError, match=r"^segment '2': system 'bad' gave no hypothesis; \w+ cannot say so"):
        files_of(format_name, exportable)


def test_a_failed_segment_is_null_where_there_is() -> None:
    exportable = Exportable(testset=changed(), outputs={"bad": ["a", None, ""]})
    lines = files_of("wmt25", exportable)["systems/bad.jsonl"].splitlines()
    assert [json.loads(line)["hypothesis"] for line in lines] == ["a", None, ""]
    lines = files_of("jsonl", exportable)["hypotheses.jsonl"].splitlines()
    assert [json.loads(line)["bad"] for line in lines] == ["a", None, ""]


def test_what_is_neither_text_nor_structure_is_said_to_be_left_out(caplog: pytest.LogCaptureFixture) -> None:
    testset = dataclasses.replace(hostile_testset("a", "b"), reference_names=("refB", "refA"))
    testset = dataclasses.replace(
        testset, segments=tuple(dataclasses.replace(segment, id=f"x{segment.id}") for segment in testset.segments)
    )
    files_of("evalset", Exportable(testset=testset))
    files_of("jsonl", Exportable(testset=testset))
    assert [record.getMessage() for record in caplog.records] == [
        "test set hostile: evalset has no place for segment ids (line numbers take their place) and original "
        "languages; left out.",
        "test set hostile: jsonl has no place for the names of references; left out.",
    ]


def test_a_folder_that_holds_something_is_left_alone(command: Callable[..., Finished]) -> None:
    write("out/mine.txt", "keep me")
    finished = command("export", "zhengzhou", "--format", "plain", "--output", "out")
    assert finished.code == 2
    assert "out: is not an empty folder; nothing is written over" in finished.err
    assert as_bytes(Path("out")) == {"mine.txt": b"keep me\n"}


def test_what_is_no_run_has_no_systems_to_choose(command: Callable[..., Finished]) -> None:
    finished = command("export", "zhengzhou", "--format", "plain", "--output", "out", "--systems", "mine")
    assert (finished.code, "zhengzhou: is no run record" in finished.err) == (2, True)
    finished = command("export", "nothing", "--format", "plain", "--output", "out")
    assert (finished.code, "test set 'nothing': no testset.json" in finished.err) == (2, True)


def run_of(testset: TestSet, systems: dict[str, list[str]], *metrics: str) -> eh.Run:
    overrides = ["inputs.on_error=warn"]  # what is hostile about the texts is an error elsewhere
    return eh.evaluate(testset=testset, systems=systems, metrics=list(metrics), overrides=overrides)


class TestRun:
    """A run over a hostile test set, exported and read again by our readers."""

    outputs: ClassVar = {"sys.1": list(TEXTS), "other-sys": list(reversed(TEXTS))}

    def exported(self, format_name: str, *metrics: str, testset: TestSet | None = None) -> Path:
        run = run_of(testset or hostile_testset(*TEXTS), self.outputs, *(metrics or ("bleu", "ter")))
        write_export(exportable_run(run.folder), format_name=format_name, folder=Path("out"))
        return Path("out")

    def texts(self, option: Folder | HypothesisColumns, testset: TestSet) -> dict[str, list[str | None]]:
        sources = testset.sources()
        texts = {}
        for member in option.members(testset.language_pair):
            member.system.check(sources, testset.language_pair)
            by_id = {one.id: one.text for one in member.system.translate(sources, testset.language_pair)}
            texts[member.name] = [by_id[source.id] for source in sources]
        return texts

    def test_plain(self) -> None:
        folder = self.exported("plain")
        testset = hostile_testset(*TEXTS)
        assert self.texts(Folder(path=str(folder / "hyp")), testset) == dict(sorted(self.outputs.items()))

    @pytest.mark.parametrize(("format_name", "ending"), [("tsv", "tsv"), ("jsonl", "jsonl")])
    def test_columns(self, format_name: str, ending: str) -> None:
        folder = self.exported(format_name)
        option = HypothesisColumns(
            path=str(folder / f"hypotheses.{ending}"), columns=tuple(self.outputs), id_column="id"
        )
        assert self.texts(option, hostile_testset(*TEXTS)) == self.outputs

    def test_wmt25(self) -> None:
        folder = self.exported("wmt25")
        testset = Wmt25(path=str(folder / "wmt25-genmt.jsonl"), language_pair="zh-en").read()
        option = Folder(path=str(folder / "systems"), pattern="*.jsonl", column="hypothesis", id_column="doc_id")
        assert self.texts(option, testset) == dict(sorted(self.outputs.items()))

    def test_systems_and_metrics_are_chosen_by_name(self, command: Callable[..., Finished]) -> None:
        run = run_of(changed(), {"a": ["x", "y", "z"], "b": ["x", "y", "q"]}, "bleu", "chrf")
        record = str(run.folder)
        finished = command(
            "export", record, "--format", "evalset", "--output", "out", "--systems", "b", "--metrics", "chrf"
        )  # fmt: skip
        assert finished.code == 0, finished.err
        assert sorted(place for place in as_bytes(Path("out")) if place.startswith(("system", "metric"))) == [
            "metric-scores/zh-en/chrf-refA.refB.seg.score",
            "metric-scores/zh-en/chrf-refA.refB.sys.score",
            "system-outputs/zh-en/b.txt",
        ]
        finished = command("export", record, "--format", "tsv", "--output", "two", "--systems", "c")
        assert (finished.code, "'c': the run has no system of this name" in finished.err) == (2, True)
        finished = command("export", record, "--format", "tsv", "--output", "two", "--metrics", "chrff")
        assert (finished.code, "did you mean 'chrf'?" in finished.err) == (2, True)
        finished = command("export", record, "--format", "tsv", "--output", "two", "-l", "en-zh")
        assert (finished.code, "-l is for test sets" in finished.err) == (2, True)


def mt_metrics_eval(folder: Path, lp: str) -> dict[str, object]:
    """A test set as `EvalSet._ReadDataset` of mt-metrics-eval reads it (mt_metrics_eval/data.py, commit 0a737e4): text
    mode, `rstrip` of lines, `split` of scores and documents, references named by the last but one part of the name."""

    def lines(path: Path) -> list[str]:
        with path.open(encoding="utf-8") as file:
            return [line.rstrip() for line in file]

    def scores(path: Path) -> dict[str, list[float]]:
        read: dict[str, list[float]] = {}
        for line in lines(path):
            system, score = line.split()
            read.setdefault(system, []).append(float(score))
        return read

    documents = [line.split() for line in lines(folder / "documents" / f"{lp}.docs")]
    return {
        "domains": [parts[0] for parts in documents],
        "documents": [parts[1] for parts in documents],
        "src": lines(folder / "sources" / f"{lp}.txt"),
        "refs": {path.name.split(".")[-2]: lines(path) for path in (folder / "references").glob(f"{lp}.*.txt")},
        "outputs": {path.name[: -len(".txt")]: lines(path) for path in (folder / "system-outputs" / lp).glob("*.txt")},
        "scores": {path.name: scores(path) for path in (folder / "metric-scores" / lp).glob("*.score")},
    }


def test_mt_metrics_eval_reads_an_exported_run_as_it_was_scored() -> None:
    good = without_original_language(hostile_testset("one two", "three", "four five six", "seven"))
    run = run_of(
        good, {"A": ["one two", "3", "four", "7"], "B-2": ["1 2", "three", "five six", "seven"]}, "bleu", "ter"
    )
    write_export(exportable_run(run.folder), format_name="evalset", folder=Path("out"))
    read = mt_metrics_eval(Path("out"), "zh-en")
    assert read["src"] == [segment.source for segment in good.segments]
    assert read["documents"] == [segment.document for segment in good.segments]
    assert read["domains"] == [segment.domain for segment in good.segments]
    assert read["refs"] == {
        name: [segment.references[at] for segment in good.segments] for at, name in enumerate(("refA", "refB"))
    }
    frame = run.segments
    for metric, sign in (("bleu", 1), ("ter", -1)):  # mt-metrics-eval takes higher for better
        assert read["scores"][f"{metric}-refA.refB.seg.score"] == {  # type: ignore[index]
            system: (sign * frame[frame.system == system][metric]).tolist() for system in ("A", "B-2")
        }
        corpus = {line.system: [sign * line.score] for line in run.score_lines if line.metric == metric}
        assert read["scores"][f"{metric}-refA.refB.sys.score"] == corpus  # type: ignore[index]


def scored(metric: str = "comet22", **values: object) -> Exportable:
    one_reference = without_original_language(hostile_testset("a", "b", n_references=1))
    span = ErrorSpan(text="x", severity="major", confidence=0.75, start=0, end=1)
    scores = ExportedScores(
        metric=metric,
        needs_references=True,
        higher_is_better=True,
        is_comet=True,
        corpus={"S": 0.75},
        segments={"S": [0.5, 1.0]},
        error_spans={"S": [[span], []]},
    )
    return Exportable(
        testset=one_reference,
        outputs={"S": ["x", "郑州"]},
        scores=(dataclasses.replace(scores, **values),),  # type: ignore[arg-type]
    )


def test_the_json_of_comet_score() -> None:
    # The keys, their order, indent and missing line end are of comet/cli/score.py and comet's decoder (2.2.7);
    # an empty list of errors is left out there too.
    expected = {
        "S": [
            {
                "src": "a", "mt": "x", "ref": "b", "COMET": 0.5,
                "errors": [{"text": "x", "confidence": 0.75, "severity": "major", "start": 0, "end": 1}],
            },
            {"src": "b", "mt": "郑州", "ref": "a", "COMET": 1.0},
        ]
    }  # fmt: skip
    assert files_of("comet", scored()) == {"comet.json": json.dumps(expected, ensure_ascii=False, indent=4)}
    without = json.loads(files_of("comet", scored(needs_references=False, error_spans=None))["comet.json"])
    assert without["S"][0] == {"src": "a", "mt": "x", "COMET": 0.5}


def test_comet_needs_one_comet_metric_and_one_reference(command: Callable[..., Finished]) -> None:
    with pytest.raises(InputError, match=r"^comet: needs a run with the scores of one COMET metric, found none"):
        files_of("comet", scored(is_comet=False))
    with pytest.raises(InputError, match=r"^segment '2': has no score for system 'S'"):
        files_of("comet", scored(segments={"S": [0.5, None]}))
    two = scored()
    with pytest.raises(InputError, match=r"^segment '1': has 2 references; comet has one"):
        files_of("comet", dataclasses.replace(two, testset=changed(), outputs={"S": ["x", "y", "z"]}))
    finished = command("export", "zhengzhou", "--format", "comet", "--output", "out")
    assert (finished.code, "found none" in finished.err) == (2, True)


def test_a_run_with_comet_mini_gives_its_scores() -> None:
    run = eh.evaluate(metrics=["bleu", "comet_mini"])
    write_export(exportable_run(run.folder), format_name="comet", folder=Path("out"))
    content = json.loads(Path("out/comet.json").read_text(encoding="utf-8"))
    assert list(content) == [system.name for system in run.plan.systems]
    frame = run.segments
    for system, entries in content.items():
        rows = frame[frame.system == system]
        assert [entry["COMET"] for entry in entries] == rows.comet_mini.tolist()
        assert [entry["mt"] for entry in entries] == rows.hypothesis.tolist()
        assert [[entry["ref"]] for entry in entries] == [list(texts) for texts in rows.references]


def test_a_metric_with_gaps_is_refused_for_mt_metrics_eval() -> None:
    with pytest.raises(InputError, match=r"^metric 'comet22': system 'S' has no score for segment '2'"):
        files_of("evalset", scored(segments={"S": [0.5, None]}))
    with pytest.raises(InputError, match=r"^metric 'comet22': system 'S' has no corpus score"):
        files_of("evalset", scored(corpus={"S": None}))
    free = files_of("evalset", scored(needs_references=False))
    assert free["metric-scores/zh-en/comet22-src.seg.score"] == "S 0.5\nS 1.0\n"


def sacrebleu(folder: Path, system: str, references: list[str], *flags: str) -> float:
    """What the command `sacrebleu REF... -i HYP` prints."""
    command = [sys.executable, "-m", "sacrebleu", *references, "-i", str(folder / "hyp" / f"{system}.en"), "-b"]
    finished = subprocess.run(
        [*command, "-w", "12", *flags], capture_output=True, text=True, check=True, timeout=120, env=os.environ
    )
    return float(finished.stdout)


def check_with_sacrebleu(run: eh.Run, *, n_references: int) -> None:
    write_export(exportable_run(run.folder), format_name="plain", folder=Path("out"))
    references = [f"out/ref.{letter}.en" for letter in "ABC"[:n_references]]
    for line in run.score_lines:
        flags = {"bleu": ("-m", "bleu"), "chrf": ("-m", "chrf")}[line.metric]
        assert sacrebleu(Path("out"), line.system, references, *flags) == pytest.approx(line.score, abs=1e-9)


def test_sacrebleu_scores_our_plain_export_of_the_bundled_set_as_we_do() -> None:
    check_with_sacrebleu(eh.evaluate(metrics=["bleu"]), n_references=1)


def test_sacrebleu_scores_our_plain_export_of_hostile_texts_as_we_do() -> None:
    testset = hostile_testset(*TEXTS, *WITH_TABS)
    outputs = {"A": [*TEXTS[1:], *WITH_TABS, "郑州 said it"]}
    check_with_sacrebleu(run_of(testset, outputs, "bleu", "chrf"), n_references=2)


def test_sacrebleu_scores_our_plain_export_of_wmt22_as_we_do() -> None:
    folder = wmt22()
    testset = Plain(
        language_pair="zh-en",
        source=str(folder / "src.zh"),
        references=(str(folder / "ref.A.en"), str(folder / "ref.B.en")),
    )
    systems = {name: Folder(path=str(folder / "hyp"), pattern=f"{name}.en") for name in ("Lan-Bridge", "Online-W")}
    check_with_sacrebleu(eh.evaluate(testset=testset, systems=systems, metrics=["bleu", "chrf"]), n_references=2)


def test_a_folder_that_is_no_record(command: Callable[..., Finished]) -> None:
    Path("results/x").mkdir(parents=True)
    finished = command("export", "results/x", "--format", "plain", "--output", "out")
    assert (finished.code, "results/x: is not a run record: it holds no plan.json" in finished.err) == (2, True)


def test_original_languages_of_a_run_are_exported_where_the_record_has_them() -> None:
    testset = hostile_testset("one", "two")
    run = run_of(testset, {"A": ["x", "y"]}, "bleu")
    table = pq.read_table(run.paths.segments)
    if "original_language" not in table.column_names:
        languages = [segment.original_language for segment in testset.segments]
        pq.write_table(table.append_column("original_language", pa.array(languages)), run.paths.segments)
    assert exportable_run(run.folder).testset.segments == testset.segments


def test_an_interrupted_run_is_said_to_be_one(command: Callable[..., Finished]) -> None:
    run = eh.evaluate(metrics=["bleu"])
    run.paths.segments.unlink()
    finished = command("export", str(run.folder), "--format", "plain", "--output", "out")
    assert (finished.code, "segments.parquet: is not there" in finished.err) == (2, True)


def test_csv_reads_what_python_writes() -> None:
    # RFC 4180 by an independent writer; lone returns and line ends are quoted by it.
    testset = hostile_testset(*TEXTS, *WITH_TABS, *WITH_LINE_ENDS, n_references=1)
    for line_end in ("\r\n", "\n"):
        with Path("set.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator=line_end)
            writer.writerow(["source", "id", "reference", "document", "domain", "original_language"])
            for one in testset.segments:
                writer.writerow(
                    [one.source, one.id, one.references[0], one.document, one.domain, one.original_language]
                )
        assert Csv(path="set.csv", language_pair="zh-en", **COLUMNS).read().segments == testset.segments


def test_errors_are_ours() -> None:
    with pytest.raises(EvalHarnessError, match="format 'plan': no such format; did you mean 'plain'"):
        files_of("plan", Exportable(testset=changed()))


@pytest.mark.parametrize(
    ("format_name", "words"),
    [
        ("evalset", ["testset=evalset", "testset.path=out", "systems=[evalset]"]),
        (
            "wmt25",
            [
                "testset=wmt25",
                "testset.path=out/wmt25-genmt.jsonl",
                "systems=[wmt25]",
                "systems.wmt25.path=out/systems",
            ],
        ),
        (
            "jsonl",
            [  # as the module says
                "testset=jsonl",
                "testset.path=out/segments.jsonl",
                "testset.id_column=id",
                "testset.reference_columns=[references]",
                "testset.document_column=document",
                "testset.domain_column=domain",
                "testset.original_language_column=original_language",
                "systems=[columns]",
                "systems.columns.path=out/hypotheses.jsonl",
                "systems.columns.id_column=id",
                "systems.columns.columns=[A.1,B]",
            ],
        ),
    ],
)
def test_an_exported_run_is_scored_again_to_the_same_scores(
    format_name: str, words: list[str], command: Callable[..., Finished]
) -> None:
    texts = [("一二三四", "one two three four"), ("五六", "five six"), ("七", "seven"), ("八九", "eight nine")]
    segments = tuple(
        Segment(id=str(at + 1), source=source, references=(text, text.upper()), document=f"d{at // 2}", domain="news")
        for at, (source, text) in enumerate(texts)
    )
    testset = TestSet(name="numbers", language_pair=LanguagePair.parse("zh-en"), segments=segments)
    outputs = {"A.1": ["one two three four", "5 six", "7", "eight"], "B": ["1", "five six", "seven", "nine"]}
    first = run_of(testset, outputs, "bleu", "chrf")
    write_export(exportable_run(first.folder), format_name=format_name, folder=Path("out"))
    again = command("run", *words, "testset.language_pair=zh-en", "metrics=[bleu,chrf]", "results=again")
    assert again.code == 0, again.err
    second = eh.open_run("again/latest")
    assert second.plan.testset.fingerprint == first.plan.testset.fingerprint
    assert [(line.system, line.metric, line.score) for line in second.score_lines] == [
        (line.system, line.metric, line.score) for line in first.score_lines
    ]
