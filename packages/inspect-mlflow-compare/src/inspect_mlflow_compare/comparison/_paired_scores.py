"""The numbers of both evaluations, id by id: what all statistics of a metric are made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inspect_mlflow_compare._types import Better
from inspect_mlflow_compare.alignment import AlignedId, Series, value_of
from inspect_mlflow_compare.comparison._options import Options
from inspect_mlflow_compare.logs import SampleRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from inspect_mlflow_compare.statistics import EpochScores

__all__ = ["PairedScores", "pair_scores"]


@dataclass(frozen=True, slots=True, eq=False)
class PairedScores:
    """Scores of the ids that both evaluations scored.

    Args:
        items: The ids.
        baseline: Scores of the baseline, ids in the same order.
        candidate: Scores of the candidate.
        clusters: A number for each id, shape (ids,); None without clusters.
        notes: What was left out or filled in.
    """

    items: tuple[AlignedId, ...]
    baseline: EpochScores
    candidate: EpochScores
    clusters: NDArray[np.int64] | None
    notes: tuple[str, ...] = ()


def pair_scores(items: Sequence[AlignedId], series: Series, options: Options) -> PairedScores:
    """Collects the scores of a series that holds numbers.

    Args:
        items: All ids of both evaluations.
        series: What to collect.
        options: `missing` and `cluster` are heeded.
    """
    from inspect_mlflow_compare.statistics import EpochScores

    rows = [
        (item, _numbers(item.baseline, series), _numbers(item.candidate, series)) for item in items
    ]
    notes: list[str] = []
    if options.missing == "worst" and _may_fill(items, series):
        worst = _worst(rows, series, options.better(series))
        rows = [_filled(item, series, worst) for item in items]
        notes.append(f"missing scores count as {worst:g}, the worst that there is")
    paired = [row for row in rows if row[1] and row[2]]
    if paired:
        notes += _left_out(rows)
    kept = tuple(item for item, _, _ in paired)
    clusters, cluster_notes = _clusters(kept) if options.cluster is not None else (None, [])
    return PairedScores(
        items=kept,
        baseline=EpochScores.from_lists([before for _, before, _ in paired]),
        candidate=EpochScores.from_lists([after for _, _, after in paired]),
        clusters=clusters,
        notes=(*notes, *cluster_notes),
    )


Row = tuple[AlignedId, list[float], list[float]]


def _left_out(rows: Sequence[Row]) -> list[str]:
    only_baseline = sum(bool(before) and not after for _, before, after in rows)
    only_candidate = sum(bool(after) and not before for _, before, after in rows)
    if not (only_baseline or only_candidate):
        return []
    return [
        f"ids left out: {only_baseline} scored in the baseline only, {only_candidate} in the "
        "candidate only"
    ]


def _numbers(records: Iterable[SampleRecord], series: Series) -> list[float]:
    values = (value_of(record, series) for record in records)
    return [value for value in values if isinstance(value, float)]


def _may_fill(items: Iterable[AlignedId], series: Series) -> bool:
    """A candidate without this scorer has lost nothing, unless it is for its samples' failures."""
    return series.in_baseline and (
        series.in_candidate
        or any(record.failure is not None for item in items for record in item.candidate)
    )


def _worst(rows: Sequence[Row], series: Series, better: Better) -> float:
    """The bad end of the scale from 0 to 1 where no value lies outside, else the worst value."""
    values = [value for _, before, after in rows for value in (*before, *after)]
    within_unit = series.has_unit_range or all(0 <= value <= 1 for value in values)
    if better == "higher":
        return 0.0 if within_unit else min(values)
    return 1.0 if within_unit else max(values)


def _filled(item: AlignedId, series: Series, worst: float) -> Row:
    """Scores of an id, with the worst one for what failed or was lost.

    What failed in the baseline counts as the worst there too, so that mending a crash is to the
    candidate's credit. What the baseline merely left unscored stays left out.
    """
    before = _with_failures(item.baseline, series, worst, lambda record: record.failure is not None)
    after = _with_failures(item.candidate, series, worst, lambda _: True)
    return item, before, after or ([worst] if before else [])


def _with_failures(
    records: Iterable[SampleRecord],
    series: Series,
    worst: float,
    counts: Callable[[SampleRecord], bool],
) -> list[float]:
    values = ((record, value_of(record, series)) for record in records)
    return [
        value if isinstance(value, float) else worst
        for record, value in values
        if isinstance(value, float) or counts(record)
    ]


def _clusters(items: Sequence[AlignedId]) -> tuple[NDArray[np.int64], list[str]]:
    """A number for each id; one without a cluster is a cluster of its own."""
    import numpy as np

    numbers: dict[str | int, int] = {}
    names: list[str | int] = [
        item.cluster if item.cluster is not None else position
        for position, item in enumerate(items)
    ]
    alone = sum(isinstance(name, int) for name in names)
    for name in names:
        numbers.setdefault(name, len(numbers))
    notes = [f"{alone} ids without a cluster count as one each"] if alone else []
    return np.array([numbers[name] for name in names], dtype=np.int64), notes
