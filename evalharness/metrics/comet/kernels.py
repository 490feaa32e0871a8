"""Matrix products of an encoder in the precision asked for, by the fastest means this machine has."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeAlias

Tensor: TypeAlias = Any
Linear: TypeAlias = Callable[[Tensor], Tensor]
"""[T, K] float32 -> [T, N] float32 on the CPU; of the precision's own type on other devices."""

_log = logging.getLogger(__name__)


class Precision(Enum):
    """Of the encoder's matrix products; never changed behind the user's back, always in the signature.

    fp32 and bf16 run anywhere, int8 on the CPU only, tf32 and fp16 on CUDA only."""

    fp32 = "fp32"
    tf32 = "tf32"
    bf16 = "bf16"
    fp16 = "fp16"
    int8 = "int8"


def make_linear(weight: Tensor, bias: Tensor, *, precision: Precision, device: str, activation: str | None) -> Linear:
    """`activation(x @ weight.T + bias)` for a weight [N, K] and a bias [N] in float32; `activation` is `gelu` or None.

    The linear keeps what it needs of the weight; the weight itself can go."""
    if device == "cpu":
        if precision is Precision.int8:
            return _int8(weight, bias, activation)
        if _has_packed():
            return _packed(weight, bias, activation, bf16=precision is Precision.bf16)
    return _plain(weight, bias, activation, precision, device)


@functools.cache
def _has_packed() -> bool:
    """Whether torch has oneDNN's packed products: private operators, 1.3 times as fast as its public ones (2026-11)."""
    import torch

    there = bool(torch.backends.mkldnn.is_available()) and all(  # type: ignore[no-untyped-call]
        hasattr(torch.ops.mkldnn, name) for name in ("_reorder_linear_weight", "_linear_pointwise")
    )
    if not there:
        _log.info("COMET: this torch has no packed matrix products; going on with its plain ones.")
    return there


def _plain(weight: Tensor, bias: Tensor, activation: str | None, precision: Precision, device: str) -> Linear:
    import torch
    from torch.nn import functional

    dtype = {Precision.bf16: torch.bfloat16, Precision.fp16: torch.float16}.get(precision, torch.float32)
    own_weight, own_bias = weight.to(device, dtype, copy=True), bias.to(device, dtype, copy=True)
    keeps_type = device != "cpu"

    def linear(x: Tensor) -> Tensor:
        product = functional.linear(x.to(dtype), own_weight, own_bias)
        if activation == "gelu":
            product = functional.gelu(product)
        return product if keeps_type else product.float()

    return linear


def _packed(weight: Tensor, bias: Tensor, activation: str | None, *, bf16: bool) -> Linear:
    import torch

    dtype = torch.bfloat16 if bf16 else torch.float32
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.to(dtype))
    own_bias = bias.to(dtype, copy=True)
    post, algorithm = ("gelu", "none") if activation == "gelu" else ("none", "")
    product = torch.ops.mkldnn._linear_pointwise

    def linear(x: Tensor) -> Tensor:
        return product(x.to(dtype), packed, own_bias, post, [], algorithm).float()

    return linear


def _int8(weight: Tensor, bias: Tensor, activation: str | None) -> Linear:
    """Weights in 8 bits with a scale for each output, activations in 8 bits with a scale for each token.

    oneDNN multiplies unsigned activations with signed weights, so activations are shifted by 128. A scale for each
    token rather than for the batch keeps a text's score independent of what else is in its batch."""
    import torch
    from torch.nn import functional

    scale = (weight.abs().amax(dim=1) / 127).clamp_min(torch.finfo(torch.float32).tiny)
    quantized = (weight / scale[:, None]).round_().to(torch.int8)
    packed = torch.ops.onednn.qlinear_prepack(quantized, None)
    zero_points = torch.zeros(len(scale), dtype=torch.int32)
    own_bias = bias.clone()
    shift = torch.tensor(128.5)  # 0.5 because the conversion below cuts
    product = torch.ops.onednn.qlinear_pointwise

    def linear(x: Tensor) -> Tensor:
        peak = torch.linalg.vector_norm(x, float("inf"), dim=1, keepdim=True).clamp_min_(1e-30)
        shifted = torch.addcmul(shift, x, 127 / peak).to(torch.uint8)
        y = product(shifted, 1.0, 128, packed, scale, zero_points, None, 1.0, 0, torch.float32, "none", [], "")
        y = torch.addcmul(own_bias, y, peak / 127, out=y)
        return functional.gelu(y) if activation == "gelu" else y

    return linear
