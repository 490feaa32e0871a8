"""A table as strict JSON: typed cells at full precision and as they are, null where there is no value."""

from __future__ import annotations

import json
from collections.abc import Mapping

from evalharness.report.table import Cell, ScoreCell, Table, TextCell, values
from evalharness.report.visible import HIDDEN


def render_json(table: Table) -> str:
    """Name, caption, run, columns, rows and notes, ending in a line end."""
    content = {
        "name": table.name,
        "caption": table.caption,
        "run": table.run,
        "columns": [
            {"heading": column.heading, "higher_is_better": column.higher_is_better} for column in table.columns
        ],
        "rows": [[_cell(cell) for cell in row] for row in table.rows],
        "lines_after": sorted(table.lines_after),
        "notes": list(table.notes),
    }
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
    return HIDDEN.sub(lambda match: json.dumps(match.group())[1:-1], text)  # the same strings, fit for a terminal


def _cell(cell: Cell) -> Mapping[str, object]:
    """A score is `{"score": …}` with `low`, `high`, `sd`; other numbers likewise by what they are."""
    if isinstance(cell, TextCell):
        return {"text": cell.text}
    fields: dict[str, object] = {part.strip() or cell.kind: value for part, value in values(cell).items()}
    if isinstance(cell, ScoreCell):
        fields |= {"display_factor": cell.display_factor, "decimals": cell.decimals, "is_best": cell.is_best}
    return fields
