"""Resampling of paired scores with replacement, in blocks of bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray], FloatArray]

_BLOCK_VALUES = 2_000_000
# Few distinct rows are resampled by their counts, which costs the same for any number of ids.
_MOST_LEVELS = 64


def resampled_sums(rows: FloatArray, resamples: int, seed: int | None) -> FloatArray:
    """Return the column sums of resampled rows.

    Args:
        rows: One row per independent unit; shape (units, columns).
        resamples: How many times to draw as many rows as there are.
        seed: Seed of the random numbers.

    Returns:
        Shape (resamples, columns).
    """
    generator = np.random.default_rng(seed)
    levels, counts = np.unique(rows, axis=0, return_counts=True)
    if counts.size <= _MOST_LEVELS:
        drawn = generator.multinomial(len(rows), counts / len(rows), size=resamples)
        return np.asarray(drawn @ levels, dtype=np.float64)
    sums = np.empty((resamples, rows.shape[1]))
    columns = [np.ascontiguousarray(column) for column in rows.T]
    done = 0
    for drawn in _drawn_rows(len(rows), resamples, generator):
        for number, column in enumerate(columns):
            # Cluster sizes are all 1 without clusters; their sum needs no drawing.
            constant = column[0] if bool((column == column[0]).all()) else None
            part = column[drawn].sum(axis=1) if constant is None else constant * len(rows)
            sums[done : done + len(drawn), number] = part
        done += len(drawn)
    return sums


def resampled_differences(
    baseline: FloatArray,
    candidate: FloatArray,
    members: list[NDArray[np.intp]] | None,
    statistic: Statistic,
    resamples: int,
    seed: int | None,
) -> FloatArray:
    """Return the difference of a statistic of both sides for each resample of the pairs.

    Args:
        baseline: One score per id, shape (ids,).
        candidate: Scores of the same ids.
        members: Ids of each cluster, to be drawn together; None draws ids.
        statistic: Function of an array of scores that reduces its last axis.
        resamples: How many.
        seed: Seed of the random numbers.

    Returns:
        Shape (resamples,).
    """
    generator = np.random.default_rng(seed)
    if members is None:
        parts = _drawn_rows(baseline.size, resamples, generator)
        return np.concatenate(
            [statistic(candidate[drawn]) - statistic(baseline[drawn]) for drawn in parts]
        )
    found = np.empty(resamples)
    for row in range(resamples):
        chosen = generator.integers(0, len(members), len(members))
        drawn = np.concatenate([members[cluster] for cluster in chosen.tolist()])
        found[row] = float(statistic(candidate[drawn]) - statistic(baseline[drawn]))
    return found


def _drawn_rows(
    size: int, resamples: int, generator: np.random.Generator
) -> Iterator[NDArray[np.intp]]:
    """Yield blocks of row numbers, drawn in one stream whatever the size of the blocks."""
    block = max(1, _BLOCK_VALUES // size)
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        yield generator.integers(0, size, size=(rows, size), dtype=np.intp)
