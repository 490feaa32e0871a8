"""Scores of models that read source, hypothesis and reference each by itself: every distinct text is encoded once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evalharness.metrics.comet.backend import Predictions, Triple, import_torch
from evalharness.metrics.comet.embeddings import Embedding, Embeddings
from evalharness.metrics.comet.encoder import PackedTexts
from evalharness.metrics.comet.engine import Engine
from evalharness.metrics.comet.heads import Estimator, estimate
from evalharness.metrics.comet.pooling import Pooler
from evalharness.metrics.comet.settings import Family


class SeparateScorer:
    """Regression, referenceless and ranking models."""

    def __init__(
        self, engine: Engine, pooler: Pooler, estimator: Estimator | None, family: Family, embeddings: Embeddings
    ) -> None:
        self._engine = engine
        self._pooler = pooler
        self._estimator = estimator
        self._family = family
        self._embeddings = embeddings

    def predict(self, triples: Sequence[Triple]) -> Predictions:
        columns = {
            "source": [triple.source for triple in triples],
            "hypothesis": [triple.hypothesis for triple in triples],
        }
        if self._family is not Family.referenceless:
            columns["reference"] = [triple.reference or "" for triple in triples]
        known = self._embed(list(dict.fromkeys(text for column in columns.values() for text in column)))
        torch = import_torch()
        vectors = {
            name: torch.from_numpy(np.stack([known[text].vector for text in column])).to(self._engine.device)
            for name, column in columns.items()
        }
        scores = estimate(self._estimator, self._family, vectors)
        is_cut = [any(known[text].is_cut for text in texts) for texts in zip(*columns.values(), strict=True)]
        return Predictions(scores=scores.double().tolist(), is_cut=is_cut, error_spans=None)

    def _embed(self, texts: Sequence[str]) -> dict[str, Embedding]:
        known = self._embeddings.get(texts)
        missing = [text for text in texts if text not in known]
        if not missing:
            return known
        tokenizer, shape = self._engine.tokenizer, self._engine.shape
        ids = tokenizer.ids(missing)
        n_kept = shape.max_positions - 4  # unbabel-comet leaves room for two more special tokens than it adds
        made: dict[str, Embedding] = {}

        def vectors(packed: PackedTexts) -> Any:
            return self._pooler.pooled(self._engine.encoder, packed).cpu().numpy()

        def keep(places: Sequence[int], found: Any) -> None:
            new = {
                missing[place]: Embedding(vector=vector, is_cut=len(ids[place]) > n_kept)
                for place, vector in zip(places, found, strict=True)
            }
            self._embeddings.put(new)  # at once, so that an interruption costs one batch
            made.update(new)

        given = [(tokenizer.start_id, *one[:n_kept], tokenizer.separator_id) for one in ids]
        self._engine.run(given, None, vectors, keep)
        return known | made
