"""Summaries of durations."""

from __future__ import annotations

from collections.abc import Sequence


def duration_summary(seconds: Sequence[float]) -> dict[str, float]:
    """Return mean, median, 95th percentile and total.

    Args:
        seconds: Durations, shape (n,).

    Returns:
        `mean_seconds`, `p50_seconds`, `p95_seconds`, `total_seconds`; empty when n is 0.
    """
    if not seconds:
        return {}
    ordered = sorted(seconds)
    total = sum(ordered)
    return {
        "mean_seconds": total / len(ordered),
        "p50_seconds": quantile(ordered, 0.5),
        "p95_seconds": quantile(ordered, 0.95),
        "total_seconds": total,
    }


def quantile(ordered: Sequence[float], probability: float) -> float:
    """Return a quantile by linear interpolation between order statistics.

    Definition 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", The American
    Statistician 50 (1996), the default of NumPy and R.

    Args:
        ordered: Values in ascending order, shape (n,), n at least 1.
        probability: Between 0 and 1.

    Returns:
        The quantile.
    """
    place = probability * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
