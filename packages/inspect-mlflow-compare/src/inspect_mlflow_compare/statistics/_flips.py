"""Samples that changed sides: how many, how many by noise alone, and which for certain."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare._types import FlipRates
from inspect_mlflow_compare.statistics._lattice import is_binary
from inspect_mlflow_compare.statistics._multiplicity import benjamini_hochberg
from inspect_mlflow_compare.statistics._pairs import Pairs
from inspect_mlflow_compare.statistics._scores import EpochScores
from inspect_mlflow_compare.statistics._special import student_t_tail

_MOST_SPLITS = 1000
_BLOCK_VALUES = 2_000_000
_TIE = 1e-9

FloatArray = NDArray[np.float64]


def flip_rates(baseline: EpochScores, candidate: EpochScores) -> FlipRates:
    """Count the ids that changed sides and say how many would with nothing changed.

    If both evaluations asked the same model, two answers to a question that it gets right with
    probability p would differ with probability 2 p (1 - p). The variance between epochs, pooled
    over both sides with divisor n - 1, estimates p (1 - p) without bias.

    Args:
        baseline: Scores that are 0 or 1.
        candidate: Scores of the same ids.

    Raises:
        ValueError: If the numbers of ids differ.
    """
    pairs = Pairs.of(baseline, candidate)
    old, new = pairs.baseline_means >= 0.5, pairs.candidate_means >= 0.5
    return FlipRates(
        both_right=int(np.count_nonzero(old & new)),
        only_baseline_right=int(np.count_nonzero(old & ~new)),
        only_candidate_right=int(np.count_nonzero(~old & new)),
        both_wrong=int(np.count_nonzero(~old & ~new)),
        observed=pairs.loss + pairs.gain,
        expected=_expected_flips(baseline, candidate),
    )


def confirm_changes(
    baseline: EpochScores, candidate: EpochScores, *, midp: bool = True
) -> tuple[FloatArray, FloatArray]:
    """Test each id by itself, from its epochs, and adjust for having tested all of them.

    Right and wrong: Fisher's exact test. Other scores: the exact permutation test of the epochs'
    means where the epochs are few, else Welch's t test.

    Args:
        baseline: Scores of n ids.
        candidate: Scores of the same ids.
        midp: Whether ties count half in Fisher's test, which makes up for its conservatism
            (with the adjustment: Heller and Gur 2011, arXiv:1112.4627).

    Returns:
        Two-sided p-values and those adjusted by Benjamini and Hochberg, each of shape (n,); NaN
        for an id with fewer than two epochs on either side.

    Raises:
        ValueError: If the numbers of ids differ.
    """
    if baseline.ids != candidate.ids:
        raise ValueError(f"{baseline.ids} ids cannot be paired with {candidate.ids}")
    p_values = np.full(baseline.ids, np.nan)
    testable = (baseline.counts > 1) & (candidate.counts > 1)
    if testable.any():
        if is_binary(baseline) and is_binary(candidate):
            p_values[testable] = _fisher(baseline, candidate, midp)[testable]
        else:
            _compare_epochs(baseline, candidate, testable, p_values)
    q_values = np.full(baseline.ids, np.nan)
    q_values[testable] = benjamini_hochberg(p_values[testable].tolist())
    return p_values, q_values


@lru_cache(maxsize=65536)
def fisher_p_value(
    baseline: tuple[int, int], candidate: tuple[int, int], *, midp: bool = False
) -> float:
    """Return the two-sided p-value of Fisher's exact test of two proportions.

    Tables at most as likely as the one seen count against the hypothesis; with `midp` those as
    likely count half.

    Args:
        baseline: Successes and trials.
        candidate: Successes and trials.
        midp: Whether ties count half.
    """
    (old, old_trials), (new, new_trials) = baseline, candidate
    right = old + new
    weights = [
        math.comb(old_trials, k) * math.comb(new_trials, right - k)
        for k in range(max(0, right - new_trials), min(old_trials, right) + 1)
    ]
    seen = math.comb(old_trials, old) * math.comb(new_trials, new)
    # Integers, so that "as likely" means just that; doubled for the sake of the halves.
    rarer = sum(weight for weight in weights if weight < seen)
    equal = sum(weight for weight in weights if weight == seen)
    return (2 * rarer + (1 if midp else 2) * equal) / (2 * sum(weights))


def _expected_flips(baseline: EpochScores, candidate: EpochScores) -> float | None:
    spare = baseline.counts + candidate.counts - 2
    repeated = spare > 0
    if not repeated.any():
        return None
    squares = np.zeros(baseline.ids)
    for side in (baseline, candidate):
        squares += np.nan_to_num(side.within_variances()) * (side.counts - 1)
    return float((2.0 * squares[repeated] / spare[repeated]).mean())


def _fisher(baseline: EpochScores, candidate: EpochScores, midp: bool) -> FloatArray:
    """Return Fisher's p-value for each id, computed once for each distinct table."""
    columns = [
        baseline.sums(baseline.values).astype(np.int64),
        baseline.counts,
        candidate.sums(candidate.values).astype(np.int64),
        candidate.counts,
    ]
    code = columns[0]
    for column in columns[1:]:
        code = code * (int(column.max()) + 1) + column
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    tables = np.stack(columns, axis=1)[first].tolist()
    found = [fisher_p_value((a, b), (c, d), midp=midp) for a, b, c, d in tables]
    return np.array(found)[inverse]


def _compare_epochs(
    baseline: EpochScores, candidate: EpochScores, testable: NDArray[np.bool_], out: FloatArray
) -> None:
    """Fill in the p-values of ids whose scores are not just right and wrong."""
    old_starts = np.cumsum(baseline.counts) - baseline.counts
    new_starts = np.cumsum(candidate.counts) - candidate.counts
    shapes = np.stack([baseline.counts, candidate.counts], axis=1)
    for old_count, new_count in np.unique(shapes[testable], axis=0).tolist():
        rows = np.flatnonzero((shapes == (old_count, new_count)).all(axis=1))
        block = max(1, _BLOCK_VALUES // max(old_count + new_count, _MOST_SPLITS))
        for start in range(0, rows.size, block):
            part = rows[start : start + block]
            old = baseline.values[old_starts[part, None] + np.arange(old_count)]
            new = candidate.values[new_starts[part, None] + np.arange(new_count)]
            exact = math.comb(old_count + new_count, old_count) <= _MOST_SPLITS
            out[part] = _permute(old, new) if exact else _welch(old, new)


def _permute(old: FloatArray, new: FloatArray) -> FloatArray:
    """Compare the difference of means with that of every other split of the epochs."""
    scores = np.concatenate((old, new), axis=1)
    scores = scores - scores.mean(axis=1, keepdims=True)
    splits = _split_matrix(old.shape[1], new.shape[1])
    # Centred scores: the sum over one side tells the difference of the means.
    sums = np.abs(scores @ splits)
    ties = _TIE * np.abs(scores).sum(axis=1, keepdims=True)
    shares: FloatArray = (sums >= sums[:, :1] - ties).mean(axis=1)
    return shares


@lru_cache(maxsize=64)
def _split_matrix(old: int, new: int) -> FloatArray:
    """Return one column for each way to choose the baseline's epochs, that of the data first."""
    chosen = combinations(range(old + new), old)
    # With equal sizes each choice has a complement that gives the same difference.
    kept = [choice for choice in chosen if old != new or choice[0] == 0]
    splits = np.zeros((old + new, len(kept)))
    for column, choice in enumerate(kept):
        splits[list(choice), column] = 1.0
    return splits


def _welch(old: FloatArray, new: FloatArray) -> FloatArray:
    """Return Welch's p-values row by row; 1 where neither side varies and the means agree."""
    parts = np.stack([side.var(axis=1, ddof=1) / side.shape[1] for side in (old, new)])
    spare = np.array([old.shape[1] - 1, new.shape[1] - 1])
    total = parts.sum(axis=0)
    distance = np.abs(new.mean(axis=1) - old.mean(axis=1))
    scale = np.maximum(np.abs(old).max(axis=1), np.abs(new).max(axis=1))
    flat = total <= (_TIE * scale) ** 2
    found = np.where(distance <= _TIE * scale, 1.0, 0.0)
    for row in np.flatnonzero(~flat).tolist():
        shares = parts[:, row] / total[row]
        degrees = 1.0 / float((shares**2 / spare).sum())
        found[row] = 2.0 * student_t_tail(float(distance[row]) / math.sqrt(total[row]), degrees)
    return found
