"""Whether a candidate passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inspect_mlflow_compare._types import (
    EvaluationFacts,
    GateCheck,
    GateResult,
    GateThresholds,
    MetricComparison,
    ResourceComparison,
)
from inspect_mlflow_compare.gate._checks import metric_check, threshold_checks

__all__ = ["judge"]


def judge(
    metrics: Sequence[MetricComparison],
    candidate: EvaluationFacts,
    resources: Sequence[ResourceComparison],
    missing_shares: Mapping[str, float | None],
    thresholds: GateThresholds,
) -> GateResult:
    """Applies all requirements to a comparison.

    Without margins the gate fails on significant regressions only, and a pass then means that
    none was found, not that there is none: its reason says from which size on one would have
    been. One failing check fails the gate; else one that is inconclusive makes it that.

    Args:
        metrics: With their verdicts.
        candidate: Facts of the candidate.
        resources: Cost and time.
        missing_shares: See `threshold_checks`.
        thresholds: What is asked for.
    """
    scorers = [check for metric in metrics if (check := metric_check(metric)) is not None]
    checks = scorers + threshold_checks(thresholds, candidate, resources, missing_shares)
    if not scorers:
        checks.insert(0, GateCheck("scorers", "inconclusive", "no score could be tested"))
    for outcome in ("fail", "inconclusive"):
        deciding = [check for check in checks if check.outcome == outcome]
        if deciding:
            return GateResult(outcome, _reason(deciding), tuple(checks))
    return GateResult("pass", _reason(checks), tuple(checks))


def _reason(checks: Sequence[GateCheck]) -> str:
    return "; ".join(f"{check.name}: {check.reason}" for check in checks)
