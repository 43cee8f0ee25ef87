"""What an evaluation of this size could have found, and what a larger one would find."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from inspect_mlflow_compare._types import MetricComparison, VarianceSplit
from inspect_mlflow_compare.comparison._options import Options
from inspect_mlflow_compare.comparison._paired_scores import PairedScores

__all__ = ["with_planning"]

_MORE_IDS: Final = (1, 2, 5)
_EPOCHS: Final = (1, 2, 5, 10)


def with_planning(
    metric: MetricComparison, paired: PairedScores, options: Options
) -> MetricComparison:
    """The metric with its detectable effect, the ids needed, the variances and a table."""
    from inspect_mlflow_compare.statistics import (
        minimum_detectable_effect,
        planning_table,
        sample_size,
        variance_split,
    )

    before, after, level = paired.baseline, paired.candidate, options.significance
    split = variance_split(before, after)
    ids = len(paired.items)
    return replace(
        metric,
        minimum_detectable_effect=minimum_detectable_effect(
            before, after, significance=level, clusters=paired.clusters
        ),
        ids_needed=sample_size(before, after, metric.delta, significance=level),
        variance=split,
        planning=()
        if split is None or not _varies(split)
        else planning_table(
            split, [ids * factor for factor in _MORE_IDS], _EPOCHS, significance=level
        ),
    )


def _varies(split: VarianceSplit) -> bool:
    """Whether there is any variance to plan with; scores that are all alike show none."""
    return split.between_ids + split.baseline_within_ids + split.candidate_within_ids > 0
