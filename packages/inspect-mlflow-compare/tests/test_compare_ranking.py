"""Several evaluations at once: rankings with letters, and tests on ranks."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from inspect_mlflow_compare.statistics import (
    EpochScores,
    friedman_test,
    holm,
    nemenyi_difference,
    paired_inference,
    rank,
    wilcoxon_test,
)
from inspect_mlflow_compare.statistics._rank_tests import average_ranks
from inspect_mlflow_compare.statistics._ranking import compact_letters


def four() -> np.ndarray:
    generator = np.random.default_rng(0)
    shifts = np.array([0.0, 0.05, 0.6, 1.2])
    return generator.normal(size=(4, 150)) * 0.7 + generator.normal(size=150) + shifts[:, None]


class TestRank:
    def test_order_letters_and_errors(self) -> None:
        values = four()
        ranks = rank(values)
        assert ranks.order[:2] == [3, 2]
        assert ranks.groups == ["c", "c", "b", "a"]
        assert ranks.stderr == pytest.approx(stats.sem(values, axis=1).tolist())

    def test_lower_is_better(self) -> None:
        ranks = rank(four(), better="lower")
        assert ranks.order[2:] == [2, 3]
        assert ranks.groups == ["a", "a", "b", "c"]

    def test_pairs_are_tested_as_two_evaluations_are(self) -> None:
        generator = np.random.default_rng(3)
        values = (generator.random((5, 120)) < np.linspace(0.5, 0.8, 5)[:, None]).astype(float)
        ranks = rank(values)
        pairs = list(combinations(range(5), 2))
        p_values = []
        for one, other in pairs:
            sides = (EpochScores.from_means(values[row]) for row in (one, other))
            p_values.append(paired_inference(*sides).p_value or 0.0)
        for (one, other), adjusted in zip(pairs, holm(p_values), strict=True):
            share_a_letter = bool(set(ranks.groups[one]) & set(ranks.groups[other]))
            assert share_a_letter == (adjusted >= 0.05)

    def test_correction_matters(self) -> None:
        generator = np.random.default_rng(1)
        values = generator.normal(size=(8, 40)) + np.linspace(0, 0.6, 8)[:, None]
        letters = {kind: rank(values, correction=kind).groups for kind in ("none", "bh", "holm")}
        shared = {
            kind: sum(bool(set(a) & set(b)) for a, b in combinations(groups, 2))
            for kind, groups in letters.items()
        }
        assert shared["none"] <= shared["bh"] <= shared["holm"]
        assert shared["none"] < shared["holm"]

    def test_equal_evaluations_keep_their_order(self) -> None:
        ranks = rank(np.array([[0.0, 1.0, 0.5]] * 3))
        assert ranks.order == [0, 1, 2]
        assert ranks.groups == ["a", "a", "a"]

    def test_clusters(self) -> None:
        generator = np.random.default_rng(0)
        common = generator.normal(size=(2, 25)).repeat(6, axis=1)
        shift = 0.35 + float(common[0].mean() - common[1].mean())
        values = common + generator.normal(scale=0.1, size=(2, 150)) + [[0.0], [shift]]
        assert rank(values).groups == ["b", "a"]
        clustered = rank(values, clusters=np.arange(25).repeat(6))
        assert clustered.groups == ["a", "a"]
        assert clustered.stderr[0] is not None and rank(values).stderr[0] is not None
        assert clustered.stderr[0] > 2 * (rank(values).stderr[0] or 0.0)

    def test_nothing_to_compare(self) -> None:
        assert rank(np.zeros((2, 0))) == ([0, 1], ["a", "a"], [None, None])
        assert rank(np.zeros((1, 5))).groups == ["a"]
        assert rank(np.zeros((0, 5))) == ([], [], [])

    def test_bad_arguments(self) -> None:
        with pytest.raises(ValueError, match="significance"):
            rank(four(), significance=0.0)
        with pytest.raises(ValueError, match="correction"):
            rank(four(), correction="tukey")  # type: ignore[arg-type]


class TestCompactLetters:
    @given(st.integers(1, 9), st.data())
    def test_two_share_a_letter_just_when_they_do_not_differ(
        self, number: int, data: st.DataObject
    ) -> None:
        pairs = list(combinations(range(number), 2))
        different = (
            set(data.draw(st.lists(st.sampled_from(pairs), unique=True))) if pairs else set()
        )
        letters = compact_letters(number, different)
        for one, other in pairs:
            assert bool(set(letters[one]) & set(letters[other])) == ((one, other) not in different)
        assert all(letters)
        assert letters[0][0] == "a"

    def test_a_chain(self) -> None:
        assert compact_letters(4, {(0, 2), (0, 3), (1, 3)}) == ["a", "ab", "bc", "c"]

    def test_the_order_in_a_pair_does_not_matter(self) -> None:
        assert compact_letters(3, {(2, 0)}) == compact_letters(3, {(0, 2)}) == ["a", "ab", "b"]

    def test_more_groups_than_letters(self) -> None:
        everybody = set(combinations(range(60), 2))
        letters = compact_letters(60, everybody)
        assert letters[51:54] == ["Z", "(53)", "(54)"]


class TestRankTests:
    @given(st.lists(st.integers(-9, 9).filter(bool), min_size=1, max_size=12))
    def test_wilcoxon(self, numbers: list[int]) -> None:
        differences = np.array(numbers, dtype=float)
        ranks = stats.rankdata(np.abs(differences))
        result = wilcoxon_test(differences)
        assert result.positive == ranks[differences > 0].sum()
        assert result.negative == ranks[differences < 0].sum()
        if len(set(np.abs(numbers))) == len(numbers):
            oracle = stats.wilcoxon(differences, method="exact").pvalue
            assert result.p_value == pytest.approx(oracle)

    def test_wilcoxon_of_many(self) -> None:
        differences = np.random.default_rng(0).normal(0.02, 1.0, 3000)
        oracle = stats.wilcoxon(differences, method="asymptotic").pvalue
        assert wilcoxon_test(differences).p_value == pytest.approx(oracle, rel=0.02)

    def test_wilcoxon_without_a_difference(self) -> None:
        assert wilcoxon_test(np.zeros(5)) == (0.0, 0.0, 1.0)
        assert wilcoxon_test(np.zeros(5), zeros="split") == (7.5, 7.5, 1.0)

    @given(st.lists(st.integers(0, 5), min_size=1, max_size=20))
    def test_average_ranks(self, numbers: list[int]) -> None:
        values = np.array(numbers, dtype=float)
        assert average_ranks(values).tolist() == stats.rankdata(values).tolist()

    @given(st.integers(2, 12), st.integers(3, 6), st.integers(0, 2**32 - 1))
    def test_friedman(self, tasks: int, evaluations: int, seed: int) -> None:
        scores = np.random.default_rng(seed).integers(0, 6, (tasks, evaluations)).astype(float)
        result = friedman_test(scores)
        if all(np.ptp(row) == 0 for row in scores):
            assert (result.chi_square, result.p_value) == (0.0, 1.0)
            return
        oracle = stats.friedmanchisquare(*scores.T).statistic
        assert result.chi_square == pytest.approx(oracle, abs=1e-9)
        if result.f_statistic is not None:
            spare = evaluations - 1
            expected = stats.f.sf(result.f_statistic, spare, spare * (tasks - 1))
            assert result.p_value == pytest.approx(expected, abs=1e-9)

    def test_friedman_when_all_tasks_agree(self) -> None:
        result = friedman_test(np.array([[3.0, 2.0, 1.0]] * 5))
        assert result.f_statistic is None
        assert result.p_value == pytest.approx(6.0**-4)

    def test_friedman_when_no_task_tells_a_difference(self) -> None:
        result = friedman_test(np.ones((4, 3)))
        assert result.mean_ranks.tolist() == [2.0, 2.0, 2.0]
        assert (result.chi_square, result.f_statistic, result.p_value) == (0.0, 0.0, 1.0)

    def test_friedman_needs_two_of_each(self) -> None:
        for shape in ((1, 3), (3, 1), (3,)):
            with pytest.raises(ValueError, match="at least 2"):
                friedman_test(np.zeros(shape))

    @pytest.mark.parametrize("evaluations", [2, 3, 5, 10])
    @pytest.mark.parametrize("significance", [0.05, 0.1, 0.01])
    def test_nemenyi(self, evaluations: int, significance: float) -> None:
        critical = stats.studentized_range.isf(significance, evaluations, np.inf) / np.sqrt(2)
        expected = critical * np.sqrt(evaluations * (evaluations + 1) / (6 * 14))
        found = nemenyi_difference(14, evaluations, significance)
        assert found == pytest.approx(expected, rel=1e-6)
