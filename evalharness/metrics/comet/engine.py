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

_REMEMBERED_TOKENS = 1 << 20

BATCH_TOKENS = {"cpu": 512, "cuda": 16384, "mps": 4096}
"""What a batch holds by default; on the CPU for each thread, as much as its caches hold."""


class Engine:
    """`n_encoded` counts the texts that went through the encoder so far, `n_tokens` their tokens.

    On the CPU every thread has a part of the batch to itself and computes it alone: two threads on one product wait for
    each other after each (fp32 334 tokens/s against 317, int8 901 against 830; two cores of a Zen 4, 2026-11), and a
    score does not depend on how many there are."""

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
        self._batch_tokens = batch_tokens
        self._known_ids: dict[str, list[int]] = {}
        self._n_known = 0
        self._fitting_tokens: int | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._n_pooled = 0
        self._of_thread = threading.local()

    @property
    def shape(self) -> EncoderShape:
        return self.encoder.shape

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without special tokens, uncut. Those made last are remembered, since texts are
        counted before they are read."""
        if missing := [text for text in dict.fromkeys(texts) if text not in self._known_ids]:
            made = dict(zip(missing, self.tokenizer.ids(missing), strict=True))
            if self._n_known > _REMEMBERED_TOKENS:
                made |= {text: self._known_ids[text] for text in texts if text in self._known_ids}
                self._known_ids, self._n_known = {}, 0
            self._known_ids |= made
            self._n_known += sum(map(len, made.values()))
        return [self._known_ids[text] for text in texts]

    def run(
        self,
        sequences: Sequence[Sequence[int]],
        text_types: Sequence[Sequence[int]] | None,
        compute: Callable[[PackedTexts], _Computed],
        keep: Callable[[Sequence[int], _Computed], None],
    ) -> None:
        """`compute` every sequence of token ids, packed with others of like length, several at a time in threads, and
        `keep` what comes of it in this thread, as soon as it is there, with the places in `sequences`.

        What does not fit into the device's memory is halved and tried again when nothing else is computed, said once.

        Raises: ConfigError where not even one text fits."""

        def computed(places: Sequence[int]) -> tuple[Sequence[int], _Computed | MemoryError]:
            types = None if text_types is None else [text_types[place] for place in places]
            try:
                return places, compute(pack([sequences[place] for place in places], self.shape, types))
            except (RuntimeError, MemoryError) as err:
                if not is_out_of_memory(err):
                    raise
                # Without its traceback, so that what was computed before the error is let go.
                return places, MemoryError(str(err))

        def finish(places: Sequence[int], outcome: _Computed) -> None:
            keep(places, outcome)
            self.n_encoded += len(places)
            self.n_tokens += sum(len(sequences[place]) for place in places)

        order = sorted(range(len(sequences)), key=lambda place: len(sequences[place]))
        n_threads = import_torch().get_num_threads() if self.device == "cpu" else 1
        parts = self._parts(order, [len(sequences[place]) for place in order], n_threads)
        too_large = []
        for places, outcome in self._computed(computed, parts, n_threads):
            if isinstance(outcome, MemoryError):
                self._note_too_large(sum(len(sequences[place]) for place in places))
                too_large.append(places)
            else:
                finish(places, outcome)
        # Alone each, and a single text once more: others may have taken the memory it needs.
        waiting = [half for places in too_large for half in _halves(places)]
        while waiting:
            places, outcome = computed(waiting.pop())
            if not isinstance(outcome, MemoryError):
                finish(places, outcome)
            elif len(places) > 1:
                waiting += _halves(places)
            else:
                raise ConfigError(
                    f"COMET: the memory of device={self.device} does not hold the model and one text of "
                    f"{len(sequences[places[0]])} tokens. Choose another device or a lower precision."
                )

    def _parts(self, order: Sequence[int], lengths: Sequence[int], n_threads: int) -> Iterator[Sequence[int]]:
        """Stretches of `order` for one thread each: as large as they may be, and equal, so that no thread is left over
        with more than the others."""
        most = self._part_tokens(n_threads)
        n_parts = n_threads * math.ceil(sum(lengths) / (n_threads * most))
        share = sum(lengths) / n_parts if n_parts else 0.0
        start, n_tokens, n_before = 0, 0, 0
        until = share
        for place, length in enumerate(lengths):
            most = self._part_tokens(n_threads)  # less, once memory ran out
            is_full = n_tokens + length > most or n_before + n_tokens + length / 2 > until
            if n_tokens and is_full:
                yield order[start:place]
                n_before += n_tokens
                start, n_tokens, until = place, 0, max(until, n_before) + share
            n_tokens += length
        if n_tokens:
            yield order[start:]

    def _part_tokens(self, n_threads: int) -> int:
        most = BATCH_TOKENS[self.device.partition(":")[0]]
        if self._batch_tokens is not None:
            most = max(1, self._batch_tokens // n_threads)
        return most if self._fitting_tokens is None else min(most, self._fitting_tokens)

    def _computed(
        self, compute: Callable[[Sequence[int]], _Computed], parts: Iterator[Sequence[int]], n_threads: int
    ) -> Iterator[_Computed]:
        """What `compute` gives for every part, as it comes."""
        if n_threads == 1:
            yield from map(compute, parts)
            return
        torch = import_torch()
        if self._pool is None or self._n_pooled != n_threads:
            self._pool, self._n_pooled = ThreadPoolExecutor(n_threads, "comet"), n_threads
        pool, pending = self._pool, set[Future[_Computed]]()

        def alone(part: Sequence[int]) -> _Computed:
            if not getattr(self._of_thread, "is_alone", False):
                torch.get_num_threads()  # else the next product would set the number again, to what then holds
                torch.set_num_threads(1)
                self._of_thread.is_alone = True
            with torch.inference_mode():  # holds for one thread
                return compute(part)

        try:
            pending |= {pool.submit(alone, part) for part in itertools.islice(parts, 2 * n_threads)}
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                pending |= {pool.submit(alone, part) for part in itertools.islice(parts, len(done))}
                for future in done:
                    yield future.result()
        finally:
            for future in pending:
                future.cancel()
            wait(pending)
            torch.set_num_threads(n_threads)  # the pool's threads set it for all that begin after them

    def _note_too_large(self, n_tokens: int) -> None:
        torch = import_torch()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if self._fitting_tokens is None:
            _log.warning("COMET: out of memory on %s; going on with smaller batches (batch_tokens).", self.device)
        self._fitting_tokens = max(1, min(self._fitting_tokens or n_tokens, n_tokens // 2))


def _halves(places: Sequence[int]) -> list[Sequence[int]]:
    """A single text stays whole."""
    middle = len(places) // 2
    return [half for half in (places[:middle], places[middle:]) if half]


@contextmanager
def computing(precision: Precision, device: str) -> Iterator[None]:
    """No gradients, and on CUDA TF32 in matrix products exactly where it is asked for; afterwards as it was."""
    torch = import_torch()
    with torch.inference_mode():
        if not device.startswith("cuda"):
            yield
            return
        products = torch.backends.cuda.matmul
        # torch has two ways to say it, and refuses to be asked in one what was set in the other.
        is_new = hasattr(products, "fp32_precision")
        name, tf32, fp32 = ("fp32_precision", "tf32", "ieee") if is_new else ("allow_tf32", True, False)
        before = getattr(products, name)
        try:
            setattr(products, name, tf32 if precision is Precision.tf32 else fp32)
            yield
        finally:
            setattr(products, name, before)


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
