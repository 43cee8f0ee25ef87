"""The ids that changed, the most telling first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from inspect_mlflow_compare._types import (
    ComparisonResult,
    ItemComparison,
    MetricComparison,
    SampleComparison,
)
from inspect_mlflow_compare.reports._numbers import Scale, count, p_value

__all__ = ["ScorerRegressions", "confirmation", "newly_failing", "regressions", "score_text"]


@dataclass(frozen=True, slots=True)
class ScorerRegressions:
    """Ids that one scorer saw get worse.

    Args:
        metric: Of the scorer.
        items: Those confirmed across epochs first, then the largest losses.
    """

    metric: MetricComparison
    items: tuple[ItemComparison, ...]

    @property
    def confirmed(self) -> int:
        """How many of them hold across epochs."""
        return sum(item.confirmed for item in self.items)

    def summary(self) -> str:
        """How many, and how many for certain."""
        text = count(len(self.items), "id")
        if any(item.p_value is not None for item in self.items):
            text += f", {self.confirmed} confirmed across epochs"
        return text


def regressions(result: ComparisonResult) -> list[ScorerRegressions]:
    """The regressed ids of each scorer that has some."""
    by_scorer: dict[str, list[ItemComparison]] = defaultdict(list)
    for item in result.items:
        if item.bucket == "regressed":
            by_scorer[item.scorer].append(item)
    return [
        ScorerRegressions(metric, tuple(sorted(by_scorer[metric.scorer], key=_gravity)))
        for metric in result.metrics
        if by_scorer[metric.scorer]
    ]


def newly_failing(result: ComparisonResult) -> list[SampleComparison]:
    """Samples that fail in the candidate only, once each whatever the number of scorers."""
    found = {(repr(sample.id), sample.epoch): sample for sample in reversed(result.newly_failing)}
    return list(reversed(found.values()))


def score_text(scores: Sequence[float], mean: float, scale: Scale) -> str:
    """Scores of an id's epochs: `4/5` for right answers, else their mean."""
    if scale.percent and all(score in (0.0, 1.0) for score in scores):
        if len(scores) == 1:
            return "right" if scores[0] else "wrong"
        return f"{sum(scores):.0f}/{len(scores)}"
    return scale.value(mean)


def confirmation(item: ItemComparison) -> str:
    """Whether a change holds across epochs; empty where that cannot be told."""
    if item.q_value is None:
        return ""
    return f"{'confirmed, ' if item.confirmed else ''}q {p_value(item.q_value, 0.1)}"


def _gravity(item: ItemComparison) -> tuple[bool, float, float]:
    return (not item.confirmed, -abs(item.delta), 1.0 if item.q_value is None else item.q_value)
