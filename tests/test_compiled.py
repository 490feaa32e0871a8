"""The compiled counters by themselves: what a space is, groups, very long texts, and memory under gcc's sanitizers."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from test_lexical_exact import odd_groups

from evalharness.metrics.compiled.library import Counters, Groups, Units, counters
from evalharness.metrics.compiled.sources import FOLDER

Group: TypeAlias = tuple[Sequence[str], Sequence[str]]  # references, hypotheses
Count: TypeAlias = Callable[[Counters, Groups], "list[list[int]]"]


@pytest.fixture
def compiled() -> Counters:
    found = counters()
    assert found is not None, "the compiled counters cannot be loaded"
    return found


def grouped(groups: Sequence[Group]) -> Groups:
    return Groups(
        references=[text for references, _ in groups for text in references],
        hypotheses=[text for _, hypotheses in groups for text in hypotheses],
        n_references=np.array([len(references) for references, _ in groups], dtype=np.int64),
        n_hypotheses=np.array([len(hypotheses) for _, hypotheses in groups], dtype=np.int64),
    )


def test_a_space_is_pythons(compiled: Counters) -> None:
    assert [c for c in map(chr, range(0x110000)) if compiled.is_space(c)] == [
        c for c in map(chr, range(0x110000)) if c.isspace()
    ]


# ---- the row of a segment depends on nothing but its texts


def matches(units: Units, merge_references: bool) -> Count:
    """A row of each hypothesis: its length, and its matches with the references of its group."""

    def count(compiled: Counters, groups: Groups) -> list[list[int]]:
        found = compiled.clipped_matches(groups, units=units, max_order=4, merge_references=merge_references)
        n_rows = np.ones_like(groups.n_references) if merge_references else groups.n_references
        return by_hypothesis(found.counts, np.repeat(n_rows, groups.n_hypotheses), found.hypothesis_lengths)

    return count


def edits(compiled: Counters, groups: Groups) -> list[list[int]]:
    """A row of each hypothesis: its length, and the edits to each reference of its group."""
    # Limits so tight that short texts meet them.
    found = compiled.ter_edits(groups, beam_width=3, max_candidates=40, max_distance=6)
    n_rows = np.repeat(groups.n_references, groups.n_hypotheses)
    return by_hypothesis(found.counts, n_rows, found.hypothesis_lengths)


def by_hypothesis(counts: np.ndarray, n_rows: np.ndarray, lengths: np.ndarray) -> list[list[int]]:
    parts = np.split(counts, np.cumsum(n_rows)[:-1])
    return [[length, *part.reshape(-1).tolist()] for length, part in zip(lengths.tolist(), parts, strict=True)]


@pytest.mark.parametrize(
    "count",
    [
        *[
            pytest.param(matches(units, merged), id=f"{units.name}-{'merged' if merged else 'apart'}")
            for units in Units
            for merged in (False, True)
        ],
        pytest.param(edits, id="edits"),
    ],
)
def test_neighbours_and_grouping_change_no_row(count: Count, compiled: Counters) -> None:
    groups = list(odd_groups(240, n_hypotheses=3, seed=21))
    alone = [row for refs, hyps in groups for hyp in hyps for row in count(compiled, grouped([(refs, [hyp])]))]
    assert len({tuple(row) for row in alone}) > 100

    assert count(compiled, grouped(groups)) == alone
    pairs = [(refs, [hyp]) for refs, hyps in groups for hyp in hyps]
    assert count(compiled, grouped(pairs)) == alone

    order = random.Random(0).sample(range(len(pairs)), len(pairs))
    assert count(compiled, grouped([pairs[place] for place in order])) == [alone[place] for place in order]

    # Every hypothesis twice, and groups of none between them.
    doubled = [part for refs, hyps in groups for part in ((refs, [*hyps, *hyps]), (("a", ""), ()))]
    of_group = [alone[start : start + 3] for start in range(0, len(alone), 3)]
    assert count(compiled, grouped(doubled)) == [row for rows in of_group for row in rows * 2]


def test_lengths_of_references_are_theirs(compiled: Counters) -> None:
    groups = grouped([(("a b", "", "\u3000c\0d\x85e "), ()), (("x",), ("y z", ""))])
    for found in (
        compiled.ter_edits(groups),
        compiled.clipped_matches(groups, units=Units.words, max_order=1, merge_references=True),
    ):
        assert found.reference_lengths.tolist() == [2, 0, 2, 1]
        assert found.hypothesis_lengths.tolist() == [2, 0]


def test_no_groups_and_no_texts(compiled: Counters) -> None:
    for groups in (grouped([]), grouped([(("",), ())]), grouped([(("",), ("",))])):
        n_hypotheses = len(groups.hypotheses)
        assert compiled.ter_edits(groups).counts.tolist() == [0] * n_hypotheses
        found = compiled.clipped_matches(groups, units=Units.characters, max_order=2, merge_references=False)
        assert found.counts.tolist() == [[0, 0]] * n_hypotheses


# ---- very long texts

N_WORDS = 60_000  # its tables of bits would be larger than MOST_BLOCKS_OF_BITS in ter.c, so the beam comes first
LONG = [f"w{number}" for number in range(N_WORDS)]


def with_words(words: Sequence[str], changes: dict[int, str]) -> list[str]:
    return [changes.get(place, word) for place, word in enumerate(words)]


@pytest.mark.parametrize(
    ("hypothesis", "reference", "n_edits"),
    [
        pytest.param(LONG, LONG, 0, id="equal"),
        pytest.param(with_words(LONG, {31_000: "x"}), LONG, 1, id="one-replaced"),
        pytest.param(with_words(LONG, {31_000: "w31010"}), LONG, 1, id="one-replaced-by-a-neighbour"),
        pytest.param(["x"] * N_WORDS, LONG, N_WORDS, id="all-replaced"),
        pytest.param([*LONG[:500], *LONG[501:520], LONG[500], *LONG[520:]], LONG, 1, id="one-moved"),  # a shift
        pytest.param([*LONG[1:], "x"], LONG, 2, id="one-lost-one-added"),
        pytest.param(LONG[: N_WORDS // 2], LONG[N_WORDS // 2 :], N_WORDS // 2, id="other-halves"),
        pytest.param([word for kept in LONG[::2] for word in (kept, "x")], LONG[::2], N_WORDS // 2, id="every-other"),
        pytest.param(["a"] * N_WORDS, ["a"] * N_WORDS, 0, id="one-word-over-and-over"),
        pytest.param(["a"] * N_WORDS, with_words(["a"] * N_WORDS, {9: "b"}), 1, id="one-word-over-and-over-but-once"),
        pytest.param(["a"] * N_WORDS, ["a"], N_WORDS - 1, id="one-word-of-the-reference"),
        pytest.param(["a"], ["a"] * N_WORDS, N_WORDS - 1, id="one-word-of-the-hypothesis"),
        pytest.param([], LONG, N_WORDS, id="empty-hypothesis"),
        pytest.param(LONG, [], N_WORDS, id="empty-reference"),
    ],
)
def test_edits_of_60000_words(hypothesis: list[str], reference: list[str], n_edits: int, compiled: Counters) -> None:
    found = compiled.ter_edits(grouped([([" ".join(reference)], [" ".join(hypothesis)])]))
    assert found.counts.tolist() == [n_edits]


@pytest.mark.parametrize("n_words", [16_000, 16_500], ids=["in-bits", "in-the-beam"])  # either side of the limit
def test_edits_of_long_texts_that_share_a_call_with_short_ones(n_words: int, compiled: Counters) -> None:
    reference = LONG[:n_words]
    last = reference[-1]  # the first would lie outside the beam
    hypotheses = [reference, [last], with_words(reference, {7: "x", n_words - 1: "y"}), [], reference[1:]]
    groups = [
        (["a b"], ["b a"]),
        ([" ".join(reference), last], [" ".join(words) for words in hypotheses]),
        (["a b"], ["b a"]),
    ]
    # Against the long reference, then the short one: "y" is in place of the word that the short one is.
    expected = [0, n_words - 1, n_words - 1, 0, 2, n_words, n_words, 1, 1, n_words - 2]
    assert compiled.ter_edits(grouped(groups)).counts.tolist() == [1, *expected, 1]


def test_matches_of_a_million_characters(compiled: Counters) -> None:
    text = "ab" * 500_000
    found = compiled.clipped_matches(
        grouped([([text, "b"], [text, text[::-1], "ba"])]), units=Units.characters, max_order=3, merge_references=False
    )
    of_text = [1_000_000, 999_999, 999_998]
    # Backwards it has one "ab" fewer and one "ba" more; trigrams are as many of each kind.
    backwards = [1_000_000, 999_998, 999_998]
    assert found.counts.tolist() == [of_text, [1, 0, 0], backwards, [1, 0, 0], [2, 1, 0], [1, 0, 0]]


# ---- memory

_SANITIZED_RUN = """
import ctypes, json, sys
from itertools import product
from pathlib import Path
import numpy as np
from evalharness.metrics.compiled.library import Counters, Groups, Units

compiled = Counters(ctypes.CDLL(sys.argv[1]))
groups = json.loads(Path(sys.argv[2]).read_text())

def grouped(groups):
    return Groups(
        references=[text for references, _ in groups for text in references],
        hypotheses=[text for _, hypotheses in groups for text in hypotheses],
        n_references=np.array([len(references) for references, _ in groups], dtype=np.int64),
        n_hypotheses=np.array([len(hypotheses) for _, hypotheses in groups], dtype=np.int64),
    )

def run(groups):
    for units, merged in product(Units, (False, True)):
        for order in (1, 6, 40):
            compiled.clipped_matches(groups, units=units, max_order=order, merge_references=merged)
    for beam, candidates, distance in ((25, 1000, 50), (1, 1000, 50), (2, 12, 50), (3, 1, 5), (25, 1000, 0)):
        compiled.ter_edits(groups, beam_width=beam, max_candidates=candidates, max_distance=distance)

run(grouped([]))
run(grouped(groups))
for start in range(0, len(groups), 3):  # exact ends of short arrays
    run(grouped(groups[start : start + 1]))
long = [str(number * number % 9973) for number in range(17_000)]  # into the beam at once
compiled.ter_edits(grouped([([" ".join(long)], [" ".join(long[:50] + long[60:])])]))
for code_point in range(0, 0x110000, 97):
    compiled.is_space(chr(code_point))
"""


def sanitizers() -> list[str]:
    """gcc's run-time libraries; skips the test where they are absent."""
    if shutil.which("gcc") is None or not sys.platform.startswith("linux"):
        pytest.skip("no gcc")
    named = [
        subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    if not all(map(os.path.isabs, named)):  # what it does not have it calls by the bare name
        pytest.skip("gcc has no libasan or libubsan")
    return named


@pytest.mark.slow
def test_sanitizers_find_nothing(tmp_path: Path) -> None:
    """Bounds of every array, and arithmetic that C does not define, over odd texts and tight limits."""
    preloaded = sanitizers()
    library, texts, script = tmp_path / "sanitized.so", tmp_path / "groups.json", tmp_path / "run.py"
    flags = ["-std=c11", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    flags += ["-shared", "-fPIC", "-fvisibility=hidden", "-lm"]
    subprocess.run(["gcc", *map(str, sorted(FOLDER.glob("*.c"))), *flags, "-o", str(library)], check=True)
    texts.write_text(json.dumps(list(odd_groups(1500, n_hypotheses=2, seed=31))))
    script.write_text(_SANITIZED_RUN)
    finished = subprocess.run(
        [sys.executable, str(script), str(library), str(texts)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={
            **os.environ,
            "LD_PRELOAD": ":".join(preloaded),
            "ASAN_OPTIONS": "detect_leaks=0",  # Python's own would drown them
            "UBSAN_OPTIONS": "print_stacktrace=1",
            "PYTHONMALLOC": "malloc",  # so that the texts that are passed have bounds too
        },
    )
    assert (finished.returncode, finished.stderr) == (0, "")
