"""Everything that differs between two evaluations besides their results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from inspect_mlflow_compare._types import Difference
from inspect_mlflow_compare.alignment import Alignment
from inspect_mlflow_compare.comparability._dataset import dataset_differences
from inspect_mlflow_compare.comparability._scorers import scorer_differences
from inspect_mlflow_compare.comparability._settings import setting_differences
from inspect_mlflow_compare.exceptions import NotComparableError
from inspect_mlflow_compare.logs import Evaluation

__all__ = ["find_differences", "refuse"]

_ORDER: Final = {"refusal": 0, "warning": 1, "note": 2}


def find_differences(
    baseline: Evaluation, candidate: Evaluation, alignment: Alignment
) -> list[Difference]:
    """All differences, the gravest first."""
    found = [
        *setting_differences(baseline.header, candidate.header),
        *dataset_differences(baseline, candidate, alignment),
        *scorer_differences(baseline.header, candidate.header),
    ]
    return sorted(found, key=lambda one: _ORDER[one.severity])


def refuse(differences: Sequence[Difference]) -> None:
    """Refuses evaluations that are not comparable.

    Raises:
        NotComparableError: One of the differences is too grave.
    """
    grave = [one for one in differences if one.severity == "refusal"]
    if grave:
        reasons = "; ".join(f"{one.field}: {one.baseline} / {one.candidate}" for one in grave)
        raise NotComparableError(f"the evaluations are not comparable: {reasons}")
