"""Detectable effects, sample sizes and the split of the variance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import TTestPower

from inspect_mlflow_compare._types import DetectableEffect, VarianceSplit
from inspect_mlflow_compare.statistics import (
    EpochScores,
    detectable_effect,
    mcnemar_sample_size,
    minimum_detectable_effect,
    paired_inference,
    planning_table,
    required_ids,
    sample_size,
    variance_split,
)

SPLIT = VarianceSplit(0.1, 0.15, 0.2)


def right_and_wrong(losses: int, gains: int, same: int) -> tuple[EpochScores, EpochScores]:
    baseline = [1.0] * losses + [0.0] * gains + [1.0] * same
    candidate = [0.0] * losses + [1.0] * gains + [1.0] * same
    return EpochScores.from_means(baseline), EpochScores.from_means(candidate)


def with_epochs(
    seed: int, ids: int, epochs: int, *, interaction: float = 0.5, noise: float = 0.3
) -> tuple[EpochScores, EpochScores]:
    generator = np.random.default_rng(seed)
    common = generator.normal(size=ids)
    sides = []
    for _ in range(2):
        truth = common + generator.normal(scale=interaction / math.sqrt(2), size=ids)
        scores = truth[:, None] + generator.normal(scale=noise, size=(ids, epochs))
        sides.append(EpochScores(scores.ravel(), np.full(ids, epochs)))
    return sides[0], sides[1]


class TestDetectableEffect:
    def test_connors_formula_solved_for_the_effect(self) -> None:
        effect = minimum_detectable_effect(*right_and_wrong(30, 30, 140))
        assert effect is not None
        assert mcnemar_sample_size(0.3, effect * 1.0001) <= 200
        assert mcnemar_sample_size(0.3, effect * 0.999) >= 200

    def test_few_changes_are_no_promise_of_precision(self) -> None:
        """No pair differed; still an effect is needed that makes enough pairs differ."""
        effect = minimum_detectable_effect(*right_and_wrong(0, 0, 100))
        assert effect is not None
        assert mcnemar_sample_size(effect, effect) == pytest.approx(100, abs=1)
        assert 0.06 < effect < 0.08

    def test_other_scores(self) -> None:
        generator = np.random.default_rng(0)
        baseline, candidate = generator.normal(size=(2, 34))
        error = (candidate - baseline).std(ddof=1) / math.sqrt(34)
        effect = minimum_detectable_effect(
            EpochScores.from_means(baseline), EpochScores.from_means(candidate)
        )
        assert effect is not None
        power = TTestPower().power(effect / (error * math.sqrt(34)), 34, 0.05)
        assert power == pytest.approx(0.8, abs=0.01)

    def test_power_by_simulation(self) -> None:
        generator = np.random.default_rng(11)
        ids, discordance, effect = 200, 0.3, 0.1079
        assert minimum_detectable_effect(*right_and_wrong(30, 30, 140)) == pytest.approx(
            effect, abs=1e-3
        )
        found = 0
        for _ in range(400):
            kind = generator.random(ids)
            baseline = (kind < (discordance - effect) / 2) | (kind > discordance)
            candidate = (kind >= (discordance - effect) / 2).astype(float)
            result = paired_inference(
                EpochScores.from_means(baseline.astype(float)), EpochScores.from_means(candidate)
            )
            found += result.p_value is not None and result.p_value < 0.05
        assert 0.74 < found / 400 < 0.88

    def test_epochs_and_clusters_count(self) -> None:
        generator = np.random.default_rng(0)
        once, often = (
            [
                EpochScores((generator.random(60 * k) < 0.6).astype(float), np.full(60, k))
                for _ in range(2)
            ]
            for k in (1, 5)
        )
        effects = [minimum_detectable_effect(*sides) for sides in (once, often)]
        members = np.arange(60) // 3
        clustered = minimum_detectable_effect(*often, clusters=members)
        assert effects[0] is not None and effects[1] is not None and clustered is not None
        assert effects[1] < effects[0] / 1.8
        assert clustered > 0.0

    def test_nothing_can_be_found(self) -> None:
        assert minimum_detectable_effect(*right_and_wrong(1, 1, 3)) is None
        assert minimum_detectable_effect(*right_and_wrong(0, 0, 1)) is None
        same = EpochScores.from_means([0.5] * 20)
        assert minimum_detectable_effect(same, EpochScores.from_means([0.7] * 20)) is None

    @given(st.integers(2, 500), st.integers(1, 20))
    def test_more_of_anything_finds_less(self, ids: int, epochs: int) -> None:
        here = detectable_effect(SPLIT, ids, epochs)
        assert detectable_effect(SPLIT, ids + 1, epochs) < here
        assert detectable_effect(SPLIT, ids, epochs + 1) < here
        assert detectable_effect(SPLIT, ids, epochs, power=0.9) > here
        assert detectable_effect(SPLIT, ids, epochs, significance=0.01) > here
        assert detectable_effect(SPLIT, ids, epochs, small_sample=False) < here

    def test_epochs_cannot_replace_ids(self) -> None:
        limit = VarianceSplit(SPLIT.between_ids, 0.0, 0.0)
        assert detectable_effect(SPLIT, 50, 10**9) == pytest.approx(detectable_effect(limit, 50, 1))


class TestSampleSize:
    def test_g_power(self) -> None:
        """The example of G*Power's manual: d_z of one half needs 34 pairs."""
        assert required_ids(VarianceSplit(1.0, 0.0, 0.0), 0.5, 1) == 34
        assert math.ceil(TTestPower().solve_power(0.5, alpha=0.05, power=0.8)) == 34

    @given(st.floats(0.15, 1.5), st.sampled_from([0.01, 0.05, 0.1]), st.floats(0.6, 0.95))
    def test_statsmodels_agrees(self, effect: float, significance: float, power: float) -> None:
        oracle = TTestPower().solve_power(effect, alpha=significance, power=power)
        found = required_ids(
            VarianceSplit(1.0, 0.0, 0.0), effect, 1, significance=significance, power=power
        )
        # A quotient of two t quantiles stands for the noncentral distribution.
        assert found == pytest.approx(oracle, rel=0.03, abs=1.6)

    def test_required_ids_and_detectable_effect_are_inverse(self) -> None:
        for small_sample in (True, False):
            ids = required_ids(SPLIT, 0.07, 3, small_sample=small_sample)
            assert detectable_effect(SPLIT, ids, 3, small_sample=small_sample) <= 0.07
            assert detectable_effect(SPLIT, ids - 1, 3, small_sample=small_sample) > 0.07

    def test_of_right_and_wrong(self) -> None:
        sides = right_and_wrong(40, 20, 140)
        assert sample_size(*sides, 0.05) == mcnemar_sample_size(0.3, 0.05) == 940
        assert sample_size(*sides, -0.05) == 940
        # An effect beyond the changes that were seen takes more changes.
        assert sample_size(*sides, 0.4) == mcnemar_sample_size(0.4, 0.4)
        assert sample_size(*sides, 1.5) is None

    def test_of_other_scores(self) -> None:
        sides = with_epochs(0, 40, 1)
        differences = sides[1].means() - sides[0].means()
        expected = required_ids(VarianceSplit(float(differences.var(ddof=1)), 0.0, 0.0), 0.1, 1)
        assert sample_size(*sides, 0.1) == expected

    def test_nothing_to_find(self) -> None:
        sides = right_and_wrong(4, 2, 14)
        assert sample_size(*sides, 0.0) is None
        assert sample_size(*right_and_wrong(1, 0, 0), 0.1) is None
        same = EpochScores.from_means([0.5] * 20)
        assert sample_size(same, EpochScores.from_means([0.7] * 20), 0.1) is None

    def test_tiny_effects_take_huge_samples(self) -> None:
        assert required_ids(SPLIT, 1e-9, 1) > 10**17


class TestVarianceSplit:
    def test_components_are_found_again(self) -> None:
        split = variance_split(*with_epochs(1, 4000, 4))
        assert split is not None
        assert split.between_ids == pytest.approx(0.25, rel=0.1)
        assert split.baseline_within_ids == pytest.approx(0.09, rel=0.05)
        assert split.candidate_within_ids == pytest.approx(0.09, rel=0.05)

    def test_it_predicts_other_numbers_of_epochs(self) -> None:
        split = variance_split(*with_epochs(1, 4000, 3, interaction=0.2, noise=1.0))
        assert split is not None
        for epochs in (1, 20):
            baseline, candidate = with_epochs(2, 4000, epochs, interaction=0.2, noise=1.0)
            seen = float((candidate.means() - baseline.means()).var(ddof=1))
            within = split.baseline_within_ids + split.candidate_within_ids
            assert split.between_ids + within / epochs == pytest.approx(seen, rel=0.1)

    def test_no_interaction_is_not_negative(self) -> None:
        for seed in range(10):
            split = variance_split(*with_epochs(seed, 20, 2, interaction=0.0))
            assert split is not None and split.between_ids >= 0.0

    def test_some_ids_with_one_epoch(self) -> None:
        baseline = EpochScores.from_lists([[0, 1], [1, 1], [0]])
        candidate = EpochScores.from_lists([[1, 1], [0, 1, 1], [1, 0]])
        split = variance_split(baseline, candidate)
        assert split is not None
        assert split.baseline_within_ids == pytest.approx((0.5 + 0.0 + 0.25) / 3)
        assert split.candidate_within_ids == pytest.approx((0.0 + 1 / 3 + 0.5) / 3)

    def test_one_epoch_or_one_id_is_not_enough(self) -> None:
        assert variance_split(*with_epochs(0, 20, 1)) is None
        assert variance_split(with_epochs(0, 20, 3)[0], with_epochs(0, 20, 1)[1]) is None
        assert variance_split(*with_epochs(0, 1, 5)) is None


def test_planning_table() -> None:
    table = planning_table(SPLIT, [50, 100], [1, 5])
    assert [(row.ids, row.epochs) for row in table] == [(50, 1), (50, 5), (100, 1), (100, 5)]
    assert table[1] == DetectableEffect(50, 5, detectable_effect(SPLIT, 50, 5))


def test_bad_arguments() -> None:
    sides = right_and_wrong(2, 2, 20)
    for power in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="power"):
            minimum_detectable_effect(*sides, power=power)
    with pytest.raises(ValueError, match="significance"):
        sample_size(*sides, 0.1, significance=1.0)
    with pytest.raises(ValueError, match="discordance"):
        mcnemar_sample_size(0.1, 0.2)
    with pytest.raises(ValueError, match="discordance"):
        mcnemar_sample_size(0.1, 0.0)
    with pytest.raises(ValueError, match="2 ids"):
        detectable_effect(SPLIT, 1, 1)
    with pytest.raises(ValueError, match="other than zero"):
        required_ids(SPLIT, 0.0, 1)
