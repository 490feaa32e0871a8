"""What stands under tables about how differences were tested, and what the test set can tell at all."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from statistics import median
from typing import TypeVar

from evalharness.errors import ConfigError
from evalharness.report.settings import ReportSettings
from evalharness.runs.plan import PlannedMetric, PlannedTestSet
from evalharness.runs.view import ComparisonLine, Reported

T = TypeVar("T")

FEWEST_BOOTSTRAP_UNITS = 30
"""With fewer the bootstrap gives no p-values, and its intervals are too narrow."""
RUNS_MUST_DIFFER = (
    "Where both systems have several runs, a significant difference is also one that exceeds that between runs of one "
    "system: the p-value of runs is as small, or, where so few runs cannot give that (3 and 3: 0.1 at least), all runs "
    "of one system are above all of the other's."
)
_METHODS = {"sign_flip": "paired sign-flip test", "bootstrap": "paired bootstrap test"}


def counted(n: int, noun: str) -> str:
    """`1 document`, `2 documents`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def known(lines: Sequence[T] | None, table: str) -> Sequence[T]:
    """What a table is drawn from.

    Raises: ConfigError where there is none: in a comparison of records, and in records older than the table."""
    if lines is None:
        raise not_of_comparisons(table)
    return lines


def not_of_comparisons(table: str) -> ConfigError:
    return ConfigError(
        f"table {table!r}: is drawn from one record, and a comparison of records has none; a record made by an older "
        "version, or without this table's file, has it once the command of the run is given again."
    )


def of_testset(testset: PlannedTestSet) -> str:
    """`zhengzhou zh-en, 9 segments`, or of a part of it `wmt22 zh-en, domain news, 505 segments`."""
    words = " ".join(word for word in (testset.name, testset.language_pair) if word)
    return ", ".join([words, *filter(None, [testset.selection]), counted(testset.n_segments, "segment")])


def compared(run: Reported) -> list[str]:
    """What has a row: systems, and for runs of one system that system, in the order of the plan."""
    return list(dict.fromkeys(system.group or system.name for system in run.plan.systems))


def by_metric(lines: Sequence[ComparisonLine]) -> dict[str, list[ComparisonLine]]:
    """The comparisons of each metric: those that are corrected together."""
    families: dict[str, list[ComparisonLine]] = {}
    for line in lines:
        families.setdefault(line.metric, []).append(line)
    return families


def how_tested(run: Reported, metrics: Container[str] | None = None) -> str:
    """`paired sign-flip test, exact, 9 segments, p ≤ 0.05, Holm over 10 pairs for each metric`; of comparisons of which
    some have a p-value, by these metrics or all."""
    lines, together = (
        [line for line in found if line.p is not None and (metrics is None or line.metric in metrics)]
        for found in (run.comparison_lines, run.corrected_lines)
    )
    families, corrected = by_metric(lines), by_metric(together)
    n_pairs = {len(corrected[name]) for name in families}
    parts = [_METHODS.get(lines[0].method, lines[0].method), _draws(lines), _units(lines), f"p ≤ {lines[0].alpha:g}"]
    names = {name for line in lines if (name := _correction(line)) is not None}
    if max(n_pairs) == 1:
        parts.append("one pair")
    else:
        pairs = f"{_range(n_pairs)} pairs"
        parts.append(f"{names.pop()} over {pairs}" if names else f"not corrected for {pairs}")
    return ", ".join(parts) + (" for each metric" if len(families) > 1 else "")


def level_of(run: Reported) -> str:
    """The level of intervals, `95 %`; nothing where no one says."""
    stats = run.plan.settings.get("stats")
    recorded = stats.get("level") if isinstance(stats, Mapping) else None
    level = run.comparison_lines[0].level if run.comparison_lines else recorded
    return f"{100 * level:g} %" if isinstance(level, float) else ""


def few_units(run: Reported) -> str:
    """A sentence where the bootstrap has too little to draw from."""
    n_units = min((line.n_units for line in run.comparison_lines), default=run.plan.testset.n_segments)
    if n_units >= FEWEST_BOOTSTRAP_UNITS:
        return ""
    return f"With fewer than {FEWEST_BOOTSTRAP_UNITS} units bootstrap intervals are too narrow."


def baseline_of(run: Reported) -> str | None:
    """The system that all others were compared with; None where all pairs were."""
    stats = run.plan.settings.get("stats")
    return stats.get("baseline") if isinstance(stats, Mapping) else None


def untested(lines: Sequence[ComparisonLine]) -> list[str]:
    """Sentences about pairs without a p-value."""
    without = [line for line in lines if line.p is None]
    few = [line for line in without if line.method == "bootstrap" and line.n_units < FEWEST_BOOTSTRAP_UNITS]
    notes = []
    if few:
        notes.append(
            f"No p-values with {_units(few)}: the bootstrap would call equal systems different too often with fewer "
            f"than {FEWEST_BOOTSTRAP_UNITS}. Set stats.method=sign_flip (--method sign_flip)."
        )
    if len(without) > len(few):
        pairs = ", ".join(f"{line.system_a} and {line.system_b}" for line in without if line not in few)
        notes.append(f"No p-value for {pairs}: in some draw a score is not defined.")
    return notes


def impossible(run: Reported, heads: Mapping[str, str]) -> list[str]:
    """For each metric by which nothing can be told apart, a sentence that says so and why; for those of `heads`."""
    shown = {line.metric for line in run.comparison_lines}
    tested = [line for line in run.corrected_lines if line.p is not None and line.metric in shown & heads.keys()]
    families = by_metric(tested)
    found = {heads[name]: _why_impossible(family) for name, family in families.items() if is_hopeless(family)}
    if len(set(found.values())) == 1 and len(found) == len(families):
        return [f"No difference can be significant here: {next(iter(found.values()))}"]
    return [f"{head}: no difference can be significant here: {why}" for head, why in found.items()]


def is_hopeless(family: Sequence[ComparisonLine]) -> bool:
    """Whether no p-value of those corrected together could be small enough, whatever the scores."""
    tested = [line for line in family if line.p is not None]
    return bool(tested) and _smallest_corrected(tested) > tested[0].alpha


def detectable(
    lines: Sequence[ComparisonLine],
    metrics: Sequence[PlannedMetric],
    heads: Mapping[str, str],
    settings: ReportSettings,
) -> list[str]:
    """The difference that is likely to be found, by metric."""
    families = by_metric(lines)
    found = [
        f"{heads[metric.name]} {_size(median(known), metric, settings.decimals_of(metric.name))}"
        for metric in metrics
        if (known := [line.detectable for line in families.get(metric.name, []) if line.detectable is not None])
    ]
    if not found:
        return []
    corrected = ", before correction" if any(_correction(line) for line in lines) else ""
    return [
        f"Smallest difference that one test finds with 80 % power (median over pairs{corrected}): {', '.join(found)}. "
        "Smaller ones are mostly missed."
    ]


def left_out(run: Reported, heads: Mapping[str, str]) -> list[str]:
    """For each metric with gaps, how many segments pairs go without, and which systems are in no pair."""
    notes = []
    entrants = compared(run)
    families = by_metric(run.comparison_lines)
    for name, head in heads.items():
        family = families.get(name, [])
        counts = {line.n_left_out for line in family}
        if any(counts):
            notes.append(
                f"{head}: differences are over the segments that both systems of a pair have a score for; "
                f"{_range(counts)} of {family[0].n_segments + family[0].n_left_out} are left out."
            )
        paired = {system for line in family for system in (line.system_a, line.system_b)}
        alone = [one for one in entrants if one not in paired]
        if alone and len(entrants) > 1:
            baseline = baseline_of(run)
            other = "another system" if baseline is None else f"the baseline {baseline}"
            who = ", ".join(alone) if family else "all systems"
            notes.append(f"{head}: not compared, for want of a segment with a score in common with {other}: {who}.")
    return notes


def _why_impossible(family: Sequence[ComparisonLine]) -> str:
    line = min(family, key=lambda one: one.p_smallest)
    if line.p_smallest == 1 and line.n_units > 1:
        return (
            f"no two systems that were compared differ in more than one of {_units(family)}, so no p-value is below 1."
        )
    smallest = f"{line.p_smallest:.3g}"
    if _correction(line) is not None and len(family) > 1:
        smallest += f", or {_smallest_corrected(family):.3g} corrected for {len(family)} pairs"
    if line.n_draws is not None:
        noun = _noun_of_draws(line)
        return (
            f"with {line.n_draws} {noun} no p-value is below {smallest}. Set stats.n_{noun} (--n-{noun}) to "
            f"{_enough_draws(family)} or more."
        )
    where = f"with {_units(family)}"
    if line.p_smallest > 2.0 ** (1 - line.n_units):
        where += ", of which the systems differ in few,"
    return f"{where} no p-value is below {smallest}. So nothing is told apart, whatever the scores."


def _smallest_corrected(family: Sequence[ComparisonLine]) -> float:
    """What correction leaves of the smallest p-value, were it to come out."""
    smallest = sorted(line.p_smallest for line in family)
    if family[0].p_holm is not None:
        return min(1.0, smallest[0] * len(family))
    if family[0].p_bh is not None:
        return min(1.0, *(p * len(family) / rank for rank, p in enumerate(smallest, start=1)))
    return smallest[0]


def _enough_draws(family: Sequence[ComparisonLine]) -> int:
    n_together = len(family) if family[0].p_holm is not None else 1
    return int(10 ** math.ceil(math.log10(n_together / family[0].alpha)))


def _size(difference: float, metric: PlannedMetric, decimals: int) -> str:
    shown = difference * metric.display_factor
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
    drawn = f"{n_draws} {_noun_of_draws(lines[0])}"
    return drawn if None not in draws else f"exact or {drawn}"


def _noun_of_draws(line: ComparisonLine) -> str:
    return "resamples" if line.method == "bootstrap" else "draws"


def _units(lines: Sequence[ComparisonLine]) -> str:
    numbers = {line.n_units for line in lines}
    return counted(numbers.pop(), lines[0].unit) if len(numbers) == 1 else f"{_range(numbers)} {lines[0].unit}s"


def _range(numbers: set[int]) -> str:
    return str(min(numbers)) if len(numbers) == 1 else f"{min(numbers)} to {max(numbers)}"
