"""The JSON that `comet-score --to_json` writes: comet.json, a list of segments for each system."""

from __future__ import annotations

import json
import math
from typing import Any

from evalharness.errors import InputError
from evalharness.records import ErrorSpan
from evalharness.testsets.exportable import Exportable, ExportedScores

_OF = "comet"


def files(exportable: Exportable) -> dict[str, str]:
    """Raises: InputError where there is not one COMET metric, or naming the first segment that it cannot carry."""
    of_comet = [scores for scores in exportable.scores if scores.is_comet]
    if len(of_comet) != 1:
        found = ", ".join(scores.metric for scores in of_comet) or "none"
        raise InputError(
            f"comet: needs a run with the scores of one COMET metric, found {found}. Name one with --metrics, or score "
            "the systems with one first."
        )
    (scores,) = of_comet
    content = {
        system: [
            _entry(exportable, scores, system=system, position=position, hypothesis=text)
            for position, text in enumerate(texts)
        ]
        for system, texts in exportable.complete_outputs(of=_OF).items()
    }
    # As comet-score writes it, without a line end.
    return {"comet.json": json.dumps(content, ensure_ascii=False, indent=4)}


def _entry(
    exportable: Exportable, scores: ExportedScores, *, system: str, position: int, hypothesis: str
) -> dict[str, Any]:
    segment = exportable.segments[position]
    score = scores.segments[system][position]
    if segment.source is None or score is None or not math.isfinite(score):
        lacks = "source" if segment.source is None else f"score for system {system!r}"
        raise InputError(f"segment {segment.id!r}: has no {lacks}; comet needs one.")
    if scores.needs_references and len(segment.references) != 1:
        raise InputError(
            f"segment {segment.id!r}: has {len(segment.references)} references; comet has one. Score against one, or "
            "export jsonl or evalset."
        )
    entry: dict[str, Any] = {"src": segment.source, "mt": hypothesis}
    if scores.needs_references:
        entry["ref"] = segment.references[0]
    entry["COMET"] = score
    spans = None if scores.error_spans is None else scores.error_spans[system][position]
    return {**entry, "errors": [_span(span) for span in spans]} if spans else entry


def _span(span: ErrorSpan) -> dict[str, Any]:
    return {
        "text": span.text,
        "confidence": span.confidence,
        "severity": span.severity,
        "start": span.start,
        "end": span.end,
    }
