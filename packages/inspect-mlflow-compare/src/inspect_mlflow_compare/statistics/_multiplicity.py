"""Adjustment of p-values for having looked at several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values so that any false finding at all is as rare as one test's (Holm 1979).

    Args:
        p_values: In [0, 1], in any order.

    Returns:
        The adjusted p-values, in the same order.

    Raises:
        ValueError: If a p-value is outside [0, 1] or NaN.
    """
    values = _checked(p_values)
    order = np.argsort(values, kind="stable")
    factors = np.arange(values.size, 0, -1)
    adjusted = np.minimum(1.0, np.maximum.accumulate(factors * values[order]))
    return _restored(adjusted, order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values so that the share of false ones among the findings is bounded.

    Benjamini and Hochberg 1995, Journal of the Royal Statistical Society B 57:289.

    Args:
        p_values: In [0, 1], in any order.

    Returns:
        The adjusted p-values, in the same order.

    Raises:
        ValueError: If a p-value is outside [0, 1] or NaN.
    """
    values = _checked(p_values)
    order = np.argsort(values, kind="stable")
    factors = values.size / np.arange(1, values.size + 1)
    adjusted = np.minimum.accumulate((factors * values[order])[::-1])[::-1]
    return _restored(np.minimum(1.0, adjusted), order)


def _checked(p_values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = np.asarray(p_values, dtype=np.float64).reshape(-1)
    if not ((values >= 0.0) & (values <= 1.0)).all():
        raise ValueError("p-values lie between 0 and 1")
    return values


def _restored(
    adjusted: np.ndarray[tuple[int], np.dtype[np.float64]],
    order: np.ndarray[tuple[int], np.dtype[np.intp]],
) -> list[float]:
    restored = np.empty_like(adjusted)
    restored[order] = adjusted
    return restored.tolist()
