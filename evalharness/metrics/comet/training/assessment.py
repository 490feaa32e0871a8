"""How well scores agree with expert MQM on talks that were never trained on, with chrF and a ridge regression beside.

The ridge regression knows chrF and the lengths of source, hypothesis and reference and is fitted on the other talks:
long sentences have more errors, so that a metric which beats chrF alone may only have learned to count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evalharness.errors import InputError
from evalharness.metrics.comet.training import correlation, features
from evalharness.metrics.comet.training.corpus import Parallel
from evalharness.metrics.comet.training.correlation import Agreement, Interval
from evalharness.records import Array, Floats

REFERENCES = ("ref.A", "ref.B")
_RIDGE_STRENGTH = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Triple:
    """What a regression COMET reads."""

    source: str
    hypothesis: str
    reference: str


Scorer = Callable[[Sequence[Triple]], Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of all systems against one reference; the intervals are of differences, from the same resampled segments."""

    reference: str
    n_segments: int
    n_systems: int
    model: Agreement
    chrf: Agreement
    ridge: Agreement
    pearson_over_ridge: Interval
    kendall_over_ridge: Interval
    partial_over_chrf: Interval
    within_over_chrf: Interval


def assess(
    scorer: Scorer, assessed: Sequence[Parallel], fitted: Sequence[Parallel], *, n_resamples: int, seed: int
) -> tuple[Figures, ...]:
    """Figures with each reference on the `assessed` segments; the ridge regression is fitted on the `fitted`.

    Raises: InputError where segments have no judgements or not all the same systems."""
    _check_judged(assessed)
    _check_judged(fitted)
    draws = np.random.default_rng(seed).integers(len(assessed), size=(n_resamples, len(assessed)))
    return tuple(_figures(scorer, assessed, fitted, place, draws) for place in range(len(REFERENCES)))


def triples(segments: Sequence[Parallel], place: int) -> list[Triple]:
    """Every system of every segment with one of the references."""
    return [
        Triple(source=segment.source, hypothesis=hypothesis, reference=segment.references[place])
        for segment in segments
        for hypothesis in segment.hypotheses
    ]


def _figures(
    scorer: Scorer, assessed: Sequence[Parallel], fitted: Sequence[Parallel], place: int, draws: Array
) -> Figures:
    given = triples(assessed, place)
    mqm = _by_system(_mqm(assessed), assessed)
    columns, fitted_columns = _ridge_columns(given), _ridge_columns(triples(fitted, place))
    scores = {
        "model": scorer(given),
        "chrf": columns[:, 0],
        "ridge": _ridge(fitted_columns, _mqm(fitted), columns),
    }
    tables = {name: _by_system(values, assessed) for name, values in scores.items()}
    log_source = features.log_lengths([segment.source for segment in assessed])
    agreements = {name: correlation.agreement(table, mqm, log_source, draws) for name, table in tables.items()}
    model, chrf, ridge = tables["model"], tables["chrf"], tables["ridge"]
    right, n_pairs = correlation.pairs_in_order(model, mqm)
    chrf_right, _ = correlation.pairs_in_order(chrf, mqm)

    def gain(measure: Callable[[Floats, Floats], float], rival: Floats) -> Interval:
        return correlation.resampled(
            lambda draw: measure(model[:, draw], mqm[:, draw]) - measure(rival[:, draw], mqm[:, draw]), draws
        )

    return Figures(
        reference=REFERENCES[place],
        n_segments=len(assessed),
        n_systems=len(mqm),
        **agreements,
        pearson_over_ridge=gain(correlation.pearson, ridge),
        kendall_over_ridge=gain(correlation.kendall, ridge),
        partial_over_chrf=correlation.resampled(
            lambda draw: (
                correlation.partial_pearson(model[:, draw], mqm[:, draw], log_source[draw])
                - correlation.partial_pearson(chrf[:, draw], mqm[:, draw], log_source[draw])
            ),
            draws,
        ),
        within_over_chrf=correlation.interval((right - chrf_right)[draws].sum(axis=1) / n_pairs[draws].sum(axis=1)),
    )


def _ridge_columns(given: Sequence[Triple]) -> Floats:
    """chrF and the log lengths: [N triples, 4]."""
    hypotheses, references = [triple.hypothesis for triple in given], [triple.reference for triple in given]
    return np.column_stack(
        (
            features.chrf(hypotheses, references),
            features.log_lengths([triple.source for triple in given]),
            features.log_lengths(hypotheses),
            features.log_lengths(references),
        )
    )


def _ridge(columns: Floats, mqm: Floats, asked: Floats) -> Floats:
    center, scale = columns.mean(axis=0), columns.std(axis=0) + 1e-9
    standard = (columns - center) / scale
    strength = _RIDGE_STRENGTH * np.eye(columns.shape[1])
    slopes = np.linalg.solve(standard.T @ standard + strength, standard.T @ (mqm - mqm.mean()))
    guesses: Floats = (asked - center) / scale @ slopes
    return guesses


def _mqm(segments: Sequence[Parallel]) -> Floats:
    return np.array([penalty for segment in segments for penalty in segment.mqm or ()], dtype=np.float64)


def _by_system(values: Floats, segments: Sequence[Parallel]) -> Floats:
    """[N segments x S systems] -> [S, N]."""
    return np.ascontiguousarray(values.reshape(len(segments), -1).T)


def _check_judged(segments: Sequence[Parallel]) -> None:
    if len(segments) < 2:
        raise InputError(f"{len(segments)} judged segments are too few to assess anything; expected two or more.")
    for segment in segments:
        if segment.mqm is None or segment.systems != segments[0].systems:
            raise InputError(
                f"segment {segment.id}: expected the MQM of {', '.join(segments[0].systems)}, as for "
                f"{segments[0].id}; found {', '.join(segment.systems) if segment.mqm is not None else 'none'}."
            )
