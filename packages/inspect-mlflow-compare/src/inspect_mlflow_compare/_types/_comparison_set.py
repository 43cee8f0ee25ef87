"""The comparison of several candidates with one baseline."""

from __future__ import annotations

from dataclasses import dataclass

from inspect_mlflow_compare._types._ranking import Ranking
from inspect_mlflow_compare._types._reports import Reports
from inspect_mlflow_compare._types._result import ComparisonResult

__all__ = ["ComparisonSet"]


@dataclass(frozen=True, slots=True)
class ComparisonSet(Reports):
    """Several candidates against one baseline; p-values adjusted over all of them.

    Args:
        comparisons: One for each candidate, in the order given.
        rankings: One for each scorer that all evaluations have.
    """

    comparisons: tuple[ComparisonResult, ...]
    rankings: tuple[Ranking, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every candidate passes its gate."""
        return all(comparison.passed for comparison in self.comparisons)

    @property
    def reason(self) -> str:
        """One line that says why each candidate passes or not."""
        return "; ".join(
            f"{comparison.candidate_model} ({comparison.candidate_log}): {comparison.reason}"
            for comparison in self.comparisons
        )
