"""What a checkpoint says of its model, and what belongs to it, checked before its weights are read."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from evalharness.errors import MissingModelError
from evalharness.fingerprint import fingerprint
from evalharness.metrics.comet.checkpoint import Checkpoint, EncoderFiles, encoder_files
from evalharness.metrics.comet.checksums import file_state, remembered
from evalharness.metrics.comet.encoder import EncoderShape, read_shape
from evalharness.metrics.comet.settings import Family, ModelSettings, read_family, read_settings, refuse_unknown
from evalharness.metrics.comet.tokens import Tokenizer, open_tokenizer
from evalharness.metrics.comet.weights import Weights, read_weights

_LAYER = re.compile(r"encoder\.model\.encoder\.layer\.(\d+)\.")
_KNOWN_NAMES = re.compile(
    r"encoder\.model\.("
    r"embeddings\.((word|position|token_type)_embeddings\.weight|LayerNorm\.(weight|bias)|position_ids|token_type_ids)|"
    r"encoder\.(LayerNorm|embedding_hidden_mapping_in)\.(weight|bias)|"
    r"encoder\.layer\.\d+\.(attention\.(self\.(query|key|value)|output\.(dense|LayerNorm)|self_attn_layer_norm)|"
    r"(intermediate|output)\.dense|output\.LayerNorm|LayerNorm)\.(weight|bias)|"
    r"pooler\.dense\.(weight|bias))|"  # built with the encoder, read by no COMET model
    r"layerwise_attention\.(scalar_parameters\.\d+|gamma|dropout_mask|dropout_fill)|"
    r"estimator\.ff\.\d+\.(weight|bias)|hidden2tag\.(weight|bias)|"
    r"(wordloss|sentloss|loss)\.weight"  # of training
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A checkpoint without its weights. `content` is the fingerprint of all that decides a score beside them: settings,
    the encoder's shape and its tokenizer, wherever they lie."""

    settings: ModelSettings
    files: EncoderFiles
    shape: EncoderShape
    content: str
    tokenizer: str
    """As `Tokenizer.from_content` opens it."""

    def open_tokenizer(self) -> Tokenizer:
        return Tokenizer.from_content(self.tokenizer)


_examined: dict[tuple[Checkpoint, str], tuple[Model, tuple[object, ...]]] = {}


def examine(checkpoint: Checkpoint, sha256: str) -> Model:
    """What can be known without reading the weights themselves; `sha256` says which state of their file it was.

    Files are read again when they have changed.

    Raises: MissingModelError where checkpoint, settings and encoder are not there or do not fit together."""
    model, state = _examined.get((checkpoint, sha256), (None, ()))
    if model is None or _state(checkpoint, model) != state:
        model = _examine(checkpoint)
        _examined[checkpoint, sha256] = (model, _state(checkpoint, model))
    return model


def _state(checkpoint: Checkpoint, model: Model) -> tuple[object, ...]:
    files = (checkpoint.settings_file, model.files.config, *_files_in(model.files.tokenizer))
    return tuple((str(file), *file_state(file)) if file.is_file() else (str(file),) for file in files)


def _files_in(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.is_file()) if folder.is_dir() else []


def _examine(checkpoint: Checkpoint) -> Model:
    weights = read_weights(checkpoint.weights)
    settings = model_settings(checkpoint, weights)
    files = encoder_files(checkpoint, settings)
    shape = read_shape(files.config, settings.encoder)
    _check_names(weights, settings, shape)
    without_place = dataclasses.replace(settings, pretrained_model="")
    tokenizer = _tokenizer_content(settings, files)
    content = fingerprint([repr(without_place), repr(shape), tokenizer])[:16]
    return Model(settings=settings, files=files, shape=shape, content=content, tokenizer=tokenizer)


def _tokenizer_content(settings: ModelSettings, files: EncoderFiles) -> str:
    """Everything that decides the token ids of a text.

    A tokenizer that was not converted is opened by transformers, which takes seconds to import, so what comes of it is
    kept while its files and the packages that read them are the same."""
    if files.is_converted:
        return open_tokenizer(files.tokenizer, settings.encoder, is_converted=True).content()
    packages = [f"{name} {metadata.version(name)}" for name in ("tokenizers", "transformers") if _is_installed(name)]
    states = [(file.name, *file_state(file)) for file in _files_in(files.tokenizer)]
    what = [str(files.tokenizer.resolve()), settings.encoder.value]
    return remembered(
        ["tokenizer", *what],
        [*packages, *map(str, states)],
        lambda: open_tokenizer(files.tokenizer, settings.encoder, is_converted=False).content(),
    )


@functools.cache
def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def model_settings(checkpoint: Checkpoint, weights: Weights) -> ModelSettings:
    """The settings a checkpoint is loaded with, checked.

    Raises: MissingModelError for settings that are unknown, missing or of no use."""
    merged = merged_settings(checkpoint, weights)
    read_family(checkpoint.settings(), checkpoint.settings_file)
    refuse_unknown(checkpoint.settings(), checkpoint.settings_file)
    return read_settings(merged, checkpoint.settings_file if merged == checkpoint.settings() else checkpoint.weights)


def merged_settings(checkpoint: Checkpoint, weights: Weights) -> Mapping[str, Any]:
    """The settings saved with a checkpoint's weights, as in unbabel-comet, where there are any.

    From `hparams.yaml` come the family and, for models trained with softmax by mistake, `sparsemax_patch`."""
    beside = checkpoint.settings()
    if weights.settings is None:
        return beside
    merged = dict(weights.settings) | {"class_identifier": beside.get("class_identifier")}
    if beside.get("layer_transformation") == "sparsemax_patch":
        merged["layer_transformation"] = "sparsemax_patch"
    return merged


def _check_names(weights: Weights, settings: ModelSettings, shape: EncoderShape) -> None:
    """Raises: MissingModelError where the file holds weights of another model, which would be left out unseen."""
    foreign = []
    if settings.family is Family.ranking:
        foreign.append("estimator.")
    if not settings.error_labels:
        foreign.append("hidden2tag.")
    for name in weights.tensors:
        layer = _LAYER.match(name)
        is_known = _KNOWN_NAMES.fullmatch(name) is not None and not name.startswith(tuple(foreign))
        if not is_known or (layer and int(layer.group(1)) >= shape.n_layers):
            raise MissingModelError(
                f"{weights.file}: holds a weight {name} that the model of its settings does not have, so it is another "
                "model. Get the checkpoint and its hparams.yaml again; backend=unbabel leaves such weights out."
            )
