"""Write again the tables of the bundled run that tests hold renderers against: `python tests/make_golden_tables.py`.

Look at what `git diff tests/golden` says before you commit it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import evalharness as eh
from evalharness.report.table import RENDERERS, SUFFIXES
from evalharness.report.tables import table_names

GOLDEN = Path(__file__).parent / "golden"


def rendered(run: eh.Run) -> dict[str, str]:
    """By file name, every table in every format."""
    return {
        f"{name}.{SUFFIXES.get(kind, kind)}": render(run.table(name))
        for name in table_names()
        for kind, render in RENDERERS.items()
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        files = rendered(eh.evaluate(results=Path(folder) / "results", overrides=["cache=false"]))
    for path in GOLDEN.glob("*"):
        path.unlink()
    for name, text in files.items():
        (GOLDEN / name).write_text(text, encoding="utf-8", newline="")
