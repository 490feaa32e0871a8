"""Matrix products of an encoder in the precision asked for, by the fastest means this machine has."""

from __future__ import annotations

import ctypes
import functools
import logging
import sys
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeAlias

Tensor: TypeAlias = Any
Linear: TypeAlias = Callable[[Tensor], Tensor]
"""[T, K] float32 -> [T, N] float32 on the CPU; of the precision's own type on other devices."""

_log = logging.getLogger(__name__)


class Precision(Enum):
    """Of the encoder's matrix products; never changed behind the user's back, always in the signature.

    fp32 and bf16 run anywhere, int8 on CPUs with instructions for it only, tf32 and fp16 on CUDA only."""

    fp32 = "fp32"
    tf32 = "tf32"
    bf16 = "bf16"
    fp16 = "fp16"
    int8 = "int8"


def make_linear(weight: Tensor, bias: Tensor, *, precision: Precision, device: str, activation: str | None) -> Linear:
    """`activation(x @ weight.T + bias)` for a weight [N, K] and a bias [N] in float32; `activation` is `gelu` or None.

    The linear keeps what it needs of the weight; the weight itself can go."""
    if device == "cpu":
        keep_freed_memory()
        if precision is Precision.int8:
            return _int8(weight, bias, activation)
        if _has_packed(precision is Precision.bf16):
            return _packed(weight, bias, activation, bf16=precision is Precision.bf16)
    return _plain(weight, bias, activation, precision, device)


@functools.cache
def int8_problem() -> str | None:
    """Why this machine cannot compute in int8, or None: oneDNN may not be there, and on a processor without VNNI or AMX
    its products of 8 bits are summed up in 16, which overflow."""
    import torch

    n_in = 64
    weight = torch.full((16, n_in), 127, dtype=torch.int8)
    try:
        packed = torch.ops.onednn.qlinear_prepack(weight, None)
        ones, zeros = torch.ones(16), torch.zeros(16, dtype=torch.int32)
        x = torch.full((16, n_in), 255, dtype=torch.uint8)
        found = torch.ops.onednn.qlinear_pointwise(
            x, 1.0, 0, packed, ones, zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )
    except (RuntimeError, AttributeError, NotImplementedError) as err:
        return f"this build of torch has no such products ({str(err).splitlines()[0]})"
    if not bool((found == 255 * 127 * n_in).all()):
        return "this processor has no VNNI or AMX instructions, without which such products overflow"
    return None


@functools.cache
def _has_packed(bf16: bool) -> bool:
    """Whether torch has oneDNN's packed products in a type, on this processor: private operators, 1.3 times as fast as
    its public ones (2026-11)."""
    import torch

    there = bool(torch.backends.mkldnn.is_available()) and all(  # type: ignore[no-untyped-call]
        hasattr(torch.ops.mkldnn, name) for name in ("_reorder_linear_weight", "_linear_pointwise")
    )
    if there:
        try:
            _packed(torch.ones(16, 16), torch.zeros(16), None, bf16=bf16)(torch.ones(16, 16))
        except RuntimeError:  # bf16 on a processor without AVX-512
            there = False
    if not there:
        _log.info("COMET: torch has no packed matrix products here; going on with its plain ones.")
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

    A scale for each token rather than for the batch keeps a text's score independent of what else is in its batch.
    oneDNN multiplies unsigned activations with signed weights, so activations are shifted by 128. The elementwise steps
    are spelt as torch vectorizes them: the plainer addcmul, to(uint8) and vector_norm take 5 to 50 times as long
    (2.13 on one core of a Zen 4, 2026-11)."""
    import torch

    scale = (weight.abs().amax(dim=1) / 127).clamp_min(torch.finfo(torch.float32).tiny)
    quantized = (weight / scale[:, None]).round_().to(torch.int8)
    packed = torch.ops.onednn.qlinear_prepack(quantized, None)
    zero_points = torch.zeros(len(scale), dtype=torch.int32)
    own_bias = bias.clone()
    product = torch.ops.onednn.qlinear_pointwise

    def linear(x: Tensor) -> Tensor:
        peak = torch.maximum(x.amax(dim=1, keepdim=True), x.amin(dim=1, keepdim=True).neg_()).clamp_min_(1e-30)
        signed = (x * (127 / peak)).round_().to(torch.int8)
        shifted = signed.view(torch.uint8).bitwise_xor_(128)
        y = product(shifted, 1.0, 128, packed, scale, zero_points, None, 1.0, 0, torch.float32, "none", [], "")
        y = y.mul_(peak / 127).add_(own_bias)
        return torch.ops.aten.gelu_(y) if activation == "gelu" else y

    return linear


@functools.cache
def keep_freed_memory() -> None:
    """Have glibc keep up to 256 MB of freed memory for the next batch instead of handing it back after each product.

    Fetching it again page by page takes 15 to 25 % of the time of int8 (2026-11). Elsewhere than on Linux with glibc
    nothing happens."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        trim_threshold, mmap_threshold = -1, -3  # of malloc.h
        mallopt(trim_threshold, 256 << 20)
        mallopt(mmap_threshold, 256 << 20)
