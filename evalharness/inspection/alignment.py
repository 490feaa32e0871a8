"""Whether lines of two files belong together: where they begin to fit a line before or after better than their own.

Two lines fit by their lengths, whose ratio is about the same all over a text (Gale and Church 1993), and by the words,
names and numbers that both have. A line too few or too many makes all lines after it fit a neighbour, which adds up.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evalharness.inspection.findings import Finding, Findings, Kind, Place
from evalharness.records import Array, Floats

_FARTHEST = 64
"""Lines that a shift is looked for; what is farther away is seen as no alignment at all."""
_NEAR = 8
"""Lines that are looked at first: whatever is shifted farther fits by chance only, which is seen as well."""
_WORST_FIT = 4.0
"""What a length can speak against two lines at most, in nats: outliers are no proof."""
_OF_WORDS = 4.0
"""What all words in common speak for two lines."""
_DOUBT = 0.5
"""What a shift must explain better a line, in nats, so that chance does not add up."""
_LEAST_EVIDENCE = 9.2
"""ln(10,000): beside the number of places where a shift could begin, how sure one must be."""
_FEWEST_SHIFTED = 4
_BETTER_THAN_CHANCE = 1.5
"""What most lines of a shift must fit better than any two, in nats: else they are just in no order."""
_BY_LENGTH = 0.2
"""How much of the evidence must come of lengths: words and numbers alone also count on in a list."""
_MORE_THAN_CHANCE = 1.2
_CHANCES = 200
_MOST_OF_THEM = 0.7
"""How many lines of a shift must gain by it."""
_FEWEST_AT_HOME = 2
_FEWEST_LINES = 4
_FEWEST_LOST = 20
_MOST_OF_IT = 0.8
"""Of lines that fit by chance, how many a shift must explain; else lines are in some other order."""
_ENOUGH_FOR_LENGTHS = 200
_SUSPICIOUS = 0.7
"""Of evidence enough, what by lengths alone asks for words: 24 aligned pairs of WMT22 have 0.6 at most."""
_MOST_LINES_BY_WORDS = 100_000  # with more, lengths alone say it surely
_WORDS = re.compile(r"\d+(?:[.,]\d+)*|[㐀-鿿ぁ-ヿ]|[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """From `first` (an index) to `last` the others fit texts that stand `distance` before them; negative: behind.

    Not `is_sure` where few lines say so, and none that it began somewhere."""

    first: int
    last: int
    distance: int
    is_sure: bool


class Side:
    """The texts of one file, as far as alignment looks at them; made once for all that it is held against."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self.log_lengths: Floats = np.log1p(np.fromiter(map(len, texts), dtype=np.float64, count=len(texts)))

    @property
    def n(self) -> int:
        return len(self._texts)

    @cached_property
    def words(self) -> list[set[str]]:
        return [set(_WORDS.findall(text.lower())) for text in self._texts]

    def padded(self, n: int) -> Side:
        """With empty texts behind, so that there are `n`."""
        return Side([*self._texts, *([""] * (n - self.n))])


def find_shift(texts: Side, others: Side) -> Shift | None:
    """Where `others` begin to belong to other texts than those of the same index; None where they do not."""
    return None if texts.n != others.n else _shift(_Fit(texts, others, farthest=_farthest(texts.n)))


def _shift(fit: _Fit) -> Shift | None:
    n, farthest = fit.n, _farthest(fit.n)
    if n < _FEWEST_LINES:
        return None
    found = [one for one in _runs(fit, farthest) if one.evidence >= _enough(n) and _is_a_shift(one, fit)]
    if not found:
        return None
    best = max(found, key=lambda one: one.evidence)
    n_at_home = _n_at_home(best, fit)
    has_order = n_at_home >= _FEWEST_SHIFTED
    if not has_order and best.evidence < _MORE_THAN_CHANCE * _evidence_by_chance(fit, farthest, best.distance):
        return None
    last = n - 1 if best.stays else best.stop - 1 + max(0, best.distance)
    is_sure = n >= _FEWEST_LOST or n_at_home >= _FEWEST_AT_HOME
    return Shift(first=best.start, last=last, distance=best.distance, is_sure=is_sure)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Lines in a row, `start` up to, not including, `stop`, that fit better at a distance: how many nats in all.

    They are counted on the side that has no lines too many, where every line belongs to one of the other. A run `stays`
    where only a few lines come behind it, which fit nothing."""

    distance: int
    start: int
    stop: int
    evidence: float
    stays: bool


def _runs(fit: _Fit, farthest: int) -> Iterator[_Run]:
    """Of each distance, the lines that gain most by it."""
    for distance in (sign * size for size in range(1, farthest + 1) for sign in (1, -1)):
        gains = _counted(fit.at(distance), distance) - fit.at(0)[: fit.n - abs(distance)] - _DOUBT
        evidence, start, stop = _largest_sum(gains)
        stays = bool(gains[stop:].sum() > -_LEAST_EVIDENCE)
        yield _Run(distance=distance, start=start, stop=stop, evidence=evidence, stays=stays)


def _counted(of_texts: Floats, distance: int) -> Floats:
    """What is known of each text, of those that have another at this distance, on the side that counts."""
    return of_texts[:-distance] if distance > 0 else of_texts[-distance:]


def _n_at_home(run: _Run, fit: _Fit) -> int:
    """How many lines are before and behind a run, where they belong to those of their own index, so that there is an
    order at all; 0 where they do not."""
    better = fit.at(0) - fit.by_chance
    elsewhere = better[: run.start] if run.stays else np.concatenate((better[: run.start], better[run.stop :]))
    return len(elsewhere) if len(elsewhere) and np.median(elsewhere) >= _BETTER_THAN_CHANCE else 0


def _evidence_by_chance(fit: _Fit, farthest: int, distance: int) -> float:
    """What runs come to where lines fit at neither of two distances: as much as that is no evidence. Texts that are all
    alike, or in no order, have such runs at every distance."""
    others = [d for d in range(-farthest, farthest + 1) if d not in (0, distance)]
    pairs = [
        (one, others[(place + step) % len(others)])
        for step in range(1, min(len(others), 1 + _CHANCES // len(others) + 1))
        for place, one in enumerate(others)
    ]
    return max((_largest_sum(fit.at(one) - fit.at(other) - _DOUBT)[0] for one, other in pairs), default=math.inf)


def _is_a_shift(run: _Run, fit: _Fit) -> bool:
    """Whether lines belong to those at a distance, and are not only less unlike them: lines in no order have such runs
    too, and so have lists that count from another number."""
    if run.stop - run.start < _FEWEST_SHIFTED:
        return False
    lines = slice(run.start, run.stop)
    away, at_home = _counted(fit.at(run.distance), run.distance)[lines], fit.at(0)[lines]
    by_chance = _counted(fit.by_chance, run.distance)[lines]
    by_length = _counted(fit.by_length(run.distance), run.distance)[lines].sum() - fit.by_length(0)[lines].sum()
    is_better = np.median(away - by_chance) >= _BETTER_THAN_CHANCE
    is_most = (away > at_home).mean() >= _MOST_OF_THEM
    return bool(is_better and is_most and by_length >= _BY_LENGTH * run.evidence)


def _enough(n: int) -> float:
    """Nats that a shift must explain more than none: the places where one could begin are as many chances."""
    return (_LEAST_EVIDENCE + math.log(2 * _farthest(n) * n)) / (2 * _DOUBT)


def _farthest(n: int) -> int:
    """Lines that a shift is looked for among `n`."""
    return min(_FARTHEST, n // 2)


def _lengths_speak_for(texts: Side, others: Side) -> bool:
    """Whether lengths alone leave no doubt that two sides are aligned, as they do for most files of some size: looking
    for words, and far, takes a hundred times as long."""
    if texts.n < _ENOUGH_FOR_LENGTHS:
        return False
    fit = _Fit(texts, others, farthest=_NEAR, by_words=False)
    better = fit.at(0) - fit.by_chance
    if better.mean() < 1 or max(run.evidence for run in _runs(fit, _NEAR)) > _SUSPICIOUS * _enough(texts.n):
        return False
    in_blocks = better[: len(better) // _FEWEST_LOST * _FEWEST_LOST].reshape(-1, _FEWEST_LOST).mean(axis=1)
    return bool(np.convolve(in_blocks, [0.5, 0.5], mode="valid").min() > 0.5)


def find_gap(texts: Side, others: Side) -> int | None:
    """Of sides that are not as many, the index of `others` where lines are missing or too many; None where that cannot
    be told, or it is at their end."""
    n, n_missing = max(texts.n, others.n), texts.n - others.n
    n_both = min(texts.n, others.n)
    if not n_both or not 0 < abs(n_missing) <= _FARTHEST:
        return None
    fit = _Fit(texts.padded(n), others.padded(n), farthest=abs(n_missing))
    away = fit.at(-n_missing)[n_missing:] if n_missing > 0 else fit.at(-n_missing)
    gains = (away[:n_both] - fit.at(0)[:n_both])[::-1].cumsum()[::-1]  # of all lines from one on
    best = int(np.argmax(gains))
    return best if gains[best] > 2 * _OF_WORDS else None


def find_loss(texts: Side, others: Side) -> int | None:
    """The index from which on `others` fit the texts of the same index no better than any; None where all do."""
    return None if texts.n != others.n else _loss(_Fit(texts, others, farthest=_farthest(texts.n)))


def _loss(fit: _Fit) -> int | None:
    if fit.n < 2 * _FEWEST_LOST:
        return None
    better = fit.at(0) - fit.by_chance
    if _is_chance(better):
        return 0
    n = len(better)
    counts = np.arange(1, n)
    ahead = np.cumsum(better)[:-1]
    jump = (ahead - counts / n * better.sum()) / np.sqrt(counts * (n - counts) / n)
    inner = slice(_FEWEST_LOST - 1, n - _FEWEST_LOST)
    change = int(np.argmax(jump[inner])) + _FEWEST_LOST
    head, tail = better[:change], better[change:]
    is_lost = _is_chance(tail) and head.mean() > 1 and tail.mean() < head.mean() / 5
    return change if is_lost else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedTexts:
    """The texts of a file or a column. `name` is what messages call it; `places` are where they stand, None for the
    lines of a file of this name."""

    name: str
    side: Side
    places: Sequence[Place] | None = None

    def place(self, index: int) -> Place:
        return Place(file=self.name, line=index + 1) if self.places is None else self.places[index]


def inspect_alignment(findings: Findings, anchor: AlignedTexts, others: Iterable[AlignedTexts]) -> None:
    """Hold texts against those that they should be aligned with.

    Raises: InputError where they are not and errors stop."""
    for other in others:
        if (found := misalignment(anchor, other)) is not None:
            findings.add([found])
            findings.decide(found.place.file)


def misalignment(anchor: AlignedTexts, other: AlignedTexts) -> Finding | None:
    """What is wrong with how texts are aligned with those of an anchor; None where nothing is."""
    texts, others = anchor.side, other.side
    if texts.n != others.n or _lengths_speak_for(texts, others):
        return None
    fit = _Fit(texts, others, farthest=_farthest(texts.n))  # words are weighed once for both questions
    shift, lost = _shift(fit), _loss(fit)
    if shift is not None and (lost is None or shift.last - shift.first > _MOST_OF_IT * (others.n - lost)):
        n_lines = abs(shift.distance)
        where = f"{n_lines} line{'s' if n_lines > 1 else ''} {'later' if shift.distance > 0 else 'earlier'}"
        is_rest = shift.last == others.n - 1
        until = "from here on" if is_rest else f"from here to line {other.place(shift.last).line}"
        said = f"{until}, what belongs to a line of {anchor.name} stands {where}"
        kind, first = Kind.shifted if is_rest and shift.is_sure else Kind.shifted_passage, shift.first
    elif lost is not None:
        said = f"from here on, lines fit those of {anchor.name} no better than by chance, in length and words"
        kind, first = Kind.lost, lost
    else:
        return None
    return Finding(kind=kind, place=other.place(first), found=said)


class _Fit:
    """How well texts of two sides fit, in nats, higher is better. They are aligned somewhere up to `farthest`."""

    def __init__(self, texts: Side, others: Side, *, farthest: int, by_words: bool = True) -> None:
        self.n = texts.n
        self._texts, self._others = texts, others
        self._ratio, self._spread = _ratio(texts.log_lengths, others.log_lengths, farthest)
        self._known: dict[int, Floats] = {}
        self._has_words = by_words and texts.n <= _MOST_LINES_BY_WORDS
        if self._has_words:
            self._weigh()

    def at(self, distance: int) -> Floats:
        """[N] of each text with the one `distance` after its own; of places beyond the ends nothing is meant."""
        if not self._has_words:
            return self.by_length(distance)  # soon made again, and of a million lines too much to keep
        if distance not in self._known:
            self._known[distance] = self.by_length(distance) + _OF_WORDS * self._in_common(distance)
        return self._known[distance]

    def by_length(self, distance: int) -> Floats:
        """[N] the same by their lengths alone."""
        lengths = np.roll(self._others.log_lengths, -distance) - self._texts.log_lengths - self._ratio
        return np.asarray(-np.minimum((lengths / self._spread) ** 2 / 2, _WORST_FIT))

    @cached_property
    def by_chance(self) -> Floats:
        """[N] of each text with others from anywhere."""
        nearest = min(_NEAR + 1, max(1, self.n // 4))  # a shift is no chance
        steps = np.unique(np.linspace(nearest, self.n - nearest, num=12).astype(int))
        total = np.zeros(self.n)
        for step in steps.tolist():
            total += self.at(step)
        return np.asarray(total / len(steps))

    def _weigh(self) -> None:
        """Number the words that both sides have; a rare one says more than one that is in every line."""
        shared = set().union(*self._texts.words) & set().union(*self._others.words)
        numbers = {word: number for number, word in enumerate(sorted(shared))}
        self._n_words = max(1, len(numbers))
        self._keys = [
            np.sort(np.array([*self._numbered(side.words, numbers)], dtype=np.int64))
            for side in (self._texts, self._others)
        ]
        counts = np.bincount(np.concatenate(self._keys) % self._n_words, minlength=self._n_words)
        self._weights: Floats = np.log(1 + 2 * self._texts.n / np.maximum(counts, 1))
        self._totals = [
            np.bincount(keys // self._n_words, weights=self._weights[keys % self._n_words], minlength=self._texts.n)
            for keys in self._keys
        ]

    def _numbered(self, words_of_lines: Sequence[set[str]], numbers: Mapping[str, int]) -> Iterator[int]:
        """A number for each word of each line, which holds both."""
        for line, words in enumerate(words_of_lines):
            for word in words & numbers.keys():
                yield line * self._n_words + numbers[word]

    def _in_common(self, distance: int) -> Floats:
        """[N] weight of the words in common, of that of both texts, 0 to 1."""
        n = self._texts.n
        others = (self._keys[1] - distance * self._n_words) % (n * self._n_words)
        common = np.intersect1d(self._keys[0], others, assume_unique=True)
        weights = np.bincount(common // self._n_words, weights=self._weights[common % self._n_words], minlength=n)
        totals = self._totals[0] + np.roll(self._totals[1], -distance)
        shares: Floats = 2 * weights / np.maximum(totals, 1e-9)
        return shares


def _ratio(lengths: Floats, others: Floats, farthest: int) -> tuple[float, float]:
    """The log of the ratio of lengths, and how far it spreads where lines are aligned, wherever that is."""
    best = (0.0, math.inf)
    for distance in range(-farthest, farthest + 1):
        ratios = np.roll(others, -distance) - lengths
        middle = float(np.median(ratios))
        spread = 1.4826 * float(np.median(np.abs(ratios - middle)))
        best = min(best, (middle, spread), key=lambda found: found[1])
    return best[0], max(best[1], 0.15)


def _largest_sum(gains: Array) -> tuple[float, int, int]:
    """The largest sum of numbers in a row, and where they begin and end."""
    if not len(gains):
        return 0.0, 0, 0
    sums = np.concatenate(([0.0], np.cumsum(gains)))
    lowest = np.minimum.accumulate(sums)
    stop = int(np.argmax(sums - lowest))
    start = int(np.argmin(sums[: stop + 1]))
    return float(sums[stop] - sums[start]), start, stop


def _is_chance(better: Floats) -> bool:
    error = float(better.std(ddof=1)) / math.sqrt(len(better))
    return float(better.mean()) < 2 * error + 0.05
