"""Putting the samples and the scores of two evaluations side by side."""

from inspect_mlflow_compare.alignment._ids import AlignedId, Alignment, align, natural_order
from inspect_mlflow_compare.alignment._series import Series, find_series, value_of

__all__ = [
    "AlignedId",
    "Alignment",
    "Series",
    "align",
    "find_series",
    "natural_order",
    "value_of",
]
