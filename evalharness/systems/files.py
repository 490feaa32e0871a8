"""Files of hypotheses as options: one file, a folder of them, columns of one, the outputs beside a test set."""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evalharness.errors import ConfigError, InputError
from evalharness.packaged import library_folder
from evalharness.records import LanguagePair
from evalharness.systems.base import Member, System
from evalharness.systems.hypotheses import Hypotheses, HypothesisColumn
from evalharness.textio import read_json

_log = logging.getLogger(__name__)

PROVENANCE_FILE = "provenance.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class HypothesesFile:
    """One file as one system; `name` None takes the file's stem.

    The file holds one hypothesis a line; with `column` it is a file of rows (.jsonl, .tsv, .csv, .parquet), and with
    `id_column` these are found by segment id."""

    path: str
    name: str | None = None
    column: str | None = None
    id_column: str | None = None
    provenance: str = ""

    def __post_init__(self) -> None:
        _check_columns(self.column, self.id_column)

    def members(self, lp: LanguagePair) -> Sequence[Member]:
        system = _system(self.path, self.column, self.id_column, self.provenance)
        return [Member(name=self.name or Path(self.path).stem, system=system)]


@dataclass(frozen=True, slots=True, kw_only=True)
class HypothesisColumns:
    """Columns of one file of rows (.jsonl, .tsv, .csv, .parquet), each a system of the column's name."""

    path: str
    columns: tuple[str, ...] = field(default=())
    id_column: str | None = None
    provenance: str = ""

    def members(self, lp: LanguagePair) -> Sequence[Member]:
        if not self.columns:
            raise ConfigError(f"{self.path}: no column of hypotheses is named; set columns=[NAME,...], one a system.")
        return [
            Member(name=column, system=_system(self.path, column, self.id_column, self.provenance))
            for column in self.columns
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """Every file of the folder that `pattern` matches, by name; hidden files are left out. `column` and `id_column` are
    as in `HypothesesFile`.

    `group_by` says which files are runs of one system: in `*-seed*` the first asterisk stands for the system's name, so
    `mine-seed1.en` and `mine-seed2.en` are runs of `mine`. Files that it does not match are systems of their own. A
    file `provenance.json` beside them may give a line of provenance for each file name."""

    path: str
    pattern: str = "*"
    group_by: str | None = None
    column: str | None = None
    id_column: str | None = None

    def __post_init__(self) -> None:
        _check_columns(self.column, self.id_column)
        if self.group_by is not None and (
            "*" not in self.group_by or not self.group_by.replace("*", "").replace("?", "")
        ):
            raise ConfigError(
                f"systems.folder.group_by={self.group_by}: expected a pattern of file names without their ending, in "
                "which the first * stands for the system's name and the rest tells its runs apart, such as *-seed*."
            )

    def members(self, lp: LanguagePair) -> Sequence[Member]:
        folder = Path(self.path)
        if folder.is_file():
            raise InputError(
                f"{folder}: is a file; expected a folder with a file per system. A single file is "
                f"systems=[hypotheses] systems.hypotheses.path={folder}."
            )
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
                system=_system(str(path), self.column, self.id_column, provenance.get(path.name, "")),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalSetOutputs:
    """The outputs in a folder of mt-metrics-eval, `system-outputs/LANGUAGE_PAIR/SYSTEM.txt`.

    Copies of references among them, which are there to be scored as systems, are left out unless `humans` is set."""

    path: str | None = None
    humans: bool = False

    def members(self, lp: LanguagePair) -> Sequence[Member]:
        folder = _layout(self.path, "evalset")
        members = Folder(path=str(folder / "system-outputs" / str(lp)), pattern="*.txt").members(lp)
        references = {path.name.split(".")[-2] for path in (folder / "references").glob(f"{lp}.*.txt")}
        chosen = [member for member in members if self.humans or member.name not in references]
        if len(chosen) < len(members):
            _log.info("%s: %d outputs are references and left out.", folder, len(members) - len(chosen))
        if not chosen:
            raise InputError(f"{folder}: all outputs for {lp} are references; humans=true takes them as systems.")
        return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class WmtOutputs:
    """The outputs in the folder `txt` or `txt-ts` of a WMT general task: `system-outputs/TEST.zh-en.hyp.SYSTEM.en` (of
    2022 and 2023) or `system-outputs/en-zh/SYSTEM.txt` (of 2024)."""

    path: str | None = None
    test: str | None = None

    def members(self, lp: LanguagePair) -> Sequence[Member]:
        folder = _layout(self.path, "wmt") / "system-outputs"
        if (folder / str(lp)).is_dir():
            return Folder(path=str(folder / str(lp)), pattern="*.txt").members(lp)
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder of hypotheses (looked in {Path.cwd()}).")
        pattern = re.compile(rf"(.+)\.{re.escape(str(lp))}\.hyp\.(.+)\.[^.]+")
        matches = [match for path in sorted(folder.iterdir()) if (match := pattern.fullmatch(path.name))]
        tests = list(dict.fromkeys(match.group(1) for match in matches))
        if self.test is None and len(tests) > 1:
            raise InputError(f"{folder}: outputs of several tests for {lp}: {', '.join(tests)}. Choose one with test=.")
        chosen = [match for match in matches if self.test in (None, match.group(1))]
        if not chosen:
            raise InputError(f"{folder}: no outputs for {lp}{f' of {self.test}' if self.test is not None else ''}.")
        return [Member(name=match.group(2), system=Hypotheses(path=str(folder / match.string))) for match in chosen]


def _layout(path: str | None, option: str) -> Path:
    if path is None:
        raise InputError(
            f"systems=[{option}]: the test set is no folder with outputs in it; name one: systems.{option}.path=FOLDER."
        )
    return Path(path)


def _system(path: str, column: str | None, id_column: str | None, provenance: str) -> System:
    if column is None:
        return Hypotheses(path=path, provenance=provenance)
    return HypothesisColumn(path=path, column=column, id_column=id_column, provenance=provenance)


def _check_columns(column: str | None, id_column: str | None) -> None:
    if column is None and id_column is not None:
        raise ConfigError(
            f"id_column={id_column}: says which row is whose in a file of rows, and no column of hypotheses is named; "
            "set column= too."
        )


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
