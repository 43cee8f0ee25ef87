"""Whether two evaluations may be compared at all."""

from inspect_mlflow_compare.comparability._report import find_differences, refuse

__all__ = ["find_differences", "refuse"]
