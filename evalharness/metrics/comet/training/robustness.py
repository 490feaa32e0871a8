"""What planted damage does to scores, on held-out talks and on the bundled test set."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

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
    """Mean scores of the texts that offer a place for the damage, and in what share of them the undamaged one scored
    higher."""

    damage: str
    n_texts: int
    mean: float
    undamaged_mean: float
    undamaged_wins: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """Of texts scored with one reference; `undamaged` says which texts were damaged."""

    undamaged: str
    reference: str
    undamaged_mean: float
    damages: tuple[DamageFigures, ...]

    def n_texts(self) -> int:
        return max(figures.n_texts for figures in self.damages)

    def mean(self, name: str) -> float:
        return next(figures.mean for figures in self.damages if figures.damage == name)

    def chains_hold(self) -> bool:
        """Whether more damage means a lower mean along every chain, from the undamaged texts on."""
        chains = [[self.undamaged_mean, *(self.mean(name) for name in chain)] for chain in CHAINS]
        return all(higher > lower for chain in chains for higher, lower in itertools.pairwise(chain))

    def undamaged_is_best(self) -> bool:
        return all(figures.undamaged_mean > figures.mean for figures in self.damages)

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
    for place, name in enumerate(REFERENCES):
        undamaged: Mapping[str, list[str]] = {
            "a system's translation": [s.hypotheses[number % len(s.hypotheses)] for number, s in enumerate(segments)],
            "the other reference": [segment.references[1 - place] for segment in segments],
            "the reference itself": [segment.references[place] for segment in segments],
        }
        for which, texts in undamaged.items():
            given = [
                Triple(source=segment.source, hypothesis=text, reference=segment.references[place])
                for segment, text in zip(segments, texts, strict=True)
            ]
            damages = _all_damages(scorer, given, stock, np.random.default_rng(seed))
            found.append(_robustness(which, name, scorer(given), damages))
    return found


def damage_bundled(
    scorer: Scorer, folder: Path, stock: WordStock, *, seed: int
) -> tuple[Robustness, tuple[CandidateMean, ...]]:
    """The references of the bundled test set, damaged, and its English candidates, the best first."""
    parsed = parse_each(
        folder / "segments.jsonl", _own_reference, expected="a segment with a source and a reference", error=ValueError
    )
    given = [triple for _, triple in parsed]
    damages = _all_damages(scorer, given, stock, np.random.default_rng(seed))
    damaged = _robustness("the reference itself", "bundled", scorer(given), damages)
    means = []
    for path in sorted((folder / "candidates").glob("*.en")):
        lines = zip(given, read_lines(path), strict=True)
        scores = scorer([replace(triple, hypothesis=line) for triple, line in lines])
        means.append(CandidateMean(system=path.stem, mean=float(scores.mean())))
    return damaged, tuple(sorted(means, key=lambda candidate: -candidate.mean))


def _robustness(which: str, name: str, undamaged: Floats, damages: Sequence[DamageFigures]) -> Robustness:
    return Robustness(
        undamaged=which, reference=name, undamaged_mean=float(undamaged.mean()), damages=tuple(damages)
    )  # fmt: skip


def _all_damages(
    scorer: Scorer, given: Sequence[Triple], stock: WordStock, rng: np.random.Generator
) -> list[DamageFigures]:
    undamaged = scorer(given)
    figures = []
    for kind, damaging in _damagings(stock, rng).items():
        texts = [damaging(triple) for triple in given]
        rows = [row for row, text in enumerate(texts) if text is not None]
        if not rows:
            continue
        scores = scorer([replace(given[row], hypothesis=text) for row, text in enumerate(texts) if text is not None])
        figures.append(
            DamageFigures(
                damage=kind,
                n_texts=len(rows),
                mean=float(scores.mean()),
                undamaged_mean=float(undamaged[rows].mean()),
                undamaged_wins=float((undamaged[rows] > scores).mean()),
            )
        )
    return figures


def _damagings(stock: WordStock, rng: np.random.Generator) -> dict[str, Callable[[Triple], str | None]]:
    return {
        "drop 15 %": lambda given: damage.drop(given.hypothesis, 0.15, rng),
        "drop 35 %": lambda given: damage.drop(given.hypothesis, 0.35, rng),
        "drop 65 %": lambda given: damage.drop(given.hypothesis, 0.65, rng),
        "substitute 10 %": lambda given: damage.substitute(given.hypothesis, 0.1, stock, rng),
        "substitute 30 %": lambda given: damage.substitute(given.hypothesis, 0.3, stock, rng),
        "substitute 60 %": lambda given: damage.substitute(given.hypothesis, 0.6, stock, rng),
        "wrong number": lambda given: damage.wrong_number(given.hypothesis, rng),
        "wrong name": lambda given: damage.wrong_name(given.hypothesis, stock, rng),
        "shuffle": lambda given: damage.shuffle(given.hypothesis, rng),
        SOURCE_COPY: lambda given: given.source,
        EMPTY: lambda given: "",
    }


def _own_reference(line: str) -> Triple:
    """The first reference as its own translation.

    Raises: ValueError where the line is no segment with a source and a reference."""
    import json

    try:
        segment = json.loads(line)
        source, reference = str(segment["source"]), str(segment["references"][0])
    except (KeyError, IndexError, TypeError) as err:
        raise ValueError(f"{type(err).__name__} {err}") from err
    return Triple(source=source, hypothesis=reference, reference=reference)
