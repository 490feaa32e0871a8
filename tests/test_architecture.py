"""The shape of the code: which rooms may import which, and what importing may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import REPOSITORY

PACKAGE = REPOSITORY / "evalharness"
FLOOR = {"errors", "records", "textio", "rows", "fingerprint", "folders", "packaged", "inspection", "scripts"}
ROOMS = {"testsets", "systems", "metrics", "outputs", "runs", "stats", "report", "launch"}
FRONTS = {"cli", "api", "config", "__main__", "__init__"}
EXCEPTIONS = {("report", "runs")}
TOUCH_SACREBLEU = {"metrics/lexical.py", "testsets/sacrebleu_sets.py"}  # its scores; its test sets
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


def allowed_rooms(room: str) -> set[str]:
    if room in FLOOR:
        return FLOOR
    if room in ROOMS:
        return FLOOR | {room} | {other for one, other in EXCEPTIONS if one == room}
    if room == "workflows":
        return FLOOR | ROOMS | {"workflows"}
    if room in FRONTS:
        return FLOOR | ROOMS | FRONTS | {"workflows"}
    raise AssertionError(f"{room}: say in this test which rooms it may import")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_do_not_know_each_other(path: Path) -> None:
    for line, name in imports(path):
        assert not name.startswith("."), f"{path}:{line}: relative import"
        parts = name.split(".")
        if parts[0] == "evalharness" and len(parts) > 1:
            assert parts[1] in allowed_rooms(room_of(path)), f"{path}:{line}: imports {name}"
        if parts[0] in {"hydra", "omegaconf"}:
            assert room_of(path) in {"config", "cli"}, f"{path}:{line}: only config and cli know Hydra"
        if parts[0] == "sacrebleu":
            assert str(path.relative_to(PACKAGE)) in TOUCH_SACREBLEU, f"{path}:{line}: {name}"
        if parts[0] == "comet":
            assert "comet" in path.relative_to(PACKAGE).parts, f"{path}:{line}: only the COMET backend imports comet"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_assert_and_no_print_outside_the_command_line(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not isinstance(node, ast.Assert), f"{path}:{node.lineno}: assert"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print" or room_of(path) == "cli", f"{path}:{node.lineno}: print"
            if node.func.id == "zip":
                assert "strict" in {keyword.arg for keyword in node.keywords}, f"{path}:{node.lineno}: zip"


@pytest.mark.parametrize(
    ("code", "not_loaded"),
    [
        ("import evalharness", {"torch", "pandas", "hydra", "pyarrow", "sacrebleu", "comet", "numpy"}),
        (
            "from evalharness.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass",
            {"torch", "pandas", "hydra", "pyarrow", "sacrebleu", "comet", "numpy"},
        ),
        ("from evalharness import TestSet", {"torch", "pandas", "hydra", "pyarrow", "sacrebleu", "comet"}),
        (
            "import evalharness.metrics.comet.metric, evalharness.metrics.lexical",
            {"torch", "comet", "transformers", "sacrebleu"},
        ),
        (
            "import sys\nfrom evalharness.cli.main import main\nmain(['run', 'metrics=[bleu,ter]'])",
            {"torch", "pandas", "comet", "transformers", "datasets"},
        ),
    ],
    ids=["package", "help", "record", "metrics", "lexical run"],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(code: str, not_loaded: set[str]) -> None:
    script = f"{code}\nimport sys\nprint('LOADED', *sorted(set(sys.modules) & {not_loaded!r}))"
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert finished.stdout.splitlines()[-1] == "LOADED"


def test_public_names_are_there() -> None:
    import evalharness

    for name in evalharness.__all__:
        assert getattr(evalharness, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = evalharness.nothing


@pytest.mark.parametrize("path", sorted((PACKAGE / "cli").glob("*.py")), ids=lambda path: path.name)
def test_a_flag_that_takes_many_adds_to_itself(path: Path) -> None:
    """argparse's default forgets what the same flag said before."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument":
            said = {one.arg: ast.unparse(one.value).strip("'") for one in node.keywords}
            is_flag = str(ast.literal_eval(node.args[0])).startswith("-")
            if is_flag and said.get("nargs") in ("+", "*"):
                assert said.get("action") in ("extend", "_InOrder"), f"{path.name}:{node.lineno}"
