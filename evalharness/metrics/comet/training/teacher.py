"""The teacher: expert MQM guessed from what a student cannot see, both references and the other systems.

Fitted on the talks that may be trained on, it labels the news, which nobody judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evalharness.metrics.comet.training import features
from evalharness.metrics.comet.training.corpus import Parallel
from evalharness.metrics.comet.training.packages import imported
from evalharness.records import Floats

WORST = -25.0
"""MQM of what is no translation at all."""
_RIDGE_STRENGTH = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher:
    """The mean of a ridge regression, boosted trees and extremely randomised trees over the columns of `clues`."""

    center: Floats
    scale: Floats
    slopes: Floats
    mean: float
    trees: tuple[Any, ...]

    def labels(self, segments: Sequence[Parallel]) -> list[Floats]:
        """MQM of every system of every segment, from -25 to 0: a list of [S systems]."""
        columns = clues(segments)
        guesses = [self.mean + (columns - self.center) / self.scale @ self.slopes]
        guesses += [trees.predict(columns) for trees in self.trees]
        labels = np.clip(np.mean(guesses, axis=0), WORST, 0.0)
        return np.split(labels, np.cumsum([len(segment.hypotheses) for segment in segments])[:-1])


def fit_teacher(segments: Sequence[Parallel], *, seed: int) -> Teacher:
    """A teacher of judged segments.

    Raises: MissingDependencyError where scikit-learn is not installed."""
    ensemble = imported("sklearn.ensemble")
    columns = clues(segments)
    mqm = np.maximum(WORST, np.concatenate([segment.mqm for segment in segments if segment.mqm is not None]))
    center, scale = columns.mean(axis=0), columns.std(axis=0) + 1e-9
    standard = (columns - center) / scale
    strength = _RIDGE_STRENGTH * np.eye(standard.shape[1])
    slopes = np.linalg.solve(standard.T @ standard + strength, standard.T @ (mqm - mqm.mean()))
    trees = (
        ensemble.HistGradientBoostingRegressor(
            max_iter=100, max_leaf_nodes=4, learning_rate=0.05, min_samples_leaf=60, l2_regularization=10.0,
            random_state=seed,
        ),
        ensemble.ExtraTreesRegressor(300, min_samples_leaf=20, max_features=0.4, random_state=seed, n_jobs=1),
    )  # fmt: skip
    for model in trees:
        model.fit(columns, mqm)
    return Teacher(center=center, scale=scale, slopes=slopes, mean=float(mqm.mean()), trees=trees)


def clues(segments: Sequence[Parallel]) -> Floats:
    """What the teacher sees of every system of every segment, in order: [N triples, 19].

    Overlap with the references, taken together; overlap with the other systems and how far they agree; lengths."""
    hypotheses = [text for segment in segments for text in segment.hypotheses]
    n_systems = [len(segment.hypotheses) for segment in segments]
    first, second = (_overlap(segments, hypotheses, place) for place in (0, 1))
    own, closest, difference, difficulty = _consensus(segments)
    sources = features.log_lengths([segment.source for segment in segments for _ in segment.hypotheses])
    lengths = features.log_lengths(hypotheses)
    between = features.chrf([s.references[0] for s in segments], [s.references[1] for s in segments])
    return np.column_stack(
        (
            (first + second) / 2,
            np.minimum(first, second)[:, :3],
            np.abs(first - second)[:, :1],
            own, closest, difficulty, difference,
            np.repeat(between, n_systems),
            sources, lengths, lengths - sources,
            [text.count(" ") + 1 for text in hypotheses],
        )
    )  # fmt: skip


def _overlap(segments: Sequence[Parallel], hypotheses: Sequence[str], place: int) -> Floats:
    references = [segment.references[place] for segment in segments for _ in segment.hypotheses]
    return np.column_stack(
        (
            features.chrf(hypotheses, references),
            features.chrfpp(hypotheses, references),
            features.word_f(hypotheses, references),
            features.missed_numbers(hypotheses, references),
        )
    )


def _consensus(segments: Sequence[Parallel]) -> tuple[Floats, Floats, Floats, Floats]:
    """chrF against the other systems of the segment: its mean, its best, its mean beside the segment's, and that."""
    pairs = [(one, other) for s in segments for one in s.hypotheses for other in s.hypotheses]
    scores = features.chrf([one for one, _ in pairs], [other for _, other in pairs])
    own, closest, difference, difficulty = [], [], [], []
    start = 0
    for segment in segments:
        size = len(segment.hypotheses)
        table = scores[start : start + size**2].reshape(size, size)
        start += size**2
        others = table[~np.eye(size, dtype=bool)].reshape(size, size - 1)
        means = others.mean(axis=1)
        own.append(means)
        closest.append(others.max(axis=1))
        difference.append(means - means.mean())
        difficulty.append(np.full(size, means.mean()))
    return np.concatenate(own), np.concatenate(closest), np.concatenate(difference), np.concatenate(difficulty)
