"""Tab-separated columns with a header line: segments.tsv, and hypotheses.tsv with a column a system."""

from __future__ import annotations

from collections.abc import Sequence

from evalharness.errors import InputError
from evalharness.testsets.exportable import Exportable, as_lines

_OF = "tsv"


def files(exportable: Exportable) -> dict[str, str]:
    """Raises: InputError naming the first segment that a row cannot carry, or a column's name that is taken."""
    ids = [segment.id for segment in exportable.segments]
    references = exportable.references(of=_OF)
    names = exportable.reference_names()
    if len(references) == 1 and exportable.testset.reference_names is None:
        names = ("reference",)
    columns: list[tuple[str, Sequence[str] | None]] = [
        ("id", ids),
        ("source", exportable.sources(of=_OF)),
        *zip(names, references, strict=True),
        ("document", exportable.documents(of=_OF)),
        ("domain", exportable.domains(of=_OF)),
        ("original_language", exportable.original_languages(of=_OF)),
    ]
    made = {"segments.tsv": _table(columns, exportable)}
    if exportable.outputs:
        outputs = exportable.complete_outputs(of=_OF)
        made["hypotheses.tsv"] = _table([("id", ids), *outputs.items()], exportable)
    return made


def _table(columns: Sequence[tuple[str, Sequence[str] | None]], exportable: Exportable) -> str:
    present: dict[str, Sequence[str]] = {}
    for name, texts in columns:
        if texts is None:
            continue
        if name in present:
            raise InputError(f"column {name!r}: two columns of tsv would have this name. Rename one, or export jsonl.")
        if any(char in name for char in "\t\n\r"):
            raise InputError(
                f"column {name!r}: is no name that the header of tsv can carry. Rename it, or export jsonl."
            )
        _check_cells(name, texts, exportable)
        present[name] = texts
    rows = ["\t".join(cells) for cells in zip(*present.values(), strict=True)]
    return "\t".join(present) + "\n" + as_lines(rows, exportable, what="row", of=_OF)


def _check_cells(name: str, texts: Sequence[str], exportable: Exportable) -> None:
    for segment, text in zip(exportable.segments, texts, strict=True):
        found = next((word for char, word in (("\t", "a tab"), ("\n", "a line end")) if char in text), None)
        if found is not None:
            raise InputError(
                f"segment {segment.id!r}: its {name} holds {found}; tsv cannot carry that. Export jsonl instead."
            )
