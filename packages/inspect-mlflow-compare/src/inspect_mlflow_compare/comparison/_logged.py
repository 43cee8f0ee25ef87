"""What the logs themselves state for a scorer, next to which our own numbers are shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inspect_mlflow_compare._types import ScoreKind
from inspect_mlflow_compare.logs import Evaluation, SeriesKey

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalScore

__all__ = ["LoggedMetric", "logged_metric"]

_MEANS = ("accuracy", "mean")
"""Metrics of Inspect that are the mean of the scores."""


@dataclass(frozen=True, slots=True)
class LoggedMetric:
    """The metric of a scorer that is a mean, as both logs state it.

    Args:
        name: `"accuracy"` or `"mean"`.
        baseline: Value in the baseline; None when its log states none.
        candidate: Value in the candidate.
        notes: By what epochs were reduced, where that is not the mean.
    """

    name: str
    baseline: float | None
    candidate: float | None
    notes: tuple[str, ...] = ()


def logged_metric(
    baseline: Evaluation, candidate: Evaluation, key: SeriesKey, kind: ScoreKind
) -> LoggedMetric:
    """Finds the metric that is comparable with the mean of a series."""
    scores = [_score(evaluation.header, key) for evaluation in (baseline, candidate)]
    name = next(
        (name for score in scores if score is not None for name in _MEANS if name in score.metrics),
        "accuracy" if kind == "binary" else "mean",
    )
    values = [_value(score, name) for score in scores]
    notes = [
        f"the {side}'s log reduces epochs by {score.reducer}; here they are averaged"
        for side, score, value in zip(("baseline", "candidate"), scores, values, strict=True)
        if value is not None and score is not None and score.reducer not in ("mean", None)
    ]
    return LoggedMetric(name, values[0], values[1], tuple(notes))


def _score(header: EvalLog, key: SeriesKey) -> EvalScore | None:
    """The entry of a scorer, of several with different reducers the one that averages."""
    found = [
        score
        for score in (header.results.scores if header.results is not None else ())
        if score.scorer == key.scorer
        and score.name == (key.scorer if key.part is None else str(key.part))
    ]
    return _first_of(found, ("mean", None))


def _first_of(scores: Sequence[EvalScore], reducers: Sequence[str | None]) -> EvalScore | None:
    for reducer in reducers:
        for score in scores:
            if score.reducer == reducer and any(name in score.metrics for name in _MEANS):
                return score
    return scores[0] if scores else None


def _value(score: EvalScore | None, name: str) -> float | None:
    metric = score.metrics.get(name) if score is not None else None
    return None if metric is None or math.isnan(metric.value) else float(metric.value)
