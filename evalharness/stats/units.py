"""Units: what is resampled and swapped as a whole, because its segments depend on each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalharness.errors import ConfigError
from evalharness.records import Array, Floats
from evalharness.stats.settings import UnitKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """`index` [N] gives each segment's unit, 0 to `n_units` - 1, in order of first appearance."""

    kind: UnitKind
    index: Array
    n_units: int

    def sums(self, rows: Floats) -> Floats:
        """Rows of segments [S, N, K] summed over each unit: [S, G, K]."""
        if self.n_units == rows.shape[1]:
            return rows
        order = np.argsort(self.index, kind="stable")
        starts = np.searchsorted(self.index[order], np.arange(self.n_units))
        return np.asarray(np.add.reduceat(rows[:, order], starts, axis=1), dtype=np.float64)

    def counts(self, mask: Array) -> Array:
        """How many of the segments that the mask [N] holds are in each unit: [G]."""
        return np.bincount(self.index[mask], minlength=self.n_units)


def units_of(documents: Sequence[str | None], kind: UnitKind) -> Units:
    """The units of a test set, given each segment's document.

    Raises: ConfigError where documents are asked for and a segment has none."""
    names = [name for name in documents if name is not None]
    complete = len(names) == len(documents)
    if kind is UnitKind.document and not complete:
        raise ConfigError(
            "stats.unit=document: the test set does not say which document each segment is from; use segment."
        )
    if kind is UnitKind.segment or not complete or (kind is UnitKind.auto and len(set(names)) < 2):
        return Units(kind=UnitKind.segment, index=np.arange(len(documents)), n_units=len(documents))
    order = {name: position for position, name in enumerate(dict.fromkeys(names))}
    return Units(kind=UnitKind.document, index=np.array([order[name] for name in names]), n_units=len(order))
