"""Distribution functions in pure Python: the package needs numpy and nothing bigger."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

_STANDARD_NORMAL = NormalDist()
_TINY = 1e-300
# From here on a normal approximation of Student's t has more digits than the beta function.
_MANY_DEGREES = 1e7
# So few coin tosses are counted in integers, and their probabilities come out exact.
_COUNTABLE = 64
# Bernoulli numbers over 2k(2k-1): Stirling's series of the logarithm of the gamma function.
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)


def normal_quantile(probability: float) -> float:
    """Return the standard normal quantile of a probability inside (0, 1)."""
    return _STANDARD_NORMAL.inv_cdf(probability)


def normal_tail(value: float) -> float:
    """Return the probability that a standard normal variable exceeds `value`."""
    return 0.5 * math.erfc(value / math.sqrt(2.0))


def log_beta(a: float, b: float) -> float:
    """Return the logarithm of the beta function for positive arguments.

    Differences of large log-gammas cancel; Stirling's series replaces them from 10 on
    (DiDonato and Morris 1992, ACM TOMS 18, algorithm 708).
    """
    small, large = min(a, b), max(a, b)
    if large < 10:
        return math.lgamma(small) + math.lgamma(large) - math.lgamma(small + large)
    log_rest = math.log1p(-small / (small + large))
    correction = _stirling_rest(large) - _stirling_rest(small + large)
    if small < 10:
        log_ratio = small - small * math.log(small + large) + (large - 0.5) * log_rest
        return math.lgamma(small) + correction + log_ratio
    return (
        0.5 * math.log(2 * math.pi)
        - 0.5 * math.log(large)
        + correction
        + _stirling_rest(small)
        + (small - 0.5) * math.log(small / (small + large))
        + large * log_rest
    )


def incomplete_beta(a: float, b: float, x: float, complement: float | None = None) -> float:
    """Return the regularised incomplete beta function I_x(a, b).

    Args:
        a: First parameter, positive.
        b: Second parameter, positive.
        x: Argument in [0, 1].
        complement: `1 - x`, where the caller knows it better than subtraction does.
    """
    rest = 1.0 - x if complement is None else complement
    if x <= 0.0:
        return 0.0
    if rest <= 0.0:
        return 1.0
    # Near 1 the logarithm of what is missing has the digits.
    log_x = math.log1p(-rest) if rest < 0.5 else math.log(x)
    log_rest = math.log1p(-x) if x < 0.5 else math.log(rest)
    front = math.exp(a * log_x + b * log_rest - log_beta(a, b))
    # The continued fraction converges fast on this side of the mean only.
    if x < (a + 1.0) / (a + b + 2.0):
        return min(1.0, front * _continued_fraction(a, b, x) / a)
    return max(0.0, 1.0 - front * _continued_fraction(b, a, rest) / b)


def student_t_tail(value: float, degrees: float) -> float:
    """Return the probability that Student's t exceeds `value`.

    Args:
        value: Any number.
        degrees: Degrees of freedom, positive; infinity gives the normal distribution.
    """
    if math.isinf(degrees):
        return normal_tail(value)
    square = value * value
    if math.isinf(square):
        return 0.0 if value > 0 else 1.0
    if degrees > _MANY_DEGREES:
        # Abramowitz and Stegun 1964, 26.7.8
        scale = (1.0 - 0.25 / degrees) / math.sqrt(1.0 + 0.5 * square / degrees)
        return normal_tail(value * scale)
    two_sided = incomplete_beta(
        degrees / 2.0, 0.5, degrees / (degrees + square), square / (degrees + square)
    )
    return 0.5 * two_sided if value > 0 else 1.0 - 0.5 * two_sided


@lru_cache(maxsize=1024)
def student_t_critical(tail: float, degrees: float) -> float:
    """Return the value that Student's t exceeds with probability `tail`.

    Args:
        tail: Upper tail probability inside (0, 1).
        degrees: Degrees of freedom, positive; infinity gives the normal quantile.
    """
    if math.isinf(degrees):
        return -normal_quantile(tail)
    if tail > 0.5:
        return -student_t_critical(1.0 - tail, degrees)
    upper = 1.0
    while student_t_tail(upper, degrees) > tail:
        upper *= 2.0
    return bisect(lambda value: student_t_tail(value, degrees) - tail, 0.0, upper)


def f_tail(value: float, numerator: float, denominator: float) -> float:
    """Return the probability that Fisher's F exceeds a value that is not negative."""
    if value <= 0.0:
        return 1.0
    scale = numerator * value + denominator
    return incomplete_beta(
        denominator / 2, numerator / 2, denominator / scale, numerator * value / scale
    )


def binomial_tail(successes: int, trials: int, probability: float = 0.5) -> float:
    """Return the probability of at least `successes` in so many independent trials."""
    if successes <= 0:
        return 1.0
    if successes > trials:
        return 0.0
    if probability == 0.5 and trials <= _COUNTABLE:
        return sum(math.comb(trials, k) for k in range(successes, trials + 1)) / (1 << trials)
    return incomplete_beta(successes, trials - successes + 1, probability, 1.0 - probability)


def binomial_mass(successes: int, trials: int, probability: float = 0.5) -> float:
    """Return the probability of exactly `successes`; `probability` lies inside (0, 1)."""
    if successes < 0 or successes > trials:
        return 0.0
    if probability == 0.5 and trials <= _COUNTABLE:
        return math.comb(trials, successes) / (1 << trials)
    failures = trials - successes
    # C(n, k) = 1 / ((n + 1) B(k + 1, n - k + 1))
    log_choose = -math.log(trials + 1) - log_beta(successes + 1, failures + 1)
    log_powers = successes * math.log(probability) + failures * math.log1p(-probability)
    return math.exp(log_choose + log_powers)


def bisect(function: Callable[[float], float], lower: float, upper: float) -> float:
    """Return the root of a decreasing function to the last bits of a float.

    Args:
        function: Positive at `lower`, negative at `upper`, and falling in between.
        lower: Left end of the bracket.
        upper: Right end of the bracket.
    """
    for _ in range(200):
        middle = 0.5 * (lower + upper)
        if middle in (lower, upper):
            break
        if function(middle) > 0:
            lower = middle
        else:
            upper = middle
    return 0.5 * (lower + upper)


def _stirling_rest(x: float) -> float:
    """Return what Stirling's formula without its series lacks of lgamma(x), for x >= 10."""
    return sum(factor / x ** (2 * index + 1) for index, factor in enumerate(_STIRLING))


def _continued_fraction(a: float, b: float, x: float) -> float:
    """Evaluate the continued fraction of I_x(a, b) by Lentz's method (DLMF 8.17.22)."""
    c, d = 1.0, _inverse(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for factor in (even, odd):
            d = _inverse(1.0 + factor * d)
            c = 1.0 + factor / c
            c = c if abs(c) > _TINY else _TINY
            value *= c * d
        if abs(c * d - 1.0) < 1e-16:
            break
    return value


def _inverse(value: float) -> float:
    return 1.0 / (value if abs(value) > _TINY else _TINY)
