"""Tango's score interval of a difference of paired proportions, and its form for clusters."""

from __future__ import annotations

import math
from dataclasses import dataclass

from inspect_mlflow_compare.statistics._special import (
    bisect,
    student_t_critical,
    student_t_tail,
)


@dataclass(frozen=True, slots=True)
class TangoScore:
    """Score statistic and interval of a paired difference (Tango 1998, Stat Med 17:891).

    Args:
        loss: Share of pairs that only the baseline got right; with epochs, averaged over all
            pairs of one of its epochs and one of the candidate's.
        gain: Share that only the candidate got right.
        size: Number of pairs, or the effective number: of independent pairs that would give the
            difference the variance it has (Korn and Graubard 1998 do so for one proportion).
        degrees: Degrees of freedom of the reference distribution; infinite for the normal.
        name: What the interval is called.
    """

    loss: float
    gain: float
    size: float
    degrees: float = math.inf
    name: str = "tango"

    @property
    def estimate(self) -> float:
        """The difference, candidate minus baseline."""
        return self.gain - self.loss

    def statistic(self, difference: float) -> float:
        """Return how many standard errors the estimate lies above a supposed difference."""
        distance = self.estimate - difference
        if distance == 0.0:
            return 0.0
        variance = 2.0 * self._likely_loss(difference) + difference * (1.0 - difference)
        if variance <= 0.0:
            return math.copysign(math.inf, distance)
        return distance * math.sqrt(self.size / variance)

    def bounds(self, significance: float) -> tuple[float, float]:
        """Return the differences that a two-sided test at this level does not reject."""
        critical = student_t_critical(significance / 2.0, self.degrees)
        lower = bisect(lambda at: self.statistic(at) - critical, -1.0, self.estimate)
        upper = bisect(lambda at: self.statistic(at) + critical, self.estimate, 1.0)
        return lower, upper

    def tail(self, difference: float) -> float:
        """Return the one-sided p-value of "the difference is at most so large"."""
        return student_t_tail(self.statistic(difference), self.degrees)

    def _likely_loss(self, difference: float) -> float:
        """Return the likeliest probability of a loss, given the difference."""
        linear = (2.0 - self.estimate) * difference - self.loss - self.gain
        constant = -self.loss * difference * (1.0 - difference)
        root = math.sqrt(max(0.0, linear * linear - 8.0 * constant))
        # Of the two forms of the larger root, the one without cancellation.
        if linear <= 0.0:
            return (root - linear) / 4.0
        return -2.0 * constant / (root + linear) if root + linear > 0.0 else 0.0
