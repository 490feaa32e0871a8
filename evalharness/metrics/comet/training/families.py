"""What the network is trained on: around each source its translations, damaged copies of them, and their labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from evalharness.metrics.comet.training import damage, features
from evalharness.metrics.comet.training.corpus import Parallel
from evalharness.metrics.comet.training.damage import WordStock
from evalharness.metrics.comet.training.teacher import WORST, Teacher
from evalharness.records import Array, Floats


class Kind(IntEnum):
    """Of a hypothesis: a system's or translator's, a damaged copy of one, or no translation of the source at all."""

    TRANSLATION = 0
    DAMAGED = 1
    FOREIGN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The texts around a source, `texts[0]`, and the triples among them.

    Of each triple: places in `texts` of hypothesis and reference; the kind; the label on the scale of scores, 1 for a
    perfect translation and 0 for none; chrF, 0 to 1; and the triple whose hypothesis this one is a damaged copy of,
    itself where it is none. All [N triples]."""

    texts: tuple[str, ...]
    hypothesis: Array
    reference: Array
    kind: Array
    label: Floats
    chrf: Floats
    origin: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    text: str
    label: float
    kind: Kind
    references: tuple[int, ...]
    origin: int | None


def joined(segments: Sequence[Parallel], n_joined: int, n_wanted: int, rng: np.random.Generator) -> list[Parallel]:
    """Longer texts: `n_joined` neighbours of the news, or of one talk, run together."""
    starts = [
        place
        for place in range(len(segments) - n_joined + 1)
        if len({segment.talk for segment in segments[place : place + n_joined]}) == 1
    ]
    if not starts:
        return []
    chosen = rng.choice(starts, size=min(n_wanted, len(starts)), replace=False)
    return [_run_together(segments[place : place + n_joined]) for place in chosen]


def _run_together(neighbours: Sequence[Parallel]) -> Parallel:
    def together(texts: Iterator[tuple[str, ...]]) -> tuple[str, ...]:
        return tuple(" ".join(parts) for parts in zip(*texts, strict=True))

    return replace(
        neighbours[0],
        id="+".join(segment.id for segment in neighbours),
        source="".join(segment.source for segment in neighbours),
        references=together(segment.references for segment in neighbours),
        hypotheses=together(segment.hypotheses for segment in neighbours),
        mqm=None,
        reference_mqm=None,
    )


def build_families(
    segments: Sequence[Parallel], teacher: Teacher, stock: WordStock, *, judged_share: float, rng: np.random.Generator
) -> list[Family]:
    """A family of each segment. Where experts judged, the label holds `judged_share` of their MQM, the rest is the
    teacher's."""
    families = []
    for place, (segment, guesses) in enumerate(zip(segments, teacher.labels(segments), strict=True)):
        labels = guesses
        if segment.mqm is not None:
            labels = (1 - judged_share) * guesses + judged_share * np.maximum(WORST, segment.mqm)
        other = segments[(place + 1 + int(rng.integers(len(segments) - 1))) % len(segments)]
        families.append(_family(segment, labels, other, stock, rng))
    return _with_chrf(families)


def _family(segment: Parallel, labels: Floats, other: Parallel, stock: WordStock, rng: np.random.Generator) -> Family:
    both = tuple(range(len(segment.references)))
    entries = [
        _Entry(text=text, label=float(label), kind=Kind.TRANSLATION, references=both, origin=None)
        for text, label in zip(segment.hypotheses, labels, strict=True)
    ]
    # A reference against itself is as good as it gets, against another one as good as the best system.
    for place, text in enumerate(segment.references):
        entries.append(_Entry(text=text, label=0.0, kind=Kind.TRANSLATION, references=(place,), origin=None))
        across = tuple(number for number in both if number != place)
        entries.append(
            _Entry(text=text, label=float(np.max(labels)), kind=Kind.TRANSLATION, references=across, origin=None)
        )
    for origin in _damaged_origins(len(segment.hypotheses), len(entries), rng):
        entry = entries[origin]
        for severity, text in _damages(entry.text, segment.source, stock, rng):
            label = entry.label + (WORST - entry.label) * severity
            entries.append(replace(entry, text=text, label=label, kind=Kind.DAMAGED, origin=origin))
    foreign = (segment.source, "", other.hypotheses[0], other.references[-1], other.source)
    entries += [_Entry(text=text, label=WORST, kind=Kind.FOREIGN, references=both, origin=None) for text in foreign]
    return _arranged(segment, entries)


def _damaged_origins(n_systems: int, n_entries: int, rng: np.random.Generator) -> list[int]:
    """Every entry made of a reference, and two systems."""
    systems = rng.choice(n_systems, size=2, replace=False)
    return [*range(n_systems, n_entries), *(int(place) for place in systems)]


def _damages(text: str, source: str, stock: WordStock, rng: np.random.Generator) -> Iterator[tuple[float, str]]:
    """Damaged copies, each with how far it is from the text (0) to no translation at all (1)."""
    few, many = rng.uniform(0.08, 0.3), rng.uniform(0.3, 0.75)
    offered = (
        (_of_share(few, 1.8), damage.drop(text, few, rng)),
        (_of_share(many, 1.8), damage.drop(text, many, rng)),
        (_of_share(few, 1.8), damage.substitute(text, few, stock, rng)),
        (_of_share(many, 1.8), damage.substitute(text, many, stock, rng)),
        (_of_share(many, 1.6), damage.truncate(text, many)),
        (0.6, damage.shuffle(text, rng)),
        (0.5 * few, damage.swap_neighbours(text, few, rng)),
        (0.05 + 0.5 * few, damage.repeat(text, few, rng)),
        (0.12, damage.wrong_number(text, rng)),
        (0.12, damage.wrong_name(text, stock, rng)),
        (_of_share(many, 1.5), damage.mix_in_source(text, source, many, rng)),
    )
    for severity, damaged in offered:
        if damaged is not None:
            yield severity, damaged


def _of_share(share: float, power: float) -> float:
    return float(1 - (1 - share) ** power)


def _arranged(segment: Parallel, entries: Sequence[_Entry]) -> Family:
    texts: dict[str, int] = {segment.source: 0}
    triples: list[tuple[int, int, int, float, int]] = []
    triple_of: dict[tuple[int, int], int] = {}
    for number, entry in enumerate(entries):
        for place in entry.references:
            hypothesis = texts.setdefault(entry.text, len(texts))
            reference = texts.setdefault(segment.references[place], len(texts))
            origin = triple_of[(entry.origin, place)] if entry.origin is not None else len(triples)
            triple_of[(number, place)] = len(triples)
            triples.append((hypothesis, reference, int(entry.kind), 1 - entry.label / WORST, origin))
    columns = [np.array(column) for column in zip(*triples, strict=True)]
    return Family(
        texts=tuple(texts), hypothesis=columns[0], reference=columns[1], kind=columns[2], label=columns[3],
        chrf=np.zeros(len(triples)), origin=columns[4],
    )  # fmt: skip


def _with_chrf(families: Sequence[Family]) -> list[Family]:
    hypotheses = [family.texts[place] for family in families for place in family.hypothesis]
    references = [family.texts[place] for family in families for place in family.reference]
    scores = features.chrf(hypotheses, references)
    parts = np.split(scores, np.cumsum([len(family.hypothesis) for family in families])[:-1])
    return [replace(family, chrf=part) for family, part in zip(families, parts, strict=True)]
