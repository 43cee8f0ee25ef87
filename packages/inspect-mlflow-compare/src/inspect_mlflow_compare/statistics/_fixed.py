"""The other question: has the model changed on these very samples?"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare.statistics._scores import EpochScores
from inspect_mlflow_compare.statistics._special import student_t_critical


def fixed_questions_interval(
    baseline: EpochScores,
    candidate: EpochScores,
    significance: float,
    limit: float = math.inf,
) -> tuple[float, float] | None:
    """Return the interval of the difference if these samples were run again and again.

    Only the spread between epochs counts; that between samples does not, since they are not
    taken as drawn from anything. The variances of the ids are added, with the degrees of freedom
    of Satterthwaite (1946, Biometrics Bulletin 2:110).

    Args:
        baseline: Scores of n ids.
        candidate: Scores of the same ids.
        significance: One minus the coverage.
        limit: Largest absolute value that the difference can have.

    Returns:
        The bounds; None unless at least half of the ids have two epochs on either side, and when
        no id differs between epochs.
    """
    if not baseline.ids:
        return None
    parts = [_error_variances(side) for side in (baseline, candidate)]
    if any(part is None for part in parts):
        return None
    terms = np.concatenate([part for part in parts if part is not None])
    total = float(terms.sum())
    if total == 0.0:
        return None
    spare = np.concatenate([baseline.counts, candidate.counts]) - 1
    # An id with one epoch borrows its variance; the lenders' degrees of freedom stand for it.
    known = spare > 0
    shares = terms[known] / float(terms[known].sum())
    degrees = 1.0 / float((shares**2 / spare[known]).sum())
    critical = student_t_critical(significance / 2.0, degrees)
    reach = critical * math.sqrt(total) / baseline.ids
    estimate = float((candidate.means() - baseline.means()).mean())
    return max(-limit, estimate - reach), min(limit, estimate + reach)


def _error_variances(side: EpochScores) -> NDArray[np.float64] | None:
    """Return the variance of each id's mean over its epochs; None where most have one epoch."""
    repeated = side.counts > 1
    if 2 * int(repeated.sum()) < side.ids:
        return None
    variances = side.within_variances()
    pooled = float(np.average(variances[repeated], weights=side.counts[repeated] - 1))
    return np.where(repeated, variances, pooled) / side.counts
