"""Comparing evaluations that have been read."""

from inspect_mlflow_compare.comparison._comparison import Draft, draft, finish
from inspect_mlflow_compare.comparison._options import Correction, MissingScores, Options
from inspect_mlflow_compare.comparison._ranking import rank_evaluations

__all__ = [
    "Correction",
    "Draft",
    "MissingScores",
    "Options",
    "draft",
    "finish",
    "rank_evaluations",
]
