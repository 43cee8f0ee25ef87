"""What the samples of both evaluations cost: money, tokens and time, paired by sample id."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias

from inspect_mlflow_compare._types import ResourceComparison
from inspect_mlflow_compare.alignment import AlignedId
from inspect_mlflow_compare.logs import Evaluation, SampleRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["compare_resources"]


_RESOURCES: Final = (
    ("cost", "USD"),
    ("input_tokens", "tokens"),
    ("output_tokens", "tokens"),
    ("total_tokens", "tokens"),
    ("total_time", "s"),
    ("working_time", "s"),
)
"""Names, which are those of a sample record's attributes, and units."""

Amount: TypeAlias = Callable[[SampleRecord], float | None]


def compare_resources(
    items: Sequence[AlignedId],
    baseline: Evaluation,
    candidate: Evaluation,
    significance: float,
) -> list[ResourceComparison]:
    """One comparison for each resource that both logs know of.

    Args:
        items: All ids of both evaluations.
        baseline: For totals and percentiles over all samples.
        candidate: The same.
        significance: One minus the coverage of the intervals.
    """
    return [
        _compare(items, name, unit, (before, after), significance)
        for name, unit in _RESOURCES
        if (before := _amounts(baseline.samples, attrgetter(name)))
        and (after := _amounts(candidate.samples, attrgetter(name)))
    ]


def _compare(
    items: Sequence[AlignedId],
    name: str,
    unit: str,
    amounts: tuple[Sequence[float], Sequence[float]],
    significance: float,
) -> ResourceComparison:
    import numpy as np

    from inspect_mlflow_compare.statistics import paired_log_ratio, paired_mean_difference

    before, after = amounts
    left, right = _paired_means(items, attrgetter(name))
    # Without a common id, the means over each side's own samples are all there is.
    means = (left, right) if left.size else (np.array(before), np.array(after))
    baseline_mean, candidate_mean = (float(side.mean()) for side in means)
    summary = ResourceComparison(
        name=name,
        unit=unit,
        ids=left.size,
        baseline_mean=baseline_mean,
        candidate_mean=candidate_mean,
        baseline_total=math.fsum(before),
        candidate_total=math.fsum(after),
        delta=candidate_mean - baseline_mean + 0.0,
        baseline_p95=float(np.percentile(before, 95)),
        candidate_p95=float(np.percentile(after, 95)),
    )
    if not left.size:
        return summary
    difference = paired_mean_difference(left, right, significance=significance)
    ratio = paired_log_ratio(left, right, significance=significance)
    return replace(
        summary,
        delta=difference.difference + 0.0,
        ci_lower=difference.lower,
        ci_upper=difference.upper,
        p_value=difference.p_value,
        ratio=ratio.ratio,
        ratio_ci_lower=ratio.lower,
        ratio_ci_upper=ratio.upper,
    )


def _amounts(samples: Iterable[SampleRecord], amount: Amount) -> list[float]:
    return [value for record in samples if (value := amount(record)) is not None]


def _paired_means(
    items: Iterable[AlignedId], amount: Amount
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean over its epochs of each id that has the amount on both sides."""
    import numpy as np

    rows = [
        (sum(before) / len(before), sum(after) / len(after))
        for item in items
        if (before := _amounts(item.baseline, amount))
        and (after := _amounts(item.candidate, amount))
    ]
    table = np.array(rows, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
