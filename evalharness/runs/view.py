"""Reading a record: everything a report or a notebook needs, and nothing that writes."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalharness.errors import RecordError
from evalharness.runs.paths import RunPaths
from evalharness.runs.plan import Plan, PlannedMetric, read_plan
from evalharness.textio import read_json, read_lines, replacing

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLine:
    """A line of `scores.csv`. Numbers are on the metric's own scale; None where there is none."""

    system: str
    metric: str
    score: float | None
    ci_low: float | None
    ci_high: float | None
    n_scored: int
    n_missing: int
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonLine:
    """A line of `comparisons.csv`: `delta` is score(system_a) - score(system_b)."""

    metric: str
    system_a: str
    system_b: str
    delta: float
    p: float
    p_holm: float
    unit: str
    n_units: int
    method: str
    n_draws: int | None


class RunView:
    """One record on disk. Frames and lines are read when first asked for."""

    def __init__(self, folder: str | Path) -> None:
        self.paths = RunPaths(folder=Path(folder))
        if not self.paths.plan.is_file():
            raise RecordError(f"{folder}: is not a run record: it holds no plan.json.")

    def __repr__(self) -> str:
        state = "complete" if self.is_complete else "incomplete"
        return f"<{state} run of {self.plan.testset.name} ({self.plan.testset.language_pair}) in {self.paths.folder}>"

    @property
    def folder(self) -> Path:
        return self.paths.folder

    @property
    def is_complete(self) -> bool:
        return self.paths.done.is_file()

    @cached_property
    def plan(self) -> Plan:
        return read_plan(self.paths)

    @cached_property
    def done(self) -> Mapping[str, Any] | None:
        """The content of `done.json`; None where the run is not complete."""
        return read_json(self.paths.done) if self.is_complete else None

    @cached_property
    def score_lines(self) -> tuple[ScoreLine, ...]:
        return tuple(
            ScoreLine(
                system=line["system"],
                metric=line["metric"],
                score=_number(line["score"]),
                ci_low=_number(line["ci_low"]),
                ci_high=_number(line["ci_high"]),
                n_scored=int(line["n_scored"]),
                n_missing=int(line["n_missing"]),
                signature=line["signature"],
            )
            for line in _csv_lines(self.paths.scores)
        )

    @cached_property
    def comparison_lines(self) -> tuple[ComparisonLine, ...]:
        return tuple(
            ComparisonLine(
                metric=line["metric"],
                system_a=line["system_a"],
                system_b=line["system_b"],
                delta=float(line["delta"]),
                p=float(line["p"]),
                p_holm=float(line["p_holm"]),
                unit=line["unit"],
                n_units=int(line["n_units"]),
                method=line["method"],
                n_draws=int(line["n_draws"]) if line["n_draws"] else None,
            )
            for line in _csv_lines(self.paths.comparisons)
        )

    @cached_property
    def segments(self) -> pd.DataFrame:
        """`segments.parquet`: a row per (system, segment), a column per metric."""
        import pandas as pd

        return pd.read_parquet(_present(self.paths.segments))

    @cached_property
    def scores(self) -> pd.DataFrame:
        """`scores.csv` at full precision."""
        return _frame(self.paths.scores, texts=("system", "metric"))

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """`comparisons.csv` at full precision."""
        return _frame(self.paths.comparisons, texts=("metric", "system_a", "system_b"))

    def metric(self, name: str) -> PlannedMetric:
        return next(planned for planned in self.plan.metrics if planned.name == name)


def write_lines(path: Path, kind: type, lines: list[Any]) -> None:
    """Write records of one kind as CSV, a header of their field names first, floats at full precision."""
    names = [field.name for field in fields(kind)]
    with replacing(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for line in lines:
            writer.writerow("" if (value := getattr(line, name)) is None else value for name in names)


def _frame(path: Path, *, texts: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(
        _present(path),
        float_precision="round_trip",
        dtype=dict.fromkeys(texts, str),
        keep_default_na=False,  # a system may be called NA, null or None
        na_values=[""],
    )


def _csv_lines(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(read_lines(_present(path))))


def _present(path: Path) -> Path:
    if not path.is_file():
        raise RecordError(f"{path}: is not there: the run was interrupted before it was written. Run it again.")
    return path


def _number(text: str) -> float | None:
    return float(text) if text else None
