"""Formats of test sets: what each reads, and how each refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import REPOSITORY, Finished, write
from hypothesis import given
from hypothesis import strategies as st

from evalharness.config import option_names
from evalharness.errors import AlignmentError, ConfigError, InputError
from evalharness.fingerprint import fingerprint, fingerprint_testset
from evalharness.packaged import library_folder
from evalharness.records import LanguagePair, Segment, TestSet
from evalharness.testsets.delimited import Delimited
from evalharness.testsets.interleaved import Interleaved
from evalharness.testsets.jsonl import Jsonl
from evalharness.testsets.library import Library
from evalharness.testsets.plain import Plain

SEED = REPOSITORY / "references" / "zhengzhou" / "raw" / "000_d86b8319f7c0fe92.txt"


class TestInterleaved:
    def test_sides_are_told_by_script_pair_by_pair(self) -> None:
        path = write("pairs.txt", "Good morning.", "早上好。", "晚安,BYD的朋友。", "Good night, friends of BYD.")
        segments = Interleaved(path=path).read().segments
        assert [segment.source for segment in segments] == ["早上好。", "晚安,BYD的朋友。"]
        assert [segment.references for segment in segments] == [("Good morning.",), ("Good night, friends of BYD.",)]
        assert [segment.id for segment in segments] == ["1", "2"]

    def test_direction_is_a_setting(self) -> None:
        path = write("pairs.txt", "Good morning.", "早上好。")
        (segment,) = Interleaved(path=path, language_pair="en-zh").read().segments
        assert (segment.source, segment.references) == ("Good morning.", ("早上好。",))

    def test_a_missing_line_is_named(self) -> None:
        path = write("pairs.txt", "One.", "一。", "Two.", "Three.", "三。")
        with pytest.raises(InputError, match=r"pairs\.txt:4: this line and the one before it are both 'en'"):
            Interleaved(path=path).read()

    def test_a_last_line_without_partner_is_named(self) -> None:
        with pytest.raises(InputError, match=r"pairs\.txt:3: the last line \('en'\) has no partner: 3 lines"):
            Interleaved(path=write("pairs.txt", "One.", "一。", "Two.")).read()

    @pytest.mark.parametrize(("line", "said"), [("", "is blank"), ("2024: 11.2%", "cannot tell by script")])
    def test_a_line_of_neither_side_is_named(self, line: str, said: str) -> None:
        with pytest.raises(InputError, match=rf"pairs\.txt:2: .*{said}"):
            Interleaved(path=write("pairs.txt", "One.", line, "Two.", "二。")).read()

    def test_one_script_on_both_sides_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="same script"):
            Interleaved(path=write("pairs.txt", "One.", "Eins."), language_pair="en-de").read()

    @pytest.mark.parametrize(("pair", "source", "target"), [
        ("ru-en", "Доброе утро.", "Good morning."),
        ("ja-ko", "おはようございます。", "안녕하세요."),
        ("en-ar", "Good morning.", "صباح الخير"),
    ])  # fmt: skip
    def test_other_scripts(self, pair: str, source: str, target: str) -> None:
        (segment,) = Interleaved(path=write("pairs.txt", target, source), language_pair=pair).read().segments
        assert (segment.source, segment.references) == (source, (target,))


class TestPlain:
    def test_several_references(self) -> None:
        files = [write("src.zh", "一", "二"), write("a.en", "one", "two"), write("b.en", "1", "2")]
        testset = Plain(language_pair="zh-en", source=files[0], references=tuple(files[1:])).read()
        assert testset.segments == (
            Segment(id="1", source="一", references=("one", "1")),
            Segment(id="2", source="二", references=("two", "2")),
        )
        assert testset.n_references() == 2

    def test_documents(self) -> None:
        testset = Plain(
            language_pair="zh-en", source=write("s", "一", "二"), documents=write("d", "talk.1", "talk.2")
        ).read()
        assert [segment.document for segment in testset.segments] == ["talk.1", "talk.2"]
        assert testset.n_references() == 0

    def test_counts_that_differ_name_both_files_and_the_first_missing_line(self) -> None:
        source, reference = write("src.zh", "一", "二", "三"), write("ref.en", "one", "two")
        with pytest.raises(AlignmentError, match=r"ref\.en: 2 lines, but src\.zh has 3.*missing line is ref\.en:3"):
            Plain(language_pair="zh-en", source=source, references=(reference,)).read()

    def test_one_reference_named_twice_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"ref\.en is named twice"):
            Plain(language_pair="zh-en", source="src.zh", references=("ref.en", "ref.en"))
        with pytest.raises(ConfigError, match=r"'ref' is named twice"):
            Delimited(path="x.tsv", language_pair="zh-en", reference_columns=("ref", "ref")).read()

    @pytest.mark.parametrize("twin", ["./ref.en", "sub/../ref.en", "linked.en"])
    def test_one_reference_under_two_paths_is_refused(self, twin: str) -> None:
        write("ref.en", "one")
        Path("sub").mkdir()
        Path("linked.en").symlink_to("ref.en")
        for paths in (("ref.en", twin), (twin, "other.en", str(Path("ref.en").resolve()))):
            with pytest.raises(ConfigError) as raised:
                Plain(language_pair="zh-en", references=paths)
            assert str(raised.value) == (
                f"testset.references: {paths[0]} and {paths[-1]} are one file; each reference counts once. "
                "Leave one of them out."
            )

    def test_standard_input_is_no_file_of_its_name(self) -> None:
        reader = Plain(language_pair="zh-en", references=("-", "./-"))
        assert reader.references == ("-", "./-")

    def test_nothing_given(self) -> None:
        with pytest.raises(ConfigError, match=r"neither testset\.source nor testset\.references"):
            Plain(language_pair="zh-en")


class TestColumns:
    def test_tab_separated(self) -> None:
        path = write("set.tsv", "src\tA\tdoc\tB", '一\tsay "one"\td1\t1', "二\ttwo\td1\t2")
        testset = Delimited(
            path=path,
            language_pair="zh-en",
            source_column="src",
            reference_columns=("A", "B"),
            document_column="doc",
        ).read()
        assert testset.segments[0] == Segment(id="1", source="一", references=('say "one"', "1"), document="d1")

    def test_unknown_column_suggests_the_nearest(self) -> None:
        with pytest.raises(InputError, match=r"set\.tsv:1: no column 'reference'; did you mean 'references'\?"):
            Delimited(path=write("set.tsv", "source\treferences", "一\tone"), language_pair="zh-en").read()

    def test_wrong_number_of_fields_names_the_line(self) -> None:
        with pytest.raises(InputError, match=r"set\.tsv:3: 3 fields where the header has 2 columns"):
            Delimited(path=write("set.tsv", "source\treference", "一\tone", "二\tt\two"), language_pair="zh-en").read()

    def test_an_empty_delimiter_is_refused(self, command: Callable[..., Finished]) -> None:
        path = write("set.tsv", "source\treference", "一\tone")
        with pytest.raises(ConfigError, match=r"testset\.delimiter='': .*; expected at least one character"):
            Delimited(path=path, language_pair="zh-en", delimiter="")
        settings = ["--set", "delimiter=''"]
        finished = command("import", path, "--reader", "tsv", "-l", "zh-en", "--name", "x", *settings)
        assert finished.code == 2
        assert "testset.delimiter=''" in finished.err
        assert not Path("references").exists()

    def test_a_delimiter_of_several_characters(self) -> None:
        path = write("set.txt", "source ||| reference", "一 ||| one")
        (segment,) = Delimited(path=path, language_pair="zh-en", delimiter=" ||| ").read().segments
        assert (segment.source, segment.references) == ("一", ("one",))

    def test_header_without_rows(self) -> None:
        with pytest.raises(InputError, match="no segments"):
            Delimited(path=write("set.tsv", "source\treference"), language_pair="zh-en").read()

    def test_json_lines(self) -> None:
        rows = [{"source": "一", "reference": "one", "n": 7}, {"source": "二", "reference": None, "n": 8}]
        path = write("set.jsonl", *(json.dumps(row) for row in rows))
        testset = Jsonl(path=path, language_pair="zh-en", id_column="n").read()
        assert testset.segments == (
            Segment(id="7", source="一", references=("one",)),
            Segment(id="8", source="二", references=()),
        )
        assert testset.n_references() is None

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("{", r"set\.jsonl:2: expected one JSON object"),
            ("[1]", r"set\.jsonl:2: expected one JSON object: found list"),
            ('{"source": "二"}', r"set\.jsonl:2: no column 'reference'"),
            ('{"source": null, "reference": "two"}', r"set\.jsonl:2: column 'source' has no text"),
            ('{"source": 2, "reference": "two"}', r"set\.jsonl:2: field 'source' is int"),
            ('{"source": "\\ud800", "reference": "two"}', r"set\.jsonl:2: column 'source': .*unpaired surrogate"),
        ],
    )
    def test_json_lines_that_are_wrong_are_named(self, line: str, said: str) -> None:
        path = write("set.jsonl", '{"source": "一", "reference": "one"}', line)
        with pytest.raises(InputError, match=said):
            Jsonl(path=path, language_pair="zh-en").read()

    def test_ids_are_unique(self) -> None:
        path = write("set.tsv", "source\treference\tid", "一\tone\tx", "二\ttwo\tx")
        with pytest.raises(InputError, match="segment id 'x' occurs twice"):
            Delimited(path=path, language_pair="zh-en", id_column="id").read()

    @given(content=st.binary(max_size=200))
    def test_any_bytes_are_a_test_set_or_our_error(self, content: bytes) -> None:
        Path("fuzz").write_bytes(b"source\treference\n" + content)
        for reader in (
            Delimited(path="fuzz", language_pair="zh-en"),
            Jsonl(path="fuzz", language_pair="zh-en"),
            Interleaved(path="fuzz"),
        ):
            try:
                assert isinstance(reader.read(), TestSet)
            except InputError:
                continue


class TestLibrary:
    def test_the_bundled_set_holds_the_seed(self) -> None:
        lines = SEED.read_bytes().decode().split("\n")
        testset = Library(name="zhengzhou").read()
        assert [segment.source for segment in testset.segments] == lines[1::2]
        assert [segment.references for segment in testset.segments] == [(line,) for line in lines[0::2]]
        assert (len(testset.segments), str(testset.language_pair)) == (9, "zh-en")

    def test_reversed(self) -> None:
        forward, backward = Library(name="zhengzhou").read(), Library(name="zhengzhou", language_pair="en-zh").read()
        assert str(backward.language_pair) == "en-zh"
        assert [segment.references[0] for segment in backward.segments] == [s.source for s in forward.segments]
        assert fingerprint_testset(forward) != fingerprint_testset(backward)

    def test_another_direction_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"'zhengzhou' is zh-en; it can be run so or as en-zh"):
            Library(name="zhengzhou", language_pair="de-en").read()

    def test_unknown_name_lists_what_there_is(self) -> None:
        with pytest.raises(InputError, match=r"did you mean 'zhengzhou'\?"):
            Library(name="zhengzou").read()

    def test_two_references_cannot_be_reversed(self, command: Callable[..., Finished]) -> None:
        files = [write("s.zh", "一"), write("a.en", "one"), write("b.en", "1")]
        assert command("import", *files, "--reader", "plain", "-l", "zh-en", "--name", "two").code == 0
        with pytest.raises(ConfigError, match="segment '1' has 2 references"):
            Library(name="two", language_pair="en-zh").read()


class TestImport:
    def test_every_format_can_be_imported(self, command: Callable[..., Finished]) -> None:
        listed = re.search(r"--reader \{(.*?)\}", command("import", "--help").out)
        assert listed is not None
        assert listed.group(1).split(",") == sorted(set(option_names("testset")) - {"library", "zhengzhou"})

    def test_the_seed_imports_to_what_is_shipped(self, command: Callable[..., Finished]) -> None:
        finished = command("import", str(SEED), "--reader", "interleaved", "--name", "zhengzhou")
        assert finished.code == 0, finished.err
        assert "references/zhengzhou: 9 segments, zh-en" in finished.out
        shipped = REPOSITORY / "references" / "zhengzhou"
        made = Path("references/zhengzhou")
        assert (made / "segments.jsonl").read_bytes() == (shipped / "segments.jsonl").read_bytes()
        assert (made / "raw" / SEED.name).read_bytes() == SEED.read_bytes()
        described, expected = (json.loads((folder / "testset.json").read_text()) for folder in (made, shipped))
        assert described["fingerprint"] == expected["fingerprint"]
        assert library_folder("zhengzhou").resolve() == made.resolve()  # one's own come before the shipped ones

    def test_nothing_is_written_over(self, command: Callable[..., Finished]) -> None:
        arguments = ("import", str(SEED), "--reader", "interleaved", "--name", "mine")
        command(*arguments)
        before = Path("references/mine/testset.json").read_bytes()
        finished = command(*arguments)
        assert finished.code == 2
        assert "already holds an imported test set" in finished.err
        assert Path("references/mine/testset.json").read_bytes() == before

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            (["reference_columns=[]"], "2 segments, zh-en, NO references"),
            (["reference_columns=[a]", "document_column=doc"], "2 segments, zh-en, 1 reference each, 1 document\n"),
            (["reference_columns=[a,b]"], "2 segments, zh-en, 2 references each, no documents named"),
        ],
    )
    def test_what_was_found_is_said(self, command: Callable[..., Finished], settings: list[str], said: str) -> None:
        write("x.tsv", "source\ta\tb\tdoc", "一\tone\t1\td", "二\ttwo\t2\td")
        finished = command("import", "x.tsv", "--reader", "tsv", "--name", "x", "-l", "zh-en", "--set", *settings)
        assert finished.code == 0, finished.err
        assert said in finished.out

    def test_bad_file_writes_nothing(self, command: Callable[..., Finished]) -> None:
        path = write("pairs.txt", "One.", "Two.")
        finished = command("import", path, "--reader", "interleaved", "--name", "bad")
        assert finished.code == 2
        assert "pairs.txt:2" in finished.err
        assert not Path("references").exists()

    def test_plain_and_columns_survive_the_round_trip(self, command: Callable[..., Finished]) -> None:
        path = write("set.tsv", "src\tA\tB\tdoc", "一\tone\t1\td 1", "二\ttwo\t2\td 2")
        settings = ["source_column=src", "reference_columns=[A,B]", "document_column=doc"]
        finished = command(
            "import", path, "--reader", "tsv", "-l", "zh-en", "--name", "cols", "--provenance", 'a "quoted" = note',
            "--set", *settings
        )  # fmt: skip
        assert finished.code == 0, finished.err
        testset = Library(name="cols").read()
        assert testset.segments[1] == Segment(id="2", source="二", references=("two", "2"), document="d 2")
        assert testset.provenance == 'a "quoted" = note'

    def test_changed_segments_are_noticed(self, command: Callable[..., Finished]) -> None:
        command("import", str(SEED), "--reader", "interleaved", "--name", "mine")
        path = Path("references/mine/segments.jsonl")
        path.write_bytes(path.read_bytes().replace(b"11.2%", b"12.1%", 1))
        with pytest.raises(InputError, match="have changed since they were imported"):
            Library(name="mine").read()


@pytest.mark.parametrize("text", ["zh", "zh_en", "zh-en-US", "", "-", "中-en", "zh-"])
def test_language_pairs_that_are_none(text: str) -> None:
    with pytest.raises(ConfigError, match="language pair"):
        LanguagePair.parse(text)


@pytest.mark.parametrize("text", ["zh-en", "en-zh_CN", "bho-en", "en-sr_Cyrl_RS"])
def test_language_pairs(text: str) -> None:
    assert str(LanguagePair.parse(text)) == text


@given(st.lists(st.none() | st.text(max_size=3), max_size=4), st.lists(st.none() | st.text(max_size=3), max_size=4))
def test_fingerprints_are_equal_for_equal_parts_only(one: list[str | None], other: list[str | None]) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (one == other)
