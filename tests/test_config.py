"""Options are files: each builds, says every setting with its default, and has a name of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY, Finished, write
from omegaconf import OmegaConf

from evalharness.config import build, build_experiment, build_testset, compose_config, set_values
from evalharness.errors import ConfigError
from evalharness.testsets.plain import Plain

CONFIGS = REPOSITORY / "configs"
GROUPS = ("testset", "systems", "metrics", "inputs", "outputs", "stats", "report", "launch")
OPTIONS = [path for group in GROUPS for path in sorted((CONFIGS / group).glob("*.yaml"))]
LISTS = ("systems", "metrics")
NEEDED = {
    "testset.name": "x",
    "testset.path": "x",
    "testset.language_pair": "zh-en",
    "testset.source": "x",
    "testset.test_set": "x",
    "systems.columns.path": "x",
    "systems.wmt25.path": "x",
    "systems.folder.path": "x",
    "systems.hypotheses.path": "x",
}  # settings without a default


def identity(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", OPTIONS, ids=identity)
def test_every_option_builds_and_lists_every_setting_with_its_default(path: Path) -> None:
    group, name = path.parent.name, path.stem
    choice = f"{group}=[{name}]" if group in LISTS else f"{group}={name}"
    key = f"{group}.{name}" if group in LISTS else group
    option = OmegaConf.load(path)
    needed = [f"{k}={v}" for k, v in NEEDED.items() if k.startswith(f"{key}.") and k.rpartition(".")[2] in list(option)]
    config = compose_config([choice, *needed])
    built = build_testset(config)[0] if group == "testset" else build(config, key, allowed=("evalharness",))
    settings = {field.name: field for field in dataclasses.fields(built)}  # type: ignore[arg-type]
    assert set(option) - {"_target_"} == set(settings)
    if (group == "metrics" and name not in ("bleu", "chrf", "chrfpp", "ter", "comet")) or choice == "systems=[wmt25]":
        return  # a variant of another option: its values are the point of it
    for field in settings.values():
        given: Any = OmegaConf.to_container(option, resolve=False)
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if f"{key}.{field.name}" in NEEDED or str(given[field.name]).startswith("${") or name == "zhengzhou":
            continue
        value = getattr(default, "name", default)
        assert given[field.name] == (list(value) if isinstance(value, tuple) else value), field.name


@pytest.mark.parametrize("path", OPTIONS, ids=identity)
def test_every_option_has_a_package_of_its_own(path: Path) -> None:
    # Two options with one package would silently become one.
    group = path.parent.name
    expected = f"{group}.{path.stem}" if group in LISTS else group
    assert path.read_text(encoding="utf-8").startswith(f"# @package {expected}\n")


def test_the_default_experiment() -> None:
    experiment = build_experiment(compose_config([]))
    assert list(experiment.metrics) == ["bleu", "chrf", "chrfpp", "ter", "comet_mini"]
    assert (experiment.name, experiment.results, experiment.use_cache) == (None, Path("results"), True)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            "metrics=[bleuu]",
            r"metrics: no option 'bleuu'; did you mean 'bleu'\? Options of 'metrics': bleu, chrf, chrfpp",
        ),
        ("metrics=[chrF++]", r"metrics: no option 'chrF\+\+'; did you mean 'chrfpp'\?"),
        ("metrics=[COMET-22]", r"did you mean 'comet22'\?"),
        ("testset=zhengzou", r"testset: no option 'zhengzou'; did you mean 'zhengzhou'\?"),
        ("metrics.bleu.tokenise=zh", r"metrics\.bleu\.tokenise: no such setting; did you mean 'tokenize'\?"),
        ("+metrics.bleu.tokenise=zh", r"metrics\.bleu\.tokenise: no such setting; did you mean 'tokenize'\?"),
        ("launch.n_workers=2", r"launch\.n_workers: no such setting with .* chosen; it is one of launch=pool\."),
        ("testset.delimiter=x", r"it is one of testset=csv or testset=tsv\."),
        ("defaults=2", r"^defaults: no such setting; .* Settings of the configuration: "),
        ("launch.n_worker=2", r"launch\.n_worker: no such setting\. Settings of launch: none\."),
        (
            "systems.folder.pattern=[hg].en",
            r"^systems\.folder\.pattern=\[hg\]\.en: Hydra cannot read it: .*'KEY=\"TEXT\"'",
        ),
        ("metrics.bleu.lowercase=false,true", r"^metrics\.bleu\.lowercase=false,true: is several values; expected one"),
        ("metric=[bleu]", r"metric: no such setting; did you mean 'metrics'\?"),
        ("+metric=[bleu]", r"metric: no such setting; did you mean 'metrics'\?"),
        ("metrcs.bleu.tokenize=zh", r"no such setting; did you mean 'metrics'\?"),
        ("metrics.bleu.lowercase=maybe", r"metrics\.bleu\.lowercase=maybe: .*bool"),
        ("metrics.bleu.smooth_method=smooth", r"metrics\.bleu\.smooth_method=smooth: .*exp"),
        ("metrics.bleu.tokenize=13", r"13"),
        ("stats.seed=x", r"stats\.seed=x: .*Integer"),
        ("stats.unit=paragraph", r"stats\.unit=paragraph: .*segment"),
        ("cache=perhaps", r"cache=perhaps: .*bool"),
        ("results=[a]", r"results="),
        ("metrics.bleu._target_=os.system", r"only targets of evalharness are built"),
        ("metrics.bleu._target_=evalharness.metrics.lexical.Blue", r"cannot be imported"),
        ("metrics.bleu._target_=evalharness.errors.nearest", r"is not a dataclass of settings"),
        ("testset=plain", r"testset\.language_pair: has no value; set testset\.language_pair=\.\.\."),
        ("a b", r"^a b: Hydra cannot read it"),
    ],
)
def test_what_is_wrong_is_named(override: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        build_experiment(compose_config([override]))


def test_a_folder_of_ones_own_options(command: Callable[..., Finished]) -> None:
    write(
        "mine/metrics/bleu_lc.yaml", "# @package metrics.bleu_lc", "_target_: evalharness.metrics.lexical.Bleu",
        "lowercase: true",
    )  # fmt: skip
    finished = command("run", "--config-dir", "mine", "metrics=[bleu,bleu_lc]")
    assert finished.code == 0, finished.err
    assert "case:lc" in finished.out
    misspelt = command("run", "--config-dir", "mine", "metrics=[bleulc]")
    assert misspelt.code == 2
    assert "did you mean 'bleu_lc'?" in misspelt.err


@pytest.mark.parametrize(
    "text", [r"x\\${name}", "${", 'say "hi"', "back\\slash", "x=y,z", "[a]", "${testset.name}", "", "null", "中"]
)
def test_values_can_be_set_literally(text: str) -> None:
    config = compose_config(["testset=plain", "testset.language_pair=zh-en"])
    set_values(config, {"testset.source": text, "testset.references": [text]})
    reader, _ = build_testset(config)
    assert isinstance(reader, Plain)
    assert (reader.source, reader.references) == (text, (text,))


def test_a_setting_that_is_not_there_cannot_be_set() -> None:
    with pytest.raises(ConfigError, match=r"metrics\.comet\.model: no such setting"):
        set_values(compose_config([]), {"metrics.comet.model": "x"})


def test_an_option_file_that_is_not_yaml_is_named(command: Callable[..., Finished]) -> None:
    write("mine/metrics/bad.yaml", "# @package metrics.bad", "foo: [")
    finished = command("run", "--config-dir", "mine", "metrics=[bad]")
    assert finished.code == 2
    assert "bad.yaml:3: is not YAML: " in finished.err
    assert "Traceback" not in finished.err
    assert len(finished.err.splitlines()) == 1


@pytest.mark.parametrize("where", ["mine/metrics/bad.yaml", "mine/metrics/deep/bad.yaml"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"# @package metrics.bad\nfoo: na\xefve\n", ":2: not UTF-8: byte 0xef"),
        (b"# @package metrics.bad\nfoo: na\x01ve\n", ": is not YAML: unacceptable character #x0001"),
    ],
)
def test_an_option_file_that_is_no_text_is_named(
    where: str, content: bytes, said: str, command: Callable[..., Finished]
) -> None:
    write("mine/metrics/a.yaml", "# @package metrics.a", "_target_: evalharness.metrics.lexical.Bleu")
    write(where, "")
    Path(where).write_bytes(content)
    option = where.removeprefix("mine/metrics/").removesuffix(".yaml")
    finished = command("run", "--config-dir", "mine", f"metrics=[{option}]")
    assert finished.code == 2
    assert f"{where}{said}" in finished.err
    assert len(finished.err.splitlines()) == 1
    with pytest.raises(ConfigError, match=r"bad\.yaml"):
        compose_config([f"metrics=[{option}]"], config_dir=Path("mine"))
