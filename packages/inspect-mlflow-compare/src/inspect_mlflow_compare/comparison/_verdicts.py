"""From p-values to verdicts: adjusted for the number of comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inspect_mlflow_compare._types import MetricComparison, Verdict
from inspect_mlflow_compare.comparison._options import Correction

__all__ = ["decide"]


def decide(
    metrics: Sequence[MetricComparison], correction: Correction, significance: float
) -> list[MetricComparison]:
    """The metrics with adjusted p-values, significance, verdicts and outcomes at their margins.

    Args:
        metrics: All that belong together: of one comparison, or of several candidates.
        correction: How to adjust; metrics that cannot be tested do not count.
        significance: Level.
    """
    from inspect_mlflow_compare.statistics import adjust

    tested = [metric.p_value for metric in metrics if metric.p_value is not None]
    adjusted = iter(adjust(tested, correction))
    return [
        _decided(
            metric,
            next(adjusted) if metric.p_value is not None else None,
            correction,
            significance,
        )
        for metric in metrics
    ]


def _decided(
    metric: MetricComparison, p_adjusted: float | None, correction: Correction, significance: float
) -> MetricComparison:
    significant = p_adjusted is not None and p_adjusted < significance
    decided = replace(
        metric,
        p_adjusted=p_adjusted,
        correction=correction,
        significant=significant,
        verdict=_verdict(metric, significant, significance),
    )
    notes = _notes(decided, significance)
    margin = decided.non_inferiority
    if margin is not None and margin.outcome != "pass" and decided.verdict == "regressed":
        margin = replace(margin, outcome="fail")
    return replace(decided, non_inferiority=margin, notes=(*decided.notes, *notes))


def _verdict(metric: MetricComparison, significant: bool, significance: float) -> Verdict:
    if significant:
        better = (metric.delta > 0) == (metric.better == "higher")
        return "improved" if better else "regressed"
    units = metric.ids if metric.clusters is None else metric.clusters
    # Below six ids no outcome at all is significant at 5 %: not seeing one says nothing.
    if metric.p_value is None or 2.0 ** (1 - units) >= significance:
        return "not_testable"
    return "no_detectable_change"


def _notes(metric: MetricComparison, significance: float) -> list[str]:
    """What could look like a contradiction."""
    notes = []
    if metric.p_value is not None and metric.p_value < significance and not metric.significant:
        notes.append(
            "significant by itself, but not after adjusting for the number of comparisons; the "
            "interval is not adjusted"
        )
    margin = metric.non_inferiority
    if margin is not None and margin.outcome == "pass" and metric.verdict == "regressed":
        notes.append(f"significantly worse, but by less than the margin of {margin.margin:g}")
    return notes
