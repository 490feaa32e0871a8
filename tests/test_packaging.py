"""The wheel: what it carries, and that it works where there is no checkout."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from conftest import REPOSITORY

import evalharness

(VERSION,) = re.findall(r'^version = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"), re.M)
CARRIED_AS_THEY_ARE = {"configs": "evalharness/configs", "references/zhengzhou": "evalharness/references/zhengzhou"}
WEB = "evalharness/report/page/web"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy that has tests in it, and a file of each kind that must stay out."""
    pytest.importorskip("hatchling", reason="the extra 'dev' is not installed (pip install -e '.[dev]')")
    tree = tmp_path_factory.mktemp("tree")
    ignored = shutil.ignore_patterns("__pycache__", ".*", "node_modules")
    for name in ("evalharness", "configs", "references", "tests"):
        shutil.copytree(REPOSITORY / name, tree / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(REPOSITORY / name, tree / name)
    for left in (
        "results/zhengzhou-0/plan.json", "evalharness/__pycache__/api.cpython-311.pyc", ".venv/pyvenv.cfg",
        f"{WEB}/node_modules/preact/index.js", f"{WEB}/src/left.tsx", f"{WEB}/left.json", f"{WEB}/dist/built.js",
    ):  # fmt: skip
        (tree / left).parent.mkdir(parents=True, exist_ok=True)
        (tree / left).write_text("left behind")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "dist"],
        cwd=tree, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (path,) = (tree / "dist").glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    install = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "install", "--quiet"]
    finished = subprocess.run(
        [*install, "--no-deps", "--no-index", "--no-compile", "--target", str(folder), str(wheel)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return folder


def run_installed(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python ARGUMENTS` in the working directory, with the installed copy before whatever this environment has."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True, text=True, timeout=120, check=False,
        env={**environment, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


@pytest.mark.parametrize("folder", CARRIED_AS_THEY_ARE)
def test_it_carries_every_byte_of(folder: str, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        carried = {name: archive.read(name) for name in archive.namelist()}
    inside = CARRIED_AS_THEY_ARE[folder]
    expected = {
        f"{inside}/{path.relative_to(REPOSITORY / folder).as_posix()}": path.read_bytes()
        for path in (REPOSITORY / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name: content for name, content in carried.items() if name.startswith(f"{inside}/")} == expected
    # one file of each whose absence would leave the first command without a run
    assert {"configs": f"{inside}/config.yaml", "references/zhengzhou": f"{inside}/segments.jsonl"}[folder] in expected


def test_it_carries_the_code_its_type_marker_and_nothing_of_the_checkout(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    modules = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "evalharness").rglob("*.py")}
    assert modules <= names
    assert "evalharness/py.typed" in names
    # a wheel's top level is what `pip install` puts beside every other package; tests, results and configs are not that
    assert {name.partition("/")[0] for name in names} == {"evalharness", f"evalharness-{VERSION}.dist-info"}
    assert [name for name in names if "test_" in name or "conftest" in name or name.endswith(".pyc")] == []
    assert f"evalharness-{VERSION}.dist-info/licenses/LICENSE" in names


def test_of_the_page_it_carries_what_was_built_and_nothing_of_the_front_end(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        carried = {name: archive.read(name) for name in archive.namelist() if name.startswith(f"{WEB}/")}
    built = {
        path.relative_to(REPOSITORY).as_posix(): path.read_bytes()
        for path in (REPOSITORY / WEB / "dist").rglob("*")
        if path.is_file()
    }
    assert carried == {**built, f"{WEB}/dist/built.js": b"left behind"}


def test_it_offers_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"evalharness-{VERSION}.dist-info/entry_points.txt").decode()
        metadata = archive.read(f"evalharness-{VERSION}.dist-info/METADATA").decode()
    entry_points = configparser.ConfigParser()
    entry_points.read_string(text)
    assert dict(entry_points["console_scripts"]) == {"evalharness": "evalharness.cli.main:main"}
    assert "\nRequires-Dist: sacrebleu<2.7,>=2.6\n" in metadata
    assert (REPOSITORY / "README.md").read_text(encoding="utf-8") in metadata


def test_the_installed_copy_is_the_one_that_runs(installed: Path) -> None:
    # Guards the tests below: an editable install of the checkout is on the path of this interpreter too.
    script = "import evalharness, evalharness.packaged as p; print(evalharness.__file__, p.packaged_folder('configs'))"
    inside = installed / "evalharness"
    assert run_installed(installed, "-c", script).stdout == f"{inside / '__init__.py'} {inside / 'configs'}\n"
    assert Path(evalharness.__file__).parent != inside


def test_the_first_command_works_far_from_the_checkout(installed: Path) -> None:
    assert list(Path().iterdir()) == []
    finished = run_installed(installed, "-m", "evalharness", "run")
    assert finished.returncode == 0, finished.stderr
    # BLEU, chrF, chrF++ and TER by sacrebleu 2.6.0 of references/zhengzhou/candidates, rounded to one decimal
    lines = [line for line in finished.stdout.splitlines()[4:10] if not line.startswith("---")]
    table = [line.replace("*", "").split()[:5] for line in lines]
    assert table == [
        ["polished", "19.7", "53.9", "50.7", "73.7"],
        ["literal", "8.9", "50.4", "46.5", "89.6"],
        ["lossy", "6.1", "30.6", "29.0", "78.7"],
        ["gloss", "1.1", "38.8", "33.8", "124.8"],
        ["source-copy", "0.0", "0.8", "0.6", "100.0"],
    ]
    segments = pq.read_table("results/latest/segments.parquet").to_pylist()
    assert len(segments) == 45  # 5 candidates of 9 segments
    assert {row["testset"] for row in segments} == {"zhengzhou"}
    assert {path.name for path in Path().iterdir()} == {"results"}
    plan = json.loads(Path("results/latest/plan.json").read_text(encoding="utf-8"))
    assert plan["versions"]["evalharness"] == VERSION
    assert plan["git"] is None  # no checkout here, and none may be named


def test_the_commands_script_works(installed: Path) -> None:
    # `pip --target` writes the script of the entry point into bin/
    finished = run_installed(installed, str(installed / "bin" / "evalharness"), "--version")
    assert (finished.returncode, finished.stdout) == (0, f"evalharness {VERSION}\n")
