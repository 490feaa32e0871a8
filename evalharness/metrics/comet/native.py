"""The native backend: scores equal to unbabel-comet's, from the same checkpoints, without that package."""

from __future__ import annotations

import dataclasses
import functools
import logging
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from evalharness.errors import MissingModelError
from evalharness.folders import cache_folder
from evalharness.metrics.comet.backend import Predictions, Scorer, Triple, import_torch
from evalharness.metrics.comet.checkpoint import Checkpoint, encoder_files
from evalharness.metrics.comet.embeddings import Embeddings, EmbeddingStore
from evalharness.metrics.comet.encoder import Encoder, EncoderShape, read_shape
from evalharness.metrics.comet.engine import Engine, check_precision, computing
from evalharness.metrics.comet.heads import Estimator, take_linear
from evalharness.metrics.comet.joint import JointScorer
from evalharness.metrics.comet.kernels import Precision
from evalharness.metrics.comet.pooling import Pooler, read_mix
from evalharness.metrics.comet.separate import SeparateScorer
from evalharness.metrics.comet.settings import Family, ModelSettings, read_settings
from evalharness.metrics.comet.tokens import open_tokenizer
from evalharness.metrics.comet.weights import Weights, read_weights

VERSION = "1"
"""Goes up when a score of this backend can change; part of every signature."""

_log = logging.getLogger(__name__)

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


class NativeScorer:
    """A checkpoint ready to score."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        precision: Precision,
        device: str,
        batch_tokens: int | None,
        store: EmbeddingStore | None,
    ) -> None:
        """Raises: MissingModelError where checkpoint, settings and encoder do not fit together; ConfigError where the
        device cannot compute in the precision."""
        import_torch()
        kind = device.partition(":")[0]
        check_precision(precision, kind)
        sha256 = checkpoint.sha256()
        weights = read_weights(checkpoint.weights)
        settings = model_settings(checkpoint, weights)
        files = encoder_files(checkpoint, settings)
        shape = read_shape(files.config, settings.encoder)
        _check_names(weights, shape)
        self._precision = precision
        self._file = checkpoint.weights
        with computing(precision):
            mix = read_mix(settings, weights, shape)
            n_layers = _n_layers(checkpoint, settings, shape, mix.n_layers)
            encoder = Encoder(weights, shape, precision=precision, device=device, n_layers=n_layers)
            tokenizer = open_tokenizer(files.tokenizer, settings.encoder)
            self._engine = Engine(encoder, tokenizer, device=device, batch_tokens=batch_tokens)
            pooler = Pooler(mix=mix, pooling=settings.pooling, pad_id=tokenizer.pad_id)
            of_vectors = (
                *(VERSION, sha256, precision.value, kind),
                *(repr(dataclasses.replace(settings, pretrained_model="")), repr(shape), tokenizer.content()),
            )
            self._scorer = _make_scorer(weights, settings, self._engine, pooler, Embeddings(of_vectors, store))

    @property
    def n_encoded(self) -> int:
        """Texts that went through the encoder so far."""
        return self._engine.n_encoded

    @property
    def n_tokens(self) -> int:
        """Tokens that went through the encoder so far."""
        return self._engine.n_tokens

    def predict(self, triples: Sequence[Triple]) -> Predictions:
        """What unbabel-comet's `predict` gives for the same texts, in order."""
        if not triples:
            return Predictions(scores=[], is_cut=[], error_spans=None)
        with computing(self._precision):
            predicted = self._scorer.predict(triples)
        if not all(map(math.isfinite, predicted.scores)):
            raise MissingModelError(
                f"{self._file}: gives no number for a text in precision={self._precision.value}. Either its weights "
                "hold something that is no number, or they are too large for that precision: use fp32, or get the "
                "checkpoint again."
            )
        return predicted


def _make_scorer(
    weights: Weights, settings: ModelSettings, engine: Engine, pooler: Pooler, embeddings: Embeddings
) -> Scorer:
    n_vectors = {Family.regression: 6, Family.referenceless: 4}.get(settings.family, 1)
    if settings.family is Family.ranking:
        return SeparateScorer(engine, pooler, None, settings.family, embeddings)
    n_features = n_vectors * engine.shape.width
    estimator = Estimator(weights, settings, n_features=n_features, device=engine.device)
    if not settings.family.reads_texts_together:
        return SeparateScorer(engine, pooler, estimator, settings.family, embeddings)
    marker = None
    if settings.error_labels:
        n_labels = 1 + len(settings.error_labels)
        marker = take_linear(weights, "hidden2tag", (n_labels, engine.shape.width), engine.device)
    return JointScorer(engine, pooler, estimator, marker, settings)


def model_settings(checkpoint: Checkpoint, weights: Weights) -> ModelSettings:
    """The settings a checkpoint is loaded with, checked.

    Raises: MissingModelError for settings that are unknown, missing or of no use."""
    merged = merged_settings(checkpoint, weights)
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


def _n_layers(checkpoint: Checkpoint, settings: ModelSettings, shape: EncoderShape, n_mixed: int) -> int:
    """Layers of the encoder that are run: up to the last that gives anything to a score or a mark."""
    if settings.word_layer > shape.n_layers:
        raise MissingModelError(
            f"{checkpoint.settings_file}: word_layer is {settings.word_layer}; the encoder has {shape.n_layers} layers."
        )
    return max(n_mixed, settings.word_layer)


def _check_names(weights: Weights, shape: EncoderShape) -> None:
    """Raises: MissingModelError where the file holds weights of another model, which would be left out unseen."""
    for name in weights.tensors:
        layer = _LAYER.match(name)
        if not _KNOWN_NAMES.fullmatch(name) or (layer and int(layer.group(1)) >= shape.n_layers):
            raise MissingModelError(
                f"{weights.file}: holds a weight {name} that the model of its settings does not have, so it is another "
                "model. Get the checkpoint and its hparams.yaml again; backend=unbabel leaves such weights out."
            )


@functools.lru_cache(maxsize=16)
def check(checkpoint: Checkpoint, sha256: str) -> None:
    """Find out what can be found without reading the weights themselves; `sha256` says which state of the file it was.

    Raises: MissingModelError where checkpoint, settings and encoder are not there or do not fit together."""
    weights = read_weights(checkpoint.weights)
    settings = model_settings(checkpoint, weights)
    _check_names(weights, read_shape(encoder_files(checkpoint, settings).config, settings.encoder))


@functools.lru_cache(maxsize=1)  # a second model in memory would double gigabytes
def loaded(
    checkpoint: Checkpoint,
    content: str,
    precision: Precision,
    device: str,
    batch_tokens: int | None,
    cache_limit_bytes: int,
) -> NativeScorer:
    """The scorer for a checkpoint; the one used last is kept until its `content`, any name of it, changes.

    With a limit of 0 no embeddings are kept on disk."""
    store = EmbeddingStore(cache_folder(), limit_bytes=cache_limit_bytes) if cache_limit_bytes else None
    return NativeScorer(checkpoint, precision=precision, device=device, batch_tokens=batch_tokens, store=store)


def forget() -> None:
    """Let go of the model that is kept."""
    loaded.cache_clear()
