"""The permutation test."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from inspect_mlflow_compare._statistics import permutation_test
from inspect_mlflow_compare.statistics import _splits


def gaussian(ids: int, seed: int = 0, shift: float = 0.0) -> tuple[list[float], list[float]]:
    generator = np.random.default_rng(seed)
    baseline, candidate = generator.normal(size=(2, ids))
    return baseline.tolist(), (candidate + shift).tolist()


@pytest.mark.parametrize("ids", [2, 3, 8, 12])
def test_few_pairs_are_swapped_in_every_way(ids: int) -> None:
    baseline, candidate = gaussian(ids)
    oracle = stats.permutation_test(
        (np.array(candidate) - np.array(baseline),),
        np.mean,
        permutation_type="samples",
        n_resamples=math.inf,
    )
    result = permutation_test(baseline, candidate)
    assert result.p_value == pytest.approx(oracle.pvalue)
    assert (result.method, result.resamples) == ("permutation-exact", 0)


@settings(max_examples=30)
@given(
    st.lists(st.floats(-5, 5, width=16), min_size=6, max_size=9).filter(any),
    st.sampled_from([0.05, 0.1, 0.3]),
)
def test_the_interval_holds_what_the_test_does_not_reject(
    differences: list[float], significance: float
) -> None:
    nothing = [0.0] * len(differences)
    result = permutation_test(nothing, differences, significance)
    if result.ci_lower is None or result.ci_upper is None:
        return
    width = result.ci_upper - result.ci_lower
    for at, inside in (
        (result.ci_lower + 1e-4 * width, True),
        (result.ci_upper - 1e-4 * width, True),
        (result.ci_lower - 1e-4 * width - 1e-6, False),
        (result.ci_upper + 1e-4 * width + 1e-6, False),
    ):
        shifted = permutation_test([at] * len(differences), differences, significance)
        if width > 1e-6:
            assert (shifted.p_value >= significance) is inside


def test_scores_with_a_common_step_are_exact_however_many() -> None:
    generator = np.random.default_rng(0)
    baseline, candidate = generator.integers(0, 2, (2, 500))
    gains, losses = int((candidate > baseline).sum()), int((candidate < baseline).sum())
    result = permutation_test(baseline.tolist(), candidate.tolist())
    assert result.method == "permutation-exact"
    assert result.p_value == pytest.approx(stats.binomtest(gains, gains + losses).pvalue)
    halved = permutation_test(baseline.tolist(), candidate.tolist(), midp=True)
    assert halved.p_value < result.p_value


def test_many_pairs_are_swapped_at_random() -> None:
    baseline, candidate = gaussian(200, shift=0.15)
    result = permutation_test(baseline, candidate)
    oracle = stats.ttest_rel(candidate, baseline)
    interval = oracle.confidence_interval()
    assert (result.method, result.resamples) == ("permutation", 10_000)
    assert result.p_value == pytest.approx(oracle.pvalue, abs=0.015)
    assert (result.ci_lower, result.ci_upper) == pytest.approx(
        (interval.low, interval.high), abs=0.02
    )


def test_random_swaps_never_give_zero() -> None:
    result = permutation_test(*gaussian(50, shift=9.0), n_iterations=99)
    assert result.p_value == pytest.approx(0.01)
    assert result.significant


def test_a_seed_makes_it_reproducible() -> None:
    sides = gaussian(50)
    assert permutation_test(*sides) == permutation_test(*sides)
    assert permutation_test(*sides, seed=1) != permutation_test(*sides, seed=2)
    assert permutation_test(*sides, seed=None) != permutation_test(*sides, seed=None)


def test_the_size_of_blocks_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = gaussian(77)
    whole = permutation_test(*sides, n_iterations=500)
    monkeypatch.setattr(_splits, "_BLOCK_VALUES", 700)
    parts = permutation_test(*sides, n_iterations=500)
    assert parts.p_value == whole.p_value
    assert parts.ci_lower == pytest.approx(whole.ci_lower, rel=1e-12)


def test_no_samples_and_no_difference() -> None:
    nothing = permutation_test([], [])
    assert (nothing.p_value, nothing.significant, nothing.ci_lower) == (1.0, False, None)
    same = permutation_test([0.5] * 30, [0.5] * 30)
    assert (same.p_value, same.significant, same.ci_lower) == (1.0, False, None)


@pytest.mark.parametrize("ids", [1, 5, 6, 40])
def test_the_same_difference_everywhere(ids: int) -> None:
    result = permutation_test([0.5] * ids, [0.6] * ids)
    assert result.p_value == pytest.approx(2.0 ** (1 - ids))
    assert result.significant == (ids >= 6)
    assert result.ci_lower is result.ci_upper is None


def test_too_few_pairs_for_an_interval() -> None:
    result = permutation_test([0.0, 0.0, 0.0], [0.1, 0.2, 0.3])
    assert (result.p_value, result.ci_lower, result.interval) == (0.25, None, "none")


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="iteration"):
        permutation_test([1.0], [0.0], n_iterations=0)
    with pytest.raises(ValueError, match="significance"):
        permutation_test([1.0], [0.0], 0.0)
    with pytest.raises(ValueError, match="finite"):
        permutation_test([1.0, math.inf], [0.0, 1.0])
