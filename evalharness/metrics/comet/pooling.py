"""One vector for every text, from the outputs of all layers of an encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from evalharness.errors import MissingModelError
from evalharness.metrics.comet.encoder import Encoder, EncoderShape, PackedTexts
from evalharness.metrics.comet.settings import ModelSettings, Pooling
from evalharness.metrics.comet.weights import Weights

Tensor: TypeAlias = Any

_NORM_EPSILON = 1e-12  # of unbabel-comet's layer mix


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerMix:
    """The share of every layer in a text's vector, by layer number; layers with none are left out.

    `is_normed`: each layer's output is first brought to mean 0 and variance 1 over all of a text."""

    shares: Mapping[int, float]
    is_normed: bool

    @property
    def n_layers(self) -> int:
        """Layers the encoder must run for it, the embeddings not counted."""
        return max(self.shares, default=0)


def read_mix(settings: ModelSettings, weights: Weights, shape: EncoderShape) -> LayerMix:
    """The mix of a checkpoint: of all layers by its weights, or the one layer its settings name.

    Raises: MissingModelError where the checkpoint has no such layer or weights."""
    import torch

    n_layers = shape.n_layers + 1
    if settings.pooling is Pooling.default:
        return LayerMix(shares={shape.n_layers: 1.0}, is_normed=False)
    if settings.layer is not None:
        if settings.layer >= n_layers:
            raise MissingModelError(
                f"{weights.file}: its settings name layer {settings.layer}; the encoder has {n_layers}, counted from 0."
            )
        return LayerMix(shares={settings.layer: 1.0}, is_normed=False)
    prefix = "layerwise_attention."
    names = [f"{prefix}scalar_parameters.{index}" for index in range(n_layers)]
    missing = [name for name in (*names, prefix + "gamma") if name not in weights.tensors]
    if missing or f"{prefix}scalar_parameters.{n_layers}" in weights.tensors:
        raise MissingModelError(
            f"{weights.file}: expected mixing weights for {n_layers} layers, as the encoder has; "
            + (f"it lacks {missing[0]}." if missing else "it has more. The encoder is another one.")
        )
    scalars = torch.cat([weights.tensors[name].reshape(1).float() for name in names])
    shares = _sparsemax(scalars) if settings.sparse_mix else torch.softmax(scalars, dim=0)
    shares = shares * weights.tensors[prefix + "gamma"].float()
    return LayerMix(
        shares={index: float(share) for index, share in enumerate(shares) if float(share) != 0.0},
        is_normed=settings.layer_norm,
    )


def _sparsemax(scalars: Tensor) -> Tensor:
    """The point of the probability simplex nearest to `scalars` [L]. Source: Martins and Astudillo 2016."""
    import torch

    ordered, _ = torch.sort(scalars, descending=True)
    sums = ordered.cumsum(0) - 1
    counts = torch.arange(1, len(scalars) + 1, dtype=scalars.dtype)
    n_support = int((counts * ordered > sums).sum())
    return torch.clamp(scalars - sums[n_support - 1] / n_support, min=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooler:
    """Turns the layers of packed texts into one vector each; a padding token written in a text counts for nothing."""

    mix: LayerMix
    pooling: Pooling
    pad_id: int

    def begin(self, texts: PackedTexts) -> TextVectors:
        return TextVectors(self, texts)

    def pooled(self, encoder: Encoder, texts: PackedTexts) -> Tensor:
        """[texts, width] float32 on the encoder's device."""
        vectors = self.begin(texts)
        for number, output in enumerate(encoder.layers(texts)):
            vectors.add(number, output)
        return vectors.vectors()


class TextVectors:
    """The vectors of one batch of texts, made layer by layer.

    Mixing and taking a mean are both linear, so layers are pooled first and their few vectors mixed. Taking the largest
    is not: then the tokens of all layers are mixed and pooled last."""

    def __init__(self, pooler: Pooler, texts: PackedTexts) -> None:
        self._mix = pooler.mix
        self._pooling = Pooling.cls if pooler.pooling is Pooling.default else pooler.pooling
        self._groups = texts.groups
        is_padding = texts.ids == pooler.pad_id
        self._is_padding = is_padding[:, None] if bool(is_padding.any()) else None
        self._total: Tensor | None = None

    def add(self, number: int, output: Tensor) -> None:
        """Take in the output [T, width] of a layer."""
        if number not in self._mix.shares:
            return
        tokens = output.float()
        if self._mix.is_normed:
            tokens = self._normed(tokens)
        part = tokens if self._pooling is Pooling.max else self._pooled(tokens)
        part = part * self._mix.shares[number]
        self._total = part if self._total is None else self._total + part

    def vectors(self) -> Tensor:
        """[texts, width] float32.

        Raises: MissingModelError where no layer has a share."""
        if self._total is None:
            raise MissingModelError("the checkpoint mixes its layers with weights that are all 0; get it again.")
        return self._pooled(self._total) if self._pooling is Pooling.max else self._total

    def _pooled(self, tokens: Tensor) -> Tensor:
        """[T, width] -> [texts, width]. In a mean the tokens of padding count as 0, as in unbabel-comet."""
        import torch

        if self._pooling is Pooling.cls:
            return torch.cat([part[:, 0] for part in self._by_text(tokens)])
        if self._is_padding is not None:
            fill = float("-inf") if self._pooling is Pooling.max else 0.0
            tokens = tokens.masked_fill(self._is_padding.to(tokens.device), fill)
        if self._pooling is Pooling.max:
            return torch.cat([part.amax(dim=1) for part in self._by_text(tokens)])
        return torch.cat([part.mean(dim=1) for part in self._by_text(tokens)])

    def _normed(self, tokens: Tensor) -> Tensor:
        """Every text brought to mean 0 and variance 1 over all of its tokens and their numbers."""
        import torch

        normed = []
        for part in self._by_text(tokens):
            variance, mean = torch.var_mean(part, dim=(1, 2), unbiased=False, keepdim=True)
            normed.append(((part - mean) / torch.sqrt(variance + _NORM_EPSILON)).flatten(0, 1))
        return torch.cat(normed)

    def _by_text(self, tokens: Tensor) -> list[Tensor]:
        """Views [texts, tokens, width], one for each group of texts of equal length."""
        views, start = [], 0
        for n_texts, n_tokens in self._groups:
            stop = start + n_texts * n_tokens
            views.append(tokens[start:stop].view(n_texts, n_tokens, tokens.shape[-1]))
            start = stop
        return views
