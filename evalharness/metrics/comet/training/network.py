"""The network while it is trained: an XLM-R encoder that may have no layer at all, and COMET's estimator with heads.

Its parameters have the names that unbabel-comet's RegressionMetric gives them. Torch is imported where it is used."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evalharness.metrics.comet.training.packages import imported
from evalharness.metrics.comet.training.recipe import POSITION_WIDTH
from evalharness.metrics.comet.training.vocabulary import BOS_ID, EOS_ID, PAD_ID
from evalharness.records import Array, Floats

_POSITION_OFFSET = PAD_ID + 1  # XLM-R numbers positions from here
_TOKENS_PER_BLOCK = 6000
_N_RAMPS = 8
_SHARE_OF_NEW_LAYER = 0.4
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


class Network:
    """An encoder with `n_layers` layers, the mix of its layers, and an estimator with `n_heads_out` outputs."""

    def __init__(self, shape: Shape, *, n_layers: int, n_heads_out: int, seed: int) -> None:
        import torch

        torch.manual_seed(seed)
        self.shape, self.n_layers, self.n_outputs = shape, n_layers, n_heads_out
        self.encoder: Any = imported("transformers").XLMRobertaModel(
            encoder_config(shape, n_layers=n_layers), add_pooling_layer=False
        )
        self.mix = torch.nn.ParameterList([torch.nn.Parameter(torch.zeros(1)) for _ in range(n_layers + 1)])
        self.gamma = torch.nn.Parameter(torch.ones(1))
        self.estimator = _estimator(shape, n_heads_out)
        generator = torch.Generator().manual_seed(seed)
        _begin_embeddings(self.encoder.embeddings, shape, generator)
        for layer in self.encoder.encoder.layer:
            _begin_layer(layer, shape, generator)

    def parameters(self) -> list[Any]:
        return [*self.encoder.parameters(), *self.mix, self.gamma, *self.estimator.parameters()]

    def train(self, is_training: bool) -> None:
        self.estimator.train(is_training)
        self.encoder.eval()

    def sentence_vectors(self, token_ids: Sequence[Array]) -> Any:
        """The averaged vectors of texts: [N texts, width]."""
        if self.n_layers == 0:
            return self._vectors_without_layers(token_ids)
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
        """Take over the weights of `state` that this network has."""
        import torch

        own = self.encoder.state_dict()
        self.encoder.load_state_dict({name: state.get(f"encoder.model.{name}", own[name]) for name in own})
        self.estimator.load_state_dict({name: state[f"estimator.ff.{name}"] for name in self.estimator.state_dict()})
        with torch.no_grad():
            self.gamma.copy_(state["layerwise_attention.gamma"])
            for place, weight in enumerate(self.mix):
                weight.copy_(state.get(f"layerwise_attention.scalar_parameters.{place}", weight))

    def with_layers(self, n_layers: int, *, seed: int) -> Network:
        """A copy with `n_layers`; a new one begins with little say in the mix. Itself where none is new."""
        if n_layers == self.n_layers:
            return self
        import torch

        grown = Network(self.shape, n_layers=n_layers, n_heads_out=self.n_outputs, seed=seed)
        grown.load(self.state())
        with torch.no_grad():
            # What the estimator has learned to read stays as it was, and the new layer is added to it.
            for weight in list(grown.mix)[self.n_layers + 1 :]:
                weight.copy_(grown.mix[0] + math.log(_SHARE_OF_NEW_LAYER))
            grown.gamma.mul_(1 + (n_layers - self.n_layers) * _SHARE_OF_NEW_LAYER)
        return grown

    def with_one_head(self, weights: Floats, offset: float) -> Network:
        """A copy whose only head is the sum of this one's heads by `weights` [heads], and `offset`."""
        import torch

        state = self.state()
        last = f"estimator.ff.{len(self.estimator) - 1}"
        factors = torch.from_numpy(weights)[None]
        state[f"{last}.weight"] = (factors @ state[f"{last}.weight"].double()).float()
        state[f"{last}.bias"] = (factors[0] @ state[f"{last}.bias"].double() + offset)[None].float()
        single = Network(self.shape, n_layers=self.n_layers, n_heads_out=1, seed=0)
        single.load(state)
        single.train(False)
        return single

    def _mixing(self) -> Any:
        import torch

        return self.gamma * torch.softmax(torch.cat(list(self.mix)), dim=0)

    def _vectors_without_layers(self, token_ids: Sequence[Array]) -> Any:
        """The same as an encoder without layers gives, but with no padding."""
        import torch

        lengths = np.array([len(ids) for ids in token_ids])
        positions = np.concatenate([np.arange(length) for length in lengths]) + _POSITION_OFFSET
        embeddings = self.encoder.embeddings
        summed = (
            embeddings.word_embeddings(torch.from_numpy(np.concatenate(token_ids)))
            + embeddings.position_embeddings(torch.from_numpy(positions))
            + embeddings.token_type_embeddings.weight[0]
        )
        vectors = embeddings.LayerNorm(summed)
        text_of_token = torch.from_numpy(np.repeat(np.arange(len(lengths)), lengths))
        totals = torch.zeros(len(lengths), vectors.shape[1]).index_add(0, text_of_token, vectors)
        return self._mixing() * totals / torch.from_numpy(lengths.astype(np.float32))[:, None]

    def _block_vectors(self, token_ids: Sequence[Array]) -> Any:
        import torch

        longest = max(len(ids) for ids in token_ids)
        ids = np.full((len(token_ids), longest), PAD_ID, dtype=np.int64)
        mask = np.zeros((len(token_ids), longest), dtype=np.int64)
        for row, text in enumerate(token_ids):
            ids[row, : len(text)], mask[row, : len(text)] = text, 1
        found = self.encoder(torch.from_numpy(ids), torch.from_numpy(mask), output_hidden_states=True)
        weights = self._mixing()
        mixed = sum(weights[place] * layer for place, layer in enumerate(found.hidden_states))
        is_token = torch.from_numpy(mask).to(mixed.dtype)[:, :, None]
        return (mixed * is_token).sum(dim=1) / is_token.sum(dim=1)


def encoder_config(shape: Shape, *, n_layers: int) -> Any:
    """The XLMRobertaConfig that the checkpoint's encoder folder holds."""
    return imported("transformers").XLMRobertaConfig(
        vocab_size=shape.n_tokens,
        hidden_size=shape.width,
        num_hidden_layers=n_layers,
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


def _begin_embeddings(embeddings: Any, shape: Shape, generator: Any) -> None:
    """Random words, nearly at right angles; positions as sinusoids and a ramp, in dimensions of their own.

    The average over a text then holds which words it has and how long it is before anything is learned, and positions
    beyond those seen in training mean something."""
    import torch

    n_words = shape.width - POSITION_WIDTH
    steps = torch.arange(shape.n_positions, dtype=torch.float64) - _POSITION_OFFSET
    steps = steps.clamp(min=0)
    with torch.no_grad():
        words = embeddings.word_embeddings.weight
        words.zero_()
        words[:, :n_words] = torch.randn(len(words), n_words, generator=generator) / math.sqrt(n_words)
        words[PAD_ID] = 0
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

    Averages of linear functions say nothing of order; products of neighbours do, and are there before any learning.
    Found among talks left out: with the usual beginning 120 steps taught the layer nothing."""
    import torch

    n_words, head_width = shape.width - POSITION_WIDTH, shape.width // shape.n_heads
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
