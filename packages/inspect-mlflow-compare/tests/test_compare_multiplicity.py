"""Adjustment for several tests."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from inspect_mlflow_compare.statistics import adjust, benjamini_hochberg, holm

p_values = st.lists(
    st.floats(0.0, 1.0) | st.sampled_from([0.0, 0.01, 0.05, 0.5, 1.0]), min_size=1, max_size=30
)


# statsmodels takes its time over Holm's method.
@settings(max_examples=15)
@given(p_values)
def test_statsmodels_agrees(values: list[float]) -> None:
    assert holm(values) == pytest.approx(multipletests(values, method="holm")[1].tolist())
    expected = multipletests(values, method="fdr_bh")[1].tolist()
    assert benjamini_hochberg(values) == pytest.approx(expected)


@given(p_values)
def test_holm_by_its_definition(values: list[float]) -> None:
    ranked = sorted(values)
    steps = [(len(values) - place) * value for place, value in enumerate(ranked)]
    expected = [
        min(1.0, max(steps[: ranked.index(value) + values.count(value)])) for value in values
    ]
    assert holm(values) == pytest.approx(expected)


@given(p_values)
def test_scipy_agrees(values: list[float]) -> None:
    expected = stats.false_discovery_control(values, method="bh").tolist()
    assert benjamini_hochberg(values) == pytest.approx(expected)


@given(p_values)
def test_adjusting_never_makes_a_p_value_smaller(values: list[float]) -> None:
    family_wise, false_discovery = holm(values), benjamini_hochberg(values)
    for value, strict, lenient in zip(values, family_wise, false_discovery, strict=True):
        assert value <= lenient * (1 + 1e-12)
        assert lenient <= strict * (1 + 1e-12)
        assert strict <= 1.0


def test_one_test_needs_no_adjustment_and_none_gives_none() -> None:
    for method in (holm, benjamini_hochberg):
        assert method([0.03]) == [0.03]
        assert method([]) == []


@pytest.mark.parametrize("value", [math.nan, -0.1, 1.1])
def test_bad_p_values(value: float) -> None:
    for method in (holm, benjamini_hochberg):
        with pytest.raises(ValueError, match="between 0 and 1"):
            method([0.5, value])


def test_by_name() -> None:
    values = [0.01, 0.04, 0.03]
    assert adjust(values, "holm") == holm(values)
    assert adjust(values, "bh") == benjamini_hochberg(values)
    assert adjust(values, "none") == values
    with pytest.raises(ValueError, match="unknown correction"):
        adjust(values, "bonferroni")  # type: ignore[arg-type]
