"""Scores from the package unbabel-comet itself: the reference that other backends are held against."""

from __future__ import annotations

import functools
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from evalharness.errors import ConfigError, MissingDependencyError, MissingModelError
from evalharness.metrics.comet.checkpoint import HUB_NAME, Checkpoint, hub_folder, weight_names

_log = logging.getLogger(__name__)

_LOUD_LOGGERS = ("pytorch_lightning", "lightning", "lightning_fabric", "lightning.pytorch", "comet", "transformers")
_TOKENIZER_FILES = ["*.json", "*.model", "*.txt"]
_SHORT_TEXT = 160  # characters; even at three tokens for each, as for rare characters, none is cut


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


def device_class(device: str) -> str:
    """`cpu`, `cuda` or `mps`: what `auto` stands for on this machine, and what scores may differ by.

    Raises: ConfigError where the device is asked for by name and is not there."""
    if device == "cpu":
        return "cpu"
    torch = _imported("torch")
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return next(name for name, is_there in available.items() if is_there)
    name = device.split(":", maxsplit=1)[0]
    if not available[name]:
        raise ConfigError(f"device={device}: torch finds no {name} device on this machine; use device=auto or cpu.")
    return name


class Scorer:
    """A loaded model, on its device and in its precision."""

    def __init__(self, checkpoint: Checkpoint, *, precision: str, device: str) -> None:
        comet = _imported("comet")
        torch = _imported("torch")
        names = weight_names(checkpoint.weights)
        self._device = device
        self._dtype = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[precision]
        self._model = _load(comet, checkpoint)
        # The package loads what fits and leaves the rest at random without a word.
        if missing := sorted(self._model.state_dict().keys() - names):
            raise MissingModelError(
                f"{checkpoint.weights}: lacks {len(missing)} of the weights that {checkpoint.settings_file} describes, "
                f"the first: {missing[0]}. The two do not belong together; get the checkpoint again."
            )
        self._model.to(self._dtype)

    def _inputs(self) -> Sequence[str]:
        """What a unified model reads as one text, in its order; empty for models that read each text by itself."""
        return tuple(self._model.hparams.get("input_segments", ()))

    def scores(self, triples: Sequence[dict[str, str]], *, batch_size: int) -> list[float]:
        """What `model.predict` gives for triples with `src`, `mt` and, where the model wants them, `ref`; in order.

        A batch that does not fit into the accelerator's memory is halved and tried again, said once."""
        torch = _imported("torch")
        self._warn_of_cut_texts(triples)
        while True:
            try:
                return self._predict(triples, batch_size)
            except torch.cuda.OutOfMemoryError:
                if batch_size == 1:
                    raise
                torch.cuda.empty_cache()
                batch_size = max(1, batch_size // 2)
                _log.warning("COMET: out of accelerator memory; going on with batches of %d.", batch_size)

    def _predict(self, triples: Sequence[dict[str, str]], batch_size: int) -> list[float]:
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
                list(triples), batch_size=batch_size, num_workers=0, progress_bar=False, **placed
            )
        return [float(score) for score in predicted["scores"]]

    def _warn_of_cut_texts(self, triples: Sequence[dict[str, str]]) -> None:
        """The model reads so many tokens and leaves out the rest without a word."""
        encoder, inputs = self._model.encoder, self._inputs()
        long = [triple for triple in triples if max(map(len, triple.values())) * (len(inputs) or 1) > _SHORT_TEXT]
        texts = sorted({text for triple in long for text in triple.values()})
        if not texts:
            return
        with _quiet():
            encoded = encoder.tokenizer(texts, truncation=False, add_special_tokens=False)["input_ids"]
        n_tokens = dict(zip(texts, map(len, encoded), strict=True))
        if inputs:
            # <s> and </s> around all, and what stands between two texts
            n_added = 2 + (len(inputs) - 1) * encoder.size_separator
            limit, unit = encoder.max_positions, "hypotheses with their source and reference"
            lengths = {
                triple["mt"]: sum(n_tokens[text] for name, text in triple.items() if name in inputs) + n_added
                for triple in long
            }
        else:
            limit, unit = encoder.max_positions - 2, "texts"
            lengths = {text: n + 2 for text, n in n_tokens.items()}
        cut = [text for text, length in lengths.items() if length > limit]
        if cut:
            _log.warning(
                "COMET: %d %s are longer than the %d tokens the model reads; it left out the rest. The first: %r...",
                len(cut),
                unit,
                limit,
                cut[0][:60],
            )


def _load(comet: Any, checkpoint: Checkpoint) -> Any:
    """The model; the configuration and tokenizer of its encoder come from the cache or else from the hub."""
    try:
        return _load_from_cache(comet, checkpoint)
    except OSError:  # what transformers raises for a tokenizer or configuration it cannot find
        encoder = str(checkpoint.settings().get("pretrained_model"))
        what = f"the tokenizer and configuration of {encoder!r}, the encoder of COMET model {checkpoint.name}"
        if not HUB_NAME.fullmatch(encoder):
            raise MissingModelError(f"{what}: there is no such folder, and it is not a name on the hub.") from None
        wanted = " ".join(f"'{pattern}'" for pattern in _TOKENIZER_FILES)
        command = f"huggingface-cli download {encoder} --include {wanted}"
        hub_folder(encoder, revision=None, what=what, command=command, patterns=_TOKENIZER_FILES)
    try:
        return _load_from_cache(comet, checkpoint)
    except OSError as err:
        raise MissingModelError(f"{what}: cannot be opened: {str(err).splitlines()[0]}") from err


def _load_from_cache(comet: Any, checkpoint: Checkpoint) -> Any:
    try:
        with _quiet():
            return comet.load_from_checkpoint(str(checkpoint.weights), local_files_only=True)
    except (KeyError, TypeError, RuntimeError) as err:
        raise MissingModelError(
            f"COMET model {checkpoint.name}: does not fit the settings in {checkpoint.settings_file}: {err}."
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


@functools.lru_cache(maxsize=1)  # a second model in memory would double gigabytes
def loaded(checkpoint: Checkpoint, sha256: str, precision: str, device: str) -> Scorer:
    """The scorer for a checkpoint; the one used last is kept."""
    return Scorer(checkpoint, precision=precision, device=device)


def forget() -> None:
    """Let go of the model that is kept."""
    loaded.cache_clear()
