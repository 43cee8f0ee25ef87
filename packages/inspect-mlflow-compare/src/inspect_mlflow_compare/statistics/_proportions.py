"""Intervals of proportions and of their differences, other than Tango's."""

from __future__ import annotations

import math

from inspect_mlflow_compare.statistics._special import bisect, normal_quantile, normal_tail


def wilson_interval(
    successes: float, trials: float, significance: float = 0.05
) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion (1927).

    Args:
        successes: Number of successes.
        trials: Number of trials, positive.
        significance: One minus the coverage.
    """
    return _wilson(successes, trials, normal_quantile(1.0 - significance / 2.0))


def newcombe_interval(
    baseline: tuple[int, int], candidate: tuple[int, int], significance: float = 0.05
) -> tuple[float, float]:
    """Return the interval of a difference of independent proportions.

    Newcombe 1998, Statistics in Medicine 17:873, method 10: the Wilson limits, squared and added.

    Args:
        baseline: Successes and trials.
        candidate: Successes and trials.
        significance: One minus the coverage.

    Returns:
        Bounds of the candidate's proportion minus the baseline's.
    """
    return _square_and_add(baseline, candidate, normal_quantile(1.0 - significance / 2.0))


def newcombe_p_value(baseline: tuple[int, int], candidate: tuple[int, int]) -> float:
    """Return the largest level at which `newcombe_interval` contains zero.

    Test and interval agree at every level, since the one is the other turned round.

    Args:
        baseline: Successes and trials.
        candidate: Successes and trials.
    """
    difference = candidate[0] / candidate[1] - baseline[0] / baseline[1]
    if difference == 0.0:
        return 1.0
    if difference < 0.0:
        baseline, candidate = candidate, baseline
    widest = 40.0
    if _square_and_add(baseline, candidate, widest)[0] > 0.0:
        return 2.0 * normal_tail(widest)
    critical = bisect(lambda z: _square_and_add(baseline, candidate, z)[0], 0.0, widest)
    return 2.0 * normal_tail(critical)


def paired_newcombe_interval(
    both: int,
    losses: int,
    gains: int,
    neither: int,
    significance: float = 0.05,
    *,
    corrected: bool = True,
) -> tuple[float, float]:
    """Return Newcombe's interval of a paired difference (1998, Stat Med 17:2635).

    Args:
        both: Pairs that both got right.
        losses: Pairs that only the baseline got right.
        gains: Pairs that only the candidate got right.
        neither: Pairs that both got wrong.
        significance: One minus the coverage.
        corrected: Whether the correlation is shrunk (method 10) or not (method 8).
    """
    pairs = both + losses + gains + neither
    critical = normal_quantile(1.0 - significance / 2.0)
    old, new = (both + losses) / pairs, (both + gains) / pairs
    old_lower, old_upper = _wilson(both + losses, pairs, critical)
    new_lower, new_upper = _wilson(both + gains, pairs, critical)
    margins = (both + losses) * (gains + neither) * (both + gains) * (losses + neither)
    product = float(both * neither - losses * gains)
    if corrected and product > 0:
        product = max(product - pairs / 2.0, 0.0)
    phi = product / math.sqrt(margins) if margins else 0.0

    def reach(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one * one - 2.0 * phi * one * other + other * other))

    difference = new - old
    return (
        difference - reach(new - new_lower, old_upper - old),
        difference + reach(new_upper - new, old - old_lower),
    )


def bonett_price_interval(
    losses: int, gains: int, pairs: int, significance: float = 0.05
) -> tuple[float, float]:
    """Return the adjusted Wald interval of Bonett and Price (2012, JEBS 37:479)."""
    return _adjusted_wald(losses + 1.0, gains + 1.0, pairs + 2.0, significance)


def agresti_min_interval(
    losses: int, gains: int, pairs: int, significance: float = 0.05
) -> tuple[float, float]:
    """Return the adjusted Wald interval of Agresti and Min (2005, Stat Med 24:729)."""
    return _adjusted_wald(losses + 0.5, gains + 0.5, pairs + 2.0, significance)


def wald_interval(
    losses: int, gains: int, pairs: int, significance: float = 0.05
) -> tuple[float, float]:
    """Return the textbook interval. It covers too little below some hundred pairs."""
    return _adjusted_wald(losses, gains, pairs, significance)


def _adjusted_wald(
    losses: float, gains: float, pairs: float, significance: float
) -> tuple[float, float]:
    difference = (gains - losses) / pairs
    variance = ((gains + losses) / pairs - difference * difference) / pairs
    reach = normal_quantile(1.0 - significance / 2.0) * math.sqrt(max(0.0, variance))
    return difference - reach, difference + reach


def _wilson(successes: float, trials: float, critical: float) -> tuple[float, float]:
    share, square = successes / trials, critical * critical / trials
    centre = (share + square / 2.0) / (1.0 + square)
    spread = share * (1.0 - share) + square / 4.0
    reach = math.sqrt(square * spread) / (1.0 + square)
    # At the ends the bound is the end itself, which rounding would miss.
    lower = 0.0 if successes == 0 else max(0.0, centre - reach)
    upper = 1.0 if successes == trials else min(1.0, centre + reach)
    return lower, upper


def _square_and_add(
    baseline: tuple[int, int], candidate: tuple[int, int], critical: float
) -> tuple[float, float]:
    old, new = baseline[0] / baseline[1], candidate[0] / candidate[1]
    old_lower, old_upper = _wilson(*baseline, critical)
    new_lower, new_upper = _wilson(*candidate, critical)
    difference = new - old
    return (
        difference - math.hypot(new - new_lower, old_upper - old),
        difference + math.hypot(new_upper - new, old - old_lower),
    )
