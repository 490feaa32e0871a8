"""Whatever decides a COMET score is in its signature, and is read as unbabel-comet reads it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from test_comet_weights import change_settings, scored
from tiny_comet import build, some_texts, write_checkpoint

from evalharness.errors import ConfigError, MissingModelError
from evalharness.metrics.comet import engine
from evalharness.metrics.comet.backend import Predictions, Scorer, Triple, forget, hold
from evalharness.metrics.comet.checkpoint import MINI, locate
from evalharness.metrics.comet.conversion import read_conversion
from evalharness.metrics.comet.convert import WeightsFormat, convert
from evalharness.metrics.comet.kernels import Precision
from evalharness.metrics.comet.metric import Comet
from evalharness.metrics.comet.native import NativeScorer
from evalharness.records import LanguagePair

NO_UNBABEL = "unbabel-comet is not installed: there is none for Python 3.13 and later"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    forget()
    return write_checkpoint(tmp_path / "model")


def signature(model: Path) -> str:
    return str(Comet(model=str(model), device="cpu").signature(n_references=1))


def edit(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    change(content)
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def native(model: Path, triples: list[Triple]) -> Predictions:
    checkpoint = locate(str(model), None)
    scorer = NativeScorer(checkpoint, precision=Precision.fp32, device="cpu", batch_tokens=None, store=None)
    return scorer.predict(triples)


def triples(n: int = 8) -> list[Triple]:
    texts = some_texts(3 * n)
    return [Triple(*texts[index : index + 3]) for index in range(0, 3 * n, 3)]


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("config.json", lambda content: content.update(layer_norm_eps=0.5)),
        ("config.json", lambda content: content.update(pad_token_id=40)),
        ("tokenizer.json", lambda content: content.update(normalizer={"type": "Lowercase"})),
        ("tokenizer_config.json", lambda content: content.update(cls_token="<unk>")),
    ],
    ids=["norm", "padding", "tokenizer", "first token"],
)
def test_a_change_beside_the_weights_changes_signature_and_score(
    model: Path, file: str, change: Callable[[dict[str, Any]], object]
) -> None:
    before, scores_before = signature(model), scored(model)
    edit(model / "encoder" / file, change)
    map_file = model / "encoder" / "special_tokens_map.json"
    if file == "tokenizer_config.json" and map_file.is_file():
        edit(map_file, change)
    after, scores_after = signature(model), scored(model)
    assert scores_after != pytest.approx(scores_before, abs=1e-6)
    assert after != before
    assert after.replace(dict_of(after)["content"], "") == before.replace(dict_of(before)["content"], "")


def converted_mini(folder: Path) -> None:
    convert("comet-mini", output=folder, revision=None, weights_format=WeightsFormat.safetensors, version="1")


def dict_of(signature: str) -> dict[str, str]:
    return dict(field.split(":", 1) for field in signature.split("|"))


def test_the_bundled_model_is_named() -> None:
    fields = dict(Comet(model="comet-mini", device="cpu").signature(n_references=1).fields)
    assert (fields["model"], fields["revision"]) == ("comet-mini", "bundled")


def test_a_converted_copy_keeps_its_name(tmp_path: Path) -> None:
    converted_mini(tmp_path / "mine")
    bundled, copy = (Comet(model=model, device="cpu") for model in ("comet-mini", str(tmp_path / "mine")))
    assert (copy.heading, copy.remark) == (bundled.heading, bundled.remark) == ("COMET-mini", bundled.remark)
    assert str(copy.signature(n_references=1)) == str(bundled.signature(n_references=1))


def test_a_file_put_into_a_converted_folder_is_refused(tmp_path: Path) -> None:
    converted_mini(tmp_path / "mine")
    assert read_conversion(tmp_path / "mine") is not None
    (tmp_path / "mine" / "encoder" / "added_tokens.json").write_text("{}")
    with pytest.raises(MissingModelError, match=r"added_tokens\.json: is not among the files"):
        locate(str(tmp_path / "mine"), None)


@pytest.mark.parametrize("inputs", [["mt", "src"], ["mt", "ref"]])
def test_xcomet_reads_three_texts_whatever_its_settings_say(tmp_path: Path, inputs: list[str]) -> None:
    pytest.importorskip("comet", reason=NO_UNBABEL)
    from test_comet_parity import predicted

    model = build(tmp_path / "x", "xcomet_metric", word_layer=3)
    change_settings(model, inside=True, input_segments=inputs)
    given = triples()
    assert native(model, given).scores == pytest.approx(predicted(model, given)["scores"], abs=1e-5)


def test_a_word_layer_is_a_number(tmp_path: Path) -> None:
    model = write_checkpoint(tmp_path / "x", family="xcomet_metric", word_layer=3)
    change_settings(model, inside=True, word_layer="mix")
    with pytest.raises(MissingModelError, match=r"word_layer is 'mix'; expected a number of a layer"):
        native(model, triples())


@pytest.mark.parametrize("lowers", [True, None], ids=["lower case", "not said"])
def test_a_tokenizers_settings_overrule_its_file_as_in_unbabel_comet(tmp_path: Path, lowers: bool | None) -> None:
    pytest.importorskip("comet", reason=NO_UNBABEL)
    from test_comet_parity import predicted

    model = build(tmp_path / "b", "regression_metric", encoder="BERT")
    encoder = tmp_path / "encoder-BERT"
    upper = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None}
    edit(encoder / "tokenizer.json", lambda content: content.update(normalizer=upper | {"lowercase": False}))
    settings = encoder / "tokenizer_config.json"
    edit(settings, lambda content: content.pop("do_lower_case", None))
    if lowers is not None:
        edit(settings, lambda content: content.update(do_lower_case=lowers))
    given = [Triple("Zhengzhou City École", "Zhengzhou IS the Capital", "THE Capital école")]
    assert native(model, given).scores == pytest.approx(predicted(model, given)["scores"], abs=1e-5)


def test_weights_that_a_family_does_not_read_are_refused(model: Path) -> None:
    change_settings(model, inside=True, class_identifier="ranking_metric")
    with pytest.raises(MissingModelError, match=r"holds a weight estimator\.\S+ that the model of its settings"):
        native(model, triples())


def test_an_unknown_setting_beside_is_refused_too(model: Path) -> None:
    with open(model / "hparams.yaml", "a", encoding="utf-8") as file:
        file.write("no_such_setting: 5\n")
    with pytest.raises(MissingModelError, match=r"hparams\.yaml: unknown entry 'no_such_setting'"):
        native(model, triples())


def test_comet_mini_is_known_by_its_weights(tmp_path: Path, model: Path) -> None:
    bundled = Comet(model=MINI)
    folder = Path(shutil.copytree(locate(MINI, None).folder, tmp_path / "mine"))
    for one in (folder, folder / "checkpoints" / "model.ckpt", locate(MINI, None).weights):
        named = Comet(model=str(one))
        assert (named.heading, named.remark) == (bundled.heading, bundled.remark)
    assert Comet(model=str(model)).remark is None


@pytest.mark.parametrize(("lp", "said"), [("zh-en", False), ("zh_TW-en_GB", False), ("en-zh", True), ("de-en", True)])
def test_comet_mini_says_what_languages_it_was_made_for(lp: str, said: bool) -> None:
    remark = Comet(model=MINI).for_language_pair(LanguagePair.parse(lp)).remark or ""
    assert (f"It was made for zh-en; its scores of {lp} say nothing." in remark) is said
    assert "no measure of quality to publish" in remark


def test_int8_is_refused_where_products_overflow(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "int8_problem", lambda: "this processor has no VNNI")
    with pytest.raises(ConfigError, match=r"COMET with precision=int8: this processor has no VNNI\. Use bf16"):
        Comet(model=str(model), device="cpu", precision=Precision.int8).signature(n_references=1)


def test_one_model_is_in_memory_at_a_time() -> None:
    forget()
    alive: list[str] = []

    class Model:
        def __init__(self, name: str) -> None:
            assert alive == []  # the one before is gone when the next is built
            self.name = name
            alive.append(name)

        def __del__(self) -> None:
            alive.remove(self.name)

        def predict(self, triples: object) -> Predictions:
            raise NotImplementedError

    def name_of(scorer: Scorer) -> str:
        return scorer.name  # type: ignore[attr-defined, no-any-return]

    assert name_of(hold("a", lambda: Model("a"))) == "a"
    assert name_of(hold("a", lambda: Model("b"))) == "a"
    assert name_of(hold("c", lambda: Model("c"))) == "c"
    forget()
    assert alive == []
