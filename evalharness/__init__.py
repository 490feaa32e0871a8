"""A machine-translation evaluation harness. Importing it loads nothing heavy; names are looked up when first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalharness.api import compare, evaluate
    from evalharness.errors import EvalHarnessError
    from evalharness.records import Hypothesis, LanguagePair, ScoringSegment, Segment, Signature, SourceSegment, TestSet
    from evalharness.report.table import Table
    from evalharness.workflows.comparison import Comparison
    from evalharness.workflows.report import Run, open_run

__all__ = [
    "Comparison",
    "EvalHarnessError",
    "Hypothesis",
    "LanguagePair",
    "Run",
    "ScoringSegment",
    "Segment",
    "Signature",
    "SourceSegment",
    "Table",
    "TestSet",
    "compare",
    "evaluate",
    "open_run",
]

_HOMES = {
    "Comparison": "evalharness.workflows.comparison",
    "compare": "evalharness.api",
    "evaluate": "evalharness.api",
    "open_run": "evalharness.workflows.report",
    "Run": "evalharness.workflows.report",
    "Table": "evalharness.report.table",
    "EvalHarnessError": "evalharness.errors",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, "evalharness.records")), name)


def __dir__() -> list[str]:
    return sorted(__all__)
