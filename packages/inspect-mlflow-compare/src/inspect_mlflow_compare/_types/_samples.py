"""What became of single samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inspect_mlflow_compare._types._words import Bucket, Direction

__all__ = ["ItemComparison", "SampleComparison"]


@dataclass(frozen=True, slots=True)
class SampleComparison:
    """One sample and epoch under one scorer, in both evaluations.

    Args:
        id: Sample id.
        epoch: Epoch, from 1. Epochs of two evaluations have nothing to do with each other; they
            are put side by side for display only.
        scorer: Scorer, with `.key` or `[index]` for one value of a dict or list score.
        baseline_score: Score in the baseline; None when there is none.
        candidate_score: Score in the candidate; None when there is none.
        delta: Candidate minus baseline; None when either is missing.
        direction: `"improved"` and `"regressed"` heed whether lower is better. `"missing"` when
            the candidate has no score, `"new"` when only the baseline has none.
        bucket: Like `direction`, with places of their own for samples that newly fail in the
            candidate (an error or a limit, and no score), for those left unscored, and for those
            that have another label now.
        baseline_failure: `"error"` or the type of the limit that ended it in the baseline.
        candidate_failure: The same in the candidate. A sample that hit a limit may have a score.
        baseline_label: Value in the baseline that is not a number.
        candidate_label: Value in the candidate that is not a number.
        baseline_uuid: Inspect's id of the sample in the baseline.
        candidate_uuid: Inspect's id of the sample in the candidate.
    """

    id: int | str
    epoch: int
    scorer: str
    baseline_score: float | None
    candidate_score: float | None
    delta: float | None
    direction: Direction
    bucket: Bucket = "unchanged"
    baseline_failure: str | None = None
    candidate_failure: str | None = None
    baseline_label: str | None = None
    candidate_label: str | None = None
    baseline_uuid: str | None = None
    candidate_uuid: str | None = None


@dataclass(frozen=True, slots=True)
class ItemComparison:
    """One sample id under one scorer, its epochs averaged: the unit of inference.

    Args:
        id: Sample id.
        scorer: Scorer, as in `SampleComparison`.
        baseline_scores: Scores of the baseline's epochs, those without a score left out.
        candidate_scores: Scores of the candidate's epochs.
        baseline_mean: Mean of the first.
        candidate_mean: Mean of the second.
        delta: Candidate minus baseline.
        bucket: `"improved"`, `"regressed"` or `"unchanged"`, by `regression_threshold`.
        p_value: For a change with at least two epochs on both sides: two-sided test of this id
            alone; else None.
        q_value: The same, adjusted by Benjamini and Hochberg over all ids of the scorer.
        confirmed: Whether the change holds across epochs (`q_value` under 0.1).
        cluster: Its cluster, when asked for.
    """

    id: int | str
    scorer: str
    baseline_scores: tuple[float, ...]
    candidate_scores: tuple[float, ...]
    baseline_mean: float
    candidate_mean: float
    delta: float
    bucket: Literal["improved", "regressed", "unchanged"]
    p_value: float | None = None
    q_value: float | None = None
    confirmed: bool = False
    cluster: str | None = None
