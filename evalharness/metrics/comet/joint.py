"""Scores and marked errors of models that read hypothesis, source and reference as one text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from evalharness.fingerprint import fingerprint
from evalharness.metrics.comet.backend import Predictions, Triple, import_torch
from evalharness.metrics.comet.embeddings import Embeddings, Floats32
from evalharness.metrics.comet.encoder import PackedTexts
from evalharness.metrics.comet.engine import Engine
from evalharness.metrics.comet.heads import Estimator
from evalharness.metrics.comet.limits import Limits
from evalharness.metrics.comet.pooling import Pooler
from evalharness.metrics.comet.settings import Family, ModelSettings
from evalharness.metrics.comet.spans import decode_spans, mqm_score
from evalharness.metrics.comet.tokens import Tokenizer
from evalharness.records import ErrorSpan

Tensor: TypeAlias = Any

# Of hypothesis with source, with reference and with both. Source: Guerreiro et al. 2023, as in unbabel-comet 2.2.7.
_MARKING_WEIGHTS = (0.1667, 0.3333, 0.5)
_XCOMET_WEIGHTS = (0.12, 0.33, 0.33)
_XCOMET_MQM_WEIGHT = 0.22


@dataclass(frozen=True, slots=True, kw_only=True)
class JointText:
    """Token ids with special tokens, the hypothesis first. `n_first`: tokens up to and with its separator."""

    ids: tuple[int, ...]
    n_first: int

    def key(self) -> str:
        """Tells it from every other text."""
        return fingerprint(map(str, (self.n_first, *self.ids)))

    def text_types(self) -> list[int]:
        """0 for the hypothesis, 1 for the rest."""
        return [int(index >= self.n_first) for index in range(len(self.ids))]


def join(parts: Sequence[Sequence[int]], tokenizer: Tokenizer, limits: Limits) -> JointText:
    """Texts joined as unbabel-comet 2.2.7 joins them, and cut where it cuts them.

    Each is cut so that it would fit by itself with two tokens to spare; then what they make together is cut at the
    end. The padding token, which can be written in a text, is left out."""
    ids = [tokenizer.start_id]
    n_first = 0
    for index, part in enumerate(parts):
        if index:
            ids += [tokenizer.separator_id] * (limits.n_separators - 1)
        ids += [token for token in part[: limits.of_one] if token != tokenizer.pad_id]
        ids.append(tokenizer.separator_id)
        n_first = n_first or len(ids)
    return JointText(ids=tuple(ids[: limits.of_all]), n_first=n_first)


class JointScorer:
    """Unified models, and xCOMET, which marks errors. Equal texts are read once."""

    def __init__(
        self,
        engine: Engine,
        pooler: Pooler,
        estimator: Estimator,
        marker: tuple[Tensor, Tensor] | None,
        limits: Limits,
        settings: ModelSettings,
        embeddings: Embeddings,
    ) -> None:
        """`marker` is the layer from a token's vector to its label, of models that mark errors."""
        self._engine = engine
        self._pooler = pooler
        self._estimator = estimator
        self._marker = marker
        self._limits = limits
        self._settings = settings
        self._embeddings = embeddings

    def predict(self, triples: Sequence[Triple]) -> Predictions:
        readings = self._readings(triples)
        distinct = list(dict.fromkeys(joint for of_triple in readings for joint in of_triple))
        scores, marks = self._read(distinct)
        place = {joint: index for index, joint in enumerate(distinct)}
        places = [[place[joint] for joint in of_triple] for of_triple in readings]
        spans = None
        if marks is not None:
            spans = self._marked(triples, readings, [[marks[index] for index in of_triple] for of_triple in places])
        if self._settings.family is Family.xcomet and spans is not None:
            both = zip(places, spans, strict=True)
            combined = [_xcomet_score(scores[of_triple], found) for of_triple, found in both]
        else:
            combined = [float(scores[of_triple].mean()) for of_triple in places]
        return Predictions(scores=combined, error_spans=spans)

    def _readings(self, triples: Sequence[Triple]) -> list[list[JointText]]:
        """What the model reads of each triple: with source and reference three texts, else one."""
        given = [{"mt": one.hypothesis, "src": one.source, "ref": one.reference} for one in triples]
        texts = list(dict.fromkeys(text for one in given for text in one.values() if text is not None))
        ids = dict(zip(texts, self._engine.ids(texts), strict=True))
        readings = []
        for one in given:
            parts = [ids[text] for name in self._settings.input_segments if (text := one[name]) is not None]
            chosen = [parts[:2], [parts[0], parts[2]], parts] if len(parts) == 3 else [parts]
            readings.append([join(some, self._engine.tokenizer, self._limits) for some in chosen])
        return readings

    def _read(self, texts: Sequence[JointText]) -> tuple[Tensor, list[Tensor] | None]:
        """Scores [texts]; for models that mark errors, also the probabilities [tokens, labels] of each text."""
        torch = import_torch()
        engine, width = self._engine, self._engine.shape.width
        keys = [text.key() for text in texts]
        known = self._embed(dict(zip(keys, texts, strict=True)))
        found = [known[key] for key in keys]
        vectors = torch.from_numpy(np.stack([numbers[:width] for numbers in found]))
        scores = self._estimator(vectors.to(engine.device)).cpu()
        if self._marker is None:
            return scores, None
        n_labels = len(self._marker[1])
        return scores, [torch.from_numpy(numbers[width:].reshape(-1, n_labels).copy()) for numbers in found]

    def _embed(self, texts: Mapping[str, JointText]) -> dict[str, Floats32]:
        """By key, every text's vector, and after it in the same row the probabilities of labels, token by token."""
        torch = import_torch()
        engine, marker = self._engine, self._marker
        known = self._embeddings.get(list(texts))
        missing = {key: text for key, text in texts.items() if key not in known}
        keys = list(missing)
        made: dict[str, Floats32] = {}

        def read(packed: PackedTexts) -> list[Floats32]:
            mix, marks = self._pooler.begin(packed), None
            for number, output in enumerate(engine.encoder.layers(packed)):
                mix.add(number, output)
                if marker is not None and number == self._settings.word_layer:
                    marks = torch.nn.functional.linear(output.float(), *marker).softmax(dim=1).cpu()
            vectors = mix.vectors().cpu()
            if marks is None:
                return list(vectors.numpy())
            both = zip(vectors, marks.split(packed.lengths()), strict=True)
            return [torch.cat((vector, of_tokens.reshape(-1))).numpy() for vector, of_tokens in both]

        def keep(places: Sequence[int], found: list[Floats32]) -> None:
            new = {keys[place]: numbers for place, numbers in zip(places, found, strict=True)}
            self._embeddings.put(new)  # at once, so that an interruption costs one batch
            made.update(new)

        types = [text.text_types() for text in missing.values()] if engine.shape.uses_text_types else None
        engine.run([text.ids for text in missing.values()], types, read, keep)
        return known | made

    def _marked(
        self, triples: Sequence[Triple], readings: Sequence[Sequence[JointText]], marks: Sequence[Sequence[Tensor]]
    ) -> list[tuple[ErrorSpan, ...]]:
        tokenizer = self._engine.tokenizer
        texts = list(dict.fromkeys(triple.hypothesis for triple in triples))
        offsets = dict(zip(texts, tokenizer.offsets(texts), strict=True))
        found = []
        for triple, joints, of_joints in zip(triples, readings, marks, strict=True):
            places = [(0, 0), *offsets[triple.hypothesis][: self._limits.of_one], (0, 0)]
            n_tokens = min(len(places), *map(len, of_joints))
            weights = _MARKING_WEIGHTS if len(of_joints) == 3 else (1.0,)
            weighted = [part[:n_tokens] * weight for weight, part in zip(weights, of_joints, strict=True)]
            found.append(
                decode_spans(
                    sum(weighted[1:], start=weighted[0]),
                    joints[0].ids[:n_tokens],
                    places[:n_tokens],
                    labels=self._settings.error_labels,
                    tokenizer=tokenizer,
                )
            )
        return found


def _xcomet_score(scores: Tensor, spans: Sequence[ErrorSpan]) -> float:
    """Of one hypothesis, from its scores in every reading and the errors marked in it."""
    torch = import_torch()
    # A single reading, of a hypothesis without a reference, has the weight of all three.
    weights = _XCOMET_WEIGHTS if len(scores) == 3 else (sum(_XCOMET_WEIGHTS),)
    regression = (scores.clamp(max=1.0) * torch.tensor(weights)).sum()
    return float(regression + _XCOMET_MQM_WEIGHT * mqm_score(spans))
