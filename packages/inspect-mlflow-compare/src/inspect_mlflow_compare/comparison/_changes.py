"""What became of each sample: improved, regressed, unchanged, failed, unscored, missing or new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from inspect_mlflow_compare._types import Better, Bucket, Direction, SampleComparison
from inspect_mlflow_compare.alignment import AlignedId, Series, value_of
from inspect_mlflow_compare.logs import SampleRecord

__all__ = ["ChangeRule", "compare_samples"]

Change: TypeAlias = Literal["improved", "regressed", "unchanged"]
Cell: TypeAlias = tuple[int, SampleRecord | None, SampleRecord | None]
"""An epoch, and the sample of that epoch in the baseline and in the candidate."""

_ROUNDING = 8 * 2.0**-52
"""Relative difference that arithmetic with floats leaves between equal numbers: 8 ulp."""


@dataclass(frozen=True, slots=True)
class ChangeRule:
    """When two scores count as different, and which of them is the better one.

    Args:
        threshold: Largest difference that counts as none.
        better: Whether higher or lower is better.
    """

    threshold: float
    better: Better

    def difference(self, baseline: float, candidate: float) -> float:
        """Candidate minus baseline, zero where that is only rounding, and never minus zero."""
        delta = candidate - baseline
        rounding = _ROUNDING * max(abs(baseline), abs(candidate))
        return delta if abs(delta) > rounding else 0.0

    def __call__(self, baseline: float, candidate: float) -> Change:
        """Direction of the change; from 0.0 to 0.1 + 0.2 it is no more than 0.3."""
        delta = self.difference(baseline, candidate)
        rounding = _ROUNDING * max(abs(baseline), abs(candidate))
        if abs(delta) <= self.threshold + rounding:
            return "unchanged"
        return "improved" if (delta > 0) == (self.better == "higher") else "regressed"


def compare_samples(
    items: Iterable[AlignedId], series: Series, rule: ChangeRule
) -> list[SampleComparison]:
    """One comparison for each sample id and epoch of either evaluation."""
    return [_compare(item, cell, series, rule) for item in items for cell in _cells(item)]


def _cells(item: AlignedId) -> Iterator[Cell]:
    """The epochs of both sides next to each other, which is for display only."""
    baseline = {record.epoch: record for record in item.baseline}
    candidate = {record.epoch: record for record in item.candidate}
    for epoch in sorted(baseline.keys() | candidate.keys()):
        yield epoch, baseline.get(epoch), candidate.get(epoch)


def _compare(item: AlignedId, cell: Cell, series: Series, rule: ChangeRule) -> SampleComparison:
    epoch, baseline, candidate = cell
    before = value_of(baseline, series) if baseline is not None else None
    after = value_of(candidate, series) if candidate is not None else None
    before_score = before if isinstance(before, float) else None
    after_score = after if isinstance(after, float) else None
    direction: Direction = "unchanged"
    bucket: Bucket = "unchanged"
    delta = None
    if before_score is not None and after_score is not None:
        delta = rule.difference(before_score, after_score)
        direction = bucket = rule(before_score, after_score)
    elif before is None or after is None:
        direction = "missing" if after is None else "new"
        bucket = _without_score(cell, before is not None, after is not None)
    elif before != after:
        bucket = "relabelled"
    return SampleComparison(
        id=item.id,
        epoch=epoch,
        scorer=series.name,
        baseline_score=before_score,
        candidate_score=after_score,
        delta=delta,
        direction=direction,
        bucket=bucket,
        baseline_failure=baseline.failure if baseline is not None else None,
        candidate_failure=candidate.failure if candidate is not None else None,
        baseline_label=before if isinstance(before, str) else None,
        candidate_label=after if isinstance(after, str) else None,
        baseline_uuid=baseline.uuid if baseline is not None else None,
        candidate_uuid=candidate.uuid if candidate is not None else None,
    )


def _without_score(cell: Cell, baseline_scored: bool, candidate_scored: bool) -> Bucket:
    """The place of a sample that has no score on one side or on both."""
    _, baseline, candidate = cell
    if candidate is None:
        return "missing"
    if baseline is None:
        return "new"
    candidate_failed = candidate.failure is not None and not candidate_scored
    baseline_failed = baseline.failure is not None and not baseline_scored
    return "newly_failing" if candidate_failed and not baseline_failed else "unscored"
