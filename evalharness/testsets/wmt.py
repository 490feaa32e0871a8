"""The text files of the WMT general tasks 2022 to 2024, as their repositories `wmt2X-news-systems` hold them in `txt`.

2022  sources/generaltest2022.zh-en.src.zh   references/generaltest2022.zh-en.ref.A.en
2023  sources/generaltest2023.zh-en.src.zh   references/generaltest2023.zh-en.ref.refA.en
      metainfo/generaltest2023.zh-en.meta.jsonl
2024  sources/en-zh.txt   references/en-zh.refA.txt   documents/en-zh.docs   metadata/en-zh.jsonl
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from pathlib import Path

from evalharness.errors import InputError, nearest
from evalharness.records import LanguagePair, TestSet
from evalharness.rows import jsonl_rows, label_at
from evalharness.testsets.aligned import Lines, aligned_segments, check_folder, chosen_references, read_documents

_log = logging.getLogger(__name__)

_EXPECTED = "the folder txt or txt-ts of wmt22-news-systems, wmt23-news-systems or wmt24-news-systems"
_CANARY = "canary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wmt:
    """`path` is the folder with `sources` and `references` in it. `test` is needed where there are several for the
    language pair (generaltest2022, biomedicaltest2022).

    `references` names those to use (A, refA); none named: all there are, by name. Segment ids are line numbers."""

    path: str
    language_pair: str
    test: str | None = None
    references: tuple[str, ...] = field(default=())
    name: str | None = None
    provenance: str = ""

    def read(self) -> TestSet:
        lp = LanguagePair.parse(self.language_pair)
        stem, source = self._source(lp)
        references = self._references(lp, stem)
        domains, documents = self._documents(lp, stem)
        segments = aligned_segments(
            source=Lines.read(source),
            references=[Lines.read(path) for path in references.values()],
            documents=documents,
            domains=domains,
        )
        n_canaries = sum(segment.domain == _CANARY for segment in segments)
        if n_canaries:
            _log.warning(
                "%s: %d of %d segments are a canary, which marks the data for those who train on it; it is scored like "
                "any other segment.",
                source,
                n_canaries,
                len(segments),
            )
        return TestSet(
            name=self.name or stem,
            language_pair=lp,
            segments=segments,
            provenance=self.provenance or f"WMT text files {source.name}, {_named(references)}",
            reference_names=tuple(references) or None,
        )

    def files(self) -> tuple[Path, ...]:
        lp = LanguagePair.parse(self.language_pair)
        stem, source = self._source(lp)
        described = self._described_in(lp, stem)
        return (source, *self._references(lp, stem).values(), *([described] if described is not None else []))

    def _source(self, lp: LanguagePair) -> tuple[str, Path]:
        """What the names of the files begin with, and the file of sources."""
        folder = Path(self.path)
        check_folder(folder, holds="sources", expected=_EXPECTED)
        pattern = re.compile(rf"(?:(.+)\.)?{re.escape(str(lp))}(?:\.src\..+|\.txt)")
        found = {
            match.group(1): path
            for path in sorted((folder / "sources").iterdir())
            if path.is_file() and (match := pattern.fullmatch(path.name))
        }
        if not found:
            pairs = {re.search(r"[a-z]+-[A-Za-z_]+", path.name) for path in (folder / "sources").iterdir()}
            known = sorted({match.group() for match in pairs if match})
            others = [pair for pair in known if pair != str(lp)]
            raise InputError(
                f"{folder / 'sources'}: no file {lp}.txt or TEST.{lp}.src.{lp.source}"
                f"{nearest(str(lp), others)} Language pairs in names here are: {', '.join(known) or 'none'}."
            )
        tests = [test for test in found if test is not None]
        if self.test is not None and self.test not in tests:
            raise InputError(
                f"{folder / 'sources'}: no test {self.test!r} for {lp}{nearest(self.test, tests)} Tests are: "
                f"{', '.join(tests) or 'none; leave testset.test out'}."
            )
        if self.test is None and len(found) > 1:
            raise InputError(
                f"{folder / 'sources'}: several tests for {lp}: {', '.join(str(test) for test in found)}. Choose one, "
                f"such as testset.test={tests[-1]}."
            )
        test = self.test if self.test is not None else next(iter(found))
        return (str(lp) if test is None else f"{test}.{lp}"), found[test]

    def _references(self, lp: LanguagePair, stem: str) -> dict[str, Path]:
        """Files of references by name."""
        folder = Path(self.path) / "references"
        pattern = re.compile(
            rf"{re.escape(stem)}\.(.+)\.txt" if stem == str(lp) else rf"{re.escape(stem)}\.ref\.(.+)\.[^.]+"
        )
        present = {
            match.group(1): path
            for path in (sorted(folder.iterdir()) if folder.is_dir() else [])
            if path.is_file() and (match := pattern.fullmatch(path.name))
        }
        names = chosen_references(self.references, list(present), where=f"{folder} ({stem})")
        return {name: present[name] for name in names}

    def _documents(self, lp: LanguagePair, stem: str) -> tuple[Lines | None, Lines | None]:
        """The domain and document of each segment, where the year says them; 2022 does not."""
        path = self._described_in(lp, stem)
        if path is None:
            return None, None
        if path.suffix == ".docs":
            return read_documents(path, contiguous=False)
        columns: dict[str, list[str]] = {"domain": [], "docid": []}
        for where, values in jsonl_rows(str(path), list(columns)):
            for name, texts in columns.items():
                label = label_at(values, name, where=where)
                if label is None:
                    raise InputError(f"{where}: {name!r} is null; expected a name.")
                texts.append(label)
        domains, documents = (Lines(path=str(path), texts=tuple(texts)) for texts in columns.values())
        return domains, documents

    def _described_in(self, lp: LanguagePair, stem: str) -> Path | None:
        folder = Path(self.path)
        places = (f"documents/{stem}.docs", f"metadata/{stem}.jsonl", f"metainfo/{stem}.meta.jsonl")
        return next((folder / place for place in places if (folder / place).is_file()), None)


def _named(references: dict[str, Path]) -> str:
    return f"references {', '.join(references)}" if references else "no reference"
