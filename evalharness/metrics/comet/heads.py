"""From vectors to scores and marks: the small layers on top of an encoder, always in float32."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, TypeAlias

from evalharness.errors import MissingModelError
from evalharness.metrics.comet.settings import Family, ModelSettings
from evalharness.metrics.comet.weights import Weights

Tensor: TypeAlias = Any

_ROWS_AT_ONCE = 1024
_DISTANCE_EPSILON = 1e-6  # of torch's pairwise_distance


class Estimator:
    """A feed-forward network from features [N, in] to scores [N]."""

    def __init__(self, weights: Weights, settings: ModelSettings, *, n_features: int, device: str) -> None:
        """Raises: MissingModelError where a weight is missing or has another shape than the settings say."""
        import torch

        sizes = (n_features, *settings.hidden_sizes, 1)
        self._layers = []
        for index, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
            name = f"estimator.ff.{3 * index}"  # each followed by its activation and, in training, dropout
            self._layers.append(take_linear(weights, name, (n_out, n_in), device))
        surplus = sorted({name for name in weights.tensors if name.startswith("estimator.")} - self._names(len(sizes)))
        if surplus:
            raise MissingModelError(
                f"{weights.file}: holds a weight {surplus[0]}, which an estimator of hidden_sizes "
                f"{list(settings.hidden_sizes)} does not have. The two do not belong together; get the checkpoint "
                "again."
            )
        self._activation = getattr(torch.nn, settings.activation)()
        final = settings.final_activation
        self._final = torch.nn.Identity() if final is None else getattr(torch.nn, final)()

    @staticmethod
    def _names(n_sizes: int) -> set[str]:
        return {f"estimator.ff.{3 * index}.{part}" for index in range(n_sizes - 1) for part in ("weight", "bias")}

    def __call__(self, features: Tensor) -> Tensor:
        from torch.nn import functional

        x = features
        for weight, bias in self._layers[:-1]:
            x = self._activation(functional.linear(x, weight, bias))
        return self._final(functional.linear(x, *self._layers[-1])).view(-1)


def estimate(estimator: Estimator | None, family: Family, vectors: Mapping[str, Tensor]) -> Tensor:
    """Scores [N] of the families that read each text by itself.

    `vectors` holds `source`, `hypothesis` and, where the family reads one, `reference`, each [N, width]. As in
    unbabel-comet 2.2.7, in slices, since the features are six times as wide as the vectors."""
    import torch

    if estimator is None:
        return _closeness(vectors["hypothesis"], vectors["source"], vectors["reference"])
    parts = []
    for start in range(0, len(vectors["hypothesis"]), _ROWS_AT_ONCE):
        rows = {name: of_role[start : start + _ROWS_AT_ONCE] for name, of_role in vectors.items()}
        parts.append(estimator(torch.cat(_features(family, rows), dim=1)))
    return torch.cat(parts)


def _features(family: Family, rows: Mapping[str, Tensor]) -> list[Tensor]:
    source, hypothesis = rows["source"], rows["hypothesis"]
    with_source = [hypothesis * source, (hypothesis - source).abs()]
    if family is Family.referenceless:
        return [hypothesis, source, *with_source]
    reference = rows["reference"]
    return [hypothesis, reference, hypothesis * reference, (hypothesis - reference).abs(), *with_source]


def _closeness(hypothesis: Tensor, source: Tensor, reference: Tensor) -> Tensor:
    """Of ranking models: 1 / (1 + the harmonic mean of the distances to source and reference)."""
    from torch.nn import functional

    to_source = functional.pairwise_distance(hypothesis, source, eps=_DISTANCE_EPSILON)
    to_reference = functional.pairwise_distance(hypothesis, reference, eps=_DISTANCE_EPSILON)
    return 1 / (1 + 2 * to_reference * to_source / (to_reference + to_source))


def take_linear(weights: Weights, name: str, shape: tuple[int, int], device: str) -> tuple[Tensor, Tensor]:
    """The weight and bias of a linear layer, in float32.

    Raises: MissingModelError where one is missing or has another shape."""
    import torch

    taken = []
    for part, expected in ((f"{name}.weight", shape), (f"{name}.bias", shape[:1])):
        found = weights.tensors.get(part)
        if found is None or tuple(found.shape) != expected:
            has = "is missing" if found is None else f"has the shape {tuple(found.shape)}"
            raise MissingModelError(
                f"{weights.file}: the weight {part} {has}; expected the shape {expected} by its settings. The two do "
                "not belong together; get the checkpoint again."
            )
        taken.append(found.to(device, torch.float32, copy=True))
    return taken[0], taken[1]
