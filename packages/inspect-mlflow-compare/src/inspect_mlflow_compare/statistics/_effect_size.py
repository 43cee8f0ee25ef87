"""Standardised sizes of a difference."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare.statistics._scores import (
    LARGEST_SCORE,
    is_constant,
    snapped_differences,
    spread,
)


def cohens_d(baseline_scores: Sequence[float], candidate_scores: Sequence[float]) -> float | None:
    """Return Cohen's d of paired scores: the mean difference in its own standard deviations.

    This is the variant d_z (Cohen 1988, section 2.3.5), which grows with the correlation of the
    two sides and with the number of epochs behind each score. Below 0.2 it is negligible; 0.2,
    0.5 and 0.8 are called small, medium and large.

    Args:
        baseline_scores: One score per sample.
        candidate_scores: Scores of the same samples, in the same order.

    Returns:
        d_z, positive when the candidate is higher. None with fewer than two samples, and when
        all samples differ by the same amount other than zero; 0.0 when none differs.

    Raises:
        ValueError: If the lengths differ or a score is not finite.
    """
    baseline, candidate = paired_arrays(baseline_scores, candidate_scores)
    return d_z(snapped_differences(baseline, candidate), baseline, candidate)


def paired_arrays(
    baseline_scores: Sequence[float], candidate_scores: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two paired sequences as arrays.

    Raises:
        ValueError: If the lengths differ or a score is not finite.
    """
    baseline = np.asarray(baseline_scores, dtype=np.float64)
    candidate = np.asarray(candidate_scores, dtype=np.float64)
    if baseline.shape != candidate.shape or baseline.ndim != 1:
        raise ValueError(f"{baseline.size} scores cannot be paired with {candidate.size}")
    if not (np.isfinite(baseline).all() and np.isfinite(candidate).all()):
        raise ValueError("scores must be finite; leave out the pairs that lack one")
    for scores in (baseline, candidate):
        if float(np.abs(scores).max(initial=0.0)) > LARGEST_SCORE:
            raise ValueError(f"scores beyond {LARGEST_SCORE:g} are more than arithmetic can take")
    return baseline, candidate


def d_z(
    differences: NDArray[np.float64],
    baseline: NDArray[np.float64],
    candidate: NDArray[np.float64],
    epochs: int = 1,
) -> float | None:
    """Return the mean difference in standard deviations of the differences.

    Args:
        differences: Candidate minus baseline, shape (ids,).
        baseline: Means of the baseline, by which rounding is told from spread.
        candidate: Means of the candidate.
        epochs: Largest number of scores behind a mean.
    """
    if differences.size < 2:
        return None
    if is_constant(differences, baseline, candidate, epochs):
        return None if differences.any() else 0.0
    return float(differences.mean()) / spread(differences)


def d_average(baseline: NDArray[np.float64], candidate: NDArray[np.float64]) -> float | None:
    """Return the mean difference in units of the two sides' average spread (d_av).

    Unlike d_z it does not depend on how the two sides are correlated (Lakens 2013, Frontiers in
    Psychology 4:863). None when neither side varies.
    """
    pooled = math.sqrt((spread(baseline) ** 2 + spread(candidate) ** 2) / 2.0)
    return float((candidate - baseline).mean()) / pooled if pooled > 0.0 else None


def hedges_correction(degrees: float) -> float:
    """Return the factor that takes the bias out of a standardised difference (Hedges 1981).

    Args:
        degrees: Degrees of freedom of the standard deviation, more than 1.
    """
    log_ratio = math.lgamma(degrees / 2.0) - math.lgamma((degrees - 1.0) / 2.0)
    if degrees > 1000:
        # The log-gammas cancel; the approximation is exact to 1e-7 here.
        return 1.0 - 3.0 / (4.0 * degrees - 1.0)
    return math.exp(log_ratio) / math.sqrt(degrees / 2.0)


def cohens_g(loss: float, gain: float) -> float | None:
    """Return how far the share of gains among the changes lies from one half (Cohen 1988, 5.1)."""
    changes = loss + gain
    return gain / changes - 0.5 if changes > 0.0 else None


def cohens_h(baseline: float, candidate: float) -> float:
    """Return the difference of two proportions on the arcsine scale (Cohen 1988, 6.2)."""
    return 2.0 * (math.asin(math.sqrt(candidate)) - math.asin(math.sqrt(baseline)))
