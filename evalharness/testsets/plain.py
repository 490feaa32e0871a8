"""Aligned plain files: one for the sources, one for each reference, one segment a line."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from evalharness.errors import ConfigError
from evalharness.records import LanguagePair, TestSet
from evalharness.testsets.aligned import Lines, aligned_segments
from evalharness.textio import STANDARD_INPUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """Segment ids are line numbers, from 1. Either side may be absent; `documents`, `domains` and `original_languages`
    are files with one a line."""

    language_pair: str
    source: str | None = None
    references: tuple[str, ...] = field(default=())
    documents: str | None = None
    domains: str | None = None
    original_languages: str | None = None
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
        lp = LanguagePair.parse(self.language_pair)

        def labels(path: str | None) -> Lines | None:
            return None if path is None else Lines.labels(path)

        segments = aligned_segments(
            source=None if self.source is None else Lines.read(self.source),
            references=[Lines.read(path) for path in self.references],
            documents=labels(self.documents),
            domains=labels(self.domains),
            original_languages=labels(self.original_languages),
        )
        paths = self.files()
        return TestSet(
            name=self.name or paths[0].stem,
            language_pair=lp,
            segments=segments,
            provenance=self.provenance or "plain files " + ", ".join(path.name for path in paths),
        )

    def files(self) -> tuple[Path, ...]:
        given = (self.source, *self.references, self.documents, self.domains, self.original_languages)
        return tuple(Path(path) for path in given if path is not None)
