"""A test set of mt-metrics-eval: sources, references, documents, and of a run system-outputs and metric-scores.

Scores are as the record has them, also where lower is better; mt-metrics-eval takes higher for better."""

from __future__ import annotations

import logging
import math

from evalharness.errors import InputError
from evalharness.testsets.evalset import unfit_reference_name
from evalharness.testsets.exportable import Exportable, ExportedScores, as_lines, check_file_name

_log = logging.getLogger(__name__)

_OF = "evalset"
_REFUSED = {"\r": "a carriage return, where mt-metrics-eval ends a line"}


def files(exportable: Exportable) -> dict[str, str]:
    """Raises: InputError naming the first segment, reference or system that the layout cannot carry."""
    lp = exportable.testset.language_pair
    exportable.say_what_is_lost(of=_OF, ids=True, original_languages=True)
    sources = exportable.sources(of=_OF)
    if sources is None:
        raise InputError(f"segment {exportable.segments[0].id!r}: has no source; {_OF} needs one.")
    names = exportable.reference_names()
    for name in names:
        if reason := unfit_reference_name(name):
            raise InputError(f"reference {name!r}: {reason}. Import the test set again under other names.")
    made = {
        f"documents/{lp}.docs": _documents(exportable),
        f"sources/{lp}.txt": as_lines(sources, exportable, what="source", of=_OF, refused=_REFUSED),
    }
    for name, texts in zip(names, exportable.references(of=_OF), strict=True):
        made[f"references/{lp}.{name}.txt"] = as_lines(
            texts, exportable, what=f"reference {name}", of=_OF, refused=_REFUSED
        )
    for system, texts in exportable.complete_outputs(of=_OF).items():
        _check_system(system, names)
        made[f"system-outputs/{lp}/{system}.txt"] = as_lines(
            texts, exportable, what=f"hypothesis of {system}", of=_OF, refused=_REFUSED
        )
    for scores in exportable.scores:
        if not scores.higher_is_better:
            _log.warning("%s: written negated, since mt-metrics-eval takes higher scores for better.", scores.metric)
        stem = f"metric-scores/{lp}/{scores.metric}-{'.'.join(names) if scores.needs_references else 'src'}"
        made[f"{stem}.seg.score"] = "".join(
            f"{system} {_number(score, scores, system, segment.id)}\n"
            for system, of_system in scores.segments.items()
            for segment, score in zip(exportable.segments, of_system, strict=True)
        )
        made[f"{stem}.sys.score"] = "".join(
            f"{system} {_number(score, scores, system, None)}\n" for system, score in scores.corpus.items()
        )
    return made


def _documents(exportable: Exportable) -> str:
    """`DOMAIN DOCUMENT` lines.

    Raises: InputError naming the first segment that has neither, or goes on with an earlier document."""
    lines = []
    finished: set[str] = set()
    previous: str | None = None
    for segment in exportable.segments:
        for what, name in (("domain", segment.domain), ("document", segment.document)):
            if name is None:
                raise InputError(f"segment {segment.id!r}: has no {what}; {_OF} needs one. Export jsonl instead.")
            if name.split() != [name]:
                raise InputError(
                    f"segment {segment.id!r}: its {what} {name!r} is empty or holds spaces; {_OF} cannot carry that."
                )
        if segment.document != previous and segment.document in finished:
            raise InputError(
                f"segment {segment.id!r}: goes on with document {segment.document!r} after another one; in {_OF} the "
                "segments of a document stand together. Put them in order."
            )
        previous = segment.document
        finished.add(str(segment.document))
        lines.append(f"{segment.domain}\t{segment.document}\n")
    return "".join(lines)


def _check_system(system: str, references: tuple[str, ...]) -> None:
    check_file_name(system, what="system")
    if system.split() != [system]:
        raise InputError(f"system {system!r}: holds spaces, which separate names from scores in {_OF}. Rename it.")
    if system in references:
        raise InputError(
            f"system {system!r}: is called like a reference, and mt-metrics-eval takes it for one. Rename it."
        )


def _number(score: float | None, scores: ExportedScores, system: str, segment: str | None) -> str:
    if score is None or not math.isfinite(score):
        what = "has no corpus score" if segment is None else f"has no score for segment {segment!r}"
        raise InputError(
            f"metric {scores.metric!r}: system {system!r} {what}; mt-metrics-eval reads no metric with gaps. Leave the "
            "metric or the system out with --metrics or --systems."
        )
    return repr(float(score) if scores.higher_is_better else -float(score))
