"""What planted damage does to scores, on held-out talks and on the bundled test set."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evalharness.errors import InputError
from evalharness.metrics.comet.training import damage
from evalharness.metrics.comet.training.assessment import REFERENCES, Scorer, Triple
from evalharness.metrics.comet.training.corpus import Parallel
from evalharness.metrics.comet.training.damage import WordStock
from evalharness.records import Floats
from evalharness.textio import parse_each, read_lines

CHAINS = (("drop 15 %", "drop 35 %", "drop 65 %"), ("substitute 10 %", "substitute 30 %", "substitute 60 %"))
SOURCE_COPY, EMPTY = "source copy", "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class DamageFigures:
    """The mean score of damaged texts, and in what share of the texts the undamaged one scored higher."""

    damage: str
    n_texts: int
    mean: float
    undamaged_wins: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """Of texts scored with one reference; `undamaged` says which texts were damaged."""

    undamaged: str
    reference: str
    undamaged_mean: float
    damages: tuple[DamageFigures, ...]

    def mean(self, name: str) -> float:
        return next(figures.mean for figures in self.damages if figures.damage == name)

    def chains_hold(self) -> bool:
        """Whether more damage means a lower mean along every chain, from the undamaged texts on."""
        chains = [[self.undamaged_mean, *(self.mean(name) for name in chain)] for chain in CHAINS]
        return all(higher > lower for chain in chains for higher, lower in itertools.pairwise(chain))

    def undamaged_is_best(self) -> bool:
        return all(self.undamaged_mean > figures.mean for figures in self.damages)

    def source_copy_is_last(self) -> bool:
        """Among everything but the empty text."""
        others = [figures.mean for figures in self.damages if figures.damage not in (SOURCE_COPY, EMPTY)]
        return self.mean(SOURCE_COPY) < min([self.undamaged_mean, *others])


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateMean:
    """The mean score of one of the bundled candidates."""

    system: str
    mean: float


def damage_talks(scorer: Scorer, segments: Sequence[Parallel], stock: WordStock, *, seed: int) -> list[Robustness]:
    """With each reference: the systems' translations, the other reference, and the reference itself, all damaged."""
    found = []
    sources = [segment.source for segment in segments]
    for place, name in enumerate(REFERENCES):
        references = [segment.references[place] for segment in segments]
        undamaged: Mapping[str, list[str]] = {
            "a system's translation": [s.hypotheses[number % len(s.hypotheses)] for number, s in enumerate(segments)],
            "the other reference": [segment.references[1 - place] for segment in segments],
            "the reference itself": references,
        }
        for which, texts in undamaged.items():
            rng = np.random.default_rng(seed)
            damaged = _damaged(scorer, which, name, sources, texts, references, stock, rng)
            found.append(damaged)
    return found


def damage_bundled(
    scorer: Scorer, folder: Path, stock: WordStock, *, seed: int
) -> tuple[Robustness, tuple[CandidateMean, ...]]:
    """The references of the bundled test set, damaged, and its English candidates, the best first."""
    segments = [segment for _, segment in parse_each(
        folder / "segments.jsonl", _parsed_segment, expected="a segment of a test set", error=ValueError
    )]  # fmt: skip
    sources = [source for source, _ in segments]
    references = [reference for _, reference in segments]
    damaged = _damaged(
        scorer, "the reference itself", "bundled", sources, references, references, stock, np.random.default_rng(seed)
    )
    means = [
        CandidateMean(system=path.stem, mean=_mean(scorer, sources, read_lines(path), references))
        for path in sorted((folder / "candidates").glob("*.en"))
    ]
    return damaged, tuple(sorted(means, key=lambda candidate: -candidate.mean))


def _damaged(
    scorer: Scorer,
    which: str,
    name: str,
    sources: Sequence[str],
    texts: Sequence[str],
    references: Sequence[str],
    stock: WordStock,
    rng: np.random.Generator,
) -> Robustness:
    undamaged = _scores(scorer, sources, texts, references)
    figures = []
    for kind, damaging in _damagings(stock, rng).items():
        damaged = [(row, damaging(text)) for row, text in enumerate(texts)]
        changed = [(row, text) for row, text in damaged if text is not None]
        if changed:
            figures.append(_figures(scorer, kind, changed, sources, references, undamaged))
    figures.append(_figures(scorer, SOURCE_COPY, list(enumerate(sources)), sources, references, undamaged))
    figures.append(_figures(scorer, EMPTY, [(row, "") for row in range(len(texts))], sources, references, undamaged))
    return Robustness(
        undamaged=which, reference=name, undamaged_mean=float(undamaged.mean()), damages=tuple(figures)
    )  # fmt: skip


def _damagings(stock: WordStock, rng: np.random.Generator) -> dict[str, Callable[[str], str | None]]:
    return {
        "drop 15 %": lambda text: damage.drop(text, 0.15, rng),
        "drop 35 %": lambda text: damage.drop(text, 0.35, rng),
        "drop 65 %": lambda text: damage.drop(text, 0.65, rng),
        "substitute 10 %": lambda text: damage.substitute(text, 0.1, stock, rng),
        "substitute 30 %": lambda text: damage.substitute(text, 0.3, stock, rng),
        "substitute 60 %": lambda text: damage.substitute(text, 0.6, stock, rng),
        "wrong number": lambda text: damage.wrong_number(text, rng),
        "wrong name": lambda text: damage.wrong_name(text, stock, rng),
        "shuffle": lambda text: damage.shuffle(text, rng),
    }


def _figures(
    scorer: Scorer,
    kind: str,
    damaged: Sequence[tuple[int, str]],
    sources: Sequence[str],
    references: Sequence[str],
    undamaged: Floats,
) -> DamageFigures:
    rows = [row for row, _ in damaged]
    scores = _scores(
        scorer, [sources[row] for row in rows], [text for _, text in damaged], [references[row] for row in rows]
    )
    return DamageFigures(
        damage=kind,
        n_texts=len(rows),
        mean=float(scores.mean()),
        undamaged_wins=float((undamaged[rows] > scores).mean()),
    )


def _mean(scorer: Scorer, sources: Sequence[str], hypotheses: Sequence[str], references: Sequence[str]) -> float:
    return float(_scores(scorer, sources, hypotheses, references).mean())


def _scores(scorer: Scorer, sources: Sequence[str], hypotheses: Sequence[str], references: Sequence[str]) -> Floats:
    return scorer(
        [
            Triple(source=source, hypothesis=hypothesis, reference=reference)
            for source, hypothesis, reference in zip(sources, hypotheses, references, strict=True)
        ]
    )


def _parsed_segment(line: str) -> tuple[str, str]:
    """The source and the first reference."""
    import json

    try:
        segment = json.loads(line)
        return str(segment["source"]), str(segment["references"][0])
    except (KeyError, IndexError, TypeError) as err:
        raise InputError(f"a segment of the bundled test set has no source or no reference: {line[:60]!r}.") from err
