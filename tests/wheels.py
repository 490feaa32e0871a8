"""Builds of the package from a copy of the checkout, and copies installed from them, each in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

COMPILED = "evalharness/metrics/compiled"
HAS_COMPILER = any(map(shutil.which, ("cc", "gcc", "clang")))
needs_compiler = pytest.mark.skipif(not HAS_COMPILER, reason="there is no C compiler: apt install gcc libc6-dev")
WITHOUT_COMPILER = {"CC": "/nonexistent"}


def copy_of_checkout(folder: Path) -> Path:
    """Everything that a build reads, and the tests, which it leaves out; no library that was compiled already."""
    ignored = shutil.ignore_patterns("__pycache__", ".*", "node_modules", "counters.*")
    for name in ("evalharness", "configs", "references", "tests"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(REPOSITORY / name, folder / name)
    return folder


def build(tree: Path, target: str, **environment: str) -> tuple[Path, str]:
    """What `hatchling build -t TARGET` makes of a tree, which is built once, and what it prints."""
    finished = try_to_build(tree, target, **environment)
    printed = finished.stdout + finished.stderr
    assert finished.returncode == 0, printed
    (built,) = (tree / "dist" / target).iterdir()
    return built, printed


def try_to_build(tree: Path, target: str, **environment: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("hatchling", reason="the extra 'dev' is not installed (pip install -e '.[dev]')")
    own = {name: value for name, value in os.environ.items() if name not in ("CC", "EVALHARNESS_PLATFORM_TAG")}
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", f"dist/{target}"],
        cwd=tree, env={**own, **environment}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def install(wheel: Path, folder: Path) -> Path:
    """A folder with the wheel's content and nothing else."""
    command = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "install", "--quiet"]
    finished = subprocess.run(
        [*command, "--no-deps", "--no-index", "--no-compile", "--target", str(folder), str(wheel)],
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
