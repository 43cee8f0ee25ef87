"""Means of plain paired quantities such as cost, tokens and time."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare.statistics._moments import StudentScore, standard_error
from inspect_mlflow_compare.statistics._paired import check_significance
from inspect_mlflow_compare.statistics._scores import snapped_differences
from inspect_mlflow_compare.statistics._special import student_t_tail


class MeanInterval(NamedTuple):
    """A mean with Student's interval; the bounds are None where there is no spread."""

    mean: float
    lower: float | None
    upper: float | None


class RatioInterval(NamedTuple):
    """A ratio with its interval; None where it is not defined."""

    ratio: float | None
    lower: float | None
    upper: float | None


class PairedMean(NamedTuple):
    """A mean difference with Student's interval and test; None where there is no spread."""

    difference: float
    lower: float | None
    upper: float | None
    p_value: float | None


def mean_interval(values: NDArray[np.float64], *, significance: float = 0.05) -> MeanInterval:
    """Return the mean of some values and its interval.

    Args:
        values: At least one, finite; shape (n,).
        significance: One minus the coverage.

    Raises:
        ValueError: If there are no values, or `significance` is outside (0, 1).
    """
    check_significance(significance)
    if not values.size:
        raise ValueError("there are no values to average")
    mean = float(values.mean())
    error = standard_error(values)
    if not error:
        return MeanInterval(mean, None, None)
    return MeanInterval(mean, *StudentScore(mean, error, values.size - 1).bounds(significance))


def paired_mean_difference(
    baseline: NDArray[np.float64], candidate: NDArray[np.float64], *, significance: float = 0.05
) -> PairedMean:
    """Return the mean of candidate minus baseline with the paired t interval and test.

    Args:
        baseline: At least one value, finite; shape (n,).
        candidate: Values of the same samples.
        significance: One minus the coverage.

    Raises:
        ValueError: If there are no values, or `significance` is outside (0, 1).
    """
    differences = snapped_differences(baseline, candidate)
    mean, lower, upper = mean_interval(differences, significance=significance)
    error = standard_error(differences)
    if not error:
        return PairedMean(mean, None, None, None)
    p_value = 2.0 * student_t_tail(abs(mean) / error, differences.size - 1)
    return PairedMean(mean, lower, upper, p_value)


def paired_log_ratio(
    baseline: NDArray[np.float64], candidate: NDArray[np.float64], *, significance: float = 0.05
) -> RatioInterval:
    """Return the geometric mean of candidate over baseline, with an interval.

    The interval is Student's on the logarithms: costs and times multiply rather than add.

    Args:
        baseline: One value per sample; shape (n,).
        candidate: Values of the same samples.
        significance: One minus the coverage.

    Returns:
        The ratio and the bounds. All None when there are no values or one is not positive; the
        bounds None when all ratios are the same.

    Raises:
        ValueError: If `significance` is outside (0, 1).
    """
    check_significance(significance)
    if not baseline.size or min(float(baseline.min()), float(candidate.min())) <= 0.0:
        return RatioInterval(None, None, None)
    mean, lower, upper = mean_interval(np.log(candidate / baseline), significance=significance)
    if lower is None or upper is None:
        return RatioInterval(math.exp(mean), None, None)
    return RatioInterval(math.exp(mean), _exponential(lower), _exponential(upper))


def _exponential(value: float) -> float | None:
    """Two samples can leave a bound beyond what a float holds; then there is no bound."""
    return math.exp(value) if value < 700.0 else None
