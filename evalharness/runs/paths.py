"""The only names under `results/`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evalharness.errors import ConfigError

_NAME = re.compile(r"[^\s./\\:*?\"<>|\x00-\x1f-]([^/\\:*?\"<>|\x00-\x1f]*[^\s./\\:*?\"<>|\x00-\x1f])?")
_LONGEST_NAME_BYTES = 200  # file systems allow 255; the record adds a suffix, a temporary file more
LATEST = "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPaths:
    """Where each part of one run's record is."""

    folder: Path

    @property
    def plan(self) -> Path:
        return self.folder / "plan.json"

    @property
    def done(self) -> Path:
        return self.folder / "done.json"

    @property
    def lock(self) -> Path:
        return self.folder / ".lock"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def segments(self) -> Path:
        return self.folder / "segments.parquet"

    @property
    def segments_csv(self) -> Path:
        return self.folder / "segments.csv"

    @property
    def findings(self) -> Path:
        return self.folder / "findings.csv"

    @property
    def scores(self) -> Path:
        return self.folder / "scores.csv"

    @property
    def comparisons(self) -> Path:
        return self.folder / "comparisons.csv"

    @property
    def ranks(self) -> Path:
        return self.folder / "ranks.csv"

    @property
    def autorank(self) -> Path:
        return self.folder / "autorank.csv"

    @property
    def replicates(self) -> Path:
        return self.folder / "replicates.csv"

    @property
    def slices(self) -> Path:
        return self.folder / "slices.csv"

    @property
    def problems(self) -> Path:
        return self.folder / "problems.csv"

    @property
    def guarded(self) -> Path:
        return self.folder / "guarded.csv"

    @property
    def tables(self) -> Path:
        return self.folder / "tables"

    @property
    def page(self) -> Path:
        return self.folder / "report.html"

    @property
    def figures(self) -> Path:
        return self.folder / "figures"

    @property
    def logs(self) -> list[Path]:
        """The logs there are, by name."""
        return sorted(log for folder in ("hypotheses", "scores") for log in (self.folder / folder).glob("*.jsonl"))

    def hypotheses(self, system: str) -> Path:
        return self.folder / "hypotheses" / f"{system}.jsonl"

    def score_rows(self, metric: str) -> Path:
        return self.folder / "scores" / f"{metric}.jsonl"


def run_paths(results: Path, *, name: str, identity: str) -> RunPaths:
    """The record of the run called `name` whose scores are decided by what `identity` is the fingerprint of."""
    return RunPaths(folder=results / record_name(name, identity))


def record_name(name: str, identity: str) -> str:
    """What the folder of a run is called, such as `zhengzhou-07ce28ca`."""
    return f"{name}-{identity[:8]}"


def check_name(name: str, *, what: str) -> None:
    """Refuse a name that cannot be a file name everywhere.

    Raises: ConfigError naming what the name is for."""
    if not isinstance(name, str):
        raise ConfigError(f"{what} {name!r}: is {type(name).__name__}; expected a string.")
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{what} {name!r}: becomes a file name in the record, so it cannot be empty, hold control characters or "
            'any of / \\ : * ? " < > |, begin with a dot, hyphen or space, or end with a dot or space.'
        )
    try:
        n_bytes = len(name.encode("utf-8"))
    except UnicodeEncodeError as err:
        raise ConfigError(
            f"{what} {name!a}: is not UTF-8, so the record cannot hold it. Rename the file it comes from."
        ) from err
    if n_bytes > _LONGEST_NAME_BYTES:
        raise ConfigError(
            f"{what} {name[:30] + '...'!r}: has {n_bytes} bytes in UTF-8; expected at most {_LONGEST_NAME_BYTES}, "
            "since it becomes a file name in the record. Give it a shorter name."
        )


def point_latest_at(paths: RunPaths) -> None:
    """Make `results/latest` a relative link to this record.

    Raises: OSError where the file system has no links."""
    link = paths.folder.parent / LATEST
    temporary = link.with_name(f".{LATEST}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(paths.folder.name, target_is_directory=True)
    os.replace(temporary, link)


def records_under(results: Path) -> Iterator[RunPaths]:
    """Every record in a results folder, by name; `latest` is not one of its own."""
    for plan in sorted(results.glob("*/plan.json")):
        if not plan.parent.is_symlink():
            yield RunPaths(folder=plan.parent)
