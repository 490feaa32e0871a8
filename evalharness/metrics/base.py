"""The contract of a metric: additive rows, and a score that is a function of their sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import ClassVar, Protocol, runtime_checkable

from evalharness.records import Array, Floats, LanguagePair, ScoredRows, ScoringSegment, Signature


class Needs(Enum):
    """What a metric reads beside the hypothesis."""

    SOURCE = "source"
    REFERENCE = "reference"


class Metric(Protocol):
    """A keyword-only frozen dataclass of settings. Rows are computed in one place, here, and summed anywhere.

    Law: reordering segments reorders rows and nothing else; any batching gives the same rows (to the last bit where
    `exact_in_any_batch`); `corpus_scores(statistics.sum(0))` equals the tool's own corpus score; two builds of one
    option have one signature.
    """

    higher_is_better: ClassVar[bool]
    exact_in_any_batch: ClassVar[bool]
    """False where a row can differ in its last bits with the other rows of the call: then the run hands over the same
    rows together again after an interruption, so that a continued run gives the same bytes."""
    rows_per_call: ClassVar[int]
    """How many rows a run hands over at once; they are logged together."""
    display_factor: ClassVar[float]
    """What reports multiply scores by: 1 for 0-100 scales, 100 for COMET's."""

    @property
    def needs(self) -> frozenset[Needs]:
        """What every segment must have; known from the settings, before any model is loaded."""

    @property
    def heading(self) -> str:
        """The field's spelling for table heads: `BLEU`, `chrF2++`, `COMET-22`."""

    def for_language_pair(self, lp: LanguagePair) -> Metric:
        """The metric with every setting that follows the language pair filled in; itself where none does."""

    def statistics(self, segments: Sequence[ScoringSegment]) -> Array:
        """Rows [N, K] in the order of `segments`; a segment that failed is a row of NaN.

        Raises: MissingError where a package or model is not there."""

    def segment_scores(self, statistics: Array) -> Floats:
        """[N, K] -> [N], on the metric's own scale; NaN rows give NaN."""

    def corpus_scores(self, sums: Array) -> Floats:
        """[..., K] -> [...], from sums of rows over segments."""

    def signature(self, *, n_references: int | None) -> Signature:
        """How the scores are made; `n_references` is None where the number varies over segments.

        Raises: MissingError where a package or model that the signature names is not there."""


@runtime_checkable
class MarksErrors(Protocol):
    """What a metric has beside `statistics` when its model can mark errors in hypotheses."""

    def statistics_and_spans(self, segments: Sequence[ScoringSegment]) -> ScoredRows:
        """The rows of `statistics`, and the errors marked in each hypothesis where the model marks any."""


@runtime_checkable
class Remarked(Protocol):
    """What a metric has beside `heading` when readers of its scores must be told something."""

    @property
    def remark(self) -> str | None:
        """A sentence for the foot of every table; None where there is nothing to say."""


@runtime_checkable
class CountsIncidents(Protocol):
    """What a metric has beside `signature` when how a score was made also depends on the texts it was made from."""

    def incidents(self, sums: Array) -> Signature:
        """What of a score's making its sums of rows [K] tell, such as `cut:3`; empty where there is nothing to tell."""

    def incident_warnings(self, sums: Array) -> tuple[str, ...]:
        """The same in sentences, for who runs the metric; `sums` are then over all systems."""


@runtime_checkable
class FlagsSegments(Protocol):
    """What a metric has beside `segment_scores` when its rows tell something of single segments, such as that the model
    read only a part of one."""

    flag_meanings: ClassVar[Mapping[str, str]]
    """What each flag says, for readers of tables."""

    def segment_flags(self, statistics: Array) -> list[tuple[str, ...]]:
        """[N, K] -> the flags of each row, such as `cut`; none for a row of NaN."""


@runtime_checkable
class HasWorst(Protocol):
    """What a metric has beside `statistics` when it knows how to count a segment as the worst there is, whatever other
    systems are in the run. Segments of other metrics count as the worst segment of the run."""

    def worst_rows(self, rows: Array) -> Array | None:
        """[N, K] -> [N, K]: what the segments of these rows count as, however bad they are; None where the settings
        leave the worst open."""


@runtime_checkable
class AveragesSegments(Protocol):
    """What a metric has beside `corpus_scores` when that is the mean of its segment scores: statistic 0 is a segment's
    score and statistic 1 is 1. Small test sets then get intervals from the exact test, with up to 20 units."""

    averages_segments: ClassVar[bool]


def averages_segments(metric: Metric) -> bool:
    """Whether a metric says that its corpus score is the mean of its segment scores."""
    return isinstance(metric, AveragesSegments) and metric.averages_segments
