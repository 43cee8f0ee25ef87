"""The single requirements of the gate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from inspect_mlflow_compare._types import (
    EvaluationFacts,
    GateCheck,
    GateThresholds,
    MetricComparison,
    NonInferiority,
    Outcome,
    ResourceComparison,
)

__all__ = ["metric_check", "threshold_checks"]


def metric_check(metric: MetricComparison) -> GateCheck | None:
    """Whether a scorer passes: at its margin, or else without a significant regression.

    None for a metric that says nothing: one without a margin that could not be tested.
    """
    margin = metric.non_inferiority
    if margin is not None:
        return GateCheck(metric.scorer, margin.outcome, _margin_reason(metric, margin))
    match metric.verdict:
        case "not_testable":
            return None
        case "regressed":
            return GateCheck(metric.scorer, "fail", f"regressed by {_change(metric)}")
        case "improved":
            return GateCheck(metric.scorer, "pass", f"improved by {_change(metric)}")
    return GateCheck(metric.scorer, "pass", f"no detectable change: {_change(metric)}")


def threshold_checks(
    thresholds: GateThresholds,
    candidate: EvaluationFacts,
    resources: Sequence[ResourceComparison],
    missing_shares: Mapping[str, float | None],
) -> list[GateCheck]:
    """Checks of everything that is no score.

    Args:
        thresholds: What is asked for; nothing is checked that is not.
        candidate: Facts of the candidate.
        resources: Cost and time.
        missing_shares: For each scorer the share of the baseline's ids that the candidate has
            no score for.
    """
    by_name = {resource.name: resource for resource in resources}
    found = []
    if thresholds.error_rate is not None:
        rate = candidate.errors / candidate.samples if candidate.samples else None
        found.append(_at_most("error_rate", rate, thresholds.error_rate, "errors"))
    if thresholds.missing_share is not None:
        shares = [share for share in missing_shares.values() if share is not None]
        largest = max(shares, default=None)
        found.append(
            _at_most("missing_share", largest, thresholds.missing_share, "ids without a score")
        )
    if thresholds.cost_ratio is not None:
        found.append(_ratio_check("cost_ratio", by_name.get("cost"), thresholds.cost_ratio))
    if thresholds.p95_latency_ratio is not None:
        found.append(
            _ratio_check(
                "p95_latency_ratio", by_name.get("total_time"), thresholds.p95_latency_ratio
            )
        )
    return found


def _ratio_check(name: str, resource: ResourceComparison | None, largest: float) -> GateCheck:
    if resource is None:
        return GateCheck(name, "inconclusive", "the logs do not say")
    before, after = resource.baseline_total, resource.candidate_total
    if name == "p95_latency_ratio":
        before, after = resource.baseline_p95 or 0.0, resource.candidate_p95 or 0.0
    if before <= 0:
        outcome: Outcome = "pass" if after <= 0 else "inconclusive"
        return GateCheck(name, outcome, f"from {before:g} to {after:g} {resource.unit}")
    ratio = after / before
    return GateCheck(
        name,
        "pass" if _is_at_most(ratio, largest) else "fail",
        f"{ratio:.3g} times the baseline, {largest:g} allowed "
        f"({before:.4g} to {after:.4g} {resource.unit})",
    )


def _at_most(name: str, share: float | None, largest: float, what: str) -> GateCheck:
    if share is None:
        return GateCheck(name, "inconclusive", "there are no samples to tell from")
    outcome: Outcome = "pass" if _is_at_most(share, largest) else "fail"
    return GateCheck(name, outcome, f"{share:.1%} {what}, {largest:.1%} allowed")


def _is_at_most(value: float, largest: float) -> bool:
    """Three times 0.1 is at most 0.3."""
    return value <= largest or math.isclose(value, largest)


def _margin_reason(metric: MetricComparison, margin: NonInferiority) -> str:
    if margin.bound is None:
        return f"margin {margin.margin:g}: the data cannot tell"
    bound = f"at worst {_signed(margin.bound)} (margin {margin.margin:g})"
    match margin.outcome:
        case "pass":
            return f"{bound}: {_change(metric)}"
        case "fail":
            return f"regressed by {_change(metric)}, {bound}"
    return f"{bound}, which may be too much: {_change(metric)}"


def _change(metric: MetricComparison) -> str:
    """The difference, how sure it is, and what could have gone unseen."""
    text = _signed(metric.delta)
    if metric.p_adjusted is not None:
        text += f" (p {metric.p_adjusted:.2g})"
    effect = metric.minimum_detectable_effect
    if not metric.significant and effect is not None:
        text += f", detectable from {effect:.3g}"
    return text


def _signed(value: float) -> str:
    return f"{value + 0.0:+.3g}"
