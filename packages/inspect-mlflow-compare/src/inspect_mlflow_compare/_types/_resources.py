"""What the samples cost."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ResourceComparison"]


@dataclass(frozen=True, slots=True)
class ResourceComparison:
    """Comparison of what the samples cost, paired by sample id.

    Args:
        name: `"cost"`, `"input_tokens"`, `"output_tokens"`, `"total_tokens"`, `"total_time"` or
            `"working_time"`.
        unit: `"USD"`, `"tokens"` or `"s"`.
        ids: Sample ids with a value on both sides.
        baseline_mean: Mean per sample.
        candidate_mean: Mean per sample.
        baseline_total: Sum over all samples of the log.
        candidate_total: Sum over all samples of the log.
        delta: Difference of the means.
        ci_lower: Interval of `delta`.
        ci_upper: Upper bound.
        ratio: Geometric mean of the paired ratios; None unless all are positive.
        ratio_ci_lower: Interval of `ratio`, from the t interval of the logarithms.
        ratio_ci_upper: Upper bound.
        baseline_p95: 95th percentile over samples.
        candidate_p95: 95th percentile over samples.
        p_value: Paired t test of `delta`.
    """

    name: str
    unit: str
    ids: int
    baseline_mean: float
    candidate_mean: float
    baseline_total: float
    candidate_total: float
    delta: float
    ci_lower: float | None = None
    ci_upper: float | None = None
    ratio: float | None = None
    ratio_ci_lower: float | None = None
    ratio_ci_upper: float | None = None
    baseline_p95: float | None = None
    candidate_p95: float | None = None
    p_value: float | None = None
