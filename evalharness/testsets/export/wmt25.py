"""The files of WMT25: wmt25-genmt.jsonl, and systems/SYSTEM.jsonl. What WMT25 lacks is in keys of its own."""

from __future__ import annotations

from evalharness.errors import InputError
from evalharness.records import Segment
from evalharness.testsets.exportable import Exportable, check_file_name, json_lines

_OF = "wmt25"


def files(exportable: Exportable) -> dict[str, str]:
    """Raises: InputError naming the first segment without a source."""
    lp = exportable.testset.language_pair
    names = exportable.reference_names()
    made = {
        "wmt25-genmt.jsonl": json_lines(
            {
                "doc_id": segment.id,
                "domain": segment.domain,
                "src_lang": lp.source,
                "tgt_lang": lp.target,
                "src_text": _source(segment),
                "refs": {
                    name: {"ref": text}
                    for name, text in zip(names[: len(segment.references)], segment.references, strict=True)
                },
                "video": None,
                "screenshot": None,
                **({"document": segment.document} if segment.document is not None else {}),
                **({"original_language": segment.original_language} if segment.original_language is not None else {}),
            }
            for segment in exportable.segments
        )
    }
    for system, texts in exportable.outputs.items():
        check_file_name(system, what="system")
        made[f"systems/{system}.jsonl"] = json_lines(
            {"doc_id": segment.id, "hypothesis": text} for segment, text in zip(exportable.segments, texts, strict=True)
        )
    return made


def _source(segment: Segment) -> str:
    if segment.source is None:
        raise InputError(f"segment {segment.id!r}: has no source; {_OF} needs one. Export jsonl instead.")
    return segment.source
