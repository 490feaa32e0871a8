"""What stands under tables about how differences were tested, and what the test set can tell at all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median

from evalharness.runs.plan import PlannedMetric, PlannedTestSet
from evalharness.runs.view import ComparisonLine

_METHODS = {"sign_flip": "paired sign-flip test", "bootstrap": "paired bootstrap test"}


def counted(n: int, noun: str) -> str:
    """`1 document`, `2 documents`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def of_testset(testset: PlannedTestSet) -> str:
    """`zhengzhou zh-en, 9 segments`."""
    words = " ".join(word for word in (testset.name, testset.language_pair) if word)
    return f"{words}, {counted(testset.n_segments, 'segment')}"


def by_metric(lines: Sequence[ComparisonLine]) -> dict[str, list[ComparisonLine]]:
    """The comparisons of each metric: those that are corrected together."""
    families: dict[str, list[ComparisonLine]] = {}
    for line in lines:
        families.setdefault(line.metric, []).append(line)
    return families


def how_tested(lines: Sequence[ComparisonLine]) -> str:
    """`paired sign-flip test, exact, 9 segments, p ≤ 0.05, Holm over 10 pairs for each metric`."""
    families = by_metric(lines)
    n_pairs = {len(family) for family in families.values()}
    parts = [_METHODS.get(lines[0].method, lines[0].method), _draws(lines), _units(lines), f"p ≤ {lines[0].alpha:g}"]
    names = {name for line in lines if (name := _correction(line)) is not None}
    if max(n_pairs) == 1:
        parts.append("one pair")
    else:
        pairs = f"{_range(n_pairs)} pairs"
        parts.append(f"{names.pop()} over {pairs}" if names else f"not corrected for {pairs}")
    return ", ".join(parts) + (" for each metric" if len(families) > 1 else "")


def untested(lines: Sequence[ComparisonLine]) -> list[str]:
    """A sentence where the method gives no p-values here."""
    without = [line for line in lines if line.p is None]
    if not without:
        return []
    return [
        f"No p-values with {_units(without)}: the bootstrap would call equal systems different too often with fewer "
        "than 30. Set stats.method=sign_flip (--method sign_flip)."
    ]


def what_can_be_told(
    lines: Sequence[ComparisonLine], metrics: Sequence[PlannedMetric], heads: Mapping[str, str], decimals: int
) -> list[str]:
    """The smallest p-value there can be, the difference that is likely to be found, and that no claim is possible."""
    tested = [line for line in lines if line.p is not None]
    if not tested:
        return []
    families = by_metric(tested)
    alpha = tested[0].alpha
    impossible = [name for name, family in families.items() if _smallest_corrected(family) > alpha]
    notes = [_smallest(families[name], heads[name] if len(families) > 1 else None) for name in impossible]
    if len(impossible) == len(families) and len({_smallest(family, None) for family in families.values()}) == 1:
        notes = [_smallest(families[impossible[0]], None)]
    if len(impossible) < len(families):
        found = [
            f"{heads[metric.name]} {_size(_median_detectable(families[metric.name]), metric, decimals)}"
            for metric in metrics
            if metric.name in families and _median_detectable(families[metric.name]) is not None
        ]
        if found:
            corrected = ", before correction" if any(_correction(line) for line in tested) else ""
            notes.append(
                f"A difference of this size is found with 80 % power (median over pairs{corrected}): "
                f"{', '.join(found)}. Smaller ones are mostly missed."
            )
    return notes


def left_out(lines: Sequence[ComparisonLine], heads: Mapping[str, str]) -> list[str]:
    """For each metric with gaps, how many segments pairs go without."""
    notes = []
    for name, family in by_metric(lines).items():
        counts = {line.n_left_out for line in family}
        if max(counts):
            notes.append(
                f"{heads[name]}: differences are over the segments that both systems of a pair have a score for; "
                f"{_range(counts)} of {family[0].n_segments + family[0].n_left_out} are left out."
            )
    return notes


def _smallest(family: Sequence[ComparisonLine], head: str | None) -> str:
    line = min(family, key=lambda one: one.p_smallest)
    together = f" corrected for {len(family)} pairs" if line.p_holm is not None and len(family) > 1 else ""
    of = f"{head}: no" if head is not None else "No"
    smallest = f"{line.p_smallest:.2g}"
    if together:
        smallest += f", or {_smallest_corrected(family):.2g}{together}"
    more_draws = line.n_draws is not None and line.p_smallest >= 1 / (line.n_draws + 1)
    remedy = (
        f" Set stats.n_draws (--n-draws) to {_enough_draws(family)} or more."
        if more_draws
        else " So nothing is told apart, whatever the scores."
    )
    return f"{of} difference can be significant here: with {_units(family)} no p-value is below {smallest}.{remedy}"


def _smallest_corrected(family: Sequence[ComparisonLine]) -> float:
    """What correction leaves of the smallest p-value, were it to come out."""
    smallest = min(line.p_smallest for line in family)
    return min(1.0, smallest * len(family)) if family[0].p_holm is not None else smallest


def _enough_draws(family: Sequence[ComparisonLine]) -> int:
    needed = len(family) / family[0].alpha
    return int(10 ** math.ceil(math.log10(needed)))


def _median_detectable(family: Sequence[ComparisonLine]) -> float | None:
    known = [line.detectable for line in family if line.detectable is not None]
    return median(known) if known else None


def _size(difference: float | None, metric: PlannedMetric, decimals: int) -> str:
    shown = (difference or 0.0) * metric.display_factor
    return f"{shown:.{decimals}f}" if shown >= 1 else f"{shown:.2g}"


def _correction(line: ComparisonLine) -> str | None:
    if line.p_holm is not None:
        return "Holm"
    return "Benjamini-Hochberg" if line.p_bh is not None else None


def _draws(lines: Sequence[ComparisonLine]) -> str:
    draws = {line.n_draws for line in lines}
    n_draws = max((n for n in draws if n is not None), default=None)
    if n_draws is None:
        return "exact"
    noun = "resamples" if lines[0].method == "bootstrap" else "draws"
    return f"{n_draws} {noun}" if None not in draws else f"exact or {n_draws} {noun}"


def _units(lines: Sequence[ComparisonLine]) -> str:
    numbers = {line.n_units for line in lines}
    return counted(numbers.pop(), lines[0].unit) if len(numbers) == 1 else f"{_range(numbers)} {lines[0].unit}s"


def _range(numbers: set[int]) -> str:
    return str(min(numbers)) if len(numbers) == 1 else f"{min(numbers)} to {max(numbers)}"
