"""The documented place of the values that describe a comparison."""

from __future__ import annotations

from inspect_mlflow_compare import ComparisonResult, MetricComparison, SampleComparison

__all__ = ["ComparisonResult", "MetricComparison", "SampleComparison"]
