"""`evalharness models`: what is here, what is not, and how to get it, without a network."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY, Finished, write

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")

from huggingface_hub import constants
from tiny_comet import write_checkpoint

from evalharness.metrics.comet import checkpoint as finding

COMMIT, ENCODER_COMMIT = "1" * 40, "3" * 40
CC = "CC BY-NC-SA 4.0, to be accepted on the hub"
# As their pages on the hub say: read for comet20, comet22, comet_qe20 and cometkiwi23_xl (stored copies, 2026-11); the
# others from what unbabel-comet publishes about its models.
LICENCES = {
    "comet": None,
    "comet20": "Apache-2.0",
    "comet22": "Apache-2.0",
    "comet_mini": "Apache-2.0",
    "comet_qe20": "Apache-2.0",
    "cometkiwi22": CC,
    "cometkiwi23_xl": CC,
    "xcomet_xl": CC,
    "xcomet_xxl": CC,
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, and no network: what connects fails."""

    def connect(*_: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    finding._on_hub.cache_clear()
    return tmp_path / "hub"


def put(cache: Path, name: str, commit: str, files: dict[str, bytes]) -> None:
    """A repository as it lies in the hub's cache."""
    folder = cache / f"models--{name.replace('/', '--')}"
    for path, content in files.items():
        file = folder / "snapshots" / commit / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit)


def models(command: Callable[..., Finished], *arguments: str) -> dict[str, dict[str, Any]]:
    finished = command("models", "--format", "json", *arguments)
    assert finished.code == 0, finished.err
    return {model["option"]: model for model in json.loads(finished.out)}


def test_lists_every_option_with_licence_and_scale(command: Callable[..., Finished]) -> None:
    found = models(command)
    assert {name: model["licence"] for name, model in found.items()} == LICENCES
    for name, model in found.items():
        assert name == "comet" or model["scale"], name
    assert found["comet22"]["scale"] == "about 0 to 1"
    assert found["comet20"]["scale"] == "an unbounded scale, about -1 to 1"
    assert found["xcomet_xl"]["scale"] == "0 to 1"
    assert found["xcomet_xl"]["heading"] == "XCOMET-XL"


def test_says_what_is_not_here_and_what_gets_it(command: Callable[..., Finished]) -> None:
    one = models(command)["comet22"]
    assert one["presence"] == "not here"
    assert one["command"] == "hf download Unbabel/wmt22-comet-da checkpoints/model.ckpt hparams.yaml"
    finished = command("models")
    assert finished.code == 0
    assert "get it with: hf download Unbabel/wmt22-comet-da checkpoints/model.ckpt hparams.yaml\n" in finished.out


@pytest.mark.skipif(
    not (REPOSITORY / "evalharness/metrics/comet/mini/checkpoints").is_dir(), reason="comet-mini is not here"
)
def test_says_what_is_bundled(command: Callable[..., Finished]) -> None:
    one = models(command)["comet_mini"]
    assert (one["presence"], one["command"], one["reason"]) == ("bundled", None, None)
    assert one["n_bytes"] > 1e6
    assert "bundled, " in command("models").out


def test_says_what_is_in_the_cache(command: Callable[..., Finished], cache: Path, tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model", pretrained_model="xlm-roberta-large")
    encoder = {path.name: path.read_bytes() for path in (folder / "encoder").iterdir()}
    weights = (folder / "checkpoints" / "model.ckpt").read_bytes()
    settings = (folder / "hparams.yaml").read_bytes()
    shutil.rmtree(folder)
    put(cache, "Unbabel/wmt22-comet-da", COMMIT, {"checkpoints/model.ckpt": weights, "hparams.yaml": settings})
    one = models(command)["comet22"]
    assert (one["presence"], one["revision"], one["n_bytes"]) == ("incomplete", COMMIT, len(weights))
    assert one["command"].startswith("hf download xlm-roberta-large --include 'config.json' 'tokenizer*.json' ")
    assert "WITHOUT TOKENIZER" in command("models").out
    put(cache, "xlm-roberta-large", ENCODER_COMMIT, encoder)
    one = models(command)["comet22"]
    assert (one["presence"], one["revision"], one["reason"], one["command"]) == ("here", COMMIT, None, None)
    assert f"{COMMIT[:12]}, 0 MB" in command("models").out


def test_settings_that_nothing_is_known_of(command: Callable[..., Finished], cache: Path) -> None:
    files = {"checkpoints/model.ckpt": b"weights", "hparams.yaml": b"class_identifier: another_metric\n"}
    put(cache, "Unbabel/wmt22-comet-da", COMMIT, files)
    one = models(command)["comet22"]
    assert (one["presence"], one["command"]) == ("unusable", None)
    assert "another_metric" in one["reason"]
    assert f"{COMMIT[:12]}, 0 MB, UNUSABLE" in command("models").out


def test_options_of_ones_own(command: Callable[..., Finished], tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "model")
    write(
        "mine/metrics/mine.yaml", "# @package metrics.mine", "# Mine: reads all; 0 to 5. Licence: MIT.",
        "_target_: evalharness.metrics.comet.metric.Comet", f"model: {folder}",
    )  # fmt: skip
    write("mine/metrics/other.yaml", "# @package metrics.other", "_target_: evalharness.metrics.lexical.Bleu")
    write(
        "mine/metrics/pinned.yaml", "# @package metrics.pinned", "_target_: evalharness.metrics.comet.metric.Comet",
        "model: nobody/model", f"revision: '{COMMIT}'",
    )  # fmt: skip
    write(
        "mine/metrics/lost.yaml", "# @package metrics.lost", "_target_: evalharness.metrics.comet.metric.Comet",
        "model: /nowhere/model",
    )  # fmt: skip
    write(
        "mine/metrics/wrong.yaml", "# @package metrics.wrong", "_target_: evalharness.metrics.comet.metric.Comet",
        f"model: {folder}", "revision: v1",
    )  # fmt: skip
    found = models(command, "--config-dir", "mine")
    assert "a revision is of a name on the hub" in found["wrong"]["reason"]
    one = found["mine"]
    assert (one["presence"], one["licence"], one["scale"], one["revision"]) == ("here", "MIT", "0 to 5", "local")
    assert "other" not in found
    assert found["pinned"]["command"].endswith(f" --revision {COMMIT}")
    assert (found["lost"]["presence"], found["lost"]["command"]) == ("not here", None)
    assert "'/nowhere/model': no such file or folder" in command("models", "--config-dir", "mine").out


def test_what_is_wrong(command: Callable[..., Finished]) -> None:
    assert "nowhere: no such folder" in command("models", "--config-dir", "nowhere").err
    write("mine/metrics/bad.yaml", "# @package metrics.bad", "foo: [")
    finished = command("models", "--config-dir", "mine")
    assert finished.code == 2
    assert "bad.yaml: is not YAML" in finished.err
