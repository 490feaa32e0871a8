"""Texts longer than a model reads at once, in windows that say the same in all of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from evalharness.metrics.comet.alignment import Lengths, common_cuts
from evalharness.metrics.comet.backend import Scorer, Triple
from evalharness.metrics.comet.sentences import Sentence, middle, parts, sentences
from evalharness.records import ErrorSpan, LanguagePair, base_language

VERSION = "2"
"""Goes up when other windows can come of the same texts and sentences; part of the signature."""

# Tokens; longer ones are aligned in parts. Measured 2026-11 with comet-mini on 36 texts of 20 to 120 segments of WMT22,
# joined by spaces: they score 0.003 from what they do joined by line ends, at most 0.016; without, 0.041 and 0.575.
_LONGEST_SENTENCE = 120

Stretches: TypeAlias = tuple[tuple[int, int], ...]
"""Of each text that the model reads, in its order, a part: characters from, up to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What a model reads at once. `weight` is what its score counts for in that of the whole; `start` is where its
    hypothesis begins in the whole one, in characters."""

    triple: Triple
    weight: int
    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a triple is read: in one window, the triple itself, or in several.

    `n_tokens` and `n_lost` are of each text that the model reads, by its field of the triple: its tokens, without
    special ones, and those of them that the model does not see. `is_cut` where it does not read all of a window."""

    windows: tuple[Window, ...]
    n_tokens: Mapping[str, int]
    n_lost: Mapping[str, int]
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTriple:
    """What came of a reading; `error_spans` is None for models that mark none."""

    reading: Reading
    score: float
    error_spans: tuple[ErrorSpan, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    stretches: Stretches
    lengths: tuple[int, ...]


def scored(scorer: Scorer, readings: Sequence[Reading]) -> list[ReadTriple]:
    """The mean of the windows' scores by their weights, and the errors marked in all of them, at their places in the
    whole hypothesis. Equal windows are computed once."""
    place = {triple: index for index, triple in enumerate(dict.fromkeys(_triples(readings)))}
    predicted = scorer.predict(list(place))
    found = []
    for reading in readings:
        scores = [predicted.scores[place[window.triple]] for window in reading.windows]
        spans: tuple[ErrorSpan, ...] | None = None
        if predicted.error_spans is not None:
            is_whole = len(reading.windows) == 1 and not reading.windows[0].start
            spans = tuple(
                span if is_whole else _in_whole(span, window)
                for window in reading.windows
                for span in predicted.error_spans[place[window.triple]]
            )
        found.append(ReadTriple(reading=reading, score=_mean(scores, reading.windows), error_spans=spans))
    return found


def tokens(readings: Sequence[Reading]) -> tuple[int, int]:
    """Of a segment, from its readings with each of its references: the tokens that were read and those that were not.
    Source and hypothesis count once, and what is lost of them beside any reference is lost."""
    n_tokens, n_lost = 0, 0
    for name in readings[0].n_tokens:
        is_shared = name != "reference"
        n_tokens += readings[0].n_tokens[name] if is_shared else sum(one.n_tokens[name] for one in readings)
        n_lost += (max if is_shared else sum)(one.n_lost[name] for one in readings)
    return n_tokens - n_lost, n_lost


def _in_whole(span: ErrorSpan, window: Window) -> ErrorSpan:
    """Its text as written: models decode the sign that every text begins with too, and a window is no beginning."""
    text = window.triple.hypothesis[span.start : span.end]
    return replace(span, text=text, start=span.start + window.start, end=span.end + window.start)


def _triples(readings: Sequence[Reading]) -> Iterator[Triple]:
    return (window.triple for reading in readings for window in reading.windows)


def _mean(scores: Sequence[float], windows: Sequence[Window]) -> float:
    if len(scores) == 1:  # to the last bit
        return scores[0]
    weighted = (score * window.weight for score, window in zip(scores, windows, strict=True))
    return math.fsum(weighted) / sum(window.weight for window in windows)


class Reader:
    """Decides how triples are read. Where there are `has_windows`, those that do not fit are read in windows.

    `languages` say how sentences end; None where they are not known."""

    def __init__(self, scorer: Scorer, languages: LanguagePair | None, *, has_windows: bool) -> None:
        self._scorer = scorer
        self._limits = scorer.limits
        self._languages = languages
        self._has_windows = has_windows
        self._known_lengths: dict[str, int] = {}
        self._known_sentences: dict[tuple[str, str | None], tuple[Sentence, ...]] = {}

    def readings(self, triples: Sequence[Triple]) -> list[Reading]:
        texts = [self._texts(triple) for triple in triples]
        self._lengths(list(itertools.chain.from_iterable(of_triple.values() for of_triple in texts)))  # all at once
        return [self._reading(triple, of_triple) for triple, of_triple in zip(triples, texts, strict=True)]

    def _reading(self, triple: Triple, texts: dict[str, str]) -> Reading:
        lengths = self._lengths(list(texts.values()))
        windows: tuple[Window, ...] = (Window(triple=triple, weight=1, start=0),)
        if self._has_windows and not self._limits.fit(lengths):
            nothing = Window(triple=replace(triple, **dict.fromkeys(texts, "")), weight=1, start=0)
            windows = tuple(self._windows(triple, texts)) or (nothing,)  # of spaces only
        n_lost, is_cut = [0] * len(lengths), False
        for window in windows:
            given = self._lengths(list(self._texts(window.triple).values()))
            if not self._limits.fit(given):
                is_cut = True
                read = self._limits.read(given)
                n_lost = [lost + n - n_read for lost, n, n_read in zip(n_lost, given, read, strict=True)]
        return Reading(
            windows=windows,
            n_tokens=dict(zip(texts, lengths, strict=True)),
            n_lost=dict(zip(texts, n_lost, strict=True)),
            is_cut=is_cut,
        )

    def _windows(self, triple: Triple, texts: dict[str, str]) -> Iterator[Window]:
        """Cuts are where all texts have said the same; windows are as few as fit, and as equal as they can be."""
        given = list(texts.values())
        blocks = [fitting for block in self._blocks(texts) for fitting in self._fitting(given, block)]
        for block in self._joined(blocks):
            # Once more: texts together can have more tokens than each by itself.
            for fitting in self._fitting(given, self._counted(given, block.stretches)):
                # The tokens of its longest text: neither what a system leaves out nor what it adds makes it weigh less.
                if weight := max(fitting.lengths):
                    both = zip(texts.items(), fitting.stretches, strict=True)
                    ends = {name: _trimmed(text, *stretch) for (name, text), stretch in both}
                    parts = {name: texts[name][start:end] for name, (start, end) in ends.items()}
                    yield Window(triple=replace(triple, **parts), weight=weight, start=ends["hypothesis"][0])

    def _blocks(self, texts: dict[str, str]) -> list[_Block]:
        """What cannot be cut further without cutting a sentence or what says the same as another."""
        split = {name: self._sentences(name, text) for name, text in texts.items()}
        lengths = {
            name: self._lengths([texts[name][one.start : one.end].strip() for one in found])
            for name, found in split.items()
        }
        # What a hypothesis lacks or adds shows best beside a reference, which is in its language and whole.
        order = sorted(
            texts, key=lambda name: (not sum(lengths[name]), ("reference", "source", "hypothesis").index(name))
        )
        cuts = common_cuts(
            [
                Lengths(
                    sentences=tuple(lengths[name]),
                    ends_line=tuple(one.ends_line for one in split[name]),
                    may_stop_early=(order[0], name) == ("reference", "hypothesis"),
                )
                for name in order
            ]
        )
        place = {name: order.index(name) for name in texts}
        blocks = []
        for before, after in itertools.pairwise(cuts):
            pieces = {name: slice(before[place[name]], after[place[name]]) for name in texts}
            blocks.append(
                _Block(
                    stretches=tuple(_stretch(split[name], pieces[name]) for name in texts),
                    lengths=tuple(sum(lengths[name][pieces[name]]) for name in texts),
                )
            )
        return blocks

    def _fitting(self, texts: Sequence[str], block: _Block) -> list[_Block]:
        """The block or, where it does not fit, its halves, as often halved as is needed."""
        if self._limits.fit(block.lengths):
            return [block]
        middles = [
            start + middle(text[start:end]) if end - start > 1 else end
            for text, (start, end) in zip(texts, block.stretches, strict=True)
        ]
        both = list(zip(block.stretches, middles, strict=True))
        if all(end - start < 2 for start, end in block.stretches):
            return [block]  # single characters, of more tokens than the model reads
        halves = (tuple((start, cut) for (start, _), cut in both), tuple((cut, end) for (_, end), cut in both))
        return [fitting for half in halves for fitting in self._fitting(texts, self._counted(texts, half))]

    def _joined(self, blocks: Sequence[_Block]) -> list[_Block]:
        """The fewest windows; of those, with the least in the fullest."""
        fewest = len(self._filled(blocks, None))
        least, most = 1, max(self._limits.size(window.lengths) for window in self._filled(blocks, None))
        while least < most:
            cap = (least + most) // 2
            least, most = (least, cap) if len(self._filled(blocks, cap)) == fewest else (cap + 1, most)
        return self._filled(blocks, most)

    def _filled(self, blocks: Sequence[_Block], cap: int | None) -> list[_Block]:
        """Blocks joined one after the other, as long as the window fits and holds no more than `cap`."""
        windows: list[_Block] = []
        for block in blocks:
            if windows:
                lengths = tuple(n + more for n, more in zip(windows[-1].lengths, block.lengths, strict=True))
                if self._limits.fit(lengths) and (cap is None or self._limits.size(lengths) <= cap):
                    both = zip(windows[-1].stretches, block.stretches, strict=True)
                    stretches = tuple((start, end) for (start, _), (_, end) in both)
                    windows[-1] = _Block(stretches=stretches, lengths=lengths)
                    continue
            windows.append(block)
        return windows

    def _counted(self, texts: Sequence[str], stretches: Stretches) -> _Block:
        parts = [text[start:end].strip() for text, (start, end) in zip(texts, stretches, strict=True)]
        return _Block(stretches=stretches, lengths=tuple(self._lengths(parts)))

    def _texts(self, triple: Triple) -> dict[str, str]:
        given = {name: getattr(triple, name) for name in self._limits.parts}
        return {name: text for name, text in given.items() if text is not None}

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        missing = list(dict.fromkeys(text for text in texts if text not in self._known_lengths))
        self._known_lengths |= zip(missing, self._scorer.lengths(missing), strict=True) if missing else ()
        return [self._known_lengths[text] for text in texts]

    def _sentences(self, name: str, text: str) -> tuple[Sentence, ...]:
        language = None
        if self._languages is not None:
            language = base_language(self._languages.source if name == "source" else self._languages.target)
        key = (text, language)
        if key not in self._known_sentences:
            self._known_sentences[key] = tuple(self._shortened(text, sentences(text, language)))
        return self._known_sentences[key]

    def _shortened(self, text: str, found: Sequence[Sentence]) -> Iterator[Sentence]:
        """In parts where they are too long to find what they say in another text: quoted speech is one sentence to who
        splits them, and so is all between two stray quotes and a text without marks."""
        lengths = self._lengths([text[one.start : one.end].strip() for one in found])
        for sentence, length in zip(found, lengths, strict=True):
            if length <= _LONGEST_SENTENCE or sentence.end - sentence.start < 2:
                yield sentence
            else:
                yield from self._shortened(text, parts(sentence, text))


def _stretch(found: Sequence[Sentence], piece: slice) -> tuple[int, int]:
    """From the first character of some sentences up to the last; where there are none, that of the next."""
    chosen = found[piece]
    if chosen:
        return chosen[0].start, chosen[-1].end
    place = found[piece.start].start if piece.start < len(found) else found[-1].end if found else 0
    return place, place


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the spaces at both ends."""
    part = text[start:end]
    return (start + len(part) - len(part.lstrip()), start + len(part.rstrip())) if part.strip() else (end, end)
