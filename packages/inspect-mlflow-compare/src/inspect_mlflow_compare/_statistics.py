"""The documented tests of paired scores."""

from __future__ import annotations

from inspect_mlflow_compare.statistics import (
    SignificanceResult,
    bootstrap_ci,
    cohens_d,
    mcnemars_test,
    permutation_test,
)

__all__ = [
    "SignificanceResult",
    "bootstrap_ci",
    "cohens_d",
    "mcnemars_test",
    "permutation_test",
]
