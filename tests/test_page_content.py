"""The content of a page against the record it was read from."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY, Finished, write

from evalharness.errors import RecordError
from evalharness.report.page.content import RunContent, embedded, strict_json
from evalharness.report.page.markup import inline_script
from evalharness.report.settings import ReportSettings
from evalharness.report.visible import visible
from evalharness.runs import segments
from evalharness.workflows.report import open_run, write_page

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "abc\u202egnp.exe\u2066",
    "\"><svg/onload=alert(1)> ' & &lt;",
    "]]><!--<script>",
)
ELEMENTS = {
    "html",
    "head",
    "meta",
    "link",
    "title",
    "style",
    "body",
    "header",
    "h1",
    "h2",
    "p",
    "data",
    "main",
    "nav",
    "section",
    "div",
    "script",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "ul",
    "li",
    "bdi",
    "strong",
    "code",
    "dl",
    "dt",
    "dd",
    "details",
    "summary",
    "pre",
    "blockquote",
    "time",
    "span",
}


@pytest.fixture
def record(command: Callable[..., Finished]) -> Path:
    assert command("run", "metrics=[bleu,ter]").code == 0
    return Path("results/latest")


class Elements(HTMLParser):
    """Every start tag, and what stands in data scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.embedded: dict[str, str] = {}
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        tag, attributes = self.tags[-1] if self.tags else ("", {})
        if tag == "script" and attributes.get("data-content"):
            self.embedded[str(attributes["data-content"])] = data
        elif tag != "script":
            self.text.append(data)


def parsed(html: str) -> Elements:
    elements = Elements()
    elements.feed(html)
    return elements


def unpacked(text: str) -> bytes:
    return gzip.decompress(base64.b64decode(text))


def content_of(folder: Path, **options: Any) -> RunContent:
    return RunContent(open_run(folder), ReportSettings(), **options)


def test_every_number_and_text_of_the_page_is_that_of_the_record(record: Path) -> None:
    elements = parsed((record / "report.html").read_text(encoding="utf-8"))
    frame = pd.read_parquet(record / "segments.parquet")
    run = json.loads(unpacked(elements.embedded["run"]))
    assert run["columns"] == ["bleu", "ter", "source_length", "hypothesis_length"]
    for name in ("bleu", "ter"):
        column = np.frombuffer(unpacked(elements.embedded[f"columns/{name}"]), dtype="<f8")
        np.testing.assert_array_equal(column, frame[name])
    lengths = np.frombuffer(unpacked(elements.embedded["columns/hypothesis_length"]), dtype="<f8")
    assert lengths.tolist() == [len(text) for text in frame["hypothesis"]]
    texts = json.loads(unpacked(elements.embedded["texts"]))
    assert [text for of_system in texts["hypotheses"] for text in of_system] == frame["hypothesis"].tolist()
    assert texts["sources"] == frame["source"][:9].tolist()  # the bundled test set has 9 segments
    assert texts["references"] == [list(one) for one in frame["references"][:9]]
    scores = pd.read_csv(record / "scores.csv", float_precision="round_trip")
    assert [line["score"] for line in run["scores"]] == scores["score"].tolist()
    assert (run["testset"]["source_language"], run["testset"]["target_language"]) == ("zh", "en")
    flagged = [
        (run["systems"][system]["name"], run["segments"]["id"][segment], run["flags"][flag]["name"])
        for system, segment, flag in run["flagged"]
    ]
    assert sorted(flagged) == sorted(
        (row.system, row.segment, flag) for row in frame.itertuples() for flag in row.flags
    )


def test_a_missing_hypothesis_is_null_and_nan(record: Path) -> None:
    frame = pd.read_parquet(record / "segments.parquet")
    frame.loc[3, "hypothesis"] = None
    frame.loc[3, "bleu"] = np.nan
    frame.to_parquet(record / "segments.parquet")
    content = content_of(record)
    assert content.texts([3, 0])["hypotheses"][0] == [None, frame["hypothesis"][0]]
    assert np.flatnonzero(np.isnan(content.column("bleu"))).tolist() == [3]
    assert np.flatnonzero(np.isnan(content.column("hypothesis_length"))).tolist() == [3]


def test_row_groups_change_nothing(
    record: Path, command: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = content_of(record)
    before = (whole.lines(), whole.texts(), whole.texts([8, 2]), whole.search("THE"))
    monkeypatch.setattr(segments, "_ROWS_OF_A_SMALL_FILE", 0)
    monkeypatch.setattr(segments, "_ROWS_PER_GROUP", 4)  # 9 segments: no group ends where a system does
    (record / "segments.parquet").unlink()
    assert command("run", "metrics=[bleu,ter]").code == 0
    grouped = content_of(record, kept_bytes=1)
    assert grouped._file.num_row_groups == 12  # 45 rows, 4 a group
    assert (grouped.lines(), grouped.texts(), grouped.texts([8, 2]), grouped.search("THE")) == before
    np.testing.assert_array_equal(grouped.column("bleu"), whole.column("bleu"))


def test_search_knows_no_case_and_no_way_of_composing(record: Path) -> None:
    frame = pd.read_parquet(record / "segments.parquet")
    frame.loc[10, "hypothesis"] = "Cafe\u0301 ÉCOLE"
    frame.to_parquet(record / "segments.parquet")
    found = content_of(record).search("CAFÉ é")
    assert found == {"sources": [], "references": [], "hypotheses": [[], [1], [], [], []]}  # row 10: system 1, place 1


def test_nothing_of_hostile_texts_becomes_an_element(command: Callable[..., Finished]) -> None:
    write("src.zh", *HOSTILE)
    write("ref.en", *reversed(HOSTILE))
    write("out/a&b'; onload=x\u202e.en", *HOSTILE)
    finished = command(
        "run", "metrics=[bleu]", "testset=plain", "testset.source=src.zh", "testset.references=[ref.en]",
        "testset.language_pair=zh-en", "systems=folder", "systems.folder.path=out", "inputs.on_error=warn",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    html = Path("results/latest/report.html").read_text(encoding="utf-8")
    elements = parsed(html)
    assert {tag for tag, _ in elements.tags} <= ELEMENTS
    assert not [name for _, attributes in elements.tags for name in attributes if name.startswith("on")]
    assert not [attributes for tag, attributes in elements.tags if tag != "link" and "href" in attributes]
    assert "\u202e" not in html
    assert "a&b'; onload=x[RLO]" in "".join(elements.text)
    assert [one for tag, one in elements.tags if tag == "script"][-1] == {}  # the one script; the others are data
    assert json.loads(unpacked(elements.embedded["texts"]))["hypotheses"] == [list(HOSTILE)]


def test_the_policy_names_the_digest_of_the_script(record: Path) -> None:
    import hashlib

    html = (record / "report.html").read_text(encoding="utf-8")
    script = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)[-1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html
    assert "connect-src" not in html


def test_characters_that_hide_others_are_seen() -> None:
    assert visible("\x1b[31m\u202e\x7f\x85\ta\n") == "␛[31m[RLO]␡[U+0085]\ta\n"
    assert inline_script('f("</SCRIPT><!--")') == r'f("\x3c/SCRIPT>\x3c!--")'


def test_page_and_tables_mark_the_same_characters() -> None:
    """The front-end's own list, read from its source, character by character."""
    source = (REPOSITORY / "evalharness/report/page/web/src/visible.ts").read_text(encoding="utf-8")
    found = re.search(r"^  /(.*)/gu;$", source, re.MULTILINE)
    assert found is not None
    hidden = re.compile(re.sub(r"\\u\{(\w+)\}", lambda one: chr(int(one.group(1), 16)), found.group(1)))
    differ = [code for code in range(0x110000) if bool(hidden.match(chr(code))) != (visible(chr(code)) != chr(code))]
    assert differ == []
    khmer = "ខ្ញុំ\u200bទៅ a\u200bb"
    assert visible(khmer) == "ខ្ញុំ\u200bទៅ a[ZWSP]b" == hidden.sub("[ZWSP]", khmer)
    named = dict(re.findall(r'"\\u(\w{4})": "(\w+)"', source))
    assert len(named) == 22
    assert all(visible(chr(int(code, 16))) == f"[{name}]" for code, name in named.items())


def test_json_is_strict_and_bytes_are_the_same_each_time() -> None:
    with pytest.raises(ValueError, match="JSON"):
        strict_json(float("nan"))
    assert embedded(b"abc") == embedded(b"abc")
    assert unpacked(embedded(b"abc")) == b"abc"


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: (folder / "done.json").unlink(), "not complete"),
        (lambda folder: (folder / "segments.parquet").unlink(), "is not there"),
        (lambda folder: (folder / "segments.parquet").write_bytes(b"PAR1 no"), "is damaged"),
        (lambda folder: (folder / "scores.csv").write_text("x\n"), "is damaged"),
        (
            lambda folder: (folder / "plan.json").write_text(
                (folder / "plan.json").read_text().replace('"schema": 1', '"schema": 2')
            ),
            "reads schema 1",
        ),
    ],
    ids=["unfinished", "no segments", "damaged segments", "damaged scores", "newer"],
)
def test_a_record_that_is_not_whole_leaves_the_older_page(
    record: Path, harm: Callable[[Path], object], said: str
) -> None:
    before = (record / "report.html").read_bytes()
    harm(record)
    with pytest.raises(RecordError, match=said):
        write_page(record)
    assert (record / "report.html").read_bytes() == before
    assert not list(record.glob(".report*"))


def test_the_page_is_written_again_and_goes_when_turned_off(record: Path, command: Callable[..., Finished]) -> None:
    before = (record / "report.html").read_bytes()
    (record / "report.html").unlink()
    assert write_page(record).read_bytes() == before
    assert command("run", "metrics=[bleu,ter]", "report.page=false").code == 0
    assert not (record / "report.html").exists()
