"""What comes of comparing systems that no one run holds, and the tables it makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.report.settings import ReportSettings
from evalharness.report.table import Table
from evalharness.report.tables import build_table
from evalharness.runs.plan import Plan, PlannedMetric, PlannedSystem, PlannedTestSet, now, recorded_versions
from evalharness.runs.view import (
    AutoRankLine,
    ComparisonLine,
    GuardedLine,
    ProblemLine,
    RankLine,
    ReplicatesLine,
    ScoreLine,
    frame_of,
)
from evalharness.stats.settings import StatsSettings
from evalharness.workflows.lines import Lines

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is claimed of the systems that were compared, and the tables it makes; nothing is written."""

    plan: Plan
    lines: Lines
    problems: Sequence[ProblemLine] | None = None

    @property
    def score_lines(self) -> Sequence[ScoreLine]:
        return self.lines.scores

    @property
    def comparison_lines(self) -> Sequence[ComparisonLine]:
        return self.lines.comparisons

    @property
    def corrected_lines(self) -> Sequence[ComparisonLine]:
        return self.lines.comparisons

    @property
    def rank_lines(self) -> Sequence[RankLine]:
        return self.lines.ranks

    @property
    def autorank_lines(self) -> Sequence[AutoRankLine]:
        return self.lines.autoranks

    @property
    def replicates_lines(self) -> Sequence[ReplicatesLine]:
        return self.lines.replicates

    @property
    def finding_lines(self) -> None:
        """What was found in texts is in each record."""
        return

    @property
    def slice_lines(self) -> None:
        """Scores of slices are in each record."""
        return

    @property
    def problem_lines(self) -> Sequence[ProblemLine] | None:
        """As the records have them; None of a table of scores."""
        return self.problems

    @property
    def guarded_lines(self) -> Sequence[GuardedLine]:
        """None: they are in each record."""
        return ()

    @property
    def comparisons(self) -> pd.DataFrame:
        """A row per metric and pair, as in a record's `comparisons.csv`."""
        return frame_of(self.lines.comparisons, ComparisonLine)

    @property
    def scores(self) -> pd.DataFrame:
        """A row per system and metric, as in a record's `scores.csv`."""
        return frame_of(self.lines.scores, ScoreLine)

    @property
    def ranks(self) -> pd.DataFrame:
        """A row per metric and system, as in a record's `ranks.csv`."""
        return frame_of(self.lines.ranks, RankLine)

    @property
    def autorank(self) -> pd.DataFrame:
        """A row per system; empty where AutoRank was not asked for."""
        return frame_of(self.lines.autoranks, AutoRankLine)

    @property
    def replicates(self) -> pd.DataFrame:
        """A row per metric and system of several runs; empty where there is none."""
        return frame_of(self.lines.replicates, ReplicatesLine)

    def table(self, name: str = "comparisons", *, decimals: int | None = None) -> Table:
        """A table, at full precision until it is rendered.

        Raises: ConfigError for a table there is not."""
        return build_table(name, self, ReportSettings() if decimals is None else ReportSettings(decimals=decimals))


def plan_of(
    name: str,
    testset: PlannedTestSet,
    systems: Sequence[PlannedSystem],
    metrics: Sequence[PlannedMetric],
    stats: StatsSettings,
) -> Plan:
    """What tables read of a run; this one has no record."""
    return Plan(
        name=name,
        identity="",
        testset=testset,
        systems=tuple(systems),
        metrics=tuple(metrics),
        settings={"stats": {"baseline": stats.baseline}},
        created=now(),
        git=None,
        versions=recorded_versions(),
        machine={},
    )
