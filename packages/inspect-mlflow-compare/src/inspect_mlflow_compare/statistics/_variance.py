"""Where the uncertainty of a difference comes from: the questions, or the draws of answers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare._types import VarianceSplit
from inspect_mlflow_compare.statistics._pairs import Pairs
from inspect_mlflow_compare.statistics._scores import EpochScores, spread


def variance_split(baseline: EpochScores, candidate: EpochScores) -> VarianceSplit | None:
    """Split the variance of the per-id differences (Miller 2024, arXiv:2411.00640, section 5).

    The variance between ids is what the differences show beyond that of their epochs, cut off at
    zero: the unbiased estimate of a one-way analysis of variance.

    Args:
        baseline: Scores of n ids.
        candidate: Scores of the same ids.

    Returns:
        None with fewer than two ids, or when a side has no id with two epochs.

    Raises:
        ValueError: If the numbers of ids differ.
    """
    pairs = Pairs.of(baseline, candidate)
    if pairs.ids < 2:
        return None
    old, new = _within(baseline), _within(candidate)
    if old is None or new is None:
        return None
    noise = float((old / baseline.counts + new / candidate.counts).mean())
    return VarianceSplit(
        between_ids=max(0.0, spread(pairs.differences) ** 2 - noise),
        baseline_within_ids=float(old.mean()),
        candidate_within_ids=float(new.mean()),
    )


def _within(side: EpochScores) -> NDArray[np.float64] | None:
    """Return each id's variance between epochs; ids with one epoch get the mean of the others."""
    repeated = side.counts > 1
    if not repeated.any():
        return None
    variances = side.within_variances()
    return np.where(repeated, variances, variances[repeated].mean())
