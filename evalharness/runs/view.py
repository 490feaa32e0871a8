"""Reading a record: everything a report or a notebook needs, and nothing that writes."""

from __future__ import annotations

import csv
import difflib
import logging
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeVar, get_args, get_type_hints

from evalharness.errors import InputError, RecordError
from evalharness.runs.paths import RunPaths, records_under
from evalharness.runs.plan import Plan, PlannedMetric, missing_plan, read_plan
from evalharness.runs.segments import WRITE_AGAIN, check_order, opened_segments, read_rows
from evalharness.textio import read_json, read_lines, replacing, write_csv

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)

T = TypeVar("T")


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
    """A line of `comparisons.csv`: `delta` is score(system_a) - score(system_b), over the `n_segments` that both have.

    `p` is None where the method has too few units to give one, `p_holm` and `p_bh` where that correction was not asked
    for, `n_draws` where every swap was gone through. `level` is the interval's; what is significant is so at 1 - level.
    `p_smallest` is the smallest p-value there could have been, `detectable` the difference that one test finds with
    80 % power, `human_agreement` the share of human judgements, in percent, that go with a difference of this size.
    `p_replicates` is of the difference between the runs of the two systems, where both have several; for
    `is_significant` they must differ by more than their runs do, too."""

    metric: str
    system_a: str
    system_b: str
    delta: float
    p: float | None
    p_holm: float | None
    unit: str
    n_units: int
    method: str
    n_draws: int | None
    p_bh: float | None
    ci_low: float | None
    ci_high: float | None
    interval: str | None
    level: float
    n_segments: int
    n_left_out: int
    p_smallest: float
    detectable: float | None
    human_agreement: float | None
    p_replicates: float | None
    is_significant: bool

    @property
    def decisive_p(self) -> float | None:
        """The p-value that decides: the corrected one, where there is one."""
        return next((p for p in (self.p_holm, self.p_bh) if p is not None), self.p)

    @property
    def alpha(self) -> float:
        return round(1 - self.level, 12)

    def turned(self) -> ComparisonLine:
        """The same comparison from the other side."""
        return replace(
            self,
            system_a=self.system_b,
            system_b=self.system_a,
            delta=-self.delta,
            ci_low=None if self.ci_high is None else -self.ci_high,
            ci_high=None if self.ci_low is None else -self.ci_low,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RankLine:
    """A line of `ranks.csv`: the range of ranks a system may have by one metric, and its cluster, both from 1."""

    metric: str
    system: str
    rank_top: int
    rank_bottom: int
    cluster: int
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoRankLine:
    """A line of `autorank.csv`: `metrics` are those averaged, joined by commas; None where a system lacks a score."""

    system: str
    autorank: float | None
    rule: str
    metrics: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicatesLine:
    """A line of `replicates.csv`: the mean over the runs of one system, with their standard deviation and range.

    The interval is the mean's over test sets, not over runs. None where there is no score."""

    system: str
    metric: str
    mean: float | None
    sd: float | None
    lowest: float | None
    highest: float | None
    n_replicates: int
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingLine:
    """A line of `findings.csv`: how often something of one kind was found in a file of texts, and the first of it.

    `line` and `column` count from 1, `field` names the field of lines that have several; None where the whole is meant.
    `code_point` is the character, as in `U+2028 LINE SEPARATOR`; None where it is not one."""

    file: str
    kind: str
    severity: str
    n_found: int
    line: int | None
    column: int | None
    field: str | None
    code_point: str | None
    found: str
    done: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceLine:
    """A line of `slices.csv`: a score over the segments of one document, domain, original language or source length."""

    by: str
    slice: str
    system: str
    metric: str
    score: float | None
    n_scored: int
    n_missing: int


COPY_OF_REFERENCE = "copy-of-reference"
"""The flag of hypotheses that are a reference word for word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemLine:
    """A line of `problems.csv`: how many hypotheses of a system have a flag. Each flag that any system has, has a line
    for every system. The flag `unusable` counts those with one or more of the flags that are `is_unusable`."""

    system: str
    flag: str
    n_segments: int
    n_hypotheses: int
    is_unusable: bool
    meaning: str

    @property
    def is_mostly_references(self) -> bool:
        """Whether more than half of a system's hypotheses are references, which no system's are."""
        return self.flag == COPY_OF_REFERENCE and 2 * self.n_segments > self.n_hypotheses


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedLine:
    """A line of `guarded.csv`: the score of a system when its `n_unusable` unusable segments count as the worst."""

    system: str
    metric: str
    score: float | None
    n_unusable: int


UNUSABLE = "unusable"
"""What `problems.csv` calls the hypotheses that have a flag which leaves nothing of a translation."""


class Reported(Protocol):
    """What tables are drawn from: a record, or systems of several records compared."""

    @property
    def plan(self) -> Plan: ...

    @property
    def score_lines(self) -> Sequence[ScoreLine]: ...

    @property
    def comparison_lines(self) -> Sequence[ComparisonLine]: ...

    @property
    def corrected_lines(self) -> Sequence[ComparisonLine]:
        """Those that were corrected together, of which `comparison_lines` may be some."""

    @property
    def rank_lines(self) -> Sequence[RankLine]: ...

    @property
    def autorank_lines(self) -> Sequence[AutoRankLine]: ...

    @property
    def replicates_lines(self) -> Sequence[ReplicatesLine]: ...

    @property
    def finding_lines(self) -> Sequence[FindingLine] | None:
        """None where no texts were looked at, as in a comparison of records."""

    @property
    def slice_lines(self) -> Sequence[SliceLine] | None:
        """None where segments are not known, as in a comparison of records."""

    @property
    def problem_lines(self) -> Sequence[ProblemLine] | None:
        """None where hypotheses were not looked at, as in a comparison and by versions that did not."""

    @property
    def guarded_lines(self) -> Sequence[GuardedLine]: ...


class RunView:
    """One record on disk. Frames and lines are read when first asked for."""

    def __init__(self, folder: str | Path) -> None:
        self.paths = RunPaths(folder=Path(folder))
        if not self.paths.plan.is_file():
            if self.paths.logs:
                raise missing_plan(self.paths)
            raise RecordError(f"{folder}: is not a run record: {_why_no_record(self.paths.folder)}")

    def __repr__(self) -> str:
        state = "complete" if self.is_complete else "incomplete"
        return f"<{state} run of {self.plan.testset.name} ({self.plan.testset.language_pair}) in {self.paths.folder}>"

    @property
    def folder(self) -> Path:
        return self.paths.folder

    @property
    def is_complete(self) -> bool:
        """Whether everything planned was computed, and written."""
        return self.done is not None and self.done.get("is_complete") is not False

    @property
    def is_whole(self) -> bool:
        """Whether what was computed was written to its end; a metric may be missing."""
        return self.done is not None

    @cached_property
    def plan(self) -> Plan:
        return read_plan(self.paths)

    @property
    def done(self) -> Mapping[str, Any] | None:
        """The content of `done.json`; None where the run did not come to its end, or the file is damaged and says
        nothing."""
        if not self.paths.done.is_file():
            return None
        try:
            content = read_json(self.paths.done)
        except InputError as err:
            _log.warning("%s The run is taken as incomplete; run it again to complete it.", err)
            return None
        return content if isinstance(content, dict) else None

    @cached_property
    def score_lines(self) -> tuple[ScoreLine, ...]:
        lines = self._planned_lines(self.paths.scores, ScoreLine)
        self._check_whole(lines)
        return lines

    @cached_property
    def comparison_lines(self) -> tuple[ComparisonLine, ...]:
        return self._read(self.paths.comparisons, ComparisonLine)

    @property
    def corrected_lines(self) -> tuple[ComparisonLine, ...]:
        return self.comparison_lines

    @cached_property
    def rank_lines(self) -> tuple[RankLine, ...]:
        return self._read(self.paths.ranks, RankLine)

    @cached_property
    def autorank_lines(self) -> tuple[AutoRankLine, ...]:
        """Empty where AutoRank was not asked for."""
        return self._read_if_there(self.paths.autorank, AutoRankLine) or ()

    @cached_property
    def replicates_lines(self) -> tuple[ReplicatesLine, ...]:
        """Empty where no system has several runs."""
        return self._read_if_there(self.paths.replicates, ReplicatesLine) or ()

    @cached_property
    def finding_lines(self) -> tuple[FindingLine, ...] | None:
        """Empty where nothing was found; None for records of versions that did not look."""
        return self._read_if_there(self.paths.findings, FindingLine)

    @cached_property
    def slice_lines(self) -> tuple[SliceLine, ...] | None:
        """Empty where the test set is of one piece; None for records of versions that did not slice."""
        return self._read_if_there(self.paths.slices, SliceLine)

    @cached_property
    def problem_lines(self) -> tuple[ProblemLine, ...] | None:
        """Empty where no hypothesis is flagged, None for records of versions that did not look."""
        return self._read_if_there(self.paths.problems, ProblemLine)

    @cached_property
    def guarded_lines(self) -> tuple[GuardedLine, ...]:
        """Empty where guarded scores were not asked for."""
        return self._read_if_there(self.paths.guarded, GuardedLine) or ()

    @property
    def all_systems(self) -> Sequence[str]:
        """The systems by whose order `segments.parquet` has its rows, as many of each as there are segments."""
        return [system.name for system in self.plan.systems]

    @cached_property
    def segments(self) -> pd.DataFrame:
        """`segments.parquet`: a row per (system, segment), a column per metric."""
        import pandas as pd

        return pd.read_parquet(_present(self.paths.segments))

    def segment_columns(self, names: Sequence[str], *, rows: Sequence[int] | None = None) -> dict[str, list[Any]]:
        """Some columns of `segments.parquet`, as Python values: of these rows, which rise, or of all. No more of the
        file is read than the row groups that hold them.

        Raises: RecordError where the file is damaged."""
        with opened_segments(self.paths, self.plan) as file:
            rows = range(file.metadata.num_rows) if rows is None else rows
            columns = read_rows(self.paths, file, names, rows)
        if "system" in columns:
            check_order(self.paths, self.plan, columns["system"], rows)
        return columns

    def segment_column_names(self) -> list[str]:
        """The columns that `segments.parquet` has.

        Raises: RecordError where the file is damaged."""
        with opened_segments(self.paths, self.plan) as file:
            return list(file.schema_arrow.names)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """`scores.csv` at full precision."""
        _ = self.score_lines  # pandas makes some frame of any file
        return _frame(self.paths.scores, ScoreLine, texts=("system", "metric"))

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """`comparisons.csv` at full precision."""
        _ = self.comparison_lines
        return _frame(self.paths.comparisons, ComparisonLine, texts=("metric", "system_a", "system_b"))

    @cached_property
    def autorank(self) -> pd.DataFrame:
        """`autorank.csv`; empty where AutoRank was not asked for."""
        return frame_of(self.autorank_lines, AutoRankLine)

    @cached_property
    def replicates(self) -> pd.DataFrame:
        """`replicates.csv`; empty where no system has several runs."""
        return frame_of(self.replicates_lines, ReplicatesLine)

    @cached_property
    def problems(self) -> pd.DataFrame:
        """`problems.csv`; empty where no hypothesis is flagged."""
        return frame_of(self.problem_lines or (), ProblemLine)

    @cached_property
    def guarded(self) -> pd.DataFrame:
        """`guarded.csv`; empty where guarded scores were not asked for."""
        return frame_of(self.guarded_lines, GuardedLine)

    @cached_property
    def ranks(self) -> pd.DataFrame:
        """`ranks.csv`."""
        return frame_of(self.rank_lines, RankLine)

    @cached_property
    def slices(self) -> pd.DataFrame:
        """`slices.csv`."""
        return frame_of(self.slice_lines or (), SliceLine)

    @cached_property
    def findings(self) -> pd.DataFrame:
        """`findings.csv`."""
        return frame_of(self.finding_lines or (), FindingLine)

    def metric(self, name: str) -> PlannedMetric:
        return next(planned for planned in self.plan.metrics if planned.name == name)

    @cached_property
    def _n_lines(self) -> Mapping[str, int]:
        """By name of a derived file, how many lines were written; of none for records of versions that did not say."""
        n_lines = (self.done or {}).get("n_lines")
        return n_lines if isinstance(n_lines, dict) else {}

    def _read(self, path: Path, kind: type[T]) -> tuple[T, ...]:
        """The lines of a file, found to be as many as were written.

        Raises: RecordError where they are not."""
        lines = self._planned_lines(path, kind)
        if (n_lines := self._n_lines.get(path.name, len(lines))) != len(lines):
            raise _not_whole(path, f"it has {len(lines)} lines; expected {n_lines}, as done.json says")
        return lines

    def _planned_lines(self, path: Path, kind: type[T]) -> tuple[T, ...]:
        """The lines of a file, found to be of systems and metrics that were planned.

        Raises: RecordError where they are not."""
        lines = _lines(path, kind)
        metrics: set[str | None] = {metric.name for metric in self.plan.metrics}
        systems = {name for system in self.plan.systems for name in (system.name, system.group)}
        known = {"metric": metrics, "system": systems, "system_a": systems, "system_b": systems}
        for name in known.keys() & {field.name for field in fields(kind)}:  # type: ignore[arg-type]
            for line in lines:
                if (value := getattr(line, name)) not in known[name]:
                    raise _not_whole(path, f"it has the {name} {value!r}, which plan.json does not name")
        return lines

    def _read_if_there(self, path: Path, kind: type[T]) -> tuple[T, ...] | None:
        """The same of a file that not every record has.

        Raises: RecordError where this one had it."""
        return self._read(path, kind) if path.is_file() or path.name in self._n_lines else None

    def _check_whole(self, lines: Sequence[ScoreLine]) -> None:
        """Refuse lines that are not one for every system and each metric that has any, as they were written.

        Raises: RecordError naming the first system and metric."""
        counts = Counter((line.system, line.metric) for line in lines)
        scored = {metric for _, metric in counts}
        planned = [(s.name, m.name) for s in self.plan.systems for m in self.plan.metrics if m.name in scored]
        for system, metric in planned:
            if (n_lines := counts.pop((system, metric), 0)) != 1:
                raise _not_whole(
                    self.paths.scores,
                    f"it has {n_lines} lines for system {system!r} and metric {metric!r}; expected one",
                )
        n_lines = (self.done or {}).get("n_scores", len(lines))
        if n_lines != len(lines):
            raise _not_whole(self.paths.scores, f"it has {len(lines)} lines; expected {n_lines}, as done.json says")


def write_lines(path: Path, kind: type, lines: Sequence[Any]) -> None:
    """Write records of one kind as CSV, a header of their field names first, floats at full precision."""
    with replacing(path) as file:
        write_delimited(file, kind, lines)


def write_delimited(file: IO[str], kind: type, lines: Sequence[Any], *, delimiter: str = ",") -> None:
    """The same into an open file."""
    names = [field.name for field in fields(kind)]
    rows = (["" if (value := getattr(line, name)) is None else value for name in names] for line in lines)
    write_csv(file, [names, *rows], delimiter=delimiter)


def frame_of(lines: Sequence[Any], kind: type) -> pd.DataFrame:
    """Lines as a frame, with its columns even where there is no line."""
    import pandas as pd

    names = [field.name for field in fields(kind)]
    frame: pd.DataFrame = pd.DataFrame([asdict(line) for line in lines], columns=names)
    return frame


def _frame(path: Path, kind: type, *, texts: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(
        path,
        float_precision="round_trip",
        dtype=dict.fromkeys(texts, str),
        keep_default_na=False,  # a system may be called NA, null or None
        na_values=[""],
    )


def _lines(path: Path, kind: type[T]) -> tuple[T, ...]:
    """What `write_lines` wrote.

    Raises: RecordError naming the first line that it did not write."""
    lines = []
    hints = get_type_hints(kind)
    for number, cells in _cells(path, kind):
        try:
            lines.append(kind(**{name: _value(cell, hints[name]) for name, cell in cells.items()}))
        except ValueError as err:
            raise _damaged(path, number, kind, str(err)) from err
    return tuple(lines)


def _cells(path: Path, kind: type) -> list[tuple[int, dict[str, str]]]:
    """`(line number, cells by column)` of each line under the header."""
    names = [field.name for field in fields(kind)]
    header = ",".join(names)
    if not _present(path).stat().st_size:
        raise RecordError(f"{path}: is damaged: it is empty; expected the columns {header}. {WRITE_AGAIN}")
    try:
        reader = csv.reader((f"{line}\n" for line in read_lines(path)), strict=True)
    except InputError as err:
        if not isinstance(err.__cause__, UnicodeDecodeError):
            raise
        raise RecordError(f"{path}: is damaged: it is not UTF-8; expected the columns {header}. {WRITE_AGAIN}") from err
    try:
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as err:
        raise _damaged(path, reader.line_num, kind, str(err)) from err
    for number, row in rows:
        if number == 1 and row != names:
            raise _damaged(path, number, kind, f"begins with {','.join(row)[:60]!r}")
        if len(row) != len(names):
            raise _damaged(path, number, kind, f"{len(row)} values for {len(names)} columns")
    return [(number, dict(zip(names, row, strict=True))) for number, row in rows[1:]]


def _why_no_record(folder: Path) -> str:
    """What there is instead, and which records may have been meant."""
    if folder.is_file():
        within = f" Name its folder, {folder.parent}." if RunPaths(folder=folder.parent).plan.is_file() else ""
        return f"it is a file.{within}"
    if folder.is_dir():
        inside = [paths.folder.as_posix() for paths in records_under(folder)]
        return f"it holds no plan.json.{_some(inside)}"
    places = [folder.parent, folder.parent / "results"]
    there = {paths.folder.name: paths.folder.as_posix() for place in places for paths in records_under(place)}
    near = [name for name in there if name.startswith(folder.name)]
    near += difflib.get_close_matches(folder.name, there, n=3)
    return f"there is no such folder (looked in {Path.cwd()}).{_some([there[name] for name in dict.fromkeys(near)])}"


def _some(records: Sequence[str]) -> str:
    return f" Did you mean {' or '.join(records[:3])}?" if records else ""


def _not_whole(path: Path, found: str) -> RecordError:
    return RecordError(f"{path}: is damaged: {found}. {WRITE_AGAIN}")


def _damaged(path: Path, number: int, kind: type, found: str) -> RecordError:
    header = ",".join(field.name for field in fields(kind))
    return RecordError(f"{path}:{number}: is damaged: {found}; expected the columns {header}. {WRITE_AGAIN}")


def _value(cell: str, hint: Any) -> str | float | int | bool | None:
    """What `write_lines` wrote of a value of this type.

    Raises: ValueError where it is none."""
    kinds = get_args(hint) or (hint,)
    if not cell and type(None) in kinds:
        return None
    if kinds[0] is bool and cell not in ("True", "False"):
        raise ValueError(f"{cell!r} is neither True nor False")
    if kinds[0] is bool:
        return cell == "True"
    read: Callable[[str], str | float | int] = kinds[0]
    value = read(cell)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{cell!r} is no number")
    return value


def _present(path: Path) -> Path:
    if not path.is_file():
        raise RecordError(f"{path}: is not there: the run was interrupted before it was written. Run it again.")
    return path
