"""Every way, or many random ways, to split paired differences in two."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare.statistics._sign_flip import ENUMERABLE

_BLOCK_VALUES = 2_000_000
_TIE = 1e-9
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """Splits of the differences into those whose sides are swapped and the others.

    Args:
        differences: Shape (n,).
        sizes: Number of differences in one part; shape (splits,).
        sums: Sum of the differences in that part; shape (splits,).
        sampled: Whether the splits were drawn at random; else they are all, up to complements.
    """

    differences: NDArray[np.float64]
    sizes: NDArray[np.int64]
    sums: NDArray[np.float64]
    sampled: bool

    @classmethod
    def of(cls, differences: NDArray[np.float64], draws: int, seed: int | None) -> Splits:
        """Split few differences in every way, many in `draws` random ways.

        Args:
            differences: At least one; shape (n,).
            draws: Number of random splits.
            seed: Seed of the random numbers.
        """
        if differences.size <= ENUMERABLE:
            return cls(differences, *_all_parts(differences), False)
        return cls(differences, *_random_parts(differences, draws, seed), True)

    def p_value(self, *, midp: bool) -> float:
        """Return the share of splits that make the difference as large as it was seen.

        The data themselves are added to random splits (Phipson and Smyth 2010, Statistical
        Applications in Genetics and Molecular Biology 9:39), so that it is never zero.

        Args:
            midp: Whether those that make it just as large count half.
        """
        whole = float(self.differences.sum())
        swapped = np.abs(2.0 * self.sums - whole)
        tie = _TIE * float(np.abs(self.differences).sum())
        beyond = int(np.count_nonzero(swapped > abs(whole) + tie))
        equal = int(np.count_nonzero(swapped >= abs(whole) - tie)) - beyond + self.sampled
        return (beyond + (0.5 if midp else 1.0) * equal) / (self.sums.size + self.sampled)

    def bounds(self, significance: float) -> tuple[float, float] | None:
        """Return the supposed differences that the test does not reject.

        Beside a supposed difference a split makes the sum at least as large as the one seen just
        when that difference lies between the means of the two parts. The bounds are therefore
        order statistics of the smaller and of the larger of the two means.

        Args:
            significance: Level of the test.

        Returns:
            None when the splits are too few for the test to reject anything.
        """
        real = (self.sizes > 0) & (self.sizes < self.differences.size)
        one = self.sums[real] / self.sizes[real]
        rest = float(self.differences.sum()) - self.sums[real]
        other = rest / (self.differences.size - self.sizes[real])
        total = self.sums.size + self.sampled
        # Splits with an empty part leave the sum as it is, whatever is supposed.
        rank = math.ceil(significance * total * (1.0 - _ROUNDING)) - (total - one.size)
        if not 0 < rank <= one.size:
            return None
        lower = np.partition(np.minimum(one, other), rank - 1)[rank - 1]
        upper = np.partition(np.maximum(one, other), one.size - rank)[one.size - rank]
        return float(lower), float(upper)


def _all_parts(
    differences: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return size and sum of every subset that holds the first difference."""
    sizes, sums = np.ones(1, dtype=np.int64), differences[:1]
    for value in differences[1:]:
        sizes = np.concatenate((sizes, sizes + 1))
        sums = np.concatenate((sums, sums + value))
    return sizes, sums


def _random_parts(
    differences: NDArray[np.float64], draws: int, seed: int | None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return size and sum of random subsets, drawn with one bit for each difference."""
    generator = np.random.default_rng(seed)
    # Whole words of the generator, so that the block size does not matter.
    row_bytes = -(-differences.size // 64) * 8
    columns = np.stack([np.ones(differences.size), differences], axis=1)
    block = max(1, _BLOCK_VALUES // differences.size)
    found = []
    for start in range(0, draws, block):
        rows = min(block, draws - start)
        packed = np.frombuffer(generator.bytes(rows * row_bytes), dtype=np.uint8)
        bits = np.unpackbits(packed.reshape(rows, row_bytes), axis=1, count=differences.size)
        found.append(bits.astype(np.float64) @ columns)
    both = np.concatenate(found)
    return np.rint(both[:, 0]).astype(np.int64), both[:, 1]
