"""The comparison of two evaluations under one scorer: difference, test, interval, effect size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare._types import Better, ScoreKind
from inspect_mlflow_compare.statistics._effect_size import cohens_g, d_z, hedges_correction
from inspect_mlflow_compare.statistics._families import IntervalFamily, interval_family
from inspect_mlflow_compare.statistics._fixed import fixed_questions_interval
from inspect_mlflow_compare.statistics._moments import correlation, standard_error
from inspect_mlflow_compare.statistics._notes import paired_notes
from inspect_mlflow_compare.statistics._pairs import Pairs
from inspect_mlflow_compare.statistics._scores import EpochScores
from inspect_mlflow_compare.statistics._tests import PairedTest, run_test

Bounds = tuple[float, float] | tuple[None, None]
_NO_BOUNDS: tuple[None, None] = (None, None)


@dataclass(frozen=True, slots=True)
class PairedInference:
    """What can be said of the difference between two evaluations, candidate minus baseline.

    Every number is finite or None.

    Args:
        estimate: Mean over ids of the difference of their mean scores; 0.0 without any id.
        p_value: Two-sided p-value of "no difference on average"; None when the data cannot be
            tested at all.
        ci_lower: Lower bound of the interval; None when the data show no spread to learn from.
        ci_upper: Upper bound.
        method: Name of the test, such as `"mcnemar-midp"`, or `"not-testable"`.
        interval: Name of the interval: `"tango"`, `"tango-effective"`, `"t"`, `"cluster-t"`,
            `"newcombe"`, `"welch"`; `"none"` without one.
        kind: What the scores are.
        ids: Number of ids; of both sides together when they are not paired.
        clusters: Number of clusters; None without.
        standard_error: Of the estimate.
        baseline_stderr: Of the baseline's mean.
        candidate_stderr: Of the candidate's mean.
        correlation: Between the two sides over ids; None where a side is constant.
        effect_size: See `effect_size_name`.
        effect_size_name: `"cohens_g"`, `"d_z"`, `"cohens_h"` or `"d_s"`.
        hedges_g: The standardised difference without its small-sample bias.
        wins: Ids where the candidate is higher.
        ties: Ids where both are equal.
        losses: Ids where the candidate is lower.
        probability_improvement: Probability that the candidate is truly higher, given a flat
            prior: one minus half the mid-p-value, or half of it when the estimate is negative.
        fixed_ci_lower: Lower bound for these very samples, run anew; None with one epoch.
        fixed_ci_upper: Upper bound of it.
        notes: What the reader should know.
    """

    estimate: float
    p_value: float | None
    ci_lower: float | None
    ci_upper: float | None
    method: str
    interval: str
    kind: ScoreKind
    ids: int
    clusters: int | None
    standard_error: float | None
    baseline_stderr: float | None
    candidate_stderr: float | None
    correlation: float | None
    effect_size: float | None
    effect_size_name: str
    hedges_g: float | None
    wins: int
    ties: int
    losses: int
    probability_improvement: float | None
    fixed_ci_lower: float | None
    fixed_ci_upper: float | None
    notes: tuple[str, ...] = ()


def paired_inference(
    baseline: EpochScores,
    candidate: EpochScores,
    *,
    significance: float = 0.05,
    clusters: NDArray[np.int64] | None = None,
    score_range: tuple[float, float] | None = None,
) -> PairedInference:
    """Compare two evaluations of the same sample ids.

    The unit of inference is the id: its epochs are averaged first. Test and interval follow from
    the kind of score and never contradict each other: where there are both, the p-value is below
    `significance` exactly when the interval excludes zero.

    Args:
        baseline: Scores of the baseline.
        candidate: Scores of the candidate, ids in the same order.
        significance: Level of the test; the interval covers `1 - significance`.
        clusters: A number for each id, the same for ids that belong together; shape (ids,).
        score_range: Lowest and highest possible score, which bound the interval.

    Raises:
        ValueError: If the numbers of ids differ or `significance` is outside (0, 1).
    """
    check_significance(significance)
    pairs = Pairs.of(baseline, candidate, clusters, score_range)
    family = interval_family(pairs)
    outcome = run_test(pairs)
    bounds = _bounds(pairs, family, outcome, significance)
    fixed = fixed_questions_interval(baseline, candidate, significance, pairs.limit)
    fixed_lower, fixed_upper = fixed or _NO_BOUNDS
    effect_size, hedges_g = _effect_sizes(pairs)
    wins = int(np.count_nonzero(pairs.differences > 0))
    losses = int(np.count_nonzero(pairs.differences < 0))
    return PairedInference(
        estimate=pairs.estimate,
        p_value=outcome.p_value,
        ci_lower=bounds[0],
        ci_upper=bounds[1],
        method=outcome.method,
        interval="none" if family is None else family.name,
        kind=pairs.kind,
        ids=pairs.ids,
        clusters=None if clusters is None else pairs.units,
        standard_error=standard_error(pairs.differences, pairs.clusters),
        baseline_stderr=standard_error(pairs.baseline_means, pairs.clusters),
        candidate_stderr=standard_error(pairs.candidate_means, pairs.clusters),
        correlation=correlation(pairs.baseline_means, pairs.candidate_means),
        effect_size=effect_size,
        effect_size_name="cohens_g" if pairs.binary else "d_z",
        hedges_g=hedges_g,
        wins=wins,
        ties=pairs.ids - wins - losses,
        losses=losses,
        probability_improvement=_probability_improvement(pairs, outcome),
        fixed_ci_lower=fixed_lower,
        fixed_ci_upper=fixed_upper,
        notes=paired_notes(pairs, outcome, significance),
    )


def one_sided_bound(
    baseline: EpochScores,
    candidate: EpochScores,
    *,
    significance: float = 0.05,
    side: Literal["lower", "upper"] = "lower",
    clusters: NDArray[np.int64] | None = None,
) -> float | None:
    """Return the bound that the difference exceeds (or stays under) with so much confidence.

    It is a bound of the two-sided interval at twice the level, of the same family as that of
    `paired_inference`.

    Args:
        baseline: Scores of the baseline.
        candidate: Scores of the candidate, ids in the same order.
        significance: One-sided level, below one half.
        side: Which bound.
        clusters: As in `paired_inference`.

    Returns:
        The bound; None when the data show no spread or have too few clusters.

    Raises:
        ValueError: If the numbers of ids differ or `significance` is outside (0, 0.5).
    """
    if not 0.0 < significance < 0.5:
        raise ValueError(f"a one-sided level lies between 0 and 0.5, not at {significance}")
    family = _trusted_family(Pairs.of(baseline, candidate, clusters))
    if family is None:
        return None
    return family.bounds(2.0 * significance)[0 if side == "lower" else 1]


def noninferiority_p_value(
    baseline: EpochScores,
    candidate: EpochScores,
    margin: float,
    *,
    better: Better = "higher",
    clusters: NDArray[np.int64] | None = None,
) -> float | None:
    """Return the one-sided p-value of "the candidate is worse by the margin or more".

    It is below a level exactly when `one_sided_bound` at that level lies inside the margin.

    Args:
        baseline: Scores of the baseline.
        candidate: Scores of the candidate, ids in the same order.
        margin: Largest acceptable loss, not negative.
        better: Whether higher or lower scores are better.
        clusters: As in `paired_inference`.

    Raises:
        ValueError: If the numbers of ids differ or the margin is negative.
    """
    if not margin >= 0.0:
        raise ValueError(f"a margin is not negative: {margin}")
    sides = (baseline, candidate) if better == "higher" else (candidate, baseline)
    family = _trusted_family(Pairs.of(*sides, clusters))
    return None if family is None else family.tail(-margin)


def check_significance(significance: float) -> None:
    """Refuse a level that is none.

    Raises:
        ValueError: If it is not inside (0, 1).
    """
    if not 0.0 < significance < 1.0:
        raise ValueError(f"significance lies between 0 and 1, not at {significance}")


def coherent_bounds(
    bounds: tuple[float, float], p_value: float, estimate: float, significance: float
) -> tuple[float, float]:
    """Make an interval agree with a test that was derived on another way.

    When the test does not reject, a bound that excludes zero is moved to zero. When it rejects,
    a bound on the far side of zero is moved to just this side of it.

    Args:
        bounds: The interval.
        p_value: Of the test.
        estimate: The difference.
        significance: Level of both.
    """
    lower, upper = bounds
    if p_value >= significance:
        return min(lower, 0.0), max(upper, 0.0)
    # Tiny beside the estimate, yet not zero: whoever compares with zero sees it excluded.
    open_zero = 1e-12 * estimate
    if estimate > 0.0:
        return (lower if lower > 0.0 else open_zero), upper
    if estimate < 0.0:
        return lower, (upper if upper < 0.0 else open_zero)
    return bounds


def _trusted_family(pairs: Pairs) -> IntervalFamily | None:
    """Return the interval family where its coverage can be relied on for a decision."""
    return None if run_test(pairs).p_value is None else interval_family(pairs)


def _bounds(
    pairs: Pairs, family: IntervalFamily | None, outcome: PairedTest, significance: float
) -> Bounds:
    if family is None:
        return _NO_BOUNDS
    bounds = family.bounds(significance)
    if outcome.p_value is None:
        return bounds
    return coherent_bounds(bounds, outcome.p_value, pairs.estimate, significance)


def _effect_sizes(pairs: Pairs) -> tuple[float | None, float | None]:
    if pairs.ids < 2:
        return None, None
    if pairs.binary:
        return cohens_g(pairs.loss, pairs.gain), None
    size = d_z(pairs.differences, pairs.baseline_means, pairs.candidate_means, pairs.epochs)
    if size is None or pairs.ids < 3:
        return size, None
    return size, size * hedges_correction(pairs.ids - 1)


def _probability_improvement(pairs: Pairs, outcome: PairedTest) -> float | None:
    """Return the posterior probability of a higher candidate.

    For one binary epoch this is exact under a flat Dirichlet prior: it equals one minus the
    incomplete beta function I_1/2(gains + 1, losses + 1).
    """
    if outcome.p_value is None or not pairs.ids:
        return None
    half = 0.5 * (outcome.p_value if outcome.midp is None else outcome.midp)
    if pairs.estimate == 0.0:
        return 0.5
    return 1.0 - half if pairs.estimate > 0.0 else half
