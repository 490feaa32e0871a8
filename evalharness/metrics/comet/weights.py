"""The weights in a checkpoint file, mapped into memory and read without running anything the file may hold."""

from __future__ import annotations

import ctypes
import json
import mmap
import re
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalharness.errors import MissingModelError
from evalharness.metrics.comet.checksums import damaged

SAFETENSORS = ".safetensors"
_LINE_BYTES = 64
_POINTER = b"version https://git-lfs"
_LIGHTNING_VERSION = "2.0.0"  # the oldest that unbabel-comet 2.2 takes; newer ones read its files as their own
_SAFETENSORS_TYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32",
    "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Tensors by name, and the settings that a Lightning checkpoint carries beside them (None where there are none).

    `mapped` names the tensors that are pages of the file, which come into memory as they are read."""

    file: Path
    tensors: Mapping[str, Any]
    settings: Mapping[str, Any] | None
    mapped: frozenset[str]

    def let_go(self, name: str) -> None:
        """Give the memory of a mapped tensor back to the system; it is read from the file again when it is needed."""
        if name in self.mapped and sys.platform == "linux":
            _drop_pages(self.tensors[name])


def read_weights(file: Path) -> Weights:
    """The weights of a `.ckpt` or `.safetensors` file; what is not used is not read from disk.

    Raises: MissingModelError where the file is damaged, or holds more than weights and plain settings."""
    if file.suffix == SAFETENSORS:
        return _read_safetensors(file)
    import pickle

    import torch

    _refuse_pointer(file)
    try:
        is_mapped = zipfile.is_zipfile(file)  # files of the format before torch 1.6 cannot be
        content = torch.load(file, map_location="cpu", weights_only=True, mmap=is_mapped)
        tensors = dict(content["state_dict"])
        settings = content.get("hyper_parameters")
    except pickle.UnpicklingError as err:
        named = re.search(r"GLOBAL ([\w.]+)|([\w.]+) was not an allowed global", str(err))
        if named is None:  # what torch says then advises to load it with code and all
            raise damaged(file, ValueError("it does not begin as a file of weights does")) from err
        raise MissingModelError(
            f"{file}: holds more than weights: it names {named.group(1) or named.group(2)}, and loading that could run "
            "code. It was not loaded. Use a checkpoint from a source you trust, saved as weights and plain settings."
        ) from err
    except (
        zipfile.BadZipFile,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ) as err:
        raise damaged(file, err) from err
    if not all(isinstance(tensor, torch.Tensor) for tensor in tensors.values()):
        raise MissingModelError(f"{file}: its state_dict holds something other than tensors. Get the checkpoint again.")
    return Weights(
        file=file,
        tensors=tensors,
        settings=settings if isinstance(settings, Mapping) else None,
        mapped=frozenset(tensors) if is_mapped else frozenset(),
    )


def _refuse_pointer(file: Path) -> None:
    """Raises: MissingModelError for what `git clone` leaves in place of a large file without Git LFS."""
    try:
        with open(file, "rb") as raw:
            is_pointer = raw.read(len(_POINTER)) == _POINTER
    except OSError as err:
        raise damaged(file, err) from err
    if is_pointer:
        raise MissingModelError(
            f"{file}: is a pointer of Git LFS, not the weights themselves. Install Git LFS and run `git lfs pull` "
            "there, or get the checkpoint with `evalharness comet convert OWNER/NAME --output FOLDER`."
        )


def _read_safetensors(file: Path) -> Weights:
    """The package safetensors says what is in the file; the mapping is our own, so that its pages can be let go."""
    import torch
    from safetensors import SafetensorError, safe_open

    types = {there: getattr(torch, here) for here, there in _SAFETENSORS_TYPES.items()}
    tensors, mapped = {}, set()
    try:
        with safe_open(file, framework="pt") as content, open(file, "rb") as raw:  # refuses what is no such file
            n_head = int.from_bytes(raw.read(8), "little")
            entries = json.loads(raw.read(n_head))
            pages = torch.from_file(str(file), shared=False, size=file.stat().st_size, dtype=torch.uint8)
            for name in content.keys():  # noqa: SIM118  it is no mapping
                entry = entries[name]
                dtype, (start, stop) = types.get(entry["dtype"]), (8 + n_head + at for at in entry["data_offsets"])
                if dtype is None or start % dtype.itemsize:
                    tensors[name] = content.get_tensor(name)
                else:
                    tensors[name] = pages[start:stop].view(dtype).view(entry["shape"])
                    mapped.add(name)
    except (SafetensorError, OSError, ValueError, RuntimeError) as err:
        raise damaged(file, err) from err
    return Weights(file=file, tensors=tensors, settings=None, mapped=frozenset(mapped))


def write_safetensors(file: Path, weights: Weights) -> None:
    """Write the tensors as they are, one in memory at a time.

    Sizes that keep the next tensor on a cache line come first, then the larger types, so that all can be mapped.

    Raises: MissingModelError for a type of number that the format does not have."""
    import torch

    tensors = sorted(
        weights.tensors.items(), key=lambda one: (one[1].nbytes % _LINE_BYTES != 0, -one[1].itemsize, one[0])
    )
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    start = 0
    for name, tensor in tensors:
        if (dtype := _SAFETENSORS_TYPES.get(str(tensor.dtype).removeprefix("torch."))) is None:
            raise MissingModelError(f"{weights.file}: {name} holds {tensor.dtype}, which {file.suffix} files cannot.")
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [start, start + tensor.nbytes]}
        start += tensor.nbytes
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-(8 + len(head)) % _LINE_BYTES)
    with open(file, "wb") as written:
        written.write(len(head).to_bytes(8, "little") + head)
        for name, tensor in tensors:
            written.write(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
            weights.let_go(name)


def write_lightning(file: Path, weights: Weights, settings: Mapping[str, Any]) -> None:
    """Write a `.ckpt` file as PyTorch Lightning does, with `settings` as what the model was built with."""
    import torch

    content = {
        "epoch": 0,
        "global_step": 0,
        "pytorch-lightning_version": _LIGHTNING_VERSION,
        "state_dict": dict(weights.tensors),
        "hparams_name": "kwargs",
        "hyper_parameters": dict(settings),
    }
    with open(file, "wb") as written:  # where the disk is full, it says so; torch by itself does not
        torch.save(content, written)


def _drop_pages(tensor: Any) -> None:
    """Only for tensors of a private mapping that nobody wrote to: of others, what was written would be lost."""
    page = mmap.PAGESIZE
    start = -(-tensor.data_ptr() // page) * page
    stop = (tensor.data_ptr() + tensor.nbytes) // page * page
    if stop > start:
        advice = 4  # MADV_DONTNEED, which Python names in mmap only for its own mappings
        ctypes.CDLL(None, use_errno=True).madvise(ctypes.c_void_p(start), ctypes.c_size_t(stop - start), advice)
