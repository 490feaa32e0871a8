"""How far a run is: bars on a terminal, a plain line a stage otherwise."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from evalharness.workflows.evaluate import Observer

if TYPE_CHECKING:
    from tqdm import tqdm


class Bars:
    """One bar a stage, on standard error."""

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
    """One line when a stage is through, on standard error."""

    def __init__(self) -> None:
        self._stage = ""
        self._total = 0
        self._n_done = 0
        self._started = 0.0

    def start(self, stage: str, total: int) -> None:
        self._stage, self._total, self._n_done, self._started = stage, total, 0, time.monotonic()

    def advance(self, n: int) -> None:
        self._n_done += n

    def finish(self) -> None:
        done = str(self._total) if self._n_done == self._total else f"{self._n_done} of {self._total}"
        print(f"{self._stage}: {done} segments, {time.monotonic() - self._started:.1f} s", file=sys.stderr)


def observer() -> Observer:
    """The one that suits where standard error goes."""
    return Bars() if sys.stderr.isatty() else Lines()
