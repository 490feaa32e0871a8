"""What a record claims of its rows: pairs, gaps, corrections, ranks, AutoRank, runs of one system."""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from conftest import write

import evalharness as eh
from evalharness.errors import ConfigError
from evalharness.fingerprint import fingerprint
from evalharness.metrics.base import Needs
from evalharness.metrics.lexical import Bleu, Chrf, Ter
from evalharness.records import Array, Floats, LanguagePair, ScoringSegment, Segment, Signature, TestSet
from evalharness.stats.multiplicity import benjamini_hochberg, holm
from evalharness.stats.paired import sign_flip_tests
from evalharness.stats.resampling import Measure
from evalharness.systems.base import Member
from evalharness.systems.hypotheses import GivenTexts


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenScore:
    """The number that a hypothesis is, a mean; no number has no score."""

    needs: ClassVar[frozenset[Needs]] = frozenset()
    higher_is_better: ClassVar[bool] = True
    exact_in_any_batch: ClassVar[bool] = True
    rows_per_call: ClassVar[int] = 1000
    display_factor: ClassVar[float] = 1.0
    averages_segments: ClassVar[bool] = True
    heading: str = "Written"

    def for_language_pair(self, lp: LanguagePair) -> WrittenScore:
        return self

    def statistics(self, segments: Sequence[ScoringSegment]) -> Array:
        texts = [segment.hypothesis for segment in segments]
        return np.array([[float(t), 1.0] if t != "none" else [math.nan, math.nan] for t in texts]).reshape(-1, 2)

    def segment_scores(self, statistics: Array) -> Floats:
        return np.asarray(statistics[..., 0])

    def corpus_scores(self, sums: Array) -> Floats:
        return np.asarray(sums[..., 0] / sums[..., 1])

    def signature(self, *, n_references: int | None) -> Signature:
        return Signature(fields=(("score", "written"),))


def made(n_segments: int, documents: Sequence[str] | None = None) -> TestSet:
    return TestSet(
        name="made",
        language_pair=LanguagePair.parse("zh-en"),
        segments=tuple(
            Segment(
                id=str(n),
                source=None,
                references=("the reference",),
                document=None if documents is None else documents[n],
            )
            for n in range(n_segments)
        ),
    )


def evaluated(
    scores: dict[str, Any], *overrides: str, documents: Sequence[str] | None = None, results: str = "results"
) -> eh.Run:
    """A run of systems whose segment scores are these numbers; None is none."""
    texts = {name: ["none" if one is None else repr(float(one)) for one in of] for name, of in scores.items()}
    n_segments = len(next(iter(texts.values())))
    return eh.evaluate(
        testset=made(n_segments, documents),
        systems=texts,
        metrics={"written": WrittenScore()},
        overrides=overrides,
        results=results,
    )


@dataclass(frozen=True)
class OneRun:
    """Texts as one run of a system."""

    texts: tuple[str, ...]
    group: str

    def members(self, lp: LanguagePair) -> Sequence[Member]:
        name = f"{self.group}-{fingerprint(self.texts)[:6]}"
        return [Member(name=name, system=GivenTexts(given=self.texts), group=self.group)]


def normal(n_systems: int, n_segments: int, seed: int = 0) -> dict[str, list[float]]:
    scores = np.random.default_rng(seed).normal(size=(n_systems, n_segments)).round(3)
    return {f"s{number}": list(row + number / 5) for number, row in enumerate(scores)}


class TestPairs:
    def test_all_pairs_by_name_whatever_the_order_of_systems(self) -> None:
        scores = normal(4, 40)
        runs = [
            evaluated({name: scores[name] for name in names}, results=f"r{number}")
            for number, names in enumerate((["s0", "s1", "s2", "s3"], ["s2", "s0", "s3", "s1"]))
        ]
        for path in ("comparisons.csv", "ranks.csv", "scores.csv"):
            files = [sorted((run.folder / path).read_text().splitlines()) for run in runs]
            assert files[0] == files[1]
        assert (runs[0].folder / "comparisons.csv").read_text() != (runs[1].folder / "comparisons.csv").read_text()

    def test_lexical_metrics_in_another_order_of_systems(self) -> None:
        texts = {name: [f"the {name} sat {n}" for n in range(30)] for name in ("cat", "reference", "dog")}
        files = []
        for number, names in enumerate(itertools.permutations(texts)):
            run = eh.evaluate(
                testset=made(30),
                systems={name: texts[name] for name in names},
                metrics={"bleu": Bleu(), "chrf": Chrf(), "ter": Ter()},
                results=f"r{number}",
            )
            files.append(sorted((run.folder / "comparisons.csv").read_text().splitlines()))
        assert all(file == files[0] for file in files)

    @pytest.mark.parametrize("method", ["sign_flip", "bootstrap"])
    def test_the_same_seed_gives_the_same_bytes_and_0_is_a_seed(self, method: str) -> None:
        scores = normal(3, 35)
        names = ("comparisons.csv", "scores.csv", "ranks.csv")
        found = {}
        for results, seed in (("a", 0), ("b", 0), ("c", 1)):
            run = evaluated(scores, f"stats.seed={seed}", f"stats.method={method}", results=results)
            found[results] = [(run.folder / name).read_bytes() for name in names]
        assert found["a"] == found["b"]
        assert found["a"][0] != found["c"][0]

    def test_a_pair_is_over_the_segments_that_both_have(self) -> None:
        a = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0]
        b = [2.0, 7.0, 1.0, 8.0, 2.0, 8.0, 1.0, 8.0, 2.0, None]
        c: list[float | None] = [None, 1.0, None, 0.0, 5.0, 7.0, 2.0, 1.0, 8.0, 2.0]
        run = evaluated({"a": a, "b": b, "c": c})
        lines = {(line.system_a, line.system_b): line for line in run.comparison_lines}
        for (one, first), (other, second) in itertools.combinations({"a": a, "b": b, "c": c}.items(), 2):
            both = [(x, y) for x, y in zip(first, second, strict=True) if x is not None and y is not None]
            scores = np.array(both).T
            rows = np.stack([scores, np.ones_like(scores)], axis=-1)
            measure = Measure(unit_sums=rows, to_corpus=WrittenScore().corpus_scores, is_mean=True)
            ((alone,),) = sign_flip_tests([measure], [[(0, 1)]], n_draws=1, rng=np.random.default_rng(0))
            line = lines[one, other]
            assert (line.n_segments, line.n_left_out) == (len(both), 10 - len(both))
            assert line.p == alone.p
            assert line.delta == pytest.approx(alone.delta, abs=1e-12)
        said = [note for note in run.table("comparisons").notes if "left out" in note]
        assert said == [
            "Written: differences are over the segments that both systems of a pair have a score for; 1 to 3 of 10 are "
            "left out."
        ]
        assert said[0] in run.table().notes
        assert {line.system: line.n_missing for line in run.score_lines} == {"a": 0, "b": 1, "c": 2}

    def test_many_gaps_give_what_each_pair_gives_alone(self) -> None:
        """Pairs with gaps share their draws; here every unit differs, so that p-values are of draws."""
        scores: dict[str, list[float | None]] = {name: list(of) for name, of in normal(4, 60, seed=3).items()}
        scores["s0"][5] = scores["s1"][40] = scores["s1"][41] = scores["s2"][59] = None
        together = evaluated(scores)
        assert {line.n_left_out for line in together.comparison_lines} == {1, 2, 3}
        for line in together.comparison_lines:
            both = [
                (a, b)
                for a, b in zip(scores[line.system_a], scores[line.system_b], strict=True)
                if a is not None and b is not None
            ]
            kept = {line.system_a: [a for a, _ in both], line.system_b: [b for _, b in both]}
            (alone,) = evaluated(kept, results=f"{line.system_a}{line.system_b}").comparison_lines
            assert line.n_units == alone.n_units == alone.n_segments
            assert line.delta == pytest.approx(alone.delta, abs=1e-12)
            assert line.detectable == pytest.approx(alone.detectable, rel=1e-9)
            # Other draws of the same distribution: 5 standard errors of the difference of two shares of 10,000.
            assert line.p is not None
            assert alone.p is not None
            assert line.p == pytest.approx(alone.p, abs=7 * (alone.p * (1 - alone.p) / 10_000) ** 0.5 + 1e-3)
            assert line.ci_low == pytest.approx(alone.ci_low, abs=0.1)

    def test_where_systems_have_other_segments_the_winner_is_marked(self) -> None:
        hard, easy = [0.0] * 10, [5.0 + n / 10 for n in range(10)]
        a: list[float | None] = [*[None] * 10, *(score - 1 for score in easy)]
        run = evaluated({"a": a, "b": [*hard, *easy]})
        (line,) = run.comparison_lines
        assert (line.delta, line.is_significant) == (pytest.approx(-1.0), True)
        marked = {row[0].text for row in run.table().rows if row[1].is_best}  # type: ignore[union-attr]
        assert marked == {"b"}  # a has the higher score, b is better where both have one
        (pair,) = run.table("comparisons").rows
        assert [cell.text for cell in pair[1:3]] == ["b", "a"]  # type: ignore[union-attr]
        assert [row[3].text for row in run.table("ranks").rows] == ["b", "a"]  # type: ignore[union-attr]
        assert any("may stand in another order" in note for note in run.table().notes)

    def test_bh_knows_what_it_cannot_show(self) -> None:
        """Against a, b is identical, c differs in one unit and d in six: p is at least 1, 1 and 2/64. Benjamini and
        Hochberg's is at least 3 * 2/64 = 0.094."""
        a = [1.0] * 20
        scores = {"a": a, "b": a, "c": [2.0, *a[1:]], "d": [2.0] * 6 + a[6:]}
        run = evaluated(scores, "stats.correction=bh", "stats.baseline=a")
        (said,) = [note for note in run.table().notes if note.startswith("No difference can be significant here")]
        assert "or 0.0938 corrected for 3 pairs" in said
        assert "of which the systems differ in few" in said

    def test_pairs_that_were_not_tested_are_said(self) -> None:
        scores = normal(2, 40) | {"half": [*[None] * 20, *[0.1] * 20]}
        run = evaluated(scores, "stats.method=bootstrap")
        tested = [line for line in run.comparison_lines if line.p is not None]
        assert len(tested) == 1
        notes = run.table().notes
        assert "one pair)" in notes[0]
        assert any(note.startswith("Written: some pairs of half, s0, s1 were not tested") for note in notes)
        assert "one pair)" in run.table("comparisons").notes[0]

    def test_a_system_without_scores_is_named_and_the_others_are_ranked(self) -> None:
        run = evaluated({"a": [1.0] * 9, "b": [0.0] * 9, "z": [None] * 9})
        assert {line.system: line.cluster for line in run.rank_lines} == {"a": 1, "b": 2}
        said = "Written: not compared, for want of a segment with a score in common with another system: z."
        assert said in run.table().notes
        assert said in run.table("comparisons").notes

    def test_no_shared_segment(self) -> None:
        run = evaluated({"a": [1.0, 2.0, None, None], "b": [None, None, 3.0, 4.0]})
        assert run.comparison_lines == ()
        assert run.rank_lines == ()
        assert "There is no pair to compare" in run.table("comparisons").notes[0]
        assert "No ranks by Written: there is no pair to test." in run.table("ranks").notes

    def test_documents_are_swapped_whole(self) -> None:
        scores = {"a": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "b": [0.0] * 6}
        documents = ["x", "y", "x", "y", "z", "z"]
        (line,) = evaluated(scores, documents=documents).comparison_lines
        # Three documents, all of one sign: 2 of 2^3 swaps.
        assert (line.unit, line.n_units, line.p, line.p_smallest) == ("document", 3, 0.25, 0.25)
        (line,) = evaluated(scores, "stats.unit=segment", documents=documents, results="r2").comparison_lines
        assert (line.unit, line.n_units, line.p) == ("segment", 6, 2 / 64)
        # An interval of a mean from its exact test: that holds only the smallest and the largest difference out.
        assert (line.interval, line.ci_low, line.ci_high) == ("inverted", 1.0, 6.0)


class TestSettings:
    def test_corrections(self) -> None:
        scores = normal(4, 40, seed=5)
        p_values = [line.p for line in evaluated(scores, "stats.correction=none").comparison_lines]
        for correction, column, function in (("holm", "p_holm", holm), ("bh", "p_bh", benjamini_hochberg)):
            run = evaluated(scores, f"stats.correction={correction}")
            lines = run.comparison_lines
            assert [line.p for line in lines] == p_values
            assert [getattr(line, column) for line in lines] == function([p for p in p_values if p is not None])
            assert [line.decisive_p for line in lines] == [getattr(line, column) for line in lines]
            assert (lines[0].p_holm is None) is (correction == "bh")
        assert "p (BH)" in run.table("comparisons").to_text()
        assert "Benjamini-Hochberg over 6 pairs" in run.table("comparisons").notes[0]

    def test_the_level_decides_what_is_significant(self) -> None:
        scores = {"a": [1.0] * 7, "b": [0.0] * 7}  # p = 2 / 2^7 = 0.016
        (line,) = evaluated(scores).comparison_lines
        assert line.is_significant
        run = evaluated(scores, "stats.level=0.99")
        assert not run.comparison_lines[0].is_significant
        assert "p ≤ 0.01" in run.table().notes[0]
        assert "No difference can be significant here: with 7 segments" in run.table().notes[1]
        with pytest.raises(ConfigError, match=r"stats\.level=0.9999"):
            evaluated(scores, "stats.level=0.9999")

    @pytest.mark.parametrize("interval", ["percentile", "bca"])
    def test_intervals_are_those_asked_for(self, interval: str) -> None:
        scores = {"a": [1.0, 5.0, 2.0, 8.0, 3.0, 1.0, 9.0, 4.0], "b": [0.0, 1.0, 2.0, 1.0, 0.0, 3.0, 1.0, 2.0]}
        (line,) = evaluated(scores, f"stats.interval={interval}").comparison_lines
        assert line.interval == interval
        assert line.ci_low is not None
        assert line.ci_high is not None
        assert line.ci_low < line.delta < line.ci_high

    def test_the_bootstrap_gives_no_p_with_few_units_and_says_so(self) -> None:
        run = evaluated(normal(3, 12), "stats.method=bootstrap")
        assert {line.p for line in run.comparison_lines} == {None}
        assert {line.p_holm for line in run.comparison_lines} == {None}
        assert run.rank_lines == ()
        for table in (run.table(), run.table("comparisons")):
            assert any(note.startswith("No p-values with 12 segments: ") for note in table.notes)
            assert not any(note.startswith("Marked") for note in table.notes)
        assert not any(cell.is_best for row in run.table().rows for cell in row[1:])  # type: ignore[union-attr]

    @pytest.mark.parametrize("order", [("a", "b", "c"), ("b", "a", "c"), ("c", "b", "a")])
    def test_marks_do_not_depend_on_the_order_of_tied_systems(self, order: tuple[str, ...]) -> None:
        scores = {
            "a": [6.0] * 12,
            "b": [0.0, 12.0] * 6,
            "c": [5.0] * 12,  # different from a in every segment, and not from b
        }
        run = evaluated({name: scores[name] for name in order}, results="".join(order))
        marked = {row[0].text for row in run.table().rows if row[1].is_best}  # type: ignore[union-attr]
        assert marked == {"a", "b", "c"}
        assert [row[0].text for row in run.table().rows] == ["a", "b", "c"]  # type: ignore[union-attr]

    def test_with_a_baseline_those_that_beat_it_are_marked(self) -> None:
        scores = {
            "base": [3.0] * 9,
            "better": [4.0] * 9,
            "best": [5.0] * 9,
            "worse": [1.0] * 9,
            "near": [*[2.0, 4.1] * 4, 3.1],
        }
        run = evaluated(scores, "stats.baseline=base")
        marked = {row[0].text for row in run.table().rows if row[1].is_best}  # type: ignore[union-attr]
        assert marked == {"better", "best"}
        said = "Marked: significantly better than base, the only system compared with ("
        assert run.table().notes[0].startswith(said)

    def test_a_detectable_difference_is_one_that_can_be_found(self) -> None:
        few_draws = evaluated(normal(2, 40), "stats.n_draws=10").comparison_lines[0]
        assert (few_draws.p_smallest, few_draws.detectable) == (1 / 11, None)
        constant = evaluated({"a": [0.3 + n for n in range(30)], "b": [float(n) for n in range(30)]}, results="c")
        assert constant.comparison_lines[0].detectable is None
        bootstrap = evaluated(normal(2, 40), "stats.method=bootstrap").comparison_lines[0]
        assert bootstrap.p_smallest == 1 / 1001

    @pytest.mark.parametrize("method", ["sign_flip", "bootstrap"])
    def test_no_p_is_smaller_than_the_smallest(self, method: str) -> None:
        a = [0.0] * 55 + [1.0, 2.0, 3.0, 1.0, 2.0]
        (line,) = evaluated({"a": a, "b": [0.0] * 60}, f"stats.method={method}").comparison_lines
        assert line.p is not None
        assert line.p >= line.p_smallest
        assert line.is_significant == (line.p <= 0.05)

    def test_names_that_are_not_there(self) -> None:
        with pytest.raises(ConfigError, match=r"stats\.baseline=s9: no such system. Systems are: s0, s1"):
            evaluated(normal(2, 5), "stats.baseline=s9")
        with pytest.raises(ConfigError, match=r"stats\.autorank_metrics: 'wrtten': no such metric here; did you mean"):
            evaluated(normal(2, 5), "stats.autorank=wmt25", "stats.autorank_metrics=[wrtten]")
        assert not Path("results").exists()


class TestSmallSets:
    def test_one_system(self) -> None:
        run = evaluated(normal(1, 9), "stats.autorank=wmt25")
        assert (run.comparison_lines, run.rank_lines) == ((), ())
        assert [line.autorank for line in run.autorank_lines] == [1.0]
        assert len(run.table("comparisons").rows) == len(run.table("ranks").rows) == 0

    def test_one_segment(self) -> None:
        run = evaluated({"a": [1.0], "b": [0.0]})
        (line,) = run.comparison_lines
        assert (line.p, line.p_smallest, line.ci_low, line.detectable) == (1.0, 1.0, None, None)
        assert [score.ci_low for score in run.score_lines] == [None, None]
        said = "No difference can be significant here: with 1 segment no p-value is below 1."
        assert run.table().notes[1].startswith(said)

    def test_all_scores_equal(self) -> None:
        for n_segments in (3, 40):
            run = evaluated({name: [0.5] * n_segments for name in "abc"}, results=f"r{n_segments}")
            assert {(line.delta, line.p, line.p_holm) for line in run.comparison_lines} == {(0.0, 1.0, 1.0)}
            assert {line.detectable for line in run.comparison_lines} == {None}
            assert {line.cluster for line in run.rank_lines} == {1}
            assert {line.p_smallest for line in run.comparison_lines} == {1.0}  # no unit differs
            assert run.table().notes[1] == (
                "No difference can be significant here: no two systems that were compared differ in more than "
                f"one of {n_segments} segments, so no p-value is below 1."
            )

    def test_six_systems_on_nine_segments_cannot_be_told_apart(self) -> None:
        # 15 pairs: 15 / 256 > 0.05, while 10 / 256 is below it.
        for n_systems, is_possible in ((5, True), (6, False)):
            scores = {f"s{n}": [10.0 * n + i / 7 for i in range(9)] for n in range(n_systems)}
            run = evaluated(scores, results=f"r{n_systems}")
            assert any(line.is_significant for line in run.comparison_lines) is is_possible
            said = [note for note in run.table().notes if note.startswith("No difference can be significant here")]
            assert bool(said) is not is_possible
        assert said == [
            "No difference can be significant here: with 9 segments no p-value is below 0.00391, or 0.0586 corrected "
            "for 15 pairs. So nothing is told apart, whatever the scores."
        ]
        assert said[0] in run.table("comparisons").notes

    def test_too_few_draws_for_so_many_pairs(self) -> None:
        scores = {f"s{n}": [10.0 * n + i / 7 for i in range(40)] for n in range(6)}
        run = evaluated(scores, "stats.n_draws=200")
        (said,) = [note for note in run.table().notes if note.startswith("No difference can be significant here")]
        assert said.endswith("Set stats.n_draws (--n-draws) to 1000 or more.")  # 15 pairs / 0.05 = 300
        assert any(line.is_significant for line in evaluated(scores, "stats.n_draws=1000").comparison_lines)


class TestRanks:
    def test_clusters_in_file_and_table(self) -> None:
        scores = {
            "worst": [0.0] * 12,
            "best": [9.0 + (n % 3) for n in range(12)],
            "middle": [5.0 + (n % 2) for n in range(12)],
            "alike": [5.5 + (n % 4) / 2 - 0.75 for n in range(12)],
        }
        run = evaluated(scores)
        found = {line.system: (line.rank_top, line.rank_bottom, line.cluster) for line in run.rank_lines}
        assert found == {"best": (1, 1, 1), "middle": (2, 3, 2), "alike": (2, 3, 2), "worst": (4, 4, 3)}
        assert list(run.ranks["cluster"]) == [line.cluster for line in run.rank_lines]
        table = run.table("ranks")
        assert [[row[1].text, row[2].shown(), row[3].text] for row in table.rows] == [  # type: ignore[union-attr]
            ["1", "1", "best"],
            ["2", "2-3", "alike"],  # as high as the next, and so by name
            ["2", "2-3", "middle"],
            ["3", "4", "worst"],
        ]
        assert table.lines_after == {0, 2}
        assert table.to_latex().count("\\midrule") == 3  # under the head, and behind two clusters
        text = table.to_text().splitlines()
        assert [number for number, line in enumerate(text) if set(line) == {"-", " "}] == [3, 5, 8]

    def test_none_against_a_baseline(self) -> None:
        run = evaluated(normal(3, 9), "stats.baseline=s0")
        assert run.rank_lines == ()
        assert [(line.system_a, line.system_b) for line in run.comparison_lines] == [("s1", "s0"), ("s2", "s0")]
        assert "No ranks by Written: not every pair of systems was tested." in run.table("ranks").notes
        assert [row[2].text for row in run.table("comparisons").rows] == ["s0", "s0"]  # type: ignore[union-attr]

    def test_the_lower_the_better(self) -> None:
        texts = {"good": ["the reference"] * 9, "bad": ["no idea at all"] * 9}
        run = eh.evaluate(testset=made(9), systems=texts, metrics={"ter": Ter()})
        assert {line.system: line.cluster for line in run.rank_lines} == {"good": 1, "bad": 2}
        ((_, a, b, delta, *_),) = run.table("comparisons").rows
        assert (a.text, b.text) == ("good", "bad")  # type: ignore[union-attr]
        assert delta.score < 0  # type: ignore[union-attr, operator]


class TestAutoRank:
    def test_column_file_and_note(self) -> None:
        texts = {"good": ["the reference"] * 4, "bad": ["no idea at all"] * 4, "so-so": ["the reference ends"] * 4}
        metrics = {"chrf": Chrf(), "ter": Ter()}
        run = eh.evaluate(testset=made(4), systems=texts, metrics=metrics, overrides=["stats.autorank=wmt24"])
        scores = run.scores.pivot(index="system", columns="metric", values="score")
        spread = scores.max() - scores.min()
        by_hand = 1 + (
            (scores["chrf"].max() - scores["chrf"]) / spread["chrf"]
            + (scores["ter"] - scores["ter"].min()) / spread["ter"]
        )
        assert {line.system: line.autorank for line in run.autorank_lines} == pytest.approx(dict(by_hand))
        assert (run.autorank_lines[0].rule, run.autorank_lines[0].metrics) == ("wmt24", "chrf,ter")
        assert "AutoRank ↓" in run.table().to_text()
        assert "AutoRank as in WMT24, 1 for the best, over chrF2, TER." in run.table().notes
        one = eh.evaluate(
            testset=made(4),
            systems=texts,
            metrics=metrics,
            overrides=["stats.autorank=wmt25", "stats.autorank_metrics=[chrf]"],
        )
        assert one.folder == run.folder
        assert one.autorank_lines[0].metrics == "chrf"
        without = eh.evaluate(testset=made(4), systems=texts, metrics=metrics)
        assert (without.folder, without.autorank_lines) == (run.folder, ())
        assert not (run.folder / "autorank.csv").exists()

    def test_a_system_without_a_score_has_none(self) -> None:
        run = evaluated({"a": [1.0, 2.0], "b": [None, None], "c": [0.0, 1.0]}, "stats.autorank=wmt25")
        assert {line.system: line.autorank for line in run.autorank_lines} == {"a": 1.0, "b": None, "c": 2.0}


class TestReplicates:
    def write_runs(self, texts: dict[str, list[str]]) -> None:
        write("refs.en", *["the cat sat on the mat"] * 8)
        for name, lines in texts.items():
            write(f"hyp/{name}.en", *lines)

    TEXTS: ClassVar[dict[str, list[str]]] = {
        "big-seed1": ["the cat sat on the mat"] * 8,
        "big-seed2": ["the cat sat on a mat"] * 4 + ["the cat sat on the mat"] * 4,
        "big-seed3": ["the cat sat on the mat"] * 7 + ["a cat sat on a mat"],
        "small-seed1": ["the dog sat on the mat"] * 8,
        "small-seed2": ["the dog ran on the mat"] * 8,
        "small-seed3": ["the dog sat on the roof"] * 8,
        "lone": ["the cat sat under the mat"] * 8,
    }

    def run(self, command: Any, *arguments: str) -> eh.Run:
        finished = command(
            "run",
            "testset=plain",
            "testset.language_pair=de-en",
            "testset.references=[refs.en]",
            "systems=[folder]",
            "systems.folder.path=hyp",
            "systems.folder.group_by='*-seed*'",
            "metrics=[bleu,chrf]",
            *arguments,
        )
        assert finished.code == 0, finished.err
        return eh.open_run("results/latest")

    def test_mean_and_spread_and_tests_of_the_systems(self, command: Any) -> None:
        self.write_runs(self.TEXTS)
        run = self.run(command)
        scores = run.scores.set_index(["system", "metric"])["score"]
        of_runs = {metric: [scores[f"big-seed{n}", metric] for n in (1, 2, 3)] for metric in ("bleu", "chrf")}
        lines = {(line.system, line.metric): line for line in run.replicates_lines}
        assert set(lines) == {(system, metric) for system in ("big", "small") for metric in ("bleu", "chrf")}
        for metric, values in of_runs.items():
            line = lines["big", metric]
            assert line.mean == pytest.approx(np.mean(values), abs=1e-12)
            assert line.sd == pytest.approx(np.std(values, ddof=1), abs=1e-12)
            assert (line.lowest, line.highest, line.n_replicates) == (min(values), max(values), 3)
        pairs = {(line.metric, line.system_a, line.system_b): line for line in run.comparison_lines}
        assert len(pairs) == 2 * 3
        line = pairs["bleu", "big", "small"]
        small = [scores[f"small-seed{n}", "bleu"] for n in (1, 2, 3)]
        assert line.delta == pytest.approx(np.mean(of_runs["bleu"]) - np.mean(small), abs=1e-9)
        assert line.p_replicates == 2 / 20  # every run of one above every run of the other
        assert pairs["bleu", "big", "lone"].p_replicates is None
        table = run.table().to_text()
        assert [row[0].text for row in run.table().rows] == ["big", "small", "lone"]  # type: ignore[union-attr]
        shown = f"{lines['big', 'bleu'].mean:.1f} ± {lines['big', 'bleu'].sd:.1f}"
        assert shown in table
        assert "Mean ± standard deviation over runs (3 of big, 3 of small)" in table
        assert {line.system for line in run.rank_lines} == {"big", "small", "lone"}

    def test_grouping_changes_no_score(self, command: Any) -> None:
        self.write_runs(self.TEXTS)
        grouped = self.run(command)
        scores = (grouped.folder / "scores.csv").read_bytes()
        plain = self.run(command, "systems.folder.group_by=null")
        assert plain.folder == grouped.folder
        assert (plain.folder / "scores.csv").read_bytes() == scores
        assert not (plain.folder / "replicates.csv").exists()
        assert len(plain.comparison_lines) == 2 * 21

    def test_the_order_of_files_decides_nothing(self) -> None:
        rng = np.random.default_rng(4)
        words = ["the", "reference", "cat", "sat", "on"]
        runs = [OneRun(tuple(" ".join(rng.choice(words, 6)) for _ in range(12)), group) for group in "aaabbb"]
        found = []
        for number, order in enumerate(([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [3, 1, 5, 0, 4, 2])):
            run = eh.evaluate(
                testset=made(12),
                systems={str(index): runs[index] for index in order},
                metrics={"chrf": Chrf()},
                results=f"r{number}",
            )
            found.append(sorted((run.folder / "comparisons.csv").read_text().splitlines()))
        assert found[0] == found[1] == found[2]

    def test_runs_are_compared_over_the_segments_of_the_pair(self) -> None:
        """a lacks the hard segments, and is worse on the others in every run."""
        easy = [float(n) for n in range(6)]
        runs = {}
        for n in range(4):
            runs[f"a{n}"] = OneRun((*["none"] * 6, *(repr(score - 0.5 + n / 100) for score in easy)), "a")
            runs[f"b{n}"] = OneRun((*["0.0"] * 6, *(repr(score + n / 100) for score in easy)), "b")
        run = eh.evaluate(testset=made(12), systems=runs, metrics={"written": WrittenScore()})
        (line,) = run.comparison_lines
        assert line.delta == pytest.approx(-0.5)
        assert line.p_replicates == 2 / 70  # all four of b above all four of a, there

    def test_a_difference_within_that_between_runs_is_not_significant(self) -> None:
        runs = {f"a{n}": OneRun((repr(n + 0.2),) * 9, "a") for n in range(4)}
        runs |= {f"b{n}": OneRun((repr(float(n)),) * 9, "b") for n in range(4)}
        run = eh.evaluate(testset=made(9), systems=runs, metrics={"written": WrittenScore()})
        (line,) = run.comparison_lines
        assert line.p == 2 / 2**9
        assert line.p_replicates is not None
        assert line.p_replicates > 0.5
        assert not line.is_significant
        assert {rank.cluster for rank in run.rank_lines} == {1}
        assert any("exceeds that between runs of one system" in note for note in run.table().notes)
        assert "p of runs" in run.table("comparisons").to_text()
        assert (
            run.table().to_csv().startswith("System,Written,Written low,Written high,Written sd,Rank top,Rank bottom\n")
        )

    @pytest.mark.parametrize(("b", "is_apart"), [((9.0, 9.1), True), ((9.0, 10.05), False)])
    def test_few_runs_must_be_apart(self, b: tuple[float, ...], is_apart: bool) -> None:
        """3 and 2 runs: p is at least 1/10, so that only complete separation is left to ask for."""
        runs = {f"a{n}": OneRun((repr(score),) * 9, "a") for n, score in enumerate((10.0, 10.1, 20.0))}
        runs |= {f"b{n}": OneRun((repr(score),) * 9, "b") for n, score in enumerate(b)}
        run = eh.evaluate(testset=made(9), systems=runs, metrics={"written": WrittenScore()})
        (line,) = run.comparison_lines
        assert line.p_replicates is not None
        assert line.p_replicates > 0.05
        assert line.is_significant is is_apart

    def test_groups_of_other_sizes(self, command: Any) -> None:
        texts = {name: lines for name, lines in self.TEXTS.items() if name != "small-seed3"}
        self.write_runs(texts)
        run = self.run(command)
        scores = run.scores.set_index(["system", "metric"])["score"]
        line = next(
            one for one in run.comparison_lines if (one.metric, one.system_a, one.system_b) == ("chrf", "big", "small")
        )
        means = [
            np.mean([scores[f"{s}-seed{n}", "chrf"] for n in range(1, k + 1)]) for s, k in (("big", 3), ("small", 2))
        ]
        assert line.delta == pytest.approx(means[0] - means[1], abs=1e-9)

    def test_the_swap_moves_all_runs_of_a_unit(self) -> None:
        rows = np.random.default_rng(0).integers(1, 9, size=(4, 8, 2)).astype(float)  # two systems, two runs each

        def ratio(sums: Array) -> Floats:
            return np.asarray(100 * sums[..., 0] / sums[..., 1])

        from evalharness.stats.claims import claims
        from evalharness.stats.inquiries import MetricRows
        from evalharness.stats.replicates import contestants
        from evalharness.stats.settings import StatsSettings

        metric = MetricRows(
            name="m", rows=rows, to_corpus=ratio, is_mean=False, higher_is_better=True, display_factor=1.0
        )
        of = contestants(["a1", "a2", "b1", "b2"], ["a", "a", "b", "b"])
        (pair,) = claims(of, [None] * 8, [metric], [(0, 1)], StatsSettings())["m"].pairs
        reached, differences = 0, []
        for swap in itertools.product([False, True], repeat=8):
            mask = np.array(swap)[:, None]
            means = []
            for own, others in (((0, 1), (2, 3)), ((2, 3), (0, 1))):
                swapped = [np.where(mask, rows[o], rows[i]).sum(axis=0) for i, o in zip(own, others, strict=True)]
                means.append(np.mean([ratio(sums) for sums in swapped]))
            differences.append(means[0] - means[1])
        reached = sum(abs(d) >= abs(differences[0]) - 1e-9 for d in differences)
        assert pair.finding.p == reached / 2**8
        assert pair.finding.delta == pytest.approx(differences[0], abs=1e-12)


def test_human_agreement_is_in_the_file_for_the_metrics_it_was_measured_for() -> None:
    texts = {"good": ["the reference"] * 9, "bad": ["the reference is not"] * 9}
    run = eh.evaluate(testset=made(9), systems=texts, metrics=["bleu", "chrf", "chrfpp", "ter"])
    with open(run.paths.comparisons, encoding="utf-8", newline="") as file:
        lines = {line["metric"]: line for line in csv.DictReader(file)}
    assert [bool(lines[name]["human_agreement"]) for name in ("bleu", "chrf", "chrfpp", "ter")] == [
        True,
        True,
        False,
        False,
    ]
    chrf = abs(float(lines["chrf"]["delta"]))
    assert float(lines["chrf"]["human_agreement"]) == pytest.approx(93.0 / (1 + math.exp(-1.114273 * chrf)))


def test_the_plan_keeps_the_settings() -> None:
    run = evaluated(normal(2, 5), "stats.method=bootstrap", "stats.clusters=mtme")
    settings = json.loads((run.folder / "plan.json").read_text())["settings"]["stats"]
    assert (settings["method"], settings["clusters"], settings["autorank_metrics"]) == ("bootstrap", "mtme", [])
