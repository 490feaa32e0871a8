"""Progress of a run on a terminal and elsewhere, and what is said meanwhile."""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Finished

from evalharness.cli.main import main
from evalharness.cli.progress import Bars, Lines, observer


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        """What stands on the screen: a carriage return goes back to the start of a line, which is written over."""
        screen = []
        for line in self.getvalue().split("\n"):
            shown = ""
            for written in line.split("\r"):
                shown = written + shown[len(written) :]
            screen.append(shown.rstrip())
        return screen


def test_a_message_between_two_steps_has_a_line_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logger, terminal = logging.getLogger("evalharness"), Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(logger, "propagate", logger.propagate)
    monkeypatch.setattr(logger, "handlers", list(logger.handlers))
    main(["runs", str(tmp_path)])  # every verb says where messages go
    bars = observer()
    assert isinstance(bars, Bars)
    bars.start("BLEU", 10)
    bars.advance(3)
    logging.getLogger("evalharness.metrics").warning("a remark in the middle")
    assert terminal.lines()[-2] == "evalharness: WARNING: a remark in the middle"
    assert terminal.lines()[-1].startswith("BLEU:")
    bars.finish()
    assert terminal.lines() == [*terminal.lines()[:-2], "evalharness: WARNING: a remark in the middle", ""]


def test_elsewhere_a_stage_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = observer()
    assert isinstance(lines, Lines)
    for n in (10, 4):
        lines.start("TER", 10)
        lines.advance(n)
        lines.finish()
    whole, given_up = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"TER: 10 segments, \d+\.\d s", whole)
    assert re.fullmatch(r"TER: 4 of 10 segments, \d+\.\d s", given_up)


def test_stages_of_a_run(command: Callable[..., Finished]) -> None:
    def stages() -> list[tuple[str, str]]:
        finished = command("run", "metrics=[bleu]")
        assert finished.code == 0, finished.err
        return re.findall(r"^(.+): (\d+) segments, \d+\.\d s$", finished.err, re.M)

    checks, counting = ("checks of hypotheses", "45"), ("BLEU", "45")
    assert stages() == [checks, counting]
    assert stages() == [counting]
    Path("results/latest/ranks.csv").unlink()
    assert stages() == [counting, checks]
