"""Is the candidate really better? Statistics for comparing evaluations.

See `inspect_mlflow_compare`.
"""

from __future__ import annotations

from inspect_mlflow_compare import (
    ComparisonResult,
    ComparisonSet,
    GateThresholds,
    MetricComparison,
    SampleComparison,
    SignificanceResult,
    bootstrap_ci,
    cohens_d,
    compare_evals,
    compare_many,
    mcnemars_test,
    permutation_test,
)

__all__ = [
    "ComparisonResult",
    "ComparisonSet",
    "GateThresholds",
    "MetricComparison",
    "SampleComparison",
    "SignificanceResult",
    "bootstrap_ci",
    "cohens_d",
    "compare_evals",
    "compare_many",
    "mcnemars_test",
    "permutation_test",
]
