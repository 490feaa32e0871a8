"""Numbers about a translation that need no model: overlap with references and other systems, lengths, numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from evalharness.metrics.lexical import Chrf, Chrfpp
from evalharness.records import Floats, ScoringSegment

_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"\w+")


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> Floats:
    """Sentence chrF against one reference each, on a scale from 0 to 1: [N]."""
    metric = Chrf()
    return metric.segment_scores(metric.statistics(_segments(hypotheses, references))) / 100


def chrfpp(hypotheses: Sequence[str], references: Sequence[str]) -> Floats:
    metric = Chrfpp()
    return metric.segment_scores(metric.statistics(_segments(hypotheses, references))) / 100


def log_lengths(texts: Sequence[str]) -> Floats:
    """The natural logarithm of characters (at least one): [N]."""
    return np.log([max(1, len(text)) for text in texts])


def word_f(hypotheses: Sequence[str], references: Sequence[str]) -> Floats:
    """Precision, recall and length ratio in lower-case words: [N, 3]."""
    rows = []
    for hypothesis, reference in zip(hypotheses, references, strict=True):
        hyp, ref = Counter(_WORD.findall(hypothesis.lower())), Counter(_WORD.findall(reference.lower()))
        n_hyp, n_ref, n_both = hyp.total(), ref.total(), (hyp & ref).total()
        rows.append((n_both / max(1, n_hyp), n_both / max(1, n_ref), np.log((n_hyp + 1) / (n_ref + 1))))
    return np.array(rows).reshape(len(hypotheses), 3)


def missed_numbers(hypotheses: Sequence[str], references: Sequence[str]) -> Floats:
    """How many numbers stand in one of the two texts and not in the other: [N]."""
    counts = [(_counted(one), _counted(other)) for one, other in zip(hypotheses, references, strict=True)]
    return np.array([float((hyp - ref).total() + (ref - hyp).total()) for hyp, ref in counts])


def _counted(text: str) -> Counter[str]:
    return Counter(_NUMBER.findall(text))


def _segments(hypotheses: Sequence[str], references: Sequence[str]) -> list[ScoringSegment]:
    return [
        ScoringSegment(id=str(place), source=None, hypothesis=hypothesis, references=(reference,))
        for place, (hypothesis, reference) in enumerate(zip(hypotheses, references, strict=True))
    ]
