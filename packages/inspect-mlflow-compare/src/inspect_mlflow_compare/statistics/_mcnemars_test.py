"""McNemar's test as a function of two lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from inspect_mlflow_compare.statistics._effect_size import paired_arrays
from inspect_mlflow_compare.statistics._mcnemar import McNemarVariant, mcnemar_p_value
from inspect_mlflow_compare.statistics._paired import check_significance, coherent_bounds
from inspect_mlflow_compare.statistics._proportions import (
    agresti_min_interval,
    bonett_price_interval,
    paired_newcombe_interval,
    wald_interval,
)
from inspect_mlflow_compare.statistics._result import SignificanceResult
from inspect_mlflow_compare.statistics._tango import TangoScore

PairedInterval = Literal["tango", "newcombe", "bonett-price", "agresti-min", "wald"]
_METHODS = {
    "mid-p": "mcnemar-midp",
    "exact": "mcnemar-exact",
    "none": "mcnemar-asymptotic",
    "cc": "mcnemar-cc",
}


def mcnemars_test(
    baseline_correct: Sequence[bool],
    candidate_correct: Sequence[bool],
    significance: float = 0.05,
    *,
    correction: McNemarVariant = "mid-p",
    interval: PairedInterval = "tango",
) -> SignificanceResult:
    """Test whether two evaluations get the same share of samples right.

    Only the samples that one side got right and the other wrong count. The interval of the
    difference is made to agree with the test.

    Args:
        baseline_correct: Whether the baseline got each sample right (True, False, 1 or 0).
        candidate_correct: The same of the candidate, samples in the same order.
        significance: Level of the test.
        correction: `"mid-p"` (Fagerland, Lydersen and Laake 2013), which hardly ever errs more
            often than the level and much less rarely than the `"exact"` test; `"none"` for
            the chi-square test, `"cc"` for it with the continuity correction.
        interval: `"tango"` (Tango 1998), `"newcombe"` (1998, method 10), `"bonett-price"`
            (2012), `"agresti-min"` (2005) or `"wald"`.

    Raises:
        ValueError: If the lengths differ, a value is neither right nor wrong, or an option is
            unknown.
    """
    check_significance(significance)
    baseline, candidate = paired_arrays(baseline_correct, candidate_correct)
    if not all(bool(((side == 0.0) | (side == 1.0)).all()) for side in (baseline, candidate)):
        raise ValueError("McNemar's test takes True and False (or 1 and 0) only")
    losses = int(np.count_nonzero(baseline > candidate))
    gains = int(np.count_nonzero(candidate > baseline))
    both = int(np.count_nonzero((baseline == 1.0) & (candidate == 1.0)))
    pairs = baseline.size
    p_value = mcnemar_p_value(losses, gains, correction)
    method = _METHODS[correction]
    if not pairs:
        return SignificanceResult(
            False, p_value, None, None, method, interval="none", notes=("no paired samples",)
        )
    estimate = (gains - losses) / pairs
    counts = both, losses, gains, pairs - both - losses - gains
    bounds = _bounds(interval, counts, significance)
    lower, upper = coherent_bounds(bounds, p_value, estimate, significance)
    return SignificanceResult(
        p_value < significance, p_value, lower, upper, method, estimate, interval
    )


def _bounds(
    interval: PairedInterval, counts: tuple[int, int, int, int], significance: float
) -> tuple[float, float]:
    both, losses, gains, neither = counts
    pairs = sum(counts)
    if interval == "tango":
        return TangoScore(losses / pairs, gains / pairs, pairs).bounds(significance)
    if interval == "newcombe":
        return paired_newcombe_interval(both, losses, gains, neither, significance)
    simple = {
        "bonett-price": bonett_price_interval,
        "agresti-min": agresti_min_interval,
        "wald": wald_interval,
    }
    if interval not in simple:
        raise ValueError(f"unknown interval: {interval!r}")
    lower, upper = simple[interval](losses, gains, pairs, significance)
    return max(-1.0, lower), min(1.0, upper)
