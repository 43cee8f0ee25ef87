"""Non-inferiority: may the candidate be worse by more than is acceptable?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from inspect_mlflow_compare._types import Better, NonInferiority
from inspect_mlflow_compare.alignment import Series
from inspect_mlflow_compare.comparison._options import Options
from inspect_mlflow_compare.comparison._paired_scores import PairedScores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from inspect_mlflow_compare.statistics import PairedInference

__all__ = ["paired_margin", "unpaired_margin", "untested_margin"]

_LARGEST_LEVEL: Final = 0.499
"""A one-sided bound at a level of one half or more is no bound."""

_ENOUGH_IDS: Final = 6
"""Ids from which on a difference that is the same for all of them says something."""


def paired_margin(
    paired: PairedScores, inference: PairedInference, series: Series, options: Options
) -> NonInferiority | None:
    """The test against the margin of a series; None when it has none.

    Whether a significant loss turns "inconclusive" into "fail" is decided later, by the adjusted
    p-value.
    """
    from inspect_mlflow_compare.statistics import noninferiority_p_value

    margin, better = options.margin(series), options.better(series)
    if margin is None:
        return None
    p_value = noninferiority_p_value(
        paired.baseline, paired.candidate, margin, better=better, clusters=paired.clusters
    )
    return _decided(margin, _bound(paired, inference, better, options), p_value)


def unpaired_margin(
    baseline: NDArray[np.float64], candidate: NDArray[np.float64], series: Series, options: Options
) -> NonInferiority | None:
    """The same without common ids, from the interval at twice the level.

    Args:
        baseline: Mean score of each id.
        candidate: Mean score of each id.
        series: The series, by whose name the margin is found.
        options: Margins, directions and the level.
    """
    from inspect_mlflow_compare.statistics import unpaired_inference

    margin, better = options.margin(series), options.better(series)
    if margin is None:
        return None
    level = 2.0 * min(options.significance, _LARGEST_LEVEL)
    wide = unpaired_inference(baseline, candidate, significance=level)
    bound = wide.ci_lower if better == "higher" else _negative(wide.ci_upper)
    return _decided(margin, bound, None)


def untested_margin(series: Series, options: Options) -> NonInferiority | None:
    """The outcome for a series that was not scored on both sides."""
    margin = options.margin(series)
    return None if margin is None else _decided(margin, None, None)


def _decided(margin: float, bound: float | None, p_value: float | None) -> NonInferiority:
    passed = bound is not None and bound > -margin
    return NonInferiority(margin, bound, p_value, "pass" if passed else "inconclusive")


def _bound(
    paired: PairedScores, inference: PairedInference, better: Better, options: Options
) -> float | None:
    """One-sided bound of the gain, positive for better.

    Where all ids differ by the same amount there is no spread to derive a bound from; that amount
    itself is the bound then.
    """
    from inspect_mlflow_compare.statistics import one_sided_bound

    bound = one_sided_bound(
        paired.baseline,
        paired.candidate,
        significance=min(options.significance, _LARGEST_LEVEL),
        side="lower" if better == "higher" else "upper",
        clusters=paired.clusters,
    )
    without_spread = inference.p_value is not None and inference.ci_lower is None
    if bound is None and without_spread and inference.ids >= _ENOUGH_IDS:
        bound = inference.estimate
    return bound if better == "higher" else _negative(bound)


def _negative(value: float | None) -> float | None:
    return None if value is None else 0.0 - value
