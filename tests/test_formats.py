"""Formats of test sets as the field lays them out: WMT's folders, mt-metrics-eval, sacreBLEU's cache, Hugging Face."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Finished, spawn, write
from hostile import TEXTS, WITH_LINE_ENDS, WITH_TABS, hostile_testset

import evalharness as eh
from evalharness.errors import AlignmentError, ConfigError, InputError, MissingError
from evalharness.records import Segment, TestSet
from evalharness.systems.base import SystemGroup
from evalharness.systems.files import EvalSetOutputs, Folder, HypothesesFile, HypothesisColumns, WmtOutputs
from evalharness.testsets.delimited import Csv, Delimited
from evalharness.testsets.evalset import EvalSet
from evalharness.testsets.huggingface import HuggingFace
from evalharness.testsets.jsonl import Jsonl
from evalharness.testsets.library import Library
from evalharness.testsets.parquet import Parquet
from evalharness.testsets.plain import Plain
from evalharness.testsets.sacrebleu_sets import SacrebleuSet
from evalharness.testsets.wmt import Wmt
from evalharness.testsets.wmt25 import Wmt25

pytestmark = pytest.mark.usefixtures("errors_in_texts_are_warnings")

LABELS: dict[str, Any] = {
    "id_column": "id",
    "document_column": "document",
    "domain_column": "domain",
    "original_language_column": "original_language",
}


def outputs(group: SystemGroup, testset: TestSet) -> dict[str, list[str | None]]:
    """What each system of an option gives for the segments of a test set."""
    sources = testset.sources()
    texts = {}
    for member in group.members(testset.language_pair):
        member.system.check(sources, testset.language_pair)
        hypotheses = {one.id: one.text for one in member.system.translate(sources, testset.language_pair)}
        texts[member.name] = [hypotheses[source.id] for source in sources]
    return texts


class TestPlain:
    def test_documents_domains_and_original_languages(self) -> None:
        reader = Plain(
            language_pair="zh-en",
            source=write("s.zh", "一", "二"),
            documents=write("d", "talk.1", "talk.2"),
            domains=write("g", "news", ""),
            original_languages=write("o", "zh", "en"),
        )
        assert reader.read().segments[1] == Segment(
            id="2", source="二", references=(), document="talk.2", domain="", original_language="en"
        )

    @pytest.mark.parametrize("setting", ["documents", "domains", "original_languages"])
    def test_each_is_aligned(self, setting: str) -> None:
        reader = Plain(language_pair="zh-en", source=write("s", "一", "二"), **{setting: write("x", "one")})  # type: ignore[arg-type]
        with pytest.raises(AlignmentError, match=r"x: 1 lines, but s has 2.*first missing line is x:2"):
            reader.read()


class TestCsv:
    def read(self, content: bytes, **settings: Any) -> TestSet:
        Path("set.csv").write_bytes(content)
        return Csv(path="set.csv", language_pair="zh-en", **settings).read()

    @pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
    def test_quoted_fields_hold_anything(self, line_end: bytes) -> None:
        rows = [
            b"source,reference",
            b'"a ""quote"", a comma","two\nlines\r\nand \r"',
            b"plain\rreturn\xe2\x80\xa8,'",
            b"b,",
        ]
        testset = self.read(line_end.join(rows) + line_end)
        assert [(segment.source, segment.references) for segment in testset.segments] == [
            ('a "quote", a comma', ("two\nlines\r\nand \r",)),
            ("plain\rreturn\u2028", ("'",)),
            ("b", ("",)),
        ]

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b'source,reference\n"a\nb",c\nx\n', r"set\.csv:4: 1 fields where the header has 2 columns"),
            (b'source,reference\n"a\nb",c\n"x"y,z\n', r"set\.csv:4: the row that begins here is not CSV"),
            (b'source,reference\na,b\n"x,z\n\n\n', r"set\.csv:3: the row that begins here is not CSV"),
            (b'source,reference\na,b\n"x"\r,z\n', r"set\.csv:3: the row that begins here is not CSV"),
            (b"source,reference\na,b\n\nc,d\n", r"set\.csv:3: 1 fields where the header has 2"),
            (b"source,source\na,b\n", r"set\.csv:1: two columns have the same name: 'source'"),
            (b"source,ref\na,b\n", r"set\.csv:1: no column 'reference'"),
            (b"source,reference\n", r"set\.csv: the test set has no segments"),
            (b"source,reference\n\xff,b\n", r"set\.csv:2: not UTF-8"),
            (b"", r"set\.csv: the file is empty"),
            (b"source,reference\na," + b"b" * 200_000, r"set\.csv:2: .*field larger than field limit"),
        ],
    )
    def test_what_is_no_csv_is_named_by_the_line_of_the_file(self, content: bytes, said: str) -> None:
        with pytest.raises(InputError, match=said):
            self.read(content)

    def test_one_column_may_be_empty_and_a_mark_is_left_out(self, caplog: pytest.LogCaptureFixture) -> None:
        testset = self.read(b"\xef\xbb\xbfreference\na\n\nb\n", source_column=None)
        assert [segment.references for segment in testset.segments] == [("a",), ("",), ("b",)]
        assert "byte-order-mark" in caplog.text

    def test_another_delimiter(self) -> None:
        assert self.read(b"source;reference\na,b;c\n", delimiter=";").segments[0].source == "a,b"
        for delimiter in ("", '"', "\r", "||"):
            with pytest.raises(ConfigError, match=r"testset\.delimiter="):
                Csv(path="x", language_pair="zh-en", delimiter=delimiter)


class TestColumns:
    """What all formats with named columns share, over the same rows in each."""

    testset = hostile_testset(*TEXTS, *WITH_TABS, *WITH_LINE_ENDS)

    def rows(self) -> list[dict[str, Any]]:
        return [
            {
                "id": int(one.id),
                "translation": {"zh": one.source, "en.gb": one.references[0]},
                "references": list(one.references),
                "a.b": one.references[1],
                "document": one.document,
                "domain": one.domain,
                "original_language": one.original_language,
            }
            for one in self.testset.segments
        ]

    def written(self, format_name: str) -> Jsonl | Parquet:
        settings: dict[str, Any] = {**LABELS, "source_column": "translation.zh", "language_pair": "zh-en"}
        if format_name == "jsonl":
            lines = (json.dumps(row, ensure_ascii=index % 2 == 0) for index, row in enumerate(self.rows()))
            return Jsonl(path=write("set.jsonl", *lines), reference_columns=("references",), **settings)
        pq.write_table(pa.Table.from_pylist(self.rows()), "set.parquet", row_group_size=3)
        return Parquet(path="set.parquet", reference_columns=("references",), **settings)

    @pytest.mark.parametrize("format_name", ["jsonl", "parquet"])
    def test_lists_and_objects(self, format_name: str) -> None:
        reader = self.written(format_name)
        assert reader.read().segments == self.testset.segments
        assert reader.read().reference_names is None

    @pytest.mark.parametrize("format_name", ["jsonl", "parquet"])
    def test_a_field_of_just_the_name_comes_before_what_dots_reach(self, format_name: str) -> None:
        reader = self.written(format_name)
        columns = ("translation.en.gb", "a.b")
        named = type(reader)(path=reader.path, language_pair="zh-en", source_column=None, reference_columns=columns)
        assert [one.references for one in named.read().segments] == [one.references for one in self.testset.segments]
        assert named.read().reference_names is None  # such as EvalSet could not carry

    @pytest.mark.parametrize("format_name", ["jsonl", "parquet"])
    def test_unknown_names_say_those_there_are(self, format_name: str) -> None:
        reader = self.written(format_name)
        wrong = type(reader)(
            path=reader.path, language_pair="zh-en", source_column="translation.zhh", reference_columns=()
        )
        with pytest.raises(InputError, match=r"no column 'translation\.zhh'; did you mean 'translation\.zh'\?"):
            wrong.read()
        wrong = type(reader)(
            path=reader.path, language_pair="zh-en", source_column="translatio.zh", reference_columns=()
        )
        with pytest.raises(InputError, match=r"no column 'translatio\.zh'"):
            wrong.read()

    @pytest.mark.parametrize(
        ("row", "said"),
        [
            ('{"source": "a", "references": "b", "source": "c"}', r":1: .*an object has the key 'source' twice"),
            ('{"source": "a", "references": [["b"]]}', r":1: field 'references' is list; expected a string"),
            ('{"source": "a", "references": [1]}', r":1: field 'references' is int"),
            ('{"source": "a", "references": {"x": "b"}}', r":1: field 'references' is dict"),
            ('{"source": "a", "references": NaN}', r":1: field 'references' is float"),
            ('{"source": "a", "references": "\\udc00"}', r":1: column 'references': .*unpaired surrogate"),
            ("[" * 100_000, r":1: expected one JSON object: "),
            ('{"source": "a", "references": ' + "9" * 5000 + "}", r":1: expected one JSON object: "),
        ],
    )  # fmt: skip
    def test_json_that_is_no_row(self, row: str, said: str) -> None:
        with pytest.raises(InputError, match=said):
            Jsonl(path=write("set.jsonl", row), language_pair="zh-en", reference_columns=("references",)).read()

    def test_nulls_in_a_list_are_references_that_are_not_there(self) -> None:
        path = write("set.jsonl", '{"source": "a", "references": [null, "b"]}', '{"source": "a", "references": []}')
        testset = Jsonl(path=path, language_pair="zh-en", reference_columns=("references",)).read()
        assert [segment.references for segment in testset.segments] == [("b",), ()]

    def test_tsv_has_original_languages_and_names_its_references(self) -> None:
        path = write("set.tsv", "source\trefB\torig", "一\tone\tzh")
        testset = Delimited(
            path=path, language_pair="zh-en", reference_columns=("refB",), original_language_column="orig"
        ).read()
        assert testset.segments[0].original_language == "zh"
        assert testset.reference_names == ("refB",)
        path = write("set.tsv", "source\treference", "一\tone")
        assert Delimited(path=path, language_pair="zh-en").read().reference_names is None

    def test_parquet_reads_only_the_columns_that_are_named(self) -> None:
        table = pa.table({"source": ["a"], "reference": ["b"], "picture": [b"\xff\xd8"], "n": [1.5]})
        pq.write_table(table, "set.parquet")
        assert Parquet(path="set.parquet", language_pair="zh-en").read().segments[0].references == ("b",)
        with pytest.raises(InputError, match=r"set\.parquet:row 1: field 'picture' is bytes"):
            Parquet(path="set.parquet", language_pair="zh-en", source_column="picture").read()

    @pytest.mark.parametrize(
        ("damage", "said"),
        [
            (lambda content: content[:-1], r"cannot be read as Parquet after row 0"),
            (lambda content: b"", r"cannot be read as Parquet after row 0"),
            (
                lambda content: content[:4] + bytes(40) + content[44:],
                r"cannot be read as Parquet after row 0|has no text",
            ),
        ],
    )
    def test_damaged_parquet(self, damage: Callable[[bytes], bytes], said: str) -> None:
        pq.write_table(pa.table({"source": ["a" * 50] * 9, "reference": ["b"] * 9}), "set.parquet")
        Path("set.parquet").write_bytes(damage(Path("set.parquet").read_bytes()))
        with pytest.raises(InputError, match=said):
            Parquet(path="set.parquet", language_pair="zh-en").read()

    def test_parquet_without_rows_or_file(self) -> None:
        pq.write_table(
            pa.table({"source": pa.array([], pa.string()), "reference": pa.array([], pa.string())}), "e.parquet"
        )
        for path, said in (("e.parquet", "has no segments"), ("none.parquet", "no such file"), (".", "is a folder")):
            with pytest.raises(InputError, match=said):
                Parquet(path=path, language_pair="zh-en").read()


def evalset(folder: str = "wmt23") -> str:
    """A test set of two language pairs, as mt-metrics-eval lays it out."""
    write(f"{folder}/sources/en-de.txt", "One.", "Two.", "Three.")
    write(f"{folder}/sources/zh-en.txt", "一")
    write(f"{folder}/references/en-de.refB.txt", "Eins B", "Zwei B", "Drei B")
    write(f"{folder}/references/en-de.refA.txt", "Eins A", "Zwei A", "Drei A")
    write(f"{folder}/references/en-de_AT.refA.txt", "other pair")
    write(f"{folder}/documents/en-de.docs", "news\tbbc.1", "news\tbbc.1", "social x.2")
    write(f"{folder}/system-outputs/en-de/refA.txt", "Eins A", "Zwei A", "Drei A")
    write(f"{folder}/system-outputs/en-de/GPT4-5shot.txt", "Eins", "Zwei", "Drei")
    write(f"{folder}/system-outputs/en-de/ONLINE-A.txt", "1", "2", "3")
    return folder


class TestEvalSet:
    def test_everything_is_read(self) -> None:
        testset = EvalSet(path=evalset(), language_pair="en-de").read()
        assert testset.segments == (
            Segment(id="1", source="One.", references=("Eins A", "Eins B"), document="bbc.1", domain="news"),
            Segment(id="2", source="Two.", references=("Zwei A", "Zwei B"), document="bbc.1", domain="news"),
            Segment(id="3", source="Three.", references=("Drei A", "Drei B"), document="x.2", domain="social"),
        )
        assert (testset.name, testset.reference_names) == ("wmt23", ("refA", "refB"))

    def test_references_are_chosen_by_name(self) -> None:
        testset = EvalSet(path=evalset(), language_pair="en-de", references=("refB",)).read()
        assert testset.segments[0].references == ("Eins B",)
        with pytest.raises(
            InputError, match=r"no reference 'refC'; did you mean 'ref[AB]'\? References are: refA, refB"
        ):
            EvalSet(path="wmt23", language_pair="en-de", references=("refC",)).read()
        with pytest.raises(InputError, match="'refB' is named twice"):
            EvalSet(path="wmt23", language_pair="en-de", references=("refB", "refB")).read()

    @pytest.mark.parametrize(
        ("place", "lines", "error", "said"),
        [
            ("documents/en-de.docs", ("news a", "news b", "news a"), InputError,
             r"en-de\.docs:3: goes on with document 'a', which begins at line 1"),
            ("documents/en-de.docs", ("news a", "b", "news c"), InputError,
             r"en-de\.docs:2: expected a domain and a document"),
            ("documents/en-de.docs", ("news a", "news a"), AlignmentError,
             r"en-de\.docs: 2 lines, but .*en-de\.txt has 3"),
            ("references/en-de.refA.txt", ("Eins",), AlignmentError, r"refA\.txt: 1 lines, but .* has 3.*refA\.txt:2"),
            ("references/en-de.ref-C.txt", ("a", "b", "c"), InputError,
             r"ref-C\.txt: the name 'ref-C' of a reference may hold no"),
            ("references/en-de.src.txt", ("a", "b", "c"), InputError, r"the name 'src' stands for something else"),
        ],
    )  # fmt: skip
    def test_what_does_not_fit_is_named(
        self, place: str, lines: tuple[str, ...], error: type[Exception], said: str
    ) -> None:
        write(f"{evalset()}/{place}", *lines)
        with pytest.raises(error, match=said):
            EvalSet(path="wmt23", language_pair="en-de").read()

    def test_where_there_is_nothing(self) -> None:
        evalset("mtme/wmt23")
        with pytest.raises(InputError, match=r"mtme: holds no folder 'sources'.*Did you mean mtme/wmt23\?"):
            EvalSet(path="mtme", language_pair="en-de").read()
        with pytest.raises(InputError, match=r"en-cs\.txt: no such file; did you mean 'en-de'\?"):
            EvalSet(path="mtme/wmt23", language_pair="en-cs").read()
        with pytest.raises(InputError, match="nowhere: no such folder"):
            EvalSet(path="nowhere", language_pair="en-de").read()

    def test_outputs_without_copies_of_references(self) -> None:
        testset = EvalSet(path=evalset(), language_pair="en-de").read()
        found = outputs(EvalSetOutputs(path="wmt23"), testset)
        assert found == {"GPT4-5shot": ["Eins", "Zwei", "Drei"], "ONLINE-A": ["1", "2", "3"]}
        assert list(outputs(EvalSetOutputs(path="wmt23", humans=True), testset)) == ["GPT4-5shot", "ONLINE-A", "refA"]

    def test_a_run_over_the_folder(self, command: Callable[..., Finished]) -> None:
        finished = command(
            "run", "testset=evalset", f"testset.path={evalset()}", "testset.language_pair=en-de", "systems=[evalset]",
            "metrics=[bleu]",
        )  # fmt: skip
        assert finished.code == 0, finished.err
        assert "GPT4-5shot" in finished.out

    def test_import_keeps_what_was_read(self, command: Callable[..., Finished]) -> None:
        finished = command(
            "import", evalset(), "--reader", "evalset", "-l", "en-de", "--name", "w", "--set", "references=[refA]"
        )
        assert finished.code == 0, finished.err
        kept = {str(path.relative_to("references/w/raw")) for path in Path("references/w/raw").rglob("*.*")}
        assert kept == {"sources/en-de.txt", "references/en-de.refA.txt", "documents/en-de.docs"}
        assert Library(name="w").read().reference_names == ("refA",)


def wmt_22() -> str:
    """The names of wmt22-news-systems, folder txt."""
    write("22/sources/generaltest2022.zh-en.src.zh", "一", "二")
    write("22/sources/generaltest2022.en-zh.src.en", "one")
    write("22/sources/biomedicaltest2022.zh-en.src.zh", "药")
    write("22/references/generaltest2022.zh-en.ref.A.en", "one", "two")
    write("22/references/generaltest2022.zh-en.ref.spellcheck.en", "One", "Two")
    write("22/system-outputs/generaltest2022.zh-en.hyp.Online-A.en", "1", "2")
    write("22/system-outputs/generaltest2022.zh-en.hyp.Lan.Bridge.en", "i", "ii")
    write("22/system-outputs/generaltest2022.en-zh.hyp.Online-A.zh", "一")
    return "22"


def wmt_23() -> str:
    """The names of wmt23-news-systems, folder txt."""
    write("23/sources/generaltest2023.en-de.src.en", "One.", "Two.")
    write("23/references/generaltest2023.en-de.ref.refA.de", "Eins.", "Zwei.")
    meta = ({"domain": "news", "docid": "bbc.1"}, {"domain": "mastodon", "docid": "a b"})
    write("23/metainfo/generaltest2023.en-de.meta.jsonl", *map(json.dumps, meta))
    write("23/system-outputs/generaltest2023.en-de.hyp.NLLB_Greedy.de", "1", "2")
    return "23"


def wmt_24() -> str:
    """The names of wmt24-news-systems, folder txt."""
    write("24/sources/en-de.txt", "canary string", "One.", "Two.")
    write("24/sources/en-es.txt", "uno")
    write("24/references/en-de.refB.txt", "canary string", "Eins B", "Zwei B")
    write("24/references/en-de.refA.txt", "canary string", "Eins A", "Zwei A")
    write("24/documents/en-de.docs", "canary\tcanary", "news\tcsmonitor.com.7750", "social\t1119")
    write("24/metadata/en-de.jsonl", '{"domain": "wrong", "docid": "wrong"}')
    write("24/system-outputs/en-de/Claude-3.5.txt", "x", "y", "z")
    write("24/system-outputs/en-es/Claude-3.5.txt", "x")
    return "24"


class TestWmt:
    def test_2022(self) -> None:
        testset = Wmt(path=wmt_22(), language_pair="zh-en", test="generaltest2022").read()
        assert testset.segments[1] == Segment(id="2", source="二", references=("two", "Two"))
        assert (testset.name, testset.reference_names) == ("generaltest2022.zh-en", ("A", "spellcheck"))
        found = outputs(WmtOutputs(path="22", test="generaltest2022"), testset)
        assert found == {"Lan.Bridge": ["i", "ii"], "Online-A": ["1", "2"]}

    def test_2022_has_several_tests(self) -> None:
        with pytest.raises(
            InputError, match=r"several tests for zh-en: biomedicaltest2022, generaltest2022\. Choose one"
        ):
            Wmt(path=wmt_22(), language_pair="zh-en").read()
        with pytest.raises(InputError, match=r"no test 'generaltest2023' for zh-en; did you mean 'generaltest2022'\?"):
            Wmt(path="22", language_pair="zh-en", test="generaltest2023").read()
        assert len(Wmt(path="22", language_pair="en-zh").read().segments) == 1

    def test_2023(self) -> None:
        testset = Wmt(path=wmt_23(), language_pair="en-de").read()
        assert testset.segments == (
            Segment(id="1", source="One.", references=("Eins.",), document="bbc.1", domain="news"),
            Segment(id="2", source="Two.", references=("Zwei.",), document="a b", domain="mastodon"),
        )
        assert testset.reference_names == ("refA",)
        assert outputs(WmtOutputs(path="23"), testset) == {"NLLB_Greedy": ["1", "2"]}

    def test_2024(self, caplog: pytest.LogCaptureFixture) -> None:
        testset = Wmt(path=wmt_24(), language_pair="en-de").read()
        assert testset.segments[1] == Segment(
            id="2", source="One.", references=("Eins A", "Eins B"), document="csmonitor.com.7750", domain="news"
        )
        assert (testset.name, testset.reference_names) == ("en-de", ("refA", "refB"))
        assert "1 of 3 segments are a canary" in caplog.text
        assert outputs(WmtOutputs(path="24"), testset) == {"Claude-3.5": ["x", "y", "z"]}

    def test_what_is_not_there(self) -> None:
        with pytest.raises(InputError, match=r"no file en-dee\.txt or TEST\.en-dee\.src\.en; did you mean 'en-de'\?"):
            Wmt(path=wmt_24(), language_pair="en-dee").read()
        write("repo/txt/sources/en-de.txt", "x")
        with pytest.raises(InputError, match=r"holds no folder 'sources'.*Did you mean repo/txt\?"):
            Wmt(path="repo", language_pair="en-de").read()
        with pytest.raises(InputError, match=r"no reference 'refC'"):
            Wmt(path="24", language_pair="en-de", references=("refC",)).read()

    def test_lines_that_are_missing_are_named(self) -> None:
        write(f"{wmt_23()}/metainfo/generaltest2023.en-de.meta.jsonl", '{"domain": "news", "docid": "bbc.1"}')
        with pytest.raises(AlignmentError, match=r"meta\.jsonl: 1 lines, but .*src\.en has 2"):
            Wmt(path="23", language_pair="en-de").read()

    def test_import_and_run(self, command: Callable[..., Finished]) -> None:
        finished = command("import", wmt_24(), "--reader", "wmt", "-l", "en-de", "--name", "w24")
        assert finished.code == 0, finished.err
        assert sorted(json.loads(Path("references/w24/testset.json").read_text())["raw"]) == [
            "raw/documents/en-de.docs", "raw/references/en-de.refA.txt", "raw/references/en-de.refB.txt",
            "raw/sources/en-de.txt",
        ]  # fmt: skip
        settings = [f"testset.path={wmt_22()}", "testset.language_pair=zh-en", "testset.test=generaltest2022"]
        finished = command("run", "testset=wmt", *settings, "systems=[wmt]", "metrics=[chrf]")
        assert finished.code == 0, finished.err
        assert "Lan.Bridge" in finished.out


def wmt_25() -> str:
    rows = [
        {"doc_id": "en-zh_CN_#_news_#_1", "domain": "news", "src_lang": "en", "tgt_lang": "zh_CN",
         "src_text": "One.\n\nTwo.", "refs": {"refA": {"ref": "一。\n\n二。"}}, "video": None, "screenshot": None},
        {"doc_id": "cs-uk_UA_#_news_#_1", "domain": "news", "src_lang": "cs", "tgt_lang": "uk_UA",
         "src_text": "Jedna.", "refs": {}, "video": None, "screenshot": None},
        {"doc_id": "en-zh_CN_#_speech_#_2", "domain": "speech", "src_lang": "en", "tgt_lang": "zh_CN",
         "src_text": "Three.", "refs": {"refA": {"ref": "三。"}, "refB": {"ref": "叁。"}}, "video": "v",
         "screenshot": None},
    ]  # fmt: skip
    return write("25/wmt25-genmt.jsonl", *(json.dumps(row, ensure_ascii=False) for row in rows))


class TestWmt25:
    def test_one_language_pair_of_the_file(self) -> None:
        testset = Wmt25(path=wmt_25(), language_pair="en-zh_CN").read()
        assert testset.segments == (
            Segment(id="en-zh_CN_#_news_#_1", source="One.\n\nTwo.", references=("一。\n\n二。",), domain="news"),
            Segment(id="en-zh_CN_#_speech_#_2", source="Three.", references=("三。", "叁。"), domain="speech"),
        )
        assert testset.reference_names is None  # one document has no refB
        chosen = Wmt25(path="25/wmt25-genmt.jsonl", language_pair="en-zh_CN", references=("refA",)).read()
        assert (chosen.n_references(), chosen.reference_names) == (1, ("refA",))
        assert Wmt25(path="25/wmt25-genmt.jsonl", language_pair="cs-uk_UA").read().n_references() == 0

    def test_what_is_not_there(self) -> None:
        with pytest.raises(InputError, match=r"no document for en-zh; .*Language pairs here are: cs-uk_UA, en-zh_CN"):
            Wmt25(path=wmt_25(), language_pair="en-zh").read()
        with pytest.raises(InputError, match=r"no reference 'refC'"):
            Wmt25(path="25/wmt25-genmt.jsonl", language_pair="en-zh_CN", references=("refC",)).read()
        path = write(
            "x.jsonl", '{"doc_id": "1", "src_lang": "aa", "tgt_lang": "bb", "src_text": "x", "refs": {"refA": "y"}}'
        )
        with pytest.raises(InputError, match=r"x\.jsonl:1: 'refs' is not of the form"):
            Wmt25(path=path, language_pair="aa-bb").read()

    def systems(self) -> str:
        lines = [
            {"doc_id": "en-zh_CN_#_speech_#_2", "hypothesis": "三"},
            {"doc_id": "cs-uk_UA_#_news_#_1", "hypothesis": "x"},
            {"doc_id": "en-zh_CN_#_news_#_1", "hypothesis": "一\n\n二"},
        ]
        write("25/systems/GPT-4.1.jsonl", *map(json.dumps, lines))
        write("25/systems/AMI.jsonl", *map(json.dumps, [*lines[1:], {**lines[0], "hypothesis": None}]))
        return "25/systems"

    def test_outputs_by_id(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("INFO")
        testset = Wmt25(path=wmt_25(), language_pair="en-zh_CN").read()
        option = Folder(path=self.systems(), pattern="*.jsonl", column="hypothesis", id_column="doc_id")
        assert outputs(option, testset) == {"AMI": ["一\n\n二", None], "GPT-4.1": ["一\n\n二", "三"]}
        assert "GPT-4.1.jsonl: of 3 rows 2 are of segments that were asked for; the others are left out" in caplog.text

    def test_a_run(self, command: Callable[..., Finished]) -> None:
        settings = [f"testset.path={wmt_25()}", "testset.language_pair=en-zh_CN", "testset.references=[refA]"]
        finished = command(
            "run", "testset=wmt25", *settings, "systems=[wmt25]", f"systems.wmt25.path={self.systems()}",
            "metrics=[chrf]",
        )  # fmt: skip
        assert finished.code == 1, finished.err  # a null is a failed segment
        frame = eh.open_run("results/latest").segments
        assert frame[frame.hypothesis.isna()][["system", "segment"]].values.tolist() == [
            ["AMI", "en-zh_CN_#_speech_#_2"]
        ]

    @pytest.mark.parametrize(
        ("lines", "said"),
        [
            (['{"doc_id": "en-zh_CN_#_news_#_1", "hypothesis": "x"}'],
             r"no row for 1 of 2 segments.*first missing doc_id is 'en-zh_CN_#_speech_#_2'"),
            (['{"doc_id": "a", "hypothesis": "x"}'] * 2, r"bad\.jsonl:2: doc_id 'a' occurs twice"),
            (['{"doc_id": null, "hypothesis": "x"}'], r"bad\.jsonl:1: column 'doc_id' is null"),
            (['{"doc_id": "a", "hypothesis": 1}'], r"bad\.jsonl:1: field 'hypothesis' is int"),
            (['{"doc_id": "a"}'], r"bad\.jsonl:1: no column 'hypothesis'"),
            (["{"], r"bad\.jsonl:1: expected one JSON object"),
        ],
    )  # fmt: skip
    def test_outputs_that_do_not_fit(self, lines: list[str], said: str) -> None:
        testset = Wmt25(path=wmt_25(), language_pair="en-zh_CN").read()
        option = HypothesesFile(path=write("bad.jsonl", *lines), column="hypothesis", id_column="doc_id")
        with pytest.raises(InputError, match=said):
            outputs(option, testset)


class TestOutputsInColumns:
    testset = TestSet(
        name="x",
        language_pair=eh.LanguagePair.parse("zh-en"),
        segments=tuple(Segment(id=str(n), source="s", references=("r",)) for n in (1, 2)),
    )

    @pytest.mark.parametrize("ending", ["tsv", "csv", "jsonl", "parquet"])
    def test_columns_are_systems(self, ending: str) -> None:
        path = f"out.{ending}"
        rows = [{"A": "a1", "B.v2": "b1"}, {"A": "a2", "B.v2": ""}]
        if ending == "parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
        elif ending == "jsonl":
            write(path, *map(json.dumps, rows))
        else:
            delimiter = "\t" if ending == "tsv" else ","
            write(path, *(delimiter.join(cells) for cells in [list(rows[0]), *(row.values() for row in rows)]))
        found = outputs(HypothesisColumns(path=path, columns=("B.v2", "A")), self.testset)
        assert found == {"B.v2": ["b1", ""], "A": ["a1", "a2"]}
        assert outputs(HypothesesFile(path=path, column="A", name="mine"), self.testset) == {"mine": ["a1", "a2"]}

    def test_rows_in_order_are_as_many_as_segments(self) -> None:
        option = HypothesesFile(path=write("x.tsv", "A", "a1"), column="A")
        with pytest.raises(AlignmentError, match=r"x\.tsv: 1 hypotheses for 2 segments"):
            outputs(option, self.testset)

    def test_settings_that_contradict(self) -> None:
        with pytest.raises(ConfigError, match=r"id_column=id: .* no column of hypotheses is named"):
            Folder(path="x", id_column="id")
        with pytest.raises(ConfigError, match=r"x\.tsv: no column of hypotheses is named"):
            outputs(HypothesisColumns(path="x.tsv"), self.testset)
        with pytest.raises(InputError, match=r"x\.txt: its ending says no format with columns; expected \.jsonl"):
            outputs(HypothesesFile(path="x.txt", column="A"), self.testset)

    def test_signatures_follow_the_texts(self) -> None:
        def signature(*lines: str) -> str:
            option = HypothesesFile(path=write("x.tsv", *lines), column="A", id_column="id")
            (member,) = option.members(self.testset.language_pair)
            return str(member.system.signature())

        assert signature("id\tA", "1\ta", "2\tb") == signature("A\tid\tB", "b\t2\tx", "a\t1\ty")
        assert signature("id\tA", "1\ta", "2\tb") != signature("id\tA", "1\tb", "2\ta")


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache as sacreBLEU leaves it: $SACREBLEU/NAME/NAME.PAIR.FIELD, a system's output among the fields."""
    monkeypatch.setenv("SACREBLEU", str(Path("cache").resolve()))
    folder = Path("cache/wmt22")
    write(folder / "wmt22.zh-en.src", "郑州是个好地方", "我们走", "2024")
    write(folder / "wmt22.zh-en.ref-A", "Zhengzhou is a good place", "Let us go", "2024")
    write(folder / "wmt22.zh-en.ref-B", "Zhengzhou is nice", "We go", "2024")
    write(folder / "wmt22.zh-en.docid", "d1", "d1", "d2")
    write(folder / "wmt22.zh-en.origlang", "zh", "zh", "en")
    write(folder / "wmt22.zh-en.Online-A", "x", "y", "z")
    write("cache/wmt20/tworefs/wmt20_tworefs.zh-en.src", "郑州", "我们")
    write("cache/wmt20/tworefs/wmt20_tworefs.zh-en.ref-0", "Zhengzhou", "We")
    write("cache/wmt20/tworefs/wmt20_tworefs.zh-en.ref-1", "Zheng", "Us")
    write("cache/wmt20/tworefs/wmt20_tworefs.zh-en.docid", "", "")
    write("cache/wmt20/tworefs/wmt20_tworefs.zh-en.genre", "news", "news")
    return folder


class TestSacrebleu:
    def test_everything_the_cache_says(self, cache: Path) -> None:
        testset = SacrebleuSet(test_set="wmt22/zh-en").read()
        assert testset.segments[2] == Segment(
            id="3", source="2024", references=("2024",), document="d2", original_language="en"
        )
        assert (testset.name, testset.reference_names) == ("wmt22.zh-en", ("A",))  # A is what sacrebleu -t scores with
        both = SacrebleuSet(test_set="sacrebleu://wmt22", language_pair="zh-en", references=("B", "A")).read()
        assert both.segments[1].references == ("We go", "Let us go")

    def test_sets_of_several_references(self, cache: Path) -> None:
        testset = SacrebleuSet(test_set="wmt20/tworefs/zh-en").read()
        assert testset.segments[0] == Segment(id="1", source="郑州", references=("Zhengzhou", "Zheng"), domain="news")

    def test_sacrebleu_itself_reads_this_cache(self, cache: Path) -> None:
        # The layout is sacreBLEU's own, not ours: its command prints the lines of a plain-text set from such files.
        write("cache/multi30k/2016/multi30k_2016.en-de.src", "A dog.")
        write("cache/multi30k/2016/multi30k_2016.en-de.ref", "Ein Hund.")
        testset = SacrebleuSet(test_set="multi30k/2016/en-de").read()
        assert [(one.source, one.references) for one in testset.segments] == [("A dog.", ("Ein Hund.",))]
        assert testset.reference_names is None
        words = ["-t", "multi30k/2016", "-l", "en-de", "--echo", "src", "ref"]
        finished = subprocess.run(
            [sys.executable, "-m", "sacrebleu", *words], capture_output=True, text=True, check=True
        )
        assert finished.stdout == "A dog.\tEin Hund.\n"

    @pytest.mark.parametrize(
        ("field", "content", "said"),
        [
            ("ref-A", "Zhengzhou is a good place\nLet us go\n",
             r"ref-A: 2 lines, but .*src has 3: sacreBLEU's cache is incompl"),
            ("src", "郑州是个好地方\n我们走\n20", r"src: ends within a line, so it was not written to its end"),
            ("docid", "d1\n", r"docid: 1 lines, but"),
            ("src", "Zhengzhou is a good place\nLet us go\n2024\n", r"src: is the same as .*ref-A"),
            ("src", "Zhengzhou was a good place\nLet us go\n2024\n",
             r"src: 2 of 3 lines are not in the script of 'zh'"),
            ("ref-A", "郑州\n我们\n2024\n", r"ref-A: 2 of 3 lines are not in the script of 'en'"),
        ],
    )  # fmt: skip
    def test_a_cache_that_is_stale_is_refused_with_what_to_remove(
        self, cache: Path, field: str, content: str, said: str
    ) -> None:
        (cache / f"wmt22.zh-en.{field}").write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match=rf"{said}.*Remove .*cache/wmt22 \(rm -r\) and give the command again"):
            SacrebleuSet(test_set="wmt22/zh-en").read()

    @pytest.mark.parametrize(
        ("settings", "error", "said"),
        [
            ({"test_set": "wmt2/zh-en"}, InputError, r"'wmt2': sacreBLEU has none of this name; did you mean 'wmt2\d"),
            ({"test_set": "wmt22/zh-enn"}, InputError,
             r"'wmt22' of sacreBLEU: has no language pair zh-enn; did you mean"),
            ({"test_set": "wmt22"}, ConfigError, r"no language pair; write sacrebleu://wmt22/zh-en"),
            ({"test_set": "nothing"}, InputError, r"'nothing': sacreBLEU has none of this name"),
            ({"test_set": "wmt22/zh-en", "language_pair": "en-zh"}, ConfigError,
             r"is zh-en, and .* beside it is en-zh"),
        ],
    )  # fmt: skip
    def test_names_that_are_none(
        self, cache: Path, settings: dict[str, str], error: type[Exception], said: str
    ) -> None:
        with pytest.raises(error, match=said):
            SacrebleuSet(**settings).read()  # type: ignore[arg-type]

    def test_what_is_not_in_the_cache_and_cannot_be_had(self, cache: Path) -> None:
        # The archive is there and is none, so sacreBLEU goes on to read it and finds no file: no network is asked.
        write("cache/wmt23/raw/wmt23.v.0.1.tar.gz", "no archive")
        with pytest.raises(
            MissingError, match=r"wmt23/zh-en: is not in sacreBLEU's cache .*could not get it: .*sacrebleu -t wmt23"
        ):
            SacrebleuSet(test_set="wmt23/zh-en").read()

    def test_raw_files_are_made_into_texts_by_sacrebleu(self, cache: Path) -> None:
        document = (
            '<doc id="d1" origlang="zh" domain="news"><src lang="zh"><p><seg id="1">郑州</seg>'
            '<seg id="2">我们</seg></p></src>'
            '<ref lang="en" translator="refA"><p><seg id="1">Zheng</seg><seg id="2">We</seg></p></ref>'
            '<hyp system="S" language="en"><p><seg id="1">x</seg><seg id="2">y</seg></p></hyp></doc>'
        )
        write("cache/wmt23/raw/wmt23.v.0.1.tar.gz", "is here already")
        write(
            "cache/wmt23/raw/wmt23-news-systems-v.0.1/xml/wmttest2023.zh-en.all.xml",
            f'<?xml version="1.0" encoding="utf-8"?><dataset id="x">{document}</dataset>',
        )
        testset = SacrebleuSet(test_set="wmt23/zh-en").read()
        assert testset.segments == (
            Segment(id="1", source="郑州", references=("Zheng",), document="d1", domain="news", original_language="zh"),
            Segment(id="2", source="我们", references=("We",), document="d1", domain="news", original_language="zh"),
        )

    def test_where_a_name_is_taken(self, cache: Path, command: Callable[..., Finished]) -> None:
        write("mine.en", "Zhengzhou is a good place", "Let us go", "2024")
        finished = command("score", "-t", "sacrebleu://wmt22/zh-en", "mine.en", "-m", "chrf", "-b")
        assert (finished.code, finished.out) == (0, "100.0\n"), finished.err  # the reference itself
        finished = command("score", "-t", "sacrebleu://wmt22", "-l", "zh-en", "mine.en", "-m", "chrf", "-b")
        assert (finished.code, finished.out) == (0, "100.0\n"), finished.err
        run = eh.evaluate(
            testset="sacrebleu://wmt22/zh-en", systems={"m": ["Zhengzhou is a good place", "Let us go", "2024"]}
        )
        assert (run.plan.testset.name, run.plan.testset.n_segments) == ("wmt22.zh-en", 3)
        with pytest.raises(ConfigError, match=r"'testset\.test_set=x' is a setting of testset"):
            eh.evaluate(testset="sacrebleu://wmt22/zh-en", overrides=["testset.test_set=x"])
        finished = command("import", "sacrebleu://wmt22/zh-en", "--name", "w", "--set", "references=[A,B]")
        assert finished.code == 0, finished.err
        assert Library(name="w").read().segments[0].references == ("Zhengzhou is a good place", "Zhengzhou is nice")
        assert (Path("references/w/raw/wmt22.zh-en.ref-B")).read_bytes() == (cache / "wmt22.zh-en.ref-B").read_bytes()
        finished = command("export", "sacrebleu://wmt22/zh-en", "--format", "plain", "--output", "out")
        assert finished.code == 0, finished.err
        assert Path("out/original-languages.txt").read_text() == "zh\nzh\nen\n"
        finished = command("import", "nothing.txt", "--name", "w2")
        assert (finished.code, "no --reader: say what format nothing.txt has" in finished.err) == (2, True)


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize("streaming", [False, True])
class TestHuggingFace:
    testset = hostile_testset(*TEXTS, *WITH_TABS, *WITH_LINE_ENDS)

    def rows(self) -> list[dict[str, Any]]:
        return [
            {
                "id": int(one.id),
                "translation": {"zh": one.source, "en": one.references[0]},
                "refs": list(one.references),
                "document": one.document,
                "domain": one.domain,
                "original_language": one.original_language,
            }
            for one in self.testset.segments
        ]

    @pytest.mark.parametrize("place", ["set.jsonl", "set.parquet", "folder"])
    def test_files_and_folders(self, streaming: bool, place: str) -> None:
        file = Path(place if place != "folder" else "folder/validation.jsonl")
        file.parent.mkdir(exist_ok=True)
        if file.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist(self.rows()), file)
        else:
            write(file, *map(json.dumps, self.rows()))
        testset = HuggingFace(
            path=place,
            language_pair="zh-en",
            split="validation",
            streaming=streaming,
            source_column="translation.zh",
            reference_columns=("refs",),
            **LABELS,
        ).read()
        assert testset.segments == self.testset.segments
        assert testset.provenance == f"{place}, split validation"

    def test_csv_keeps_words_that_pandas_takes_for_missing(self, streaming: bool) -> None:
        path = write("set.csv", "source,reference", "NA,null", '"say ""x""",', "None,nan")
        testset = HuggingFace(path=path, language_pair="zh-en", streaming=streaming).read()
        assert [(one.source, one.references) for one in testset.segments] == [
            ("NA", ("null",)), ('say "x"', ("",)), ("None", ("nan",))
        ]  # fmt: skip

    def test_a_limit_is_said(self, streaming: bool) -> None:
        path = write("set.jsonl", *(json.dumps({"source": str(n), "reference": "x"}) for n in range(5)))
        testset = HuggingFace(path=path, language_pair="zh-en", streaming=streaming, limit=2, provenance="mine").read()
        assert [one.source for one in testset.segments] == ["0", "1"]
        assert testset.provenance == "mine; set.jsonl, split test, the first 2 rows"

    def test_what_cannot_be_read(self, streaming: bool) -> None:
        def read(path: str, **settings: Any) -> None:
            HuggingFace(path=path, language_pair="zh-en", streaming=streaming, **settings).read()

        write("folder/test.jsonl", '{"source": 1, "reference": "x"}')
        with pytest.raises(InputError, match=r"folder: cannot be read as a data set: .*Unknown split|Bad split"):
            read("folder", split="train")
        with pytest.raises(InputError, match=r"folder:row 1: field 'source' is int"):
            read("folder")
        with pytest.raises(InputError, match=r"folder:row 1: no column 'src'"):
            read("folder", source_column="src")
        with pytest.raises(InputError, match=r"bad\.jsonl:2: expected one JSON object: found NoneType"):
            read(write("bad.jsonl", '{"source": "s", "reference": "r"}', "null"))  # ends the process in pyarrow 25
        with pytest.raises(InputError, match=r"bad\.parquet: cannot be read as a data set"):
            read(write("bad.parquet", "{"))
        with pytest.raises(InputError, match=r"set\.txt: its ending says no format"):
            read(write("set.txt", "x"))
        with pytest.raises(ConfigError, match=r"testset\.limit=0"):
            read("folder", limit=0)
        with pytest.raises(ConfigError, match=r"testset\.revision=abc: folder is not on the hub"):
            read("folder", revision="abc")

    @pytest.mark.parametrize("revision", [None, "main", "0" * 40])
    def test_a_hub_that_cannot_be_reached(self, streaming: bool, revision: str | None) -> None:
        reader = HuggingFace(path="nobody/nothing", language_pair="zh-en", streaming=streaming, revision=revision)
        with pytest.raises(MissingError, match=r"nobody/nothing: is no file or folder here .*hub cannot be reached"):
            reader.read()


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"])
def test_offline_mode_is_one_message(variable: str) -> None:
    words = ["import", "nobody/nothing", "--reader", "huggingface", "-l", "zh-en", "--name", "x"]
    finished = spawn(*words, **{variable: "1", "HF_HOME": os.path.abspath("hf")})
    assert finished.returncode == 3
    assert finished.stderr.startswith("evalharness: error: nobody/nothing: is no file or folder here")
    assert finished.stderr.count("\n") == 1
    assert not Path("references").exists()


@pytest.mark.usefixtures("no_hub")
def test_import_of_a_local_data_set(command: Callable[..., Finished]) -> None:
    write("folder/test.jsonl", '{"source": "一", "reference": "one"}')
    finished = command("import", "folder", "--reader", "huggingface", "-l", "zh-en", "--name", "x")
    assert finished.code == 0, finished.err
    assert json.loads(Path("references/x/testset.json").read_text())["raw"] == []
    assert Library(name="x").read().segments[0].references == ("one",)
