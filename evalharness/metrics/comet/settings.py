"""What the settings beside a COMET checkpoint say about the model, checked once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from evalharness.errors import MissingModelError

T = TypeVar("T")


class Family(Enum):
    """The families of COMET checkpoints, named as in their `class_identifier`."""

    regression = "regression_metric"
    referenceless = "referenceless_regression_metric"
    ranking = "ranking_metric"
    unified = "unified_metric"
    xcomet = "xcomet_metric"

    @property
    def reads_texts_together(self) -> bool:
        """Whether source, hypothesis and reference go through the encoder as one text."""
        return self in (Family.unified, Family.xcomet)


class EncoderKind(Enum):
    """The encoders of unbabel-comet 2.2, named as in `encoder_model`. InfoXLM is an XLM-RoBERTa."""

    bert = "BERT"
    xlmr = "XLM-RoBERTa"
    xlmr_xl = "XLM-RoBERTa-XL"
    minilm = "MiniLM"
    rembert = "RemBERT"


class Pooling(Enum):
    """How the vectors of a text's tokens become one; `default` takes the first token of the last layer."""

    avg = "avg"
    max = "max"
    cls = "cls"
    default = "default"


# Settings of unbabel-comet 1.0 to 2.2.7, and of checkpoints published for it, that decide nothing about scores.
_OF_TRAINING = frozenset(
    {
        "nr_frozen_epochs",
        "keep_embeddings_frozen",
        "optimizer",
        "warmup_steps",
        "encoder_learning_rate",
        "learning_rate",
        "layerwise_decay",
        "loss",
        "dropout",
        "batch_size",
        "train_data",
        "validation_data",
        "load_pretrained_weights",
        "local_files_only",
        "loss_lambda",
        "cross_entropy_weights",
        "sampling_gamma",
        "word_weights",
        "load_weights_from_checkpoint",
        "initalize_pretrained_unified_weights",
    }
)
_OF_SCORES = frozenset(
    {
        "class_identifier",
        "encoder_model",
        "pretrained_model",
        "pool",
        "layer",
        "layer_transformation",
        "layer_norm",
        "hidden_sizes",
        "activations",
        "final_activation",
        "sent_layer",
        "word_layer",
        "input_segments",
        "word_level_training",
        "error_labels",
    }
)
_ACTIVATIONS = ("Tanh", "Sigmoid", "Softplus", "Softsign", "Hardtanh", "Mish", "Identity")
"""Classes of torch.nn that unbabel-comet can build from a name: it looks up the name in title case."""
_ENTRY_OF_FAMILY = "class_identifier"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """A checkpoint's settings, with unbabel-comet's defaults filled in.

    Layers count from 0, the embeddings; `layer` is None where all are mixed. `sparse_mix` says that the mixing weights
    go through sparsemax. `input_segments` is empty for families that read each text by itself. `error_labels` is empty
    for models that mark no errors. Activations are names of classes in `torch.nn`."""

    family: Family
    encoder: EncoderKind
    pretrained_model: str
    pooling: Pooling
    layer: int | None
    sparse_mix: bool
    layer_norm: bool
    hidden_sizes: tuple[int, ...]
    activation: str
    final_activation: str | None
    input_segments: tuple[str, ...]
    word_layer: int
    error_labels: tuple[str, ...]

    @property
    def reads_references(self) -> bool:
        """Whether the model makes use of references; unified ones can, and need not."""
        return self.needs_references or "ref" in self.input_segments

    @property
    def needs_references(self) -> bool:
        """Whether the model gives no score without a reference."""
        if self.family.reads_texts_together:
            return "src" not in self.input_segments
        return self.family is not Family.referenceless


def read_family(settings: Mapping[str, Any], file: Path) -> Family:
    """The family that `class_identifier` names.

    Raises: MissingModelError where it is missing or names none."""
    if _ENTRY_OF_FAMILY not in settings:
        raise MissingModelError(
            f"{file}: has no entry class_identifier, so it does not say which family the checkpoint is of. It is "
            "written beside checkpoints that COMET 1.0 or newer saved."
        )
    identifier = settings[_ENTRY_OF_FAMILY]
    known = [family.value for family in Family]
    if identifier not in known:
        raise MissingModelError(
            f"{file}: class_identifier {identifier!r} is no family of COMET checkpoints; expected one of "
            f"{', '.join(known)}."
        )
    return Family(identifier)


def refuse_unknown(settings: Mapping[str, Any], file: Path) -> None:
    """Raises: MissingModelError for an entry of which nothing is known."""
    unknown = sorted(str(name) for name in settings if name not in _OF_SCORES | _OF_TRAINING)
    if unknown:
        raise MissingModelError(
            f"{file}: unknown entry {unknown[0]!r}: what it does to scores cannot be told, so the checkpoint is not "
            "scored with. backend=unbabel scores with it as unbabel-comet does; a checkpoint that was published so is "
            "worth a report."
        )


def read_input_segments(settings: Mapping[str, Any], file: Path) -> tuple[str, ...]:
    """What a unified model reads as one text, in its order.

    Raises: MissingModelError where it is none of the orders unbabel-comet can read."""
    found = settings.get("input_segments", ["mt", "src", "ref"])
    known = (["mt", "src", "ref"], ["mt", "src"], ["mt", "ref"])
    if found not in known:
        raise MissingModelError(
            f"{file}: input_segments {found!r}: expected one of {', '.join(str(one) for one in known)}."
        )
    return tuple(found)


def read_settings(settings: Mapping[str, Any], file: Path) -> ModelSettings:
    """Settings as unbabel-comet 2.2.7 understands them.

    Raises: MissingModelError naming the file and the entry that is unknown, missing or of no use."""
    reader = _Reader(settings, file)
    family = read_family(settings, file)
    refuse_unknown(settings, file)
    together = family.reads_texts_together
    layer = reader.layer("sent_layer" if together else "layer", "mix")
    marks_errors = family is Family.xcomet or (together and reader.flag("word_level_training", False))
    sizes = {Family.referenceless: [2048, 1024], Family.xcomet: [2560, 1280]}.get(family, [3072, 1024])
    labels = ["minor", "major", "critical"] if family is Family.xcomet else ["minor", "major"]
    transformation = "sparsemax" if together else "softmax"
    return ModelSettings(
        family=family,
        encoder=reader.one_of("encoder_model", EncoderKind, _default_encoder(family)),
        pretrained_model=reader.text("pretrained_model"),
        pooling=Pooling.cls if together else reader.one_of("pool", Pooling, Pooling.avg),
        layer=layer,
        sparse_mix=reader.transformation(transformation) == "sparsemax",
        layer_norm=reader.flag("layer_norm", family is not Family.xcomet),
        hidden_sizes=reader.sizes("hidden_sizes", sizes),
        activation=reader.activation("activations", "Tanh") or "Tanh",
        final_activation=reader.activation("final_activation", None),
        input_segments=_input_segments(family, settings, file),
        word_layer=reader.number("word_layer", 36 if family is Family.xcomet else 24) if marks_errors else 0,
        error_labels=reader.texts("error_labels", labels) if marks_errors else (),
    )


class _Reader:
    """One entry at a time, each refused with the file's name where it is not what it should be."""

    def __init__(self, settings: Mapping[str, Any], file: Path) -> None:
        self._settings = settings
        self._file = file

    def text(self, name: str) -> str:
        return str(self._checked(name, None, lambda value: isinstance(value, str) and bool(value), "a name"))

    def texts(self, name: str, default: list[str]) -> tuple[str, ...]:
        def fits(value: object) -> bool:
            return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)

        return tuple(self._checked(name, default, fits, "a list of names"))

    def flag(self, name: str, default: bool) -> bool:
        return bool(self._checked(name, default, lambda value: isinstance(value, bool), "true or false"))

    def sizes(self, name: str, default: list[int]) -> tuple[int, ...]:
        def fits(value: object) -> bool:
            return isinstance(value, list) and bool(value) and all(_is_count(one) and one > 0 for one in value)

        return tuple(self._checked(name, default, fits, "a list of sizes"))

    def layer(self, name: str, default: str | int) -> int | None:
        """None for `mix`."""
        found = self._checked(name, default, lambda value: value == "mix" or _is_count(value), "'mix' or a number")
        return None if found == "mix" else int(found)

    def number(self, name: str, default: int) -> int:
        return int(self._checked(name, default, _is_count, "a number of a layer"))

    def one_of(self, name: str, names: Callable[[str], T], default: T | None) -> T:
        if name not in self._settings and default is not None:
            return default
        found = self.text(name)
        try:
            return names(found)
        except ValueError as err:
            known = ", ".join(str(one.value) for one in names)  # type: ignore[attr-defined]
            raise self._refused(name, found, f"one of {known}") from err

    def transformation(self, default: str) -> str:
        """`sparsemax_patch` is published for models that were trained with softmax by mistake."""
        known = ("softmax", "sparsemax", "sparsemax_patch")
        expected = f"one of {', '.join(known)}"
        return str(self._checked("layer_transformation", default, lambda value: value in known, expected))

    def activation(self, name: str, default: str | None) -> str | None:
        found = self._settings.get(name, default)
        if found is None:
            return None
        if not isinstance(found, str) or found.title() not in _ACTIVATIONS:
            raise self._refused(name, found, f"one of {', '.join(_ACTIVATIONS)}")
        return str(found.title())

    def _checked(self, name: str, default: Any, fits: Callable[[Any], bool], expected: str) -> Any:
        found = self._settings.get(name, default)
        if found is None and name not in self._settings:
            raise MissingModelError(f"{self._file}: has no entry {name!r}; expected {expected}. Get the file again.")
        if not fits(found):
            raise self._refused(name, found, expected)
        return found

    def _refused(self, name: str, found: object, expected: str) -> MissingModelError:
        return MissingModelError(f"{self._file}: {name} is {found!r}; expected {expected}.")


def _input_segments(family: Family, settings: Mapping[str, Any], file: Path) -> tuple[str, ...]:
    """Empty for families that read each text by itself. xCOMET reads all three, whatever its settings say."""
    if family is Family.xcomet:
        return ("mt", "src", "ref")
    return read_input_segments(settings, file) if family is Family.unified else ()


def _default_encoder(family: Family) -> EncoderKind:
    return EncoderKind.xlmr_xl if family is Family.xcomet else EncoderKind.xlmr


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
