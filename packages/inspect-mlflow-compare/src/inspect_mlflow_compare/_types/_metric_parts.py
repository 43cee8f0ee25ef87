"""What else there is to say of a scorer, besides the difference."""

from __future__ import annotations

from dataclasses import dataclass

from inspect_mlflow_compare._types._words import Outcome

__all__ = ["DetectableEffect", "FlipRates", "LabelAgreement", "NonInferiority", "VarianceSplit"]


@dataclass(frozen=True, slots=True)
class FlipRates:
    """How many ids changed sides, and how many would have with nothing changed.

    Args:
        both_right: Ids right in both; with epochs, right means a mean of at least one half.
        only_baseline_right: Regressions.
        only_candidate_right: Improvements.
        both_wrong: Ids wrong in both.
        observed: Share of pairs of one baseline epoch and one candidate epoch that differ.
        expected: That share if both evaluations were of one and the same model, from the spread
            between epochs; None with one epoch.
    """

    both_right: int
    only_baseline_right: int
    only_candidate_right: int
    both_wrong: int
    observed: float
    expected: float | None = None


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """Agreement of two evaluations whose scores are labels.

    Args:
        labels: The labels, in the order of rows and columns.
        matrix: Samples with label i in the baseline and j in the candidate; square.
        agreement: Share of equal labels.
        kappa: Cohen's kappa; None when both sides have one and the same label throughout.
    """

    labels: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]
    agreement: float
    kappa: float | None


@dataclass(frozen=True, slots=True)
class VarianceSplit:
    """Where the uncertainty of the difference comes from (Miller 2024, section 5).

    Args:
        between_ids: Variance over ids of the true difference, omega squared.
        baseline_within_ids: Mean variance between a baseline sample's epochs.
        candidate_within_ids: The same of the candidate.
    """

    between_ids: float
    baseline_within_ids: float
    candidate_within_ids: float


@dataclass(frozen=True, slots=True)
class DetectableEffect:
    """Smallest true difference that a design finds with the wanted power.

    Args:
        ids: Sample ids.
        epochs: Epochs of each on both sides.
        effect: The difference, in units of the score.
    """

    ids: int
    epochs: int
    effect: float


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """Whether the candidate is worse by no more than a margin.

    Args:
        margin: Largest acceptable loss, in units of the score, positive.
        bound: The one-sided bound of the difference, turned so that positive is better.
        p_value: One-sided test of "worse by the margin or more".
        outcome: `"pass"` when the bound lies above minus the margin, `"fail"` for a significant
            loss that may exceed it, else `"inconclusive"`.
    """

    margin: float
    bound: float | None
    p_value: float | None
    outcome: Outcome
