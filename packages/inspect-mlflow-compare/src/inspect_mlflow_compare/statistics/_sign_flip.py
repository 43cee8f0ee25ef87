"""The exact sign-flip test: is the sum of differences larger than chance signs would make it?

Fisher's randomisation test (The Design of Experiments, 1935, section 21). Under the null
hypothesis every difference might as well have had the other sign.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare.statistics._special import binomial_mass, binomial_tail

ENUMERABLE = 20
# Convolving one difference at a time costs (differences x sum) additions.
_DIRECT_WORK = 2_000_000
_FOURIER_WORK = 40_000_000
# Bounds the memory to some tens of megabytes.
_LONGEST_PERIOD = 1 << 20
# Hoeffding: beyond so many standard deviations lies a probability below 1e-18.
_WINDOW = 9.2
# The Fourier transform is exact to about 1e-15 in absolute terms, not in relative ones.
SMALLEST_P_VALUE = 1e-12
_TIE = 1e-9


@dataclass(frozen=True, slots=True)
class SignFlipTails:
    """Two-sided tail of the sign-flip distribution.

    Args:
        beyond: Probability of a sum that is larger in absolute value than the one seen.
        equal: Probability of one that is as large.
        resolution: Smallest p-value that the computation can tell from zero.
    """

    beyond: float
    equal: float
    resolution: float = 0.0

    @property
    def exact(self) -> float:
        """The p-value that never errs too often."""
        return min(1.0, max(self.resolution, self.beyond + self.equal))

    @property
    def midp(self) -> float:
        """The p-value that counts ties half (Lancaster 1961), less conservative."""
        return min(1.0, max(self.resolution, self.beyond + 0.5 * self.equal))


# Without any difference there is no evidence, of which counting ties half would make some.
_NO_DIFFERENCE = SignFlipTails(beyond=1.0, equal=0.0)


def lattice_tails(differences: NDArray[np.int64]) -> SignFlipTails | None:
    """Return the exact distribution's tail for integer differences.

    Args:
        differences: Shape (n,).

    Returns:
        The tails; None when the differences are too many and too varied to be worth the time.
    """
    sizes = np.abs(differences[differences != 0])
    if not sizes.size:
        return _NO_DIFFERENCE
    divisor = int(np.gcd.reduce(sizes))
    sizes = sizes // divisor
    total = abs(int(differences.sum())) // divisor
    values, counts = np.unique(sizes, return_counts=True)
    if values.size == 1:
        return _binomial_tails(total, int(counts[0]))
    if sizes.size * int(sizes.sum()) <= _DIRECT_WORK:
        return _direct_tails(sizes, total)
    return _fourier_tails(values, counts, total)


def enumerated_tails(differences: NDArray[np.float64]) -> SignFlipTails:
    """Return the tail by going through all signs.

    Args:
        differences: Shape (n,), n at most `ENUMERABLE`.

    Raises:
        ValueError: If there are more differences than that.
    """
    if differences.size > ENUMERABLE:
        raise ValueError(f"more than {ENUMERABLE} differences have too many signs to go through")
    sizes = np.abs(differences)
    scale = float(sizes.sum())
    if scale == 0.0:
        return _NO_DIFFERENCE
    # The other half of the sums mirrors this one.
    sums = sizes[:1]
    for size in sizes[1:]:
        sums = np.concatenate((sums + size, sums - size))
    sums = np.abs(sums)
    seen = abs(float(differences.sum()))
    beyond = int(np.count_nonzero(sums > seen + _TIE * scale))
    at_least = int(np.count_nonzero(sums >= seen - _TIE * scale))
    return SignFlipTails(beyond / sums.size, (at_least - beyond) / sums.size)


def _binomial_tails(total: int, count: int) -> SignFlipTails:
    """Differences all of one size: the number of positive ones is binomial."""
    positive = (count + total) // 2
    if total == 0:
        equal = binomial_mass(positive, count)
        return SignFlipTails(beyond=1.0 - equal, equal=equal)
    return SignFlipTails(
        beyond=2.0 * binomial_tail(positive + 1, count), equal=2.0 * binomial_mass(positive, count)
    )


def _direct_tails(sizes: NDArray[np.int64], total: int) -> SignFlipTails:
    """Convolve one difference after the other; every term is positive, so nothing cancels."""
    whole = int(sizes.sum())
    mass = np.zeros(whole + 1)
    mass[0] = 1.0
    reach = 0
    for size in np.sort(sizes):
        # mass[t]: probability that the differences with a plus add up to t
        shifted = mass[: reach + 1] * 0.5
        mass[: reach + 1] = shifted
        mass[size : size + reach + 1] += shifted
        reach += int(size)
    positive = (whole + total) // 2
    equal = float(mass[positive])
    if total == 0:
        return SignFlipTails(beyond=max(0.0, 1.0 - equal), equal=equal)
    return SignFlipTails(beyond=2.0 * float(mass[positive + 1 :].sum()), equal=2.0 * equal)


def _fourier_tails(
    values: NDArray[np.int64], counts: NDArray[np.int64], total: int
) -> SignFlipTails | None:
    """Invert the characteristic function, a product of powers of cosines.

    The sum of the positive differences, minus half of all, has the characteristic function
    prod cos(t v / 2)^k. It is inverted on a circle just wide enough for all but 1e-18 of the
    probability, however many differences there are.
    """
    whole = int((values * counts).sum())
    deviation = math.sqrt(float((values.astype(np.float64) ** 2 * counts).sum()))
    if total > _WINDOW * deviation:
        return SignFlipTails(0.0, 0.0, SMALLEST_P_VALUE)
    period = min(whole + 1, 2 * math.ceil(_WINDOW * deviation / 2) + 3)
    period = 1 << (period - 1).bit_length()
    if period > _LONGEST_PERIOD or values.size * period > _FOURIER_WORK:
        return None
    frequencies = np.arange(period // 2 + 1)
    cosines = np.cos(np.pi / period * np.arange(2 * period))
    spectrum = np.ones(frequencies.size)
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        # Reduced as integers, so that large multiples lose no digits.
        spectrum *= _power(cosines[(frequencies * (value % (2 * period))) % (2 * period)], count)
    odd = whole % 2
    shift = np.exp(1j * np.pi / period * frequencies * odd)
    mass = np.maximum(np.fft.irfft(np.conj(spectrum * shift), period), 0.0)
    place = (total + odd) // 2
    equal = float(mass[place])
    if total == 0:
        return SignFlipTails(max(0.0, 1.0 - equal), equal, SMALLEST_P_VALUE)
    upper = mass[place + 1 : period // 2 + 1]
    return SignFlipTails(2.0 * float(upper.sum()), 2.0 * equal, SMALLEST_P_VALUE)


def _power(base: NDArray[np.float64], exponent: int) -> NDArray[np.float64]:
    """Raise to a positive integer power by squaring, which is exact enough and fast."""
    result = np.ones_like(base)
    while exponent:
        if exponent & 1:
            result *= base
        exponent >>= 1
        if exponent:
            base = base * base
    return result
