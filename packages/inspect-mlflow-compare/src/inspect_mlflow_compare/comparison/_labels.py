"""Scores that are labels: they agree or not, and have no mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from inspect_mlflow_compare._types import MetricComparison, SampleComparison
from inspect_mlflow_compare.alignment import Series
from inspect_mlflow_compare.comparison._untested import untested_metric

__all__ = ["label_metric"]

_MOST_LABELS: Final = 50
"""Above, texts are answers rather than labels, and a matrix of them is of no use."""


def label_metric(series: Series, samples: Sequence[SampleComparison]) -> MetricComparison:
    """Agreement of two evaluations; there is no value and no difference that could be tested.

    Args:
        series: A series of labels.
        samples: Its samples, with the labels of both evaluations.
    """
    from inspect_mlflow_compare.statistics import label_agreement

    pairs = [
        (sample.id, sample.baseline_label, sample.candidate_label)
        for sample in samples
        if sample.baseline_label is not None and sample.candidate_label is not None
    ]
    before, after = [pair[1] for pair in pairs], [pair[2] for pair in pairs]
    distinct = len({*before, *after})
    notes = ["values are labels: they agree or not, and there is no difference to test"]
    if not pairs:
        notes = ["no sample has a label in both evaluations"]
    elif distinct > _MOST_LABELS:
        notes.append(f"{distinct} different texts are too many for a table")
    metric = untested_metric(
        "agreement",
        series,
        kind="label",
        method="label-agreement",
        notes=(*notes, *series.notes),
    )
    return replace(
        metric,
        ids=len({identifier for identifier, _, _ in pairs}),
        labels=label_agreement(before, after) if 0 < distinct <= _MOST_LABELS else None,
    )
