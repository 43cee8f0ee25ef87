"""Samples that changed sides, and which of them did for certain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from inspect_mlflow_compare.statistics import (
    EpochScores,
    benjamini_hochberg,
    confirm_changes,
    fisher_p_value,
    flip_rates,
)


def of(*rows: list[float]) -> EpochScores:
    return EpochScores.from_lists(rows)


def drawn(seed: int, shares: np.ndarray, epochs: int) -> EpochScores:
    generator = np.random.default_rng(seed)
    values = (generator.random((shares.size, epochs)) < shares[:, None]).astype(float)
    return EpochScores(values.ravel(), np.full(shares.size, epochs))


class TestFlipRates:
    def test_one_epoch(self) -> None:
        rates = flip_rates(of([1], [1], [0], [0], [1]), of([1], [0], [1], [0], [0]))
        assert (rates.both_right, rates.only_baseline_right) == (1, 2)
        assert (rates.only_candidate_right, rates.both_wrong) == (1, 1)
        assert rates.observed == pytest.approx(3 / 5)
        assert rates.expected is None

    def test_epochs_are_compared_each_with_each(self) -> None:
        rates = flip_rates(of([1, 1, 0], [0, 0, 0]), of([1, 0], [1, 1]))
        assert rates.observed == pytest.approx((3 / 6 + 6 / 6) / 2)
        pooled = (2 * (1 / 3) + 1 * 0.5) / 3
        assert rates.expected == pytest.approx((2 * pooled + 0.0) / 2)

    def test_the_same_model_flips_as_often_as_expected(self) -> None:
        shares = np.random.default_rng(0).beta(2, 1, 20_000)
        rates = flip_rates(drawn(1, shares, 3), drawn(2, shares, 2))
        assert rates.expected == pytest.approx(float((2 * shares * (1 - shares)).mean()), abs=0.005)
        assert rates.observed == pytest.approx(rates.expected, abs=0.01)

    def test_another_model_flips_more(self) -> None:
        shares = np.random.default_rng(0).beta(2, 1, 5000)
        rates = flip_rates(drawn(1, shares, 3), drawn(2, shares[::-1], 3))
        assert rates.expected is not None
        assert rates.observed > 1.2 * rates.expected

    def test_ids_with_one_epoch_say_nothing_of_noise(self) -> None:
        rates = flip_rates(of([1], [1, 0]), of([0], [1, 0]))
        assert rates.expected == pytest.approx(1.0)

    def test_no_ids(self) -> None:
        rates = flip_rates(of(), of())
        assert (rates.observed, rates.expected, rates.both_right) == (0.0, None, 0)


@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_fishers_exact_test(old_trials: int, new_trials: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, old_trials))
    new = data.draw(st.integers(0, new_trials))
    oracle = stats.fisher_exact([[old, old_trials - old], [new, new_trials - new]]).pvalue
    exact = fisher_p_value((old, old_trials), (new, new_trials))
    assert exact == pytest.approx(oracle)
    assert 0.0 < fisher_p_value((old, old_trials), (new, new_trials), midp=True) <= exact


class TestConfirmation:
    def test_right_and_wrong(self) -> None:
        baseline = of([1] * 5, [1] * 5, [1, 0, 1, 1, 0], [0] * 5)
        candidate = of([0] * 5, [1, 0, 0, 0, 0], [1, 0, 1, 1, 0], [0] * 5)
        p_values, q_values = confirm_changes(baseline, candidate, midp=False)
        assert p_values == pytest.approx([0.007936507, 0.047619048, 1.0, 1.0])
        assert q_values == pytest.approx(benjamini_hochberg(p_values.tolist()))
        halved, _ = confirm_changes(baseline, candidate)
        assert halved[:2] == pytest.approx([0.007936507 / 2, 0.047619048 / 2])

    def test_two_epochs_on_both_sides_are_needed(self) -> None:
        baseline, candidate = of([1, 1], [1], [1, 1]), of([0], [0, 0], [0, 0])
        for values in confirm_changes(baseline, candidate):
            assert np.isnan(values[:2]).all()
            assert np.isfinite(values[2])
        for values in confirm_changes(of([1], [0]), of([0], [0])):
            assert np.isnan(values).all()

    @pytest.mark.parametrize("epochs", [(3, 3), (2, 4), (5, 5), (4, 3)])
    def test_grades_are_permuted(self, epochs: tuple[int, int]) -> None:
        generator = np.random.default_rng(0)
        rows = [generator.integers(1, 6, (6, count)).astype(float) for count in epochs]
        sides = [EpochScores(row.ravel(), np.full(6, row.shape[1])) for row in rows]
        p_values, _ = confirm_changes(*sides)
        for row, found in enumerate(p_values):
            old, new = rows[0][row], rows[1][row]
            scores = np.concatenate((old, new))
            oracle = stats.permutation_test(
                (old, new),
                lambda x, y, axis: np.abs(x.mean(axis=axis) - y.mean(axis=axis)),
                n_resamples=np.inf,
                alternative="greater",
            ).pvalue
            assert found == pytest.approx(oracle if np.ptp(scores) else 1.0)

    def test_many_epochs_are_compared_by_welch(self) -> None:
        generator = np.random.default_rng(0)
        rows = generator.normal(size=(2, 4, 9)) + np.array([0, 0, 1, 3])[:, None] * [[[0]], [[1]]]
        sides = [EpochScores(row.ravel(), np.full(4, 9)) for row in rows]
        p_values, _ = confirm_changes(*sides)
        oracle = stats.ttest_ind(rows[1], rows[0], axis=1, equal_var=False).pvalue
        assert p_values == pytest.approx(oracle)

    def test_many_epochs_without_spread(self) -> None:
        p_values, q_values = confirm_changes(
            of([0.5] * 9, [0.5] * 9, [0.5] * 9), of([0.5] * 9, [0.7] * 9, [0.1, 0.7, 0.3] * 3)
        )
        assert p_values[:2].tolist() == [1.0, 0.0]
        assert 0.0 < p_values[2] < 1.0
        assert np.isfinite(q_values).all()

    def test_ragged_epochs_are_matched_by_their_numbers(self) -> None:
        baseline = of([0.1, 0.2, 0.3], [0.5, 0.6], [0.1, 0.2, 0.3])
        candidate = of([0.9, 0.8, 0.7], [0.5, 0.6, 0.7], [0.9, 0.8, 0.7])
        p_values, _ = confirm_changes(baseline, candidate)
        assert p_values[0] == p_values[2] == pytest.approx(0.1)
        assert p_values[1] == pytest.approx(0.7)

    def test_nothing_is_confirmed_when_nothing_changed(self) -> None:
        shares = np.random.default_rng(0).beta(2, 1, 300)
        confirmed = sum(
            bool(
                (
                    confirm_changes(drawn(seed, shares, 5), drawn(-1 - seed + 2**32, shares, 5))[1]
                    < 0.1
                ).any()
            )
            for seed in range(20)
        )
        assert confirmed <= 4

    def test_different_numbers_of_ids(self) -> None:
        with pytest.raises(ValueError, match="cannot be paired"):
            confirm_changes(of([1, 1]), of())
