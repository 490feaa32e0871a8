"""Every setting of comet-mini's training, with its default; `configs/training/comet_mini.yaml` says the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from evalharness.errors import ConfigError, nearest
from evalharness.textio import read_text

POSITION_WIDTH = 48
"""Dimensions of the embeddings that begin with positions; words begin in the others."""
_AT_LEAST_ONE = (
    "n_threads",
    "n_pieces",
    "width",
    "n_heads",
    "feed_forward",
    "translations_per_family",
    "damaged_per_family",
    "n_resamples",
)


def _check_at_least(name: str, value: float, least: float) -> None:
    if not value >= least:
        raise ConfigError(f"{name}={value}: expected {least} or more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of training with Adam. Rates fall along a half cosine; with 0 those weights stay as they are."""

    n_layers: int
    n_steps: int
    families_per_step: int
    embedding_rate: float
    layer_rate: float
    estimator_rate: float
    talk_share: float
    """Of the families of a step; the others are news."""

    def __post_init__(self) -> None:
        if self.n_layers not in (0, 1):
            raise ConfigError(f"n_layers={self.n_layers}: the encoder of comet-mini has 0 layers or 1.")
        for name in ("n_steps", "families_per_step"):
            _check_at_least(name, getattr(self, name), 1)
        for name in ("embedding_rate", "layer_rate", "estimator_rate"):
            _check_at_least(name, getattr(self, name), 0)
        if not 0 <= self.talk_share <= 1:
            raise ConfigError(f"talk_share={self.talk_share}: expected a share from 0 to 1.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Weights of the loss are for errors in units of typical spread, see `phases`.

    `test_talks` are never trained on. `validation_talks` are left out as well and assessed in their place: choices of
    settings are made with these. `chrf_share` of the chrF head, in spreads of the score, is folded into the score."""

    seed: int = 1
    n_threads: int = 1
    test_talks: tuple[str, ...] = ("talk.6", "talk.7")
    validation_talks: tuple[str, ...] = ()

    n_pieces: int = 10000
    n_characters: int = 1700
    width: int = 256
    n_heads: int = 4
    feed_forward: int = 512
    n_positions: int = 514
    hidden_sizes: tuple[int, ...] = (384, 128)
    dropout: float = 0.1

    n_joined_pairs: int = 300
    n_joined_triples: int = 150
    judged_share: float = 0.3
    translations_per_family: int = 8
    damaged_per_family: int = 10
    renamed_families: float = 0.85
    n_pieces_kept: int = 150

    label_weight: float = 2.0
    within_weight: float = 0.25
    damage_weight: float = 0.3
    order_weight: float = 0.3
    chrf_weight: float = 0.5
    length_weight: float = 0.2
    chrf_share: float = 0.15

    n_resamples: int = 1000

    phases: tuple[Phase, ...] = (
        Phase(
            n_layers=0,
            n_steps=4000,
            families_per_step=24,
            embedding_rate=1e-4,
            layer_rate=0.0,
            estimator_rate=1e-3,
            talk_share=0.2,
        ),
        Phase(
            n_layers=1,
            n_steps=500,
            families_per_step=16,
            embedding_rate=0.0,
            layer_rate=0.0,
            estimator_rate=5e-4,
            talk_share=0.2,
        ),
        Phase(
            n_layers=1,
            n_steps=200,
            families_per_step=12,
            embedding_rate=0.0,
            layer_rate=3e-4,
            estimator_rate=5e-4,
            talk_share=0.2,
        ),
    )

    def __post_init__(self) -> None:
        for name in _AT_LEAST_ONE:
            _check_at_least(name, getattr(self, name), 1)
        for name in ("n_characters", "n_joined_pairs", "n_joined_triples", "n_pieces_kept", "seed"):
            _check_at_least(name, getattr(self, name), 0)
        for name in (entry.name for entry in dataclasses.fields(self) if entry.name.endswith(("_weight", "_share"))):
            _check_at_least(name, getattr(self, name), 0)
        for name in ("dropout", "judged_share", "renamed_families"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}={getattr(self, name)}: expected a share from 0 to 1.")
        if not self.phases:
            raise ConfigError("phases is empty: expected one phase of training or more.")
        if [phase.n_layers for phase in self.phases] != sorted(phase.n_layers for phase in self.phases):
            raise ConfigError("phases: n_layers falls from one phase to a later one; layers are only ever added.")
        if self.width % self.n_heads or self.width < 64:
            raise ConfigError(f"width={self.width}: expected 64 or more, and a multiple of n_heads={self.n_heads}.")
        if self.width // self.n_heads > self.width - POSITION_WIDTH:
            raise ConfigError(
                f"n_heads={self.n_heads}: a head of width {self.width // self.n_heads} is wider than what "
                f"width={self.width} leaves beside {POSITION_WIDTH} dimensions for positions. Set n_heads higher."
            )


def read_recipe(path: Path | None, overrides: Sequence[str]) -> Recipe:
    """The recipe of a YAML file, the defaults without one, changed by words `KEY=VALUE`.

    A phase's setting is `phases.0.n_steps`. Raises: ConfigError for an unknown key or a value of the wrong type."""
    import yaml

    content = dataclasses.asdict(Recipe())
    if path is not None:
        try:
            found = yaml.safe_load(read_text(path))
        except yaml.YAMLError as err:
            raise ConfigError(f"{path}: is not YAML: {' '.join(str(err).split())}.") from err
        if not isinstance(found, dict):
            raise ConfigError(f"{path}: expected settings, one `name: value` a line.")
        for key, value in found.items():
            _check_known(str(key), content, where=str(path))
            content[key] = value
    for word in overrides:
        key, equals, text = word.partition("=")
        if not equals:
            raise ConfigError(f"{word!r}: expected KEY=VALUE, such as seed=2 or phases.0.n_steps=100.")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as err:
            raise ConfigError(f"{word!r}: the value is not YAML: {' '.join(str(err).split())}.") from err
        _set(content, key, value)
    return _recipe(content)


def _set(content: dict[str, Any], key: str, value: Any) -> None:
    first, *rest = key.split(".")
    _check_known(first, content, where=key)
    if not rest:
        content[first] = value
        return
    entries = content[first]
    if first != "phases" or len(rest) != 2 or not isinstance(entries, (list, tuple)):
        raise ConfigError(f"{key}: only phases have settings of their own, such as phases.0.n_steps.")
    place, name = rest
    if not place.isdigit() or int(place) >= len(entries) or not isinstance(entries[int(place)], dict):
        raise ConfigError(f"{key}: there is no phase {place!r}; there are {len(entries)}, numbered from 0.")
    _check_known(name, _annotations(Phase), where=key)
    entries[int(place)][name] = value


def _recipe(content: Mapping[str, Any]) -> Recipe:
    phases = content["phases"]
    if not isinstance(phases, (list, tuple)):
        raise ConfigError(f"phases: expected a list, found {phases!r}.")
    typed = {name: _typed(name, content[name], kind) for name, kind in _annotations(Recipe).items() if name != "phases"}
    return Recipe(**typed, phases=tuple(_phase(place, phase) for place, phase in enumerate(phases)))


def _phase(place: int, content: Any) -> Phase:
    kinds = _annotations(Phase)
    if not isinstance(content, Mapping) or set(content) != set(kinds):
        raise ConfigError(f"phases.{place}: expected exactly the settings {', '.join(kinds)}; found {content!r}.")
    return Phase(**{name: _typed(f"phases.{place}.{name}", content[name], kind) for name, kind in kinds.items()})


def _typed(name: str, value: Any, kind: str) -> Any:
    if kind == "float" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind.startswith("tuple[") and isinstance(value, (list, tuple)):
        inner = kind.removeprefix("tuple[").removesuffix(", ...]")
        return tuple(_typed(f"{name}[{place}]", entry, inner) for place, entry in enumerate(value))
    if kind == "str" and isinstance(value, str):
        return value
    raise ConfigError(f"{name}={value!r}: expected {kind}.")


def _annotations(settings: type) -> dict[str, str]:
    return {entry.name: cast(str, entry.type) for entry in dataclasses.fields(settings)}


def _check_known(name: str, known: Mapping[str, Any], *, where: str) -> None:
    if name not in known:
        raise ConfigError(f"{where}: there is no setting {name!r}{nearest(name, known)} Settings: {', '.join(known)}.")
