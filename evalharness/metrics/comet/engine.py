"""An encoder with its tokenizer, run over texts in batches that fit."""

from __future__ import annotations

import itertools
import logging
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

from evalharness.errors import ConfigError
from evalharness.metrics.comet.backend import import_torch, is_out_of_memory
from evalharness.metrics.comet.encoder import Encoder, EncoderShape, PackedTexts, pack
from evalharness.metrics.comet.kernels import Precision, int8_problem
from evalharness.metrics.comet.tokens import Tokenizer

_log = logging.getLogger(__name__)

_Computed = TypeVar("_Computed")

BATCH_TOKENS = {"cpu": 512, "cuda": 16384, "mps": 4096}
"""What a batch holds by default; on the CPU for each thread, as much as its caches hold."""


class Engine:
    """`n_encoded` counts the texts that went through the encoder so far, `n_tokens` their tokens.

    On the CPU every thread has a part of the batch to itself and computes it alone: two threads on one product wait for
    each other after each (86 % of what the machine can do against 96 %, two cores of a Zen 4, 2026-11), and a score
    does not depend on how many there are."""

    def __init__(
        self,
        encoder: Encoder,
        tokenizer: Tokenizer,
        *,
        device: str,
        batch_tokens: int | None,
    ) -> None:
        self.encoder = encoder
        self.tokenizer = tokenizer
        self.device = device
        self.n_encoded = 0
        self.n_tokens = 0
        self._n_threads = import_torch().get_num_threads() if device == "cpu" else 1
        default = BATCH_TOKENS[device.partition(":")[0]]
        self._part_tokens = default if batch_tokens is None else max(1, batch_tokens // self._n_threads)
        self._has_halved = False
        self._halving = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    @property
    def shape(self) -> EncoderShape:
        return self.encoder.shape

    def run(
        self,
        sequences: Sequence[Sequence[int]],
        text_types: Sequence[Sequence[int]] | None,
        compute: Callable[[PackedTexts], _Computed],
        keep: Callable[[Sequence[int], _Computed], None],
    ) -> None:
        """`compute` every sequence of token ids, packed with others of like length, several at a time in threads, and
        `keep` what comes of it in this thread, as soon as it is there, with the places in `sequences`.

        What does not fit into the device's memory is halved and tried again, said once.

        Raises: ConfigError where not even one text fits."""

        def computed(places: Sequence[int]) -> list[tuple[Sequence[int], _Computed]]:
            types = None if text_types is None else [text_types[place] for place in places]
            try:
                return [(places, compute(pack([sequences[place] for place in places], self.shape, types)))]
            except RuntimeError as err:
                if not is_out_of_memory(err):
                    raise
                self._halve([len(sequences[place]) for place in places], err)
            # Outside of the handler, so that what was computed before the error is let go.
            return computed(places[: len(places) // 2]) + computed(places[len(places) // 2 :])

        order = sorted(range(len(sequences)), key=lambda place: len(sequences[place]))
        for finished in self._computed(computed, self._parts(order, [len(sequences[place]) for place in order])):
            for places, outcome in finished:
                keep(places, outcome)
                self.n_encoded += len(places)
                self.n_tokens += sum(len(sequences[place]) for place in places)

    def _parts(self, order: Sequence[int], lengths: Sequence[int]) -> Iterator[Sequence[int]]:
        """Stretches of `order` for one thread each: as large as they may be, and equal, so that no thread is left over
        with more than the others."""
        n_parts = self._n_threads * math.ceil(sum(lengths) / (self._n_threads * self._part_tokens))
        share = sum(lengths) / n_parts if n_parts else 0.0
        start, n_tokens, n_before = 0, 0, 0
        until = share
        for place, length in enumerate(lengths):
            is_full = n_tokens + length > self._part_tokens or n_before + n_tokens + length / 2 > until
            if n_tokens and is_full:
                yield order[start:place]
                n_before += n_tokens
                start, n_tokens, until = place, 0, max(until, n_before) + share
            n_tokens += length
        if n_tokens:
            yield order[start:]

    def _computed(
        self, compute: Callable[[Sequence[int]], _Computed], parts: Iterator[Sequence[int]]
    ) -> Iterator[_Computed]:
        """What `compute` gives for every part, as it comes."""
        if self._n_threads == 1:
            yield from map(compute, parts)
            return
        torch = import_torch()
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._n_threads, "comet", initializer=_compute_alone)
        pool, pending = self._pool, set[Future[_Computed]]()

        def inferred(part: Sequence[int]) -> _Computed:
            with torch.inference_mode():  # holds for one thread
                return compute(part)

        try:
            pending |= {pool.submit(inferred, part) for part in itertools.islice(parts, 2 * self._n_threads)}
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                pending |= {pool.submit(inferred, part) for part in itertools.islice(parts, len(done))}
                for future in done:
                    yield future.result()
        finally:
            for future in pending:
                future.cancel()
            wait(pending)
            torch.set_num_threads(self._n_threads)  # the pool's threads set it for all that begin after them

    def _halve(self, lengths: Sequence[int], err: RuntimeError) -> None:
        """Raises: ConfigError for a single text."""
        if len(lengths) == 1:
            raise ConfigError(
                f"COMET: the memory of device={self.device} does not hold the model and one text of {lengths[0]} "
                "tokens. Choose another device or a lower precision."
            ) from err
        torch = import_torch()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        with self._halving:
            self._part_tokens = min(self._part_tokens, sum(lengths) // 2)
            if not self._has_halved:
                _log.warning("COMET: out of memory on %s; going on with smaller batches (batch_tokens).", self.device)
            self._has_halved = True


def _compute_alone() -> None:
    """The thread that calls this computes every product by itself."""
    import_torch().set_num_threads(1)


@contextmanager
def computing(precision: Precision) -> Iterator[None]:
    """No gradients, and TF32 in matrix products exactly where it is asked for; afterwards as it was."""
    torch = import_torch()
    before = torch.backends.cuda.matmul.allow_tf32
    try:
        torch.backends.cuda.matmul.allow_tf32 = precision is Precision.tf32
        with torch.inference_mode():
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def check_precision(precision: Precision, device: str) -> None:
    """Raises: ConfigError where the kind of device cannot compute in the precision."""
    only_on = {Precision.int8: "cpu", Precision.tf32: "cuda", Precision.fp16: "cuda"}.get(precision)
    if only_on is not None and device != only_on:
        raise ConfigError(
            f"COMET with precision={precision.value} on {device}: it is computed on {only_on} only. Use fp32 or bf16, "
            f"or device={only_on}."
        )
    if precision is Precision.int8 and (problem := int8_problem()) is not None:
        raise ConfigError(f"COMET with precision=int8: {problem}. Use bf16 or fp32.")
