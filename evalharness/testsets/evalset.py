"""Folders of mt-metrics-eval: sources, references and documents of one language pair of a test set."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from evalharness.errors import InputError, nearest
from evalharness.records import LanguagePair, TestSet
from evalharness.testsets.aligned import Lines, aligned_segments, check_folder, chosen_references, read_documents

_EXPECTED = "a test set of mt-metrics-eval, such as mt-metrics-eval-v2/wmt22"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalSet:
    """`path` is the folder of a test set, with `sources`, `references` and `documents` in it.

    `references` names those to use (refA, refB); none named: all there are, by name. Segment ids are line numbers."""

    path: str
    language_pair: str
    references: tuple[str, ...] = field(default=())
    name: str | None = None
    provenance: str = ""

    def read(self) -> TestSet:
        lp = LanguagePair.parse(self.language_pair)
        source, documents, references = self._located(lp)
        in_domains, in_documents = read_documents(documents, contiguous=True)
        return TestSet(
            name=self.name or Path(self.path).resolve().name,
            language_pair=lp,
            segments=aligned_segments(
                source=Lines.read(source),
                references=[Lines.read(path) for path in references.values()],
                documents=in_documents,
                domains=in_domains,
            ),
            provenance=self.provenance
            or f"mt-metrics-eval {Path(self.path).resolve().name}, {lp}, {', '.join(references) or 'no reference'}",
            reference_names=tuple(references) or None,
        )

    def files(self) -> tuple[Path, ...]:
        source, documents, references = self._located(LanguagePair.parse(self.language_pair))
        return (source, *references.values(), documents)

    def _located(self, lp: LanguagePair) -> tuple[Path, Path, dict[str, Path]]:
        """The files of sources and documents, and those of references by name."""
        folder = Path(self.path)
        check_folder(folder, holds="sources", expected=_EXPECTED)
        source = folder / "sources" / f"{lp}.txt"
        if not source.is_file():
            known = sorted(path.stem for path in source.parent.glob("*.txt"))
            raise InputError(
                f"{source}: no such file{nearest(str(lp), known)} Language pairs here: {', '.join(known) or 'none'}."
            )
        present = {
            path.name.removeprefix(f"{lp}.").removesuffix(".txt"): path
            for path in (folder / "references").glob(f"{lp}.*.txt")
        }
        names = chosen_references(self.references, list(present), where=str(folder / "references"))
        for name in names:
            if reason := unfit_reference_name(name):
                raise InputError(f"{present[name]}: {reason}. Rename the file.")
        return source, folder / "documents" / f"{lp}.docs", {name: present[name] for name in names}


def unfit_reference_name(name: str) -> str | None:
    """Why mt-metrics-eval takes no reference of this name; None where it does."""
    if name in ("all", "src"):
        return f"the name {name!r} stands for something else in names of metrics"
    if not name or name.split() != [name] or any(char in name for char in ".-/"):
        return f"the name {name!r} of a reference may hold no full stop, hyphen, slash or space"
    return None
