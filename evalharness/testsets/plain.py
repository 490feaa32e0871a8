"""Aligned plain files: one for the sources, one for each reference, one segment a line."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from evalharness.errors import ConfigError
from evalharness.inspection.lines import read_texts
from evalharness.records import LanguagePair, Segment, TestSet
from evalharness.testsets.base import check_counts
from evalharness.textio import STANDARD_INPUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """Segment ids are line numbers, from 1. Either side may be absent; `documents` names a document a line."""

    language_pair: str
    source: str | None = None
    references: tuple[str, ...] = field(default=())
    documents: str | None = None
    name: str | None = None
    provenance: str = ""

    def __post_init__(self) -> None:
        if self.source is None and not self.references:
            raise ConfigError(
                "testset: neither testset.source nor testset.references names a file; give one or both, for instance "
                "testset.source=src.zh 'testset.references=[ref.en]'."
            )
        files: dict[str, str] = {}  # named path by where it leads
        for path in self.references:
            file = path if path == STANDARD_INPUT else os.path.realpath(path)
            if file in files:
                found = f"{path} is named twice" if files[file] == path else f"{files[file]} and {path} are one file"
                raise ConfigError(f"testset.references: {found}; each reference counts once. Leave one of them out.")
            files[file] = path

    def read(self) -> TestSet:
        files = [path for path in (self.source, *self.references, self.documents) if path is not None]
        columns = {path: read_texts(path) for path in files}
        check_counts([(path, len(columns[path])) for path in files])
        blank: list[None] = [None] * len(columns[files[0]])
        sources = columns[self.source] if self.source is not None else blank
        documents = columns[self.documents] if self.documents is not None else blank
        references = (
            zip(*(columns[path] for path in self.references), strict=True) if self.references else [()] * len(blank)
        )
        segments = tuple(
            Segment(id=str(number), source=source, references=tuple(texts), document=document)
            for number, (source, texts, document) in enumerate(zip(sources, references, documents, strict=True), 1)
        )
        return TestSet(
            name=self.name or Path(files[0]).stem,
            language_pair=LanguagePair.parse(self.language_pair),
            segments=segments,
            provenance=self.provenance or "plain files " + ", ".join(Path(path).name for path in files),
        )
