"""Two evaluations without a common id."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from inspect_mlflow_compare.statistics import unpaired_inference
from inspect_mlflow_compare.statistics._proportions import (
    newcombe_interval,
    newcombe_p_value,
    wilson_interval,
)


@st.composite
def proportion(draw: st.DrawFn) -> tuple[int, int]:
    trials = draw(st.integers(1, 500))
    return draw(st.integers(0, trials)), trials


@given(proportion(), st.sampled_from([0.01, 0.05, 0.2]))
def test_wilson(share: tuple[int, int], significance: float) -> None:
    expected = proportion_confint(*share, alpha=significance, method="wilson")
    assert wilson_interval(*share, significance) == pytest.approx(expected, abs=1e-12)


@given(proportion(), proportion())
def test_newcombe(old: tuple[int, int], new: tuple[int, int]) -> None:
    expected = confint_proportions_2indep(*new, *old, method="newcomb")
    assert newcombe_interval(old, new) == pytest.approx(expected, abs=1e-9)


@given(proportion(), proportion())
def test_the_p_value_is_where_the_interval_touches_zero(
    old: tuple[int, int], new: tuple[int, int]
) -> None:
    p_value = newcombe_p_value(old, new)
    assert p_value == pytest.approx(newcombe_p_value(new, old), rel=1e-9)
    for level, inside in ((p_value * 0.999, True), (p_value * 1.001, False)):
        if 1e-12 < level < 1.0:
            lower, upper = newcombe_interval(old, new, level)
            assert (lower <= 0.0 <= upper) is inside


def test_right_and_wrong() -> None:
    baseline, candidate = np.repeat([1.0, 0.0], [48, 32]), np.repeat([1.0, 0.0], [56, 14])
    result = unpaired_inference(baseline, candidate)
    assert (result.method, result.interval, result.kind) == (
        "unpaired-newcombe",
        "newcombe",
        "binary",
    )
    assert result.estimate == pytest.approx(0.2)
    assert result.ids == 150
    # The chi-square test of the same table comes close.
    oracle = stats.chi2_contingency([[48, 32], [56, 14]], correction=False).pvalue
    assert result.p_value == pytest.approx(oracle, rel=0.3)
    assert result.effect_size_name == "cohens_h"
    assert "no common sample ids" in result.notes[0]


def test_welch() -> None:
    generator = np.random.default_rng(0)
    baseline, candidate = generator.normal(size=20), generator.normal(0.5, 3.0, size=12)
    result = unpaired_inference(baseline, candidate, significance=0.1)
    oracle = stats.ttest_ind(candidate, baseline, equal_var=False)
    interval = oracle.confidence_interval(0.9)
    assert (result.method, result.interval) == ("unpaired-welch", "welch")
    assert result.p_value == pytest.approx(oracle.pvalue)
    assert (result.ci_lower, result.ci_upper) == pytest.approx((interval.low, interval.high))
    pooled = math.sqrt((19 * baseline.var(ddof=1) + 11 * candidate.var(ddof=1)) / 30)
    assert result.effect_size == pytest.approx((candidate.mean() - baseline.mean()) / pooled)
    assert result.effect_size_name == "d_s"
    assert result.hedges_g is not None and result.effect_size is not None
    assert abs(result.hedges_g) < abs(result.effect_size)
    assert result.standard_error == pytest.approx(
        math.hypot(stats.sem(baseline), stats.sem(candidate))
    )
    expected = 1 - oracle.pvalue / 2 if oracle.statistic > 0 else oracle.pvalue / 2
    assert result.probability_improvement == pytest.approx(expected)


@pytest.mark.parametrize(
    ("baseline", "candidate"),
    [([], []), ([], [0.5]), ([0.3], [0.5, 0.6]), ([0.5, 0.5, 0.5], [0.7, 0.7])],
)
def test_nothing_to_learn_from(baseline: list[float], candidate: list[float]) -> None:
    result = unpaired_inference(np.array(baseline), np.array(candidate))
    assert result.method == "not-testable"
    assert result.p_value is result.ci_lower is result.ci_upper is result.effect_size is None
    assert math.isfinite(result.estimate)


def test_opposite_certainties() -> None:
    result = unpaired_inference(np.zeros(2000), np.ones(2000))
    assert result.p_value is not None and 0.0 <= result.p_value < 1e-100
    assert result.ci_lower is not None and result.ci_lower > 0.99


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="finite"):
        unpaired_inference(np.array([math.nan]), np.array([1.0]))
    with pytest.raises(ValueError, match="significance"):
        unpaired_inference(np.ones(2), np.ones(2), significance=0.0)
