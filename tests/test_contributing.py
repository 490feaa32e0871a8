"""CONTRIBUTING.md is followed: its files are written into a copy of the project, and its commands are run there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY, write

pytestmark = pytest.mark.slow
TEXT = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE))
COMMANDS = [
    command.replace("\\\n", " ")
    for block in re.findall(r"^```sh\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    for command in re.findall(r"^evalharness (?:.*\\\n)*.*", block, re.MULTILINE)
]
SHOWN = {  # what the output of a command must say
    "bleu_lc": "case:lc",
    "length_ratio": "spaces:no",
    "source_prefix": "source_prefix ",
    "bars": "pairs zh-en, 2 segments",
    "counts": "Scored segments of pairs",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for name in ("evalharness", "configs", "references", "tests"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    for path, content in FILES.items():
        assert not (folder / path).exists()
        (folder / path).write_text(content, encoding="utf-8")
    write(folder / "pairs.txt", "郑州 ||| Zhengzhou", "黄河 ||| the Yellow River ||| Yellow River")
    write(folder / "mine.en", "Zhengzhou", "Yellow River")
    return folder


def run(arguments: str, *, at: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        f"{sys.executable} -m {arguments}",
        shell=True,
        cwd=at,
        env={**os.environ, "PYTHONPATH": str(at)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_there_is_one_of_each() -> None:
    assert {path.split("/")[-2] for path in FILES if path.endswith(".py")} == {
        "metrics",
        "systems",
        "testsets",
        "tables",
        "tests",
    }


def test_the_commands(project: Path) -> None:
    assert len(COMMANDS) == len(SHOWN)
    for command, (name, shown) in zip(COMMANDS, SHOWN.items(), strict=True):
        assert name in command
        finished = run(command, at=project)
        assert finished.returncode == 0, finished.stderr
        assert shown in finished.stdout


def test_the_tests_of_every_option_hold_for_them(project: Path) -> None:
    finished = run("pytest -q tests/test_length_ratio.py tests/test_architecture.py", at=project)
    assert finished.returncode == 0, finished.stdout
    new = "length_ratio or source_prefix or bars or bleu_lc"
    finished = run(
        f"pytest -q -m 'slow or not slow' tests/test_metric_contract.py tests/test_config.py -k '{new}'", at=project
    )
    assert finished.returncode == 0, finished.stdout
    assert "18 passed" in finished.stdout  # five laws for each of two metrics, two checks of each of four options
