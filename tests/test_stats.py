"""Intervals and tests against enumeration, scipy and hand arithmetic."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from evalharness.errors import ConfigError
from evalharness.metrics.lexical import Bleu, Ter
from evalharness.records import Floats, ScoringSegment
from evalharness.stats.intervals import bootstrap_intervals
from evalharness.stats.multiplicity import holm
from evalharness.stats.paired import sign_flip_tests
from evalharness.stats.settings import StatsSettings, UnitKind
from evalharness.stats.units import units_of

WORDS = ["the", "a", "cat", "dog", "sat", "ran", "on", "under", "mat", "roof", "slowly", "and", "then", "again"]


def mean(sums: Floats) -> Floats:
    return np.asarray(sums[..., 0] / sums[..., 1])


def mean_rows(scores: Floats) -> Floats:
    """Rows (score, 1) of scores [S, N]."""
    return np.stack([scores, np.ones_like(scores)], axis=-1)


def lexical_rows(metric: Bleu | Ter, n_segments: int) -> Floats:
    rng = np.random.default_rng(7)
    references = [" ".join(rng.choice(WORDS, 12)) for _ in range(n_segments)]
    outputs = []
    for _ in range(2):
        for reference in references:
            words = reference.split()
            words[rng.integers(12)] = str(rng.choice(WORDS))
            words[rng.integers(12)] = str(rng.choice(WORDS))
            outputs.append(" ".join(words))
    segments = [
        ScoringSegment(id=str(n), source=None, hypothesis=output, references=(references[n % n_segments],))
        for n, output in enumerate(outputs)
    ]
    return np.asarray(metric.statistics(segments), dtype=np.float64).reshape(2, n_segments, -1)


@pytest.mark.parametrize("metric", [Bleu(tokenize="13a"), Ter()])
def test_corpus_metrics_equal_enumeration_of_all_swaps(metric: Bleu | Ter) -> None:
    rows = lexical_rows(metric, 8)
    observed = abs(metric.corpus_scores(rows[0].sum(0)) - metric.corpus_scores(rows[1].sum(0)))
    reached = 0
    for swap in itertools.product([False, True], repeat=8):
        one = np.where(np.array(swap)[:, None], rows[1], rows[0]).sum(0)
        other = np.where(np.array(swap)[:, None], rows[0], rows[1]).sum(0)
        reached += abs(metric.corpus_scores(one) - metric.corpus_scores(other)) >= observed - 1e-9
    (test,) = sign_flip_tests(rows, metric.corpus_scores, [(0, 1)], n_draws=10, rng=np.random.default_rng(0))
    assert test.p == pytest.approx(reached / 2**8, abs=1e-12)
    assert test.n_draws is None


def test_mean_metrics_equal_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    scores = np.random.default_rng(3).normal(size=(2, 11)) + np.array([[0.4], [0.0]])
    oracle = stats.permutation_test(
        (scores[0] - scores[1],), lambda d, axis: d.mean(axis=axis), permutation_type="samples", n_resamples=np.inf
    )
    (test,) = sign_flip_tests(mean_rows(scores), mean, [(0, 1)], n_draws=1, rng=np.random.default_rng(0))
    assert test.p == pytest.approx(oracle.pvalue, abs=1e-12)
    assert test.delta == pytest.approx((scores[0] - scores[1]).mean(), abs=1e-12)


@pytest.mark.parametrize("n_units", [1, 5, 40])
def test_identical_systems_are_never_different(n_units: int) -> None:
    scores = np.random.default_rng(1).random((1, n_units)).repeat(2, axis=0)
    (test,) = sign_flip_tests(mean_rows(scores), mean, [(0, 1)], n_draws=500, rng=np.random.default_rng(0))
    assert (test.delta, test.p) == (0.0, 1.0)  # pitfall D1: others print p = 0.0001 here


def test_smallest_p_of_nine_units() -> None:
    scores = np.stack([np.arange(9.0) + 1, np.zeros(9)])
    (test,) = sign_flip_tests(mean_rows(scores), mean, [(0, 1)], n_draws=1, rng=np.random.default_rng(0))
    assert test.p == 2**-8  # 2 of 2^9 swaps: none, and all


def test_monte_carlo_agrees_with_enumeration() -> None:
    scores = np.random.default_rng(5).normal(size=(2, 16)) + np.array([[0.45], [0.0]])
    rows = mean_rows(scores)
    (exact,) = sign_flip_tests(rows, mean, [(0, 1)], n_draws=1, rng=np.random.default_rng(0))
    # A unit that is equal in both systems changes no difference; a 17th makes the test draw instead of enumerate.
    padded = np.concatenate([rows, np.broadcast_to(rows[:1, :1], (2, 1, 2))], axis=1)
    (drawn,) = sign_flip_tests(padded, mean, [(0, 1)], n_draws=20_000, rng=np.random.default_rng(0))
    assert drawn.n_draws == 20_000
    assert drawn.p == pytest.approx(exact.p, abs=4 * (exact.p * (1 - exact.p) / 20_000) ** 0.5)


def test_pairs_share_draws_and_do_not_depend_on_each_other() -> None:
    scores = np.random.default_rng(2).normal(size=(4, 30))
    pairs = list(itertools.combinations(range(4), 2))
    together = sign_flip_tests(mean_rows(scores), mean, pairs, n_draws=300, rng=np.random.default_rng(9))
    for pair, test in zip(pairs, together, strict=True):
        (alone,) = sign_flip_tests(
            mean_rows(scores[list(pair)]), mean, [(0, 1)], n_draws=300, rng=np.random.default_rng(9)
        )
        assert (alone.p, alone.delta) == (test.p, pytest.approx(test.delta))


def test_holm_by_hand() -> None:
    # sorted .01 .02 .03 .04: times 4, 3, 2, 1 -> .04 .06 .06 .04, then the running maximum
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_interval_of_a_mean_equals_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    scores = np.random.default_rng(4).gamma(2.0, size=(1, 60))
    (interval,) = bootstrap_intervals(
        mean_rows(scores), mean, n_resamples=20_000, level=0.95, rng=np.random.default_rng(0)
    )
    oracle = stats.bootstrap((scores[0],), np.mean, n_resamples=20_000, method="percentile", random_state=1)
    assert interval is not None
    # Two independent sets of 20,000 resamples: the quantiles' own Monte Carlo error is about 0.004 here.
    assert interval.low == pytest.approx(oracle.confidence_interval.low, abs=0.02)
    assert interval.high == pytest.approx(oracle.confidence_interval.high, abs=0.02)


def test_no_interval_from_one_unit() -> None:
    rows = mean_rows(np.ones((2, 1)))
    rng = np.random.default_rng(0)
    assert bootstrap_intervals(rows, mean, n_resamples=10, level=0.95, rng=rng) == [None, None]


def test_documents_are_summed_whole() -> None:
    units = units_of(["b", "a", "b", "c"], UnitKind.auto)
    assert (units.kind, units.n_units) == (UnitKind.document, 3)
    rows = np.arange(8.0).reshape(1, 4, 2)
    assert units.sums(rows).tolist() == [[[0 + 4, 1 + 5], [2, 3], [6, 7]]]


def test_units_fall_back_to_segments_only_where_asked_to_choose() -> None:
    for documents in ([None, None], ["a", None], ["a", "a"]):
        assert units_of(documents, UnitKind.auto).kind is UnitKind.segment
    assert units_of(["a", "a"], UnitKind.document).n_units == 1
    with pytest.raises(ConfigError, match="does not say which document"):
        units_of(["a", None], UnitKind.document)


@pytest.mark.parametrize("settings", [{"level": 1.0}, {"n_draws": 0}, {"n_resamples": 0}, {"seed": -1}])
def test_settings_that_make_no_sense(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"stats.{next(iter(settings))}"):
        StatsSettings(**settings)  # type: ignore[arg-type]
