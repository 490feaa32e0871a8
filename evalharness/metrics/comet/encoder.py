"""A transformer encoder over packed texts: no padding anywhere, so no text's vectors depend on its neighbours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from evalharness.errors import MissingModelError
from evalharness.metrics.comet.kernels import Linear, Precision, make_linear
from evalharness.metrics.comet.settings import EncoderKind
from evalharness.metrics.comet.weights import Weights

Tensor: TypeAlias = Any

_PREFIX = "encoder.model."
_POSITIONS_FROM_PADDING = (EncoderKind.xlmr, EncoderKind.xlmr_xl)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderShape:
    """What an encoder's `config.json` says of it. `n_positions` is the length of its table of positions."""

    kind: EncoderKind
    n_layers: int
    n_heads: int
    width: int
    n_positions: int
    pad_id: int
    norm_epsilon: float

    @property
    def is_normed_first(self) -> bool:
        """Whether layers norm what they read (XLM-R XL) rather than what they write."""
        return self.kind is EncoderKind.xlmr_xl

    @property
    def max_positions(self) -> int:
        """Tokens of the longest text that unbabel-comet joins from others; each by itself may have two fewer."""
        return self.n_positions - 2

    @property
    def n_separators(self) -> int:
        """Separator tokens between two joined texts."""
        return 1 if self.kind in (EncoderKind.bert, EncoderKind.rembert) else 2

    @property
    def uses_text_types(self) -> bool:
        """Whether joined texts are told apart by token types; RemBERT could and in unbabel-comet does not."""
        return self.kind is EncoderKind.bert


def read_shape(config_file: Path, kind: EncoderKind) -> EncoderShape:
    """The shape in a `config.json` of a published encoder.

    Raises: MissingModelError where an entry is missing or asks for what these encoders do not have."""
    try:
        config = json.loads(config_file.read_text(encoding="utf-8"))
        activation, positions = config.get("hidden_act", "gelu"), config.get("position_embedding_type", "absolute")
        shape = EncoderShape(
            kind=kind,
            n_layers=int(config["num_hidden_layers"]),
            n_heads=int(config["num_attention_heads"]),
            width=int(config["hidden_size"]),
            n_positions=int(config["max_position_embeddings"]),
            pad_id=int(config.get("pad_token_id", 0 if kind not in _POSITIONS_FROM_PADDING else 1)),
            norm_epsilon=float(config.get("layer_norm_eps", 1e-12 if kind is not EncoderKind.xlmr_xl else 1e-5)),
        )
        if min(shape.n_layers, shape.n_heads, shape.width, shape.n_positions) < 1:
            raise ValueError(f"a size below 1 in {shape}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise MissingModelError(f"{config_file}: is no configuration of an encoder ({err!r}). Get it again.") from err
    if shape.n_positions < 8:
        raise MissingModelError(f"{config_file}: max_position_embeddings is {shape.n_positions}; expected at least 8.")
    if activation != "gelu" or positions != "absolute" or shape.width % shape.n_heads:
        raise MissingModelError(
            f"{config_file}: hidden_act {activation!r}, position_embedding_type {positions!r}, {shape.n_heads} heads "
            f"for a width of {shape.width}: expected 'gelu', 'absolute' and a width the heads divide. backend=unbabel "
            "may know this encoder."
        )
    return shape


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedTexts:
    """Token ids of several texts one after the other, [T], texts of equal length side by side.

    `groups` holds (number of texts, tokens of each) in order; `text_types` is None where all are 0."""

    ids: Tensor
    positions: Tensor
    text_types: Tensor | None
    groups: tuple[tuple[int, int], ...]

    def lengths(self) -> list[int]:
        """Tokens of each text, in order."""
        return [n_tokens for n_texts, n_tokens in self.groups for _ in range(n_texts)]


def pack(
    texts: Sequence[Sequence[int]], shape: EncoderShape, text_types: Sequence[Sequence[int]] | None
) -> PackedTexts:
    """Token ids, special tokens among them, as one text after the other; `texts` come sorted by length."""
    import numpy as np
    import torch

    groups: list[tuple[int, int]] = []
    for text in texts:
        if groups and groups[-1][1] == len(text):
            groups[-1] = (groups[-1][0] + 1, len(text))
        else:
            groups.append((1, len(text)))
    ids = np.concatenate([np.asarray(text, dtype=np.int64) for text in texts])
    positions = np.concatenate([np.arange(n_tokens) for n, n_tokens in groups for _ in range(n)])
    if shape.kind in _POSITIONS_FROM_PADDING:
        positions += shape.pad_id + 1
        if (ids == shape.pad_id).any():  # the padding token can be written in a text; it has no position
            positions = np.concatenate([_positions_around_padding(text, shape.pad_id) for text in texts])
    types = None
    if text_types is not None:
        types = torch.from_numpy(np.concatenate([np.asarray(one, dtype=np.int64) for one in text_types]))
    return PackedTexts(
        ids=torch.from_numpy(ids), positions=torch.from_numpy(positions), text_types=types, groups=tuple(groups)
    )


def _positions_around_padding(text: Sequence[int], pad_id: int) -> Any:
    import numpy as np

    counted = np.asarray(text) != pad_id
    return np.cumsum(counted) * counted + pad_id


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """One transformer layer; `attention_norm` and `output_norm` are (weight, bias)."""

    query_key_value: Linear
    attention_output: Linear
    intermediate: Linear
    output: Linear
    attention_norm: tuple[Tensor, Tensor]
    output_norm: tuple[Tensor, Tensor]


class Encoder:
    """The encoder of a checkpoint with its weights in place, on its device, in its precision.

    Layers are numbered from 0, the embeddings, as in unbabel-comet."""

    def __init__(
        self, weights: Weights, shape: EncoderShape, *, precision: Precision, device: str, n_layers: int
    ) -> None:
        """`n_layers` of the encoder's layers are kept, the lowest; those above give nothing to the scores.

        Raises: MissingModelError where a weight is missing or has another shape than expected."""
        self.shape = shape
        self._device = device
        self._precision = precision
        taker, width = _Taker(weights, device), shape.width
        narrow = taker.width_of("embeddings.word_embeddings.weight")
        self._words = taker.mapped("embeddings.word_embeddings.weight", (-1, narrow))
        self._file = weights.file
        self._positions = taker.tensor("embeddings.position_embeddings.weight", (shape.n_positions, narrow))
        self._types = taker.tensor("embeddings.token_type_embeddings.weight", (-1, narrow))
        self._norm = None if shape.is_normed_first else taker.norm("embeddings.LayerNorm", narrow)
        self._widen: Linear | None = None
        if shape.kind is EncoderKind.rembert:
            self._widen = taker.linear("encoder.embedding_hidden_mapping_in", (width, narrow), Precision.fp32)
        self._layers = [self._make_layer(taker, index) for index in range(n_layers)]
        is_whole = n_layers == shape.n_layers
        self._last_norm = taker.norm("encoder.LayerNorm", width) if shape.is_normed_first and is_whole else None

    def _make_layer(self, taker: _Taker, index: int) -> _Layer:
        width = self.shape.width
        name, precision = f"encoder.layer.{index}.", self._precision
        inner = taker.height_of(name + "intermediate.dense.weight")
        if self.shape.is_normed_first:
            attention_norm, output_norm = "attention.self_attn_layer_norm", "LayerNorm"
        else:
            attention_norm, output_norm = "attention.output.LayerNorm", "output.LayerNorm"
        parts = [f"{name}attention.self.{part}" for part in ("query", "key", "value")]
        return _Layer(
            query_key_value=taker.joined_linear(parts, (width, width), precision),
            attention_output=taker.linear(name + "attention.output.dense", (width, width), precision),
            intermediate=taker.linear(name + "intermediate.dense", (inner, width), precision, activation="gelu"),
            output=taker.linear(name + "output.dense", (width, inner), precision),
            attention_norm=taker.norm(name + attention_norm, width),
            output_norm=taker.norm(name + output_norm, width),
        )

    def layers(self, texts: PackedTexts) -> Iterator[Tensor]:
        """The output [T, width] of the embeddings and of every layer kept, one after the other, in float32."""
        x = self._embed(texts)
        yield x
        for index, layer in enumerate(self._layers):
            if self.shape.is_normed_first:
                x = x + layer.attention_output(self._attend(layer, self._normed(x, layer.attention_norm), texts.groups))
                x = x + layer.output(layer.intermediate(self._normed(x, layer.output_norm)))
                is_last = index + 1 == self.shape.n_layers
                yield self._normed(x, self._last_norm) if is_last and self._last_norm is not None else x
            else:
                x = self._normed(x + layer.attention_output(self._attend(layer, x, texts.groups)), layer.attention_norm)
                x = self._normed(x + layer.output(layer.intermediate(x)), layer.output_norm)
                yield x

    def _embed(self, texts: PackedTexts) -> Tensor:
        import torch

        # The table of words stays in its file: distinct words are read once, in order.
        distinct, inverse = torch.unique(texts.ids, return_inverse=True)
        if int(distinct[-1]) >= len(self._words):
            raise MissingModelError(
                f"{self._file}: has no vector for the token {int(distinct[-1])}, only for {len(self._words)} tokens "
                "from 0. The encoder's tokenizer is another model's; get the checkpoint and its encoder again."
            )
        words = self._words[distinct].to(self._device, torch.float32)
        x = words[inverse.to(self._device)]
        x += self._positions[texts.positions.to(self._device)]
        x += self._types[0] if texts.text_types is None else self._types[texts.text_types.to(self._device)]
        if self._norm is not None:
            x = self._normed(x, self._norm)
        return x if self._widen is None else self._widen(x).float()

    def _normed(self, x: Tensor, norm: tuple[Tensor, Tensor]) -> Tensor:
        from torch.nn import functional

        return functional.layer_norm(x, x.shape[-1:], norm[0], norm[1], self.shape.norm_epsilon)

    def _attend(self, layer: _Layer, x: Tensor, groups: Sequence[tuple[int, int]]) -> Tensor:
        """Attention of every token to the tokens of its own text."""
        import torch
        from torch.nn import functional

        mixed = layer.query_key_value(x)
        width, heads = self.shape.width, self.shape.n_heads
        attended = torch.empty((len(mixed), width), dtype=mixed.dtype, device=mixed.device)
        start = 0
        for n_texts, n_tokens in groups:
            stop = start + n_texts * n_tokens
            shaped = mixed[start:stop].view(n_texts, n_tokens, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
            of_group = functional.scaled_dot_product_attention(shaped[0], shaped[1], shaped[2])
            attended[start:stop] = of_group.transpose(1, 2).reshape(stop - start, width)
            start = stop
        return attended


class _Taker:
    """Takes weights out of a checkpoint, each under its name and with the shape expected."""

    def __init__(self, weights: Weights, device: str) -> None:
        self._weights = weights
        self._device = device

    def width_of(self, name: str) -> int:
        return int(self._found(name).shape[-1])

    def height_of(self, name: str) -> int:
        return int(self._found(name).shape[0])

    def mapped(self, name: str, shape: tuple[int, int]) -> Tensor:
        """The tensor as it lies in the file."""
        return self._checked(name, shape)

    def tensor(self, name: str, shape: tuple[int, ...]) -> Tensor:
        import torch

        return self._checked(name, shape).to(self._device, torch.float32, copy=True)

    def norm(self, name: str, width: int) -> tuple[Tensor, Tensor]:
        return self.tensor(name + ".weight", (width,)), self.tensor(name + ".bias", (width,))

    def linear(
        self, name: str, shape: tuple[int, int], precision: Precision, *, activation: str | None = None
    ) -> Linear:
        return self.joined_linear([name], shape, precision, activation=activation)

    def joined_linear(
        self, names: Sequence[str], shape: tuple[int, int], precision: Precision, *, activation: str | None = None
    ) -> Linear:
        """One product for several of one shape that read the same: [sum of N, K]."""
        import torch

        weights = [self._checked(name + ".weight", shape) for name in names]
        weight = (weights[0] if len(weights) == 1 else torch.cat(weights)).float()
        bias = torch.cat([self._checked(name + ".bias", shape[:1]) for name in names]).float()
        linear = make_linear(weight, bias, precision=precision, device=self._device, activation=activation)
        for name in names:
            self._weights.let_go(_PREFIX + name + ".weight")
        return linear

    def _checked(self, name: str, shape: tuple[int, ...]) -> Tensor:
        found = self._found(name)
        fits = len(found.shape) == len(shape) and all(
            expected in (-1, size) for expected, size in zip(shape, found.shape, strict=True)
        )
        if not fits:
            raise MissingModelError(
                f"{self._weights.file}: {_PREFIX}{name} has the shape {tuple(found.shape)}; expected {shape} by the "
                "encoder's config.json. The two do not belong together; get the checkpoint and its encoder again."
            )
        return found

    def _found(self, name: str) -> Tensor:
        if _PREFIX + name not in self._weights.tensors:
            raise MissingModelError(
                f"{self._weights.file}: lacks the weight {_PREFIX}{name}. It does not belong to its hparams.yaml and "
                "encoder; get the checkpoint again."
            )
        return self._weights.tensors[_PREFIX + name]
