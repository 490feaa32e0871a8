"""The native backend: scores equal to unbabel-comet's, from the same checkpoints, without that package."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

from evalharness.errors import MissingModelError
from evalharness.folders import cache_folder
from evalharness.metrics.comet.backend import Predictions, Scorer, Triple, hold, import_torch
from evalharness.metrics.comet.checkpoint import Checkpoint
from evalharness.metrics.comet.embeddings import Embeddings, EmbeddingStore
from evalharness.metrics.comet.encoder import Encoder, EncoderShape
from evalharness.metrics.comet.engine import Engine, check_precision, computing
from evalharness.metrics.comet.heads import Estimator, take_linear
from evalharness.metrics.comet.joint import JointScorer
from evalharness.metrics.comet.kernels import Precision
from evalharness.metrics.comet.limits import Limits
from evalharness.metrics.comet.model import examine
from evalharness.metrics.comet.pooling import Pooler, read_mix
from evalharness.metrics.comet.separate import SeparateScorer
from evalharness.metrics.comet.settings import Family, ModelSettings
from evalharness.metrics.comet.weights import Weights, read_weights

VERSION = "1"
"""Goes up when a score of this backend can change; part of every signature."""

_log = logging.getLogger(__name__)


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
        model = examine(checkpoint, sha256)
        settings, shape, weights = model.settings, model.shape, read_weights(checkpoint.weights)
        self._precision = precision
        self._file = checkpoint.weights
        with computing(precision, kind):
            mix = read_mix(settings, weights, shape)
            n_layers = _n_layers(checkpoint, settings, shape, mix.n_layers)
            encoder = Encoder(weights, shape, precision=precision, device=device, n_layers=n_layers)
            tokenizer = model.open_tokenizer()
            self._engine = Engine(encoder, tokenizer, device=device, batch_tokens=batch_tokens)
            pooler = Pooler(mix=mix, pooling=settings.pooling, pad_id=tokenizer.pad_id)
            self._limits = Limits.of(settings, max_positions=shape.max_positions, n_separators=shape.n_separators)
            of_vectors = (VERSION, sha256, model.content, precision.value, kind)
            self._scorer = _make_scorer(
                weights, settings, self._engine, pooler, self._limits, Embeddings(of_vectors, store)
            )

    @property
    def n_encoded(self) -> int:
        """Texts that went through the encoder so far."""
        return self._engine.n_encoded

    @property
    def n_tokens(self) -> int:
        """Tokens that went through the encoder so far."""
        return self._engine.n_tokens

    @property
    def limits(self) -> Limits:
        return self._limits

    def lengths(self, texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in self._engine.ids(texts)]

    def predict(self, triples: Sequence[Triple]) -> Predictions:
        """What unbabel-comet's `predict` gives for the same texts, in order."""
        if not triples:
            return Predictions(scores=[], error_spans=None)
        with computing(self._precision, self._engine.device):
            predicted = self._scorer.predict(triples)
        if not all(map(math.isfinite, predicted.scores)):
            raise MissingModelError(
                f"{self._file}: gives no number for a text in precision={self._precision.value}. Either its weights "
                "hold something that is no number, or they are too large for that precision: use fp32, or get the "
                "checkpoint again."
            )
        return predicted


def _make_scorer(
    weights: Weights,
    settings: ModelSettings,
    engine: Engine,
    pooler: Pooler,
    limits: Limits,
    embeddings: Embeddings,
) -> SeparateScorer | JointScorer:
    n_vectors = {Family.regression: 6, Family.referenceless: 4}.get(settings.family, 1)
    if settings.family is Family.ranking:
        return SeparateScorer(engine, pooler, None, limits, settings.family, embeddings)
    n_features = n_vectors * engine.shape.width
    estimator = Estimator(weights, settings, n_features=n_features, device=engine.device)
    if not settings.family.reads_texts_together:
        return SeparateScorer(engine, pooler, estimator, limits, settings.family, embeddings)
    marker = None
    if settings.error_labels:
        n_labels = 1 + len(settings.error_labels)
        marker = take_linear(weights, "hidden2tag", (n_labels, engine.shape.width), engine.device)
    return JointScorer(engine, pooler, estimator, marker, limits, settings, embeddings)


def _n_layers(checkpoint: Checkpoint, settings: ModelSettings, shape: EncoderShape, n_mixed: int) -> int:
    """Layers of the encoder that are run: up to the last that gives anything to a score or a mark."""
    if settings.word_layer > shape.n_layers:
        raise MissingModelError(
            f"{checkpoint.settings_file}: word_layer is {settings.word_layer}; the encoder has {shape.n_layers} layers."
        )
    return max(n_mixed, settings.word_layer)


def loaded(
    checkpoint: Checkpoint,
    content: str,
    precision: Precision,
    device: str,
    batch_tokens: int | None,
    cache_limit_bytes: int,
) -> Scorer:
    """The scorer for a checkpoint; the one used last is kept until its `content`, any name of it, changes.

    With a limit of 0 no embeddings are kept on disk."""

    def build() -> NativeScorer:
        store = EmbeddingStore(cache_folder(), limit_bytes=cache_limit_bytes) if cache_limit_bytes else None
        return NativeScorer(checkpoint, precision=precision, device=device, batch_tokens=batch_tokens, store=store)

    return hold(("native", checkpoint, content, precision, device, batch_tokens, cache_limit_bytes), build)
