"""The gate: pass, fail or inconclusive."""

from inspect_mlflow_compare.gate._gate import judge

__all__ = ["judge"]
