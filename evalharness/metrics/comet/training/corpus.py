"""The parallel text that comet-mini learns from: WMT22 without judgements, and TED talks with expert MQM."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evalharness.errors import AlignmentError, InputError
from evalharness.textio import read_lines

NEWS_FOLDER = "wmt22.zh-en"
TALKS_FILE = "ted2021.zh-en.mqm/segments.tsv"
_NEWS_SOURCE = "src.zh"
_NEWS_REFERENCES = ("ref.A.en", "ref.B.en")
_TALK_COLUMNS = ("system", "doc", "segment", "src", "mt", "ref.A", "ref.B", "mqm")
_TALK_REFERENCES = ("ref-A", "ref-B")  # rows of segments.tsv that hold a judged reference instead of a system
_ESCAPED = re.compile(r"\\(.)")
_MEANT_BY = {"n": "\n", "t": "\t", "r": "\r"}
_SPAN_TAG = re.compile(r"</?v>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel:
    """A source with its references and the systems' translations of it.

    `talk` is None for news. `mqm` are the experts' mean penalties of `hypotheses`, 0 best and negative worse, and
    `reference_mqm` those of `references`; None where nobody judged."""

    id: str
    talk: str | None
    source: str
    references: tuple[str, ...]
    systems: tuple[str, ...]
    hypotheses: tuple[str, ...]
    mqm: tuple[float, ...] | None = None
    reference_mqm: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """News and talks, in file order, and the SHA-256 of every file they were read from, by its name in the folder."""

    news: tuple[Parallel, ...]
    talks: tuple[Parallel, ...]
    sha256_of_file: tuple[tuple[str, str], ...]

    def of_talks(self, names: Sequence[str]) -> tuple[Parallel, ...]:
        return tuple(segment for segment in self.talks if segment.talk in names)

    def without_talks(self, names: Sequence[str]) -> tuple[Parallel, ...]:
        return tuple(segment for segment in self.talks if segment.talk not in names)

    def talk_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(segment.talk for segment in self.talks if segment.talk is not None))


def read_corpus(folder: Path) -> Corpus:
    """The corpus in a folder that holds `wmt22.zh-en` and `ted2021.zh-en.mqm`.

    Raises: InputError where a file is missing or damaged; AlignmentError where files of one set differ in length."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected one that holds {NEWS_FOLDER}/ and {TALKS_FILE}.")
    files = _news_files(folder)
    news = _read_news(files)
    talks_path = folder / TALKS_FILE
    talks = _read_talks(talks_path)
    digests = [
        (path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted([*files, talks_path])
    ]
    return Corpus(news=news, talks=talks, sha256_of_file=tuple(digests))


def _news_files(folder: Path) -> list[Path]:
    """The source, the references and the hypotheses, in this order."""
    news = folder / NEWS_FOLDER
    hypotheses = sorted((news / "hyp").glob("*.en"))
    if len(hypotheses) < 2:
        raise InputError(
            f"{news / 'hyp'}: holds {len(hypotheses)} files *.en; expected the translations of two systems or more."
        )
    return [news / _NEWS_SOURCE, *(news / name for name in _NEWS_REFERENCES), *hypotheses]


def _read_news(files: Sequence[Path]) -> tuple[Parallel, ...]:
    lines_of_file = [read_lines(path) for path in files]
    for path, lines in zip(files, lines_of_file, strict=True):
        if len(lines) != len(lines_of_file[0]):
            raise AlignmentError(
                f"{path}: {len(lines)} lines, where {files[0]} has {len(lines_of_file[0])}. Get the files again."
            )
    systems = tuple(path.stem for path in files[3:])
    return tuple(
        Parallel(
            id=f"news:{number}", talk=None, source=texts[0], references=texts[1:3], systems=systems,
            hypotheses=texts[3:],
        )
        for number, texts in enumerate(zip(*lines_of_file, strict=True), start=1)
    )  # fmt: skip


def _read_talks(path: Path) -> tuple[Parallel, ...]:
    header, *lines = read_lines(path)
    if tuple(header.split("\t")) != _TALK_COLUMNS:
        raise InputError(f"{path}:1: expected the columns {' '.join(_TALK_COLUMNS)}, found {header!r}.")
    rows_of_segment: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}
    for number, line in enumerate(lines, start=2):
        fields = line.split("\t")
        if len(fields) != len(_TALK_COLUMNS):
            raise InputError(f"{path}:{number}: {len(fields)} fields, expected {len(_TALK_COLUMNS)}.")
        _check_penalty(fields[-1], where=f"{path}:{number}")
        system, talk, segment = fields[:3]
        texts = (_SPAN_TAG.sub("", _unescaped(text)) for text in fields[3:7])
        rows_of_segment.setdefault((talk, segment), {})[system] = (*texts, fields[-1])
    return tuple(_talk_segment(path, *key, rows) for key, rows in rows_of_segment.items())


def _talk_segment(path: Path, talk: str, segment: str, rows: dict[str, tuple[str, ...]]) -> Parallel:
    systems = tuple(name for name in rows if name not in _TALK_REFERENCES)
    if missing := [name for name in _TALK_REFERENCES if name not in rows]:
        raise InputError(f"{path}: segment {segment} of {talk} has no row of {missing[0]}. Get the file again.")
    if len(systems) < 2:
        raise InputError(f"{path}: segment {segment} of {talk} has {len(systems)} systems; expected two or more.")
    source, _, *references = rows[systems[0]][:4]
    return Parallel(
        id=f"{talk}:{segment}",
        talk=talk,
        source=source,
        references=tuple(references),
        systems=systems,
        hypotheses=tuple(rows[name][1] for name in systems),
        mqm=tuple(float(rows[name][4]) for name in systems),
        reference_mqm=tuple(float(rows[name][4]) for name in _TALK_REFERENCES),
    )


def _check_penalty(text: str, *, where: str) -> None:
    try:
        penalty = float(text)
    except ValueError:
        penalty = math.nan
    if not (math.isfinite(penalty) and penalty <= 0):
        raise InputError(f"{where}: mqm is {text!r}; expected a number of 0 or below, 0 for a perfect translation.")


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: _MEANT_BY.get(match.group(1), match.group(1)), text)
