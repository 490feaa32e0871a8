"""Tiny COMET checkpoints with random weights, built by unbabel-comet's own classes and saved as it saves them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from conftest import REPOSITORY

_SPECIAL_TOKENS = ["<s>", "<pad>", "</s>", "<unk>"]
_WIDTH = 32
_COMMON: dict[str, Any] = {
    "encoder_model": "XLM-RoBERTa",
    "layer_transformation": "softmax",
    "layer_norm": False,
    "hidden_sizes": [48, 16],
    "activations": "Tanh",
    "dropout": 0.1,
    "batch_size": 4,
    "load_pretrained_weights": False,
    "local_files_only": True,
}


def build_regression(folder: Path, *, seed: int = 1) -> Path:
    """A checkpoint of the family of wmt22-comet-da: reads source, hypothesis and reference."""
    from comet.models import RegressionMetric

    return _build(folder, RegressionMetric, {**_COMMON, "layer": "mix", "pool": "avg"}, seed=seed)


def build_referenceless(folder: Path, *, seed: int = 1) -> Path:
    """A checkpoint of the family of wmt20-comet-qe-da: reads source and hypothesis."""
    from comet.models import ReferencelessRegression

    return _build(folder, ReferencelessRegression, {**_COMMON, "layer": "mix", "pool": "avg"}, seed=seed)


def build_unified(folder: Path, *, inputs: Sequence[str], seed: int = 1) -> Path:
    """A checkpoint of the family of wmt22-cometkiwi-da: reads `inputs` as one text."""
    from comet.models import UnifiedMetric

    settings = {**_COMMON, "sent_layer": "mix", "word_layer": 2, "input_segments": list(inputs)}
    return _build(folder, UnifiedMetric, settings, seed=seed)


def _build(folder: Path, model_class: Any, settings: dict[str, Any], *, seed: int) -> Path:
    import pytorch_lightning
    import torch

    encoder = _save_encoder(folder.parent / f"{folder.name}-encoder")
    torch.manual_seed(seed)
    model = model_class(pretrained_model=str(encoder), **settings)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            # So that scores of different texts lie apart by tenths, as real ones do.
            if "word_embeddings" in name:
                weights.mul_(6.0)
            elif name.startswith("estimator") and weights.dim() == 2:
                weights.mul_(2.0)
    trainer = pytorch_lightning.Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    trainer.strategy.connect(model)
    trainer.save_checkpoint(folder / "checkpoints" / "model.ckpt", weights_only=True)
    (folder / "hparams.yaml").write_text(yaml.safe_dump(dict(model.hparams)), encoding="utf-8")
    return folder


def _save_encoder(folder: Path) -> Path:
    """A two-layer XLM-R without weights, with a tokenizer trained on the bundled test set."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import XLMRobertaConfig, XLMRobertaTokenizerFast

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=800, special_tokens=_SPECIAL_TOKENS, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(_texts(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        tokenizer.save(file.name)
        fast = XLMRobertaTokenizerFast(tokenizer_file=file.name)
    fast.save_pretrained(folder)
    XLMRobertaConfig(
        vocab_size=len(fast),
        hidden_size=_WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    ).save_pretrained(folder)
    return folder


def _texts() -> list[str]:
    lines = (REPOSITORY / "references" / "zhengzhou" / "segments.jsonl").read_text(encoding="utf-8").splitlines()
    segments = [json.loads(line) for line in lines]
    return [text for segment in segments for text in (segment["source"], *segment["references"])]
