"""Paired binary outcomes: tests of the discordant pairs and their odds."""

from __future__ import annotations

import math
from typing import Literal

from inspect_mlflow_compare.statistics._special import (
    binomial_mass,
    binomial_tail,
    bisect,
    normal_tail,
)

McNemarVariant = Literal["mid-p", "exact", "none", "cc"]


def mcnemar_p_value(losses: int, gains: int, variant: McNemarVariant = "mid-p") -> float:
    """Return the two-sided p-value of McNemar's test (1947).

    Args:
        losses: Pairs that only the baseline got right.
        gains: Pairs that only the candidate got right.
        variant: `"mid-p"` (Fagerland, Lydersen and Laake 2013, BMC Medical Research Methodology
            13:91), `"exact"` (binomial), `"none"` (chi-square) or `"cc"` (chi-square with
            Edwards' continuity correction).

    Raises:
        ValueError: If the variant is unknown.
    """
    discordant = losses + gains
    if variant not in ("mid-p", "exact", "none", "cc"):
        raise ValueError(f"unknown variant of McNemar's test: {variant!r}")
    if discordant == 0:
        return 1.0
    if variant in ("none", "cc"):
        distance = abs(gains - losses) - (1 if variant == "cc" else 0)
        return min(1.0, 2.0 * normal_tail(max(0, distance) / math.sqrt(discordant)))
    larger = max(losses, gains)
    exact = min(1.0, 2.0 * binomial_tail(larger, discordant))
    if variant == "exact":
        return exact
    equal = binomial_mass(larger, discordant)
    if losses == gains:
        return 1.0 - 0.5 * equal
    # Not the exact p-value minus the mass: that would cancel where p is tiny.
    return 2.0 * binomial_tail(larger + 1, discordant) + equal


def discordant_odds(
    losses: int, gains: int, significance: float = 0.05, *, midp: bool = True
) -> tuple[float | None, float, float | None]:
    """Return the odds of a gain against a loss, with an interval given the discordant pairs.

    Args:
        losses: Pairs that only the baseline got right.
        gains: Pairs that only the candidate got right.
        significance: One minus the coverage.
        midp: Whether ties count half, which agrees with the mid-p test; else the interval is
            that of Clopper and Pearson (1934).

    Returns:
        The odds and the bounds; None stands for infinity.
    """
    discordant = losses + gains
    weight = 0.5 if midp else 1.0
    half = significance / 2.0

    def too_low(share: float) -> float:
        above = binomial_tail(gains + 1, discordant, share)
        return half - above - weight * binomial_mass(gains, discordant, share)

    def not_too_high(share: float) -> float:
        below = 1.0 - binomial_tail(gains, discordant, share)
        return below + weight * binomial_mass(gains, discordant, share) - half

    lower = bisect(too_low, 0.0, 1.0) if gains else 0.0
    upper = bisect(not_too_high, 0.0, 1.0) if losses else 1.0
    return (
        gains / losses if losses else None,
        lower / (1.0 - lower),
        upper / (1.0 - upper) if upper < 1.0 else None,
    )
