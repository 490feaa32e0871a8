"""The network while it is trained: an XLM-R encoder of one layer, which stays as it begins, and COMET's estimator.

Its parameters have the names that unbabel-comet's RegressionMetric gives them. Torch is imported where it is used."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evalharness.metrics.comet.training.packages import imported
from evalharness.metrics.comet.training.recipe import POSITION_WIDTH
from evalharness.metrics.comet.training.spelling import spelled_vectors
from evalharness.metrics.comet.training.vocabulary import BOS_ID, EOS_ID, PAD_ID, SPECIAL_TOKENS
from evalharness.records import Array, Floats

_POSITION_OFFSET = PAD_ID + 1  # XLM-R numbers positions from here
_TOKENS_PER_BLOCK = 6000
_N_RAMPS = 8
_SHARE_OF_LAYER = 0.4  # beside 1 of the embeddings
_GAIN = 4.2  # of pooled vectors: the estimator learns three times as fast as from vectors of the embeddings' size
_SQUARED_LENGTH = 1.05  # of every word's vector; that of its spelling has 1 at most
_SHARPNESS = 1.5
_N_FREQUENCIES = (POSITION_WIDTH - _N_RAMPS) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes of the network; `hidden_sizes` are the estimator's."""

    n_tokens: int
    width: int
    n_heads: int
    feed_forward: int
    n_positions: int
    hidden_sizes: tuple[int, ...]
    dropout: float

    @property
    def n_word_dimensions(self) -> int:
        """The first dimensions of a vector, which hold words; positions are in the others."""
        return self.width - POSITION_WIDTH


class Network:
    """An encoder with one layer, the mix of embeddings and layer, and an estimator with `n_heads_out` outputs.

    Only the estimator is ever trained; the rest is as `spell` leaves it."""

    def __init__(self, shape: Shape, *, n_heads_out: int, seed: int) -> None:
        import torch

        torch.manual_seed(seed)
        self.shape = shape
        self.encoder: Any = imported("transformers").XLMRobertaModel(encoder_config(shape), add_pooling_layer=False)
        self.encoder.requires_grad_(False)
        self.encoder.eval()
        self.mix = [torch.zeros(1), torch.full((1,), math.log(_SHARE_OF_LAYER))]
        self.gamma = torch.full((1,), _GAIN)
        self.estimator = _estimator(shape, n_heads_out)

    def spell(self, pieces: Sequence[str], *, seed: int) -> None:
        """Give every piece the vector of its spelling, every position one of its own, and the layer its looks back."""
        import torch

        _begin_embeddings(self.encoder.embeddings, self.shape, pieces, np.random.default_rng(seed))
        _begin_layer(self.encoder.encoder.layer[0], self.shape, torch.Generator().manual_seed(seed))

    def train(self, is_training: bool) -> None:
        self.estimator.train(is_training)

    def sentence_vectors(self, token_ids: Sequence[Array]) -> Any:
        """The averaged vectors of texts: [N texts, width]."""
        import torch

        order = np.argsort([len(ids) for ids in token_ids], kind="stable")
        vectors = []
        for block in _blocks([len(token_ids[place]) for place in order]):
            vectors.append(self._block_vectors([token_ids[order[place]] for place in block]))
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return torch.cat(vectors)[torch.from_numpy(back)]

    def outputs(self, source: Any, hypothesis: Any, reference: Any) -> Any:
        """What the estimator says of sentence vectors: [N triples, heads]."""
        import torch

        joined = torch.cat(
            (
                hypothesis, reference, hypothesis * reference, (hypothesis - reference).abs(),
                hypothesis * source, (hypothesis - source).abs(),
            ),
            dim=1,
        )  # fmt: skip
        return self.estimator(joined)

    def state(self) -> dict[str, Any]:
        """Every weight by the name RegressionMetric gives it."""
        state = {f"encoder.model.{name}": weights for name, weights in self.encoder.state_dict().items()}
        state |= {f"layerwise_attention.scalar_parameters.{place}": weights for place, weights in enumerate(self.mix)}
        state["layerwise_attention.gamma"] = self.gamma
        state |= {f"estimator.ff.{name}": weights for name, weights in self.estimator.state_dict().items()}
        return {name: weights.detach().clone() for name, weights in state.items()}

    def load(self, state: dict[str, Any]) -> None:
        """Take over the weights of `state`, by the names that `state()` gives them."""

        def under(prefix: str) -> dict[str, Any]:
            return {name.removeprefix(prefix): state[name] for name in state if name.startswith(prefix)}

        self.encoder.load_state_dict(under("encoder.model."))
        self.estimator.load_state_dict(under("estimator.ff."))
        self.mix = [state[f"layerwise_attention.scalar_parameters.{place}"] for place in range(len(self.mix))]
        self.gamma = state["layerwise_attention.gamma"]

    def with_one_head(self, weights: Floats, offset: float) -> Network:
        """A copy whose only head is the sum of this one's heads by `weights` [heads], and `offset`."""
        import torch

        state = self.state()
        last = f"estimator.ff.{len(self.estimator) - 1}"
        factors = torch.from_numpy(weights)[None]
        state[f"{last}.weight"] = (factors @ state[f"{last}.weight"].double()).float()
        state[f"{last}.bias"] = (factors[0] @ state[f"{last}.bias"].double() + offset)[None].float()
        single = Network(self.shape, n_heads_out=1, seed=0)
        single.load(state)
        single.train(False)
        return single

    def _block_vectors(self, token_ids: Sequence[Array]) -> Any:
        import torch

        longest = max(len(ids) for ids in token_ids)
        ids = np.full((len(token_ids), longest), PAD_ID, dtype=np.int64)
        mask = np.zeros((len(token_ids), longest), dtype=np.int64)
        for row, text in enumerate(token_ids):
            ids[row, : len(text)], mask[row, : len(text)] = text, 1
        found = self.encoder(torch.from_numpy(ids), torch.from_numpy(mask), output_hidden_states=True)
        weights = self.gamma * torch.softmax(torch.cat(self.mix), dim=0)
        mixed = sum(weights[place] * layer for place, layer in enumerate(found.hidden_states))
        is_token = torch.from_numpy(mask).to(mixed.dtype)[:, :, None]
        return (mixed * is_token).sum(dim=1) / is_token.sum(dim=1)


def encoder_config(shape: Shape) -> Any:
    """The XLMRobertaConfig that the checkpoint's encoder folder holds."""
    return imported("transformers").XLMRobertaConfig(
        vocab_size=shape.n_tokens,
        hidden_size=shape.width,
        num_hidden_layers=1,
        num_attention_heads=shape.n_heads,
        intermediate_size=shape.feed_forward,
        max_position_embeddings=shape.n_positions,
        type_vocab_size=1,
        pad_token_id=PAD_ID,
        bos_token_id=BOS_ID,
        eos_token_id=EOS_ID,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        architectures=["XLMRobertaModel"],
    )


def _estimator(shape: Shape, n_heads_out: int) -> Any:
    from torch import nn

    sizes = [6 * shape.width, *shape.hidden_sizes]
    modules: list[Any] = []
    for place, size in enumerate(sizes[1:]):
        modules += [nn.Linear(sizes[place], size), nn.Tanh(), nn.Dropout(shape.dropout)]
    return nn.Sequential(*modules, nn.Linear(sizes[-1], n_heads_out))


def _begin_embeddings(embeddings: Any, shape: Shape, pieces: Sequence[str], rng: np.random.Generator) -> None:
    """Words by their spelling; positions as sinusoids and a ramp, in dimensions of their own.

    The average over a text then holds what it is spelled with and how long it is. Two dimensions more fill every word's
    vector up to one length, so that the norm which follows scales all alike; it leaves out those two."""
    import torch

    n_words = shape.n_word_dimensions
    words = np.zeros((shape.n_tokens, n_words))
    words[len(SPECIAL_TOKENS) :, : n_words - 2] = spelled_vectors(pieces[len(SPECIAL_TOKENS) :], n_words - 2, rng)
    filling = np.sqrt((_SQUARED_LENGTH - (words**2).sum(axis=1)) / 2)
    words[:, n_words - 2], words[:, n_words - 1] = filling, -filling
    words[PAD_ID] = 0
    steps = torch.arange(shape.n_positions, dtype=torch.float64) - _POSITION_OFFSET
    steps = steps.clamp(min=0)
    with torch.no_grad():
        embeddings.word_embeddings.weight.zero_()
        embeddings.word_embeddings.weight[:, :n_words] = torch.from_numpy(words).float()
        embeddings.LayerNorm.weight[n_words - 2 : n_words] = 0
        embeddings.token_type_embeddings.weight.zero_()
        positions = embeddings.position_embeddings.weight
        positions.zero_()
        for place, frequency in enumerate(_frequencies()):
            angle = steps * frequency
            amplitude = 0.45 / math.sqrt(_N_FREQUENCIES)
            positions[:, n_words + 2 * place] = (amplitude * torch.cos(angle)).float()
            positions[:, n_words + 2 * place + 1] = (amplitude * torch.sin(angle)).float()
        ramp = 0.2 * (torch.log1p(steps) / math.log(30) - 0.7)
        positions[:, shape.width - _N_RAMPS :] = ramp.float()[:, None]


def _frequencies() -> list[float]:
    """Radians per token, spread unevenly so that no distance looks like another."""
    step = (math.sqrt(5) - 1) / 2
    return [0.15 + 2.9 * ((place + 1) * step % 1) for place in range(_N_FREQUENCIES)]


def _begin_layer(layer: Any, shape: Shape, generator: Any) -> None:
    """Heads that look one token back, the last one two, and a feed-forward of even functions of both words.

    Averages of linear functions say nothing of order; functions of neighbours that are not linear do."""
    import torch

    n_words, head_width = shape.n_word_dimensions, shape.width // shape.n_heads
    attention, feed = layer.attention, layer.intermediate.dense
    with torch.no_grad():
        for module in (attention.self.query, attention.self.key, attention.self.value, attention.output.dense):
            module.weight.zero_()
            module.bias.zero_()
        for head in range(shape.n_heads):
            rows = slice(head * head_width, (head + 1) * head_width)
            _look_back(attention.self, rows, n_words, distance=2 if head == shape.n_heads - 1 else 1)
            attention.self.value.weight[rows, :n_words] = _directions(head_width, n_words, generator)
            attention.output.dense.weight[:n_words, rows] = 0.6 * _directions(head_width, n_words, generator).T
        half = shape.feed_forward // 2
        directions = torch.randn(half, shape.width, generator=generator) * (2 / math.sqrt(shape.width))
        feed.weight[:half], feed.weight[half : 2 * half] = directions, -directions
        feed.bias.zero_()
        # gelu(x) + gelu(-x) is nearly |x|, whose mean over a normal x of spread 2 is 1.6.
        spread = torch.randn(shape.width, half, generator=generator) * (1.5 / math.sqrt(half))
        layer.output.dense.weight[:, :half] = layer.output.dense.weight[:, half : 2 * half] = spread
        layer.output.dense.bias.copy_(-1.6 * spread.sum(dim=1))


def _look_back(attention: Any, rows: slice, first: int, *, distance: int) -> None:
    """Set queries and keys of a head so that it looks `distance` tokens back, by the sinusoids from column `first`."""
    import torch

    frequencies = _frequencies()[: (rows.stop - rows.start) // 2]
    for place, frequency in enumerate(frequencies):
        row, column = rows.start + 2 * place, first + 2 * place
        cosine, sine = math.cos(-distance * frequency), math.sin(-distance * frequency)
        turned = torch.tensor([[cosine, -sine], [sine, cosine]])
        attention.query.weight[row : row + 2, column : column + 2] = _SHARPNESS * turned
        attention.key.weight[row : row + 2, column : column + 2] = _SHARPNESS * torch.eye(2)


def _directions(n_rows: int, width: int, generator: Any) -> Any:
    """Orthonormal rows: [n_rows, width]."""
    import torch

    return torch.linalg.qr(torch.randn(width, n_rows, generator=generator)).Q.T


def _blocks(lengths: Sequence[int]) -> list[range]:
    """Places of texts in ascending order of length, padded to at most so many tokens together."""
    blocks, start = [], 0
    for place, length in enumerate(lengths):
        if place > start and (place - start + 1) * length > _TOKENS_PER_BLOCK:
            blocks.append(range(start, place))
            start = place
    return [*blocks, range(start, len(lengths))]
