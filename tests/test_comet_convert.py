"""Converted checkpoints: one folder, no network, the original's scores and signature."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Finished

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed: it writes the converted tokenizer")

import torch
from tiny_comet import ENCODERS, some_texts, write_checkpoint

from evalharness.errors import InputError, MissingModelError
from evalharness.metrics.comet import native
from evalharness.metrics.comet.backend import Triple
from evalharness.metrics.comet.checkpoint import locate
from evalharness.metrics.comet.convert import ConvertedCheckpoint, WeightsFormat, convert
from evalharness.metrics.comet.kernels import Precision
from evalharness.metrics.comet.metric import Comet
from evalharness.metrics.comet.weights import Weights, read_weights, write_lightning, write_safetensors

FORMATS = ("safetensors", "ckpt")
NO_NETWORK = """
import json, sys
from evalharness.metrics.comet.metric import Comet
from evalharness.records import ScoringSegment
metric = Comet(model=sys.argv[1], device="cpu")
given = [ScoringSegment(id=str(n), source=s, hypothesis=h, references=(r,))
         for n, (s, h, r) in enumerate(json.load(sys.stdin))]
rows = metric.statistics(given)
print(json.dumps([rows[:, 0].tolist(), str(metric.signature(n_references=1)),
                  sorted({"comet", "transformers", "pytorch_lightning"} & set(sys.modules))]))
"""


@pytest.fixture
def original(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "original")


def to(output: Path | str, model: Path | str, form: str = "safetensors") -> ConvertedCheckpoint:
    return convert(str(model), output=Path(output), revision=None, weights_format=WeightsFormat(form), version="0")


def triples(*, with_references: bool = True, n: int = 20) -> list[Triple]:
    texts = some_texts(3 * n, longest=30)
    return [
        Triple(source=one, hypothesis=two, reference=three if with_references else None)
        for one, two, three in zip(texts[:n], texts[n : 2 * n], texts[2 * n :], strict=True)
    ]


def scores(model: Path, given: Sequence[Triple]) -> list[float]:
    scorer = native.NativeScorer(
        locate(str(model), None), precision=Precision.fp32, device="cpu", batch_tokens=None, store=None
    )
    return scorer.predict(given).scores


class TestFolder:
    @pytest.mark.parametrize("form", FORMATS)
    def test_scores_and_signature_are_the_originals(self, original: Path, form: str) -> None:
        expected = scores(original, triples())
        assert max(expected) - min(expected) > 0.1
        to("new", original, form)
        assert scores(Path("new"), triples()) == expected  # to the last bit
        signature = str(Comet(model=str(original), device="cpu").signature(n_references=1))
        assert str(Comet(model="new", device="cpu").signature(n_references=1)) == signature
        by_file = Comet(model=f"new/checkpoints/model.{form}", device="cpu")
        assert str(by_file.signature(n_references=1)) == signature

    @pytest.mark.parametrize(
        ("family", "settings"),
        [
            ("referenceless_regression_metric", {"pool": "cls"}),
            pytest.param("ranking_metric", {}, marks=pytest.mark.slow),
            ("unified_metric", {"input_segments": ["mt", "src"], "word_layer": 2, "layer_transformation": "sparsemax"}),
            ("xcomet_metric", {"sent_layer": "mix", "word_layer": 3}),
            pytest.param("regression_metric", {"settings_inside": False, "layer_norm": True}, marks=pytest.mark.slow),
        ],
    )
    def test_of_every_family(self, tmp_path: Path, family: str, settings: dict[str, Any]) -> None:
        model = write_checkpoint(tmp_path / "original", family, **settings)
        given = triples(with_references="referenceless" not in family and "input_segments" not in settings)
        for form in FORMATS:
            to(form, model, form)
            assert scores(Path(form), given) == scores(model, given)
        to("again", "safetensors", "ckpt")  # and back
        assert scores(Path("again"), given) == scores(model, given)
        assert locate("again", None).sha256() == locate(str(model), None).sha256()

    @pytest.mark.parametrize("form", FORMATS)
    def test_sparsemax_patch_stays(self, original: Path, form: str) -> None:
        import yaml

        beside = original / "hparams.yaml"
        settings = yaml.safe_load(beside.read_text())
        for inside in ("sparsemax", "softmax"):
            model = write_checkpoint(original.parent / inside, layer_transformation=inside)
            (model / "hparams.yaml").write_text(
                yaml.safe_dump({**settings, "layer_transformation": "sparsemax_patch", "pretrained_model": "encoder"})
            )
            to(f"new-{inside}", model, form)
            assert scores(Path(f"new-{inside}"), triples()) == scores(model, triples())
        assert scores(Path("new-sparsemax"), triples()) == scores(original, triples())  # one seed: the same weights

    def test_holds_what_is_needed_and_says_what_it_is(self, original: Path) -> None:
        converted = to("new", original)
        files = {path.relative_to("new").as_posix() for path in Path("new").rglob("*") if path.is_file()}
        assert files == {
            "checkpoints/model.safetensors",
            "conversion.json",
            "encoder/config.json",
            "encoder/special_tokens_map.json",
            "encoder/tokenizer.json",
            "encoder/tokenizer_config.json",
            "hparams.yaml",
        }
        said = json.loads(Path("new/conversion.json").read_text())
        weights = original / "checkpoints" / "model.ckpt"
        assert said.pop("files") == {
            name: hashlib.sha256(Path("new", name).read_bytes()).hexdigest() for name in files - {"conversion.json"}
        }
        assert said == {
            "schema": 1,
            "name": "original",
            "revision": "local",
            "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
            "evalharness": "0",
        }
        assert converted.n_bytes == sum(Path("new", name).stat().st_size for name in files - {"conversion.json"})
        assert Path("new").stat().st_mode & 0o777 == 0o777 & ~_umask()

    @pytest.mark.parametrize("form", FORMATS)
    def test_tensors_keep_their_type(self, original: Path, form: str) -> None:
        import torch

        file = original / "checkpoints" / "model.ckpt"
        content = torch.load(file, weights_only=True)
        tensors = content["state_dict"]
        types = [torch.float16, torch.bfloat16, torch.float64, torch.float32]
        for index, name in enumerate(tensors):
            tensors[name] = tensors[name].to(types[index % 4])
        tensors["encoder.model.embeddings.position_ids"] = torch.arange(514).unsqueeze(0)
        tensors["layerwise_attention.dropout_fill"] = torch.tensor(-1e20)  # no dimensions
        tensors["encoder.model.pooler.dense.weight"] = torch.randn(4, 6).t()  # not contiguous
        torch.save(content, file)
        to("new", original, form)
        written = read_weights(Path("new/checkpoints") / f"model.{form}").tensors
        assert written.keys() == tensors.keys()
        for name, tensor in tensors.items():
            assert (written[name].dtype, written[name].shape) == (tensor.dtype, tensor.shape)
            assert torch.equal(written[name], tensor)
        assert Path(f"new/checkpoints/model.{form}").stat().st_size < 1.2 * file.stat().st_size

    def test_the_licence_goes_along(self, original: Path) -> None:
        (original / "LICENSE").write_text("Do.")
        to("new", original)
        assert Path("new/LICENSE").read_text() == "Do."
        assert "LICENSE" in json.loads(Path("new/conversion.json").read_text())["files"]

    def test_one_conversion_is_as_another(self, original: Path) -> None:
        to("one", original)
        to("two", original)
        assert Path("one/conversion.json").read_bytes() == Path("two/conversion.json").read_bytes()


class TestWithoutNetwork:
    @pytest.mark.parametrize("form", ["safetensors", pytest.param("ckpt", marks=pytest.mark.slow)])
    def test_the_folder_is_enough(
        self, original: Path, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = scores(original, triples())
        to("new", original, form)
        moved = shutil.move("new", tmp_path / "elsewhere")
        shutil.rmtree(original)
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        monkeypatch.setenv("HF_HOME", str(tmp_path / "empty"))
        asked = json.dumps([[one.source, one.hypothesis, one.reference] for one in triples()])
        finished = subprocess.run(
            [sys.executable, "-c", NO_NETWORK, str(moved)],
            input=asked, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert finished.returncode == 0, finished.stderr
        found, signature, loaded = json.loads(finished.stdout)
        assert found == expected
        assert "sha256:" in signature
        assert loaded == []


class TestRefused:
    def test_a_folder_that_exists(self, original: Path) -> None:
        Path("new").mkdir()
        with pytest.raises(InputError, match=r"new: exists already; expected the name of a new folder"):
            to("new", original)
        assert list(Path("new").iterdir()) == []

    def test_nothing_is_left_of_one_that_failed(self, original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("evalharness.metrics.comet.convert.write_conversion", interrupted)
        with pytest.raises(KeyboardInterrupt):
            to("new", original)
        assert list(Path().iterdir()) == []

    def test_an_encoder_that_is_not_there(self, original: Path) -> None:
        (original / "encoder" / "tokenizer.json").unlink()
        with pytest.raises(
            MissingModelError, match=r"encoder: holds no tokenizer \(tokenizer\.json or .* Put it there"
        ):
            to("new", original)
        (original / "encoder" / "tokenizer.json").write_text("{}")
        (original / "encoder" / "config.json").unlink()
        with pytest.raises(
            MissingModelError, match=r"encoder: holds no configuration \(config\.json\), which COMET mo"
        ):
            to("new", original)
        assert list(Path().iterdir()) == []

    @pytest.mark.parametrize("form", FORMATS)
    @pytest.mark.parametrize("name", ["checkpoints/model", "hparams.yaml", "encoder/config.json"])
    def test_one_bit_that_flipped(self, original: Path, form: str, name: str) -> None:
        to("new", original, form)
        file = next(Path("new").glob(f"{name}*"))
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(bytes(content))
        with pytest.raises(
            MissingModelError, match=rf"{name}.*: is damaged or was changed: expected SHA-256 [0-9a-f]+"
        ):
            scores(Path("new"), triples())

    def test_a_file_that_is_gone(self, original: Path) -> None:
        to("new", original)
        Path("new/encoder/tokenizer.json").unlink()
        with pytest.raises(
            MissingModelError, match=r"tokenizer\.json: is missing; conversion\.json beside it lists it"
        ):
            locate("new", None)

    @pytest.mark.parametrize("content", ["{", "[]", '{"schema": 1}', '{"schema": 2}'])
    def test_a_damaged_record_of_the_conversion(self, original: Path, content: str) -> None:
        to("new", original)
        Path("new/conversion.json").write_text(content)
        with pytest.raises(MissingModelError, match=r"conversion\.json: (is damaged|has schema 2).*again"):
            locate("new", None)

    def test_a_checkpoint_put_beside_is_one_of_its_own(self, original: Path) -> None:
        to("new", original)
        shutil.copy(original / "checkpoints" / "model.ckpt", "new/checkpoints/other.ckpt")
        beside = locate("new/checkpoints/other.ckpt", None)
        assert (beside.name, beside.conversion) == ("new", None)


class TestCommand:
    def test_converts_and_scores(self, original: Path, command: Callable[..., Finished]) -> None:
        finished = command("comet", "convert", str(original), "--output", "new")
        assert finished.code == 0, finished.err
        assert "new: original, revision local, SHA-256 " in finished.out
        assert "6 files" in finished.out
        run = command("run", "metrics=[comet]", "metrics.comet.model=new", "metrics.comet.device=cpu")
        assert run.code == 0, run.err
        again = command("comet", "convert", str(original), "--output", "new")
        assert again.code == 2
        assert "exists already" in again.err

    def test_words_that_are_wrong(self, command: Callable[..., Finished]) -> None:
        assert command("comet").code == 2
        assert command("comet", "turn").code == 2
        assert command("comet", "convert", "x").code == 2
        missing = command("comet", "convert", "x", "--output", "new")
        assert missing.code == 3
        assert "COMET model 'x': no such file or folder" in missing.err
        pinned = command("comet", "convert", "comet-mini", "--revision", "v1", "--output", "new")
        assert pinned.code == 2
        assert "a revision is of a name on the hub, and this is none" in pinned.err
        deep = command("comet", "convert", "comet-mini", "--output", "no/such/new")
        assert deep.code in (2, 3)

    def test_help(self, command: Callable[..., Finished]) -> None:
        assert (
            "--format safetensors (the default) is read by evalharness alone"
            in command("comet", "convert", "--help").out
        )
        assert "convert" in command("comet", "--help").out
        assert "--data" in command("comet", "train", "--help").out


class TestUnbabel:
    """unbabel-comet itself opens the ckpt form."""

    @pytest.mark.slow
    @pytest.mark.parametrize("encoder", ENCODERS)
    def test_scores_of_the_package_are_the_same(
        self, encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        comet = pytest.importorskip("comet", reason="unbabel-comet is not installed")
        from tiny_comet import build

        root = tmp_path / "models"
        root.mkdir()
        monkeypatch.chdir(root)  # MiniLM: unbabel-comet looks for the tokenizer as xlm-roberta-base
        model = build(root / "original", "regression_metric", encoder=encoder)
        given = triples()
        asked = [{"src": one.source, "mt": one.hypothesis, "ref": one.reference} for one in given]

        def predicted(folder: Path) -> list[float]:
            loaded = comet.load_from_checkpoint(str(folder / "checkpoints" / "model.ckpt"))
            return [float(score) for score in loaded.predict(asked, gpus=0, progress_bar=False)["scores"]]

        expected = predicted(model)
        native_scores = scores(model, given)
        for form in FORMATS:
            to(tmp_path / form, model, form)
        shutil.rmtree(model)
        for left in root.iterdir():
            if left.name != "xlm-roberta-base":
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        if encoder != "MiniLM":
            monkeypatch.chdir("/")
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        assert predicted(tmp_path / "ckpt") == pytest.approx(expected, abs=1e-6)
        for form in FORMATS:
            assert scores(tmp_path / form, given) == native_scores
        from evalharness.metrics.comet import unbabel

        scorer = unbabel.UnbabelScorer(
            locate(str(tmp_path / "ckpt"), None), precision=Precision.fp32, device="cpu", batch_size=8
        )
        assert scorer.predict(given).scores == pytest.approx(expected, abs=1e-6)
        with pytest.raises(MissingModelError, match=r"unbabel-comet reads \.ckpt files only"):
            unbabel.UnbabelScorer(
                locate(str(tmp_path / "safetensors"), None), precision=Precision.fp32, device="cpu", batch_size=8
            )


def _umask() -> int:
    import os

    current = os.umask(0)
    os.umask(current)
    return current


def resident_file_kb() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssFile"))


@pytest.mark.skipif(sys.platform != "linux", reason="pages are let go on Linux only")
def test_what_was_read_of_a_converted_file_can_be_let_go(tmp_path: Path) -> None:
    big = torch.arange(10_000_000, dtype=torch.float32)
    odd = torch.tensor([1.5, 2.5, 3.5], dtype=torch.float16)
    weights = Weights(
        file=tmp_path / "w", tensors={"big": big, "odd": odd, "one": big[:1]}, settings=None, mapped=frozenset()
    )
    write_safetensors(tmp_path / "w.safetensors", weights)
    read = read_weights(tmp_path / "w.safetensors")
    assert read.mapped == {"big", "odd", "one"}
    before = resident_file_kb()
    assert torch.equal(read.tensors["big"], big)
    assert resident_file_kb() > before + 35_000
    read.let_go("big")
    assert resident_file_kb() < before + 5_000
    assert torch.equal(read.tensors["big"], big)  # read from the file again
    assert torch.equal(read.tensors["odd"], odd)


def test_a_disk_that_is_full_is_an_error_of_the_system(tmp_path: Path) -> None:
    """Which every command turns into one message."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    weights = Weights(file=tmp_path / "w", tensors={"a": torch.ones(10_000)}, settings=None, mapped=frozenset())
    for write in (lambda file: write_safetensors(file, weights), lambda file: write_lightning(file, weights, {})):
        with pytest.raises(OSError, match="No space left"):
            write(Path("/dev/full"))
