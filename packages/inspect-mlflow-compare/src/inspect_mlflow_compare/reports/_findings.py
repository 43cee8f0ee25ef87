"""What was found, in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from inspect_mlflow_compare._types import ComparisonResult, GateCheck, MetricComparison, Outcome
from inspect_mlflow_compare.reports._characters import shortened, visible
from inspect_mlflow_compare.reports._numbers import Scale, p_value, scale_of
from inspect_mlflow_compare.reports._wording import detectable, labels_sentence, margin_clause

__all__ = [
    "UNTESTED",
    "check_reason",
    "finding",
    "headline",
    "judged_metrics",
    "outcome_word",
]

UNTESTED: Final = "scorers"
"""Name of the check that stands for "nothing could be tested"."""

_OUTCOME_WORDS: Final[dict[Outcome, str]] = {
    "pass": "PASS",
    "fail": "FAIL",
    "inconclusive": "INCONCLUSIVE",
}
_MOST_FINDINGS: Final = 3


def outcome_word(result: ComparisonResult) -> str:
    """The gate's outcome in one word."""
    return _OUTCOME_WORDS[result.gate.outcome] if result.gate is not None else "NO GATE"


def headline(result: ComparisonResult) -> str:
    """One sentence that says why the gate came out as it did."""
    gate = result.gate
    if gate is None:
        return _joined([finding(metric, result) for metric in _most_telling(result.metrics)])
    if gate.outcome == "pass":
        found = [finding(metric, result) for metric in _most_telling(result.metrics)]
        metrics = judged_metrics(result)
        found += [
            check_reason(check, result)
            for check, metric in zip(gate.checks, metrics, strict=True)
            if metric is None
        ]
        return _joined(found)
    return _joined(
        [
            check_reason(check, result) if metric is None else finding(metric, result)
            for check, metric in zip(gate.checks, judged_metrics(result), strict=True)
            if check.outcome == gate.outcome
        ]
    )


def judged_metrics(result: ComparisonResult) -> list[MetricComparison | None]:
    """For each check of the gate the metric it is about; None for thresholds."""
    remaining = {metric.scorer: metric for metric in reversed(result.metrics)}
    checks = result.gate.checks if result.gate is not None else ()
    # A threshold may be called like a scorer; the scorers come first.
    return [remaining.pop(check.name, None) for check in checks]


def check_reason(check: GateCheck, result: ComparisonResult) -> str:
    """A check that is about no scorer, as a phrase."""
    if check.name == UNTESTED and check.outcome == "inconclusive":
        return visible(f"{check.reason}: {_why_untested(result)}")
    return visible(f"{check.name.replace('_', ' ')}: {check.reason}")


def finding(metric: MetricComparison, result: ComparisonResult) -> str:
    """What was found of a metric, as a sentence that begins with its name."""
    scale = scale_of(metric)
    name = shortened(metric.scorer, 60)
    numbers = f"{scale.change(metric.delta)}{_evidence(metric, scale, result.significance)}"
    if metric.labels is not None:
        return f"{name}: {labels_sentence(metric.labels)}"
    match metric.verdict:
        case "improved" | "regressed":
            text = f"{name} {metric.verdict}, {numbers}"
        case "no_detectable_change":
            text = f"{name} shows no detectable change ({detectable(metric)})"
        case _:
            text = f"{name} could not be tested"
    return f"{text}{margin_clause(metric)}"


def _why_untested(result: ComparisonResult) -> str:
    """What is missing for a test, as far as the result shows it."""
    if not result.metrics:
        return "there are no scores"
    for metric in result.metrics:
        if metric.ids and metric.notes:
            return metric.notes[0]
    sides = {
        "baseline": any(_scored(one.baseline_score, one.baseline_label) for one in result.samples),
        "candidate": any(
            _scored(one.candidate_score, one.candidate_label) for one in result.samples
        ),
    }
    unscored = [name for name, scored in sides.items() if not scored]
    if unscored:
        return f"the {' and the '.join(unscored)} {'is' if len(unscored) == 1 else 'are'} unscored"
    return "no scorer scored an id in both evaluations"


def _scored(score: float | None, label: str | None) -> bool:
    return score is not None or label is not None


def _evidence(metric: MetricComparison, scale: Scale, significance: float) -> str:
    interval = ""
    if metric.ci_lower is not None:
        interval = f" {scale.interval(metric.ci_lower, metric.ci_upper)}"
    p = p_value(metric.p_adjusted, significance)
    return f"{interval}, p{'' if p.startswith('<') else '='}{p}"


def _most_telling(metrics: Sequence[MetricComparison]) -> list[MetricComparison]:
    """The metrics in the order in which a reader wants to hear of them."""
    order = ("regressed", "improved", "no_detectable_change", "not_testable")
    return sorted(metrics, key=lambda metric: order.index(metric.verdict))


def _joined(findings: Iterable[str]) -> str:
    found = list(findings)
    shown = found[:_MOST_FINDINGS]
    if more := len(found) - len(shown):
        shown.append(f"and {more} more")
    return "; ".join(shown) or "there was nothing to compare"
