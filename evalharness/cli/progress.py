"""How far a run is: bars on a terminal, a plain line a stage otherwise."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from evalharness.workflows.evaluate import Observer

if TYPE_CHECKING:
    from tqdm import tqdm


class Bars:
    """One bar a metric, on standard error."""

    def __init__(self) -> None:
        self._bar: tqdm[None] | None = None

    def start(self, stage: str, total: int) -> None:
        from tqdm import tqdm

        self._bar = tqdm(total=total, desc=stage, unit="seg", leave=False, dynamic_ncols=True)

    def advance(self, n: int) -> None:
        if self._bar is not None:
            self._bar.update(n)

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class Lines:
    """One line when a metric is through, on standard error."""

    def __init__(self) -> None:
        self._stage = ""
        self._total = 0
        self._started = 0.0

    def start(self, stage: str, total: int) -> None:
        self._stage, self._total, self._started = stage, total, time.monotonic()

    def advance(self, n: int) -> None:
        return

    def finish(self) -> None:
        print(f"{self._stage}: {self._total} segments, {time.monotonic() - self._started:.1f} s", file=sys.stderr)


def observer() -> Observer:
    """The one that suits where standard error goes."""
    return Bars() if sys.stderr.isatty() else Lines()
