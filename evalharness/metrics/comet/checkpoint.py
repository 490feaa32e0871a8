"""Finding a COMET checkpoint, in the package, on this machine or on the hub, and the files of its encoder."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evalharness.errors import ConfigError, MissingModelError, nearest
from evalharness.metrics.comet.checksums import sha256_of
from evalharness.metrics.comet.conversion import CONVERSION_FILE, Conversion, read_conversion
from evalharness.metrics.comet.hub import HUB_NAME, blob_sha256, download_command, hub_folder
from evalharness.metrics.comet.settings import EncoderKind, ModelSettings
from evalharness.metrics.comet.weights import SAFETENSORS

LOCAL = "local"
BUNDLED = "bundled"
MINI = "comet-mini"
"""The name of the checkpoint that comes with the package."""
_MINI_FOLDER = Path(__file__).parent / "mini"
SETTINGS_FILE = "hparams.yaml"
WEIGHTS_FOLDER = "checkpoints"
_WEIGHTS_FILES = ("model.ckpt", "model" + SAFETENSORS)
ENCODER_FOLDER = "encoder"
_MINILM_TOKENIZER = "xlm-roberta-base"  # whatever MiniLM it is, in unbabel-comet 2.2.7
CONFIG_FILE = "config.json"
_ENCODER_PATTERNS = (
    CONFIG_FILE,
    "tokenizer*.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "sentencepiece*.model",
    "vocab.txt",
)
_TOKENIZERS = ("tokenizer.json", "sentencepiece.bpe.model", "sentencepiece.model", "vocab.txt")
_HUB_FILES = ("checkpoints/model.ckpt", SETTINGS_FILE)
_HUB_PATTERNS = (*_HUB_FILES, "LICENSE*", "README.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A published checkpoint as it lies on disk. `revision` is the hub's commit, or `local`.

    `conversion` is there for a checkpoint that was converted; name and revision are then the original's."""

    weights: Path
    settings_file: Path
    name: str
    revision: str
    conversion: Conversion | None = None

    @property
    def folder(self) -> Path:
        return self.settings_file.parent

    def sha256(self) -> str:
        """64 hex digits of the weights file; of a converted checkpoint, those of the original.

        Raises: MissingModelError where checksums in it, the hub's name of it or its conversion say it is damaged."""
        if self.conversion is not None:
            self.conversion.check(self.folder, small=False, large=self.weights)
            return self.conversion.sha256
        expected = blob_sha256(self.weights)
        found = sha256_of(self.weights, with_parts=expected is None)
        if expected is not None and found != expected:
            raise MissingModelError(
                f"{self.weights}: is damaged: expected SHA-256 {expected}, which the hub names it by, found {found}. "
                f"To get it again, delete {self.weights.resolve()} and give the same command on a machine with a "
                "network."
            )
        return found

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


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderFiles:
    """Where the configuration and the tokenizer of a checkpoint's encoder lie; never its weights."""

    config: Path
    tokenizer: Path
    is_converted: bool
    """Whether the tokenizer is in the form in which `comet convert` writes it."""


def locate(model: str, revision: str | None, *, is_offline: bool = False) -> Checkpoint:
    """The checkpoint that `model` names: `comet-mini`, a file, a folder, or `owner/name` on the hub, downloaded if need
    be and `is_offline` does not say that the cache is to do.

    Raises: MissingModelError saying where it was looked for and what to do; ConfigError for a revision of what is not
    on the hub."""
    if revision is not None and not is_on_hub(model):
        raise ConfigError(
            f"COMET model {model!r} with revision {revision!r}: a revision is of a name on the hub, and this is none. "
            "Leave the revision out."
        )
    if model == MINI:
        return replace(_local(_MINI_FOLDER), name=MINI, revision=BUNDLED)
    path = Path(model).expanduser()
    if path.exists():
        return _local(path)
    if HUB_NAME.fullmatch(model) and "/" in model:
        return _on_hub(model, revision, is_offline)
    raise MissingModelError(
        f"COMET model {model!r}: no such file or folder (looked in {Path.cwd()}), and it is not a name on the hub, "
        f"which has the form owner/name, nor {MINI}, which comes with evalharness{nearest(model, [MINI])}"
    )


def is_mini(model: str) -> bool:
    """Whether `model` names the checkpoint that comes with the package, or a file or folder with the same weights."""
    if model == MINI:
        return True
    path = Path(model).expanduser()
    of_model, bundled = (
        folder / WEIGHTS_FOLDER / _WEIGHTS_FILES[0] if folder.is_dir() else folder for folder in (path, _MINI_FOLDER)
    )
    if not of_model.is_file() or of_model.stat().st_size != bundled.stat().st_size:
        return False
    return sha256_of(of_model, with_parts=False) == sha256_of(bundled, with_parts=False)


def is_on_hub(model: str) -> bool:
    """Whether `locate` would look for it on the hub, or in its cache."""
    return model != MINI and not Path(model).expanduser().exists() and HUB_NAME.fullmatch(model) is not None


def command_that_gets(model: str, revision: str | None) -> str:
    """For a shell, of a checkpoint on the hub."""
    return download_command(model, revision, files=_HUB_FILES)


def command_that_gets_encoder(name: str) -> str:
    """For a shell, of the configuration and tokenizer of an encoder on the hub."""
    return download_command(name, None, patterns=_ENCODER_PATTERNS)


def encoder_files(checkpoint: Checkpoint, settings: ModelSettings, *, is_offline: bool = False) -> EncoderFiles:
    """The encoder's files: from the checkpoint's own folder `encoder`, from the folder that its settings name, or from
    the hub, downloaded if need be and `is_offline` does not say that the cache is to do.

    Raises: MissingModelError saying where they were looked for and what to do."""
    own = checkpoint.folder / ENCODER_FOLDER
    name, name_of_tokenizer = settings.pretrained_model, settings.pretrained_model
    if own.is_dir():
        folder, tokenizer = own, own
    else:
        folder = tokenizer = _encoder_folder(name, checkpoint, is_offline)
        if settings.encoder is EncoderKind.minilm:
            name_of_tokenizer = _MINILM_TOKENIZER
            tokenizer = _encoder_folder(name_of_tokenizer, checkpoint, is_offline)
    _check_holds(folder, (CONFIG_FILE,), "configuration", checkpoint, name)
    _check_holds(tokenizer, _TOKENIZERS, "tokenizer", checkpoint, name_of_tokenizer)
    is_converted = own.is_dir() and (checkpoint.conversion is not None or checkpoint.revision == BUNDLED)
    return EncoderFiles(config=folder / CONFIG_FILE, tokenizer=tokenizer, is_converted=is_converted)


def _encoder_folder(name: str, checkpoint: Checkpoint, is_offline: bool) -> Path:
    for folder in (checkpoint.folder / name, Path(name).expanduser()):
        if folder.is_dir():
            return folder
    what = f"the tokenizer and configuration of {name!r}, the encoder of COMET model {checkpoint.name}"
    if name == ENCODER_FOLDER:  # as in a folder that was made to be used without a network
        raise MissingModelError(
            f"{what}: expected the folder {checkpoint.folder / name}, which is missing. Copy it there from where the "
            "checkpoint came from."
        )
    if not HUB_NAME.fullmatch(name):
        raise MissingModelError(f"{what}: there is no such folder, and it is not a name on the hub.")
    command = command_that_gets_encoder(name)
    return hub_folder(
        name, revision=None, what=what, command=command, patterns=_ENCODER_PATTERNS, is_offline=is_offline
    )


def _check_holds(folder: Path, files: Sequence[str], what: str, checkpoint: Checkpoint, name: str) -> None:
    if any((folder / file).is_file() for file in files):
        return
    is_of_hub = folder.parent.name == "snapshots"
    get_it = f"`{command_that_gets_encoder(name)}` on a machine with a network gets it" if is_of_hub else "Put it there"
    raise MissingModelError(
        f"{folder}: holds no {what} ({' or '.join(files)}), which COMET model {checkpoint.name} needs of its encoder. "
        f"{get_it}."
    )


def _local(path: Path) -> Checkpoint:
    weights = path
    if path.is_dir():
        there = [path / WEIGHTS_FOLDER / name for name in _WEIGHTS_FILES if (path / WEIGHTS_FOLDER / name).is_file()]
        if not there:
            raise MissingModelError(
                f"COMET model {path}: the folder holds no {WEIGHTS_FOLDER}/{_WEIGHTS_FILES[0]} or "
                f"{WEIGHTS_FOLDER}/{_WEIGHTS_FILES[1]}."
            )
        weights = there[-1]
    settings_file = weights.absolute().parent.parent / SETTINGS_FILE
    if not settings_file.is_file():
        raise MissingModelError(
            f"COMET model {path}: {SETTINGS_FILE} is missing; expected it at {settings_file}, one folder above the "
            "checkpoint's own, as COMET saves it."
        )
    folder = settings_file.parent
    conversion = read_conversion(folder)
    if conversion is None or not conversion.lists(weights.absolute(), folder):
        if weights.suffix == SAFETENSORS:
            raise MissingModelError(
                f"{weights}: stands by no {CONVERSION_FILE} that lists it, so nothing says whether it is damaged. "
                "Use a folder as `evalharness comet convert` makes it, or the .ckpt file."
            )
        return Checkpoint(weights=weights, settings_file=settings_file, name=folder.name, revision=LOCAL)
    conversion.check(folder, small=True, large=weights.absolute())
    conversion.check_nothing_added(folder)
    return Checkpoint(
        weights=weights.absolute(),
        settings_file=settings_file,
        name=conversion.name,
        revision=conversion.revision,
        conversion=conversion,
    )


@functools.lru_cache(maxsize=16)  # the hub is asked once per run, not once per block of rows
def _on_hub(model: str, revision: str | None, is_offline: bool) -> Checkpoint:
    what = f"COMET model {model!r}" + (f" at revision {revision!r}" if revision is not None else "")
    what += " (no such file or folder here, so a name on the hub)"
    command = command_that_gets(model, revision)
    folder = hub_folder(
        model, revision=revision, what=what, command=command, patterns=_HUB_PATTERNS, is_offline=is_offline
    )
    missing = [name for name in _HUB_FILES if not (folder / name).is_file()]
    if missing:
        raise MissingModelError(
            f"{what}: {folder} lacks {missing[0]}. Either its download was cut short, and `{command}` on a machine "
            "with a network goes on with it; or the repository is no COMET checkpoint."
        )
    weights, settings_file = (folder / name for name in _HUB_FILES)
    return Checkpoint(weights=weights, settings_file=settings_file, name=model, revision=folder.name)
