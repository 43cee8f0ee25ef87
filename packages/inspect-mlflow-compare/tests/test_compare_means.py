"""Means of costs and times."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from inspect_mlflow_compare.statistics import (
    mean_interval,
    paired_log_ratio,
    paired_mean_difference,
)


def costs(ids: int = 25) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    baseline = generator.lognormal(0.0, 1.0, ids)
    return baseline, baseline * generator.lognormal(0.2, 0.3, ids)


def test_mean_interval() -> None:
    values, _ = costs()
    expected = stats.t.interval(0.9, 24, values.mean(), stats.sem(values))
    found = mean_interval(values, significance=0.1)
    assert found.mean == pytest.approx(values.mean())
    assert (found.lower, found.upper) == pytest.approx(expected)


def test_paired_mean_difference() -> None:
    baseline, candidate = costs()
    oracle = stats.ttest_rel(candidate, baseline)
    interval = oracle.confidence_interval()
    found = paired_mean_difference(baseline, candidate)
    assert found.p_value == pytest.approx(oracle.pvalue)
    assert (found.lower, found.upper) == pytest.approx((interval.low, interval.high))


def test_paired_log_ratio() -> None:
    baseline, candidate = costs()
    logs = np.log(candidate / baseline)
    low, high = stats.t.interval(0.95, 24, logs.mean(), stats.sem(logs))
    found = paired_log_ratio(baseline, candidate)
    assert found.ratio == pytest.approx(float(stats.gmean(candidate / baseline)))
    assert (found.lower, found.upper) == pytest.approx((math.exp(low), math.exp(high)))


def test_no_spread() -> None:
    values = np.array([0.3, 0.5, 0.7])
    assert mean_interval(np.array([2.0, 2.0])) == (2.0, None, None)
    assert mean_interval(np.array([2.0])) == (2.0, None, None)
    assert paired_mean_difference(values, values) == (0.0, None, None, None)
    ratio, lower, upper = paired_log_ratio(values, values * 3.0)
    assert (ratio, lower, upper) == (pytest.approx(3.0), None, None)


def test_a_ratio_needs_positive_values() -> None:
    for baseline, candidate in (([0.0, 1.0], [1.0, 1.0]), ([1.0, 2.0], [1.0, -1.0]), ([], [])):
        assert paired_log_ratio(np.array(baseline), np.array(candidate)) == (None, None, None)


def test_a_bound_beyond_all_numbers_is_none() -> None:
    ratio, lower, upper = paired_log_ratio(np.ones(2), np.array([1e-60, 1e70]))
    assert ratio == pytest.approx(1e5)
    assert upper is None
    assert lower == 0.0


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="no values"):
        mean_interval(np.array([]))
    with pytest.raises(ValueError, match="significance"):
        mean_interval(np.ones(3), significance=2.0)
    with pytest.raises(ValueError, match="significance"):
        paired_log_ratio(np.ones(3), np.ones(3), significance=0.0)
