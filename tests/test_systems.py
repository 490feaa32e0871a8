"""Candidate systems from files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import write

from evalharness.errors import AlignmentError, ConfigError, InputError
from evalharness.records import LanguagePair, SourceSegment
from evalharness.systems.base import SystemGroup
from evalharness.systems.files import Candidates, Folder, HypothesesFile
from evalharness.systems.hypotheses import GivenTexts, Hypotheses

ZH_EN = LanguagePair.parse("zh-en")
SOURCES = tuple(SourceSegment(id=f"s{n}", position=n, text="一") for n in range(3))


def test_hypotheses_align_by_position() -> None:
    system = Hypotheses(path=write("mine.en", "a", "", "c"))
    system.check(SOURCES, ZH_EN)
    assert [(h.id, h.text) for h in system.translate(SOURCES, ZH_EN)] == [("s0", "a"), ("s1", ""), ("s2", "c")]


def test_a_continued_run_asks_for_what_is_missing() -> None:
    system = Hypotheses(path=write("mine.en", "a", "b", "c"))
    assert [(h.id, h.text) for h in system.translate(SOURCES[2:], ZH_EN)] == [("s2", "c")]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["a", "b"], r"mine\.en: 2 hypotheses for 3 segments.*without a hypothesis is 's2' \(line 3\)"),
        (["a", "b", "c", "d"], r"mine\.en: 4 hypotheses for 3 segments.*line without a segment is line 4"),
    ],
)
def test_counts_that_differ(lines: list[str], said: str) -> None:
    with pytest.raises(AlignmentError, match=said):
        Hypotheses(path=write("mine.en", *lines)).check(SOURCES, ZH_EN)


def test_given_texts_must_be_texts() -> None:
    with pytest.raises(InputError, match="hypothesis 2 of the given texts: is int"):
        GivenTexts(given=("a", 2))  # type: ignore[arg-type]


def test_signature_is_of_the_content_not_the_path() -> None:
    one, other = Hypotheses(path=write("x/a.en", "a")), Hypotheses(path=write("y/b.en", "a"))
    assert one.signature() == other.signature() == GivenTexts(given=("a",)).signature()
    assert one.signature() != Hypotheses(path=write("c.en", "a", "b")).signature()


def test_a_folder_has_a_system_a_file() -> None:
    for name in ("hyp/b.x.en", "hyp/a.en", "hyp/.hidden", "hyp/sub/c.en"):
        write(name, "a")
    Path("hyp/provenance.json").write_text(json.dumps({"a.en": "by hand"}))
    members = Folder(path="hyp").members(ZH_EN)
    assert [(one.name, one.system.provenance, one.group) for one in members] == [
        ("a", "by hand", None),
        ("b.x", "", None),
    ]


def test_two_files_of_one_stem_are_named() -> None:
    for name in ("a.en", "a.txt"):
        write(f"hyp/{name}", "a")
    with pytest.raises(InputError, match=r"a\.en and a\.txt would both be the system 'a'.* such as \*\.en"):
        Folder(path="hyp").members(ZH_EN)


def test_a_folder_without_files() -> None:
    write("hyp/a.de", "a")
    with pytest.raises(InputError, match=r"no file matches '\*\.en'"):
        Folder(path="hyp", pattern="*.en").members(ZH_EN)
    with pytest.raises(InputError, match="no such folder"):
        Folder(path="nowhere").members(ZH_EN)


class TestGroups:
    def groups(self, pattern: str) -> dict[str, str | None]:
        return {one.name: one.group for one in Folder(path="hyp", group_by=pattern).members(ZH_EN)}

    def test_the_first_asterisk_is_the_systems_name(self) -> None:
        for name in ("big-seed1", "big-seed2", "big-seed-x-seed3", "other.run1", "seed4", "-seed5"):
            write(f"hyp/{name}.en", "a")
        assert self.groups("*-seed*") == {
            "big-seed1": "big",
            "big-seed2": "big",
            "big-seed-x-seed3": "big-seed-x",  # as much as it can
            "other.run1": None,
            "seed4": None,
            "-seed5": None,
        }
        write("hyp/other.run2.en", "a")
        assert self.groups("*.run?")["other.run1"] == "other"  # a dot is a dot

    def test_patterns_that_group_nothing(self, caplog: pytest.LogCaptureFixture) -> None:
        write("hyp/a.en", "a")
        with pytest.raises(InputError, match=r"no file is a run of a system by group_by=\*-seed\*; the first is a\.en"):
            self.groups("*-seed*")
        for name in ("mine-seed1", "mine-seed2"):
            write(f"hyp/{name}.en", "a")
        assert self.groups("mine-seed*") == {"a": None, "mine-seed1": "1", "mine-seed2": "2"}
        assert "no two files are runs of one system: 1, 2 have one each" in caplog.text
        for pattern in ("", "*", "seed", "*?"):
            with pytest.raises(ConfigError, match=r"group_by=.*first \* stands for the system's name"):
                self.groups(pattern)


def test_one_file_takes_its_stem_or_a_name() -> None:
    assert [one.name for one in HypothesesFile(path="hyp/mine.en").members(ZH_EN)] == ["mine"]
    assert [one.name for one in HypothesesFile(path="hyp/mine.en", name="ours").members(ZH_EN)] == ["ours"]


def test_candidates_follow_the_target_language() -> None:
    into_english = Candidates(testset="zhengzhou").members(ZH_EN)
    into_chinese = Candidates(testset="zhengzhou").members(ZH_EN.reversed())
    assert {"source-copy", "gloss", "polished", "literal", "lossy"} == {one.name for one in into_english}
    assert {"source-copy", "polished", "literal"} == {one.name for one in into_chinese}
    with pytest.raises(InputError, match=r"'zhengzhou' has no candidates for zh-de.*systems=\[folder\]"):
        Candidates(testset="zhengzhou").members(LanguagePair.parse("zh-de"))
    with pytest.raises(InputError, match="only an imported test set has candidates"):
        Candidates(testset=None).members(ZH_EN)


def test_options_that_open_into_systems_are_told_from_systems() -> None:
    assert isinstance(Folder(path="hyp"), SystemGroup)
    assert not isinstance(Hypotheses(path="a"), SystemGroup)
    assert not isinstance(GivenTexts(given=()), SystemGroup)
