"""A record as Python objects: frames, and tables drawn from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.errors import ConfigError, RecordError, nearest
from evalharness.report.figures import build_figure
from evalharness.report.page.content import check_complete
from evalharness.report.page.page import write_page as write_page_of
from evalharness.report.selection import Choice, select
from evalharness.report.settings import ReportSettings
from evalharness.report.table import RENDERERS, SUFFIXES, Table
from evalharness.report.tables import build_table
from evalharness.runs.view import RunView
from evalharness.textio import write_text

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
        settings = self.report_settings() if decimals is None else ReportSettings(decimals=decimals)
        if metric_decimals:
            known = [metric.name for metric in self.plan.metrics]
            for metric in metric_decimals:
                if metric not in known:
                    raise ConfigError(
                        f"decimals of {metric!r}: no such metric{nearest(metric, known)} Metrics: {', '.join(known)}."
                    )
            settings = replace(settings, metric_decimals={**(settings.metric_decimals or {}), **metric_decimals})
        if intervals is not None:
            settings = replace(settings, intervals=intervals)
        choice = Choice(metrics=tuple(metrics), systems=tuple(systems), baseline=baseline)
        if not choice:
            return build_table(name, self, settings)
        chosen = select(self, choice)
        table = build_table(name, chosen, settings)
        return replace(table, notes=(*table.notes, chosen.note()))

    def figure(self, name: str = "scores") -> Figure:
        """A figure of this run, as matplotlib draws it.

        Raises: ConfigError for a figure there is not; NothingToDrawError where the record has nothing that it shows."""
        return build_figure(name, self, self.report_settings())

    def write_page(self) -> Path:
        """Write `report.html` again from what the record holds; its path.

        Raises: RecordError where the run is not complete or the record is damaged; an older page stays."""
        check_complete(self)
        return write_page_of(self, self.report_settings())

    def report_settings(self) -> ReportSettings:
        """What the record says of its reports; of `segments_csv` no table asks."""
        report = self.plan.settings.get("report")
        if not isinstance(report, Mapping) or "decimals" not in report:
            return ReportSettings()
        decimals = report["decimals"]
        try:
            if type(decimals) is int:  # a bool is an int too
                return ReportSettings(
                    decimals=decimals,
                    metric_decimals=report.get("metric_decimals"),
                    intervals=bool(report.get("intervals", False)),
                )
        except ConfigError:
            pass
        raise RecordError(
            f"{self.paths.plan}: is damaged: settings.report.decimals is {decimals!r}; expected 0 to 15. Give the "
            "command of the run again, or say how many decimals this table should have."
        )


def write_tables_to(folder: Path, tables: Sequence[Table], *, kind: str, is_forced: bool) -> list[Path]:
    """Write each table as `NAME.SUFFIX`; the files. None is written where one would be lost.

    Raises: ConfigError where there is a file of other content, unless forced."""
    suffix = SUFFIXES.get(kind, kind)
    texts = {folder / f"{table.name}.{suffix}": RENDERERS[kind](table) for table in tables}
    for path, text in texts.items():
        if not is_forced and path.exists() and path.read_bytes() != text.encode("utf-8"):
            raise ConfigError(
                f"{path}: is there already with other content. Give another folder, or --force to write over it."
            )
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        write_text(path, text)
    return list(texts)


def open_run(folder: str | Path) -> Run:
    """The record in a folder such as `results/zhengzhou-1a2b3c4d` or `results/latest`.

    Raises: RecordError where the folder is not a record."""
    return Run(folder)


def write_page(folder: str | Path) -> Path:
    """Write `report.html` of the record in a folder again; its path.

    Raises: RecordError where the folder is not a complete, undamaged record."""
    return open_run(folder).write_page()
