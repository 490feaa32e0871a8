"""Files of hypotheses as options: one file, a folder of them, the candidates beside a test set. Stems are names."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalharness.errors import InputError
from evalharness.packaged import library_folder
from evalharness.records import LanguagePair
from evalharness.systems.base import System
from evalharness.systems.hypotheses import Hypotheses
from evalharness.textio import read_json

PROVENANCE_FILE = "provenance.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class HypothesesFile:
    """One file as one system; `name` None takes the file's stem."""

    path: str
    name: str | None = None
    provenance: str = ""

    def members(self, lp: LanguagePair) -> Sequence[tuple[str, System]]:
        return [(self.name or Path(self.path).stem, Hypotheses(path=self.path, provenance=self.provenance))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """Every file of the folder that `pattern` matches, by name; hidden files are left out.

    A file `provenance.json` beside them may give a line of provenance for each file name."""

    path: str
    pattern: str = "*"

    def members(self, lp: LanguagePair) -> Sequence[tuple[str, System]]:
        folder = Path(self.path)
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder of hypotheses (looked in {Path.cwd()}).")
        files = sorted(
            path
            for path in folder.glob(self.pattern)
            if path.is_file() and not path.name.startswith(".") and path.name != PROVENANCE_FILE
        )
        if not files:
            raise InputError(f"{folder}: no file matches {self.pattern!r}; expected one file of hypotheses per system.")
        for one, other in itertools.pairwise(files):
            if one.stem == other.stem:
                raise InputError(
                    f"{folder}: {one.name} and {other.name} would both be the system {one.stem!r}. Rename one, or "
                    f"choose files by pattern, such as *{one.suffix}."
                )
        provenance = _provenance(folder / PROVENANCE_FILE)
        return [(path.stem, Hypotheses(path=str(path), provenance=provenance.get(path.name, ""))) for path in files]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The candidates kept beside an imported test set: `references/NAME/candidates/SYSTEM.TARGET_LANGUAGE`."""

    testset: str | None
    library: str | None = None

    def members(self, lp: LanguagePair) -> Sequence[tuple[str, System]]:
        own = (
            "Give your own outputs: systems=[folder] systems.folder.path=FOLDER, or systems=[hypotheses] "
            "systems.hypotheses.path=FILE."
        )
        if self.testset is None:
            raise InputError(f"systems=[candidates]: only an imported test set has candidates beside it. {own}")
        folder = library_folder(self.testset, library=self.library) / "candidates"
        try:
            return Folder(path=str(folder), pattern=f"*.{lp.target}").members(lp)
        except InputError as err:
            raise InputError(f"test set {self.testset!r} has no candidates for {lp}: {err} {own}") from err


def _provenance(path: Path) -> Mapping[str, str]:
    if not path.is_file():
        return {}
    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(line, str) for line in content.values()):
        raise InputError(f"{path}: expected an object with a line of text for each file name.")
    return content
