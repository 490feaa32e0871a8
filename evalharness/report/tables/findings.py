"""What was found in the texts of a run as they came in: a row for each file and kind of finding."""

from __future__ import annotations

from evalharness.report.notes import counted, known, of_testset
from evalharness.report.settings import ReportSettings
from evalharness.report.table import Column, CountCell, Table, TextCell
from evalharness.runs.view import FindingLine, Reported


def build(run: Reported, settings: ReportSettings) -> Table:
    """Files in the order in which they were read, in each its findings by line.

    Raises: ConfigError for a comparison, which reads no texts."""
    lines = known(run.finding_lines, "findings")
    kinds = {line.kind: line.done for line in lines}
    return Table(
        name="findings",
        caption=f"Findings in the texts, {of_testset(run.plan.testset)}",
        columns=tuple(Column(heading=heading) for heading in ("File", "Finding", "Severity", "Found", "First")),
        rows=tuple(
            (
                TextCell(text=line.file),
                TextCell(text=line.kind),
                TextCell(text=line.severity),
                CountCell(n=line.n_found),
                TextCell(text=_first(line)),
            )
            for line in lines
        ),
        notes=tuple(f"{kind}: {done}." for kind, done in kinds.items()) or ("Nothing was found.",),
    )


def found_in_texts(run: Reported) -> list[str]:
    """A sentence for the foot of other tables, where something was found."""
    lines = run.finding_lines
    if not lines:
        return []
    names = ", ".join(f"{line.kind} in {line.file}" for line in lines[:3])
    more = f" and {counted(len(lines) - 3, 'more')[:-1]}" if len(lines) > 3 else ""
    return [f"Found in the texts: {names}{more} (table findings)."]


def _first(line: FindingLine) -> str:
    numbers = [f"{name} {number}" for name, number in (("line", line.line), ("column", line.column)) if number]
    field = [f"field {line.field}"] if line.field is not None else []
    return f"{', '.join([*numbers, *field])}: {line.found}"
