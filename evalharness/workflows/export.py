"""A test set, or a run with its outputs and scores, written in another format."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evalharness.errors import ConfigError, InputError, RecordError, nearest
from evalharness.fingerprint import fingerprint_testset
from evalharness.records import ErrorSpan, LanguagePair, Segment, TestSet
from evalharness.runs.view import RunView
from evalharness.testsets.base import check_testset
from evalharness.testsets.export import files_of
from evalharness.testsets.exportable import Exportable, ExportedScores
from evalharness.textio import replacing

_log = logging.getLogger(__name__)

_OF_SEGMENT = ("segment", "source", "references", "document", "domain")
_COMET_FIELDS = frozenset(("model", "sha256", "class"))


def write_export(exportable: Exportable, *, format_name: str, folder: Path) -> list[Path]:
    """Write the files of a format into a new or empty folder; their paths.

    Raises: InputError, before anything is written, where the folder holds something or the format cannot carry the
    content."""
    check_testset(exportable.testset)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: is not an empty folder; nothing is written over. Choose another --output.")
    contents = files_of(format_name, exportable)
    written = []
    for place, content in contents.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(content)
        written.append(path)
    return written


def exportable_run(folder: Path, *, systems: Sequence[str] = (), metrics: Sequence[str] = ()) -> Exportable:
    """The test set, outputs and scores of a record; of `systems` and `metrics` where these are named.

    Raises: RecordError where the record is damaged or was interrupted, ConfigError for names that it does not have."""
    run = RunView(folder)
    planned = run.plan
    columns = _columns(run, [line.metric for line in run.score_lines])
    scored = [metric.name for metric in planned.metrics if metric.name in columns]
    chosen_systems = _chosen(systems, [system.name for system in planned.systems], what="system")
    chosen_metrics = _chosen(metrics, scored, what="metric with scores")
    rows = _rows_by_system(columns["system"], [system.name for system in planned.systems], folder=folder)
    testset = _testset(run, columns, rows)
    corpus = {(line.system, line.metric): line.score for line in run.score_lines}
    scores = []
    for metric in chosen_metrics:
        signature = run.metric(metric).signature or ""
        fields = {part.partition(":")[0] for part in signature.split("|")}
        spans = columns.get(f"{metric}_errors")
        scores.append(
            ExportedScores(
                metric=metric,
                needs_references="nrefs" in fields,
                is_comet=fields >= _COMET_FIELDS,
                higher_is_better=run.metric(metric).higher_is_better,
                corpus={system: corpus.get((system, metric)) for system in chosen_systems},
                segments={system: _slice(columns[metric], rows[system]) for system in chosen_systems},
                error_spans=None
                if spans is None
                else {system: [_spans(one) for one in _slice(spans, rows[system])] for system in chosen_systems},
            )
        )
    return Exportable(
        testset=testset,
        outputs={system: _slice(columns["hypothesis"], rows[system]) for system in chosen_systems},
        scores=tuple(scores),
    )


def _columns(run: RunView, metrics: Sequence[str]) -> Mapping[str, list[Any]]:
    """The columns of `segments.parquet` that are there."""
    present = run.segment_column_names()
    wanted = [*_OF_SEGMENT, "system", "hypothesis", "original_language"]
    wanted += [name for metric in dict.fromkeys(metrics) for name in (metric, f"{metric}_errors")]
    return run.segment_columns([name for name in wanted if name in present])


def _rows_by_system(systems: Sequence[str], planned: Sequence[str], *, folder: Path) -> dict[str, tuple[int, int]]:
    """Where the rows of each system begin and end.

    Raises: RecordError where they are not of the planned systems, each as many as the others."""
    n_segments = len(systems) // max(len(planned), 1)
    rows = {name: (index * n_segments, (index + 1) * n_segments) for index, name in enumerate(planned)}
    if not n_segments or list(systems) != [name for name in planned for _ in range(n_segments)]:
        raise RecordError(
            f"{folder}: segments.parquet does not hold the systems of plan.json. Remove the file and give the command "
            "of the run again: it is written anew from the logs."
        )
    return rows


def _testset(run: RunView, columns: Mapping[str, list[Any]], rows: Mapping[str, tuple[int, int]]) -> TestSet:
    planned = run.plan.testset
    start, end = next(iter(rows.values()))
    original_languages = columns.get("original_language", [None] * end)
    testset = TestSet(
        name=planned.name,
        language_pair=LanguagePair.parse(planned.language_pair),
        segments=tuple(
            Segment(
                id=columns["segment"][row],
                source=columns["source"][row],
                references=tuple(columns["references"][row]),
                document=columns["document"][row],
                domain=columns["domain"][row],
                original_language=original_languages[row],
            )
            for row in range(start, end)
        ),
        provenance=planned.provenance,
    )
    if fingerprint_testset(testset) != planned.fingerprint:
        _log.warning(
            "%s: segments.parquet holds less of the test set than was scored; export the test set itself for the rest.",
            run.folder,
        )
    return testset


def _chosen(wanted: Sequence[str], present: Sequence[str], *, what: str) -> list[str]:
    for name in wanted:
        if name not in present:
            raise ConfigError(
                f"{name!r}: the run has no {what} of this name{nearest(name, present)} It has: {', '.join(present)}."
            )
    return [name for name in present if not wanted or name in wanted]


def _slice(column: list[Any], rows: tuple[int, int]) -> list[Any]:
    return column[rows[0] : rows[1]]


def _spans(marked: list[dict[str, Any]] | None) -> list[ErrorSpan] | None:
    return None if marked is None else [ErrorSpan(**one) for one in marked]
