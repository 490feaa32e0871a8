"""Files of hypotheses as options: one file, a folder of them, the candidates beside a test set. Stems are names."""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalharness.errors import ConfigError, InputError
from evalharness.packaged import library_folder
from evalharness.records import LanguagePair
from evalharness.systems.base import Member
from evalharness.systems.hypotheses import Hypotheses
from evalharness.textio import read_json

_log = logging.getLogger(__name__)

PROVENANCE_FILE = "provenance.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class HypothesesFile:
    """One file as one system; `name` None takes the file's stem."""

    path: str
    name: str | None = None
    provenance: str = ""

    def members(self, lp: LanguagePair) -> Sequence[Member]:
        name = self.name or Path(self.path).stem
        return [Member(name=name, system=Hypotheses(path=self.path, provenance=self.provenance))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """Every file of the folder that `pattern` matches, by name; hidden files are left out.

    `group_by` says which files are runs of one system: in `*-seed*` the first asterisk stands for the system's name, so
    `mine-seed1.en` and `mine-seed2.en` are runs of `mine`. Files that it does not match are systems of their own. A
    file `provenance.json` beside them may give a line of provenance for each file name."""

    path: str
    pattern: str = "*"
    group_by: str | None = None

    def __post_init__(self) -> None:
        if self.group_by is not None and (
            "*" not in self.group_by or not self.group_by.replace("*", "").replace("?", "")
        ):
            raise ConfigError(
                f"systems.folder.group_by={self.group_by}: expected a pattern of file names without their ending, in "
                "which the first * stands for the system's name and the rest tells its runs apart, such as *-seed*."
            )

    def members(self, lp: LanguagePair) -> Sequence[Member]:
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
        members = [
            Member(
                name=path.stem,
                system=Hypotheses(path=str(path), provenance=provenance.get(path.name, "")),
                group=None if self.group_by is None else _group(path.stem, self.group_by),
            )
            for path in files
        ]
        groups = [member.group for member in members if member.group is not None]
        if self.group_by is not None and not groups:
            raise InputError(
                f"{folder}: no file is a run of a system by group_by={self.group_by}; the first is {files[0].name}. "
                "The pattern is of names without their ending, such as *-seed*."
            )
        if len(groups) > 1 and len(groups) == len(set(groups)):
            _log.warning(
                "%s: by group_by=%s no two files are runs of one system: %s have one each.",
                folder,
                self.group_by,
                ", ".join(groups),
            )
        return members


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The candidates kept beside an imported test set: `references/NAME/candidates/SYSTEM.TARGET_LANGUAGE`."""

    testset: str | None
    library: str | None = None

    def members(self, lp: LanguagePair) -> Sequence[Member]:
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


def _group(stem: str, pattern: str) -> str | None:
    """What the first asterisk of the pattern stands for, as much as it can; None where the pattern does not match."""
    wildcards = {"*": ".+", "?": "."}
    before, _, behind = pattern.partition("*")
    parts = ["".join(wildcards.get(char, re.escape(char)) for char in part) for part in (before, behind)]
    match = re.fullmatch(f"{parts[0]}(.+){parts[1]}", stem, flags=re.DOTALL)
    return match.group(1) if match else None


def _provenance(path: Path) -> Mapping[str, str]:
    if not path.is_file():
        return {}
    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(line, str) for line in content.values()):
        raise InputError(f"{path}: expected an object with a line of text for each file name.")
    return content
