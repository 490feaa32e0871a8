"""The phases of training: batches of families, the loss of the heads, the steps."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evalharness.metrics.comet.training.families import Family, Kind
from evalharness.metrics.comet.training.network import Network, Shape
from evalharness.metrics.comet.training.recipe import Phase, Recipe
from evalharness.metrics.comet.training.vocabulary import SPECIAL_TOKENS
from evalharness.records import Array, Floats

QUALITY, CHRF, SOURCE_LENGTH, HYPOTHESIS_LENGTH, REFERENCE_LENGTH = range(5)
N_HEADS = 5
# Typical spreads, in which errors are measured. The teacher's labels of systems have a standard deviation of .049 over
# all and .014 within a segment (WMT22 and talks 2, 5 and 9, November 2026).
_LABEL_SPREAD, _WITHIN_SPREAD, _DAMAGE_SPREAD, _CHRF_SPREAD, _LENGTH_SPREAD = 0.05, 0.015, 0.25, 0.1, 0.5
_MARGIN = 0.03
_GRADIENT_LIMIT = 1.0
_STEPS_PER_NOTE = 50
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizedFamily:
    """A family with the token ids of its texts."""

    family: Family
    token_ids: tuple[Array, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Texts of several families and triples of them; `family` says which triples are compared, `origin` is a place."""

    token_ids: list[Array]
    source: Array
    hypothesis: Array
    reference: Array
    kind: Array
    label: Floats
    chrf: Floats
    family: Array
    origin: Array


def tokenized(families: Sequence[Family], tokenizer: Any) -> list[TokenizedFamily]:
    """The families with token ids, every text cut where the tokenizer stops reading."""
    texts = [text for family in families for text in family.texts]
    token_ids = token_ids_of(texts, tokenizer)
    ends = np.cumsum([len(family.texts) for family in families])
    return [
        TokenizedFamily(family=family, token_ids=tuple(token_ids[end - len(family.texts) : end]))
        for family, end in zip(families, ends, strict=True)
    ]


def token_ids_of(texts: Sequence[str], tokenizer: Any) -> list[Array]:
    """Ids with the special tokens around them, as unbabel-comet's encoder cuts them; [T tokens] each."""
    encoded = tokenizer(list(texts), truncation=True, max_length=tokenizer.model_max_length)["input_ids"]
    return [np.array(ids, dtype=np.int64) for ids in encoded]


def run_phase(
    network: Network,
    phase: Phase,
    recipe: Recipe,
    news: Sequence[TokenizedFamily],
    talks: Sequence[TokenizedFamily],
    rng: np.random.Generator,
) -> None:
    """Train the network, in place."""
    import torch

    optimizer = _optimizer(network, phase)
    network.train(True)
    noted: list[float] = []
    for step in range(phase.n_steps):
        batch = _batch(_drawn(news, talks, phase, rng), network, recipe, rng)
        loss = _loss(network, batch, recipe)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), _GRADIENT_LIMIT)
        share = 0.5 * (1 + math.cos(math.pi * step / phase.n_steps))
        for group in optimizer.param_groups:
            group["lr"] = group["full_rate"] * share * min(1.0, (step + 1) / 50)
        optimizer.step()
        noted.append(loss.item())
        if (step + 1) % _STEPS_PER_NOTE == 0:
            _log.info("step %d of %d: loss %.3f", step + 1, phase.n_steps, np.mean(noted))
            noted.clear()
    network.train(False)


def _optimizer(network: Network, phase: Phase) -> Any:
    """Adam over the weights with a rate; positions keep what they were given, as training sees only the first."""
    import torch

    embeddings = network.encoder.embeddings
    groups = [
        ([embeddings.word_embeddings.weight, *embeddings.LayerNorm.parameters()], phase.embedding_rate),
        ([*network.encoder.encoder.parameters()], phase.layer_rate),
        ([*network.estimator.parameters(), *network.mix, network.gamma], phase.estimator_rate),
    ]
    trained = {id(weights) for group, rate in groups if rate > 0 for weights in group}
    for weights in network.parameters():
        weights.requires_grad_(id(weights) in trained)
    settings = [{"params": group, "full_rate": rate} for group, rate in groups if rate > 0 and group]
    return torch.optim.Adam(settings, lr=1e-3, betas=(0.9, 0.98))


def _drawn(
    news: Sequence[TokenizedFamily], talks: Sequence[TokenizedFamily], phase: Phase, rng: np.random.Generator
) -> list[TokenizedFamily]:
    n_talks = int(rng.binomial(phase.families_per_step, phase.talk_share))
    chosen = []
    for families, wanted in ((talks, n_talks), (news, phase.families_per_step - n_talks)):
        places = rng.choice(len(families), size=min(wanted, len(families)), replace=False)
        chosen += [families[place] for place in places]
    return chosen


def _batch(families: Sequence[TokenizedFamily], network: Network, recipe: Recipe, rng: np.random.Generator) -> _Batch:
    """Of each family one reference, and some of the triples with it."""
    token_ids: list[Array] = []
    columns: list[tuple[Array, ...]] = []
    n_triples = 0
    for number, tokenized_family in enumerate(families):
        family = tokenized_family.family
        chosen = _chosen(family, recipe, rng)
        used, places = np.unique(
            np.concatenate(([0], family.hypothesis[chosen], family.reference[chosen])), return_inverse=True
        )
        places = places + len(token_ids)
        token_ids += _renamed([tokenized_family.token_ids[place] for place in used], network.shape, recipe, rng)
        hypothesis, reference = np.split(places[1:], 2)
        origin = n_triples + np.searchsorted(chosen, family.origin[chosen])
        n_triples += len(chosen)
        columns.append(
            (
                np.full(len(chosen), places[0]), hypothesis, reference, family.kind[chosen], family.label[chosen],
                family.chrf[chosen], np.full(len(chosen), number), origin,
            )
        )  # fmt: skip
    source, hypothesis, reference, kind, label, chrf, of_family, origin = (
        np.concatenate(column) for column in zip(*columns, strict=True)
    )
    return _Batch(
        token_ids=token_ids, source=source, hypothesis=hypothesis, reference=reference, kind=kind, label=label,
        chrf=chrf, family=of_family, origin=origin,
    )  # fmt: skip


def _renamed(token_ids: Sequence[Array], shape: Shape, recipe: Recipe, rng: np.random.Generator) -> list[Array]:
    """The texts of a family with some of their pieces replaced by others, the same everywhere in the family.

    Who shares what with whom stays as it was, so that overlap is learned and not which words occur in the training
    data. The most frequent pieces, among them digits and punctuation, stay."""
    if rng.random() >= recipe.renamed_families:
        return list(token_ids)
    names = np.arange(shape.n_tokens)
    is_new = rng.random(shape.n_tokens) < rng.random()
    first, last = len(SPECIAL_TOKENS) + recipe.n_pieces_kept, len(SPECIAL_TOKENS) + recipe.n_pieces
    is_new[:first] = is_new[last:] = False
    names[is_new] = rng.integers(first, last, size=int(is_new.sum()))
    return [names[ids] for ids in token_ids]


def _chosen(family: Family, recipe: Recipe, rng: np.random.Generator) -> Array:
    """Places of triples with one reference, in order; with a damaged copy comes its origin."""
    reference = rng.choice(np.unique(family.reference))
    here = np.flatnonzero(family.reference == reference)
    chosen = []
    for kind, wanted in (
        (Kind.TRANSLATION, recipe.translations_per_family),
        (Kind.DAMAGED, recipe.damaged_per_family),
        (Kind.FOREIGN, 2),
    ):
        of_kind = here[family.kind[here] == kind]
        chosen.append(rng.choice(of_kind, size=min(wanted, len(of_kind)), replace=False))
    places: Array = np.unique(np.concatenate([*chosen, family.origin[chosen[1]]]))
    return places


def _loss(network: Network, batch: _Batch, recipe: Recipe) -> Any:
    import torch

    vectors = network.sentence_vectors(batch.token_ids)
    source, hypothesis, reference = (
        torch.from_numpy(places) for places in (batch.source, batch.hypothesis, batch.reference)
    )
    outputs = network.outputs(vectors[source], vectors[hypothesis], vectors[reference])
    score = outputs[:, QUALITY]
    label, chrf = (torch.from_numpy(values.astype(np.float32)) for values in (batch.label, batch.chrf))
    is_translation = torch.from_numpy(batch.kind == Kind.TRANSLATION)
    error = score - label
    translated, family = error[is_translation], torch.from_numpy(batch.family)[is_translation]
    lengths = np.log([len(ids) for ids in batch.token_ids]).astype(np.float32)
    told = outputs[:, SOURCE_LENGTH : REFERENCE_LENGTH + 1]
    true = torch.from_numpy(lengths)[torch.stack((source, hypothesis, reference), dim=1)] - 3.5
    return (
        recipe.label_weight * _mean_square(translated / _LABEL_SPREAD)
        + recipe.within_weight * _mean_square(_centred(translated, family) / _WITHIN_SPREAD)
        + recipe.damage_weight * _mean_square(error[~is_translation] / _DAMAGE_SPREAD)
        + recipe.order_weight * _order_loss(score, label, torch.from_numpy(batch.origin))
        + recipe.chrf_weight * _mean_square((outputs[:, CHRF] - chrf) / _CHRF_SPREAD)
        + recipe.length_weight * _mean_square((told - true) / _LENGTH_SPREAD)
    )


def _order_loss(score: Any, label: Any, origin: Any) -> Any:
    """How far damaged copies fall short of lying a margin below their origins."""
    margin = (0.5 * (label[origin] - label)).clamp(max=_MARGIN)
    return ((margin - (score[origin] - score)).clamp(min=0) / _LABEL_SPREAD).mean()


def _centred(values: Any, family: Any) -> Any:
    import torch

    n_families = int(family.max()) + 1
    totals = torch.zeros(n_families).index_add(0, family, values)
    counts = torch.zeros(n_families).index_add(0, family, torch.ones_like(values))
    return values - (totals / counts.clamp(min=1))[family]


def _mean_square(values: Any) -> Any:
    return (values**2).mean()
