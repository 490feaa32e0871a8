"""Scores of the parts of a test set: by document, domain, original language and length of the source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evalharness.records import Array, Segment, TestSet
from evalharness.runs.view import SliceLine
from evalharness.workflows.lines import Measured

_N_LENGTHS = 4
"""Slices by length, each of about as many segments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """One way to slice: the label of each segment, None where it has none, and the labels in the order of tables."""

    by: str
    labels: Sequence[str | None]
    order: Sequence[str]


def slice_lines(systems: Sequence[str], testset: TestSet, measured: Sequence[Measured]) -> Iterator[SliceLine]:
    """A line for each way to slice, slice, system and metric, in that order; slices as they first occur, lengths from
    the shortest on. Ways in which the test set is of one piece, or of which it says nothing, are left out."""
    for way in _ways(testset.segments):
        places: dict[str | None, list[int]] = {}
        for place, label in enumerate(way.labels):
            places.setdefault(label, []).append(place)
        for label in way.order:
            for index, system in enumerate(systems):
                for one in measured:
                    yield _line(way.by, label, system, one, one.rows.rows[index, places[label]])


def _line(by: str, label: str, system: str, one: Measured, rows: Array) -> SliceLine:
    present = rows[~np.isnan(rows).any(axis=1)]
    score = float(one.rows.to_corpus(present.sum(axis=0))) if len(present) else None
    return SliceLine(
        by=by,
        slice=label,
        system=system,
        metric=one.rows.name,
        score=None if score is None or np.isnan(score) else score,
        n_scored=len(present),
        n_missing=len(rows) - len(present),
    )


def _ways(segments: Sequence[Segment]) -> Iterator[_Way]:
    named = {
        "document": [segment.document for segment in segments],
        "domain": [segment.domain for segment in segments],
        "original-language": [segment.original_language for segment in segments],
    }
    for by, labels in named.items():
        if len(set(labels)) > 1:
            yield _Way(by=by, labels=labels, order=list(dict.fromkeys(one for one in labels if one is not None)))
    known = sorted(len(segment.source) for segment in segments if segment.source is not None)
    if known and known[0] < known[-1]:
        yield _by_length([None if segment.source is None else len(segment.source) for segment in segments], known)


def _by_length(lengths: Sequence[int | None], known: Sequence[int]) -> _Way:
    """Quarters of the segments by the length of the source, equal lengths together: `1-23 characters`."""
    shares = np.linspace(0, 1, _N_LENGTHS + 1)[1:]
    bounds = np.unique(np.quantile(known, shares, method="inverted_cdf")).tolist()
    spans: dict[int, str] = {}
    for below, high in zip([-1, *bounds[:-1]], bounds, strict=True):
        within = [length for length in known if below < length <= high]
        spans |= dict.fromkeys(within, f"{within[0]}-{within[-1]} characters")
    labels = [None if length is None else spans[length] for length in lengths]
    return _Way(by="source-length", labels=labels, order=list(dict.fromkeys(spans.values())))
