"""Plain files, one segment a line: src.zh, ref.A.en, hyp/SYSTEM.en, and a file each of documents and the like."""

from __future__ import annotations

import re

from evalharness.testsets.exportable import Exportable, as_lines, check_file_name

_OF = "plain"


def files(exportable: Exportable) -> dict[str, str]:
    """Raises: InputError naming the first segment that lines cannot carry."""
    lp = exportable.testset.language_pair
    exportable.say_what_is_lost(of=_OF, ids=True, original_languages=False)
    columns = {
        f"src.{lp.source}": ("source", exportable.sources(of=_OF)),
        **{
            f"ref.{name}.{lp.target}": ("reference", texts)
            for name, texts in zip(_short_names(exportable), exportable.references(of=_OF), strict=True)
        },
        "documents.txt": ("document", exportable.documents(of=_OF)),
        "domains.txt": ("domain", exportable.domains(of=_OF)),
        "original-languages.txt": ("original language", exportable.original_languages(of=_OF)),
    }
    for system, texts in exportable.complete_outputs(of=_OF).items():
        check_file_name(system, what="system")
        columns[f"hyp/{system}.{lp.target}"] = (f"hypothesis of {system}", texts)
    return {
        path: as_lines(texts, exportable, what=what, of=_OF)
        for path, (what, texts) in columns.items()
        if texts is not None
    }


def _short_names(exportable: Exportable) -> tuple[str, ...]:
    """A for refA, as the files of WMT22 are called; whole names where two would be the same."""
    names = exportable.reference_names()
    for name in names:
        check_file_name(name, what="reference")
    short = tuple(name[3:] if re.fullmatch("ref[A-Z0-9]", name) else name for name in names)
    return short if len(set(short)) == len(short) else names
