"""JSON lines, which carry all but the names of references: segments.jsonl, and hypotheses.jsonl with all systems.

Reading them again: testset=jsonl testset.id_column=id 'testset.reference_columns=[references]'
testset.document_column=document testset.domain_column=domain testset.original_language_column=original_language;
'systems=[columns]' systems.columns.path=hypotheses.jsonl systems.columns.id_column=id
'systems.columns.columns=[SYSTEM]'."""

from __future__ import annotations

from evalharness.errors import InputError
from evalharness.testsets.exportable import Exportable, json_lines

_OF = "jsonl"


def files(exportable: Exportable) -> dict[str, str]:
    """Raises: InputError for a system whose name is taken."""
    exportable.say_what_is_lost(of=_OF, ids=False, original_languages=False, reference_names=True)
    made = {
        "segments.jsonl": json_lines(
            {
                "id": segment.id,
                "source": segment.source,
                "references": list(segment.references),
                "document": segment.document,
                "domain": segment.domain,
                "original_language": segment.original_language,
            }
            for segment in exportable.segments
        )
    }
    if "id" in exportable.outputs:
        raise InputError("system 'id': is called like the field of segment ids in jsonl. Rename it.")
    if exportable.outputs:
        made["hypotheses.jsonl"] = json_lines(
            {"id": segment.id, **{system: texts[position] for system, texts in exportable.outputs.items()}}
            for position, segment in enumerate(exportable.segments)
        )
    return made
