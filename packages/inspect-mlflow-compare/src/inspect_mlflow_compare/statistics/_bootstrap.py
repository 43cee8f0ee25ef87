"""Bootstrap intervals as a function of two lists."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare.statistics._effect_size import paired_arrays
from inspect_mlflow_compare.statistics._moments import Clusters
from inspect_mlflow_compare.statistics._paired import check_significance, coherent_bounds
from inspect_mlflow_compare.statistics._resampling import (
    FloatArray,
    Statistic,
    resampled_differences,
    resampled_sums,
)
from inspect_mlflow_compare.statistics._result import SignificanceResult
from inspect_mlflow_compare.statistics._scores import is_constant, snapped_differences
from inspect_mlflow_compare.statistics._special import (
    normal_quantile,
    normal_tail,
    student_t_critical,
    student_t_tail,
)

BootstrapMethod = Literal["expanded", "percentile", "bca", "t"]
_METHODS = ("expanded", "percentile", "bca", "t")


def bootstrap_ci(
    baseline_scores: Sequence[float],
    candidate_scores: Sequence[float],
    significance: float = 0.05,
    n_resamples: int = 10000,
    seed: int | None = 42,
    *,
    method: BootstrapMethod = "expanded",
    clusters: Sequence[int] | Sequence[str] | None = None,
    statistic: Statistic | None = None,
) -> SignificanceResult:
    """Return a bootstrap interval of the difference and the p-value that goes with it.

    The p-value is the level at which the interval just touches zero.

    Args:
        baseline_scores: One score per sample.
        candidate_scores: Scores of the same samples, in the same order.
        significance: One minus the coverage.
        n_resamples: Number of resamples of the pairs.
        seed: Seed of the random numbers; None draws anew at every call.
        method: `"expanded"`: percentiles, widened for small samples (Hesterberg 2015, The
            American Statistician 69:371); `"percentile"`; `"bca"`: bias-corrected and accelerated
            (Efron 1987), which covers too little for small or discrete samples; `"t"`: the
            studentised bootstrap.
        clusters: For each sample, what it belongs to; whole clusters are resampled.
        statistic: What to compare, as a function that reduces the last axis of an array, such as
            `lambda scores: numpy.median(scores, axis=-1)`; the mean by default.

    Raises:
        ValueError: If the lengths differ, a score is not finite, an argument is out of its range,
            or `"bca"` or `"t"` is asked for with another statistic than the mean.
    """
    check_significance(significance)
    if n_resamples < 1:
        raise ValueError("it takes at least one resample")
    if method not in _METHODS:
        raise ValueError(f"unknown bootstrap method: {method!r}")
    if statistic is not None and method in ("bca", "t"):
        raise ValueError(f"the {method} bootstrap is for means only")
    baseline, candidate = paired_arrays(baseline_scores, candidate_scores)
    groups = _groups(clusters, baseline.size)
    differences = snapped_differences(baseline, candidate)
    if not differences.size or (
        statistic is None and is_constant(differences, baseline, candidate)
    ):
        return _without_spread(differences, significance)
    if statistic is None:
        resample = _studentised_draws if method == "t" else _mean_draws
        draws = resample(differences, groups, n_resamples, seed)
    else:
        members = None if clusters is None else _members(groups)
        replicates = resampled_differences(
            baseline, candidate, members, statistic, n_resamples, seed
        )
        whole = float(statistic(candidate) - statistic(baseline))
        draws = _Draws(whole, replicates, groups.number)
    return _result(draws, method, significance)


@dataclass(frozen=True, slots=True, eq=False)
class _Draws:
    """The statistic of the data and of the resamples.

    Args:
        estimate: Of the data.
        replicates: Of the resamples; shape (resamples,).
        units: Number of independent units that were resampled.
        standard_error: Of the estimate; 0.0 when not known.
        studentised: Distance of each replicate in its own standard errors, for method `"t"`.
        acceleration: How fast the standard error changes with the estimate, for `"bca"`.
    """

    estimate: float
    replicates: FloatArray
    units: int
    standard_error: float = 0.0
    studentised: FloatArray | None = None
    acceleration: float = 0.0


def _mean_draws(
    differences: FloatArray, groups: Clusters, resamples: int, seed: int | None
) -> _Draws:
    """Resample a mean over ids, or the ratio of sums over clusters that it is with clusters."""
    estimate = float(differences.mean())
    sums, sizes = groups.sums(differences), groups.sums(np.ones_like(differences))
    totals = resampled_sums(np.stack([sums, sizes], axis=1), resamples, seed)
    residuals = sums - estimate * sizes
    spread = float((residuals**2).sum())
    return _Draws(
        estimate,
        totals[:, 0] / totals[:, 1],
        groups.number,
        acceleration=float((residuals**3).sum()) / (6.0 * spread**1.5) if spread else 0.0,
    )


def _studentised_draws(
    differences: FloatArray, groups: Clusters, resamples: int, seed: int | None
) -> _Draws:
    """Resample a mean together with its standard error (CR1, which is the plain one for ids)."""
    estimate = float(differences.mean())
    sums, sizes = groups.sums(differences), groups.sums(np.ones_like(differences))
    rows = np.stack([sums, sizes, sums * sums, sums * sizes, sizes * sizes], axis=1)
    totals = resampled_sums(rows, resamples, seed)
    replicates = totals[:, 0] / totals[:, 1]
    # The sum of (sum - mean x size) squared, written out.
    squares = totals[:, 2] - 2.0 * replicates * totals[:, 3] + replicates**2 * totals[:, 4]
    factor = math.sqrt(groups.number / max(1, groups.number - 1))
    errors = factor * np.sqrt(np.maximum(squares, 0.0)) / totals[:, 1]
    residuals = sums - estimate * sizes
    error = factor * math.sqrt(float(residuals @ residuals)) / differences.size
    # Resamples of one and the same unit have no spread to divide by.
    usable = errors > 1e-6 * error
    studentised = (replicates[usable] - estimate) / errors[usable]
    return _Draws(estimate, replicates, groups.number, error, studentised)


def _result(draws: _Draws, method: BootstrapMethod, significance: float) -> SignificanceResult:
    if draws.units < 2 or float(np.ptp(draws.replicates)) == 0.0:
        return SignificanceResult(
            False,
            1.0,
            None,
            None,
            "bootstrap",
            draws.estimate,
            "none",
            draws.replicates.size,
            ("the resamples are all the same",),
        )
    if method == "t" and draws.studentised is not None and draws.studentised.size:
        bounds, p_value = _studentised(draws, significance)
    else:
        bounds, p_value = _percentiles(draws, method, significance)
    lower, upper = coherent_bounds(bounds, p_value, draws.estimate, significance)
    significant = p_value < significance and (lower > 0.0 or upper < 0.0)
    return SignificanceResult(
        significant,
        p_value,
        lower,
        upper,
        "bootstrap",
        draws.estimate,
        method,
        draws.replicates.size,
    )


def _percentiles(
    draws: _Draws, method: BootstrapMethod, significance: float
) -> tuple[tuple[float, float], float]:
    """Return percentiles of the replicates at levels that the method corrects."""
    level, inverse = _corrections(draws, method)
    lower, upper = np.quantile(
        draws.replicates, [level(significance / 2.0), level(1.0 - significance / 2.0)]
    )
    p_value = min(1.0, 2.0 * min(inverse(_share_below(draws.replicates, 0.0))))
    return (float(lower), float(upper)), p_value


def _corrections(
    draws: _Draws, method: BootstrapMethod
) -> tuple[Callable[[float], float], Callable[[float], tuple[float, float]]]:
    """Return the percentile to take for a wanted tail, and both tails for a percentile."""
    if method == "expanded":
        degrees = draws.units - 1
        widening = math.sqrt(draws.units / degrees)

        def expand(tail: float) -> float:
            return normal_tail(widening * student_t_critical(tail, degrees))

        def contract(share: float) -> tuple[float, float]:
            statistic = normal_quantile(share) / widening
            return student_t_tail(-statistic, degrees), student_t_tail(statistic, degrees)

        return expand, contract
    if method == "bca":
        bias = normal_quantile(_share_below(draws.replicates, draws.estimate))

        def accelerate(tail: float) -> float:
            shifted = bias + normal_quantile(tail)
            return normal_tail(-(bias + shifted / (1.0 - draws.acceleration * shifted)))

        def decelerate(share: float) -> tuple[float, float]:
            shifted = normal_quantile(share) - bias
            plain = shifted / (1.0 + draws.acceleration * shifted) - bias
            return normal_tail(-plain), normal_tail(plain)

        return accelerate, decelerate
    return (lambda tail: tail), (lambda share: (share, 1.0 - share))


def _studentised(draws: _Draws, significance: float) -> tuple[tuple[float, float], float]:
    assert draws.studentised is not None
    low, high = np.quantile(draws.studentised, [significance / 2.0, 1.0 - significance / 2.0])
    bounds = (
        draws.estimate - float(high) * draws.standard_error,
        draws.estimate - float(low) * draws.standard_error,
    )
    share = _share_below(draws.studentised, draws.estimate / draws.standard_error)
    return bounds, min(1.0, 2.0 * min(share, 1.0 - share))


def _share_below(values: FloatArray, at: float) -> float:
    """Return the share of values below a point, ties half, never quite 0 or 1."""
    tie = 1e-9 * max(abs(at), float(np.abs(values).max()))
    below = int(np.count_nonzero(values < at - tie))
    equal = int(np.count_nonzero(np.abs(values - at) <= tie))
    return (below + 0.5 * equal + 0.5) / (values.size + 1)


def _groups(clusters: Sequence[int] | Sequence[str] | None, size: int) -> Clusters:
    if clusters is None:
        return Clusters(np.arange(size), size)
    if len(clusters) != size:
        raise ValueError(f"{len(clusters)} clusters for {size} samples")
    numbers = {label: number for number, label in enumerate(dict.fromkeys(clusters))}
    return Clusters(np.array([numbers[label] for label in clusters], dtype=np.int64), len(numbers))


def _members(groups: Clusters) -> list[NDArray[np.intp]]:
    return [np.flatnonzero(groups.of_ids == number) for number in range(groups.number)]


def _without_spread(differences: FloatArray, significance: float) -> SignificanceResult:
    """Where all differences are the same, only their common sign can be tested."""
    estimate = float(differences.mean()) if differences.size else 0.0
    p_value = 2.0 ** (1 - differences.size) if estimate else 1.0
    note = "all samples differ by the same amount" if estimate else "identical scores"
    if not differences.size:
        note = "no paired samples"
    significant = p_value < significance
    return SignificanceResult(
        significant, p_value, None, None, "bootstrap", estimate, "none", notes=(note,)
    )
