"""Tests on ranks: several evaluations over several tasks, or a difference that is not a mean."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare.statistics._sign_flip import lattice_tails
from inspect_mlflow_compare.statistics._special import (
    bisect,
    f_tail,
    normal_tail,
)

_GRID_STEP = 0.01


class WilcoxonResult(NamedTuple):
    """Wilcoxon's signed-rank test.

    Attributes:
        positive: Sum of the ranks of positive differences.
        negative: Sum of the ranks of negative differences.
        p_value: Exact, two-sided.
    """

    positive: float
    negative: float
    p_value: float


class FriedmanResult(NamedTuple):
    """Friedman's test.

    Attributes:
        mean_ranks: Mean rank of each evaluation, 1 for the best; shape (evaluations,).
        chi_square: Friedman's statistic.
        f_statistic: That of Iman and Davenport, less conservative; None when it is infinite.
        p_value: From the latter.
    """

    mean_ranks: NDArray[np.float64]
    chi_square: float
    f_statistic: float | None
    p_value: float


def wilcoxon_test(
    differences: NDArray[np.float64], *, zeros: Literal["drop", "split"] = "drop"
) -> WilcoxonResult:
    """Test whether paired differences are symmetric about zero, by their ranks (Wilcoxon 1945).

    It says nothing of the mean: a few large losses against many small gains come out as an
    improvement. Ranks of equal differences are averaged; the p-value is exact given those ranks.

    Args:
        differences: Candidate minus baseline; shape (n,).
        zeros: Differences of zero are left out, or get the lowest ranks, half of which goes to
            either side (Demsar 2006).
    """
    kept = differences if zeros == "split" else differences[differences != 0.0]
    # Averaged ranks are multiples of one half.
    doubled = np.rint(2.0 * average_ranks(np.abs(kept))).astype(np.int64)
    signed = np.sign(kept).astype(np.int64) * doubled
    both = int(doubled.sum())
    positive = (both + int(signed.sum())) / 4.0
    return WilcoxonResult(positive, both / 2.0 - positive, _signed_p_value(signed))


def average_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ranks of values, from 1 for the smallest, equal ones sharing theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2.0)[inverse]
    return ranks


def friedman_test(scores: NDArray[np.float64]) -> FriedmanResult:
    """Test whether several evaluations rank alike over several tasks.

    Friedman 1937, with the F statistic of Iman and Davenport 1980, as Demsar 2006 (Journal of
    Machine Learning Research 7:1) advises.

    Args:
        scores: Higher is better; shape (tasks, evaluations), at least 2 of each.

    Raises:
        ValueError: If there are fewer.
    """
    if scores.ndim != 2 or min(scores.shape) < 2:
        raise ValueError("Friedman's test needs at least 2 tasks and 2 evaluations")
    tasks, evaluations = scores.shape
    ranks = np.stack([average_ranks(-row) for row in scores])
    mean_ranks = ranks.mean(axis=0)
    centre = (evaluations + 1) / 2.0
    # Ties within a task lower the variance of its ranks.
    variance = float(((ranks - centre) ** 2).sum()) / (tasks * (evaluations - 1))
    if variance == 0.0:
        return FriedmanResult(mean_ranks, 0.0, 0.0, 1.0)
    chi_square = tasks * float(((mean_ranks - centre) ** 2).sum()) / variance
    return FriedmanResult(mean_ranks, chi_square, *iman_davenport(chi_square, tasks, evaluations))


def iman_davenport(chi_square: float, tasks: int, evaluations: int) -> tuple[float | None, float]:
    """Return the F statistic that belongs to Friedman's chi-square, and its p-value."""
    rest = tasks * (evaluations - 1) - chi_square
    if rest <= 0.0:
        # All tasks rank alike; the p-value is that of such a coincidence.
        return None, float(math.factorial(evaluations)) ** (1 - tasks)
    statistic = (tasks - 1) * chi_square / rest
    spare = evaluations - 1
    return statistic, f_tail(statistic, spare, spare * (tasks - 1))


def nemenyi_difference(tasks: int, evaluations: int, significance: float = 0.05) -> float:
    """Return how far two mean ranks must lie apart to differ (Nemenyi 1963).

    Args:
        tasks: Number of tasks that were ranked.
        evaluations: Number of evaluations.
        significance: Probability that any pair at all differs by chance.
    """
    critical = bisect(lambda at: _range_tail(at, evaluations) - significance, 0.0, 50.0)
    spread = math.sqrt(evaluations * (evaluations + 1) / (6.0 * tasks))
    return critical / math.sqrt(2.0) * spread


def _signed_p_value(signed: NDArray[np.int64]) -> float:
    tails = lattice_tails(signed)
    if tails is not None:
        return tails.exact
    # So many ranks that their sum is as good as normal.
    deviation = math.sqrt(float((signed.astype(np.float64) ** 2).sum()))
    return 2.0 * normal_tail(abs(int(signed.sum())) / deviation)


def _range_tail(width: float, number: int) -> float:
    """Return the probability that the range of independent normal variables exceeds a width."""
    grid = np.arange(-8.0, 8.0, _GRID_STEP)
    density = np.exp(-0.5 * grid**2) / math.sqrt(2.0 * math.pi)
    inside = np.array([normal_tail(x - width) - normal_tail(x) for x in grid.tolist()])
    # Smooth and vanishing at the ends: the trapezoidal rule is exact to rounding.
    return 1.0 - number * float((density * inside ** (number - 1)).sum()) * _GRID_STEP
