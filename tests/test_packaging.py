"""The wheel: what it carries, and that it works where there is no checkout."""

from __future__ import annotations

import configparser
import json
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from conftest import REPOSITORY
from wheels import (
    COMPILED,
    HAS_COMPILER,
    WITHOUT_COMPILER,
    build,
    copy_of_checkout,
    install,
    needs_compiler,
    run_installed,
    try_to_build,
)

import evalharness
from evalharness.metrics.compiled.sources import library_name

(VERSION,) = re.findall(r'^version = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"), re.M)
CARRIED_AS_THEY_ARE = {"configs": "evalharness/configs", "references/zhengzhou": "evalharness/references/zhengzhou"}
WEB = "evalharness/report/page/web"
LIBRARY = f"{COMPILED}/{library_name(sys.platform)}"
SOURCES = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / COMPILED).glob("*.[ch]")}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that has tests in it, and a file of each kind that must stay out."""
    tree = copy_of_checkout(tmp_path_factory.mktemp("tree"))
    for left in (
        "results/zhengzhou-0/plan.json", "evalharness/__pycache__/api.cpython-311.pyc", ".venv/pyvenv.cfg",
        f"{WEB}/node_modules/preact/index.js", f"{WEB}/src/left.tsx", f"{WEB}/left.json", f"{WEB}/dist/built.js",
        f"{COMPILED}/counters.left",
    ):  # fmt: skip
        (tree / left).parent.mkdir(parents=True, exist_ok=True)
        (tree / left).write_text("left behind")
    return tree


@pytest.fixture(scope="module")
def wheel(tree: Path) -> Path:
    return build(tree, "wheel")[0]


@pytest.fixture(scope="module")
def sdist(tree: Path, wheel: Path) -> Path:
    """Built where a library was compiled already."""
    assert not HAS_COMPILER or (tree / LIBRARY).exists()
    return build(tree, "sdist")[0]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(wheel, tmp_path_factory.mktemp("installed"))


def platforms_of(wheel: Path) -> tuple[set[str], bool]:
    """The platforms that its name and its file WHEEL agree on, and whether it is pure."""
    with zipfile.ZipFile(wheel) as archive:
        lines = archive.read(f"evalharness-{VERSION}.dist-info/WHEEL").decode().splitlines()
    tags = {line.removeprefix("Tag: py3-none-") for line in lines if line.startswith("Tag: ")}
    assert set(wheel.stem.removeprefix(f"evalharness-{VERSION}-py3-none-").split(".")) == tags
    return tags, {"Root-Is-Purelib: true": True, "Root-Is-Purelib: false": False}[lines[2]]


def compiled_files(names: Iterable[str]) -> set[str]:
    """Of the folder of the counters, all but the Python."""
    return {name for name in names if name.startswith(f"{COMPILED}/") and not name.endswith(".py")}


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


@needs_compiler
def test_it_carries_one_library_of_this_platform_and_its_sources(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert compiled_files(archive.namelist()) == {*SOURCES, LIBRARY}
    (platform,), is_pure = platforms_of(wheel)
    assert platform.startswith(("linux_", "macosx_", "win"))
    assert not is_pure


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        (WITHOUT_COMPILER, "/nonexistent: No such file or directory."),
        ({"CC": "false"}, "exit code 1 of false "),
        ({"PATH": "/nonexistent"}, "no C compiler is installed (cc, gcc, clang), and CC names none."),
    ],
)
def test_without_a_compiler_it_is_for_any_platform(tmp_path: Path, environment: dict[str, str], reason: str) -> None:
    copy = copy_of_checkout(tmp_path / "tree")
    (copy / LIBRARY).write_text("of other sources")
    wheel, printed = build(copy, "wheel", **environment)
    assert f"Built without the compiled counters, so sacreBLEU will count: {reason}" in printed
    assert platforms_of(wheel) == ({"any"}, True)
    with zipfile.ZipFile(wheel) as archive:
        assert compiled_files(archive.namelist()) == SOURCES


class TestForAnotherPlatform:
    """The compiler of this machine stands for one that compiles for others."""

    TAG = "manylinux_2_17_x86_64.manylinux2014_x86_64"

    @needs_compiler
    def test_it_is_tagged_for_it(self, tmp_path: Path) -> None:
        wheel, _ = build(copy_of_checkout(tmp_path / "tree"), "wheel", EVALHARNESS_PLATFORM_TAG=self.TAG)
        assert wheel.name == f"evalharness-{VERSION}-py3-none-{self.TAG}.whl"
        assert platforms_of(wheel) == (set(self.TAG.split(".")), False)

    def test_it_is_not_built_without_the_library(self, tmp_path: Path) -> None:
        copy = copy_of_checkout(tmp_path / "tree")
        finished = try_to_build(copy, "wheel", EVALHARNESS_PLATFORM_TAG=self.TAG, **WITHOUT_COMPILER)
        assert finished.returncode == 1
        assert f"No compiled counters for {self.TAG}: /nonexistent: No such file" in finished.stdout + finished.stderr
        assert list((copy / "dist").rglob("*.whl")) == []


def test_the_sdist_carries_sources_and_no_library(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert compiled_files(names) == SOURCES
    assert {f"{COMPILED}/build.py", "pyproject.toml", "configs/config.yaml", "tests/conftest.py"} <= names


def test_the_wheel_of_the_sdist_carries_the_same(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    of_sdist, _ = build(tmp_path / f"evalharness-{VERSION}", "wheel")
    assert of_sdist.name == wheel.name
    with zipfile.ZipFile(of_sdist) as theirs, zipfile.ZipFile(wheel) as ours:
        made = {LIBRARY, f"evalharness-{VERSION}.dist-info/RECORD"}  # a compiler need not give the same bytes
        assert set(theirs.namelist()) == set(ours.namelist())
        for name in set(ours.namelist()) - made:
            assert theirs.read(name) == ours.read(name), name


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


@needs_compiler
def test_the_installed_copy_counts_in_compiled_code(installed: Path) -> None:
    script = "from evalharness.metrics.compiled import library; print(library.load_counters()._library._name)"
    finished = run_installed(installed, "-c", script)
    assert (finished.stdout, finished.stderr) == (f"{installed / LIBRARY}\n", "")


def test_the_first_command_works_far_from_the_checkout(installed: Path) -> None:
    assert list(Path().iterdir()) == []
    finished = run_installed(installed, "-m", "evalharness", "run")
    assert finished.returncode == 0, finished.stderr
    assert ("counted by sacreBLEU" in finished.stderr) is not HAS_COMPILER
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
