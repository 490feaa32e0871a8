"""Finding a COMET checkpoint, on this machine or on the hub, and saying what is wrong when it is not there."""

from __future__ import annotations

import errno
import functools
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalharness.errors import MissingDependencyError, MissingModelError

LOCAL = "local"
HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
"""Of a repository on the hub: `owner/name`, or `name` for the oldest ones, encoders such as xlm-roberta-large."""
_SETTINGS_FILE = "hparams.yaml"
_UNIFIED = ("unified_metric", "xcomet_metric")
_FAMILIES = ("regression_metric", "referenceless_regression_metric", "ranking_metric", *_UNIFIED)
_ETAG_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A published checkpoint as it lies on disk. `revision` is the hub's commit, or `local`."""

    weights: Path
    settings_file: Path
    name: str
    revision: str

    def sha256(self) -> str:
        """64 hex digits of the weights file."""
        stat = self.weights.stat()
        return _sha256(str(self.weights), stat.st_size, stat.st_mtime_ns)

    def settings(self) -> Mapping[str, Any]:
        """The content of `hparams.yaml`.

        Raises: MissingModelError where it is not a mapping with a `class_identifier`."""
        import yaml

        try:
            content = yaml.safe_load(self.settings_file.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as err:
            raise MissingModelError(f"{self.settings_file}: is not YAML: {err}. Get the checkpoint again.") from err
        if not isinstance(content, dict) or "class_identifier" not in content:
            raise MissingModelError(
                f"{self.settings_file}: has no entry class_identifier, so it does not say which family the checkpoint "
                "is of. It is written beside checkpoints that COMET 1.0 or newer saved."
            )
        return content

    def family(self) -> str:
        """The checkpoint's `class_identifier`, one of those unbabel-comet knows.

        Raises: MissingModelError for another."""
        family = self.settings()["class_identifier"]
        if family not in _FAMILIES:
            raise MissingModelError(
                f"{self.settings_file}: class_identifier {family!r} is no family of COMET checkpoints; "
                f"expected one of {', '.join(_FAMILIES)}."
            )
        return str(family)

    def reads_references(self) -> bool:
        """Whether the checkpoint makes use of references; unified ones can, and need not."""
        return self.needs_references() or (self.family() in _UNIFIED and "ref" in self._unified_inputs())

    def needs_references(self) -> bool:
        """Whether the checkpoint gives no score without a reference."""
        family = self.family()
        if family in _UNIFIED:
            return self._unified_inputs() == ["mt", "ref"]
        return family != "referenceless_regression_metric"

    def _unified_inputs(self) -> list[str]:
        inputs = self.settings().get("input_segments", ["mt", "src", "ref"])
        if not isinstance(inputs, list) or not all(isinstance(name, str) for name in inputs):
            raise MissingModelError(f"{self.settings_file}: input_segments {inputs!r}: expected a list of names.")
        return inputs


def locate(model: str, revision: str | None) -> Checkpoint:
    """The checkpoint that `model` names: a file, a folder, or `owner/name` on the hub, downloaded if need be.

    Raises: MissingModelError saying where it was looked for and what to do."""
    path = Path(model).expanduser()
    if path.exists():
        return _local(path)
    if HUB_NAME.fullmatch(model) and "/" in model:
        return _on_hub(model, revision)
    raise MissingModelError(
        f"COMET model {model!r}: no such file or folder (looked in {Path.cwd()}), and it is not a name on the hub, "
        "which has the form owner/name."
    )


def _local(path: Path) -> Checkpoint:
    weights = path
    if path.is_dir():
        weights = path / "checkpoints" / "model.ckpt"
        if not weights.is_file():
            raise MissingModelError(f"COMET model {path}: the folder holds no checkpoints/model.ckpt.")
    settings_file = weights.resolve().parent.parent / _SETTINGS_FILE
    if not settings_file.is_file():
        raise MissingModelError(
            f"COMET model {path}: {_SETTINGS_FILE} is missing; expected it at {settings_file}, one folder above the "
            "checkpoint's own, as COMET saves it."
        )
    return Checkpoint(weights=weights, settings_file=settings_file, name=settings_file.parent.name, revision=LOCAL)


@functools.lru_cache(maxsize=16)  # the hub is asked once per run, not once per block of rows
def _on_hub(model: str, revision: str | None) -> Checkpoint:
    what = f"COMET model {model!r}" + (f" at revision {revision!r}" if revision is not None else "")
    what += " (no such file or folder here, so a name on the hub)"
    command = f"huggingface-cli download {model}" + (f" --revision {revision}" if revision is not None else "")
    folder = hub_folder(model, revision=revision, what=what, command=command)
    weights, settings_file = folder / "checkpoints" / "model.ckpt", folder / _SETTINGS_FILE
    if not (weights.is_file() and settings_file.is_file()):
        raise MissingModelError(
            f"{what}: {folder} lacks checkpoints/model.ckpt or {_SETTINGS_FILE}, so it is not a COMET checkpoint, or "
            "its download was cut short; delete that folder and try again."
        )
    return Checkpoint(weights=weights, settings_file=settings_file, name=model, revision=folder.name)


def hub_folder(name: str, *, revision: str | None, what: str, command: str, patterns: list[str] | None = None) -> Path:
    """The folder of the cache that holds a repository of the hub, downloaded if need be; `patterns` choose its files.

    Raises: MissingModelError that begins with `what` and, where the hub cannot be reached, names `command`."""
    try:
        from huggingface_hub import constants, snapshot_download
        from huggingface_hub import errors as hub
    except ImportError as err:
        raise MissingDependencyError(
            f"{what} is a name on the hub, and huggingface_hub cannot be imported: {err}. "
            "Install it with pip install huggingface_hub."
        ) from err
    get_it = (
        f"On a machine with a network, `{command}` puts it into the cache (HF_HOME names the cache); or point model at "
        "a folder that holds checkpoints/model.ckpt and hparams.yaml."
    )
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=patterns, etag_timeout=_ETAG_TIMEOUT_S))
    except hub.GatedRepoError as err:
        raise MissingModelError(
            f"{what} is gated: accept its licence on its page on the hub, then log in with `huggingface-cli login` (or "
            "set HF_TOKEN)."
        ) from err
    except hub.RevisionNotFoundError as err:
        raise MissingModelError(f"{what}: the hub has no revision {revision!r} of it.") from err
    except hub.RepositoryNotFoundError as err:
        raise MissingModelError(
            f"{what}: not on the hub, or private. Check the name; for a private one log in with "
            "`huggingface-cli login`."
        ) from err
    except hub.LocalEntryNotFoundError as err:
        why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else "the hub cannot be reached"
        raise MissingModelError(f"{what}: not in the cache {constants.HF_HUB_CACHE}, and {why}. {get_it}") from err
    except OSError as err:
        if err.errno == errno.ENOSPC:
            raise MissingModelError(
                f"{what}: no disk space left in {constants.HF_HUB_CACHE}. Free some or move the cache with HF_HOME; a "
                "download that was begun is continued."
            ) from err
        raise MissingModelError(f"{what}: cannot be downloaded: {err}. {get_it}") from err


def weight_names(weights: Path) -> frozenset[str]:
    """The names of the weights in a checkpoint, read without running anything the file may hold.

    Raises: MissingModelError where the file is damaged, or holds more than weights and plain settings."""
    import pickle
    import zipfile

    import torch

    try:
        mapped = zipfile.is_zipfile(weights)  # files of the format before torch 1.6 cannot be
        content = torch.load(weights, map_location="cpu", weights_only=True, mmap=mapped)
        return frozenset(content["state_dict"])
    except pickle.UnpicklingError as err:
        named = re.search(r"GLOBAL ([\w.]+)|([\w.]+) was not an allowed global", str(err))
        what = f"it names {named.group(1) or named.group(2)}" if named else str(err).splitlines()[0]
        raise MissingModelError(
            f"{weights}: holds more than weights: {what}, and loading that could run code. It was not loaded. Use a "
            "checkpoint from a source you trust, saved as weights and plain settings."
        ) from err
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError) as err:
        what = str(err).splitlines()[0] if str(err) else type(err).__name__
        raise MissingModelError(f"{weights}: is damaged or is no COMET checkpoint ({what}). Get it again.") from err


@functools.lru_cache(maxsize=16)
def _sha256(path: str, size: int, mtime_ns: int) -> str:
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        block = memoryview(bytearray(1 << 20))
        while n_read := file.readinto(block):
            digest.update(block[:n_read])
    return digest.hexdigest()
