"""Scores of models that read source, hypothesis and reference each by itself: every distinct text is encoded once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evalharness.metrics.comet.backend import Predictions, Triple, import_torch
from evalharness.metrics.comet.embeddings import Embeddings, Floats32
from evalharness.metrics.comet.encoder import PackedTexts
from evalharness.metrics.comet.engine import Engine
from evalharness.metrics.comet.heads import Estimator, estimate
from evalharness.metrics.comet.limits import Limits
from evalharness.metrics.comet.pooling import Pooler
from evalharness.metrics.comet.settings import Family


class SeparateScorer:
    """Regression, referenceless and ranking models."""

    def __init__(
        self,
        engine: Engine,
        pooler: Pooler,
        estimator: Estimator | None,
        limits: Limits,
        family: Family,
        embeddings: Embeddings,
    ) -> None:
        self._engine = engine
        self._pooler = pooler
        self._estimator = estimator
        self._n_kept = limits.of_one
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
            name: torch.from_numpy(np.stack([known[text] for text in column])).to(self._engine.device)
            for name, column in columns.items()
        }
        scores = estimate(self._estimator, self._family, vectors)
        return Predictions(scores=scores.double().tolist(), error_spans=None)

    def _embed(self, texts: Sequence[str]) -> dict[str, Floats32]:
        known = self._embeddings.get(texts)
        missing = [text for text in texts if text not in known]
        if not missing:
            return known
        tokenizer = self._engine.tokenizer
        made: dict[str, Floats32] = {}

        def vectors(packed: PackedTexts) -> Any:
            return self._pooler.pooled(self._engine.encoder, packed).cpu().numpy()

        def keep(places: Sequence[int], found: Any) -> None:
            new = {missing[place]: vector for place, vector in zip(places, found, strict=True)}
            self._embeddings.put(new)  # at once, so that an interruption costs one batch
            made.update(new)

        ids = self._engine.ids(missing)
        given = [(tokenizer.start_id, *one[: self._n_kept], tokenizer.separator_id) for one in ids]
        self._engine.run(given, None, vectors, keep)
        return known | made
