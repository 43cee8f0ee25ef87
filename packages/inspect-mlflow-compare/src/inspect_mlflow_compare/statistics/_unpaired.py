"""Two evaluations without a common sample id: a fallback with much less power."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspect_mlflow_compare._types import ScoreKind
from inspect_mlflow_compare.statistics._effect_size import cohens_h, hedges_correction
from inspect_mlflow_compare.statistics._moments import StudentScore, standard_error
from inspect_mlflow_compare.statistics._paired import PairedInference, check_significance
from inspect_mlflow_compare.statistics._proportions import newcombe_interval, newcombe_p_value
from inspect_mlflow_compare.statistics._scores import spread
from inspect_mlflow_compare.statistics._special import student_t_tail

_WARNING = "no common sample ids: the two sides are compared as independent samples"


@dataclass(frozen=True, slots=True)
class _Finding:
    """Test, interval and effect size of one method."""

    method: str
    interval: str
    effect_size_name: str
    p_value: float | None = None
    bounds: tuple[float, float] | tuple[None, None] = (None, None)
    effect_size: float | None = None
    hedges_g: float | None = None


def unpaired_inference(
    baseline: NDArray[np.float64],
    candidate: NDArray[np.float64],
    *,
    significance: float = 0.05,
) -> PairedInference:
    """Compare two evaluations that share no sample id.

    Right and wrong: Newcombe's interval (1998, Stat Med 17:873) and the test that is its
    inversion. Other scores: Welch's t test (1947, Biometrika 34:28).

    Args:
        baseline: Mean score of each id; shape (baseline ids,).
        candidate: Mean score of each id; shape (candidate ids,).
        significance: Level of the test.

    Raises:
        ValueError: If a score is not finite or `significance` is outside (0, 1).
    """
    check_significance(significance)
    if not (np.isfinite(baseline).all() and np.isfinite(candidate).all()):
        raise ValueError("scores must be finite; leave out those that are missing")
    binary = all(bool(((side == 0.0) | (side == 1.0)).all()) for side in (baseline, candidate))
    if not baseline.size or not candidate.size:
        found = _Finding("not-testable", "none", "cohens_h" if binary else "d_s")
        estimate = 0.0
    else:
        estimate = float(candidate.mean() - baseline.mean())
        compare = _newcombe if binary else _welch
        found = compare(baseline, candidate, significance)
    errors = standard_error(baseline), standard_error(candidate)
    return PairedInference(
        estimate=estimate,
        p_value=found.p_value,
        ci_lower=found.bounds[0],
        ci_upper=found.bounds[1],
        method=found.method,
        interval=found.interval,
        kind=_kind(binary),
        ids=baseline.size + candidate.size,
        clusters=None,
        standard_error=None if None in errors else math.hypot(*(error or 0.0 for error in errors)),
        baseline_stderr=errors[0],
        candidate_stderr=errors[1],
        correlation=None,
        effect_size=found.effect_size,
        effect_size_name=found.effect_size_name,
        hedges_g=found.hedges_g,
        wins=0,
        ties=0,
        losses=0,
        probability_improvement=_probability_improvement(estimate, found.p_value),
        fixed_ci_lower=None,
        fixed_ci_upper=None,
        notes=(_WARNING,),
    )


def _newcombe(
    baseline: NDArray[np.float64], candidate: NDArray[np.float64], significance: float
) -> _Finding:
    old = int(baseline.sum()), baseline.size
    new = int(candidate.sum()), candidate.size
    return _Finding(
        "unpaired-newcombe",
        "newcombe",
        "cohens_h",
        newcombe_p_value(old, new),
        newcombe_interval(old, new, significance),
        cohens_h(old[0] / old[1], new[0] / new[1]),
    )


def _welch(
    baseline: NDArray[np.float64], candidate: NDArray[np.float64], significance: float
) -> _Finding:
    sizes = np.array([baseline.size, candidate.size], dtype=np.float64)
    nothing = _Finding("not-testable", "none", "d_s")
    if sizes.min() < 2:
        return nothing
    variances = np.array([spread(baseline) ** 2, spread(candidate) ** 2])
    parts = variances / sizes
    if parts.sum() == 0.0:
        return nothing
    shares = parts / parts.sum()
    degrees = 1.0 / float((shares**2 / (sizes - 1)).sum())
    estimate = float(candidate.mean() - baseline.mean())
    student = StudentScore(estimate, math.sqrt(float(parts.sum())), degrees, name="welch")
    pooled_degrees = float(sizes.sum() - 2)
    effect = estimate / math.sqrt(float((variances * (sizes - 1)).sum()) / pooled_degrees)
    return _Finding(
        "unpaired-welch",
        "welch",
        "d_s",
        2.0 * student_t_tail(abs(student.statistic(0.0)), degrees),
        student.bounds(significance),
        effect,
        effect * hedges_correction(pooled_degrees),
    )


def _kind(binary: bool) -> ScoreKind:
    return "binary" if binary else "continuous"


def _probability_improvement(estimate: float, p_value: float | None) -> float | None:
    if p_value is None:
        return None
    return 1.0 - p_value / 2.0 if estimate > 0.0 else p_value / 2.0
