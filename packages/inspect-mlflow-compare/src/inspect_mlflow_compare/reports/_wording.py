"""What may be said of a metric, in words."""

from __future__ import annotations

from typing import Final

from inspect_mlflow_compare._types import (
    FlipRates,
    LabelAgreement,
    MetricComparison,
)
from inspect_mlflow_compare.reports._characters import visible
from inspect_mlflow_compare.reports._numbers import (
    count,
    level_percent,
    percent,
    scale_of,
    signed,
)

__all__ = [
    "POWER",
    "details",
    "detectable",
    "flips_sentence",
    "labels_sentence",
    "logged_note",
    "margin_clause",
    "power_sentence",
    "prospects",
    "short_verdict",
    "verdict",
]

POWER: Final = "80% power"
"""The power that detectable effects are stated for."""

_EFFECT_NAMES: Final = {
    "cohens_g": "Cohen's g",
    "cohens_h": "Cohen's h",
    "d_z": "d_z",
    "d_s": "d_s",
}


def verdict(metric: MetricComparison) -> str:
    """The verdict on a metric: never that nothing changed, but what could have been seen."""
    if metric.labels is not None:
        return f"{percent(metric.labels.agreement)} equal labels"
    words = {
        "improved": "improved",
        "regressed": "REGRESSED",
        "no_detectable_change": f"~ no detectable change ({detectable(metric)})",
        "not_testable": "not testable",
    }[metric.verdict]
    return f"{words}{margin_clause(metric)}"


def short_verdict(metric: MetricComparison) -> str:
    """The verdict in a word or two, for places that show the detectable effect elsewhere."""
    if metric.kind == "label":
        return "labels"
    return {
        "improved": "improved",
        "regressed": "regressed",
        "no_detectable_change": "no detectable change",
        "not_testable": "not testable",
    }[metric.verdict]


def power_sentence(metric: MetricComparison) -> str:
    """What could have been found, and what it would take to find more; empty where unknown."""
    if metric.minimum_detectable_effect is None:
        return ""
    scale = scale_of(metric)
    epochs = metric.baseline_epochs, metric.candidate_epochs
    design = count(metric.ids, "id")
    if max(epochs) > 1:
        design += (
            f" x {' and '.join(dict.fromkeys(f'{round(number, 1):g}' for number in epochs))} epochs"
        )
    parts = [f"{scale.size(metric.minimum_detectable_effect)} with {design}"]
    if metric.ids_needed is not None and metric.delta and not metric.significant:
        size = scale.size(abs(metric.delta))
        parts.append(f"{count(metric.ids_needed, 'id')} would find the {size} seen here")
    return "; ".join(parts)


def prospects(metric: MetricComparison) -> str:
    """Detectable effects with more ids or more epochs, as far as they are planned for."""
    scale = scale_of(metric)
    ids = metric.ids
    epochs = max(metric.baseline_epochs, metric.candidate_epochs)
    most_epochs = max((one.epochs for one in metric.planning), default=0)
    fitting = min(
        (one.epochs for one in metric.planning), key=lambda number: abs(number - epochs), default=0
    )
    found = [
        f"{scale.size(one.effect)} with "
        + (f"{one.epochs} epochs" if one.ids == ids else count(one.ids, "id"))
        for one in metric.planning
        if (one.ids == ids and one.epochs == most_epochs > epochs)
        or (one.ids > ids and one.epochs == fitting)
    ]
    return ", ".join(found)


def flips_sentence(flips: FlipRates) -> str:
    """How many answers differ between the evaluations, and how many would by chance alone."""
    observed = f"{percent(flips.observed)} of the pairs of epochs differ"
    if flips.expected is None:
        return (
            f"{percent(flips.observed)} of the samples differ; how many would by chance alone "
            "cannot be told from one epoch"
        )
    return f"{observed}; {percent(flips.expected)} would if nothing had changed"


def labels_sentence(labels: LabelAgreement) -> str:
    """How well two evaluations agree in their labels."""
    kappa = "undefined" if labels.kappa is None else _two(labels.kappa)
    return f"{percent(labels.agreement)} of the labels are equal (Cohen's kappa {kappa})"


def details(metric: MetricComparison, significance: float) -> list[str]:
    """Further numbers of a metric, one phrase each."""
    scale = scale_of(metric)
    found = []
    if metric.effect_size is not None:
        name = _EFFECT_NAMES.get(metric.effect_size_name, metric.effect_size_name)
        found.append(f"{name} {signed(metric.effect_size)}")
    if metric.hedges_g is not None:
        found.append(f"Hedges' g {signed(metric.hedges_g)}")
    if metric.correlation is not None:
        found.append(f"correlation over ids {_two(metric.correlation)}")
    if metric.probability_improvement is not None:
        odds = _odds(metric.probability_improvement)
        found.append(f"probability that the candidate is better {odds}")
    if metric.fixed_ci_lower is not None:
        interval = scale.interval(metric.fixed_ci_lower, metric.fixed_ci_upper)
        found.append(
            f"{level_percent(significance)} interval for these very questions asked anew "
            f"{interval}{scale.unit}"
        )
    return found


def logged_note(metric: MetricComparison) -> str:
    """What the logs state themselves, where that is something else; empty otherwise."""
    scale = scale_of(metric)
    pairs = (
        (metric.baseline_logged, metric.baseline_value),
        (metric.candidate_logged, metric.candidate_value),
    )
    if all(logged is None or scale.value(logged) == scale.value(own) for logged, own in pairs):
        return ""
    stated = " and ".join(
        "nothing" if logged is None else scale.value(logged) for logged, _ in pairs
    )
    return f"the logs themselves state {stated} ({visible(metric.name)} over all their samples)"


def detectable(metric: MetricComparison) -> str:
    """The detectable effect in short: `MDE 6.1 pp`."""
    effect = metric.minimum_detectable_effect
    return f"MDE {scale_of(metric).size(effect) if effect is not None else 'unknown'}"


def margin_clause(metric: MetricComparison) -> str:
    """What the margin adds to a verdict; empty without one."""
    tested = metric.non_inferiority
    if tested is None:
        return ""
    scale = scale_of(metric)
    margin = f"margin of {scale.given(tested.margin)}"
    if tested.bound is None:
        return f", {margin}: cannot be told"
    at_worst = f"at worst {scale.change(tested.bound)}"
    held = {"pass": "within the", "fail": "beyond the", "inconclusive": "perhaps beyond the"}
    return f", {at_worst}, {held[tested.outcome]} {margin}"


def _odds(probability: float) -> str:
    """A probability as a share that never claims certainty."""
    if probability > 0.999:
        return ">99.9%"
    return "<0.1%" if probability < 0.001 else percent(probability)


def _two(value: float) -> str:
    """A number with two decimals, never minus zero."""
    return f"{round(value, 2) + 0.0:.2f}"
