"""The folder a checkpoint ships in, as unbabel-comet reads it, and scores from what was written there.

`pretrained_model` is the relative name `encoder`, which the package finds when the working directory is the folder."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from evalharness.metrics.comet.training.assessment import Scorer, Triple
from evalharness.metrics.comet.training.network import Network, Shape, encoder_config
from evalharness.metrics.comet.training.packages import imported
from evalharness.metrics.comet.training.vocabulary import token_ids_of
from evalharness.textio import replacing, write_text

ENCODER = "encoder"
WEIGHTS = Path("checkpoints") / "model.ckpt"
_LIGHTNING = "2.6.6"  # of the layout below, where the package is not installed
_TRIPLES_AT_ONCE = 4096


def hyper_parameters(shape: Shape) -> dict[str, Any]:
    """Every argument of RegressionMetric, as it saves them beside its weights."""
    return {
        "nr_frozen_epochs": 0.0,
        "keep_embeddings_frozen": False,
        "optimizer": "AdamW",
        "warmup_steps": 0,
        "encoder_learning_rate": 1e-5,
        "learning_rate": 1e-4,
        "layerwise_decay": 1.0,
        "encoder_model": "XLM-RoBERTa",
        "pretrained_model": ENCODER,
        "pool": "avg",
        "layer": "mix",
        "layer_transformation": "softmax",
        "layer_norm": False,
        "loss": "mse",
        "dropout": shape.dropout,
        "batch_size": 16,
        "train_data": [],
        "validation_data": [],
        "hidden_sizes": list(shape.hidden_sizes),
        "activations": "Tanh",
        "final_activation": None,
        "load_pretrained_weights": False,
        "local_files_only": True,
        "class_identifier": "regression_metric",
    }


def write_checkpoint(folder: Path, network: Network, tokenizer: Any) -> None:
    """Write weights in fp16, settings, and the encoder's configuration and tokenizer."""
    import torch
    import yaml

    settings = hyper_parameters(network.shape)
    state = {name: weights.to(torch.float16) for name, weights in network.state().items()}
    if network.shape.dropout:
        n_mixed = len(network.mix)  # what COMET's mix of layers needs to drop layers in training
        state["layerwise_attention.dropout_mask"] = torch.zeros(n_mixed, dtype=torch.float16)
        state["layerwise_attention.dropout_fill"] = torch.full((n_mixed,), -1e20, dtype=torch.float32)
    (folder / WEIGHTS.parent).mkdir(parents=True, exist_ok=True)
    content = {
        "epoch": 0,
        "global_step": 0,
        "pytorch-lightning_version": _lightning_version(),
        "state_dict": state,
        "hparams_name": "kwargs",
        "hyper_parameters": settings,
    }
    with replacing(folder / WEIGHTS, "wb") as file:
        torch.save(content, file)
    write_text(folder / "hparams.yaml", yaml.safe_dump(settings, sort_keys=True))
    encoder_config(network.shape).save_pretrained(folder / ENCODER)
    tokenizer.save_pretrained(folder / ENCODER)


def open_scorer(folder: Path) -> Scorer:
    """Scores of the checkpoint in a folder that `write_checkpoint` wrote, computed here and not by unbabel-comet."""
    import torch
    import yaml

    transformers = imported("transformers")

    content = torch.load(folder / WEIGHTS, weights_only=True, mmap=True)
    settings = yaml.safe_load((folder / "hparams.yaml").read_text(encoding="utf-8"))
    config = transformers.XLMRobertaConfig.from_pretrained(folder / ENCODER)
    tokenizer = transformers.XLMRobertaTokenizerFast.from_pretrained(folder / ENCODER)
    shape = Shape(
        n_tokens=config.vocab_size, width=config.hidden_size, n_heads=config.num_attention_heads,
        feed_forward=config.intermediate_size, n_positions=config.max_position_embeddings,
        hidden_sizes=tuple(settings["hidden_sizes"]), dropout=settings["dropout"],
    )  # fmt: skip
    network = Network(shape, n_heads_out=1, seed=0)
    network.load({name: weights.float() for name, weights in content["state_dict"].items()})
    network.train(False)

    def score(given: Sequence[Triple]) -> Any:
        return head_outputs(network, tokenizer, given)[:, 0]

    return score


def head_outputs(network: Network, tokenizer: Any, given: Sequence[Triple]) -> Any:
    """What every head says of triples: [N triples, heads] float64. Each text is encoded once."""
    import torch

    texts = list(dict.fromkeys(text for t in given for text in (t.source, t.hypothesis, t.reference)))
    place_of = {text: place for place, text in enumerate(texts)}
    places = np.array([[place_of[t.source], place_of[t.hypothesis], place_of[t.reference]] for t in given])
    with torch.inference_mode():
        vectors = network.sentence_vectors(token_ids_of(texts, tokenizer))
        found = [
            network.outputs(
                *(vectors[torch.from_numpy(column)] for column in places[start : start + _TRIPLES_AT_ONCE].T)
            )
            for start in range(0, len(places), _TRIPLES_AT_ONCE)
        ]
    return torch.cat(found).double().numpy()


def _lightning_version() -> str:
    try:
        return version("pytorch-lightning")
    except PackageNotFoundError:
        return _LIGHTNING
