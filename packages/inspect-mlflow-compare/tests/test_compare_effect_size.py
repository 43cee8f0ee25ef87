"""Effect sizes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats
from statsmodels.stats.proportion import proportion_effectsize

from inspect_mlflow_compare._statistics import cohens_d
from inspect_mlflow_compare.statistics import EpochScores, paired_inference
from inspect_mlflow_compare.statistics._effect_size import (
    cohens_g,
    cohens_h,
    d_average,
    hedges_correction,
)


@given(st.integers(0, 2**32 - 1), st.integers(3, 60))
def test_d_z_is_t_over_root_n(seed: int, ids: int) -> None:
    baseline, candidate = np.random.default_rng(seed).normal(size=(2, ids))
    statistic = stats.ttest_rel(candidate, baseline).statistic
    expected = statistic / math.sqrt(ids)
    assert cohens_d(baseline.tolist(), candidate.tolist()) == pytest.approx(expected)
    result = paired_inference(EpochScores.from_means(baseline), EpochScores.from_means(candidate))
    assert result.effect_size == pytest.approx(expected)
    assert result.hedges_g == pytest.approx(expected * hedges_correction(ids - 1))


def test_the_candidate_being_higher_is_positive() -> None:
    size = cohens_d([0.1, 0.2, 0.4], [0.3, 0.4, 0.5])
    assert size is not None and size > 0


@pytest.mark.parametrize("ids", [2, 3, 50])
def test_no_spread(ids: int) -> None:
    assert cohens_d([0.5] * ids, [0.6] * ids) is None
    assert cohens_d([0.5] * ids, [0.5] * ids) == 0.0
    varied = [0.1 * k for k in range(ids)]
    assert cohens_d(varied, [score + 0.1 for score in varied]) is None


@pytest.mark.parametrize("scores", [[], [0.5]])
def test_fewer_than_two_samples(scores: list[float]) -> None:
    assert cohens_d(scores, scores) is None


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="cannot be paired"):
        cohens_d([0.1], [])
    with pytest.raises(ValueError, match="finite"):
        cohens_d([0.1, math.nan], [0.1, 0.2])


@pytest.mark.parametrize("degrees", [1.5, 2, 3, 9, 50, 999, 1001, 5000])
def test_hedges_correction(degrees: float) -> None:
    log_ratio = special.gammaln(degrees / 2) - special.gammaln((degrees - 1) / 2)
    expected = math.exp(log_ratio) / math.sqrt(degrees / 2)
    assert hedges_correction(degrees) == pytest.approx(expected, rel=1e-6)


def test_average_d() -> None:
    baseline, candidate = np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0])
    assert d_average(baseline, candidate) == pytest.approx(2 / math.sqrt((1 + 4) / 2))
    assert d_average(np.ones(3), np.zeros(3)) is None


def test_cohens_g() -> None:
    assert cohens_g(0.25, 0.75) == 0.25
    assert cohens_g(0.5, 0.0) == -0.5
    assert cohens_g(0.0, 0.0) is None


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_cohens_h(baseline: float, candidate: float) -> None:
    assert cohens_h(baseline, candidate) == pytest.approx(
        float(proportion_effectsize(candidate, baseline)), abs=1e-12
    )
