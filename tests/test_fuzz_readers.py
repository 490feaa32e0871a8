"""Every reader over arbitrary and nearly valid bytes: a test set that lost no line and no letter, or our error."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalharness.errors import EvalHarnessError
from evalharness.records import TestSet
from evalharness.systems.files import HypothesesFile
from evalharness.testsets.base import Reader, check_testset
from evalharness.testsets.delimited import Csv, Delimited
from evalharness.testsets.evalset import EvalSet
from evalharness.testsets.huggingface import HuggingFace
from evalharness.testsets.interleaved import Interleaved
from evalharness.testsets.jsonl import Jsonl
from evalharness.testsets.library import Library
from evalharness.testsets.parquet import Parquet
from evalharness.testsets.plain import Plain
from evalharness.testsets.sacrebleu_sets import SacrebleuSet
from evalharness.testsets.wmt import Wmt
from evalharness.testsets.wmt25 import Wmt25

pytestmark = pytest.mark.usefixtures("errors_in_texts_are_warnings")

fuzzed = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# Bytes that mean something to some reader, so that nearly valid files are not too rare.
PIECES = st.sampled_from(
    [
        *(
            b"\n",
            b"\r",
            b"\r\n",
            b"\t",
            b",",
            b'"',
            b'""',
            b"\\",
            b"\xef\xbb\xbf",
            b"\x00",
            b"\x1f\x8b",
            b"\xe2\x80\xa8",
        ),
        *(
            "郑".encode(),
            b"a b",
            b"null",
            b"{",
            b"}",
            b"[",
            b"]",
            b"\xff",
            b"\xed\xa0\x80",
            b'"source": ',
            b'"\\ud800"',
        ),
    ]
)
BYTES = st.binary(max_size=60) | st.lists(PIECES, max_size=20).map(b"".join)


def read(reader: Reader) -> TestSet | None:
    """What a reader gives, or None where it refuses with an error of ours that says something."""
    try:
        testset = reader.read()
    except EvalHarnessError:
        return None
    check_testset(testset)  # of any other exception, and of this, the test fails
    return testset


def n_lines(content: bytes) -> int:
    """By another rule than the code's: line ends, and what stands behind the last of them."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    return content.count(b"\n") + (not content.endswith(b"\n"))


def letters(text: str) -> Counter[str]:
    """What must be found again: all but what separates fields and lines."""
    return Counter(char for char in text if char not in '",\t\r\n\ufeff')


def texts(testset: TestSet) -> str:
    return "".join((segment.source or "") + "".join(segment.references) for segment in testset.segments)


@given(content=BYTES)
@fuzzed
def test_plain(content: bytes) -> None:
    Path("s").write_bytes(content)
    Path("labels").write_bytes(b"x\n" * n_lines(content))
    testset = read(Plain(language_pair="zh-en", source="s", documents="s", domains="labels", original_languages="s"))
    if testset is not None:
        assert len(testset.segments) == n_lines(content)
        assert letters(texts(testset)) == letters(content.removeprefix(b"\xef\xbb\xbf").decode())


@given(content=BYTES)
@fuzzed
def test_interleaved(content: bytes) -> None:
    Path("s").write_bytes(content)
    testset = read(Interleaved(path="s"))
    if testset is not None:
        assert 2 * len(testset.segments) == n_lines(content)


@pytest.mark.parametrize(("cls", "delimiter"), [(Delimited, "\t"), (Csv, ",")])
@given(content=BYTES)
@fuzzed
def test_delimited(cls: Callable[..., Reader], delimiter: str, content: bytes) -> None:
    Path("s").write_bytes(f"source{delimiter}reference\n".encode() + content)
    testset = read(cls(path="s", language_pair="zh-en"))
    if testset is not None:
        assert letters(texts(testset)) == letters(content.decode())
        if cls is Delimited:
            assert len(testset.segments) == n_lines(content)
    Path("s").write_bytes(content)
    read(cls(path="s", language_pair="zh-en"))


@given(rows=st.lists(st.lists(st.text(max_size=5), min_size=2, max_size=2), min_size=1, max_size=5))
@fuzzed
def test_what_the_csv_module_writes_is_read_as_it_was(rows: list[list[str]]) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([["source", "reference"], *rows])
    Path("s").write_bytes(buffer.getvalue().encode())
    testset = Csv(path="s", language_pair="zh-en").read()
    assert [[segment.source, segment.references[0]] for segment in testset.segments] == rows


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.just("\ud800"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["source", "reference", "refs", "refA", "ref", "id", "x.y"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)
FIELDS = ("id", "source", "references", "document", "domain", "original_language", "doc_id", "src_lang", "tgt_lang")
ROWS = st.lists(
    st.dictionaries(st.sampled_from([*FIELDS, "src_text", "refs", "reference"]), JSON, max_size=8), max_size=3
)
GOOD = {"id": "1", "source": "s", "references": ["r"], "reference": "r",
        "doc_id": "d", "src_lang": "zh", "tgt_lang": "en", "src_text": "s", "refs": {"refA": {"ref": "r"}}}  # fmt: skip


def json_readers(path: str) -> list[Reader]:
    labels: dict[str, Any] = {"document_column": "refs.refA", "domain_column": "refs", "id_column": "id"}
    return [
        Jsonl(path=path, language_pair="zh-en"),
        Jsonl(path=path, language_pair="zh-en", reference_columns=("references", "refs.refA.ref"), **labels),
        Wmt25(path=path, language_pair="zh-en"),
    ]


@given(content=BYTES)
@fuzzed
def test_json_lines(content: bytes) -> None:
    Path("s").write_bytes(content)
    for reader in json_readers("s"):
        testset = read(reader)
        if testset is not None:
            assert len(testset.segments) == n_lines(content)


@given(rows=ROWS, patch=st.booleans(), ascii=st.booleans())
@fuzzed
def test_json_lines_that_are_nearly_right(rows: list[dict[str, Any]], patch: bool, ascii: bool) -> None:
    made = [{**GOOD, **row} if patch else row for row in rows]
    lines = "".join(json.dumps(row, ensure_ascii=ascii) + "\n" for row in made)
    Path("s").write_bytes(lines.encode("utf-8", "surrogatepass"))
    for reader in json_readers("s"):
        testset = read(reader)
        if testset is None:
            continue
        if isinstance(reader, Jsonl):
            assert len(testset.segments) == len(made)
            assert [segment.source for segment in testset.segments] == [row["source"] for row in made]
        else:
            of_pair = [row for row in made if (row["src_lang"], row["tgt_lang"]) == ("zh", "en")]
            assert [segment.source for segment in testset.segments] == [row["src_text"] for row in of_pair]


@given(rows=ROWS)
@fuzzed
def test_hypotheses_by_id(rows: list[dict[str, Any]]) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    Path("s.jsonl").write_text(lines)
    Path("s.txt").write_text(lines)
    testset = Plain(language_pair="zh-en", source="s.txt").read() if lines else None
    if testset is None:
        return
    for id_column in (None, "id"):
        (member,) = HypothesesFile(path="s.jsonl", column="source", id_column=id_column).members(testset.language_pair)
        try:
            member.system.signature()
            member.system.check(testset.sources(), testset.language_pair)
            hypotheses = list(member.system.translate(testset.sources(), testset.language_pair))
        except EvalHarnessError:
            continue
        assert [one.id for one in hypotheses] == [segment.id for segment in testset.segments]


@given(segments=ROWS, description=JSON, content=BYTES)
@fuzzed
def test_imported_test_sets(segments: list[dict[str, Any]], description: Any, content: bytes) -> None:
    folder = Path("references/x")
    folder.mkdir(parents=True, exist_ok=True)
    good = {"schema": 1, "name": "x", "language_pair": "zh-en", "provenance": "", "fingerprint": "0"}
    for text in (
        json.dumps(description).encode(),
        json.dumps({**good, "reference_names": description}).encode(),
        content,
    ):
        (folder / "testset.json").write_bytes(text)
        for lines in ("".join(json.dumps(row) + "\n" for row in segments).encode(), content):
            (folder / "segments.jsonl").write_bytes(lines)
            assert read(Library(name="x")) is None  # no such content has this fingerprint


@given(
    content=BYTES, damaged=st.sampled_from(["sources/zh-en.txt", "references/zh-en.refA.txt", "documents/zh-en.docs"])
)
@fuzzed
def test_folders_of_mt_metrics_eval(content: bytes, damaged: str) -> None:
    n = n_lines(content)
    for place, line in (
        ("sources/zh-en.txt", b"s"),
        ("references/zh-en.refA.txt", b"r"),
        ("documents/zh-en.docs", b"a b"),
    ):
        path = Path("set") / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if place == damaged else b"%s\n" % line * n)
    testset = read(EvalSet(path="set", language_pair="zh-en"))
    if testset is not None:
        assert len(testset.segments) == n
        if damaged != "documents/zh-en.docs":
            expected = letters(content.removeprefix(b"\xef\xbb\xbf").decode())
            found = [s.source if damaged.startswith("sources") else s.references[0] for s in testset.segments]
            assert letters("".join(text or "" for text in found)) == expected


@given(content=BYTES, place=st.sampled_from(["documents/zh-en.docs", "metadata/zh-en.jsonl", "sources/zh-en.txt"]))
@fuzzed
def test_folders_of_wmt(content: bytes, place: str) -> None:
    for name in ("documents/zh-en.docs", "metadata/zh-en.jsonl"):
        Path("wmt", name).unlink(missing_ok=True)
    for name, text in (("sources/zh-en.txt", b"s\n" * n_lines(content)), (place, content)):
        path = Path("wmt") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    testset = read(Wmt(path="wmt", language_pair="zh-en"))
    if testset is not None:
        assert len(testset.segments) == n_lines(content)


@given(content=BYTES, damaged=st.sampled_from(["src", "ref-A", "docid", "origlang"]))
@fuzzed
def test_caches_of_sacrebleu(content: bytes, damaged: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SACREBLEU", str(Path("cache").resolve()))
    for field, line in (("src", "郑"), ("ref-A", "a"), ("docid", "d"), ("origlang", "zh")):
        path = Path("cache/wmt22") / f"wmt22.zh-en.{field}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if field == damaged else f"{line}\n".encode() * max(n_lines(content), 1))
    testset = read(SacrebleuSet(test_set="wmt22/zh-en"))
    if testset is not None:
        assert len(testset.segments) == content.count(b"\n")


PARQUET_ROWS = [{"source": f"源 {n}", "reference": "word " * n, "refs": [{"a": str(n)}]} for n in range(9)]


def parquet(**how: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(PARQUET_ROWS), buffer, **how)
    return buffer.getvalue()


@given(
    content=BYTES,
    changes=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.integers(0, 40),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_parquet(content: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    whole = parquet(write_page_checksum=True, row_group_size=4)
    damaged = bytearray(whole)
    for place, byte in changes:
        damaged[place % len(damaged)] = byte
    for made in (content, bytes(damaged), whole[: len(whole) - cut], whole[cut:], b"PAR1" + content + b"PAR1"):
        Path("s").write_bytes(made)
        testset = read(Parquet(path="s", language_pair="zh-en"))
        if testset is not None:
            assert len(testset.segments) == len(PARQUET_ROWS)


@given(content=BYTES, place=st.integers(0, 200), byte=st.integers(0, 255), cut=st.integers(0, 30))
@fuzzed
def test_gzip_that_is_damaged(content: bytes, place: int, byte: int, cut: int) -> None:
    whole = gzip.compress(b"one\ntwo\n" + content, mtime=0)
    damaged = bytearray(whole)
    damaged[place % len(damaged)] = byte
    for made in (bytes(damaged), whole[: len(whole) - cut], whole + content, content):
        Path("s.gz").write_bytes(made)
        for reader in (Plain(language_pair="zh-en", source="s.gz"), *json_readers("s.gz")):
            read(reader)


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
@given(content=BYTES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_files_through_datasets(ending: str, content: bytes, tmp_path: Path) -> None:
    beginning = {"jsonl": b'{"source": "s", "reference": "r"}\n', "csv": b"source,reference\ns,r\n", "parquet": b"PAR1"}
    for made in (content, beginning[ending] + content):
        (tmp_path / f"set.{ending}").write_bytes(made)
        read(HuggingFace(path=str(tmp_path / f"set.{ending}"), language_pair="zh-en", streaming=True))


@pytest.mark.usefixtures("no_hub")
@given(rows=ROWS)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_json_through_datasets_that_is_nearly_right(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    made = [{**GOOD, **row} for row in rows]
    lines = "".join(json.dumps(row) + "\n" for row in made)
    (tmp_path / "set.jsonl").write_text(lines)
    testset = read(HuggingFace(path=str(tmp_path / "set.jsonl"), language_pair="zh-en", streaming=True))
    if testset is not None:
        assert [segment.source for segment in testset.segments] == [row["source"] for row in made]
