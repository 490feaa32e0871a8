"""The input firewall: planted faults are found where they are, real files are clean, a run stops or counts."""

from __future__ import annotations

import csv
import gzip
import json
import random
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import REPOSITORY, Finished
from data_folder import ted21, wmt22
from hypothesis import given
from hypothesis import strategies as st

from evalharness.errors import ConfigError, InputError
from evalharness.inspection.alignment import AlignedTexts, Side, find_loss, find_shift, misalignment
from evalharness.inspection.characters import findings_in, is_clean
from evalharness.inspection.findings import KINDS, InputSettings, Kind, OnError, Place, Severity, collecting, named
from evalharness.inspection.lines import read_texts
from evalharness.testsets.base import Reader
from evalharness.testsets.delimited import Csv, Delimited
from evalharness.testsets.jsonl import Jsonl
from evalharness.testsets.plain import Plain
from evalharness.textio import read_lines

ENGLISH = [
    "The city council met on 14 March to discuss the new tram line.",
    "Nobody expected the vote to be close, yet it was.",
    "Twelve members were in favour; eleven were not.",
    "“We will build it,” said the mayor, “whatever it costs.”",
    "Costs are put at 3.2 billion yuan over six years.",
    "Residents of the old quarter worry about noise.",
    "A café owner near the station is more cheerful.",
    "She hopes for customers who now take the bus.",
    "Work begins in autumn, weather permitting.",
    "The first trams could run by the end of 2031.",
    "Until then, buses 7 and 12 keep their routes.",
    "More about this on page four.",
]
CHINESE = [
    "市议会于3月14日开会讨论新电车线路。",
    "没有人想到投票结果会如此接近。",
    "十二名议员赞成，十一名反对。",
    "市长说：“无论花多少钱，我们都要建。”",
    "预计六年内耗资32亿元。",
    "老城区的居民担心噪音。",
    "车站附近的一位咖啡馆老板则比较乐观。",
    "她希望吸引现在坐公交车的顾客。",
    "如果天气允许，工程将于秋季开始。",
    "首批电车可能在2031年底前运行。",
    "在此之前，7路和12路公交车路线不变。",
    "更多内容见第四版。",
]

# What is planted: in which base text, at which line (from 1), what stands there instead, and what must be found: kind,
# column (from 1, in characters) and code point. Worked out by hand.
CHARACTERS: list[tuple[str, Sequence[str], int, str, str, int | None, int | None]] = [
    ("lone carriage return", ENGLISH, 2, "Nobody\rexpected it.", "carriage-return", 7, 0x0D),
    ("line separator", ENGLISH, 3, "Twelve\u2028eleven", "line-separator", 7, 0x2028),
    ("paragraph separator", CHINESE, 4, "市长\u2029说", "line-separator", 3, 0x2029),
    ("next line", ENGLISH, 12, "More\u0085about", "line-separator", 5, 0x85),
    ("null", ENGLISH, 1, "The \0city", "null-character", 5, 0),
    ("null at the end", CHINESE, 12, "更多\0", "null-character", 3, 0),
    ("start of heading", ENGLISH, 5, "Costs\x01are", "control-character", 6, 0x01),
    ("backspace", ENGLISH, 6, "Resi\x08dents", "control-character", 5, 0x08),
    ("vertical tab", ENGLISH, 7, "A\x0bcafé", "control-character", 2, 0x0B),
    ("form feed", CHINESE, 8, "她\x0c希望", "control-character", 2, 0x0C),
    ("escape", ENGLISH, 9, "\x1b[31mWork", "control-character", 1, 0x1B),
    ("file separator", ENGLISH, 10, "The\x1cfirst", "control-character", 4, 0x1C),
    ("unit separator", CHINESE, 11, "在此\x1f之前", "control-character", 3, 0x1F),
    ("delete", ENGLISH, 11, "Until\x7fthen", "control-character", 6, 0x7F),
    ("padding of C1", ENGLISH, 4, "We\x80will", "c1-control-character", 3, 0x80),
    ("apostrophe of Windows-1252", ENGLISH, 8, "She\x92s here", "c1-control-character", 4, 0x92),
    ("tab", ENGLISH, 3, "Twelve\tmembers", "tab", 7, 0x09),
    ("tab in Chinese", CHINESE, 3, "十二名\t议员", "tab", 4, 0x09),
    ("inner byte order mark", ENGLISH, 5, "Costs \ufeffare", "inner-byte-order-mark", 7, 0xFEFF),
    ("byte order mark of a second file", CHINESE, 7, "\ufeff车站", "inner-byte-order-mark", 1, 0xFEFF),
    ("zero width space", CHINESE, 5, "预计\u200b六年", "invisible-character", 3, 0x200B),
    ("soft hyphen", ENGLISH, 6, "Resi\xaddents", "invisible-character", 5, 0xAD),
    ("word joiner", ENGLISH, 1, "14\u2060 March", "invisible-character", 3, 0x2060),
    ("override of direction", ENGLISH, 2, "Nobody \u202eexpected", "invisible-character", 8, 0x202E),
    ("isolate", ENGLISH, 2, "\u2066Nobody", "invisible-character", 1, 0x2066),
    ("replacement character", ENGLISH, 7, "A caf\ufffd owner", "replacement-character", 6, 0xFFFD),
    ("private use", CHINESE, 6, "老城区\ue5e5的", "private-use-character", 4, 0xE5E5),
    ("private use beyond", ENGLISH, 6, "old \U000f0001quarter", "private-use-character", 5, 0xF0001),
    ("noncharacter", ENGLISH, 9, "Work\ufdd0begins", "noncharacter", 5, 0xFDD0),
    ("last noncharacter", ENGLISH, 9, "Work\uffffbegins", "noncharacter", 5, 0xFFFF),
    ("decomposed accent", ENGLISH, 7, "A cafe\u0301 owner", "not-nfc", 7, 0x0301),
    ("angstrom sign", ENGLISH, 7, "5 \u212b wide", "not-nfc", 3, 0x212B),
    ("compatibility ideograph", CHINESE, 9, "如\uf907果", "not-nfc", 2, 0xF907),
    ("decomposed Hangul", ENGLISH, 8, "\u1100\u1161 here", "not-nfc", 2, 0x1161),
    ("leading space", ENGLISH, 10, " The first", "surrounding-space", 1, 0x20),
    ("trailing space", ENGLISH, 10, "The first ", "surrounding-space", 10, 0x20),
    ("two trailing spaces", ENGLISH, 10, "The first  ", "surrounding-space", 10, 0x20),
    ("leading ideographic space", CHINESE, 1, "\u3000市议会", "surrounding-space", 1, 0x3000),
    ("trailing no-break space", ENGLISH, 12, "page four.\xa0", "surrounding-space", 11, 0xA0),
    ("UTF-8 read as Windows-1252", ENGLISH, 7, "A cafÃ© owner", "mojibake", 6, 0xC3),
    ("its quotation marks", ENGLISH, 4, "â€œWe will build it", "mojibake", 1, 0xE2),
    ("UTF-8 read as Latin-1", CHINESE, 2, "æ²¡æ\x9c\x89äººæ", "mojibake", None, None),
    ("Cyrillic read as Windows-1251", ENGLISH, 2, "РџСЂРёРІРµС‚ everyone", "mojibake", None, None),
    ("UTF-8 read as GBK", CHINESE, 2, "你好世界，今天".encode().decode("gbk", "ignore"), "mojibake", 1, None),
    ("lost characters read as GBK", CHINESE, 2, "有人锟斤拷想到", "mojibake", 3, ord("锟")),
    ("umlauts read as Windows-1250", ENGLISH, 6, "GrĂ¶Ăźe", "mojibake", 3, None),
    ("empty line", ENGLISH, 6, "", "empty-line", None, None),
    ("blank line", ENGLISH, 6, "   ", "empty-line", None, 0x20),
    ("line of ideographic spaces", CHINESE, 6, "\u3000\u3000", "empty-line", None, 0x3000),
    ("first line empty", CHINESE, 1, "", "empty-line", None, None),
]


def planted(base: Sequence[str], line: int, text: str) -> bytes:
    lines = [*base[: line - 1], text, *base[line:]]
    return "".join(f"{one}\n" for one in lines).encode("utf-8")


def linted(command: Callable[..., Finished], *arguments: str) -> dict[str, Any]:
    finished = command("lint", *arguments, "-f", "json", "--most", "0")
    report: dict[str, Any] = json.loads(finished.out)
    assert finished.code == (2 if report["n_errors"] else 0)
    assert finished.err == ""
    return report


@pytest.mark.parametrize("plant", CHARACTERS, ids=[plant[0] for plant in CHARACTERS])
def test_a_planted_character_is_found_where_it_is(plant: tuple[Any, ...], command: Callable[..., Finished]) -> None:
    _, base, line, text, kind, column, code_point = plant
    Path("planted.txt").write_bytes(planted(base, line, text))
    found = [one for one in linted(command, "planted.txt")["findings"] if one["kind"] == kind]
    assert [(one["file"], one["line"]) for one in found] == [("planted.txt", line)]
    assert found[0]["severity"] == KINDS[kind].severity.value
    if column is not None or kind == "empty-line":
        assert found[0]["column"] == column
    if code_point is not None:
        assert found[0]["code_point"] == named(code_point)


@pytest.mark.parametrize("plant", CHARACTERS, ids=[plant[0] for plant in CHARACTERS])
def test_nothing_else_is_found_beside_it(plant: tuple[Any, ...], command: Callable[..., Finished]) -> None:
    _, base, line, text, kind, _, _ = plant
    Path("planted.txt").write_bytes(planted(base, line, text))
    beside = {one["kind"] for one in linted(command, "planted.txt")["findings"]} - {kind}
    if kind == "mojibake":  # what was lost or is no character then is said as well
        beside -= {"replacement-character", "c1-control-character"}
    assert beside == set()


class TestWholeFiles:
    def test_byte_order_mark(self, command: Callable[..., Finished]) -> None:
        Path("a.txt").write_bytes(b"\xef\xbb\xbf" + planted(ENGLISH, 1, ENGLISH[0]))
        (found,) = linted(command, "a.txt")["findings"]
        assert (found["kind"], found["line"], found["column"]) == ("byte-order-mark", 1, 1)
        assert found["code_point"].startswith("U+FEFF")
        assert found["done"] == "left out"

    def test_windows_line_ends(self, command: Callable[..., Finished]) -> None:
        Path("a.txt").write_bytes(b"one\r\ntwo\nthree\r\n")
        found = linted(command, "a.txt")["findings"]
        assert [(one["kind"], one["line"], one["column"]) for one in found] == [
            ("windows-line-end", 1, 4),
            ("windows-line-end", 3, 6),
        ]

    @pytest.mark.parametrize(
        ("content", "line", "column", "said"),
        [
            (b"fine\ncaf\xe9\n", 2, 4, "byte 0xe9 at byte 4"),
            ("好\n".encode() + "坏\n".encode("gbk"), 2, 1, "byte 0xbb at byte 1"),
            ("é\xe9".encode() + b"\xff\n", 1, 3, "byte 0xff at byte 5"),
            ("text\n".encode("utf-16"), 1, 1, "as UTF-16 begins"),
        ],
        ids=["Latin-1", "GBK", "after two bytes each", "UTF-16"],
    )
    def test_not_utf8(
        self, content: bytes, line: int, column: int, said: str, command: Callable[..., Finished]
    ) -> None:
        Path("a.txt").write_bytes(content)
        found = [one for one in linted(command, "a.txt")["findings"] if one["kind"] == "not-utf-8"]
        assert (found[0]["line"], found[0]["column"]) == (line, column)
        assert said in found[0]["found"]

    def test_surrogate_in_the_bytes(self, command: Callable[..., Finished]) -> None:
        Path("a.txt").write_bytes(b"one\nt\xed\xa0\xbdo\n")
        (found,) = linted(command, "a.txt")["findings"]
        assert (found["kind"], found["line"], found["column"]) == ("surrogate", 2, 2)
        assert found["code_point"] == "U+D83D unpaired surrogate"

    def test_duplicated_block(self, command: Callable[..., Finished]) -> None:
        lines = [*ENGLISH[:9], *ENGLISH[3:7], *ENGLISH[9:]]
        Path("a.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        (found,) = linted(command, "a.txt")["findings"]
        assert (found["kind"], found["line"]) == ("duplicated-block", 10)
        assert found["found"] == "lines 10 to 13 are those from 4 on again"

    def test_a_file_written_twice(self, command: Callable[..., Finished]) -> None:
        Path("a.txt").write_text("".join(f"{line}\n" for line in ENGLISH * 2), encoding="utf-8")
        (found,) = linted(command, "a.txt")["findings"]
        assert found["found"] == "lines 13 to 24 are those from 1 on again"

    def test_short_lines_are_there_twice_for_good_reasons(self, command: Callable[..., Finished]) -> None:
        Path("a.txt").write_text("Yes.\nNo.\nWhy?\nYes.\nNo.\nWhy?\n" + "\n".join(ENGLISH), encoding="utf-8")
        assert linted(command, "a.txt")["findings"] == []

    def test_gzip_and_standard_input(self, command: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch) -> None:
        Path("a.txt.gz").write_bytes(gzip.compress(planted(ENGLISH, 3, "Twelve\u2028eleven")))
        (found,) = linted(command, "a.txt.gz")["findings"]
        assert (found["kind"], found["line"], found["column"]) == ("line-separator", 3, 7)


class TestRecordsInLines:
    def test_a_tab_too_many_in_tsv(self, command: Callable[..., Finished]) -> None:
        Path("a.tsv").write_text("source\treference\n一\tone\n二\ttwo\tdos\n", encoding="utf-8")
        (found,) = linted(command, "a.tsv")["findings"]
        assert (found["kind"], found["line"], found["column"]) == ("wrong-fields", 3, 6)
        assert found["found"] == "3 fields where the header has 2 columns"

    def test_a_field_too_few_in_tsv(self, command: Callable[..., Finished]) -> None:
        Path("a.tsv").write_text("source\treference\n一 one\n二\ttwo\n", encoding="utf-8")
        (found,) = linted(command, "a.tsv")["findings"]
        assert (found["kind"], found["line"], found["column"]) == ("wrong-fields", 2, None)

    def test_escaped_characters_in_json(self, command: Callable[..., Finished]) -> None:
        rows = [{"source": "一", "refs": ["one"]}, {"source": "二", "refs": ["two", "t\0o"]}, {"source": "\ud83d"}]
        Path("a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        found = linted(command, "a.jsonl")["findings"]
        assert [(one["kind"], one["line"], one["column"], one["field"]) for one in found] == [
            ("null-character", 2, 2, "refs[1]"),
            ("surrogate", 3, 1, "source"),
        ]

    def test_rows_of_csv_and_parquet(self, command: Callable[..., Finished]) -> None:
        rows = {"source": ["一", "二"], "reference": ["one", "t\u2028wo"]}
        Path("a.csv").write_text('source,reference\n一,one\n二,"t\u2028wo"\n', encoding="utf-8")
        pq.write_table(pa.table(rows), "a.parquet")
        for name, line in (("a.csv", 3), ("a.parquet", 2)):
            (found,) = linted(command, name)["findings"]
            assert (found["kind"], found["line"], found["column"], found["field"]) == (
                "line-separator", line, 2, "reference",
            )  # fmt: skip
        Path("a.parquet").write_bytes(b"no parquet")
        finished = command("lint", "a.parquet")
        assert (finished.code, "a.parquet: error: unreadable: cannot be read as Parquet" in finished.out) == (2, True)

    def test_what_is_no_json(self, command: Callable[..., Finished]) -> None:
        Path("a.jsonl").write_text('{"source": "一"}\n{"source": }\n', encoding="utf-8")
        (found,) = linted(command, "a.jsonl")["findings"]
        assert (found["kind"], found["line"], found["column"]) == ("not-json", 2, 12)


def paragraphs() -> tuple[list[str], list[str]]:
    """The nine bundled paragraphs, sources and references."""
    file = REPOSITORY / "references" / "zhengzhou" / "segments.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [row["source"] for row in rows], [row["references"][0] for row in rows]


def write_lines(name: str, lines: Sequence[str]) -> None:
    Path(name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


class TestAlignment:
    """A shift is told with a reference or source beside it; lines are counted from 1."""

    def test_a_line_is_missing(self, command: Callable[..., Finished]) -> None:
        sources, references = paragraphs()
        write_lines("src.zh", sources)
        write_lines("ref.en", [*references[:2], *references[3:], "An end that is too much, added later."])
        (found,) = linted(command, "src.zh", "ref.en")["findings"]
        assert (found["kind"], found["file"], found["line"]) == ("shifted-alignment", "ref.en", 3)
        assert found["found"] == "from here on, what belongs to a line of src.zh stands 1 line earlier"

    def test_a_line_too_many(self, command: Callable[..., Finished]) -> None:
        sources, references = paragraphs()
        write_lines("src.zh", sources)
        write_lines("ref.en", [*references[:2], "A line from elsewhere.", *references[2:-1]])
        (found,) = linted(command, "src.zh", "ref.en")["findings"]
        assert (found["kind"], found["line"]) == ("shifted-alignment", 3)
        assert "1 line later" in found["found"]

    def test_files_of_unlike_length_say_where(self, command: Callable[..., Finished]) -> None:
        sources, references = paragraphs()
        write_lines("src.zh", sources)
        write_lines("ref.en", [*references[:3], *references[4:]])
        found = linted(command, "src.zh", "ref.en")["findings"]
        assert [(one["kind"], one["line"]) for one in found] == [("line-count", 4)]
        assert found[0]["found"] == "8 lines, but src.zh has 9; from about line 4 on, they fit others than theirs"

    def test_a_system_is_held_against_the_reference_in_its_language(self, command: Callable[..., Finished]) -> None:
        sources, references = paragraphs()
        write_lines("src.zh", sources)
        write_lines("ref.en", references)
        write_lines("hyp.en", [*references[:4], *references[5:], references[0]])
        (found,) = linted(command, "src.zh", "ref.en", "hyp.en")["findings"]
        assert (found["file"], found["line"]) == ("hyp.en", 5)
        assert linted(command, "src.zh", "ref.en", "hyp.en", "--not-aligned")["findings"] == []

    def test_good_files_and_bad_systems_are_not_misaligned(self) -> None:
        sources, references = paragraphs()
        for outputs in (references, sources, ["the same"] * 9, [""] * 9):
            assert find_shift(Side(sources), Side(outputs)) is None
            assert find_loss(Side(sources), Side(outputs)) is None

    @pytest.mark.parametrize("n", [50, 300, 1875])
    @pytest.mark.parametrize("change", ["missing", "too many", "twice", "three missing"])
    def test_planted_shifts_in_wmt22(self, n: int, change: str) -> None:
        """At 20 places each: all found, and the line is right or near by; never one in the files as they are."""
        rng = random.Random(f"{n} {change}")
        sources = read_lines(wmt22() / "src.zh")
        references = read_lines(wmt22() / "ref.A.en")
        outputs = read_lines(wmt22() / "hyp" / "Online-B.en")
        n_found, misses = 0, []
        for _ in range(20):
            first = rng.randrange(0, len(sources) - n + 1)
            several = slice(first, first + n)
            place = rng.randrange(5, n - 20)
            shifted = list(outputs[several])
            if change == "missing":
                del shifted[place]
                shifted.append("The end.")
            elif change == "too many":
                shifted.insert(place, "A line that belongs to nothing.")
            elif change == "twice":
                shifted.insert(place, shifted[place - 1])
            else:
                del shifted[place : place + 3]
                shifted += ["The end."] * 3
            side = Side(references[several])
            assert find_shift(side, Side(outputs[several])) is None
            shift = find_shift(side, Side(shifted[:n]))
            if shift is not None:
                n_found += 1
                misses.append(abs(shift.first - place))
        assert n_found == 20
        assert sorted(misses)[:16] == [0] * 16
        assert max(misses) <= 5

    def test_a_shift_in_published_data(self) -> None:
        """Of the 15 outputs of the TED talks, one stands a line late for 18 lines: looked at, and it is so."""
        segments, outputs = ted21()
        sources = AlignedTexts(name="src", side=Side([source for source, _, _ in segments]))
        found = {}
        for system, hypotheses in outputs.items():
            if (finding := misalignment(sources, AlignedTexts(name=system, side=Side(hypotheses)))) is not None:
                found[system] = (finding.kind, finding.place.line, finding.found)
        said = "from here to line 199, what belongs to a line of src stands 1 line later"
        assert found == {"metricsystem5": (Kind.shifted_passage, 182, said)}

    def test_lost_alignment_in_wmt22(self) -> None:
        sources, outputs = read_lines(wmt22() / "src.zh"), list(read_lines(wmt22() / "hyp" / "Online-B.en"))
        tail = outputs[1000:]
        random.Random(1).shuffle(tail)
        assert find_loss(Side(sources), Side(outputs)) is None
        found = find_loss(Side(sources), Side(outputs[:1000] + tail))
        assert found is not None
        assert abs(found - 1000) <= 5


def test_the_files_of_wmt22_have_no_error_and_two_warnings(command: Callable[..., Finished]) -> None:
    """28,125 lines of text and 38,770 of tables; both warnings were looked at: a tab and an empty output are there."""
    report = linted(
        command, str(wmt22() / "src.zh"), *map(str, sorted(wmt22().glob("ref.*.en"))), str(wmt22() / "hyp"),
        *map(str, sorted(wmt22().glob("*.tsv"))),
    )  # fmt: skip
    found = [(Path(one["file"]).name, one["line"], one["kind"]) for one in report["findings"]]
    assert found == [("ref.B.en", 1364, "tab"), ("Online-W.en", 1479, "empty-line")]
    assert (report["n_errors"], report["n_warnings"]) == (0, 2)


def test_the_bundled_set_is_clean(command: Callable[..., Finished]) -> None:
    folder = REPOSITORY / "references" / "zhengzhou"
    files = [str(folder / "segments.jsonl"), *map(str, sorted((folder / "candidates").glob("*.en")))]
    assert linted(command, *files)["findings"] == []


class TestRuns:
    ARGUMENTS = ("score", "-s", "src.zh", "-r", "ref.en", "-l", "zh-en", "-m", "bleu", "--", "hyp.en")

    def files(self, hypotheses: bytes) -> None:
        write_lines("src.zh", CHINESE)
        write_lines("ref.en", ENGLISH)
        Path("hyp.en").write_bytes(hypotheses)

    def findings(self) -> list[dict[str, str]]:
        (record,) = [path for path in Path("results").iterdir() if not path.is_symlink()]
        with open(record / "findings.csv", encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def test_an_error_stops_before_anything_is_written(self, command: Callable[..., Finished]) -> None:
        self.files(planted(ENGLISH, 5, "Costs\0are\0put"))
        finished = command(*self.ARGUMENTS)
        assert finished.code == 2
        assert "hyp.en:5:6: null-character: U+0000 NULL" in finished.err
        assert "(and 1 more of this kind)" in finished.err
        assert not Path("results").exists()

    def test_on_error_warn_goes_on_and_counts(self, command: Callable[..., Finished]) -> None:
        self.files(planted(ENGLISH, 5, "Costs\0are\0put"))
        finished = command(*self.ARGUMENTS[:-2], "--set", "inputs.on_error=warn", "--", "hyp.en")
        assert finished.code == 0, finished.err
        (line,) = self.findings()
        assert (line["file"], line["kind"], line["severity"], line["n_found"]) == (
            "hyp.en", "null-character", "error", "2",
        )  # fmt: skip
        assert (line["line"], line["column"], line["code_point"]) == ("5", "6", "U+0000 NULL")

    def test_what_cannot_be_read_stops_in_any_case(self, command: Callable[..., Finished]) -> None:
        self.files(planted(ENGLISH, 5, "x").replace(b"x\n", b"caf\xe9\n"))
        finished = command(*self.ARGUMENTS[:-2], "--set", "inputs.on_error=warn", "--", "hyp.en")
        assert finished.code == 2
        assert "hyp.en:5" in finished.err

    def test_warnings_are_said_counted_and_shown(self, command: Callable[..., Finished]) -> None:
        self.files(b"\xef\xbb\xbf" + planted(ENGLISH, 5, "Costs\u2028are\u2028put "))
        finished = command(*self.ARGUMENTS)
        assert finished.code == 0
        assert finished.err.count("hyp.en:5:6: line-separator: U+2028 LINE SEPARATOR; kept as part of the text") == 1
        lines = {line["kind"]: line["n_found"] for line in self.findings()}
        assert lines == {"byte-order-mark": "1", "surrounding-space": "1", "line-separator": "2"}
        assert "Found in the texts: byte-order-mark in hyp.en, surrounding-space in hyp.en" in finished.out
        table = command("report", "results/latest", "--table", "findings", "-f", "csv").out
        assert "hyp.en,line-separator,warning,2," in table

    def test_ignored_kinds_are_not_looked_at(self, command: Callable[..., Finished]) -> None:
        self.files(planted(ENGLISH, 5, "Costs are put "))
        finished = command(*self.ARGUMENTS[:-2], "--set", "inputs.ignored=[surrounding-space]", "--", "hyp.en")
        assert finished.code == 0
        assert self.findings() == []

    def test_shifted_hypotheses_stop(self, command: Callable[..., Finished]) -> None:
        sources, references = paragraphs()
        write_lines("src.zh", sources)
        write_lines("ref.en", references)
        write_lines("hyp.en", [*references[:4], *references[5:], references[0]])
        finished = command(*self.ARGUMENTS)
        assert finished.code == 2
        assert (
            "hyp.en:5: shifted-alignment: from here on, what belongs to a line of the first reference" in finished.err
        )
        assert not Path("results").exists()

    def test_too_few_hypotheses_say_where_one_is_missing(self, command: Callable[..., Finished]) -> None:
        sources, references = paragraphs()
        write_lines("src.zh", sources)
        write_lines("ref.en", references)
        write_lines("hyp.en", [*references[:3], *references[4:]])
        finished = command(*self.ARGUMENTS)
        assert finished.code == 2
        assert "8 hypotheses for 9 segments" in finished.err
        assert "it is from about line 4 on that hypotheses fit other sources than theirs" in finished.err

    def test_texts_given_in_python(self) -> None:
        import evalharness as eh

        outputs = ["fine"] * 8 + ["not\0fine"]
        with pytest.raises(InputError, match=r"the given texts of system 'mine':9:4: null-character: U\+0000 NULL"):
            eh.evaluate(testset="zhengzhou", systems={"mine": outputs}, metrics=["bleu"])


def test_settings_name_kinds_there_are() -> None:
    with pytest.raises(ConfigError, match=r"'tabs': there is none; did you mean 'tab'\?"):
        InputSettings(ignored=("tabs",))


def test_findings_of_readers_are_collected_by_the_block_around_them() -> None:
    Path("a.txt").write_bytes(b"one \ntwo\n")
    with collecting(InputSettings(on_error=OnError.stop)) as findings:
        assert read_texts("a.txt") == ("one ", "two")
        assert read_texts("a.txt") == ("one ", "two")
    assert [(tally.first.kind, tally.first.place.line) for tally in findings.tallies] == [(Kind.surrounding_space, 1)]


@pytest.mark.parametrize("ending", ["txt", "tsv", "jsonl", "csv"])
def test_readers_stop_outside_of_such_a_block_too(ending: str) -> None:
    """As they do when called from Python, each by the default settings."""
    Path("a.txt").write_bytes(b"one\nt\x01wo\n")
    Path("a.tsv").write_bytes(b"source\treference\none\tt\x01wo\n")
    Path("a.csv").write_bytes(b"source,reference\none,t\x01wo\n")
    Path("a.jsonl").write_bytes(b'{"source": "one", "reference": "t\\u0001wo"}\n')
    readers: dict[str, Reader] = {
        "txt": Plain(source="a.txt", language_pair="en-de"),
        "tsv": Delimited(path="a.tsv", language_pair="en-de"),
        "csv": Csv(path="a.csv", language_pair="en-de"),
        "jsonl": Jsonl(path="a.jsonl", language_pair="en-de"),
    }
    with pytest.raises(InputError, match=r"control-character: U\+0001 START OF HEADING"):
        readers[ending].read()


@given(st.text(st.characters(exclude_characters="\n")))
def test_clean_texts_are_those_without_findings(text: str) -> None:
    assert is_clean(text) is False or list(findings_in(text, Place(file="x"))) == []
    for finding in findings_in(text, Place(file="x", line=1)):
        if finding.code_point is not None and finding.place.column is not None:
            assert ord(text[finding.place.column - 1]) == finding.code_point


@given(st.text())
def test_not_nfc_is_said_exactly_where_python_says_so(text: str) -> None:
    said = any(finding.kind is Kind.not_nfc for finding in findings_in(text, Place(file="x")))
    assert said == (not unicodedata.is_normalized("NFC", text))


@given(st.binary())
def test_any_bytes_are_lines_or_our_error(content: bytes) -> None:
    path = Path("bytes.bin")
    path.write_bytes(content)
    with collecting(InputSettings(on_error=OnError.warn)):
        try:
            lines = read_texts(path)
        except InputError:
            return
    assert lines == read_lines(path)


class TestSides:
    """Whether a test set is what its language pair says."""

    def score(self, command: Callable[..., Finished], source: str, reference: str, pair: str) -> Finished:
        write_lines("src.zh", CHINESE)
        write_lines("ref.en", ENGLISH)
        write_lines("hyp.en", ENGLISH)
        return command("score", "-s", source, "-r", reference, "-l", pair, "-m", "bleu", "--", "hyp.en")

    @pytest.mark.parametrize(("files", "pair"), [(("ref.en", "src.zh"), "zh-en"), (("src.zh", "ref.en"), "en-zh")])
    def test_swapped_sides_stop(self, files: tuple[str, str], pair: str, command: Callable[..., Finished]) -> None:
        finished = self.score(command, *files, pair)
        assert finished.code == 2
        assert "swapped-sides: sources are written in" in finished.err
        assert not Path("results").exists()

    def test_sources_given_as_references_are_said(self, command: Callable[..., Finished]) -> None:
        finished = self.score(command, "src.zh", "src.zh", "zh-en")
        assert "'references': other-script: references are written in Han, which 'en' is not" in finished.err

    def test_scripts_of_the_pair_are_fine(self, command: Callable[..., Finished]) -> None:
        finished = self.score(command, "src.zh", "ref.en", "zh-en")
        assert (finished.code, "script" in finished.err) == (0, False)

    def test_the_rows_of_several_systems_are_no_test_set(self, command: Callable[..., Finished]) -> None:
        rows = [f"{system}\t{one}\t{other}" for system in "abc" for one, other in zip(CHINESE, ENGLISH, strict=True)]
        write_lines("all.tsv", ["system\tsource\treference", *rows])
        finished = command("import", "all.tsv", "--reader", "tsv", "--name", "all", "-l", "zh-en")
        assert "repeated-sources: 36 sources, of which only 12 are different" in finished.err


class TestColumns:
    def test_a_shifted_column_stops_a_run(self, command: Callable[..., Finished]) -> None:
        sources, references = paragraphs()
        shifted = [*references[:4], *references[5:], references[0]]
        write_lines("set.tsv", ["source\treference", *(f"{a}\t{b}" for a, b in zip(sources, references, strict=True))])
        write_lines("hyp.tsv", ["good\tbad", *(f"{a}\t{b}" for a, b in zip(references, shifted, strict=True))])
        finished = command(
            "run", "testset=tsv", "testset.path=set.tsv", "testset.language_pair=zh-en", "systems=[columns]",
            "systems.columns.path=hyp.tsv", "systems.columns.columns=[good,bad]", "metrics=[bleu]",
        )  # fmt: skip
        assert finished.code == 2
        assert "column 'bad' of hyp.tsv:5: shifted-alignment" in finished.err

    @pytest.mark.parametrize("ending", ["tsv", "jsonl", "csv"])
    def test_a_shifted_reference_is_named_with_file_and_line(
        self, ending: str, command: Callable[..., Finished]
    ) -> None:
        sources, references = paragraphs()
        rows = list(zip(sources, [*references[:4], *references[5:], references[0]], strict=True))
        if ending == "jsonl":
            write_lines("set.jsonl", [json.dumps({"source": a, "reference": b}) for a, b in rows])
        else:
            with open(f"set.{ending}", "w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, delimiter="\t" if ending == "tsv" else ",", lineterminator="\n")
                quoted = [(a, b.replace('"', "'")) for a, b in rows] if ending == "tsv" else rows
                writer.writerows([("source", "reference"), *quoted])
        finished = command("import", f"set.{ending}", "--reader", ending, "--name", "x", "-l", "zh-en")
        assert finished.code == 2
        line = 5 if ending == "jsonl" else 6  # under a header
        assert f"set.{ending}:{line} in 'reference 1': shifted-alignment" in finished.err

    def test_rows_that_are_there_twice(self, command: Callable[..., Finished]) -> None:
        rows = [f"{a}\t{b}" for a, b in zip(CHINESE, ENGLISH, strict=True)]
        write_lines("set.tsv", ["source\treference", *rows, *rows[:6]])
        finished = command("import", "set.tsv", "--reader", "tsv", "--name", "x", "-l", "zh-en")
        assert "set.tsv:14: duplicated-block: lines 14 to 19 are those from 2 on again" in finished.err

    def test_rows_are_not_taken_for_lines(self, command: Callable[..., Finished]) -> None:
        write_lines("src.zh", CHINESE)
        write_lines("ref.en", ENGLISH)
        write_lines("hyp.jsonl", [json.dumps({"mt": text}) for text in ENGLISH])
        finished = command("score", "-s", "src.zh", "-r", "ref.en", "-l", "zh-en", "-m", "bleu", "--", "hyp.jsonl")
        assert finished.code == 2
        assert "hyp.jsonl: a .jsonl file holds rows and not a text a line" in finished.err


class TestLintOfManyFiles:
    def test_it_goes_on_after_a_file_that_cannot_be_read(self, command: Callable[..., Finished]) -> None:
        Path("bad.csv").write_text('a,b\n"x\n', encoding="utf-8")
        Path("good.txt").write_bytes(b"t\0wo\n")
        Path("empty.txt").write_bytes(b"")
        found = linted(command, "bad.csv", "nowhere.txt", "empty.txt", "good.txt", "--not-aligned")["findings"]
        assert [(one["file"], one["kind"]) for one in found] == [
            ("bad.csv", "unreadable"),
            ("nowhere.txt", "unreadable"),
            ("empty.txt", "unreadable"),
            ("good.txt", "null-character"),
        ]

    def test_folders_alone_are_not_aligned(self, command: Callable[..., Finished]) -> None:
        sources, references = paragraphs()
        Path("set").mkdir()
        write_lines("set/documents.txt", ["d"] * 9)
        write_lines("set/src.zh", sources)
        write_lines("set/hyp.en", [*references[:4], *references[5:]])
        assert linted(command, "set")["findings"] == []
        (found,) = linted(command, "set/src.zh", "set/hyp.en")["findings"]
        assert (found["kind"], found["line"]) == ("line-count", 5)

    @pytest.mark.parametrize("line", ["[1]", "3", '"text"', '{"a": 1, "a": 2}', "not json"])
    def test_what_readers_refuse_is_found(self, line: str, command: Callable[..., Finished]) -> None:
        Path("a.JSONL").write_text(f'{{"source": "one"}}\n{line}\n', encoding="utf-8")
        (found,) = linted(command, "a.JSONL")["findings"]
        assert (found["kind"], found["line"]) == ("not-json", 2)

    def test_utf16_is_one_finding(self, command: Callable[..., Finished]) -> None:
        Path("a.txt").write_bytes("".join(f"{line}\n" for line in ENGLISH).encode("utf-16"))
        (found,) = linted(command, "a.txt")["findings"]
        assert found["kind"] == "not-utf-8"
        assert "as UTF-16 begins" in found["found"]


@pytest.mark.parametrize(
    ("content", "lines"),
    [(b"a\rb\rc\r", ("a\rb\rc\r",)), (b"a\r\nb\r", ("a", "b\r")), (b"a\r\n", ("a",)), (b"\r\n", ("",))],
)
def test_a_return_ends_a_line_only_before_a_newline(content: bytes, lines: tuple[str, ...]) -> None:
    Path("a.txt").write_bytes(content)
    assert read_texts("a.txt") == read_lines("a.txt") == lines


def test_zero_width_spaces_part_words_in_khmer() -> None:
    assert list(findings_in("សួស្តី\u200bពិភពលោក", Place(file="x"))) == []
    assert len(list(findings_in("hello\u200bworld", Place(file="x")))) == 1


@pytest.mark.parametrize("distance", [9, 12, 40])
def test_shifts_farther_than_near(distance: int) -> None:
    references = read_lines(wmt22() / "ref.A.en")[:300]
    outputs = list(read_lines(wmt22() / "hyp" / "Online-B.en")[:300])
    shifted = [*outputs[:150], *outputs[150 + distance :], *["The end."] * distance]
    shift = find_shift(Side(references), Side(shifted))
    assert shift is not None
    assert (abs(shift.first - 150) <= 2, shift.distance, shift.last) == (True, -distance, 299)


@pytest.mark.parametrize("n", [8, 15, 25])
def test_what_counts_from_another_number_is_no_shift(n: int) -> None:
    chapters = [f"Chapter {number}" for number in range(1, n + 1)]
    renumbered = [f"Kapitel {number + 1}" for number in range(1, n + 1)]
    assert find_shift(Side(chapters), Side(renumbered)) is None


@pytest.mark.parametrize("n", [4, 6, 9, 12, 20, 30, 50])
def test_texts_that_have_nothing_to_do_with_each_other_are_no_error(n: int) -> None:
    """Nor are those of a system that gets nine words in ten wrong even a warning."""
    rng = random.Random(n)
    vocabulary = ["".join(rng.choices("abcdefghij", k=rng.randint(2, 8))) for _ in range(300)]

    def text() -> str:
        return " ".join(rng.choices(vocabulary, k=rng.randint(3, 25)))

    for _ in range(40):
        references = [text() for _ in range(n)]
        bad = [" ".join(w if rng.random() < 0.1 else rng.choice(vocabulary) for w in one.split()) for one in references]
        anchor = AlignedTexts(name="a", side=Side(references))
        unlike = misalignment(anchor, AlignedTexts(name="b", side=Side([text() for _ in range(n)])))
        assert unlike is None or unlike.kind.severity is Severity.warning
        assert misalignment(anchor, AlignedTexts(name="c", side=Side(bad))) is None


def test_blocks_that_stand_three_times_are_one_finding(command: Callable[..., Finished]) -> None:
    write_lines("a.txt", ENGLISH * 3)
    (found,) = linted(command, "a.txt")["findings"]
    assert found["found"] == "lines 13 to 36 are those from 1 on again"
    write_lines("b.txt", [ENGLISH[0]] * 50)
    (found,) = linted(command, "b.txt")["findings"]
    assert found["found"] == "lines 2 to 50 are those from 1 on again"


def test_records_of_versions_that_did_not_look_say_so(command: Callable[..., Finished]) -> None:
    command("run", "metrics=[bleu]")
    done = json.loads(Path("results/latest/done.json").read_text())
    Path("results/latest/done.json").write_text(json.dumps({**done, "n_lines": {}}))
    for name in ("findings", "slices"):
        Path(f"results/latest/{name}.csv").unlink()
        finished = command("report", "results/latest", "--table", name)
        assert finished.code == 2
        assert "made by an older version, or without this table's file, has it once the command" in finished.err
