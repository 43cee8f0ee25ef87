"""The comparison of one scorer."""

from __future__ import annotations

from dataclasses import dataclass

from inspect_mlflow_compare._types._metric_parts import (
    DetectableEffect,
    FlipRates,
    LabelAgreement,
    NonInferiority,
    VarianceSplit,
)
from inspect_mlflow_compare._types._words import Better, ScoreKind, Verdict

__all__ = ["MetricComparison"]


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """Comparison of one scorer between two evaluations.

    All numbers come from the same aligned rows: ids that both evaluations scored. Without any such
    id, and for labels, `baseline_value`, `candidate_value` and `delta` are NaN.

    Args:
        name: Metric, such as `"accuracy"` or `"mean"`.
        scorer: Scorer, as in `SampleComparison`.
        baseline_value: Mean over ids of the baseline.
        candidate_value: Mean over ids of the candidate.
        delta: Candidate minus baseline.
        relative_delta: `delta / baseline_value`; None unless the baseline is positive.
        significant: Whether the adjusted p-value is below the significance level.
        p_value: Two-sided, before adjustment; None when nothing can be tested.
        ci_lower: Lower bound of the interval of `delta`; None when there is none.
        ci_upper: Upper bound.
        effect_size: See `effect_size_name`; None when it is undefined.
        p_adjusted: `p_value` adjusted for the number of comparisons.
        correction: How: `"holm"`, `"bh"` or `"none"`.
        method: The test and the interval, such as `"mcnemar-midp"`.
        interval: Which interval: `"tango"`, `"tango-effective"`, `"t"`, `"cluster-t"`, …
        effect_size_name: `"cohens_g"` for binary scores, else `"d_z"`.
        kind: What the scores are.
        better: Whether higher or lower is better.
        verdict: What may be said of the difference.
        ids: Sample ids that were compared.
        baseline_epochs: Mean number of scored epochs per id.
        candidate_epochs: The same of the candidate.
        clusters: Clusters of ids; None without.
        baseline_stderr: Standard error of `baseline_value`.
        candidate_stderr: Standard error of `candidate_value`.
        standard_error: Standard error of `delta`.
        correlation: Between the two over ids.
        wins: Ids where the candidate is better.
        ties: Ids without a difference.
        losses: Ids where it is worse.
        hedges_g: `d_z` without its small-sample bias.
        probability_improvement: Probability that the candidate is the better one, given a flat
            prior: one minus half the p-value, on the side of the difference.
        baseline_logged: The value that the baseline's log states for this metric.
        candidate_logged: The value that the candidate's log states.
        minimum_detectable_effect: True difference found with a power of 80 %.
        ids_needed: Ids needed to find a difference as large as the one seen.
        variance: Split of the variance; None with one epoch.
        planning: Detectable effects for more ids and epochs.
        fixed_ci_lower: Interval for these very questions, asked anew; None with one epoch.
        fixed_ci_upper: Upper bound of it.
        flips: For binary scores.
        labels: For scores that are labels.
        non_inferiority: When a margin was given.
        notes: What the reader should know.
    """

    name: str
    scorer: str
    baseline_value: float
    candidate_value: float
    delta: float
    relative_delta: float | None
    significant: bool
    p_value: float | None
    ci_lower: float | None
    ci_upper: float | None
    effect_size: float | None = None
    p_adjusted: float | None = None
    correction: str = "none"
    method: str = ""
    interval: str = ""
    effect_size_name: str = "d_z"
    kind: ScoreKind = "continuous"
    better: Better = "higher"
    verdict: Verdict = "not_testable"
    ids: int = 0
    baseline_epochs: float = 1.0
    candidate_epochs: float = 1.0
    clusters: int | None = None
    baseline_stderr: float | None = None
    candidate_stderr: float | None = None
    standard_error: float | None = None
    correlation: float | None = None
    wins: int = 0
    ties: int = 0
    losses: int = 0
    hedges_g: float | None = None
    probability_improvement: float | None = None
    baseline_logged: float | None = None
    candidate_logged: float | None = None
    minimum_detectable_effect: float | None = None
    ids_needed: int | None = None
    variance: VarianceSplit | None = None
    planning: tuple[DetectableEffect, ...] = ()
    fixed_ci_lower: float | None = None
    fixed_ci_upper: float | None = None
    flips: FlipRates | None = None
    labels: LabelAgreement | None = None
    non_inferiority: NonInferiority | None = None
    notes: tuple[str, ...] = ()
