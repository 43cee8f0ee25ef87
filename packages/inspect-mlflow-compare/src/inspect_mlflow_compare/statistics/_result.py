"""The result of one of the documented test functions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignificanceResult:
    """Result of a statistical significance test of paired scores.

    Every number is finite or None.

    Args:
        significant: Whether the p-value is below the level; then the interval excludes zero.
        p_value: Two-sided p-value; 1.0 when there is nothing to test.
        ci_lower: Lower bound of the difference, candidate minus baseline; None when the data
            show no spread to derive one from.
        ci_upper: Upper bound.
        method: Name of the test.
        estimate: The difference.
        interval: Name of the interval.
        resamples: Number of resamples drawn; 0 for an exact method.
        notes: What the reader should know.
    """

    significant: bool
    p_value: float
    ci_lower: float | None
    ci_upper: float | None
    method: str
    estimate: float = 0.0
    interval: str = ""
    resamples: int = 0
    notes: tuple[str, ...] = ()
