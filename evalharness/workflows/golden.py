"""Stored scores of a few fixed segments, and every metric of this installation held against them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from evalharness import metrics
from evalharness.errors import ConfigError, InputError, MissingDependencyError, MissingModelError
from evalharness.metrics.base import Metric
from evalharness.metrics.comet.backend import import_torch
from evalharness.metrics.comet.checkpoint import MINI, locate
from evalharness.metrics.comet.kernels import Precision
from evalharness.metrics.comet.metric import Backend, Comet
from evalharness.metrics.lexical import Bleu, Chrf, Chrfpp, Ter
from evalharness.records import LanguagePair, ScoringSegment
from evalharness.textio import read_json

GOLDEN_FILE = Path(metrics.__file__).parent / "golden.json"
_CORPUS = "corpus"
_EXACT = "exact"
_MINI_OPTION = "comet_mini"
_REMAKE = "`python tests/make_golden.py` in a checkout of evalharness makes the stored scores again."


class Verdict(Enum):
    """A metric that could not be tried is `skipped`, never `ok`."""

    ok = "ok"
    off = "OFF"
    skipped = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenScores:
    """On the metric's own scale, in segment order. `made_by` is the tool and its version; `sha256` that of the weights
    it had, None for metrics without. `tolerances` are by precision, `exact` for metrics without."""

    metric: str
    made_by: str
    sha256: str | None
    tolerances: Mapping[str, float]
    corpus_score: float
    segment_scores: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """The segments and what each metric gives for them."""

    language_pair: LanguagePair
    segments: tuple[ScoringSegment, ...]
    scores: tuple[GoldenScores, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """`segment` is an id, or `corpus`. `found` is not a number where the metric gave none."""

    segment: str
    expected: float
    found: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One metric, in one way of computing it (`variant`), against its stored scores.

    `reason` says why it was skipped or could not be compared; the rest is None then."""

    metric: str
    variant: str
    verdict: Verdict
    made_by: str
    reason: str | None = None
    tolerance: float | None = None
    largest_deviation: float | None = None
    deviations: tuple[Deviation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    variant: str
    tolerance: str
    metric: Metric


def read_golden(file: Path = GOLDEN_FILE) -> Golden:
    """Raises: InputError where the file does not say what it should."""
    content = read_json(file)
    try:
        segments = tuple(
            ScoringSegment(
                id=str(one["id"]),
                source=str(one["source"]),
                hypothesis=str(one["hypothesis"]),
                references=tuple(map(str, one["references"])),
            )
            for one in content["segments"]
        )
        scores = tuple(_read_scores(one, len(segments)) for one in content["metrics"])
        return Golden(language_pair=LanguagePair.parse(content["language_pair"]), segments=segments, scores=scores)
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise InputError(f"{file}: is no file of golden scores ({err!r}). Reinstall evalharness. {_REMAKE}") from err


def check_golden(golden: Golden) -> Iterator[Check]:
    """Every metric in every way it can be computed here, recomputed; nothing comes from a cache."""
    for stored in golden.scores:
        if stored.metric == _MINI_OPTION and (problem := _problem_with_mini(stored)) is not None:
            yield problem
            continue
        for candidate in _candidates(stored.metric):
            yield _check(stored, candidate, golden)


def _read_scores(one: Mapping[str, Any], n_segments: int) -> GoldenScores:
    scores = tuple(float(score) for score in one["segment_scores"])
    if len(scores) != n_segments:
        raise ValueError(f"{len(scores)} scores of {one['metric']} for {n_segments} segments")
    return GoldenScores(
        metric=str(one["metric"]),
        made_by=str(one["made_by"]),
        sha256=None if one["sha256"] is None else str(one["sha256"]),
        tolerances={str(name): float(value) for name, value in one["tolerances"].items()},
        corpus_score=float(one["corpus_score"]),
        segment_scores=scores,
    )


def _candidates(name: str) -> list[_Candidate]:
    lexical: dict[str, Metric] = {"bleu": Bleu(), "chrf": Chrf(), "chrfpp": Chrfpp(), "ter": Ter()}
    if name in lexical:
        return [_Candidate(variant="evalharness", tolerance=_EXACT, metric=lexical[name])]
    if name != _MINI_OPTION:
        raise InputError(f"{GOLDEN_FILE}: has scores of {name!r}, which is no metric here. {_REMAKE}")
    ways = [(Backend.native, precision, "cpu") for precision in (Precision.fp32, Precision.bf16, Precision.int8)]
    ways.append((Backend.unbabel, Precision.fp32, "cpu"))
    torch = import_torch()
    on_cuda = (Precision.fp32, Precision.tf32, Precision.bf16, Precision.fp16)
    on_mps = (Precision.fp32, Precision.bf16)
    # Of a device that is not there the first precision stands for all, and is skipped.
    ways += [(Backend.native, one, "cuda") for one in (on_cuda if torch.cuda.is_available() else on_cuda[:1])]
    ways += [(Backend.native, one, "mps") for one in (on_mps if torch.backends.mps.is_available() else on_mps[:1])]
    return [
        _Candidate(
            variant=f"{backend.value} {precision.value} {device}",
            tolerance=precision.value,
            metric=Comet(
                model=MINI, backend=backend, precision=precision, device=device, embedding_cache_mb=0, batch_size=1
            ),
        )
        for backend, precision, device in ways
    ]


def _problem_with_mini(stored: GoldenScores) -> Check | None:
    """None where the bundled checkpoint is here and is the one that made the stored scores."""

    def check(verdict: Verdict, reason: str) -> Check:
        return Check(metric=stored.metric, variant="all", verdict=verdict, made_by=stored.made_by, reason=reason)

    try:
        import_torch()
        checkpoint = locate(MINI, None)
    except (MissingDependencyError, MissingModelError) as err:
        return check(Verdict.skipped, str(err))
    try:
        found = checkpoint.sha256()
    except MissingModelError as err:
        return check(Verdict.off, str(err))
    if found != stored.sha256:
        return check(
            Verdict.off,
            f"{checkpoint.weights}: expected weights with SHA-256 {stored.sha256}, found {found}: the stored scores "
            f"are of others. {_REMAKE}",
        )
    return None


def _check(stored: GoldenScores, candidate: _Candidate, golden: Golden) -> Check:
    def without_scores(verdict: Verdict, reason: str) -> Check:
        return Check(
            metric=stored.metric, variant=candidate.variant, verdict=verdict, made_by=stored.made_by, reason=reason
        )

    metric = candidate.metric.for_language_pair(golden.language_pair)
    try:  # whatever keeps this machine from it: a package, the device, its instructions
        metric.signature(n_references=2)
    except (MissingDependencyError, ConfigError) as err:
        return without_scores(Verdict.skipped, str(err))
    except Exception as err:
        return without_scores(Verdict.off, f"failed with {type(err).__name__}: {err}")
    try:
        rows = metric.statistics(golden.segments)
        found = [float(score) for score in metric.segment_scores(rows)]
        corpus_score = float(metric.corpus_scores(rows.sum(axis=0)))
    except MissingDependencyError as err:
        return without_scores(Verdict.skipped, str(err))
    except Exception as err:  # whatever breaks one metric must not keep the others from being checked
        return without_scores(Verdict.off, f"failed with {type(err).__name__}: {err}")
    names = [*(segment.id for segment in golden.segments), _CORPUS]
    expected = [*stored.segment_scores, stored.corpus_score]
    tolerance = stored.tolerances[candidate.tolerance]
    deviations = [
        Deviation(segment=name, expected=one, found=other)
        for name, one, other in zip(names, expected, [*found, corpus_score], strict=True)
        if not abs(one - other) <= tolerance  # true of what is not a number
    ]
    return Check(
        metric=stored.metric,
        variant=candidate.variant,
        verdict=Verdict.off if deviations else Verdict.ok,
        made_by=stored.made_by,
        tolerance=tolerance,
        largest_deviation=max(abs(one - other) for one, other in zip(expected, [*found, corpus_score], strict=True)),
        deviations=tuple(deviations),
    )
