"""The note that ships with a checkpoint, with its figures as they were measured."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from evalharness.metrics.comet.training.correlation import Agreement, Interval
from evalharness.metrics.comet.training.recipe import Recipe
from evalharness.metrics.comet.training.robustness import CHAINS, Robustness

if TYPE_CHECKING:
    from evalharness.metrics.comet.training.procedure import Report

_NOTE = """# comet-mini

A COMET checkpoint of the family RegressionMetric (source, hypothesis, reference; as `wmt22-comet-da`), small enough to
ship. It is **lexical and length-aware, with no cross-lingual ability, for demonstrations, tests and smoke runs**. It is
not a measure of translation quality to publish: for that use a published checkpoint, such as
`Unbabel/wmt22-comet-da`.

Scores are about 1 for a perfect translation and about 0 for none. They are not comparable with COMET-22's or any other
checkpoint's.

## How it was made

`evalharness comet train`: {minutes:.0f} minutes on {threads}, seed {seed}. From scratch; no pre-trained weights.
`training.json` holds every setting, the SHA-256 of every data file, the versions of the packages and all figures below
at full precision. The same seed gives the same weights on one machine with the same packages; other processors round
differently.

- Data: the systems and references of WMT22 zh-en news (wmt-conference/wmt22-news-systems), without human judgements,
  and the expert MQM of TED 2021 zh-en (google/wmt-mqm-human-evaluation). {held_out} were never trained on.
{remarks}- Tokenizer: {n_pieces} unigram pieces of the English side, then single Chinese characters. Digits stand alone.
- Encoder: one layer, width {width}, {n_heads} heads, feed-forward {feed_forward}. It is not trained: a piece begins and
  stays as a random projection of the sequences of letters in it, so that what two texts share in spelling shows in
  their averages, and the heads look at neighbouring words.
- Estimator: {estimator} with tanh, on averaged vectors; the only part that is trained.
- A teacher (ridge regression, boosted trees, randomised trees, over both references and the other systems) is fitted
  on the MQM and labels the news. The estimator learns those labels, the MQM, the order of planted damage, and chrF;
  then {chrf_share} of its chrF head, in spreads of the score, is folded into the score.

Licence: Apache-2.0, as the project.

## Agreement with expert MQM

{assessed}, {n_segments} segments, {n_systems} systems, held out. P and K are Pearson and Kendall over all
translations; *partial P* is Pearson with the log source length taken out; *within* is the share of system pairs put in
the right order on the same sentence. Intervals: 95 %, segments resampled. *ridge* is a regression on chrF and the log
lengths of source, hypothesis and reference, fitted on the other talks.

{agreement}

Raw P and K are mostly length: long sentences have more errors, and the ridge regression knows little else. So partial P
and *within* say more about translations than P and K do.

## Planted damage

Mean score on the held-out talks, and in brackets the share of texts whose undamaged version scored higher.

{damage}

On the bundled test set `zhengzhou`, whose references were damaged: {bundled}.
Its candidates: {candidates}.

## What it cannot do

- It understands no Chinese. Of the source it reads little more than its length, its digits and whether it was
  copied; a wrong source of about the same length changes next to nothing.
- It compares words, or pieces of words, with those of the reference: a good paraphrase looks bad.
{order}
- It was trained on Chinese to English only. Into other languages its scores mean nothing.
"""


def note(recipe: Recipe, report: Report, minutes: float) -> str:
    """The text of README.md."""
    first = report.agreement[0]
    return _NOTE.format(
        minutes=minutes,
        threads="one core" if recipe.n_threads == 1 else f"{recipe.n_threads} cores",
        seed=recipe.seed,
        held_out=_talk_list((*recipe.test_talks, *recipe.validation_talks)),
        n_pieces=f"{recipe.n_pieces:,}",
        width=recipe.width,
        n_heads=recipe.n_heads,
        feed_forward=recipe.feed_forward,
        estimator="-".join(str(size) for size in (6 * recipe.width, *recipe.hidden_sizes, 1)),
        chrf_share=f"{recipe.chrf_share:g}",
        remarks=_wrapped(recipe.remarks) + "\n" if recipe.remarks else "",
        order=_order_text(report),
        assessed=_talk_list(report.assessed_talks),
        n_segments=first.n_segments,
        n_systems=first.n_systems,
        agreement=_agreement_table(report),
        damage="\n\n".join(
            _damage_table([table for table in report.damage if table.undamaged == undamaged])
            for undamaged in dict.fromkeys(table.undamaged for table in report.damage)
        ),
        bundled=_bundled_text(report.bundled_damage),
        candidates=", ".join(f"{entry.system} {entry.mean:.3f}" for entry in report.bundled_candidates),
    )


def _order_text(report: Report) -> str:
    is_better = all(figures.model.within > figures.chrf.within for figures in report.agreement)
    shares = sorted(figures.chrf.within for figures in report.agreement)
    return _wrapped(
        f"It puts systems in order within a sentence {'better' if is_better else 'no better'} than chrF does, which is "
        f"right for {100 * shares[0]:.1f} to {100 * shares[-1]:.1f} % of pairs here, where chance is right for 50 %."
    )


def _wrapped(text: str) -> str:
    """An entry of a list."""
    return textwrap.fill(f"- {text}", width=120, subsequent_indent="  ", break_on_hyphens=False)


def _agreement_table(report: Report) -> str:
    rows = [["", "P", "K", "partial P", "within"]]
    for figures in report.agreement:
        for name, agreement in (("comet-mini", figures.model), ("chrF", figures.chrf), ("ridge", figures.ridge)):
            rows.append([f"{name}, {figures.reference}", *_agreement_cells(agreement)])
    gains = [
        f"- {figures.reference}: P {_interval(figures.pearson_over_ridge)} and "
        f"K {_interval(figures.kendall_over_ridge)} over the ridge regression; "
        f"partial P {_interval(figures.partial_over_chrf)} and "
        f"within {_interval(figures.within_over_chrf)} over chrF"
        for figures in report.agreement
    ]
    behind = [
        f"- Behind: {measure} with {figures.reference}, {ours:.3f} against {theirs:.3f} of {rival}."
        for figures in report.agreement
        for measure, rival, ours, theirs in (
            ("P", "the ridge regression", figures.model.pearson, figures.ridge.pearson),
            ("K", "the ridge regression", figures.model.kendall, figures.ridge.kendall),
            ("partial P", "chrF", figures.model.partial, figures.chrf.partial),
            ("within", "chrF", figures.model.within, figures.chrf.within),
        )
        if ours <= theirs
    ]
    return "\n".join([_table(rows), "", "Intervals of the differences:", "", *gains, *behind])


def _agreement_cells(agreement: Agreement) -> list[str]:
    numbers = (agreement.pearson, agreement.kendall, agreement.partial)
    return [*(f"{number:.3f}" for number in numbers), f"{agreement.within:.3f} {_interval(agreement.within_interval)}"]


def _damage_table(tables: Sequence[Robustness]) -> str:
    rows = [[tables[0].undamaged, *(table.reference for table in tables)]]
    rows.append(["undamaged", *(f"{table.undamaged_mean:.3f}" for table in tables)])
    for name in dict.fromkeys(figures.damage for table in tables for figures in table.damages):
        rows.append([name, *(_damage_cell(table, name) for table in tables)])
    return _table(rows)


def _damage_cell(table: Robustness, name: str) -> str:
    """Where not every text offers a place for the damage, how many do."""
    found = [figures for figures in table.damages if figures.damage == name]
    if not found:
        return "-"
    n_texts = "" if found[0].n_texts == table.n_texts() else f" of {found[0].n_texts}"
    return f"{found[0].mean:.3f} ({found[0].undamaged_wins:.2f}{n_texts})"


def _bundled_text(bundled: Robustness) -> str:
    chains = [
        " > ".join(f"{name} {bundled.mean(name):.3f}" for name in chain) for chain in CHAINS
    ]  # fmt: skip
    return f"undamaged {bundled.undamaged_mean:.3f}; {'; '.join(chains)}"


def _interval(interval: Interval) -> str:
    return f"[{interval.low:.3f}, {interval.high:.3f}]"


def _talk_list(names: Sequence[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *body))
