"""Scores that are labels: how often the two evaluations agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from inspect_mlflow_compare._types import LabelAgreement


def label_agreement(
    baseline_labels: Sequence[str], candidate_labels: Sequence[str]
) -> LabelAgreement:
    """Tabulate two sequences of labels.

    Cohen's kappa (1960, Educational and Psychological Measurement 20:37) is the agreement beyond
    what independent evaluations with the same shares of labels would reach.

    Args:
        baseline_labels: One label per sample.
        candidate_labels: Labels of the same samples, in the same order.

    Returns:
        The labels in alphabetical order, the matrix, the agreement and kappa.

    Raises:
        ValueError: If the lengths differ or there are no labels.
    """
    if len(baseline_labels) != len(candidate_labels):
        raise ValueError(
            f"{len(baseline_labels)} labels cannot be paired with {len(candidate_labels)}"
        )
    samples = len(baseline_labels)
    if not samples:
        raise ValueError("there are no labels to compare")
    cells = Counter(zip(baseline_labels, candidate_labels, strict=True))
    labels = tuple(sorted({*baseline_labels, *candidate_labels}))
    old, new = Counter(baseline_labels), Counter(candidate_labels)
    equal = sum(cells[label, label] for label in labels)
    by_chance = sum(old[label] * new[label] for label in labels)
    # In integers, so that a perfect agreement by chance is seen as such.
    spare = samples * samples - by_chance
    return LabelAgreement(
        labels=labels,
        matrix=tuple(tuple(cells[row, column] for column in labels) for row in labels),
        agreement=equal / samples,
        kappa=(equal * samples - by_chance) / spare if spare else None,
    )
