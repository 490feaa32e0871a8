"""A record as Python objects: frames, and tables drawn from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.errors import ConfigError, RecordError, nearest
from evalharness.report.figures import build_figure
from evalharness.report.page.content import check_whole
from evalharness.report.page.page import write_page as write_page_of
from evalharness.report.selection import Choice, select
from evalharness.report.settings import ReportSettings
from evalharness.report.table import RENDERERS, SUFFIXES, Table
from evalharness.report.tables import build_table
from evalharness.report.tables.systems import headings
from evalharness.runs.view import RunView
from evalharness.textio import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Run(RunView):
    """A record that can also draw its tables."""

    def table(
        self,
        name: str = "systems",
        *,
        decimals: int | None = None,
        metric_decimals: Mapping[str, int] | None = None,
        intervals: bool | None = None,
        metrics: Sequence[str] = (),
        systems: Sequence[str] = (),
        baseline: str | None = None,
    ) -> Table:
        """A table of this run, at full precision until it is rendered; `decimals` is what renderers round to, of single
        metrics `metric_decimals`, and `intervals` shows those of scores; None is what the run was set to. `metrics` and
        `systems` choose what is shown, and the first metric orders rows; with a `baseline` only pairs with it are.
        P-values and ranks are the record's, whatever is chosen.

        Raises: ConfigError for a table, metric or system there is not."""
        settings = self._settings(decimals, metric_decimals)
        if intervals is not None:
            settings = replace(settings, intervals=intervals)
        choice = Choice(metrics=tuple(metrics), systems=tuple(systems), baseline=baseline)
        if not choice:
            return build_table(name, self, settings)
        chosen = select(self, choice)
        table = build_table(name, chosen, settings)
        return replace(table, notes=(*table.notes, *chosen.notes(name)))

    def figure(
        self,
        name: str = "scores",
        *,
        decimals: int | None = None,
        metric_decimals: Mapping[str, int] | None = None,
        metrics: Sequence[str] = (),
        systems: Sequence[str] = (),
        baseline: str | None = None,
    ) -> Figure:
        """A figure of this run, as matplotlib draws it; what is chosen and rounded is as of tables.

        Raises: ConfigError for a figure, metric or system there is not; NothingToDrawError where the record has nothing
        that it shows."""
        settings = self._settings(decimals, metric_decimals)
        choice = Choice(metrics=tuple(metrics), systems=tuple(systems), baseline=baseline)
        return build_figure(name, select(self, choice) if choice else self, settings)

    def write_page(self) -> Path:
        """Write `report.html` again from what the record holds; its path.

        Raises: RecordError where the run is not complete or the record is damaged; an older page stays."""
        check_whole(self)
        return write_page_of(self, self.report_settings())

    def _settings(self, decimals: int | None, metric_decimals: Mapping[str, int] | None) -> ReportSettings:
        """What a complete record says, with these decimals; `decimals` are of all metrics but those named."""
        check_whole(self)
        settings = self.report_settings(decimals=decimals)
        known = [metric.name for metric in self.plan.metrics]
        heads = {heading.lower(): name for name, heading in headings(self.plan.metrics).items()}
        chosen = dict(settings.metric_decimals or {})
        for asked, n_decimals in (metric_decimals or {}).items():
            metric = asked if asked in known else heads.get(asked.lower(), asked)
            if metric not in known:
                raise ConfigError(
                    f"decimals of {metric!r}: no such metric{nearest(metric, known)} Metrics: {', '.join(known)}."
                )
            chosen[metric] = n_decimals
        return replace(settings, metric_decimals=chosen)

    def report_settings(self, *, decimals: int | None = None) -> ReportSettings:
        """What the record says of its reports, or with these decimals for all metrics; of `segments_csv` no table asks.

        Raises: RecordError where the record's are damaged, ConfigError where `decimals` are not 0 to 15."""
        report = self.plan.settings.get("report")
        report = report if isinstance(report, Mapping) else {}
        intervals = bool(report.get("intervals", False))
        if decimals is not None:
            return ReportSettings(decimals=decimals, intervals=intervals)
        recorded = report.get("decimals", ReportSettings().decimals)
        try:
            if type(recorded) is int:  # a bool is an int too
                return ReportSettings(
                    decimals=recorded, metric_decimals=report.get("metric_decimals"), intervals=intervals
                )
            said = f"report.decimals={recorded!r}: expected 0 to 15."
        except ConfigError as err:
            said = str(err)
        raise RecordError(
            f"{self.paths.plan}: is damaged: {said} Give the command of the run again, or say how many decimals this "
            "table should have."
        )


def write_tables_to(folder: Path, tables: Sequence[Table], *, kinds: Sequence[str], is_forced: bool) -> list[Path]:
    """Write each table in each format as `NAME.SUFFIX`; the files. None is written where one would be lost.

    Raises: ConfigError where there is a file of other content, unless forced."""
    return write_all(
        {
            folder / f"{table.name}.{SUFFIXES.get(kind, kind)}": RENDERERS[kind](table).encode()
            for kind in kinds
            for table in tables
        },
        is_forced=is_forced,
    )


def write_all(contents: Mapping[Path, bytes], *, is_forced: bool) -> list[Path]:
    """Write files that a user asked for; their paths. None is written where one would be lost.

    Raises: ConfigError where there is a file of other content, unless forced."""
    for path, content in contents.items():
        if not is_forced and path.exists() and path.read_bytes() != content:
            raise ConfigError(
                f"{path}: is there already with other content. Give another folder, or --force to write over it."
            )
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, "wb") as file:
            file.write(content)
    return list(contents)


def open_run(folder: str | Path) -> Run:
    """The record in a folder such as `results/zhengzhou-1a2b3c4d` or `results/latest`.

    Raises: RecordError where the folder is not a record."""
    return Run(folder)


def write_page(folder: str | Path) -> Path:
    """Write `report.html` of the record in a folder again; its path.

    Raises: RecordError where the folder is not a complete, undamaged record."""
    return open_run(folder).write_page()
