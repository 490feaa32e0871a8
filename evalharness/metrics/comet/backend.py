"""What every backend gives for a checkpoint, and where it computes."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from evalharness.errors import ConfigError, MissingDependencyError
from evalharness.metrics.comet.limits import Limits
from evalharness.records import ErrorSpan


@dataclass(frozen=True, slots=True)
class Triple:
    """What a model reads of one hypothesis: a source, and one reference or none."""

    source: str
    hypothesis: str
    reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """For each triple, in order: the score, and the errors that the model marks; None for models that mark none."""

    scores: list[float]
    error_spans: list[tuple[ErrorSpan, ...]] | None


class Scorer(Protocol):
    """A loaded model, on its device and in its precision."""

    @property
    def limits(self) -> Limits: ...

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without special tokens, uncut."""

    def predict(self, triples: Sequence[Triple]) -> Predictions: ...


_held: dict[Hashable, Scorer] = {}


def hold(key: Hashable, build: Callable[[], Scorer]) -> Scorer:
    """The scorer of `key`, built if it is not the one in memory; that one is let go before, whatever its backend is.

    Two models in memory at once would be gigabytes too many."""
    if key not in _held:
        forget()
        _held[key] = build()
    return _held[key]


def forget() -> None:
    """Let go of the model in memory, and of the files it keeps open."""
    if _held:
        _held.clear()
        gc.collect()  # whatever holds itself in a circle would otherwise stay for a while


def import_torch() -> Any:
    """Raises: MissingDependencyError where torch is not there or cannot be imported."""
    try:
        return importlib.import_module("torch")
    except ImportError as err:
        raise MissingDependencyError(
            f"COMET needs the package torch, which cannot be imported: {err}. pip install torch"
        ) from err


def device_class(device: str) -> str:
    """`cpu`, `cuda` or `mps`: what `auto` stands for on this machine, and what scores may differ by.

    Raises: ConfigError where the device is asked for by name and is not there."""
    if device == "cpu":
        return "cpu"
    torch = import_torch()
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return next(name for name, is_there in available.items() if is_there)
    name, _, number = device.partition(":")
    if not available[name]:
        raise ConfigError(f"device={device}: torch finds no {name} device on this machine; use device=auto or cpu.")
    if number and int(number) >= torch.cuda.device_count():
        raise ConfigError(
            f"device={device}: torch finds {torch.cuda.device_count()} CUDA devices, numbered from 0; use one of them."
        )
    return name


def is_out_of_memory(err: BaseException) -> bool:
    """Whether the device had no memory for what was asked; a smaller batch may fit."""
    torch = import_torch()
    words = ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED", "std::bad_alloc")
    return isinstance(err, (torch.cuda.OutOfMemoryError, MemoryError)) or (
        isinstance(err, RuntimeError) and any(word in str(err) for word in words)
    )
