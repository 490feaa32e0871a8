"""Rows become the lines of a record's derived files: scores, comparisons, ranks, AutoRank, replicates."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evalharness.errors import ConfigError, nearest
from evalharness.metrics.base import CountsIncidents, Metric, averages_segments
from evalharness.records import Array, Floats
from evalharness.runs.view import AutoRankLine, ComparisonLine, RankLine, ReplicatesLine, ScoreLine
from evalharness.stats.autorank import AutoRankRule
from evalharness.stats.claims import MetricClaims, PairClaim, ScoreClaim, autoranks, claims
from evalharness.stats.inquiries import MetricRows
from evalharness.stats.replicates import Contestant, contestants, n_stacked
from evalharness.stats.settings import StatsSettings
from evalharness.stats.thresholds import curve_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A metric's rows of all systems. `signature_of` gives the signature of the score that sums of rows [K] make."""

    rows: MetricRows
    signature: str
    signature_of: Callable[[Array], str]

    @classmethod
    def by(cls, metric: Metric, *, name: str, signature: str, rows: Floats) -> Measured:
        def signature_of(sums: Array) -> str:
            incidents = str(metric.incidents(sums)) if isinstance(metric, CountsIncidents) else ""
            return f"{signature}|{incidents}" if incidents else signature

        of_metric = MetricRows(
            name=name,
            rows=rows,
            to_corpus=metric.corpus_scores,
            is_mean=averages_segments(metric),
            higher_is_better=metric.higher_is_better,
            display_factor=metric.display_factor,
            curve=curve_name(metric.heading, signature),
        )
        return cls(rows=of_metric, signature=signature, signature_of=signature_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Everything that statistics say, line by line, as the files of a record hold it."""

    scores: tuple[ScoreLine, ...]
    comparisons: tuple[ComparisonLine, ...]
    ranks: tuple[RankLine, ...]
    autoranks: tuple[AutoRankLine, ...]
    replicates: tuple[ReplicatesLine, ...]


def check_stats(
    systems: Sequence[str],
    groups: Sequence[str | None],
    metrics: Sequence[str],
    stats: StatsSettings,
    *,
    stacks_runs: bool,
) -> None:
    """Refuse settings that name a system or metric there is not, and groups that cannot be compared.

    Args: stacks_runs: whether there is a metric that is no mean, whose runs must be as many in each group.
    Raises: ConfigError."""
    if len(set(systems)) < len(systems):
        raise ConfigError(f"two systems have one name among {', '.join(systems)}; every system needs its own.")
    of = contestants(systems, groups)
    pairs_of([one.name for one in of], stats.baseline)
    if stacks_runs:
        n_stacked(of)
    for name in stats.autorank_metrics:
        if name not in metrics:
            raise ConfigError(
                f"stats.autorank_metrics: {name!r}: no such metric here{nearest(name, metrics)} "
                f"Metrics are: {', '.join(metrics)}."
            )


def lines_of(
    systems: Sequence[str],
    groups: Sequence[str | None],
    documents: Sequence[str | None],
    measured: Sequence[Measured],
    stats: StatsSettings,
) -> Lines:
    """Lines in the order of systems and metrics; that order decides nothing else.

    Raises: ConfigError where documents are asked for and a segment has none."""
    metrics = [one.rows for one in measured]
    of = contestants(systems, groups)
    by_name = sorted(of, key=lambda one: one.name)  # whatever order systems are given in, sums are made in this one
    place = {contestant.name: position for position, contestant in enumerate(by_name)}
    pairs = [(place[a], place[b]) for a, b in pairs_of([one.name for one in of], stats.baseline)]
    found = claims(by_name, documents, metrics, pairs, stats)
    members = [
        Contestant(name=systems[member], members=(member,), is_group=False)
        for group in by_name
        if group.is_group
        for member in group.members
    ]
    of_members = claims(members, documents, metrics, (), stats) if members else {}
    singles: dict[tuple[str, str], ScoreClaim] = {}
    for claimed, claimants in ((found, by_name), (of_members, members)):
        for metric, claims_of_metric in claimed.items():
            for contestant, score in zip(claimants, claims_of_metric.scores, strict=True):
                if not contestant.is_group:
                    singles[contestant.name, metric] = score
    return Lines(
        scores=tuple(
            _score_line(index, system, one, singles[system, one.rows.name], len(documents))
            for index, system in enumerate(systems)
            for one in measured
        ),
        comparisons=tuple(
            _comparison_line(one.name, by_name, pair, stats) for one in metrics for pair in found[one.name].pairs
        ),
        ranks=tuple(line for one in metrics for line in _rank_lines(one.name, of, place, found[one.name], stats)),
        autoranks=tuple(_autorank_lines(metrics, of, place, found, stats)),
        replicates=tuple(
            _replicates_line(group.name, one.name, found[one.name].scores[place[group.name]], len(group.members))
            for group in of
            if group.is_group
            for one in metrics
        ),
    )


def pairs_of(names: Sequence[str], baseline: str | None) -> list[tuple[str, str]]:
    """Pairs to compare: all of them, each by name, or each other one with the baseline.

    Raises: ConfigError where none is called like the baseline."""
    if baseline is None:
        return [(min(pair), max(pair)) for pair in itertools.combinations(names, 2)]
    if baseline not in names:
        longer = [name for name in names if name.startswith(f"{baseline}@")]  # of several records
        meant = f"; there are {' and '.join(longer)}." if longer else nearest(baseline, names)
        raise ConfigError(f"stats.baseline={baseline}: no such system{meant} Systems are: {', '.join(names)}.")
    return [(name, baseline) for name in names if name != baseline]


def _score_line(index: int, system: str, one: Measured, claim: ScoreClaim, n_segments: int) -> ScoreLine:
    rows = one.rows.rows[index]
    present = ~np.isnan(rows).any(axis=1)
    return ScoreLine(
        system=system,
        metric=one.rows.name,
        score=claim.score,
        ci_low=claim.interval.low if claim.interval else None,
        ci_high=claim.interval.high if claim.interval else None,
        n_scored=claim.n_scored,
        n_missing=n_segments - claim.n_scored,
        signature=one.signature_of(rows[present].sum(axis=0)) if claim.n_scored else one.signature,
    )


def _comparison_line(
    metric: str, by_name: Sequence[Contestant], pair: PairClaim, stats: StatsSettings
) -> ComparisonLine:
    found = pair.finding
    return ComparisonLine(
        metric=metric,
        system_a=by_name[pair.a].name,
        system_b=by_name[pair.b].name,
        delta=found.delta,
        p=found.p,
        p_holm=pair.p_holm,
        unit=found.unit,
        n_units=found.n_units,
        method=stats.method.value,
        n_draws=found.n_draws,
        p_bh=pair.p_bh,
        ci_low=found.interval.low if found.interval else None,
        ci_high=found.interval.high if found.interval else None,
        interval=found.interval.kind.value if found.interval else None,
        level=stats.level,
        n_segments=found.n_segments,
        n_left_out=found.n_left_out,
        p_smallest=found.p_smallest,
        detectable=found.detectable,
        human_agreement=pair.human_agreement,
        p_replicates=found.p_replicates,
        is_significant=pair.is_significant,
    )


def _rank_lines(
    metric: str, of: Sequence[Contestant], place: Mapping[str, int], found: MetricClaims, stats: StatsSettings
) -> list[RankLine]:
    lines = []
    for contestant in of:
        if (rank := found.ranks.get(place[contestant.name])) is None:
            continue
        lines.append(
            RankLine(
                metric=metric,
                system=contestant.name,
                rank_top=rank.top,
                rank_bottom=rank.bottom,
                cluster=rank.cluster,
                rule=stats.clusters.value,
            )
        )
    return lines


def _autorank_lines(
    metrics: Sequence[MetricRows],
    of: Sequence[Contestant],
    place: Mapping[str, int],
    found: Mapping[str, MetricClaims],
    stats: StatsSettings,
) -> list[AutoRankLine]:
    chosen = [one for one in metrics if not stats.autorank_metrics or one.name in stats.autorank_metrics]
    if stats.autorank is AutoRankRule.none or not chosen:
        return []
    values = autoranks(
        {one.name: [score.score for score in found[one.name].scores] for one in chosen},
        higher_is_better={one.name: one.higher_is_better for one in chosen},
        rule=stats.autorank,
    )
    names = ",".join(one.name for one in chosen)
    rule = stats.autorank.value
    return [AutoRankLine(system=one.name, autorank=values[place[one.name]], rule=rule, metrics=names) for one in of]


def _replicates_line(group: str, metric: str, claim: ScoreClaim, n_replicates: int) -> ReplicatesLine:
    scores = [score for score in claim.replicate_scores if not math.isnan(score)]
    return ReplicatesLine(
        system=group,
        metric=metric,
        mean=claim.score,
        sd=claim.spread,
        lowest=min(scores, default=None),
        highest=max(scores, default=None),
        n_replicates=n_replicates,
        ci_low=claim.interval.low if claim.interval else None,
        ci_high=claim.interval.high if claim.interval else None,
    )
