"""The documented place of the comparison itself."""

from __future__ import annotations

from inspect_mlflow_compare import compare_evals, compare_many

__all__ = ["compare_evals", "compare_many"]
