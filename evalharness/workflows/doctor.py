"""What a run would find on this machine: packages, processor, devices, memory and disk."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalharness.errors import MissingDependencyError
from evalharness.folders import cache_folder
from evalharness.metrics.comet.backend import import_torch
from evalharness.metrics.compiled.library import load_counters

_PACKAGES = (
    "evalharness", "numpy", "torch", "transformers", "tokenizers", "safetensors", "huggingface_hub", "sacrebleu",
    "unbabel-comet", "sentencex", "pyarrow", "pandas", "scipy", "hydra-core",
)  # fmt: skip
_INSTRUCTIONS = {
    # By the name of the function of torch.cpu that tells, private ones: asked for only where they are there.
    "AVX2": "_is_avx2_supported",
    "AVX-512": "_is_avx512_supported",
    "VNNI": "_is_vnni_supported",
    "AVX-512 BF16": "_is_avx512_bf16_supported",
    "AMX tiles": "_is_amx_tile_supported",
    "AMX FP16": "_is_amx_fp16_supported",
}
_MEMORY_FILE = Path("/proc/meminfo")
_PROCESSOR_FILE = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """`n_usable` is how many of its cores this process may use; threads and instructions are those torch uses, None
    where there is no torch or it does not tell."""

    name: str
    n_cores: int
    n_usable: int
    torch_threads: int | None
    torch_capability: str | None
    instructions: Mapping[str, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """Whether BLEU, chrF and TER are counted in compiled code; where not, sacreBLEU counts and `reason` says why."""

    is_compiled: bool
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """What lies below a folder, and what is free on its disk."""

    purpose: str
    path: Path
    is_there: bool
    n_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Versions are None for packages that are not installed; memory is None where the system does not tell."""

    python: str
    system: str
    versions: Mapping[str, str | None]
    processor: Processor
    counting: Counting
    devices: tuple[str, ...]
    memory_bytes: int | None
    free_memory_bytes: int | None
    folders: tuple[Folder, ...]


def describe_machine(results: Path) -> Machine:
    """Everything about this machine that decides whether and how fast metrics run; computes nothing."""
    torch = _torch()
    return Machine(
        python=platform.python_version(),
        system=platform.platform(),
        versions={package: _version(package) for package in _PACKAGES},
        processor=_processor(torch),
        counting=_counting(),
        devices=_devices(torch),
        memory_bytes=_memory("MemTotal"),
        free_memory_bytes=_memory("MemAvailable"),
        folders=tuple(_folder(purpose, path) for purpose, path in _folders(results).items()),
    )


def _torch() -> Any:
    """None where it is not there or cannot be imported."""
    try:
        return import_torch()
    except MissingDependencyError:
        return None


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor(torch: Any) -> Processor:
    n_cores = os.cpu_count() or 1
    cpu = getattr(torch, "cpu", None)
    tell = {name: getattr(cpu, function, None) for name, function in _INSTRUCTIONS.items()}
    return Processor(
        name=_line_of(_PROCESSOR_FILE, "model name") or platform.processor() or platform.machine(),
        n_cores=n_cores,
        n_usable=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else n_cores,
        torch_threads=None if torch is None else int(torch.get_num_threads()),
        torch_capability=None if torch is None else str(torch.backends.cpu.get_cpu_capability()),
        instructions={name: bool(function()) for name, function in tell.items() if function is not None},
    )


def _counting() -> Counting:
    try:
        load_counters()
    except MissingDependencyError as err:
        return Counting(is_compiled=False, reason=str(err))
    return Counting(is_compiled=True, reason=None)


def _devices(torch: Any) -> tuple[str, ...]:
    if torch is None:
        return ()
    found = ["cpu"]
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        properties = torch.cuda.get_device_properties(number)
        found.append(f"cuda:{number} ({properties.name}, {properties.total_memory / 2**30:.0f} GiB)")
    if torch.backends.mps.is_available():
        found.append("mps")
    return tuple(found)


def _folders(results: Path) -> dict[str, Path]:
    folders = {"records": results, "cache of rows and embeddings": cache_folder()}
    try:
        from huggingface_hub import constants
    except ImportError:
        return folders
    return {**folders, "cache of the hub": Path(constants.HF_HUB_CACHE)}


def _folder(purpose: str, path: Path) -> Folder:
    path = path.absolute()
    nearest = next(one for one in (path, *path.parents) if one.exists())
    return Folder(
        purpose=purpose,
        path=path,
        is_there=path.is_dir(),
        n_bytes=_size(path),
        free_bytes=shutil.disk_usage(nearest).free,
    )


def _size(folder: Path) -> int:
    """In bytes, links not followed; what cannot be read counts for nothing."""
    n_bytes = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                n_bytes += os.lstat(os.path.join(where, name)).st_size
            except OSError:  # gone since, or not ours to see
                continue
    return n_bytes


def _memory(name: str) -> int | None:
    line = _line_of(_MEMORY_FILE, name)
    return int(line.split()[0]) * 1024 if line is not None else None


def _line_of(file: Path, name: str) -> str | None:
    """What a file of the form `name: value` says, where the system has it."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name), None)
