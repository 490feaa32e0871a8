"""Errors marked in a hypothesis, from the probabilities of its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from evalharness.metrics.comet.tokens import Tokenizer
from evalharness.records import ErrorSpan

Tensor: TypeAlias = Any

_PENALTIES = {"minor": 1, "major": 5, "critical": 10}
_WORST = 25


def decode_spans(
    probabilities: Tensor,
    ids: Sequence[int],
    offsets: Sequence[tuple[int, int]],
    *,
    labels: Sequence[str],
    tokenizer: Tokenizer,
) -> tuple[ErrorSpan, ...]:
    """The errors of one hypothesis, as unbabel-comet 2.2.7 decodes them.

    Shapes: probabilities [tokens, 1 + labels], the first column for no error; `ids` and `offsets` of the same tokens.
    Neighbouring tokens with any label make one error of the first one's severity. An error that no token without one
    follows is lost, as it is there."""
    likeliest, label_ids = probabilities.max(dim=1)
    spans: list[ErrorSpan] = []
    first: int | None = None
    for index, label_id in enumerate(label_ids.tolist()):
        if label_id and first is None:
            first = index
        elif not label_id and first is not None:
            spans.append(
                ErrorSpan(
                    text=tokenizer.decode(ids[first:index]),
                    severity=labels[int(label_ids[first]) - 1],
                    confidence=float(likeliest[first:index].mean()),
                    start=offsets[first][0],
                    end=offsets[index - 1][1],
                )
            )
            first = None
    return tuple(spans)


def mqm_score(spans: Sequence[ErrorSpan]) -> float:
    """1 without errors down to 0: minor errors cost 1, major 5 and critical 10 of 25. Source: Guerreiro et al. 2023."""
    penalty = sum(_PENALTIES.get(span.severity, 0) for span in spans)
    return (_WORST - min(penalty, _WORST)) / _WORST
