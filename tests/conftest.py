"""Shared fixtures: every test has a cache, a working directory and a results folder of its own."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chromium import browser, page

from evalharness.cli.main import main
from evalharness.inspection.findings import InputSettings, OnError, collecting

__all__ = ["browser", "page"]  # fixtures for whoever asks for them
REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("EVALHARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EVALHARNESS_DEBUG", raising=False)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    yield
    logger = logging.getLogger("evalharness")
    logger.handlers[:] = []
    logger.propagate = True


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No hub, and a cache of its own; both are read from the environment when `datasets` is imported."""
    import datasets
    import huggingface_hub.constants

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


@pytest.fixture
def errors_in_texts_are_warnings() -> Iterator[None]:
    """For tests with texts that a reader stops at elsewhere, before it could lose any of them."""
    with collecting(InputSettings(on_error=OnError.warn)):
        yield


class Finished:
    """What a command left: exit code, standard output, standard error."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Finished]:
    """Run `evalharness ARGS` in this process."""

    def run(*arguments: str) -> Finished:
        capsys.readouterr()
        os.environ.pop("EVALHARNESS_DEBUG", None)
        try:
            code = main(list(arguments))
        except SystemExit as err:  # argparse
            code = int(err.code or 0)
        captured = capsys.readouterr()
        return Finished(code, captured.out, captured.err)

    return run


def spawn(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m evalharness ARGS` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "evalharness", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
        check=False,
    )


def write(path: Path | str, *lines: str) -> str:
    """A file with these lines; its path."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes("".join(f"{line}\n" for line in lines).encode())
    return str(target)
