"""Rankings as rows of text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from inspect_mlflow_compare._types import ComparisonResult, RankedEvaluation, Ranking
from inspect_mlflow_compare.reports._characters import visible
from inspect_mlflow_compare.reports._comparisons import file_name
from inspect_mlflow_compare.reports._numbers import Scale

__all__ = ["RankingRow", "ranking_rows"]


@dataclass(frozen=True, slots=True)
class RankingRow:
    """One evaluation in a ranking.

    Args:
        place: From 1.
        label: Its model, with the log where several have the same model.
        value: Its mean.
        stderr: Standard error of it.
        group: Letters of those it cannot be told apart from.
    """

    place: int
    label: str
    value: str
    stderr: str
    group: str


def ranking_rows(ranking: Ranking, comparisons: Sequence[ComparisonResult]) -> list[RankingRow]:
    """The evaluations of a ranking, best first.

    Args:
        ranking: One scorer's.
        comparisons: Those that it is about, which know the baseline and the kind of scores.
    """
    models = Counter(entry.model for entry in ranking.entries)
    baselines = {one.baseline_log for one in comparisons} - {""}
    scale = Scale(is_share(ranking, comparisons), _decimals(ranking, comparisons))
    rows = []
    for place, entry in enumerate(ranking.entries, start=1):
        label = _label(entry, alone=models[entry.model] == 1)
        rows.append(
            RankingRow(
                place=place,
                label=f"{label}, the baseline" if entry.log in baselines else label,
                value=scale.value(entry.value),
                stderr=scale.value(entry.stderr),
                group=entry.group,
            )
        )
    return rows


def is_share(ranking: Ranking, comparisons: Sequence[ComparisonResult]) -> bool:
    """Whether the scores are right and wrong, so that a mean is a share."""
    kinds = {
        metric.kind
        for one in comparisons
        for metric in one.metrics
        if metric.scorer == ranking.scorer
    }
    return kinds == {"binary"}


def _label(entry: RankedEvaluation, *, alone: bool) -> str:
    log = file_name(entry.log)
    return visible(entry.model) if alone or not log else f"{visible(entry.model)} ({log})"


def _decimals(ranking: Ranking, comparisons: Sequence[ComparisonResult]) -> int:
    """Decimals that show two digits of the smallest standard error."""
    errors = [entry.stderr for entry in ranking.entries if entry.stderr]
    if not errors:
        return 1 if is_share(ranking, comparisons) else 3
    unit = 100.0 if is_share(ranking, comparisons) else 1.0
    return min(6, max(0, 1 - math.floor(math.log10(unit * min(errors)))))
