"""Finding a COMET checkpoint, in the package, on this machine or on the hub, and the files of its encoder."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalharness.errors import MissingModelError
from evalharness.metrics.comet.hub import HUB_NAME, hub_folder
from evalharness.metrics.comet.settings import EncoderKind, Family, ModelSettings, read_family, read_input_segments
from evalharness.metrics.comet.weights import SAFETENSORS, sha256_of

LOCAL = "local"
MINI = "comet-mini"
"""The name of the checkpoint that comes with the package."""
_MINI_FOLDER = Path(__file__).parent / "mini"
_SETTINGS_FILE = "hparams.yaml"
_WEIGHTS_FOLDER = "checkpoints"
_WEIGHTS_FILES = ("model.ckpt", "model" + SAFETENSORS)
_ENCODER_FOLDER = "encoder"
_MINILM_TOKENIZER = "xlm-roberta-base"  # whatever MiniLM it is, in unbabel-comet 2.2.7
_CONFIG_FILE = "config.json"
_TOKENIZER_FILES = ["*.json", "*.model", "*.txt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A published checkpoint as it lies on disk. `revision` is the hub's commit, or `local`."""

    weights: Path
    settings_file: Path
    name: str
    revision: str

    @property
    def folder(self) -> Path:
        return self.settings_file.parent

    def sha256(self) -> str:
        """64 hex digits of the weights file.

        Raises: MissingModelError where its own checksums say that it is damaged."""
        return sha256_of(self.weights)

    def settings(self) -> Mapping[str, Any]:
        """The content of `hparams.yaml`.

        Raises: MissingModelError where it is not a mapping."""
        import yaml

        try:
            content = yaml.safe_load(self.settings_file.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as err:
            raise MissingModelError(f"{self.settings_file}: is not YAML: {err}. Get the checkpoint again.") from err
        if not isinstance(content, dict):
            raise MissingModelError(f"{self.settings_file}: is no mapping of settings. Get the checkpoint again.")
        return content

    def family(self) -> Family:
        """Raises: MissingModelError where the settings name none."""
        return read_family(self.settings(), self.settings_file)

    def reads_references(self) -> bool:
        """Whether the checkpoint makes use of references; unified ones can, and need not."""
        return self.needs_references() or (self.family().reads_texts_together and "ref" in self._inputs())

    def needs_references(self) -> bool:
        """Whether the checkpoint gives no score without a reference."""
        family = self.family()
        if family.reads_texts_together:
            return "src" not in self._inputs()
        return family is not Family.referenceless

    def _inputs(self) -> tuple[str, ...]:
        return read_input_segments(self.settings(), self.settings_file)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderFiles:
    """Where the configuration and the tokenizer of a checkpoint's encoder lie; never its weights."""

    config: Path
    tokenizer: Path


def locate(model: str, revision: str | None) -> Checkpoint:
    """The checkpoint that `model` names: `comet-mini`, a file, a folder, or `owner/name` on the hub, downloaded if need
    be.

    Raises: MissingModelError saying where it was looked for and what to do."""
    if model == MINI:
        return _local(_MINI_FOLDER)
    path = Path(model).expanduser()
    if path.exists():
        return _local(path)
    if HUB_NAME.fullmatch(model) and "/" in model:
        return _on_hub(model, revision)
    raise MissingModelError(
        f"COMET model {model!r}: no such file or folder (looked in {Path.cwd()}), and it is not a name on the hub, "
        f"which has the form owner/name, nor {MINI}, which comes with evalharness."
    )


def encoder_files(checkpoint: Checkpoint, settings: ModelSettings) -> EncoderFiles:
    """The encoder's files: from the checkpoint's own folder `encoder`, from the folder that its settings name, or from
    the hub, downloaded if need be.

    Raises: MissingModelError saying where they were looked for and what to do."""
    own = checkpoint.folder / _ENCODER_FOLDER
    if own.is_dir():
        return EncoderFiles(config=_config_in(own, checkpoint), tokenizer=own)
    folder = _encoder_folder(settings.pretrained_model, checkpoint)
    is_minilm = settings.encoder is EncoderKind.minilm
    tokenizer = _encoder_folder(_MINILM_TOKENIZER, checkpoint) if is_minilm else folder
    return EncoderFiles(config=_config_in(folder, checkpoint), tokenizer=tokenizer)


def _encoder_folder(name: str, checkpoint: Checkpoint) -> Path:
    for folder in (checkpoint.folder / name, Path(name).expanduser()):
        if folder.is_dir():
            return folder
    what = f"the tokenizer and configuration of {name!r}, the encoder of COMET model {checkpoint.name}"
    if not HUB_NAME.fullmatch(name):
        raise MissingModelError(f"{what}: there is no such folder, and it is not a name on the hub.")
    wanted = " ".join(f"'{pattern}'" for pattern in _TOKENIZER_FILES)
    command = f"huggingface-cli download {name} --include {wanted}"
    return hub_folder(name, revision=None, what=what, command=command, patterns=_TOKENIZER_FILES)


def _config_in(folder: Path, checkpoint: Checkpoint) -> Path:
    config = folder / _CONFIG_FILE
    if not config.is_file():
        raise MissingModelError(
            f"{folder}: holds no {_CONFIG_FILE}, so it is not the encoder of COMET model {checkpoint.name}. Get it."
        )
    return config


def _local(path: Path) -> Checkpoint:
    weights = path
    if path.is_dir():
        there = [path / _WEIGHTS_FOLDER / name for name in _WEIGHTS_FILES if (path / _WEIGHTS_FOLDER / name).is_file()]
        if not there:
            raise MissingModelError(
                f"COMET model {path}: the folder holds no {_WEIGHTS_FOLDER}/{_WEIGHTS_FILES[0]} or "
                f"{_WEIGHTS_FOLDER}/{_WEIGHTS_FILES[1]}."
            )
        weights = there[-1]
    settings_file = weights.absolute().parent.parent / _SETTINGS_FILE
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
