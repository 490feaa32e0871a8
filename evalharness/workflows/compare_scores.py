"""Systems of a table of segment scores that other tools wrote, compared as those of a run are."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evalharness.errors import ConfigError, nearest
from evalharness.records import Array, Floats
from evalharness.runs.plan import PlannedMetric, PlannedSystem, PlannedTestSet
from evalharness.runs.scoretable import ScoreTable, is_score_table
from evalharness.stats.inquiries import MetricRows
from evalharness.stats.settings import StatsSettings
from evalharness.workflows.comparison import Comparison, plan_of
from evalharness.workflows.lines import Measured, check_stats, lines_of

_SHARES_SHOWN_TIMES = 100.0
_LARGEST_SHARE = 1.5
_SHARES = ("comet", "xcomet", "unite", "bleurt")
_ERRORS = re.compile(r"metricx|(ter|wer|cer)([^a-z]|$)", re.IGNORECASE)
_MEASURED_AS_MEANS = ("COMET-22", "CometKiwi-22", "XCOMET-XL", "MetricX-23")
"""Metrics whose differences are known to mean something to people, and whose corpus scores are means of segments'."""


def lone_score_table(paths: Sequence[Path]) -> Path | None:
    """The table of scores among what is to be compared; None where all are records.

    Raises: ConfigError where a table is not alone."""
    tables = [path for path in paths if is_score_table(path)]
    if tables and len(paths) > 1:
        raise ConfigError(f"{tables[0]}: a table of scores is compared alone; join tables into one first.")
    return tables[0] if tables else None


def compare_score_table(
    table: ScoreTable,
    stats: StatsSettings,
    *,
    lower_is_better: Sequence[str] = (),
    higher_is_better: Sequence[str] = (),
) -> Comparison:
    """Compare the systems of a table of segment scores; each metric is the mean over segments.

    Where it is not said which is better, higher is, but for metrics known to count errors (MetricX, TER, WER, CER)
    whose scores are not negative.
    Raises: ConfigError for a metric or system that is not there."""
    for name in (*lower_is_better, *higher_is_better):
        if name not in table.scores:
            raise ConfigError(
                f"which is better: {name!r}: no such metric{nearest(name, table.scores)} "
                f"Metrics are: {', '.join(table.scores)}."
            )
    groups = [None] * len(table.systems)
    check_stats(table.systems, groups, list(table.scores), stats, stacks_runs=False)
    planned = []
    for name, scores in table.scores.items():
        is_lower = name in lower_is_better or (name not in higher_is_better and _counts_errors(name, scores))
        planned.append(_planned(name, scores, table, higher_is_better=not is_lower))
    measured = [_imported(metric, scores) for metric, scores in zip(planned, table.scores.values(), strict=True)]
    name = Path(table.path).name.split(".")[0]
    testset = PlannedTestSet(
        name=name,
        language_pair="",
        n_segments=len(table.documents),
        n_references=None,
        fingerprint="",
        provenance=table.path,
    )
    systems = [PlannedSystem(name=one, signature="", provenance=table.path) for one in table.systems]
    return Comparison(
        plan=plan_of(name, testset, systems, planned, stats),
        lines=lines_of(table.systems, groups, table.documents, measured, stats),
    )


def _counts_errors(name: str, scores: Floats) -> bool:
    """Whether a metric is known to count errors, and was not negated, as WMT negates MetricX."""
    return _ERRORS.match(name) is not None and bool(np.nanmin(scores, initial=0.0) >= 0)


def _planned(name: str, scores: Floats, table: ScoreTable, *, higher_is_better: bool) -> PlannedMetric:
    largest = float(np.nanmax(np.abs(scores), initial=0.0))
    is_share = name.lower().startswith(_SHARES) and largest <= _LARGEST_SHARE
    return PlannedMetric(
        name=name,
        heading=name,
        higher_is_better=higher_is_better,
        display_factor=_SHARES_SHOWN_TIMES if is_share else 1.0,
        signature=f"mean of the column {name} of {Path(table.path).name}"
        + ("" if higher_is_better else ", lower is better"),
    )


def _imported(planned: PlannedMetric, scores: Floats) -> Measured:
    def mean(sums: Array) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(sums[..., 0] / sums[..., 1])

    counts = np.where(np.isnan(scores), math.nan, 1.0)
    rows = MetricRows(
        name=planned.name,
        rows=np.stack([scores, counts], axis=-1),
        to_corpus=mean,
        is_mean=True,
        higher_is_better=planned.higher_is_better,
        display_factor=planned.display_factor,
        curve=planned.name if planned.name in _MEASURED_AS_MEANS else None,
    )
    signature = planned.signature or ""
    return Measured(rows=rows, signature=signature, signature_of=lambda sums: signature)
