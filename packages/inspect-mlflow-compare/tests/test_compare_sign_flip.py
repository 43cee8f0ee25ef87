"""The exact sign-flip distribution against enumeration, and its algorithms against each other."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from inspect_mlflow_compare.statistics import _sign_flip as sign_flip
from inspect_mlflow_compare.statistics._sign_flip import (
    SMALLEST_P_VALUE,
    SignFlipTails,
    enumerated_tails,
    lattice_tails,
)


def brute_force(differences: NDArray[np.float64]) -> tuple[float, float]:
    signs = np.array(list(product([1.0, -1.0], repeat=differences.size)))
    sums, seen = np.abs(signs @ differences), abs(differences.sum())
    close = np.isclose(sums, seen, rtol=1e-9, atol=1e-9)
    return float((~close & (sums > seen)).mean()), float(close.mean())


def by_fourier(differences: NDArray[np.int64]) -> SignFlipTails | None:
    sizes = np.abs(differences[differences != 0])
    values, counts = np.unique(sizes, return_counts=True)
    return sign_flip._fourier_tails(values, counts, abs(int(differences.sum())))


@given(st.lists(st.integers(-6, 6), min_size=1, max_size=11).filter(any))
def test_integers_against_all_signs(numbers: list[int]) -> None:
    differences = np.array(numbers)
    beyond, equal = brute_force(differences.astype(float))
    found = [
        lattice_tails(differences),
        enumerated_tails(differences.astype(float)),
        by_fourier(differences),
    ]
    for tails in found:
        assert tails is not None
        assert tails.beyond == pytest.approx(beyond, abs=1e-13)
        assert tails.equal == pytest.approx(equal, abs=1e-13)


@given(st.lists(st.floats(-10, 10, width=16), min_size=1, max_size=11).filter(any))
def test_any_numbers_against_all_signs(numbers: list[float]) -> None:
    differences = np.array(numbers)
    beyond, equal = brute_force(differences)
    tails = enumerated_tails(differences)
    assert tails.beyond == pytest.approx(beyond, abs=1e-13)
    assert tails.equal == pytest.approx(equal, abs=1e-13)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(100, 600), st.integers(1, 12), st.booleans())
def test_convolution_and_fourier_inversion_agree(
    seed: int, size: int, largest: int, shifted: bool
) -> None:
    generator = np.random.default_rng(seed)
    low = 0 if shifted and size < 200 else -largest
    differences = generator.integers(low, largest + 1, size)
    sizes = np.abs(differences[differences != 0])
    direct = sign_flip._direct_tails(sizes, abs(int(differences.sum())))
    fourier = by_fourier(differences)
    assert fourier is not None
    assert fourier.exact == pytest.approx(max(direct.exact, SMALLEST_P_VALUE), abs=1e-12)
    assert fourier.midp == pytest.approx(max(direct.midp, SMALLEST_P_VALUE), abs=1e-12)


@given(st.integers(0, 400), st.integers(0, 400))
def test_differences_of_one_size_are_binomial(gains: int, losses: int) -> None:
    tails = lattice_tails(np.array([3] * gains + [-3] * losses + [0, 0]))
    expected = stats.binomtest(gains, gains + losses).pvalue if gains + losses else 1.0
    assert tails is not None
    assert tails.exact == pytest.approx(expected, rel=1e-9)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30), st.integers(1, 9))
def test_scale_and_sign_do_not_matter(numbers: list[int], factor: int) -> None:
    differences = np.array(numbers)
    assert lattice_tails(differences) == lattice_tails(-differences)
    assert lattice_tails(differences) == lattice_tails(factor * differences)


def test_a_common_factor_is_taken_out_of_the_sum_too() -> None:
    assert lattice_tails(np.array([4, -6, 8, 10])) == lattice_tails(np.array([2, -3, 4, 5]))


def test_without_any_difference_there_is_no_evidence() -> None:
    tails = lattice_tails(np.zeros(5, dtype=np.int64))
    assert tails is not None
    assert tails.exact == tails.midp == 1.0
    assert enumerated_tails(np.zeros(5)).midp == 1.0


def test_tiny_p_values_keep_their_digits() -> None:
    tails = lattice_tails(np.array([1] * 60 + [2] * 60))
    assert tails is not None
    assert tails.exact == pytest.approx(2.0**-119, rel=1e-12)


def test_p_values_that_the_transform_cannot_tell_from_zero_are_not_zero() -> None:
    tails = lattice_tails(np.array([1] * 30_000 + [2] * 30_000))
    assert tails is not None
    assert tails.exact == tails.midp == SMALLEST_P_VALUE


def test_large_samples_agree_with_the_normal_approximation() -> None:
    generator = np.random.default_rng(3)
    differences = generator.integers(-5, 6, 100_000)
    tails = lattice_tails(differences)
    statistic = differences.sum() / np.sqrt((differences.astype(float) ** 2).sum())
    assert tails is not None
    assert tails.midp == pytest.approx(2 * stats.norm.sf(abs(statistic)), abs=1e-5)


def test_too_varied_differences_are_left_to_another_test() -> None:
    generator = np.random.default_rng(3)
    assert lattice_tails(generator.integers(-1_000_000, 1_000_000, 5000)) is None


def test_too_many_differences_are_not_enumerated() -> None:
    with pytest.raises(ValueError, match="more than 20"):
        enumerated_tails(np.ones(21))
