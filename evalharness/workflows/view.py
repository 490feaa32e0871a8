"""What `evalharness view` answers: pages and content of the records of one folder. Reads, and never writes."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from evalharness.errors import ConfigError, EvalHarnessError, InputError, MissingError, RecordError
from evalharness.report.page.content import RunContent, check_whole, little_endian, strict_json
from evalharness.report.page.listing import (
    ListedRun,
    comparison_page,
    error_page,
    list_page,
    listed,
    run_address,
)
from evalharness.report.page.page import served_page
from evalharness.runs.paths import RunPaths
from evalharness.workflows.compare import MetricBuilder, StatsBuilder, compare_runs
from evalharness.workflows.report import Run, open_run

_HTML = "text/html; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"
_BYTES = "application/octet-stream"
_POSITIONS = re.compile(r"[0-9]{1,9}(,[0-9]{1,9})*")
_MOST_POSITIONS = 1000
_LONGEST_SEARCH = 1000
_N_READERS = 4
_OPEN_RUNS = 4
_KEPT_COMPARISONS = 8
_KEPT_BYTES = 256 << 20
"""Of texts for each open run: all hypotheses of 38 systems by 20,000 segments are 124 MB."""
_COMPARED_TABLES = ("systems", "comparisons")

Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent back. `location` is where to look instead, for status 308."""

    status: int
    kind: str
    content: bytes
    location: str | None = None


class Viewer:
    """The records of a folder, or one record, as a web site. Safe for threads.

    Every record is found by its name among those there are, so no name becomes part of a path; what a record holds is
    read anew when its files change."""

    def __init__(self, folder: Path, build_stats: StatsBuilder, build_metric: MetricBuilder) -> None:
        """Raises: InputError where there is no such folder."""
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder of records, and no record. `evalharness run` makes one.")
        self._folder = folder.resolve()
        try:
            self._folder.name.encode()
        except UnicodeEncodeError as err:
            raise InputError(f"{folder}: has a name that is not UTF-8, which no address leads to. Rename it.") from err
        self._is_record = _is_record(self._folder)
        self._build_stats = build_stats
        self._build_metric = build_metric
        # Threads that last as long as the server. In one for each connection, the allocator of pyarrow 25 (mimalloc)
        # crashed the process at the first read after the thread of an earlier one had ended.
        self._readers = ThreadPoolExecutor(max_workers=_N_READERS, thread_name_prefix="reader")
        self._lock = threading.Lock()
        # Hydra composes for one thread at a time, and what takes long must not keep others waiting.
        self._comparer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="comparer")
        self._opened: OrderedDict[str, tuple[Stamp, _OpenRun]] = OrderedDict()
        self._listed: dict[str, tuple[Stamp, ListedRun]] = {}
        self._compared: OrderedDict[tuple[tuple[str, Stamp], ...], str] = OrderedDict()

    @property
    def start(self) -> str:
        """The address to begin at: the record's page, or the list of records."""
        return run_address(self._folder.name) if self._is_record else "/"

    def answer(self, target: str) -> Answer:
        """The answer to the target of a request, such as `/runs/zhengzhou-07ce28ca/content/texts?segments=0,5`.

        Errors become answers that say what is wrong."""
        path, _, query = target.partition("?")
        try:
            parts = [_decoded(part) for part in path.split("/")[1:]]
            asked = [(_decoded(name), _decoded(value)) for name, value in _pairs(query)]
        except ValueError as err:
            return Answer(status=400, kind=_TEXT, content=f"The address cannot be read: {err}.\n".encode())
        is_content = len(parts) > 2 and parts[2] == "content"
        try:
            workers = self._comparer if parts == ["compare"] else self._readers
            return workers.submit(self._answer, parts, asked).result()
        except EvalHarnessError as err:
            status = next(status for kind, status in _STATUSES.items() if isinstance(err, kind))
            message = str(err)
        except OSError as err:
            status, message = 409, f"{err.filename}: cannot be read: {err.strerror}. Load the page again."
        if is_content:
            return Answer(status=status, kind=_TEXT, content=f"{message}\n".encode(errors="backslashreplace"))
        page = error_page("Not shown", message).encode(errors="backslashreplace")
        return Answer(status=status, kind=_HTML, content=page)

    def _answer(self, parts: Sequence[str], asked: Sequence[tuple[str, str]]) -> Answer:
        first = dict(reversed(asked))
        if parts == [""]:
            return _html(self._list(first.get("order", "newest")))
        if parts == ["compare"]:
            return _html(self._compare([value for name, value in asked if name == "run"]))
        if len(parts) > 1 and parts[0] == "runs" and (paths := self._records().get(parts[1])) is not None:
            if len(parts) == 2:
                return Answer(status=308, kind=_TEXT, content=b"", location=run_address(parts[1]))
            opened = self._open(parts[1], paths)
            if parts[2:] == [""]:
                return _html(opened.page())
            if parts[2] == "content" and (content := _content(opened, parts[3:], first)) is not None:
                return content
        return Answer(
            status=404, kind=_HTML, content=error_page("Not found", "There is nothing at this address.").encode()
        )

    def _records(self) -> dict[str, RunPaths]:
        """The records there are now, by name. Links are not followed."""
        if self._is_record:
            return {self._folder.name: RunPaths(folder=self._folder)}
        with os.scandir(self._folder) as entries:
            folders = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
        return {folder.name: RunPaths(folder=folder) for folder in sorted(folders) if _is_record(folder)}

    def _open(self, name: str, paths: RunPaths) -> _OpenRun:
        stamp = self._stamp(paths)
        with self._lock:
            kept = self._opened.get(name)
            if kept is None or kept[0] != stamp:
                kept = self._opened[name] = (stamp, _OpenRun(open_run(paths.folder)))
            self._opened.move_to_end(name)
            while len(self._opened) > _OPEN_RUNS:
                self._opened.popitem(last=False)
        return kept[1]

    def _stamp(self, paths: RunPaths) -> Stamp:
        """What changes when any file of a record does.

        Raises: RecordError where a file of it is a link to one outside of the folder that is shown."""
        found = []
        for parent, folders, files in os.walk(paths.folder):
            for name in sorted([*folders, *files]):
                path = Path(parent) / name
                try:
                    is_outside = path.is_symlink() and not path.resolve(strict=True).is_relative_to(self._folder)
                except RuntimeError as err:  # what Python 3.11 raises for a link to itself
                    raise RecordError(f"{path}: is a link that leads nowhere. Remove it.") from err
                if is_outside:
                    raise RecordError(
                        f"{path}: is a link to a file outside of {self._folder}, and nothing outside is shown. Put the "
                        "file itself there."
                    )
                state = path.stat()
                found.append((str(path), state.st_mtime_ns, state.st_size))
        return tuple(sorted(found))

    def _list(self, order: str) -> str:
        runs = [self._listed_run(name, paths) for name, paths in self._records().items()]
        if order in ("newest", "oldest"):
            runs.sort(key=lambda run: run.created or "", reverse=order == "newest")
        return list_page(self._folder.name, runs, order=order)

    def _listed_run(self, name: str, paths: RunPaths) -> ListedRun:
        try:
            stamp = self._stamp(paths)
            kept = self._listed.get(name)
            if kept is None or kept[0] != stamp:
                run = open_run(paths.folder)
                kept = self._listed[name] = (stamp, listed(name, run, decimals=run.report_settings().decimals))
            return kept[1]
        except (EvalHarnessError, OSError) as err:
            return ListedRun(name=name, state="damaged", wrong=str(err))

    def _compare(self, names: Sequence[str]) -> str:
        records = self._records()
        names = list(dict.fromkeys(names))
        if not names:
            raise ConfigError("No run was chosen. Tick the runs to compare in the list of runs.")
        for name in names:
            if name not in records:
                raise ConfigError(f"{name!r}: there is no such record here. Choose among those in the list of runs.")
        key = tuple((name, self._stamp(records[name])) for name in names)
        for name in names:
            check_whole(open_run(records[name].folder))
        if key not in self._compared:
            with _warnings() as said:
                folders = [records[name].folder for name in names]
                comparison = compare_runs(folders, self._build_stats, self._build_metric)
            tables = [comparison.table(table) for table in _COMPARED_TABLES]
            self._compared[key] = comparison_page(names, tables, said)
        self._compared.move_to_end(key)
        while len(self._compared) > _KEPT_COMPARISONS:
            self._compared.popitem(last=False)
        return self._compared[key]


class _OpenRun:
    """A record whose page is shown, and what was made of it."""

    def __init__(self, run: Run) -> None:
        check_whole(run)
        self.content = RunContent(run, run.report_settings(), kept_bytes=_KEPT_BYTES)
        self._run = run
        self._made: dict[str, bytes] = {}

    def page(self) -> str:
        """Raises: RecordError where the record is damaged: no page is better than half of one."""
        self.lines()
        return self._once("page", lambda: served_page(self._run, self._run.report_settings()).encode()).decode()

    def lines(self) -> bytes:
        return self._once("lines", lambda: strict_json(self.content.lines()))

    def _once(self, name: str, make: Callable[[], bytes]) -> bytes:
        if (made := self._made.get(name)) is None:
            made = self._made[name] = make()
        return made


_STATUSES: dict[type[EvalHarnessError], int] = {
    ConfigError: 400,
    RecordError: 409,
    MissingError: 500,
    EvalHarnessError: 409,
}


def _content(opened: _OpenRun, parts: Sequence[str], asked: dict[str, str]) -> Answer | None:
    """What stands at `content/...` of a run; None where there is nothing.

    Raises: ConfigError for a position there is not, or none."""
    content = opened.content
    if parts == ["run"]:
        return Answer(status=200, kind=_JSON, content=opened.lines())
    if len(parts) == 2 and parts[0] == "columns" and parts[1] in content.column_names:
        return Answer(status=200, kind=_BYTES, content=little_endian(content.column(parts[1])))
    if parts == ["texts"]:
        return Answer(status=200, kind=_JSON, content=strict_json(content.texts(_positions(asked.get("segments", "")))))
    if parts == ["search"]:
        wanted = asked.get("text", "")
        if not 0 < len(wanted) <= _LONGEST_SEARCH:
            raise ConfigError(f"text=: expected 1 to {_LONGEST_SEARCH} characters to look for, found {len(wanted)}.")
        return Answer(status=200, kind=_JSON, content=strict_json(content.search(wanted)))
    return None


def _positions(text: str) -> list[int]:
    if not _POSITIONS.fullmatch(text):
        raise ConfigError("segments=: expected positions of segments joined by commas, such as segments=0,5,9.")
    positions = [int(number) for number in text.split(",")]
    if len(positions) > _MOST_POSITIONS:
        raise ConfigError(f"segments=: {len(positions)} positions; expected at most {_MOST_POSITIONS}. Ask in parts.")
    return positions


def _html(page: str) -> Answer:
    """Names of files that are not UTF-8 stand in it with their bytes."""
    return Answer(status=200, kind=_HTML, content=page.encode(errors="backslashreplace"))


def _pairs(query: str) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (pair.partition("=") for pair in query.replace("+", " ").split("&"))]


def _decoded(part: str) -> str:
    """Raises: ValueError for what is not UTF-8 or holds a control character."""
    text = unquote_to_bytes(part).decode("utf-8")
    if any(ord(character) < 0x20 for character in text):
        raise ValueError("it holds a control character")
    return text


def _is_record(folder: Path) -> bool:
    paths = RunPaths(folder=folder)
    return paths.plan.is_file() or bool(paths.logs)


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """What is warned of within the block; it is shown where the result is."""
    said: list[str] = []

    class Collected(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger, handler = logging.getLogger("evalharness"), Collected(level=logging.WARNING)
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)
