"""A table as CSV or TSV, for other programs: full precision, a header line, no notes."""

from __future__ import annotations

import csv
import io

from evalharness.report.table import Cell, Table, TextCell


def render_csv(table: Table) -> str:
    """Comma-separated, quoted where needed, ending in a line end."""
    return _render(table, delimiter=",")


def render_tsv(table: Table) -> str:
    """Tab-separated, ending in a line end."""
    return _render(table, delimiter="\t")


def _render(table: Table, *, delimiter: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(column.heading for column in table.columns)
    writer.writerows([_value(cell) for cell in row] for row in table.rows)
    return text.getvalue()


def _value(cell: Cell) -> str | float:
    return cell.text if isinstance(cell, TextCell) else cell.value()
