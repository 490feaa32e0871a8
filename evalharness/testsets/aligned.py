"""What formats of aligned files share: the n-th lines of several files become the n-th segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evalharness.errors import InputError, nearest
from evalharness.inspection.alignment import AlignedTexts, Side
from evalharness.inspection.lines import read_texts
from evalharness.records import Segment
from evalharness.testsets.base import check_counts, inspect_columns
from evalharness.textio import read_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What one file says of each segment."""

    path: str
    texts: tuple[str, ...]

    @classmethod
    def read(cls, path: str | Path) -> Lines:
        """Of a file of texts, which are looked at.

        Raises: InputError as `inspection.lines.read_texts`."""
        return cls(path=str(path), texts=read_texts(path))

    @classmethod
    def labels(cls, path: str | Path) -> Lines:
        """Of a file of names, such as documents'."""
        return cls(path=str(path), texts=read_lines(path))


def aligned_segments(
    *,
    source: Lines | None,
    references: Sequence[Lines],
    documents: Lines | None = None,
    domains: Lines | None = None,
    original_languages: Lines | None = None,
) -> tuple[Segment, ...]:
    """Segments whose ids are line numbers, from 1.

    Raises: AlignmentError where the files have different numbers of lines; InputError where lines belong to others."""
    given = [lines for lines in (source, *references, documents, domains, original_languages) if lines is not None]
    texts = [lines for lines in (source, *references) if lines is not None]
    sides = [AlignedTexts(name=lines.path, side=Side(lines.texts)) for lines in texts]
    check_counts([(lines.path, len(lines.texts)) for lines in given], sides)
    inspect_columns(sides)
    return tuple(
        Segment(
            id=str(index + 1),
            source=_at(source, index),
            references=tuple(lines.texts[index] for lines in references),
            document=_at(documents, index),
            domain=_at(domains, index),
            original_language=_at(original_languages, index),
        )
        for index in range(len(given[0].texts))
    )


def read_documents(path: Path, *, contiguous: bool) -> tuple[Lines, Lines]:
    """Domains and documents, from a file with `DOMAIN DOCUMENT` for each segment, joined by a tab or spaces.

    Raises: InputError naming the line that is none, or where `contiguous` the one that goes on with an earlier
    document."""
    domains: list[str] = []
    documents: list[str] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(read_lines(path), start=1):
        parts = line.split("\t") if "\t" in line else line.split()
        if len(parts) != 2:
            raise InputError(f"{path}:{number}: expected a domain and a document's name, found {line[:60]!r}.")
        domain, document = parts
        if contiguous and document in seen and documents[-1] != document:
            raise InputError(
                f"{path}:{number}: goes on with document {document!r}, which begins at line {seen[document]}, after "
                f"another one; the segments of a document must stand together."
            )
        seen.setdefault(document, number)
        domains.append(domain)
        documents.append(document)
    return Lines(path=str(path), texts=tuple(domains)), Lines(path=str(path), texts=tuple(documents))


def chosen_references(wanted: Sequence[str], present: Sequence[str], *, where: str) -> tuple[str, ...]:
    """The references asked for, in that order; all by name where none was.

    Raises: InputError naming those there are."""
    for name in wanted:
        if name not in present:
            raise InputError(
                f"{where}: no reference {name!r}{nearest(name, present)} References are: "
                f"{', '.join(sorted(present)) or 'none'}."
            )
    if twice := next((name for name in wanted if list(wanted).count(name) > 1), None):
        raise InputError(f"testset.references: {twice!r} is named twice; each reference counts once.")
    return tuple(wanted) or tuple(sorted(present))


def check_folder(folder: Path, *, holds: str, expected: str) -> None:
    """Refuse what is not the folder of a layout.

    Raises: InputError saying what it should be."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder (looked in {Path.cwd()}); expected {expected}.")
    if not (folder / holds).is_dir():
        below = next((path.parent for path in sorted(folder.glob(f"*/{holds}"))), None)
        hint = f" Did you mean {below}?" if below is not None else ""
        raise InputError(f"{folder}: holds no folder {holds!r}; expected {expected}.{hint}")


def _at(lines: Lines | None, index: int) -> str | None:
    return None if lines is None else lines.texts[index]
