"""What a COMET checkpoint's files may hold: damaged, dangerous or contradictory ones are refused by name."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("tokenizers")

import torch
import yaml
from tiny_comet import WIDTH, some_texts, write_checkpoint

from evalharness.errors import MissingModelError
from evalharness.metrics.comet.backend import forget
from evalharness.metrics.comet.checksums import sha256_of
from evalharness.metrics.comet.metric import Comet
from evalharness.metrics.comet.weights import read_weights
from evalharness.records import ScoringSegment

SOURCES = some_texts(6, longest=12)
SEGMENTS = [
    ScoringSegment(
        id=str(index), source=SOURCES[index], hypothesis=SOURCES[index + 1], references=(SOURCES[index + 2],)
    )
    for index in range(4)
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("weights") / "whole")


@pytest.fixture
def model(whole: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    forget()
    return Path(shutil.copytree(whole, tmp_path / "model"))


def scored(model: Path, **settings: Any) -> list[float]:
    metric = Comet(model=str(model), device="cpu", embedding_cache_mb=0, **settings)
    return [float(score) for score in metric.segment_scores(metric.statistics(SEGMENTS))]


def weights_file(model: Path) -> Path:
    return model / "checkpoints" / "model.ckpt"


def change_weights(model: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = torch.load(weights_file(model), weights_only=True)
    change(content)
    torch.save(content, weights_file(model))


def change_settings(model: Path, *, inside: bool, beside: bool = True, **settings: Any) -> None:
    """A setting of None is taken away."""

    def changed(old: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in (old | settings).items() if value is not None}

    if beside:
        file = model / "hparams.yaml"
        file.write_text(yaml.safe_dump(changed(yaml.safe_load(file.read_text(encoding="utf-8")))), encoding="utf-8")
    if inside:
        change_weights(model, lambda content: content.update(hyper_parameters=changed(content["hyper_parameters"])))


class TestDamage:
    @pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
    def test_cut_short(self, model: Path, share: float) -> None:
        content = weights_file(model).read_bytes()
        weights_file(model).write_bytes(content[: int(len(content) * share)])
        with pytest.raises(MissingModelError, match=r"model\.ckpt: is damaged or is no COMET checkpoint"):
            scored(model)

    def flipped(self, model: Path, position: int, bit: int = 0) -> None:
        content = bytearray(weights_file(model).read_bytes())
        content[position] ^= 1 << bit
        weights_file(model).write_bytes(content)

    def test_a_bit_flipped_inside_a_tensor(self, model: Path) -> None:
        content = torch.load(weights_file(model), weights_only=True)
        values = content["state_dict"]["estimator.ff.0.weight"].numpy().tobytes()
        position = weights_file(model).read_bytes().index(values) + len(values) // 2
        self.flipped(model, position)
        with pytest.raises(MissingModelError, match=r"model\.ckpt: is damaged: the checksum of model/data/\d+ does"):
            scored(model)

    def test_a_bit_flipped_in_the_pickle(self, model: Path) -> None:
        self.flipped(model, weights_file(model).read_bytes().index(b"estimator.ff.0.weight"))
        with pytest.raises(MissingModelError, match=r"model\.ckpt: is damaged: the checksum of model/data\.pkl does"):
            scored(model)

    @pytest.mark.slow
    def test_a_bit_flipped_in_the_table_at_the_end(self, whole: Path, model: Path) -> None:
        """Times and attributes there decide nothing; whatever else is flipped is refused."""
        content = weights_file(model).read_bytes()
        expected = read_weights(weights_file(whole)).tensors
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            start = archive.start_dir
        n_refused = n_harmless = 0
        for position in range(start, len(content), 37):
            for bit in (0, 5):
                self.flipped(model, position, bit)
                try:
                    sha256_of(weights_file(model))
                    found = read_weights(weights_file(model)).tensors
                except MissingModelError as err:
                    assert str(weights_file(model)) in str(err)  # noqa: PT017  either way is right
                    n_refused += 1
                else:
                    n_harmless += 1
                    assert found.keys() == expected.keys(), f"bit {bit} of byte {position}"
                    for name, tensor in expected.items():
                        assert torch.equal(found[name], tensor), f"{name} by bit {bit} of byte {position}"
                weights_file(model).write_bytes(content)
        assert n_refused > 50
        assert n_harmless > 15

    def test_a_compressed_archive(self, model: Path, tmp_path: Path) -> None:
        with zipfile.ZipFile(weights_file(model)) as stored, zipfile.ZipFile(tmp_path / "new", "w", 8) as compressed:
            for name in stored.namelist():
                compressed.writestr(name, stored.read(name))
        (tmp_path / "new").replace(weights_file(model))
        with pytest.raises(MissingModelError, match=r"model\.ckpt: is damaged"):
            scored(model)

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "is damaged or is no COMET checkpoint"),
            (b"<html>404</html>", "does not begin as a file of weights does). Get it again."),
            (b"\x80\x02}q\x00.", "is damaged or is no COMET checkpoint"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "a pointer of Git LFS, not the weights"),
        ],
    )
    def test_something_else_altogether(self, model: Path, content: bytes, said: str) -> None:
        weights_file(model).write_bytes(content)
        with pytest.raises(MissingModelError, match=re.escape(said)) as caught:
            scored(model)
        assert str(weights_file(model)) in str(caught.value)
        assert "weights_only" not in str(caught.value)  # torch advises to load it with code and all

    def test_safetensors_that_nothing_vouches_for(self, model: Path) -> None:
        save_file = pytest.importorskip("safetensors.torch").save_file
        save_file(torch.load(weights_file(model), weights_only=True)["state_dict"], weights_file(model).parent / "w")
        content = (weights_file(model).parent / "w").read_bytes()
        for part in (content, content[:-1], content[:100], b"", content[:8] + b"[" + content[9:]):
            (weights_file(model).parent / "model.safetensors").write_bytes(part)
            with pytest.raises(MissingModelError, match=r"model\.safetensors: stands by no conversion\.json"):
                scored(model)


class TestCode:
    @pytest.mark.parametrize("place", ["content", "hyper_parameters", "state_dict"])
    @pytest.mark.parametrize("zipped", [True, False])
    def test_is_refused_and_not_run(self, model: Path, tmp_path: Path, place: str, zipped: bool) -> None:
        trap = tmp_path / "sprung"

        class Trap:
            def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
                return os.mkdir, (str(trap),)

        content = torch.load(weights_file(model), weights_only=True)
        (content if place == "content" else content[place])["trap"] = Trap()
        torch.save(content, weights_file(model), _use_new_zipfile_serialization=zipped)
        with pytest.raises(MissingModelError, match=r"model\.ckpt: holds more than weights: it names posix\.mkdir"):
            scored(model)
        assert not trap.exists()
        torch.load(weights_file(model), weights_only=False)
        assert trap.exists()  # so it was a trap

    def test_the_format_before_torch_1_6_is_read(self, whole: Path, model: Path) -> None:
        content = torch.load(weights_file(model), weights_only=True)
        torch.save(content, weights_file(model), _use_new_zipfile_serialization=False)
        assert scored(model) == scored(whole)


class TestWeights:
    @pytest.mark.parametrize(
        "name",
        [
            "encoder.model.embeddings.word_embeddings.weight",
            "encoder.model.embeddings.LayerNorm.bias",
            "encoder.model.encoder.layer.1.attention.self.key.weight",
            "encoder.model.encoder.layer.2.output.dense.bias",
            "layerwise_attention.gamma",
            "layerwise_attention.scalar_parameters.3",
            "estimator.ff.3.weight",
            "estimator.ff.6.bias",
        ],
    )
    def test_missing_or_of_another_shape(self, model: Path, name: str) -> None:
        def cut(content: dict[str, Any]) -> None:
            tensor = content["state_dict"][name]
            content["state_dict"][name] = tensor[..., :-1].clone() if tensor.numel() > 1 else torch.zeros(3, 5)

        if "layerwise" not in name and "word" not in name:  # these two say how large the others are
            change_weights(model, cut)
            with pytest.raises(MissingModelError, match=rf"model\.ckpt: .*{name} has the shape .* expected"):
                scored(model)
        change_weights(model, lambda content: content["state_dict"].pop(name))
        with pytest.raises(MissingModelError, match=rf"model\.ckpt: .*({name}|{name.removesuffix('.weight')})"):
            scored(model)

    @pytest.mark.parametrize(
        "name",
        [
            "encoder.model.encoder.layer.3.output.dense.bias",
            "encoder.model.encoder.layer.0.adapter.weight",
            "layerwise_attention.scalar_parameters.4",
            "estimator.ff.9.weight",
            "head.weight",
        ],
    )
    def test_one_too_many(self, model: Path, name: str) -> None:
        change_weights(model, lambda content: content["state_dict"].update({name: torch.zeros(1)}))
        with pytest.raises(MissingModelError, match=r"model\.ckpt: .*(does not have|it has more)"):
            scored(model)

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    @pytest.mark.parametrize(
        "name",
        ["encoder.model.encoder.layer.1.output.dense.weight", "estimator.ff.6.bias", "layerwise_attention.gamma"],
    )
    def test_not_a_number(self, model: Path, name: str, value: float) -> None:
        change_weights(model, lambda content: content["state_dict"][name].view(-1)[:1].fill_(value))
        with pytest.raises(MissingModelError, match="gives no number"):
            scored(model)

    def test_something_that_is_no_tensor(self, model: Path) -> None:
        change_weights(model, lambda content: content["state_dict"].update({"estimator.ff.0.weight": [1.0]}))
        with pytest.raises(MissingModelError, match="something other than tensors"):
            scored(model)

    def test_half_precision_weights_are_read(self, whole: Path, model: Path) -> None:
        def halve(content: dict[str, Any]) -> None:
            content["state_dict"] = {name: tensor.half() for name, tensor in content["state_dict"].items()}

        change_weights(model, halve)
        # Weights of some 0.2 rounded to 11 bits move these scores, of some tenths, by 1e-3 at most (seen: 2e-4).
        assert scored(model) == pytest.approx(scored(whole), abs=2e-3)

    @pytest.mark.slow
    def test_only_what_is_read_comes_into_memory(self, tmp_path: Path) -> None:
        model = write_checkpoint(tmp_path / "large")
        n_rows = 1_000_000

        def enlarge(content: dict[str, Any]) -> None:
            name = "encoder.model.embeddings.word_embeddings.weight"
            old = content["state_dict"][name]
            content["state_dict"][name] = torch.cat([old, torch.zeros(n_rows - len(old), WIDTH)])

        change_weights(model, enlarge)
        n_bytes = n_rows * WIDTH * 4
        assert weights_file(model).stat().st_size > n_bytes
        if not sys.platform.startswith("linux"):
            pytest.skip("memory is counted as Linux counts it")
        finished = subprocess.run(
            [sys.executable, "-c", SCORING, str(model)], capture_output=True, text=True, timeout=120, check=False
        )
        assert finished.returncode == 0, finished.stderr
        before, after = json.loads(finished.stdout)
        assert after - before < n_bytes / 4


SCORING = """
import json, re, sys
from pathlib import Path
def resident():
    # Of this process now, mapped files included; not the peak, which reading for the checksum does not touch either.
    return int(re.search(r"VmRSS:\\s+(\\d+) kB", Path("/proc/self/status").read_text()).group(1)) * 1024
import torch
from evalharness.metrics.comet.settings import EncoderKind
from evalharness.metrics.comet.tokens import load_by_transformers
load_by_transformers(Path(sys.argv[1]) / "encoder", EncoderKind.xlmr)  # imports what takes more memory than the model
from evalharness.metrics.comet.metric import Comet
from evalharness.records import ScoringSegment
def segment(text):
    return ScoringSegment(id="1", source=text, hypothesis=text, references=(text,))
before = resident()
Comet(model=sys.argv[1], device="cpu", embedding_cache_mb=0).statistics([segment("Zhengzhou")])
print(json.dumps([before, resident()]))
"""


class TestSettings:
    @pytest.mark.parametrize("inside", [True, pytest.param(False, marks=pytest.mark.slow)])
    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"adapter": "lora"}, "unknown entry 'adapter'"),
            ({"pool": "median"}, "pool is 'median'; expected one of avg, max, cls, default"),
            ({"pool": 3}, "pool is 3; expected"),
            ({"layer": "first"}, "layer is 'first'; expected 'mix' or a number"),
            ({"layer": True}, "layer is True; expected 'mix' or a number"),
            ({"layer": -1}, "layer is -1; expected 'mix' or a number"),
            ({"layer": 4}, "layer 4; the encoder has 4, counted from 0"),
            ({"layer_norm": "yes"}, "layer_norm is 'yes'; expected true or false"),
            ({"layer_transformation": "max"}, "layer_transformation is 'max'; expected one of softmax, sparsemax"),
            ({"hidden_sizes": [48, 0]}, r"hidden_sizes is \[48, 0\]; expected a list of sizes"),
            ({"hidden_sizes": "48"}, "hidden_sizes is '48'; expected a list of sizes"),
            (
                {"hidden_sizes": [48]},
                r"estimator\.ff\.3\.weight has the shape \(16, 48\); expected the shape \(1, 48\)",
            ),
            ({"activations": "Swish"}, "activations is 'Swish'; expected one of Tanh"),
            ({"encoder_model": "T5"}, "encoder_model is 'T5'; expected one of BERT, XLM-RoBERTa"),
            ({"pretrained_model": None}, "has no entry 'pretrained_model'"),
        ],
    )
    def test_unknown_or_of_the_wrong_kind(self, model: Path, inside: bool, settings: dict[str, Any], said: str) -> None:
        if not inside:
            change_weights(model, lambda content: content.pop("hyper_parameters"))
        change_settings(model, inside=inside, **settings)
        with pytest.raises(MissingModelError, match=rf"(model\.ckpt|hparams\.yaml): .*{said}"):
            scored(model)

    def test_inside_the_checkpoint_win(self, whole: Path, model: Path) -> None:
        """As in unbabel-comet 2.2.7, which takes nothing but the class and sparsemax_patch from hparams.yaml."""
        change_settings(model, inside=False, pool="max", hidden_sizes=[7], layer=1, layer_norm=True)
        assert scored(model) == scored(whole)

    def test_beside_the_checkpoint_are_read_where_it_has_none(self, whole: Path, model: Path) -> None:
        change_weights(model, lambda content: content.pop("hyper_parameters"))
        assert scored(model) == scored(whole)
        forget()
        change_settings(model, inside=False, pool="max")
        assert scored(model) != pytest.approx(scored(whole), abs=1e-3)

    def test_that_contradict_the_class_are_refused(self, model: Path) -> None:
        change_settings(model, inside=False, class_identifier="referenceless_regression_metric")
        # 4 vectors of the referenceless family, 6 of the regression family.
        with pytest.raises(
            MissingModelError, match=rf"has the shape \(48, {6 * WIDTH}\); expected the shape \(48, {4 * WIDTH}\)"
        ):
            scored(model, reference_free=True)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"hidden_size": 64}, r"has the shape .* by the encoder's config\.json"),
            ({"num_hidden_layers": 2}, "that the model of its settings does not have"),
            ({"num_hidden_layers": 4}, "expected mixing weights for 5 layers"),
            ({"num_attention_heads": 5}, "5 heads for a width of 32"),
            ({"hidden_act": "relu"}, "hidden_act 'relu'"),
            ({"position_embedding_type": "relative_key"}, "position_embedding_type 'relative_key'"),
            ({"max_position_embeddings": 512}, r"has the shape \(514, 32\); expected \(512, 32\)"),
            ({"hidden_size": "wide"}, "is no configuration of an encoder"),
            ({"num_attention_heads": 0}, r"config\.json: "),
        ],
    )
    def test_of_another_encoder(self, model: Path, change: dict[str, Any], said: str) -> None:
        file = model / "encoder" / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | change), encoding="utf-8")
        with pytest.raises(MissingModelError, match=said):
            scored(model)

    @pytest.mark.parametrize(
        ("text", "said"),
        [("", "holds no tokenizer"), ("{}", "holds no tokenizer"), ("[1", "holds no tokenizer")],
    )
    def test_a_damaged_tokenizer(self, model: Path, text: str, said: str) -> None:
        (model / "encoder" / "tokenizer.json").write_text(text, encoding="utf-8")
        with pytest.raises(MissingModelError, match=rf"encoder: {said}"):
            scored(model)

    def test_a_tokenizer_of_more_words_than_the_encoder_knows(self, model: Path) -> None:
        def shrink(content: dict[str, Any]) -> None:
            name = "encoder.model.embeddings.word_embeddings.weight"
            content["state_dict"][name] = content["state_dict"][name][:20].clone()

        change_weights(model, shrink)
        with pytest.raises(
            MissingModelError, match=r"model\.ckpt: has no vector for the token \d+, only for 20 tokens"
        ):
            scored(model)


class TestSignature:
    def fields(self, model: Path) -> dict[str, str]:
        return dict(Comet(model=str(model), device="cpu").signature(n_references=1).fields)

    def test_holds_the_hash_of_the_file(self, model: Path) -> None:
        before = self.fields(model)
        assert before["sha256"] == hashlib.sha256(weights_file(model).read_bytes()).hexdigest()[:16]
        change_weights(model, lambda content: content["state_dict"]["estimator.ff.6.bias"].add_(1e-3))
        after = self.fields(model)
        assert after["sha256"] == hashlib.sha256(weights_file(model).read_bytes()).hexdigest()[:16] != before["sha256"]
        assert after | {"sha256": ""} == before | {"sha256": ""}

    @pytest.mark.parametrize(
        ("settings_inside", "settings"),
        [(True, {"layer_transformation": "sparsemax_patch"}), (False, {"pool": "max"}), (False, {"layer": 2})],
    )
    def test_changes_with_settings_beside_the_weights(
        self, tmp_path: Path, settings_inside: bool, settings: dict[str, Any]
    ) -> None:
        model = write_checkpoint(tmp_path / "m", settings_inside=settings_inside, layer_transformation="sparsemax")
        before, scores_before = self.fields(model), scored(model)
        change_settings(model, inside=False, **settings)
        assert scored(model) != pytest.approx(scores_before, abs=1e-4)
        assert self.fields(model) != before

    def test_does_not_change_with_what_decides_nothing(self, model: Path) -> None:
        before = self.fields(model)
        change_settings(model, inside=False, pretrained_model="elsewhere", learning_rate=1.0, train_data=["x"])
        assert self.fields(model) == before

    def test_changes_with_everything_else_that_is_chosen(self, model: Path) -> None:
        plain = Comet(model=str(model), device="cpu")
        changed = [
            plain,
            *(
                dataclasses.replace(plain, precision=kind)
                for kind in list(type(plain.precision))
                if kind.value in ("bf16", "int8")
            ),
        ]
        assert len({str(metric.signature(n_references=1)) for metric in changed}) == 3
        # What a batch holds and what is kept on disk changes nothing.
        same = dataclasses.replace(plain, batch_tokens=7, batch_size=3, embedding_cache_mb=0)
        assert str(same.signature(n_references=1)) == str(plain.signature(n_references=1))

    def test_embeddings_are_not_taken_from_other_settings_or_another_tokenizer(self, model: Path) -> None:
        def scores() -> list[float]:
            forget()
            metric = Comet(model=str(model), device="cpu")
            return [float(score) for score in metric.segment_scores(metric.statistics(SEGMENTS))]

        change_weights(model, lambda content: content.pop("hyper_parameters"))
        first = scores()
        change_settings(model, inside=False, pool="max")
        assert scores() != pytest.approx(first, abs=1e-4)
        change_settings(model, inside=False, pool="avg")
        assert scores() == first
        tokenizer = json.loads((model / "encoder" / "tokenizer.json").read_text(encoding="utf-8"))
        tokenizer["normalizer"] = {"type": "Lowercase"}
        (model / "encoder" / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
        assert scores() != pytest.approx(first, abs=1e-4)
