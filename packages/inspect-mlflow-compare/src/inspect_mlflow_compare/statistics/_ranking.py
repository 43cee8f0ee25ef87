"""Several evaluations in order, with groups that cannot be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare._types import Better
from inspect_mlflow_compare.statistics._moments import Clusters, standard_error
from inspect_mlflow_compare.statistics._multiplicity import benjamini_hochberg, holm
from inspect_mlflow_compare.statistics._paired import check_significance
from inspect_mlflow_compare.statistics._pairs import Pairs
from inspect_mlflow_compare.statistics._scores import EpochScores
from inspect_mlflow_compare.statistics._tests import run_test

Correction = Literal["holm", "bh", "none"]
_ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class RankedScores(NamedTuple):
    """Evaluations compared with one another.

    Attributes:
        order: Numbers of the evaluations, best first.
        groups: Letters of each evaluation, in the order given (not the ranked one).
        stderr: Standard error of each evaluation's mean, in the order given.
    """

    order: list[int]
    groups: list[str]
    stderr: list[float | None]


def rank(
    values: NDArray[np.float64],
    *,
    significance: float = 0.05,
    correction: Correction = "holm",
    better: Better = "higher",
    clusters: NDArray[np.int64] | None = None,
) -> RankedScores:
    """Order evaluations by their means and mark those that differ significantly.

    Every pair is tested as `paired_inference` does; the p-values are adjusted over all pairs.

    Args:
        values: Mean score of each id; shape (evaluations, ids).
        significance: Level of the tests.
        correction: Adjustment over all pairs: `"holm"`, `"bh"` or `"none"`.
        better: Whether higher or lower is better.
        clusters: A number for each id, the same for ids that belong together; shape (ids,).

    Raises:
        ValueError: If a score is not finite or an argument is out of its range.
    """
    check_significance(significance)
    sides = [EpochScores.from_means(row) for row in values]
    groups = None if clusters is None else Clusters.from_labels(clusters)
    means = values.mean(axis=1) if values.shape[1] else np.zeros(len(sides))
    order = np.argsort(-means if better == "higher" else means, kind="stable").tolist()
    couples = list(combinations(range(len(sides)), 2))
    p_values = [
        run_test(Pairs.of(sides[one], sides[other], clusters)).p_value for one, other in couples
    ]
    adjusted = adjust([1.0 if p is None else p for p in p_values], correction)
    different = {pair for pair, p in zip(couples, adjusted, strict=True) if p < significance}
    return RankedScores(
        order=order,
        groups=_in_given_order(order, different),
        stderr=[standard_error(row, groups) for row in values],
    )


def adjust(p_values: Sequence[float], correction: Correction) -> list[float]:
    """Adjust p-values by the method of that name.

    Args:
        p_values: In [0, 1].
        correction: `"holm"`, `"bh"` or `"none"`.

    Raises:
        ValueError: If the method is unknown.
    """
    if correction == "holm":
        return holm(p_values)
    if correction == "bh":
        return benjamini_hochberg(p_values)
    if correction == "none":
        return list(p_values)
    raise ValueError(f"unknown correction: {correction!r}")


def compact_letters(number: int, different: set[tuple[int, int]]) -> list[str]:
    """Give letters to things so that two share one exactly when they do not differ.

    Insert and absorb (Piepho 2004, Journal of Computational and Graphical Statistics 13:456): a
    group that holds two that differ is split in two, and groups inside others are dropped.

    Args:
        number: How many things there are, numbered from 0, best first.
        different: Pairs that differ.

    Returns:
        The letters of each; `"a"` belongs to the group of the first.
    """
    groups = [frozenset(range(number))]
    for one, other in sorted(tuple(sorted(pair)) for pair in different):
        split = []
        for group in groups:
            both = one in group and other in group
            split += [group - {one}, group - {other}] if both else [group]
        groups = [
            group
            for index, group in enumerate(split)
            if not any(group < rival for rival in split) and group not in split[:index]
        ]
    groups.sort(key=sorted)
    return [
        "".join(_letter(index) for index, group in enumerate(groups) if member in group)
        for member in range(number)
    ]


def _in_given_order(order: list[int], different: set[tuple[int, int]]) -> list[str]:
    """Give the letters by rank, then put them back where the evaluations were."""
    place = {evaluation: position for position, evaluation in enumerate(order)}
    by_rank = compact_letters(len(order), {(place[one], place[other]) for one, other in different})
    return [by_rank[place[evaluation]] for evaluation in range(len(order))]


def _letter(index: int) -> str:
    return _ALPHABET[index] if index < len(_ALPHABET) else f"({index + 1})"
