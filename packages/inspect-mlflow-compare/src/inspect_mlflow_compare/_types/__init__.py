"""Values that describe a comparison."""

from __future__ import annotations

from inspect_mlflow_compare._types._comparison_set import ComparisonSet
from inspect_mlflow_compare._types._evaluations import Difference, EvaluationFacts
from inspect_mlflow_compare._types._gate import GateCheck, GateResult, GateThresholds
from inspect_mlflow_compare._types._metric_parts import (
    DetectableEffect,
    FlipRates,
    LabelAgreement,
    NonInferiority,
    VarianceSplit,
)
from inspect_mlflow_compare._types._metrics import MetricComparison
from inspect_mlflow_compare._types._ranking import RankedEvaluation, Ranking
from inspect_mlflow_compare._types._resources import ResourceComparison
from inspect_mlflow_compare._types._result import ComparisonResult
from inspect_mlflow_compare._types._samples import ItemComparison, SampleComparison
from inspect_mlflow_compare._types._words import (
    Better,
    Bucket,
    Direction,
    Outcome,
    ScoreKind,
    Severity,
    Verdict,
)

__all__ = [
    "Better",
    "Bucket",
    "ComparisonResult",
    "ComparisonSet",
    "DetectableEffect",
    "Difference",
    "Direction",
    "EvaluationFacts",
    "FlipRates",
    "GateCheck",
    "GateResult",
    "GateThresholds",
    "ItemComparison",
    "LabelAgreement",
    "MetricComparison",
    "NonInferiority",
    "Outcome",
    "RankedEvaluation",
    "Ranking",
    "ResourceComparison",
    "SampleComparison",
    "ScoreKind",
    "Severity",
    "VarianceSplit",
    "Verdict",
]
