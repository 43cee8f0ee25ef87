"""Scores that are multiples of a common step: right or wrong, partial credit, grades."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare.statistics._scores import EpochScores

_DENOMINATORS: tuple[int, ...] = (*range(1, 61), 100, 1000)
_ROUNDING = 1e-9
# Where a float still holds every integer, with room for sums.
_LARGEST = 2.0**40


def is_binary(scores: EpochScores) -> bool:
    """Say whether every score is 0 or 1."""
    values = scores.values
    return bool(((values == 0.0) | (values == 1.0)).all())


def lattice_differences(
    baseline: EpochScores, candidate: EpochScores
) -> tuple[NDArray[np.int64], int] | None:
    """Return the differences of the means as exact multiples of a step.

    Args:
        baseline: Scores of n ids.
        candidate: Scores of the same ids.

    Returns:
        Integers of shape (n,) and the number of steps in 1, so that the difference of an id is
        the one divided by the other; None when the scores have no common step.
    """
    binary = is_binary(baseline) and is_binary(candidate)
    steps = 1 if binary else common_denominator(baseline.values, candidate.values)
    if steps is None:
        return None
    epochs = [np.unique(side.counts) for side in (baseline, candidate) if not side.single_epoch]
    multiple: int = math.lcm(*(count for counts in epochs for count in counts.tolist()))
    if multiple * steps > _LARGEST:
        return None
    sides = []
    for side in (baseline, candidate):
        largest = float(np.abs(side.values).max(initial=0.0)) * float(side.counts.max(initial=1))
        if largest * steps * multiple > _LARGEST:
            return None
        integers = np.rint(side.values * steps).astype(np.int64)
        sides.append(side.sums(integers) * (multiple // side.counts))
    return sides[1] - sides[0], steps * multiple


def common_denominator(*arrays: NDArray[np.float64]) -> int | None:
    """Return the smallest number of steps in 1 that makes all scores integers, if any does."""
    heads = [values[:: max(1, values.size // 64)] for values in arrays]
    for steps in _DENOMINATORS:
        # A look at a few of them rules most candidates out.
        if all(_are_integers(head * steps) for head in heads) and all(
            _are_integers(values * steps) for values in arrays
        ):
            return steps
    return None


def _are_integers(values: NDArray[np.float64]) -> bool:
    integers = np.rint(values)
    # Scores that are all tiny are not all zero.
    scale = min(1.0, float(np.abs(values).max(initial=0.0)))
    return bool(np.abs(values - integers).max(initial=0.0) <= _ROUNDING * scale)
