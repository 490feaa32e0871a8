"""Intervals, tests, ranks and power against enumeration, scipy, statsmodels, published figures and hand arithmetic."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from evalharness.errors import ConfigError
from evalharness.metrics.lexical import Bleu, Chrf, Ter
from evalharness.records import Floats, ScoringSegment
from evalharness.stats.autorank import AutoRankRule, autorank
from evalharness.stats.clusters import ClusterRule, Rank, ranks
from evalharness.stats.intervals import bca_interval, inverted_intervals, percentile_interval
from evalharness.stats.multiplicity import benjamini_hochberg, holm
from evalharness.stats.paired import Pair, PairedTest, bootstrap_tests, sign_flip_tests
from evalharness.stats.power import (
    detectable_in_standard_errors,
    jackknife_standard_error,
    minimum_detectable_effect,
    smallest_p,
)
from evalharness.stats.replicates import contestants, replicate_p
from evalharness.stats.resampling import Measure, random_counts, random_swaps, resampled_scores
from evalharness.stats.settings import StatsSettings, UnitKind
from evalharness.stats.thresholds import curve_name, difference_for, human_agreement
from evalharness.stats.units import units_of

scipy_stats = pytest.importorskip("scipy.stats")
WORDS = ["the", "a", "cat", "dog", "sat", "ran", "on", "under", "mat", "roof", "slowly", "and", "then", "again"]
LEXICAL = [Bleu(tokenize="13a"), Chrf(), Ter()]


def mean(sums: Floats) -> Floats:
    return np.asarray(sums[..., 0] / sums[..., 1])


def mean_measure(scores: Floats) -> Measure:
    """Rows (score, 1) of scores [S, N]."""
    return Measure(unit_sums=np.stack([scores, np.ones_like(scores)], axis=-1), to_corpus=mean, is_mean=True)


def lexical_measure(metric: Bleu | Chrf | Ter, n_segments: int, n_systems: int = 2, seed: int = 7) -> Measure:
    rng = np.random.default_rng(seed)
    references = [" ".join(rng.choice(WORDS, 12)) for _ in range(n_segments)]
    segments = []
    for system in range(n_systems):
        for n, reference in enumerate(references):
            words = reference.split()
            for _ in range(2 + system % 3):
                words[rng.integers(12)] = str(rng.choice(WORDS))
            segments.append(ScoringSegment(id=str(n), source=None, hypothesis=" ".join(words), references=(reference,)))
    rows = np.asarray(metric.statistics(segments), dtype=np.float64).reshape(n_systems, n_segments, -1)
    return Measure(unit_sums=rows, to_corpus=metric.corpus_scores)


def sign_flip(
    measure: Measure, pairs: Sequence[Pair] = ((0, 1),), *, n_draws: int = 10, seed: int = 0
) -> list[PairedTest]:
    (tests,) = sign_flip_tests([measure], [pairs], n_draws=n_draws, rng=np.random.default_rng(seed))
    return tests


class TestSignFlip:
    @pytest.mark.parametrize("n_units", [2, 5, 8, 12])
    @pytest.mark.parametrize("metric", LEXICAL, ids=["BLEU", "chrF", "TER"])
    def test_corpus_metrics_equal_enumeration_and_scipy(self, metric: Bleu | Chrf | Ter, n_units: int) -> None:
        measure = lexical_measure(metric, n_units)
        rows = measure.unit_sums
        observed = abs(float(metric.corpus_scores(rows[0].sum(0)) - metric.corpus_scores(rows[1].sum(0))))
        reached = 0
        for swap in itertools.product([False, True], repeat=n_units):
            one = np.where(np.array(swap)[:, None], rows[1], rows[0]).sum(0)
            other = np.where(np.array(swap)[:, None], rows[0], rows[1]).sum(0)
            reached += abs(metric.corpus_scores(one) - metric.corpus_scores(other)) >= observed - 1e-9
        (test,) = sign_flip(measure)
        assert test.p == pytest.approx(reached / 2**n_units, abs=1e-12)
        assert test.n_draws is None

        def difference(a: Floats, b: Floats, axis: int) -> Floats:
            """scipy moves segment numbers: a and b hold, for each place, whose segment it is."""
            sums_a = rows.reshape(-1, rows.shape[2])[a.astype(int)].sum(axis=-2)
            sums_b = rows.reshape(-1, rows.shape[2])[b.astype(int)].sum(axis=-2)
            return np.round(np.abs(metric.corpus_scores(sums_a) - metric.corpus_scores(sums_b)), 9)

        oracle = scipy_stats.permutation_test(
            (np.arange(n_units), n_units + np.arange(n_units)),
            difference,
            permutation_type="samples",
            alternative="greater",
            n_resamples=np.inf,
            vectorized=True,
            axis=-1,
        )
        assert test.p == pytest.approx(oracle.pvalue, abs=1e-12)

    @pytest.mark.parametrize("n_units", [1, 2, 6, 11, 12])
    def test_means_equal_scipy(self, n_units: int) -> None:
        scores = np.random.default_rng(n_units).normal(size=(2, n_units)) + np.array([[0.4], [0.0]])
        (test,) = sign_flip(mean_measure(scores))
        assert test.delta == pytest.approx((scores[0] - scores[1]).mean(), abs=1e-12)
        if n_units > 1:  # scipy wants two
            oracle = scipy_stats.permutation_test(
                (scores[0] - scores[1],),
                lambda d, axis: d.mean(axis=axis),
                permutation_type="samples",
                n_resamples=np.inf,
            )
            assert test.p == pytest.approx(oracle.pvalue, abs=1e-12)
        else:
            assert test.p == 1.0

    def test_means_are_enumerated_up_to_20_units_and_others_up_to_16(self) -> None:
        scores = np.random.default_rng(1).normal(size=(2, 21)) + np.array([[0.3], [0.0]])
        as_corpus = Measure(unit_sums=mean_measure(scores).unit_sums, to_corpus=mean)
        for measure, n_units, is_exact in (
            (mean_measure(scores), 20, True),
            (mean_measure(scores), 21, False),
            (as_corpus, 16, True),
            (as_corpus, 17, False),
        ):
            part = Measure(
                unit_sums=measure.unit_sums[:, :n_units], to_corpus=measure.to_corpus, is_mean=measure.is_mean
            )
            (test,) = sign_flip(part)
            assert (test.n_draws is None) is is_exact
            if is_exact:
                d = part.unit_sums[0, :, 0] - part.unit_sums[1, :, 0]
                sums = np.zeros(1)
                for one in d:  # every sum of signed differences, built up one unit at a time
                    sums = np.concatenate([sums + one, sums - one])
                reached = np.count_nonzero(np.abs(sums) >= abs(d.sum()) - 1e-9)
                assert test.p == pytest.approx(reached / 2**n_units, abs=1e-12)

    def test_ties_of_quantised_scores_count(self) -> None:
        # Pitfall D16. Differences .1 .1 .1 -.1 .2 in tenths: 1 1 1 -1 2, sum 4. Of 2^5 signed sums of 1 1 1 1 2 those
        # with |sum| >= 4: +-6 once each; +-4 with one unit of 1 against the rest, 4 each. So 10 of 32.
        scores = np.array([[0.7, 0.4, 0.3, 0.1, 0.9], [0.6, 0.3, 0.2, 0.2, 0.7]])
        (test,) = sign_flip(mean_measure(scores))
        assert test.p == 10 / 32
        for offset in (-1e3, 1e5):  # which leaves fewer digits for the differences
            (test,) = sign_flip(mean_measure(scores + offset))
            assert test.p == 10 / 32

    @pytest.mark.parametrize("n_units", [1, 5, 40])
    @pytest.mark.parametrize("method", ["sign_flip", "bootstrap"])
    def test_identical_systems_are_never_different(self, n_units: int, method: str) -> None:
        scores = np.random.default_rng(1).random((1, n_units)).repeat(2, axis=0)
        for measure in (mean_measure(scores), Measure(unit_sums=mean_measure(scores).unit_sums, to_corpus=mean)):
            if method == "sign_flip":
                (test,) = sign_flip(measure, n_draws=500)
            else:
                resampled = resampled_scores([measure], n_resamples=200, rng=np.random.default_rng(0))
                ((test,),) = bootstrap_tests([measure], resampled, [[(0, 1)]])
            assert test.delta == 0.0
            # Pitfall D1: others print p = 0.0001 here. With few units the bootstrap gives none at all.
            assert test.p == 1.0 or (method == "bootstrap" and n_units < 30 and math.isnan(test.p))

    def test_smallest_p_of_nine_units(self) -> None:
        (test,) = sign_flip(mean_measure(np.stack([np.arange(9.0) + 1, np.zeros(9)])))
        assert test.p == 2**-8 == smallest_p(9, None)  # 2 of 2^9 swaps: none, and all

    def test_monte_carlo_agrees_with_enumeration(self) -> None:
        measure = mean_measure(np.random.default_rng(5).normal(size=(2, 20)) + np.array([[0.6], [0.0]]))
        (exact,) = sign_flip(measure)
        (drawn,) = sign_flip(Measure(unit_sums=measure.unit_sums, to_corpus=mean), n_draws=20_000)
        assert (exact.n_draws, drawn.n_draws) == (None, 20_000)
        assert drawn.p == pytest.approx(exact.p, abs=4 * (exact.p * (1 - exact.p) / 20_000) ** 0.5)

    @pytest.mark.parametrize("is_mean", [True, False])
    def test_units_without_a_difference_are_not_enumerated(self, is_mean: bool) -> None:
        few = mean_measure(np.random.default_rng(6).normal(size=(2, 7)))
        same = np.broadcast_to(few.unit_sums[:1, :1], (2, 50, 2))
        many = np.concatenate([few.unit_sums[:, :3], same, few.unit_sums[:, 3:]], axis=1)
        (alone,) = sign_flip(Measure(unit_sums=few.unit_sums, to_corpus=mean, is_mean=is_mean))
        (among,) = sign_flip(Measure(unit_sums=many, to_corpus=mean, is_mean=is_mean))
        assert (among.p, among.n_draws, among.n_units) == (alone.p, None, 57)

    def test_the_observed_draw_counts(self) -> None:
        scores = np.stack([np.random.default_rng(0).random(40) + 5, np.zeros(40)])
        (test,) = sign_flip(mean_measure(scores), n_draws=99)
        assert test.p == 1 / 100  # no random swap of 40 units reaches this difference

    def test_metrics_and_pairs_share_draws_and_do_not_depend_on_each_other(self) -> None:
        measures = [lexical_measure(metric, 30, n_systems=4) for metric in LEXICAL]
        measures.append(mean_measure(np.random.default_rng(2).normal(size=(4, 30))))
        pairs = list(itertools.combinations(range(4), 2))
        together = sign_flip_tests(measures, [pairs] * 4, n_draws=1500, rng=np.random.default_rng(9))
        for measure, tests in zip(measures, together, strict=True):
            for pair, test in zip(pairs, tests, strict=True):
                part = Measure(
                    unit_sums=measure.unit_sums[list(pair)], to_corpus=measure.to_corpus, is_mean=measure.is_mean
                )
                (alone,) = sign_flip(part, n_draws=1500, seed=9)
                (reversed_pair,) = sign_flip(part, [(1, 0)], n_draws=1500, seed=9)
                assert alone.p == test.p == reversed_pair.p
                assert alone.delta == pytest.approx(test.delta, abs=1e-12)
                assert reversed_pair.delta == -alone.delta

    def test_p_values_equal_a_plain_loop_over_the_same_swaps(self) -> None:
        measure = lexical_measure(Bleu(tokenize="13a"), 40)
        rows, to_corpus = measure.unit_sums, measure.to_corpus
        (test,) = sign_flip(measure, n_draws=300, seed=3)
        reached, observed = 0, abs(test.delta)
        for block in random_swaps(40, 300, np.random.default_rng(3)):
            for swap in block.of(0, 40).astype(float):
                one = (rows[0] * (1 - swap[:, None]) + rows[1] * swap[:, None]).sum(0)
                other = (rows[1] * (1 - swap[:, None]) + rows[0] * swap[:, None]).sum(0)
                reached += abs(to_corpus(one) - to_corpus(other)) >= observed - 1e-9
        assert test.p == (1 + reached) / 301

    def test_no_segment_no_pair_no_metric(self) -> None:
        assert sign_flip_tests([], [], n_draws=10, rng=np.random.default_rng(0)) == []
        assert sign_flip(mean_measure(np.ones((1, 3))), []) == []


class TestDraws:
    def test_swaps_do_not_depend_on_the_size_of_blocks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import evalharness.stats.resampling as module

        def drawn() -> Floats:
            blocks = random_swaps(70, 50, np.random.default_rng(4))
            return np.concatenate([block.of(0, 70).astype(float) for block in blocks])

        whole = drawn()
        monkeypatch.setattr(module, "_BITS_PER_BLOCK", 210)
        assert len(list(random_swaps(70, 50, np.random.default_rng(4)))) == 17
        assert (drawn() == whole).all()
        assert set(np.unique(whole)) == {0.0, 1.0}
        assert abs(whole.mean() - 0.5) < 4 * 0.5 / math.sqrt(whole.size)

    def test_a_resample_holds_as_many_units_as_there_are(self) -> None:
        # Pitfall D13: others draw 40 or 50 % of the test set.
        for block in random_counts(33, 20, np.random.default_rng(0)):
            assert (block.of(0, 33).sum(axis=1) == 33).all()

    def test_units_are_summed_a_tile_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import evalharness.stats.resampling as module

        measures = [lexical_measure(Chrf(), 150, n_systems=3), mean_measure(np.arange(450.0).reshape(3, 150) % 7)]
        pairs = [[(0, 1), (0, 2), (1, 2)]] * 2

        def found() -> tuple[object, ...]:
            tests = sign_flip_tests(measures, pairs, n_draws=100, rng=np.random.default_rng(4))
            scores = resampled_scores(measures, n_resamples=50, rng=np.random.default_rng(4))
            return tests, [one.tolist() for one in scores]

        whole = found()
        monkeypatch.setattr(module, "_UNITS_PER_TILE", 64)
        assert found() == whole

    def test_large_whole_numbers_are_summed_exactly(self) -> None:
        # One of these is below 2^24, but a resample may hold it twice, and float32 loses the last digit of 20,000,003.
        scores = np.array([[10_000_001.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
        sums = np.stack([scores, np.ones_like(scores)], axis=-1)
        measure = Measure(unit_sums=sums, to_corpus=lambda rows: np.asarray(rows[..., 0]))
        (resampled,) = resampled_scores([measure], n_resamples=50, rng=np.random.default_rng(1))
        (counts,) = random_counts(3, 50, np.random.default_rng(1))
        assert (resampled[0] == counts.of(0, 3).astype(float) @ scores[0]).all()


class TestIntervals:
    def test_percentile_of_a_mean_equals_scipy(self) -> None:
        scores = np.random.default_rng(4).gamma(2.0, size=(1, 60))
        (resampled,) = resampled_scores([mean_measure(scores)], n_resamples=20_000, rng=np.random.default_rng(0))
        interval = percentile_interval(resampled[0], level=0.95)
        oracle = scipy_stats.bootstrap((scores[0],), np.mean, n_resamples=20_000, method="percentile", random_state=1)
        assert interval is not None
        # Two independent sets of 20,000 resamples: the quantiles' own Monte Carlo error is about 0.004 here.
        assert interval.low == pytest.approx(oracle.confidence_interval.low, abs=0.02)
        assert interval.high == pytest.approx(oracle.confidence_interval.high, abs=0.02)

    @pytest.mark.parametrize("method", ["percentile", "BCa"])
    def test_bounds_equal_scipys_from_the_same_resamples(self, method: str) -> None:
        scores = np.random.default_rng(4).gamma(1.0, size=(1, 25))
        measure = mean_measure(scores)
        (resampled,) = resampled_scores([measure], n_resamples=999, rng=np.random.default_rng(0))
        ours = (
            percentile_interval(resampled[0], level=0.9)
            if method == "percentile"
            else bca_interval(
                resampled[0], observed=float(scores.mean()), left_out=measure.left_out_scores()[0], level=0.9
            )
        )
        first = scipy_stats.bootstrap((scores[0],), np.mean, n_resamples=1, method="percentile", random_state=1)
        first.bootstrap_distribution = resampled[0]
        oracle = scipy_stats.bootstrap(
            (scores[0],), np.mean, n_resamples=0, bootstrap_result=first, confidence_level=0.9, method=method
        )
        assert ours is not None
        assert ours.low == pytest.approx(oracle.confidence_interval.low, abs=1e-12)
        assert ours.high == pytest.approx(oracle.confidence_interval.high, abs=1e-12)

    def test_bca_without_spread_or_on_one_side(self) -> None:
        flat = bca_interval(np.full(50, 3.0), observed=3.0, left_out=np.full(9, 3.0), level=0.95)
        assert flat is not None
        assert (flat.low, flat.high) == (3.0, 3.0)
        assert bca_interval(np.full(50, 3.0), observed=4.0, left_out=np.arange(9.0), level=0.95) is None

    @pytest.mark.parametrize(
        "counts", [np.ones(9), np.array([1.0, 4, 2, 2, 1, 3, 1, 5, 2])], ids=["segments", "documents"]
    )
    def test_inverted_interval_holds_exactly_the_shifts_that_are_not_rejected(self, counts: Floats) -> None:
        sums = np.random.default_rng(8).normal(size=9) * counts + counts * 0.8

        def p(shift: float) -> float:
            d = sums - shift * counts
            signed = np.abs(np.array(list(itertools.product([1.0, -1.0], repeat=9))) @ d)
            return float((signed >= abs(d.sum()) - 1e-9).mean())

        (interval,) = inverted_intervals(sums[None], counts, level=0.95)
        assert interval is not None
        for bound, outwards in ((interval.low, -1), (interval.high, 1)):
            assert p(bound - outwards * 1e-6) > 0.05
            assert p(bound + outwards * 1e-6) <= 0.05

    def test_no_interval_where_nothing_can_be_rejected(self) -> None:
        assert inverted_intervals(np.arange(5.0)[None], np.ones(5), level=0.95) == [None]  # p is at least 1/16
        (six,) = inverted_intervals(np.arange(6.0)[None], np.ones(6), level=0.95)
        assert six is not None
        assert (six.low, six.high) == (0.0, 5.0)  # only all signs alike reject: the smallest and largest difference


class TestBootstrapP:
    def test_equals_a_plain_loop(self) -> None:
        measure = lexical_measure(Chrf(), 40)
        rng = np.random.default_rng(5)
        resampled = resampled_scores([measure], n_resamples=400, rng=rng)
        ((test,),) = bootstrap_tests([measure], resampled, [[(0, 1)]])
        reached = 0
        for block in random_counts(40, 400, np.random.default_rng(5)):
            for counts in block.of(0, 40).astype(float):
                sums = np.einsum("g,sgk->sk", counts, measure.unit_sums)
                scores = measure.to_corpus(sums)
                reached += abs(scores[0] - scores[1] - test.delta) >= abs(test.delta) - 1e-9
        assert test.p == (1 + reached) / 401  # Efron & Tibshirani 16.4

    def test_none_with_fewer_than_30_units(self) -> None:
        measure = mean_measure(np.random.default_rng(0).random((2, 29)))
        resampled = resampled_scores([measure], n_resamples=100, rng=np.random.default_rng(0))
        ((test,),) = bootstrap_tests([measure], resampled, [[(0, 1)]])
        assert math.isnan(test.p)


class TestMultiplicity:
    def test_holm_by_hand(self) -> None:
        # sorted .01 .02 .03 .04: times 4, 3, 2, 1 -> .04 .06 .06 .04, then the running maximum
        assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
        assert holm([0.9, 0.8]) == [1.0, 1.0]
        assert holm([]) == benjamini_hochberg([]) == []

    @pytest.mark.parametrize(("ours", "theirs"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh")])
    def test_equal_to_statsmodels(self, ours: Callable[[Sequence[float]], list[float]], theirs: str) -> None:
        multitest = pytest.importorskip("statsmodels.stats.multitest")
        rng = np.random.default_rng(6)
        for n_tests in (1, 2, 7, 66):
            p_values = np.round(rng.random(n_tests) ** 3, 2)  # rounded, so that some are equal
            assert ours(list(p_values)) == pytest.approx(multitest.multipletests(p_values, method=theirs)[1], abs=1e-15)


class TestClusters:
    ORDER = (2, 0, 3, 1)

    @staticmethod
    def beats(*pairs: Pair) -> Floats:
        matrix = np.zeros((4, 4))
        for better, worse in pairs:
            matrix[better, worse] = 1
        return matrix

    def test_a_line_only_where_all_above_beat_all_below(self) -> None:
        # 2 beats all; 0 beats 1 and not 3; 3 does not beat 1: so only the line behind 2.
        found = ranks(self.ORDER, self.beats((2, 0), (2, 3), (2, 1), (0, 1)), ClusterRule.wmt24)
        assert found == [
            Rank(top=2, bottom=3, cluster=2),  # system 0 loses to one, beats one of four
            Rank(top=3, bottom=4, cluster=2),  # 1 loses to 2 and 0
            Rank(top=1, bottom=1, cluster=1),
            Rank(top=2, bottom=4, cluster=2),
        ]

    def test_the_rule_of_mt_metrics_eval_begins_at_the_first_beaten(self) -> None:
        # 2 beats only 1, the last: a member of the current rank beats it, so a new rank begins there.
        found = ranks(self.ORDER, self.beats((2, 1)), ClusterRule.mtme)
        assert [rank.cluster for rank in found] == [1, 2, 1, 1]
        assert [rank.cluster for rank in ranks(self.ORDER, self.beats((2, 1)), ClusterRule.wmt24)] == [1, 1, 1, 1]

    def test_equal_systems_stay_together(self) -> None:
        # Pitfall D17: others begin a new cluster where all differences are 0.
        for rule in ClusterRule:
            assert {rank.cluster for rank in ranks(self.ORDER, self.beats(), rule)} == {1}


class TestThresholds:
    # Kocmi et al. 2024, as the authors' calculator gives them.
    @pytest.mark.parametrize(("metric", "accuracy"), [("BLEU", 63.989), ("chrF2", 70.022), ("COMET-22", 90.892)])
    def test_accuracy_of_a_difference_of_one(self, metric: str, accuracy: float) -> None:
        for difference in (1.0, -1.0):
            assert human_agreement(metric, difference) == pytest.approx(accuracy, abs=5e-4)

    @pytest.mark.parametrize(
        ("metric", "agreement", "difference"),
        [
            ("BLEU", 80, 2.3404),
            ("chrF2", 80, 1.6307),
            ("COMET-22", 80, 0.5626),
            ("chrF2", 90, 3.0524),
            ("COMET-22", 90, 0.9420),
        ],
    )
    def test_difference_for_an_accuracy(self, metric: str, agreement: float, difference: float) -> None:
        assert difference_for(metric, agreement) == pytest.approx(difference, abs=5e-5)

    def test_settings_that_differences_were_not_measured_with(self) -> None:
        bleu = "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"
        assert curve_name("BLEU", bleu) == curve_name("BLEU", bleu.replace("13a", "zh")) == "BLEU"
        chrf = "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0"
        assert curve_name("chrF2", chrf) == "chrF2"
        for heading, signature in (
            ("BLEU", bleu.replace("mixed", "lc")),
            ("BLEU", bleu + "|order:1"),
            ("chrF2", chrf.replace("nc:6", "nc:1")),
            ("chrF2++", chrf),
            ("TER", "nrefs:1"),
        ):
            assert curve_name(heading, signature) is None

    def test_no_figure_where_there_is_none(self) -> None:
        assert difference_for("BLEU", 90) is None  # its curve ends at 88.3 %
        assert human_agreement("TER", 5.0) is None
        assert human_agreement("chrF2++", 5.0) is None

    def test_never_worse_than_a_toss(self) -> None:
        # Pitfall D22: the raw curve is 44 to 49 % at 0.
        for metric in ("BLEU", "chrF2", "COMET-22", "CometKiwi-22", "XCOMET-XL", "MetricX-23"):
            assert human_agreement(metric, 0.0) == 50.0


class TestAutoRank:
    SCORES = np.array([[30.0, 0.9], [20.0, 0.8], [10.0, 0.4]])

    def test_wmt24_by_hand(self) -> None:
        # 3 systems. BLEU: 1, 2, 3. The other: 1, 1 + 2 * .1 / .5 = 1.4, 3. Means 1, 1.7, 3.
        assert autorank(self.SCORES, AutoRankRule.wmt24) == pytest.approx([1, 1.7, 3])

    def test_wmt25_by_hand(self) -> None:
        # Lower quartiles 15 and .6. z: (10/15, 0, -10/15) and (.1/.3, 0, -.4/.3); means .5, 0, -1.
        # From 1 for .5 to 3 for -1: 1 + 2 * .5 / 1.5 for 0.
        assert autorank(self.SCORES, AutoRankRule.wmt25) == pytest.approx([1, 1 + 2 / 3, 3])

    @pytest.mark.parametrize("rule", [AutoRankRule.wmt24, AutoRankRule.wmt25])
    def test_equal_systems_and_one_system(self, rule: AutoRankRule) -> None:
        assert autorank(np.ones((3, 2)), rule).tolist() == [1, 1, 1]
        assert autorank(np.ones((1, 2)), rule).tolist() == [1]
        with pytest.raises(ConfigError, match="every system in every metric"):
            autorank(np.array([[1.0], [math.nan]]), rule)


class TestPower:
    def test_smallest_p(self) -> None:
        assert smallest_p(9, None) == 2**-8
        assert smallest_p(0, None) == smallest_p(1, None) == 1.0
        assert smallest_p(30, 999) == 1 / 1000
        assert smallest_p(4, 999) == 1 / 1000  # a draw may miss what all swaps hold

    def test_jackknife_of_a_mean_is_its_standard_error(self) -> None:
        scores = np.random.default_rng(3).random((1, 12))
        left_out = mean_measure(scores).left_out_scores()
        assert jackknife_standard_error(left_out)[0] == pytest.approx(scores[0].std(ddof=1) / math.sqrt(12), abs=1e-15)

    def test_detectable_at_many_units_is_the_formula(self) -> None:
        # z[.975] + z[.8] = 1.95996 + 0.84162
        assert detectable_in_standard_errors(5000, 0.05) == pytest.approx(2.80158, abs=1e-5)
        assert minimum_detectable_effect(0.1, 5000, alpha=0.05) == pytest.approx(0.280158, abs=1e-6)

    def test_detectable_at_few_units_is_close_to_the_t_test(self) -> None:
        # On normal differences the sign-flip test is nearly as powerful as the t test; its swaps are few at 9 units.
        for n_units, most in ((9, 1.06), (20, 1.03), (60, 1.02)):
            factor = detectable_in_standard_errors(n_units, 0.05)
            critical = scipy_stats.t.ppf(0.975, n_units - 1)
            power = 1 - scipy_stats.nct.cdf(critical, n_units - 1, factor)
            assert 0.78 < power < 0.8 * most + 0.01

    def test_high_levels_are_simulated_in_parts(self) -> None:
        # z[.9995] + z[.8] = 3.29 + 0.84 = 4.13; at 30 units the t distribution's tails add to it.
        assert 4.13 < detectable_in_standard_errors(30, 0.001) < 5.0

    def test_nothing_is_detectable_where_nothing_can_be_rejected(self) -> None:
        assert minimum_detectable_effect(1.0, 5, alpha=0.05) is None  # p is at least 1/16
        assert minimum_detectable_effect(0.0, 50, alpha=0.05) is None  # no unit differs
        assert minimum_detectable_effect(1.0, 6, alpha=0.05) is not None


class TestReplicates:
    def test_p_by_hand(self) -> None:
        # 3 and 3 runs, all of one above all of the other: 2 of 20 relabellings reach that.
        assert replicate_p([3.0, 3.1, 3.2], [1.0, 1.1, 1.2], n_draws=10, seed=0) == 2 / 20
        assert replicate_p([1.0, 1.0], [1.0, 1.0], n_draws=10, seed=0) == 1.0

    def test_equal_to_scipy(self) -> None:
        rng = np.random.default_rng(2)
        a, b = rng.normal(size=4) + 1, rng.normal(size=6)
        oracle = scipy_stats.permutation_test((a, b), lambda x, y: abs(x.mean() - y.mean()), alternative="greater")
        assert replicate_p(list(a), list(b), n_draws=10, seed=0) == pytest.approx(oracle.pvalue, abs=1e-12)
        many = replicate_p(list(rng.normal(size=12)), list(rng.normal(size=12)), n_draws=999, seed=0)
        assert round(many * 1000) == pytest.approx(many * 1000)  # of 2.7 million relabellings 999 are drawn

    def test_a_group_cannot_be_called_like_a_system(self) -> None:
        with pytest.raises(ConfigError, match="group 'mine'"):
            contestants(["mine", "mine-seed1"], [None, "mine"])


class TestUnits:
    def test_documents_are_summed_whole(self) -> None:
        units = units_of(["b", "a", "b", "c"], UnitKind.auto)
        assert (units.kind, units.n_units) == (UnitKind.document, 3)
        rows = np.arange(8.0).reshape(1, 4, 2)
        assert units.sums(rows).tolist() == [[[0 + 4, 1 + 5], [2, 3], [6, 7]]]

    def test_documents_of_one_segment_are_segments(self) -> None:
        rows = lexical_measure(Chrf(), 12).unit_sums
        by_document = units_of([str(n) for n in range(12)], UnitKind.document).sums(rows)
        tests = [sign_flip(Measure(unit_sums=sums, to_corpus=Chrf().corpus_scores)) for sums in (rows, by_document)]
        assert tests[0] == tests[1]

    def test_units_fall_back_to_segments_only_where_asked_to_choose(self) -> None:
        for documents in ([None, None], ["a", None], ["a", "a"]):
            assert units_of(documents, UnitKind.auto).kind is UnitKind.segment
        assert units_of(["a", "a"], UnitKind.document).n_units == 1
        with pytest.raises(ConfigError, match="does not say which document"):
            units_of(["a", None], UnitKind.document)


@pytest.mark.parametrize(
    "settings",
    [
        {"level": 1.0},
        {"level": 0.9999},
        {"n_draws": 0},
        {"n_resamples": 39},
        {"seed": -1},
        {"autorank_metrics": ("x",)},
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"stats.{next(iter(settings))}"):
        StatsSettings(**settings)


def test_significance_is_the_complement_of_the_level() -> None:
    assert StatsSettings(level=0.95).alpha == 0.05
    assert StatsSettings(level=0.99).alpha == 0.01
