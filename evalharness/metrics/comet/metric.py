"""COMET: a trained metric that reads source, hypothesis and, for most checkpoints, a reference."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import ClassVar

import numpy as np

from evalharness.errors import ConfigError, InputError, MissingModelError
from evalharness.metrics.base import Needs
from evalharness.metrics.comet import native, unbabel, windows
from evalharness.metrics.comet.backend import Scorer, Triple, device_class
from evalharness.metrics.comet.checkpoint import LOCAL, MINI, Checkpoint, is_mini, locate
from evalharness.metrics.comet.conversion import read_conversion
from evalharness.metrics.comet.engine import check_precision
from evalharness.metrics.comet.kernels import Precision
from evalharness.metrics.comet.model import examine
from evalharness.metrics.comet.sentences import NO_LANGUAGE, splitter
from evalharness.metrics.comet.settings import ModelSettings
from evalharness.metrics.comet.windows import Reader, scored, tokens
from evalharness.records import (
    Array,
    ErrorSpan,
    Floats,
    LanguagePair,
    ScoredRows,
    ScoringSegment,
    Signature,
    base_language,
)

_HEADINGS = {
    MINI: "COMET-mini",
    "Unbabel/wmt20-comet-da": "COMET-20",
    "Unbabel/wmt20-comet-qe-da": "COMET-QE-20",
    "Unbabel/wmt21-comet-qe-da": "COMET-QE-21",
    "Unbabel/wmt22-comet-da": "COMET-22",
    "Unbabel/wmt22-cometkiwi-da": "CometKiwi-22",
    "Unbabel/wmt23-cometkiwi-da-xl": "CometKiwi-23-XL",
    "Unbabel/wmt23-cometkiwi-da-xxl": "CometKiwi-23-XXL",
    "Unbabel/XCOMET-XL": "XCOMET-XL",
    "Unbabel/XCOMET-XXL": "XCOMET-XXL",
}
# Below what checkpoints give to any text: COMET-mini gives -0.14 to a copy of a long source, the others no less than 0.
# Those of 2020 and 2021 give z-scores, which have no end; of a checkpoint that is not published nothing is known.
_WORST: Mapping[str, float] = {
    MINI: -0.2,
    "Unbabel/wmt22-comet-da": 0.0,
    "Unbabel/wmt22-cometkiwi-da": 0.0,
    "Unbabel/wmt23-cometkiwi-da-xl": 0.0,
    "Unbabel/wmt23-cometkiwi-da-xxl": 0.0,
    "Unbabel/XCOMET-XL": 0.0,
    "Unbabel/XCOMET-XXL": 0.0,
}
_MINI_REMARK = (
    "a small model of Chinese to English that compares words and lengths and understands no Chinese; not comparable "
    "with COMET-22 or any other COMET, and no measure of quality to publish."
)
_MINI_LANGUAGES = "zh-en"
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


class Backend(Enum):
    """What computes the scores: this package itself, or the package unbabel-comet, which it is held against."""

    native = "native"
    unbabel = "unbabel"


class ReferenceHandling(Enum):
    """What becomes of several references: each is scored, and the scores are averaged or the best is taken."""

    mean = "mean"
    max = "max"


class LongSegments(Enum):
    """What becomes of a segment that is longer than the model reads: it is scored in windows, cut where source,
    hypothesis and reference have said the same, or the model reads its beginning only."""

    windows = "windows"
    truncate = "truncate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comet:
    """COMET with one checkpoint. Scores are on the checkpoint's own scale, 0 to 1 for those since 2022.

    `reference_free` must be set for a checkpoint that reads no reference, and may be for one that can do without.
    `language_pair` says how the sentences of long segments end; None for that of the test set, where there is one."""

    higher_is_better: ClassVar[bool] = True
    exact_in_any_batch: ClassVar[bool] = False
    rows_per_call: ClassVar[int] = 128
    display_factor: ClassVar[float] = 100.0
    averages_segments: ClassVar[bool] = True
    flag_meanings: ClassVar[Mapping[str, str]] = {
        "windowed": "longer than the model reads, scored in parts that fit",
        "cut": "longer than the model reads, scored by their beginnings",
    }

    model: str = "Unbabel/wmt22-comet-da"
    revision: str | None = None
    reference_free: bool = False
    references: ReferenceHandling = ReferenceHandling.mean
    long_segments: LongSegments = LongSegments.windows
    language_pair: str | None = None
    backend: Backend = Backend.native
    precision: Precision = Precision.fp32
    device: str = "auto"
    batch_tokens: int | None = None
    batch_size: int = 16
    embedding_cache_mb: int = 1024

    def __post_init__(self) -> None:
        if not self.model:
            raise ConfigError("COMET has no model; name a checkpoint: owner/name on the hub, a folder or a file.")
        if not _DEVICE.fullmatch(self.device):
            raise ConfigError(f"COMET with device={self.device!r}: expected auto, cpu, cuda, cuda:N or mps.")
        for name, least in (("batch_size", 1), ("embedding_cache_mb", 0), ("batch_tokens", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"COMET with {name}={value}: expected at least {least}.")
        self._languages()

    @property
    def needs(self) -> frozenset[Needs]:
        return frozenset({Needs.SOURCE} if self.reference_free else {Needs.SOURCE, Needs.REFERENCE})

    @property
    def heading(self) -> str:
        return _HEADINGS.get(self._published_name()) or f"COMET ({self._short_name()})"

    @property
    def remark(self) -> str | None:
        if self._published_name() != MINI:
            return None
        if self._sentence_languages() in (_MINI_LANGUAGES, NO_LANGUAGE):
            return _MINI_REMARK
        return f"{_MINI_REMARK} It was made for {_MINI_LANGUAGES}; its scores of {self.language_pair} say nothing."

    def for_language_pair(self, lp: LanguagePair) -> Comet:
        return self if self.language_pair else replace(self, language_pair=str(lp))

    def statistics(self, segments: Sequence[ScoringSegment]) -> Array:
        """Rows [N, 6] of (score, 1, 1 if the model did not read all of it, 1 if it was read in windows, tokens read,
        tokens not read), in segment order. Tokens are those of source, hypothesis and references, as far as the model
        reads them, without special ones.

        Raises: MissingError where the package or the model is not there; InputError for a segment without a source or
        reference."""
        return self.statistics_and_spans(segments).rows

    def statistics_and_spans(self, segments: Sequence[ScoringSegment]) -> ScoredRows:
        """The rows of `statistics`; from models that mark errors also these.

        Equal triples of texts get one computation and equal scores. Of several references, the errors are those marked
        with the one that gives the highest score."""
        triples = [self._triples(segment) for segment in segments]
        distinct = list(dict.fromkeys(triple for of_segment in triples for triple in of_segment))
        scorer = self._scorer()
        reader = Reader(scorer, self._languages(), has_windows=self.long_segments is LongSegments.windows)
        read = dict(zip(distinct, scored(scorer, reader.readings(distinct)), strict=True))
        rows = np.ones((len(segments), 6))
        spans: list[tuple[ErrorSpan, ...]] = []
        combine = np.mean if self.references is ReferenceHandling.mean else np.max
        for index, of_segment in enumerate(triples):
            found = [read[triple] for triple in of_segment]
            scores = [one.score for one in found]
            readings = [one.reading for one in found]
            rows[index, 0] = combine(scores)
            rows[index, 2] = any(one.is_cut for one in readings)
            rows[index, 3] = any(len(one.windows) > 1 for one in readings)
            rows[index, 4:] = tokens(readings)
            if (of_best := found[int(np.argmax(scores))].error_spans) is not None:
                spans.append(of_best)
        return ScoredRows(rows=rows, error_spans=tuple(spans) if spans else None)

    def segment_scores(self, statistics: Array) -> Floats:
        return np.asarray(statistics[:, 0], dtype=np.float64)

    def corpus_scores(self, sums: Array) -> Floats:
        """The mean over segments; NaN where there is none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(sums[..., 0] / sums[..., 1], dtype=np.float64)

    def worst_rows(self, rows: Array) -> Array | None:
        """A score of 0 of checkpoints whose scores lie in 0 to 1, of -0.2 of COMET-mini; None of others."""
        lowest = _WORST.get(self._published_name())
        if lowest is None:
            return None
        worst = rows.copy()
        worst[:, 0] = lowest
        return worst

    def incidents(self, sums: Array) -> Signature:
        """`windowed:N` where N segments were longer than the model reads and were scored in windows; `cut:N` where it
        did not read all of N segments."""
        counts = _counts(sums)
        return Signature(fields=tuple((name, str(n)) for name, n in counts.items() if n and name in self.flag_meanings))

    def incident_warnings(self, sums: Array) -> tuple[str, ...]:
        counts = _counts(sums)
        which = f"of {int(sums[1])} segment scores are of texts longer than the model reads"
        said = []
        if counts["windowed"]:
            said.append(
                f"{counts['windowed']} {which}: source, hypothesis and reference were cut into windows that fit, and "
                "the score is the mean over these; scores.csv says of which systems (windowed:N in the signature)."
            )
        if counts["cut"]:
            said.append(
                f"{counts['cut']} {which}, and what is beyond, {counts['lost']:,} tokens, counts for nothing; "
                "scores.csv says of which systems (cut:N in the signature)."
            )
        return tuple(said)

    def segment_flags(self, statistics: Array) -> list[tuple[str, ...]]:
        """`windowed` and `cut`, as in `incidents`."""
        counts = [_counts(row) if not np.isnan(row).any() else {} for row in statistics]
        return [tuple(name for name in self.flag_meanings if of_row.get(name)) for of_row in counts]

    def signature(self, *, n_references: int | None) -> Signature:
        """Says which files made the score: the SHA-256 of the weights and, for those that are not the hub's, the
        settings beside them; never where they lie.

        Raises: MissingError where the package or the model is not there; ConfigError where `reference_free` contradicts
        the checkpoint."""
        version = native.VERSION if self.backend is Backend.native else unbabel.installed_version()
        checkpoint = self._checkpoint()
        model = examine(checkpoint, checkpoint.sha256())
        self._check_reference_free(model.settings)
        kind = device_class(self.device)
        if self.backend is Backend.native:
            check_precision(self.precision, kind)
        else:
            unbabel.check_precision(self.precision)
        fields = [] if self.reference_free else [("nrefs", "var" if n_references is None else str(n_references))]
        if not self.reference_free and n_references != 1:
            fields.append(("refs", self.references.value))
        fields += [
            ("model", LOCAL if checkpoint.revision == LOCAL else checkpoint.name),
            ("revision", checkpoint.revision),
            ("sha256", checkpoint.sha256()[:16]),
            ("content", model.content),  # of settings, encoder's configuration and tokenizer, which files do not tell
            ("class", model.settings.family.value),
            ("precision", self.precision.value),
            ("device", kind),
            ("backend", f"{self.backend.value}-{version}"),
            ("long", self.long_segments.value),
        ]
        if self.long_segments is LongSegments.windows:
            fields[-1] = ("long", f"{self.long_segments.value}-{windows.VERSION}")
            fields.append(("sentences", f"{splitter()}-{self._sentence_languages()}"))
        return Signature(fields=tuple(fields))

    def _checkpoint(self) -> Checkpoint:
        return locate(self.model, self.revision)

    def _scorer(self) -> Scorer:
        checkpoint = self._checkpoint()
        device = self.device if ":" in self.device else device_class(self.device)
        sha256 = checkpoint.sha256()
        content = sha256 + examine(checkpoint, sha256).content
        if self.backend is Backend.unbabel:
            return unbabel.loaded(checkpoint, content, self.precision, device, self.batch_size)
        return native.loaded(checkpoint, content, self.precision, device, self.batch_tokens, self._cache_limit())

    def _languages(self) -> LanguagePair | None:
        """Raises: ConfigError for what is no language pair."""
        return None if self.language_pair is None else LanguagePair.parse(self.language_pair)

    def _sentence_languages(self) -> str:
        """The languages that decide where sentences end."""
        lp = self._languages()
        return NO_LANGUAGE if lp is None else f"{base_language(lp.source)}-{base_language(lp.target)}"

    def _cache_limit(self) -> int:
        """In bytes."""
        return self.embedding_cache_mb << 20

    def _check_reference_free(self, settings: ModelSettings) -> None:
        if self.reference_free and settings.needs_references:
            raise ConfigError(
                f"COMET with reference_free=true: the checkpoint {self.model} gives no score without references; set "
                "it to false, or choose a reference-free checkpoint."
            )
        if not self.reference_free and not settings.reads_references:
            raise ConfigError(
                f"COMET with reference_free=false: the checkpoint {self.model} reads no references; set it to true."
            )

    def _published_name(self) -> str:
        """The name under which the checkpoint is known, also of a converted one; the model as it was given, if none."""
        folder = Path(self.model).expanduser()
        try:
            conversion = read_conversion(folder) if folder.is_dir() else None
        except MissingModelError:
            return self.model
        if conversion is not None:
            return conversion.name
        return MINI if is_mini(self.model) else self.model

    def _short_name(self) -> str:
        path = Path(self.model)
        return path.parent.parent.name if path.suffix == ".ckpt" and path.parent.name == "checkpoints" else path.stem

    def _triples(self, segment: ScoringSegment) -> list[Triple]:
        """What the model reads of a segment: once without, or once with each reference."""
        if segment.source is None:
            raise InputError(f"COMET needs the source of every segment; segment {segment.id!r} has none.")
        if self.reference_free:
            return [Triple(source=segment.source, hypothesis=segment.hypothesis, reference=None)]
        if not segment.references:
            raise InputError(f"COMET needs a reference for every segment; segment {segment.id!r} has none.")
        return [
            Triple(source=segment.source, hypothesis=segment.hypothesis, reference=reference)
            for reference in segment.references
        ]


def _counts(sums: Array) -> dict[str, int]:
    """What sums of rows [K] count; those of records made before there were windows are of three numbers."""
    n_cut, n_windowed, _, n_lost = (int(n) for n in (*sums[2:6], *[0] * (6 - len(sums))))
    return {"windowed": n_windowed, "cut": n_cut, "lost": n_lost}
