"""Reading eval logs: as little of them as a comparison needs."""

from inspect_mlflow_compare.logs._evaluation import read_evaluation
from inspect_mlflow_compare.logs._locations import SCHEMES, LogSource, shown
from inspect_mlflow_compare.logs._records import Evaluation, SampleRecord
from inspect_mlflow_compare.logs._scores import Leaf, SeriesKey, grade, number

__all__ = [
    "SCHEMES",
    "Evaluation",
    "Leaf",
    "LogSource",
    "SampleRecord",
    "SeriesKey",
    "grade",
    "number",
    "read_evaluation",
    "shown",
]
