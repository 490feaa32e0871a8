"""A table as JSON, for other programs: cells at full precision with what they are, columns, caption and notes."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from evalharness.report.table import Cell, CountCell, IntervalCell, PValueCell, ScoreCell, Table


def render_json(table: Table) -> str:
    """Strict JSON, ending in a line end: `columns` with `heading` and `higher_is_better`, `rows` of cells. A cell is a
    text, null, or an object with `score`, `p`, `low` and `high` or `n`; scores are on the metric's own scale, and
    `shown` is what other formats print. Notes hold the signatures."""
    content = {
        "table": table.name,
        "run": table.run,
        "caption": table.caption,
        "columns": [asdict(column) for column in table.columns],
        "rows": [[_cell(cell) for cell in row] for row in table.rows],
        "notes": list(table.notes),
    }
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _cell(cell: Cell) -> Any:
    if isinstance(cell, ScoreCell):
        if cell.score is None:
            return None
        spread = {} if cell.spread is None else {"sd": cell.spread}
        return {"score": cell.score, **spread, "is_best": cell.is_best, "shown": cell.shown()}
    if isinstance(cell, IntervalCell):
        bounds = {"low": cell.low, "high": cell.high, "shown": cell.shown()}
        return None if cell.low is None or cell.high is None else bounds
    if isinstance(cell, PValueCell):
        return None if cell.p is None else {"p": cell.p, "shown": cell.shown()}
    if isinstance(cell, CountCell):
        return None if cell.n is None else {"n": cell.n}
    return cell.text
