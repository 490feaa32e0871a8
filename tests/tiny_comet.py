"""Tiny COMET checkpoints with random weights: built and saved by unbabel-comet's own classes, or written by hand."""

from __future__ import annotations

import collections
import functools
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conftest import REPOSITORY

WIDTH = 32
N_LAYERS = 3
_INNER = 64
_N_POSITIONS = {"BERT": 512, "RemBERT": 512}  # of the others 514, two of them for padding
_SPECIAL_TOKENS = {
    "xlm": ["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
    "bert": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
}
_TRAINING = {"dropout": 0.1, "batch_size": 4, "load_pretrained_weights": False, "local_files_only": True}
_SETTINGS: dict[str, Any] = {
    "encoder_model": "XLM-RoBERTa",
    "layer_transformation": "softmax",
    "layer_norm": False,
    **_TRAINING,
}
_HIDDEN_SIZES = [48, 16]
_CLASSES = {
    "regression_metric": "RegressionMetric",
    "referenceless_regression_metric": "ReferencelessRegression",
    "ranking_metric": "RankingMetric",
    "unified_metric": "UnifiedMetric",
    "xcomet_metric": "XCOMETMetric",
}
ENCODERS = ("XLM-RoBERTa", "XLM-RoBERTa-XL", "MiniLM", "BERT", "RemBERT")


def build_regression(folder: Path, *, seed: int = 1) -> Path:
    """A checkpoint of the family of wmt22-comet-da: reads source, hypothesis and reference."""
    return build(folder, "regression_metric", seed=seed)


def build_referenceless(folder: Path, *, seed: int = 1) -> Path:
    """A checkpoint of the family of wmt20-comet-qe-da: reads source and hypothesis."""
    return build(folder, "referenceless_regression_metric", seed=seed)


def build_unified(folder: Path, *, inputs: Sequence[str], seed: int = 1) -> Path:
    """A checkpoint of the family of wmt22-cometkiwi-da: reads `inputs` as one text."""
    return build(folder, "unified_metric", seed=seed, input_segments=list(inputs), word_layer=2)


def build(folder: Path, family: str, *, encoder: str = "XLM-RoBERTa", seed: int = 1, **settings: Any) -> Path:
    """A checkpoint of any family over any encoder, made by unbabel-comet and saved by Lightning.

    The encoder's files lie in `encoder-NAME` beside the folder; MiniLM's tokenizer in `xlm-roberta-base`."""
    import comet.models
    import pytorch_lightning
    import torch
    import yaml

    encoder_folder = _saved_encoder(folder.parent, encoder)
    chosen = {**_SETTINGS, "encoder_model": encoder, "pretrained_model": str(encoder_folder), **settings}
    if family != "ranking_metric":
        chosen = {"hidden_sizes": _HIDDEN_SIZES, "activations": "Tanh", **chosen}
    torch.manual_seed(seed)
    model = getattr(comet.models, _CLASSES[family])(**chosen)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            _make_telling(name, weights)
    trainer = pytorch_lightning.Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    trainer.strategy.connect(model)
    trainer.save_checkpoint(folder / "checkpoints" / "model.ckpt", weights_only=True)
    (folder / "hparams.yaml").write_text(yaml.safe_dump(dict(model.hparams)), encoding="utf-8")
    return folder


def _make_telling(name: str, weights: Any) -> None:
    """So that scores of different texts lie apart by tenths, and layers count for different shares, as real ones do."""
    import torch

    if "word_embeddings" in name:
        weights.mul_(6.0)
    elif "scalar_parameters" in name:
        weights.copy_(torch.randn(1))
    elif "gamma" in name:
        weights.fill_(0.9)
    elif name.startswith("encoder") and ".layer." in name and weights.dim() == 2:
        weights.mul_(5.0)  # else the first token hardly attends to what the text says
    elif name.startswith("estimator") and weights.dim() == 2:
        weights.mul_(2.0)
    elif "hidden2tag" in name:
        weights.mul_(4.0)


def _saved_encoder(root: Path, encoder: str) -> Path:
    folder = root / f"encoder-{encoder}"
    if folder.exists():
        return folder
    import transformers

    is_xlm = encoder not in ("BERT", "RemBERT")
    tokenizer_class = {"BERT": "BertTokenizerFast", "RemBERT": "RemBertTokenizerFast"}
    tokenizer_file = root / f"{encoder}-tokenizer.json"
    tokenizer_file.write_text(tokenizer_json("xlm" if is_xlm else "bert"), encoding="utf-8")
    opened = getattr(transformers, tokenizer_class.get(encoder, "XLMRobertaTokenizerFast"))
    fast = opened(tokenizer_file=str(tokenizer_file))
    fast.save_pretrained(root / "xlm-roberta-base" if encoder == "MiniLM" else folder)
    config_class, more = {
        "XLM-RoBERTa": ("XLMRobertaConfig", {"layer_norm_eps": 1e-5, "type_vocab_size": 1}),
        "XLM-RoBERTa-XL": ("XLMRobertaXLConfig", {"type_vocab_size": 1}),
        "MiniLM": ("BertConfig", {"type_vocab_size": 2}),
        "BERT": ("BertConfig", {"type_vocab_size": 2}),
        "RemBERT": ("RemBertConfig", {"input_embedding_size": 16, "pad_token_id": 0}),
    }[encoder]
    if config_class.startswith("XLM"):
        more = {**more, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
    config = getattr(transformers, config_class)(
        vocab_size=len(fast),
        hidden_size=WIDTH,
        num_hidden_layers=N_LAYERS,
        num_attention_heads=2,
        intermediate_size=_INNER,
        max_position_embeddings=_N_POSITIONS.get(encoder, 514),
        **more,
    )
    config.save_pretrained(folder)
    return folder


def write_checkpoint(
    folder: Path, family: str = "regression_metric", *, seed: int = 1, settings_inside: bool = True, **settings: Any
) -> Path:
    """A checkpoint over XLM-RoBERTa with its encoder's files inside, written with torch and nothing else.

    unbabel-comet reads it too, which `test_comet_parity` shows."""
    import torch
    import yaml

    chosen = {**_SETTINGS, "class_identifier": family, **settings}
    if family != "ranking_metric":
        chosen = {"hidden_sizes": _HIDDEN_SIZES, "activations": "Tanh", **chosen}
    encoder = folder / "encoder"
    encoder.mkdir(parents=True)
    (encoder / "tokenizer.json").write_text(tokenizer_json("xlm"), encoding="utf-8")
    vocabulary_size = len(json.loads(tokenizer_json("xlm"))["model"]["vocab"])
    config = {
        "model_type": "xlm-roberta",
        "vocab_size": vocabulary_size,
        "hidden_size": WIDTH,
        "num_hidden_layers": N_LAYERS,
        "num_attention_heads": 2,
        "intermediate_size": _INNER,
        "max_position_embeddings": 514,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
    }
    (encoder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    chosen.setdefault("pretrained_model", str(encoder))
    (folder / "hparams.yaml").write_text(yaml.safe_dump(chosen), encoding="utf-8")
    tensors = _tensors(family, chosen, vocabulary_size, seed)
    inside = {name: value for name, value in chosen.items() if name != "class_identifier"}
    content = {"state_dict": tensors, **({"hyper_parameters": inside} if settings_inside else {})}
    (folder / "checkpoints").mkdir()
    torch.save({**content, "pytorch-lightning_version": "2.0.0"}, folder / "checkpoints" / "model.ckpt")
    return folder


def _tensors(family: str, settings: dict[str, Any], vocabulary_size: int, seed: int) -> dict[str, Any]:
    import torch

    shapes: dict[str, tuple[int, ...]] = {}

    def add_linear(name: str, n_out: int, n_in: int) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (n_out, n_in), (n_out,)

    def add_norm(name: str) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (WIDTH,), (WIDTH,)

    prefix = "encoder.model.embeddings."
    shapes[prefix + "word_embeddings.weight"] = (vocabulary_size, WIDTH)
    shapes[prefix + "position_embeddings.weight"] = (514, WIDTH)
    shapes[prefix + "token_type_embeddings.weight"] = (1, WIDTH)
    add_norm(prefix + "LayerNorm")
    for index in range(N_LAYERS):
        layer = f"encoder.model.encoder.layer.{index}."
        for part in ("query", "key", "value"):
            add_linear(f"{layer}attention.self.{part}", WIDTH, WIDTH)
        add_linear(layer + "attention.output.dense", WIDTH, WIDTH)
        add_norm(layer + "attention.output.LayerNorm")
        add_linear(layer + "intermediate.dense", _INNER, WIDTH)
        add_linear(layer + "output.dense", WIDTH, _INNER)
        add_norm(layer + "output.LayerNorm")
    for index in range(N_LAYERS + 1):
        shapes[f"layerwise_attention.scalar_parameters.{index}"] = (1,)
    shapes["layerwise_attention.gamma"] = (1,)
    if family != "ranking_metric":
        n_vectors = {"regression_metric": 6, "referenceless_regression_metric": 4}.get(family, 1)
        sizes = [n_vectors * WIDTH, *settings["hidden_sizes"], 1]
        for index in range(len(sizes) - 1):
            add_linear(f"estimator.ff.{3 * index}", sizes[index + 1], sizes[index])
    if family == "xcomet_metric":
        add_linear("hidden2tag", 4, WIDTH)
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape in shapes.items():
        drawn = torch.randn(shape, generator=generator)
        if "LayerNorm" in name:
            tensors[name] = 1 + 0.1 * drawn if name.endswith("weight") else 0.1 * drawn
        elif "scalar_parameters" in name:
            tensors[name] = drawn
        elif "gamma" in name:
            tensors[name] = torch.tensor([0.9])
        else:
            tensors[name] = drawn * (shape[-1] ** -0.5 if len(shape) == 2 and "embeddings" not in name else 0.1)
    return tensors


@functools.cache
def tokenizer_json(kind: str) -> str:
    """A tokenizer as XLM-R (`xlm`) or BERT (`bert`) has it, of the words and characters of the bundled test set.

    The trainers of `tokenizers` would give another vocabulary each time."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    special = _SPECIAL_TOKENS[kind]
    if kind == "xlm":
        pieces = ["\u2581", *_common(300, "\u2581{}"), *sorted({character for text in _texts() for character in text})]
        scored = [*((name, 0.0) for name in special), *((piece, -3 - 0.01 * k) for k, piece in enumerate(pieces))]
        tokenizer = Tokenizer(models.Unigram(scored, unk_id=special.index("<unk>"), byte_fallback=False))
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
        single, pair, ends = "<s> $A </s>", "<s> $A </s> </s> $B </s>", [("<s>", 0), ("</s>", 2)]
    else:
        characters = sorted({character for text in _texts() for character in text if not character.isspace()})
        pieces = [*special, *_common(300, "{}"), *characters, *(f"##{character}" for character in characters)]
        vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
        tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        single, pair, ends = "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", [("[CLS]", 2), ("[SEP]", 3)]
    # XLM-R's mask takes the space before it.
    tokenizer.add_special_tokens([AddedToken(name, lstrip=name == "<mask>", special=True) for name in special])
    tokenizer.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=ends)
    return str(tokenizer.to_str())


def _common(n: int, form: str) -> list[str]:
    """The n words that are there most often and longer than a character, the oftenest first."""
    counts = collections.Counter(word for text in _texts() if text.isascii() for word in text.split() if len(word) > 1)
    return [form.format(word) for word, _ in sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:n]]


def _texts() -> list[str]:
    lines = (REPOSITORY / "references" / "zhengzhou" / "segments.jsonl").read_text(encoding="utf-8").splitlines()
    segments = [json.loads(line) for line in lines]
    return [text for segment in segments for text in (segment["source"], *segment["references"])]


def some_texts(n: int, *, seed: int = 0, longest: int = 60) -> list[str]:
    """Different texts of 1 to `longest` words of the bundled test set, Chinese ones among them."""
    words = [word for text in _texts() for word in (text.split() if text.isascii() else [text[:9], text[9:30]])]
    rng = random.Random(seed)
    return [f"{index} " + " ".join(rng.choices(words, k=rng.randint(1, longest))) for index in range(n)]
