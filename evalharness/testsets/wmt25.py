"""`wmt25-genmt.jsonl` of the WMT25 general task: one document a line, paragraphs joined by an empty line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalharness.errors import InputError, nearest
from evalharness.records import LanguagePair, Segment, TestSet
from evalharness.rows import as_text, jsonl_rows, label_at, value_at
from evalharness.testsets.aligned import chosen_references
from evalharness.testsets.base import check_ids, inspect_segments


@dataclass(frozen=True, slots=True, kw_only=True)
class Wmt25:
    """The documents of one language pair, in WMT25's codes (en-zh_CN). A segment is a whole document and holds line
    ends; its id is the `doc_id`.

    `references` names those to use (refA); none named: all there are, in the order the file has them. A document that
    lacks one has fewer. `document` and `original_language`, which WMT25 does not have, are read where they are."""

    path: str
    language_pair: str
    references: tuple[str, ...] = field(default=())
    name: str | None = None
    provenance: str = ""

    def read(self) -> TestSet:
        lp = LanguagePair.parse(self.language_pair)
        rows = self._rows(lp)
        present = list(dict.fromkeys(name for where, values in rows for name in _references(values, where)))
        names = chosen_references(self.references, present, where=self.path) if self.references else tuple(present)
        segments = tuple(_segment(values, names, where=where) for where, values in rows)
        check_ids(segments, where=self.path)
        inspect_segments(segments, [where for where, _ in rows])
        complete = all(len(segment.references) == len(names) for segment in segments)
        return TestSet(
            name=self.name or Path(self.path).stem,
            language_pair=lp,
            segments=segments,
            provenance=self.provenance or f"WMT25 JSONL {Path(self.path).name}, {lp}",
            reference_names=names if names and complete else None,
        )

    def files(self) -> tuple[Path, ...]:
        return (Path(self.path),)

    def _rows(self, lp: LanguagePair) -> list[tuple[str, Mapping[str, Any]]]:
        chosen = []
        pairs = set()
        for where, values in jsonl_rows(self.path, []):
            sides = (_label(values, "src_lang", where), _label(values, "tgt_lang", where))
            pairs.add("-".join(sides))
            if sides == (lp.source, lp.target):
                chosen.append((where, values))
        if not chosen:
            raise InputError(
                f"{self.path}: no document for {lp}{nearest(str(lp), pairs)} Language pairs here are: "
                f"{', '.join(sorted(pairs))}."
            )
        return chosen


def _segment(values: Mapping[str, Any], names: tuple[str, ...], *, where: str) -> Segment:
    references = _references(values, where)
    source = as_text(value_at(values, "src_text", where=where), "src_text", where=where)
    if source is None:
        raise InputError(f"{where}: 'src_text' is null; every document needs a text.")
    return Segment(
        id=_label(values, "doc_id", where),
        source=source,
        references=tuple(references[name] for name in names if name in references),
        document=_optional(values, "document", where),
        domain=_optional(values, "domain", where),
        original_language=_optional(values, "original_language", where),
    )


def _references(values: Mapping[str, Any], where: str) -> dict[str, str]:
    """The texts of a document's references by name; one that is null is not there."""
    given = values.get("refs")
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(one, Mapping) for one in given.values()):
        raise InputError(f'{where}: \'refs\' is not of the form {{"refA": {{"ref": TEXT}}}}.')
    texts = {
        name: as_text(value_at(one, "ref", where=f"{where}: refs.{name}"), f"refs.{name}.ref", where=where)
        for name, one in given.items()
    }
    return {name: text for name, text in texts.items() if text is not None}


def _label(values: Mapping[str, Any], name: str, where: str) -> str:
    label = label_at(values, name, where=where)
    if label is None:
        raise InputError(f"{where}: {name!r} is null; every document needs one.")
    return label


def _optional(values: Mapping[str, Any], name: str, where: str) -> str | None:
    return label_at(values, name, where=where) if name in values else None
