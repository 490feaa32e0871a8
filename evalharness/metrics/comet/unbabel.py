"""Scores from the package unbabel-comet itself: the reference that other backends are held against."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from evalharness.errors import ConfigError, MissingDependencyError, MissingModelError
from evalharness.metrics.comet.backend import Predictions, Scorer, Triple, device_class, hold, is_out_of_memory
from evalharness.metrics.comet.checkpoint import Checkpoint, encoder_files
from evalharness.metrics.comet.kernels import Precision
from evalharness.metrics.comet.limits import Limits
from evalharness.metrics.comet.model import model_settings
from evalharness.metrics.comet.weights import SAFETENSORS, read_weights
from evalharness.records import ErrorSpan

_log = logging.getLogger(__name__)

_LOUD_LOGGERS = ("pytorch_lightning", "lightning", "lightning_fabric", "lightning.pytorch", "comet", "transformers")


_DTYPES = {Precision.fp32: "float32", Precision.fp16: "float16", Precision.bf16: "bfloat16"}


def check_precision(precision: Precision) -> None:
    """Raises: ConfigError where unbabel-comet does not compute in the precision."""
    if precision not in _DTYPES:
        raise ConfigError(
            f"COMET with backend=unbabel and precision={precision.value}: unbabel-comet computes in fp32, fp16 or "
            "bf16; choose one of them, or backend=native."
        )


def installed_version() -> str:
    """The version of unbabel-comet, without importing it.

    Raises: MissingDependencyError where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("unbabel-comet")
    except PackageNotFoundError as err:
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise MissingDependencyError(
            f"backend=unbabel needs the package unbabel-comet, which is not installed in this Python {python}. It "
            "exists for Python 3.8 to 3.12: pip install torch 'unbabel-comet>=2.2.7' 'setuptools<81' "
            "sentencepiece==0.2.0"
        ) from err


class UnbabelScorer:
    """A model loaded by unbabel-comet, on its device and in its precision."""

    def __init__(self, checkpoint: Checkpoint, *, precision: Precision, device: str, batch_size: int) -> None:
        """Raises: MissingModelError where checkpoint, settings and encoder do not fit together; ConfigError for a
        precision the package does not compute in."""
        check_precision(precision)
        _imported("comet")
        torch = _imported("torch")
        if checkpoint.weights.suffix == SAFETENSORS:
            raise MissingModelError(
                f"{checkpoint.weights}: unbabel-comet reads .ckpt files only; use backend=native, or the checkpoint "
                "this file was converted from."
            )
        weights = read_weights(checkpoint.weights)
        self._device = device
        self._dtype = getattr(torch, _DTYPES[precision])
        self._batch_size = batch_size
        self._model = _load(checkpoint)
        # The package loads what fits and leaves the rest at random without a word.
        if missing := sorted(self._model.state_dict().keys() - weights.tensors.keys()):
            raise MissingModelError(
                f"{checkpoint.weights}: lacks {len(missing)} of the weights that {checkpoint.settings_file} describes, "
                f"the first: {missing[0]}. The two do not belong together; get the checkpoint again."
            )
        self._model.to(self._dtype)
        encoder = self._model.encoder
        self._limits = Limits.of(
            model_settings(checkpoint, weights),
            max_positions=encoder.max_positions,
            n_separators=encoder.size_separator,
        )

    @property
    def limits(self) -> Limits:
        return self._limits

    def lengths(self, texts: Sequence[str]) -> list[int]:
        with _quiet():  # transformers warns of long ones
            encoded = self._model.encoder.tokenizer(list(texts), truncation=False, add_special_tokens=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def predict(self, triples: Sequence[Triple]) -> Predictions:
        """What the package's `predict` gives, in order.

        A batch that does not fit into the device's memory is halved and tried again, said once."""
        if not triples:
            return Predictions(scores=[], error_spans=None)
        given = [{"src": one.source, "mt": one.hypothesis} for one in triples]
        for triple, one in zip(triples, given, strict=True):
            if triple.reference is not None:
                one["ref"] = triple.reference
        while True:
            try:
                return self._predict(given)
            except RuntimeError as err:
                if self._batch_size == 1 or not is_out_of_memory(err):
                    raise
                self._batch_size = max(1, self._batch_size // 2)
                _log.warning("COMET: out of memory on %s; going on with batches of %d.", self._device, self._batch_size)

    def _predict(self, given: list[dict[str, str]]) -> Predictions:
        kind, _, number = self._device.partition(":")
        placed: dict[str, Any] = {"gpus": 0} if kind == "cpu" else {"gpus": 1, "accelerator": kind}
        if number:
            placed["devices"] = [int(number)]
        if kind == "cuda":
            placed["accelerator"] = "gpu"
        torch = _imported("torch")
        is_low = self._dtype != torch.float32
        # Pooling gives float32 whatever the weights are; autocast takes it back before the estimator.
        with _quiet(), torch.autocast(device_class(self._device), dtype=self._dtype, enabled=is_low):
            # Workers would be forked for every call, and tokenising is not what takes the time.
            predicted = self._model.predict(
                given, batch_size=self._batch_size, num_workers=0, progress_bar=False, **placed
            )
        marked = predicted.get("metadata", {}).get("error_spans")
        return Predictions(
            scores=[float(score) for score in predicted["scores"]],
            error_spans=None if marked is None else [tuple(ErrorSpan(**span) for span in spans) for spans in marked],
        )


def _load(checkpoint: Checkpoint) -> Any:
    """The model as `comet.load_from_checkpoint` loads it, with the encoder's files from where they are."""
    from comet.models import str2model

    settings = model_settings(checkpoint, read_weights(checkpoint.weights))
    files = encoder_files(checkpoint, settings)
    given: dict[str, Any] = {"pretrained_model": str(files.config.parent)}
    if checkpoint.settings().get("layer_transformation") == "sparsemax_patch":
        given["layer_transformation"] = "softmax"
    try:
        with _quiet():
            return str2model[settings.family.value].load_from_checkpoint(
                checkpoint_path=checkpoint.weights,
                load_pretrained_weights=False,
                map_location="cpu",
                strict=False,
                local_files_only=True,
                **given,
            )
    except (KeyError, TypeError, RuntimeError, OSError) as err:
        raise MissingModelError(
            f"COMET model {checkpoint.name}: does not fit the settings in {checkpoint.settings_file} or the encoder in "
            f"{files.config.parent}: {err}."
        ) from err


def _imported(package: str) -> Any:
    import importlib

    installed_version()
    try:
        with _quiet():
            return importlib.import_module(package)
    except ImportError as err:
        raise MissingDependencyError(
            f"the package {package} is installed and cannot be imported: {err}. unbabel-comet 2.2.7 needs others in "
            "versions it does not name: pip install 'setuptools<81' sentencepiece==0.2.0 'protobuf<5' 'numpy<2' "
            "'transformers<5'"
        ) from err


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning announces devices and tips on every call; loggers and warnings are as they were afterwards."""
    levels = {name: logging.getLogger(name).level for name in _LOUD_LOGGERS}
    loud = [name for name in logging.root.manager.loggerDict if name.startswith("pytorch_lightning.")]
    levels |= {name: logging.getLogger(name).level for name in loud}
    try:
        for name in levels:
            logging.getLogger(name).setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def loaded(checkpoint: Checkpoint, content: str, precision: Precision, device: str, batch_size: int) -> Scorer:
    """The scorer for a checkpoint; the one used last is kept until its `content`, any name of it, changes."""
    return hold(
        ("unbabel", checkpoint, content, precision, device, batch_size),
        lambda: UnbabelScorer(checkpoint, precision=precision, device=device, batch_size=batch_size),
    )
