"""Means of per-id values: standard errors, clusters of ids, and Student's interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare.statistics._scores import root_sum_of_squares, spread
from inspect_mlflow_compare.statistics._special import student_t_critical, student_t_tail


@dataclass(frozen=True, slots=True)
class StudentScore:
    """Student's t statistic of a mean, and its interval.

    Args:
        estimate: The mean.
        standard_error: Of the mean, positive.
        degrees: Degrees of freedom.
        limit: Largest absolute value that the mean can have.
        name: What the interval is called.
    """

    estimate: float
    standard_error: float
    degrees: float
    limit: float = math.inf
    name: str = "t"

    def statistic(self, value: float) -> float:
        """Return how many standard errors the estimate lies above a supposed mean."""
        return (self.estimate - value) / self.standard_error

    def bounds(self, significance: float) -> tuple[float, float]:
        """Return the interval that covers the mean with probability `1 - significance`."""
        reach = student_t_critical(significance / 2.0, self.degrees) * self.standard_error
        lower, upper = self.estimate - reach, self.estimate + reach
        return max(-self.limit, lower), min(self.limit, upper)

    def tail(self, value: float) -> float:
        """Return the one-sided p-value of "the mean is at most so large"."""
        return student_t_tail(self.statistic(value), self.degrees)


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Which ids belong together.

    Args:
        of_ids: Cluster of each id, from 0; shape (ids,).
        number: How many clusters there are.
    """

    of_ids: NDArray[np.int64]
    number: int

    @classmethod
    def from_labels(cls, labels: NDArray[np.int64]) -> Clusters:
        """Number the clusters anew, so that none is empty."""
        names, of_ids = np.unique(labels, return_inverse=True)
        return cls(of_ids.astype(np.int64), names.size)

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add up the values of the ids of each cluster; shape (clusters,)."""
        sums = np.bincount(self.of_ids, weights=values, minlength=self.number)
        return sums.astype(np.float64, copy=False)


def standard_error(values: NDArray[np.float64], clusters: Clusters | None = None) -> float | None:
    """Return the standard error of a mean.

    Args:
        values: One value per id, shape (ids,).
        clusters: When given, the cluster-robust error with the factor G / (G - 1), known as CR1
            (Miller 2024, arXiv:2411.00640, appendix A; the factor as in Cameron and Miller 2015,
            Journal of Human Resources 50:317).

    Returns:
        None with fewer than two ids or clusters.
    """
    if clusters is None:
        return spread(values) / math.sqrt(values.size) if values.size > 1 else None
    if clusters.number < 2:
        return None
    if spread(values) == 0.0:
        return 0.0
    sums = clusters.sums(values - values.mean())
    factor = clusters.number / (clusters.number - 1)
    return math.sqrt(factor) * root_sum_of_squares(sums) / values.size


def correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Return Pearson's correlation; None where either side is constant."""
    if spread(one) == 0.0 or spread(other) == 0.0:
        return None
    left, right = one - one.mean(), other - other.mean()
    left, right = left / root_sum_of_squares(left), right / root_sum_of_squares(right)
    value = float(left @ right)
    return max(-1.0, min(1.0, value))
