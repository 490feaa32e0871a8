"""An encoder with its tokenizer, run over texts in batches that fit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from evalharness.errors import ConfigError
from evalharness.metrics.comet.backend import import_torch, is_out_of_memory
from evalharness.metrics.comet.encoder import Encoder, EncoderShape, PackedTexts, pack
from evalharness.metrics.comet.kernels import Precision, int8_problem
from evalharness.metrics.comet.tokens import Tokenizer

_log = logging.getLogger(__name__)

BATCH_TOKENS = {"cpu": 1024, "cuda": 16384, "mps": 4096}
"""What a batch holds by default; on the CPU as much as its caches hold (2026-11: int8 loses a fifth at 2048)."""


class Engine:
    """`n_encoded` counts the texts that went through the encoder so far, `n_tokens` their tokens."""

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
        self._has_halved = False
        self._batch_tokens = batch_tokens or BATCH_TOKENS[device.partition(":")[0]]

    @property
    def shape(self) -> EncoderShape:
        return self.encoder.shape

    def run(
        self,
        sequences: Sequence[Sequence[int]],
        text_types: Sequence[Sequence[int]] | None,
        handle: Callable[[list[int], PackedTexts], None],
    ) -> None:
        """Hand over every sequence of token ids, packed with others of like length, with their places in `sequences`.

        A batch that does not fit into the device's memory is halved and tried again, said once.

        Raises: ConfigError where not even one text fits."""
        order = sorted(range(len(sequences)), key=lambda index: len(sequences[index]))
        start = 0
        while start < len(order):
            stop, n_tokens = start, 0
            while stop < len(order) and (stop == start or n_tokens + len(sequences[order[stop]]) <= self._batch_tokens):
                n_tokens += len(sequences[order[stop]])
                stop += 1
            indices = order[start:stop]
            types = None if text_types is None else [text_types[index] for index in indices]
            try:
                handle(indices, pack([sequences[index] for index in indices], self.shape, types))
            except RuntimeError as err:
                if not is_out_of_memory(err):
                    raise
                self._halve(n_tokens, len(indices), err)
                continue
            self.n_encoded += len(indices)
            self.n_tokens += n_tokens
            start = stop

    def _halve(self, n_tokens: int, n_texts: int, err: RuntimeError) -> None:
        if n_texts == 1:
            raise ConfigError(
                f"COMET: the memory of device={self.device} does not hold the model and one text of {n_tokens} tokens. "
                "Choose another device or a lower precision."
            ) from err
        torch = import_torch()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._batch_tokens = n_tokens // 2
        if not self._has_halved:
            _log.warning("COMET: out of memory on %s; going on with smaller batches (batch_tokens).", self.device)
        self._has_halved = True


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
