"""What can be said of a series that leaves nothing to test."""

from __future__ import annotations

import math

from inspect_mlflow_compare._types import MetricComparison, ScoreKind
from inspect_mlflow_compare.alignment import Series

__all__ = ["untested_metric"]


def untested_metric(
    name: str, series: Series, *, kind: ScoreKind, method: str, notes: tuple[str, ...]
) -> MetricComparison:
    """A comparison without means: so there is no difference, no test and no interval.

    Args:
        name: Metric.
        series: What was compared.
        kind: What its scores are.
        method: What was done instead of a test.
        notes: What the reader should know.
    """
    return MetricComparison(
        name=name,
        scorer=series.name,
        baseline_value=math.nan,
        candidate_value=math.nan,
        delta=math.nan,
        relative_delta=None,
        significant=False,
        p_value=None,
        ci_lower=None,
        ci_upper=None,
        method=method,
        interval="none",
        kind=kind,
        notes=notes,
    )
