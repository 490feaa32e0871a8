"""What is wrong with hypotheses beside their scores: a row per system, a column per kind of problem there is."""

from __future__ import annotations

from collections.abc import Mapping

from evalharness.report.notes import of_testset
from evalharness.report.settings import ReportSettings
from evalharness.report.table import Cell, Column, ScoreCell, Table, TextCell
from evalharness.report.tables.systems import entrants_best_first
from evalharness.runs.view import Reported


def build(run: Reported, settings: ReportSettings) -> Table:
    """Numbers of hypotheses, the unusable ones first."""
    lines = run.problem_lines or ()
    counts = {(line.system, line.flag): line.n_segments for line in lines}
    found = {line.flag for line in lines if line.n_segments}
    flags = list(dict.fromkeys(line.flag for line in lines if line.flag in found))
    rows: list[tuple[Cell, ...]] = [
        (
            TextCell(text=system.name),
            *(ScoreCell(score=counts.get((system.name, flag)), decimals=0) for flag in flags),
        )
        for system in entrants_best_first(run)
    ]
    return Table(
        name="problems",
        caption=f"Problems of hypotheses, {of_testset(run.plan.testset)}",
        columns=(Column(heading="System"), *(Column(heading=flag) for flag in flags)),
        rows=tuple(rows),
        notes=tuple(_notes(run)),
    )


def _notes(run: Reported) -> list[str]:
    if run.problem_lines is None:
        return [
            "Hypotheses are looked at in runs. Where a record was made before they were, give its command again; a "
            "table of scores has none."
        ]
    outputs = run.plan.settings.get("outputs")
    found = {line.flag for line in run.problem_lines if line.n_segments}
    meanings = {line.flag: line.meaning for line in run.problem_lines if line.flag in found}
    notes = [f"{flag}: {meaning}." for flag, meaning in meanings.items()]
    if isinstance(outputs, Mapping) and not outputs.get("checked", True):
        notes.append("Hypotheses were looked at for being empty only (outputs.checked=false).")
    elif not meanings:
        notes.append("Nothing was found wrong with any hypothesis.")
    return notes
