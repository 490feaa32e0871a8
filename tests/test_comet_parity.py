"""The native backend against unbabel-comet: every family, encoder, layer mix and pooling, segment by segment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("comet", reason="unbabel-comet is not installed: there is none for Python 3.13 and later")

from tiny_comet import ENCODERS, build, some_texts, write_checkpoint

from evalharness.metrics.comet.backend import Triple
from evalharness.metrics.comet.checkpoint import locate
from evalharness.metrics.comet.kernels import Precision
from evalharness.metrics.comet.native import NativeScorer

TOLERANCE = 1e-5  # every case below also passes with 2e-6 (unbabel-comet 2.2.7, torch 2.13.0)
# By name: the family, and what differs from a softmax over all layers, none of them normed.
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "regression": ("regression_metric", {"layer_norm": True}),
    "referenceless": ("referenceless_regression_metric", {"pool": "cls", "layer_norm": True}),
    "ranking": ("ranking_metric", {}),
    "default": ("regression_metric", {"pool": "default"}),
    "max": ("regression_metric", {"pool": "max", "layer_norm": True}),
    "mt src": ("unified_metric", {"input_segments": ["mt", "src"], "word_layer": 2}),
    "word level": (
        "unified_metric",
        {"input_segments": ["mt", "src", "ref"], "sent_layer": 3, "word_layer": 1, "word_level_training": True},
    ),
    "xcomet": ("xcomet_metric", {"sent_layer": "mix", "word_layer": 3}),
}
CASES_OF_ONE_ENCODER: dict[str, tuple[str, dict[str, Any]]] = {
    "sparsemax": ("regression_metric", {"layer_transformation": "sparsemax", "activations": "Sigmoid"}),
    "normed sparsemax": ("regression_metric", {"layer_transformation": "sparsemax", "layer_norm": True}),
    "one layer": ("regression_metric", {"layer": 1, "activations": "hardtanh"}),
    "largest of one layer": ("regression_metric", {"layer": 2, "pool": "max"}),
    "largest of a mix": ("regression_metric", {"pool": "max", "activations": "Mish"}),
    "embeddings": ("referenceless_regression_metric", {"layer": 0, "activations": "Softsign"}),
    "normed ranking": ("ranking_metric", {"layer_norm": True}),
    "mt src ref": (
        "unified_metric",
        # With seed 1 sparsemax leaves only the embeddings, whose first token is the same in every text.
        {"input_segments": ["mt", "src", "ref"], "layer_transformation": "sparsemax", "seed": 3},
    ),
    "mt ref": (
        "unified_metric",
        {"input_segments": ["mt", "ref"], "layer_norm": True, "final_activation": "Sigmoid"},
    ),
}
# unbabel-comet 2.2.7 fails on BERT with pool=default: its encoder gives no sentence vector there.
FAST = [("XLM-RoBERTa", "regression"), ("BERT", "word level"), ("XLM-RoBERTa-XL", "xcomet")]
SLOW = [
    *((encoder, case) for encoder in ENCODERS for case in CASES if (encoder, case) not in (*FAST, ("BERT", "default"))),
    *(("XLM-RoBERTa", case) for case in CASES_OF_ONE_ENCODER),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parity")


def triples(*, with_references: bool) -> list[Triple]:
    """Of 0 to 600 tokens and more, Chinese, mixed, empty, with special tokens written out."""
    texts = some_texts(30)
    chinese = "郑州是河南省的省会，位于黄河南岸。"
    given = [
        *zip(texts[:10], texts[10:20], texts[20:], strict=True),
        ("", "", ""),
        (chinese, "", "Zhengzhou"),
        ("", "Zhengzhou", chinese),
        (chinese, f"Zhengzhou 郑州 is 河南 {chinese} capital", "one two"),
        ("x <pad> y", "hi <pad> there [PAD] z <pad>", "<s> a </s>"),
        ("<pad>", "[SEP] a [CLS] b [MASK] <unk> <mask>", "</s></s> <s>"),
        *((" ".join(texts[k : k + 3]), " ".join(texts[k + 3 : k + 6]), " ".join(texts[k : k + 5])) for k in (0, 7)),
        (" ".join(texts[:12]), " ".join(texts[8:24]), " ".join(texts[18:])),  # each cut by itself
    ]
    return [Triple(source=src, hypothesis=mt, reference=ref if with_references else None) for src, mt, ref in given]


def predicted(model: Path, given: Sequence[Triple]) -> Any:
    """What unbabel-comet itself gives, used as its own documentation shows."""
    import comet

    loaded = comet.load_from_checkpoint(str(model / "checkpoints" / "model.ckpt"), local_files_only=True)
    asked = [
        {"src": one.source, "mt": one.hypothesis} | ({} if one.reference is None else {"ref": one.reference})
        for one in given
    ]
    return loaded.predict(asked, batch_size=7, gpus=0, num_workers=0, progress_bar=False)


def check(model: Path, *, with_references: bool, n_least_spans: int | None) -> None:
    """`n_least_spans` is None for models that mark none."""
    given = triples(with_references=with_references)
    expected = predicted(model, given)
    assert max(expected["scores"]) - min(expected["scores"]) > 1e-3  # else telling nothing apart would do
    scorer = NativeScorer(
        locate(str(model), None), precision=Precision.fp32, device="cpu", batch_tokens=None, store=None
    )
    got = scorer.predict(given)
    assert got.scores == pytest.approx(list(expected["scores"]), abs=TOLERANCE)
    if n_least_spans is None:
        assert got.error_spans is None
        return
    assert got.error_spans is not None
    flat = [(index, span) for index, spans in enumerate(got.error_spans) for span in spans]
    marked = [(index, span) for index, spans in enumerate(expected["metadata"]["error_spans"]) for span in spans]
    assert len(marked) >= n_least_spans
    assert [(index, span.text, span.severity, span.start, span.end) for index, span in flat] == [
        (index, span["text"], span["severity"], span["start"], span["end"]) for index, span in marked
    ]
    assert [span.confidence for _, span in flat] == pytest.approx(
        [span["confidence"] for _, span in marked], abs=TOLERANCE
    )


def check_case(root: Path, encoder: str, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)  # unbabel-comet takes MiniLM's tokenizer from xlm-roberta-base, here a folder
    family, settings = (CASES | CASES_OF_ONE_ENCODER)[case]
    model = build(root / f"{encoder} {case}", family, encoder=encoder, **settings)
    inputs = settings.get("input_segments", ["mt", "src", "ref"])
    marks_errors = family == "xcomet_metric" or "word_level_training" in settings
    check(model, with_references="ref" in inputs, n_least_spans=20 if marks_errors else None)
    if family in ("unified_metric", "xcomet_metric") and inputs == ["mt", "src", "ref"]:
        check(model, with_references=False, n_least_spans=20 if marks_errors else None)


@pytest.mark.parametrize(("encoder", "case"), FAST)
def test_equals_unbabel_comet(root: Path, encoder: str, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_case(root, encoder, case, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "case"), SLOW)
def test_equals_unbabel_comet_in_every_case(
    root: Path, encoder: str, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_case(root, encoder, case, monkeypatch)


@pytest.mark.slow
def test_sparsemax_patch_beside_the_weights_means_softmax(root: Path) -> None:
    model = build(root / "patched", "unified_metric", input_segments=["mt", "src"], layer_transformation="sparsemax")
    unpatched = predicted(model, triples(with_references=False))["scores"]
    settings = yaml.safe_load((model / "hparams.yaml").read_text(encoding="utf-8"))
    settings["layer_transformation"] = "sparsemax_patch"
    (model / "hparams.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    patched = predicted(model, triples(with_references=False))["scores"]
    assert max(abs(a - b) for a, b in zip(unpatched, patched, strict=True)) > 1e-3
    check(model, with_references=False, n_least_spans=None)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["regression_metric", "ranking_metric", "xcomet_metric"])
def test_checkpoints_written_by_hand_are_read_by_both(root: Path, family: str) -> None:
    """So that what other tests show with these holds for unbabel-comet's own."""
    settings = {"word_layer": 2} if family == "xcomet_metric" else {}
    model = write_checkpoint(root / f"by hand {family}", family, **settings)
    (model / "encoder" / "tokenizer_config.json").write_text(
        '{"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>"}', encoding="utf-8"
    )
    check(model, with_references=True, n_least_spans=20 if family == "xcomet_metric" else None)
