"""Scores of one evaluation, epochs kept apart, and what float noise may look like."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

# The fourth power still fits a float.
LARGEST_SCORE = 1e70

Number = TypeVar("Number", np.float64, np.int64)


# Without slots, so that what is asked for again and again can be kept.
@dataclass(frozen=True, eq=False)
class EpochScores:
    """Scores of one evaluation: any number of scored epochs for each sample id.

    Args:
        values: Scores, finite, the epochs of the first id, then those of the second, and so on;
            shape (total,).
        counts: Scored epochs of each id, at least 1; shape (ids,).

    Raises:
        ValueError: If a score is not finite (or beyond 1e70), an id has no score, or the shapes
            disagree.
    """

    values: NDArray[np.float64]
    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or self.counts.ndim != 1:
            raise ValueError("values and counts must have one dimension")
        if int(self.counts.sum()) != self.values.size:
            raise ValueError("the counts do not add up to the number of values")
        if self.counts.size and int(self.counts.min()) < 1:
            raise ValueError("every id needs at least one score")
        if not np.isfinite(self.values).all():
            raise ValueError("scores must be finite; leave out those that are missing")
        if float(np.abs(self.values).max(initial=0.0)) > LARGEST_SCORE:
            raise ValueError(f"scores beyond {LARGEST_SCORE:g} are more than arithmetic can take")

    @classmethod
    def from_lists(cls, scores: Iterable[Sequence[float]]) -> EpochScores:
        """Build from one sequence of epoch scores per id.

        Args:
            scores: The scores of each id, at least one per id.

        Raises:
            ValueError: As for the class.
        """
        rows = list(scores)
        counts = np.fromiter((len(row) for row in rows), dtype=np.int64, count=len(rows))
        flat = (value for row in rows for value in row)
        values = np.fromiter(flat, dtype=np.float64, count=int(counts.sum()))
        return cls(values, counts)

    @classmethod
    def from_means(cls, means: Sequence[float] | NDArray[np.float64]) -> EpochScores:
        """Build from one score per id."""
        values = np.asarray(means, dtype=np.float64)
        return cls(values, np.ones(values.shape, dtype=np.int64))

    @property
    def ids(self) -> int:
        """Number of ids."""
        return self.counts.size

    @property
    def single_epoch(self) -> bool:
        """Whether no id has more than one score."""
        return self.values.size == self.counts.size

    def means(self) -> NDArray[np.float64]:
        """Return the mean score of each id, not to be written to; shape (ids,)."""
        return self._means

    @cached_property
    def _means(self) -> NDArray[np.float64]:
        if self.single_epoch:
            return self.values
        return self.sums(self.values) / self.counts

    def within_variances(self) -> NDArray[np.float64]:
        """Return the variance between the epochs of each id, not to be written to; shape (ids,).

        The divisor is one less than the number of epochs; NaN for an id with one epoch only.
        """
        return self._within_variances

    @cached_property
    def _within_variances(self) -> NDArray[np.float64]:
        if self.single_epoch:
            return np.full(self.counts.shape, np.nan)
        means = self.means()
        deviations = self.values - np.repeat(means, self.counts)
        # Equal epochs whose mean was rounded must not show a spread.
        limits = tolerance(means, epochs=int(self.counts.max()))
        deviations[np.abs(deviations) <= limits.repeat(self.counts)] = 0.0
        squares = self.sums(deviations * deviations)
        variances = np.full(self.counts.shape, np.nan)
        np.divide(squares, self.counts - 1, out=variances, where=self.counts > 1)
        return variances

    def sums(self, values: NDArray[Number]) -> NDArray[Number]:
        """Add up the epochs of each id in an array that is laid out as `values`; shape (ids,)."""
        if not self.counts.size or values.size == self.counts.size:
            return values
        starts = np.concatenate(([0], np.cumsum(self.counts)[:-1]))
        return np.add.reduceat(values, starts)


def tolerance(
    baseline: NDArray[np.float64],
    candidate: NDArray[np.float64] | None = None,
    epochs: int = 1,
) -> NDArray[np.float64]:
    """Return how far apart two equal means may come out of floating-point arithmetic.

    Args:
        baseline: Means, shape (ids,).
        candidate: Means of the other side, shape (ids,).
        epochs: Largest number of scores that went into a mean; each adds a rounding.

    Returns:
        Absolute tolerance of each id, shape (ids,).
    """
    scale = np.abs(baseline)
    if candidate is not None:
        scale = np.maximum(scale, np.abs(candidate))
    return (8 + epochs) * np.finfo(np.float64).eps * scale


def snapped_differences(
    baseline: NDArray[np.float64], candidate: NDArray[np.float64], epochs: int = 1
) -> NDArray[np.float64]:
    """Return candidate minus baseline, with differences that are mere rounding set to zero."""
    differences = candidate - baseline
    differences[np.abs(differences) <= tolerance(baseline, candidate, epochs)] = 0.0
    return differences


def is_constant(
    differences: NDArray[np.float64],
    baseline: NDArray[np.float64],
    candidate: NDArray[np.float64],
    epochs: int = 1,
) -> bool:
    """Say whether all differences are the same but for rounding (0.6 - 0.5 and 0.3 - 0.2)."""
    if differences.size < 2:
        return True
    span = float(differences.max() - differences.min())
    return span <= float(tolerance(baseline, candidate, epochs).max())


def spread(values: NDArray[np.float64]) -> float:
    """Return the standard deviation with divisor n - 1, zero where it is only rounding."""
    if values.size < 2 or is_constant(values, values, values):
        return 0.0
    return root_sum_of_squares(values - values.mean()) / math.sqrt(values.size - 1)


def root_sum_of_squares(values: NDArray[np.float64]) -> float:
    """Return the Euclidean length of an array whose squares may be too small for a float."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0.0:
        return 0.0
    scaled = values / largest
    return largest * math.sqrt(float(scaled @ scaled))
