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
    "n_epochs",
    "families_per_step",
    "n_resamples",
)


def _check_at_least(name: str, value: float, least: float) -> None:
    if not value >= least:
        raise ConfigError(f"{name}={value}: expected {least} or more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Weights of the loss are for errors in units of typical spread, see `fitting`.

    `test_talks` are never trained on. `validation_talks` are left out as well and assessed in their place: choices of
    settings are made with these. `chrf_share` of the chrF head, in spreads of the score, is folded into the score."""

    remarks: str = ""
    """What readers of the note must know beside what it says of every model."""
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
    talk_weight: float = 3.0

    label_weight: float = 2.0
    within_weight: float = 0.25
    damage_weight: float = 0.3
    order_weight: float = 0.3
    chrf_weight: float = 0.5

    n_epochs: int = 6
    families_per_step: int = 17
    learning_rate: float = 1e-3
    weight_decay: float = 0.01

    chrf_share: float = 0.15

    n_resamples: int = 1000

    def __post_init__(self) -> None:
        for name in _AT_LEAST_ONE:
            _check_at_least(name, getattr(self, name), 1)
        for name in ("n_characters", "n_joined_pairs", "n_joined_triples", "learning_rate", "weight_decay", "seed"):
            _check_at_least(name, getattr(self, name), 0)
        for name in (entry.name for entry in dataclasses.fields(self) if entry.name.endswith(("_weight", "_share"))):
            _check_at_least(name, getattr(self, name), 0)
        if self.talk_weight == 0:
            raise ConfigError("talk_weight=0: expected more; a step may hold nothing but talks.")
        for name in ("dropout", "judged_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}={getattr(self, name)}: expected a share from 0 to 1.")
        if self.width % self.n_heads or self.width < 64:
            raise ConfigError(f"width={self.width}: expected 64 or more, and a multiple of n_heads={self.n_heads}.")
        if self.width // self.n_heads > self.width - POSITION_WIDTH:
            raise ConfigError(
                f"n_heads={self.n_heads}: a head of width {self.width // self.n_heads} is wider than what "
                f"width={self.width} leaves beside {POSITION_WIDTH} dimensions for positions. Set n_heads higher."
            )


def read_recipe(path: Path | None, overrides: Sequence[str]) -> Recipe:
    """The recipe of a YAML file, the defaults without one, changed by words `KEY=VALUE`.

    Raises: ConfigError for an unknown key or a value of the wrong type."""
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
            raise ConfigError(f"{word!r}: expected KEY=VALUE, such as seed=2.")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as err:
            raise ConfigError(f"{word!r}: the value is not YAML: {' '.join(str(err).split())}.") from err
        _check_known(key, content, where=key)
        content[key] = value
    return Recipe(**{name: _typed(name, content[name], kind) for name, kind in _annotations(Recipe).items()})


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
