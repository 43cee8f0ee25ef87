"""The sign-flip permutation test as a function of two lists."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare.statistics._effect_size import paired_arrays
from inspect_mlflow_compare.statistics._lattice import lattice_differences
from inspect_mlflow_compare.statistics._paired import check_significance, coherent_bounds
from inspect_mlflow_compare.statistics._result import SignificanceResult
from inspect_mlflow_compare.statistics._scores import (
    EpochScores,
    is_constant,
    snapped_differences,
)
from inspect_mlflow_compare.statistics._sign_flip import lattice_tails
from inspect_mlflow_compare.statistics._splits import Splits


def permutation_test(
    baseline_scores: Sequence[float],
    candidate_scores: Sequence[float],
    significance: float = 0.05,
    n_iterations: int = 10000,
    seed: int | None = 42,
    *,
    midp: bool = False,
) -> SignificanceResult:
    """Test a mean difference of paired scores by swapping the sides of pairs.

    Exact for up to 20 pairs and for scores with a common step (such as 0, 0.5 and 1), however
    many; else from random swaps. The interval is the test turned round: the differences that it
    would not reject.

    Args:
        baseline_scores: One score per sample.
        candidate_scores: Scores of the same samples, in the same order.
        significance: Level of the test.
        n_iterations: Number of random swaps, where they are needed.
        seed: Seed of the random numbers; None draws anew at every call.
        midp: Whether swaps that give just the difference seen count half.

    Raises:
        ValueError: If the lengths differ, a score is not finite, or an argument is out of its
            range.
    """
    check_significance(significance)
    if n_iterations < 1:
        raise ValueError("it takes at least one iteration")
    baseline, candidate = paired_arrays(baseline_scores, candidate_scores)
    differences = snapped_differences(baseline, candidate)
    if not differences.size:
        return SignificanceResult(
            False, 1.0, None, None, "permutation", interval="none", notes=("no paired samples",)
        )
    splits = Splits.of(differences, n_iterations, seed)
    exact = _lattice_p_value(baseline, candidate, midp)
    p_value = splits.p_value(midp=midp) if exact is None else exact
    estimate = float(differences.mean())
    bounds = None
    if not is_constant(differences, baseline, candidate):
        bounds = splits.bounds(significance)
    if bounds is not None:
        bounds = coherent_bounds(bounds, p_value, estimate, significance)
    lower, upper = (None, None) if bounds is None else bounds
    return SignificanceResult(
        significant=p_value < significance,
        p_value=p_value,
        ci_lower=lower,
        ci_upper=upper,
        method="permutation" if exact is None and splits.sampled else "permutation-exact",
        estimate=estimate,
        interval="none" if bounds is None else "sign-flip",
        resamples=n_iterations if splits.sampled else 0,
    )


def _lattice_p_value(
    baseline: NDArray[np.float64], candidate: NDArray[np.float64], midp: bool
) -> float | None:
    """Return the exact p-value for scores with a common step."""
    sides = EpochScores.from_means(baseline), EpochScores.from_means(candidate)
    lattice = lattice_differences(*sides)
    tails = None if lattice is None else lattice_tails(lattice[0])
    if tails is None:
        return None
    return tails.midp if midp else tails.exact
