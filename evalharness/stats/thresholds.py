"""What a difference means to people: how often human raters agree that the system with the better score is better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Curve(NamedTuple):
    """Accuracy in percent is top / (1 + exp(-slope * difference))."""

    top: float
    slope: float


CURVES: Mapping[str, Curve] = MappingProxyType(
    {
        "BLEU": Curve(88.3333, 0.966393),
        "chrF2": Curve(93.0, 1.114273),
        "COMET-22": Curve(96.2237, 2.835919),
        "CometKiwi-22": Curve(98.8814, 2.719281),
        "XCOMET-XL": Curve(96.5674, 1.453560),
        "MetricX-23": Curve(93.6078, 26.27785),
    }
)
"""By the field's spelling of the metric. Differences are on the scale metrics are reported on: COMET's times 100.
Source: Kocmi et al. 2024, "Navigating the Metrics Maze", fitted on ToShip23."""


_AS_MEASURED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "BLEU": frozenset({"case:mixed", "eff:no", "smooth:exp"}),
        "chrF2": frozenset({"case:mixed", "eff:yes", "nc:6", "nw:0", "space:no"}),
    }
)
"""What the signature must say; tokenizers follow the language. Nothing beside these may differ from the defaults."""
_NOT_AS_MEASURED = ("order:", "beta:", "smooth_value:")


def curve_name(heading: str, signature: str) -> str | None:
    """The metric, by its name in `CURVES`, whose differences were measured; None for others and for other settings."""
    fields = signature.split("|")
    if heading not in CURVES or any(field.startswith(_NOT_AS_MEASURED) for field in fields):
        return None
    return heading if _AS_MEASURED.get(heading, frozenset()) <= set(fields) else None


def human_agreement(metric: str, difference: float) -> float | None:
    """The share, in percent, of comparisons in which people agree with a difference of this size; from 50, a toss, up.

    None for metrics that nothing was measured for, and for a difference that is not defined."""
    curve = CURVES.get(metric)
    if curve is None or math.isnan(difference):
        return None
    return max(50.0, curve.top / (1 + math.exp(-curve.slope * abs(difference))))


def difference_for(metric: str, agreement: float) -> float | None:
    """The difference at which people agree in this share of comparisons, in percent.

    None where no difference is enough, and for metrics that nothing was measured for."""
    curve = CURVES.get(metric)
    if curve is None or not 50 <= agreement < curve.top:
        return None
    return max(0.0, -math.log(curve.top / agreement - 1) / curve.slope)
