"""A checkpoint with its encoder's configuration and tokenizer in one folder, which needs no network."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from evalharness.errors import InputError
from evalharness.metrics.comet.backend import import_torch
from evalharness.metrics.comet.checkpoint import (
    CONFIG_FILE,
    ENCODER_FOLDER,
    SETTINGS_FILE,
    WEIGHTS_FOLDER,
    Checkpoint,
    encoder_files,
    locate,
)
from evalharness.metrics.comet.checksums import sha256_of
from evalharness.metrics.comet.conversion import Conversion, ConvertedFile, write_conversion
from evalharness.metrics.comet.model import merged_settings, model_settings
from evalharness.metrics.comet.settings import ModelSettings
from evalharness.metrics.comet.tokens import load_by_transformers
from evalharness.metrics.comet.weights import Weights, read_weights, write_lightning, write_safetensors
from evalharness.textio import write_text

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
_PRETRAINED = "pretrained_model"
_PATCHED, _PATCHED_TO = "sparsemax_patch", "softmax"


class WeightsFormat(Enum):
    """Of the converted weights: mapped into memory as they lie, or as unbabel-comet reads them."""

    safetensors = "safetensors"
    ckpt = "ckpt"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedCheckpoint:
    """What was written, and where."""

    folder: Path
    conversion: Conversion
    n_bytes: int


def convert(
    model: str, *, output: Path, revision: str | None, weights_format: WeightsFormat, version: str
) -> ConvertedCheckpoint:
    """Write a folder that `locate` opens as the same checkpoint: same scores, same signature, no other files needed.

    The folder is whole or not there. `version` is that of evalharness, for the record.

    Raises: InputError where the folder exists; MissingModelError where the checkpoint or its encoder is not there."""
    if output.exists() or output.is_symlink():
        raise InputError(f"{output}: exists already; expected the name of a new folder. Choose another, or remove it.")
    checkpoint = locate(model, revision)
    sha256 = checkpoint.sha256()  # before its weights are read: a damaged file says so
    import_torch()
    weights = read_weights(checkpoint.weights)
    settings = model_settings(checkpoint, weights)
    folder = output.absolute().resolve()
    with _appearing(folder) as temporary:
        _write_encoder(temporary / ENCODER_FOLDER, checkpoint, settings)
        _write_model(temporary, folder, weights, merged_settings(checkpoint, weights), weights_format)
        for licence in checkpoint.folder.glob("LICENSE*"):
            shutil.copyfile(licence, temporary / licence.name)
        written = sorted(path for path in temporary.rglob("*") if path.is_file())
        conversion = Conversion(
            name=checkpoint.name,
            revision=checkpoint.revision,
            sha256=sha256,
            evalharness=version,
            files=tuple(
                ConvertedFile(path=path.relative_to(temporary).as_posix(), sha256=sha256_of(path, with_parts=False))
                for path in written
            ),
        )
        write_conversion(temporary, conversion)
        n_bytes = sum(path.stat().st_size for path in written)
    return ConvertedCheckpoint(folder=output, conversion=conversion, n_bytes=n_bytes)


def _write_encoder(folder: Path, checkpoint: Checkpoint, settings: ModelSettings) -> None:
    """The encoder's configuration as it is, and its tokenizer as transformers writes it for unbabel-comet's class."""
    files = encoder_files(checkpoint, settings)
    with tempfile.TemporaryDirectory(dir=folder.parent) as saved:
        load_by_transformers(files.tokenizer, settings.encoder).save_pretrained(saved)
        folder.mkdir()
        for name in _TOKENIZER_FILES:
            if (Path(saved) / name).is_file():
                shutil.copyfile(Path(saved) / name, folder / name)
    shutil.copyfile(files.config, folder / CONFIG_FILE)


def _write_model(
    temporary: Path, final: Path, weights: Weights, settings: Mapping[str, Any], weights_format: WeightsFormat
) -> None:
    """Weights, and the settings beside them. What unbabel-comet reads names the encoder by its full path: it looks
    relative ones up from the working directory."""
    import yaml

    (temporary / WEIGHTS_FOLDER).mkdir()
    file = temporary / WEIGHTS_FOLDER / f"model.{weights_format.value}"
    if weights_format is WeightsFormat.safetensors:
        beside = {**settings, _PRETRAINED: ENCODER_FOLDER}
        write_safetensors(file, weights)
    else:
        beside = {**settings, _PRETRAINED: str(final / ENCODER_FOLDER)}
        inside = dict(beside)
        if inside.get("layer_transformation") == _PATCHED:
            inside["layer_transformation"] = _PATCHED_TO  # as every version computes it; the patch is told by the yaml
        write_lightning(file, weights, inside)
    write_text(temporary / SETTINGS_FILE, yaml.safe_dump(beside, sort_keys=True, allow_unicode=True))


@contextmanager
def _appearing(folder: Path) -> Iterator[Path]:
    """A temporary folder beside `folder`, which becomes it when the block ends and is removed where the block fails."""
    if not folder.parent.is_dir():
        raise InputError(f"{folder.parent}: no such folder to write {folder.name!r} into. Make it first.")
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=".evalharness-tmp"))
    try:
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o777 & ~umask)
        yield temporary
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
