"""What became of each sample id, its epochs averaged."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from inspect_mlflow_compare._types import ItemComparison
from inspect_mlflow_compare.alignment import Series
from inspect_mlflow_compare.comparison._changes import ChangeRule
from inspect_mlflow_compare.comparison._paired_scores import PairedScores

if TYPE_CHECKING:
    from inspect_mlflow_compare.statistics import EpochScores

__all__ = ["compare_items"]

_CONFIRMED: Final = 0.1
"""False discovery rate at which a change of one id counts as confirmed."""


def compare_items(paired: PairedScores, series: Series, rule: ChangeRule) -> list[ItemComparison]:
    """One comparison for each id that both evaluations scored, in the same order."""
    from inspect_mlflow_compare.statistics import confirm_changes

    p_values, q_values = confirm_changes(paired.baseline, paired.candidate)
    columns = zip(
        paired.items,
        _rows(paired.baseline),
        _rows(paired.candidate),
        paired.baseline.means().tolist(),
        paired.candidate.means().tolist(),
        p_values.tolist(),
        q_values.tolist(),
        strict=True,
    )
    return [
        ItemComparison(
            id=item.id,
            scorer=series.name,
            baseline_scores=before,
            candidate_scores=after,
            baseline_mean=before_mean,
            candidate_mean=after_mean,
            delta=rule.difference(before_mean, after_mean),
            bucket=(bucket := rule(before_mean, after_mean)),
            p_value=_known(p_value),
            q_value=_known(q_value),
            confirmed=bucket != "unchanged" and q_value < _CONFIRMED,
            cluster=item.cluster,
        )
        for item, before, after, before_mean, after_mean, p_value, q_value in columns
    ]


def _rows(scores: EpochScores) -> Iterator[tuple[float, ...]]:
    values = scores.values.tolist()
    start = 0
    for count in scores.counts.tolist():
        yield tuple(values[start : start + count])
        start += count


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
