"""Which test and interval a comparison gets, and what becomes of awkward data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from inspect_mlflow_compare.statistics import (
    EpochScores,
    PairedInference,
    noninferiority_p_value,
    one_sided_bound,
    paired_inference,
)


def of(*rows: Sequence[float]) -> EpochScores:
    return EpochScores.from_lists(rows)


def single(scores: Sequence[float] | NDArray[np.float64]) -> EpochScores:
    return EpochScores.from_means(scores)


def drawn(seed: int, ids: int, epochs: int, accuracy: float) -> EpochScores:
    generator = np.random.default_rng(seed)
    values = (generator.random(ids * epochs) < accuracy).astype(float)
    return EpochScores(values, np.full(ids, epochs))


def compare(
    baseline: Sequence[float] | NDArray[np.float64],
    candidate: Sequence[float] | NDArray[np.float64],
) -> PairedInference:
    return paired_inference(single(baseline), single(candidate))


def bounds(result: PairedInference) -> tuple[float, float]:
    assert result.ci_lower is not None and result.ci_upper is not None
    return result.ci_lower, result.ci_upper


class TestChoice:
    def test_right_and_wrong_with_one_epoch(self) -> None:
        result = compare([1, 1, 1, 1, 0, 0, 1, 1], [0, 0, 0, 0, 0, 1, 1, 1])
        assert (result.method, result.interval, result.kind) == ("mcnemar-midp", "tango", "binary")
        assert result.effect_size_name == "cohens_g"
        assert result.effect_size == pytest.approx(1 / 5 - 1 / 2)
        assert (result.wins, result.ties, result.losses) == (1, 3, 4)

    def test_right_and_wrong_with_epochs(self) -> None:
        result = paired_inference(drawn(1, 40, 5, 0.7), drawn(2, 40, 5, 0.5))
        assert (result.method, result.interval) == ("signflip-midp", "tango-effective")
        assert result.kind == "binary"
        assert result.wins + result.ties + result.losses == 40

    def test_partial_credit(self) -> None:
        result = compare([0, 0.5, 1, 0.5, 0, 1, 1, 0], [0.5, 0.5, 1, 1, 0, 1, 1, 0.5])
        assert (result.method, result.interval, result.kind) == ("signflip-midp", "t", "lattice")
        assert result.effect_size_name == "d_z"
        assert result.p_value == 0.125

    def test_grades_with_epochs_count_in_their_means(self) -> None:
        baseline = of([3, 4, 4], [2, 2, 3], [5, 5, 4], [1, 2, 1], [3, 3, 3], [4, 4, 5])
        candidate = of([4, 5], [3, 3], [5, 5], [2, 2], [3, 4], [5, 4])
        result = paired_inference(baseline, candidate)
        assert result.kind == "lattice"
        expected = (baseline.means() - candidate.means()) * -1
        assert result.estimate == pytest.approx(expected.mean())
        assert result.p_value == pytest.approx(2.0**-6)

    def test_continuous_scores(self) -> None:
        generator = np.random.default_rng(0)
        baseline, candidate = generator.normal(size=(2, 30))
        result = compare(baseline, candidate)
        oracle = stats.ttest_rel(candidate, baseline)
        interval = oracle.confidence_interval()
        assert (result.method, result.interval, result.kind) == ("paired-t", "t", "continuous")
        assert result.p_value == pytest.approx(oracle.pvalue, rel=1e-10)
        assert bounds(result) == pytest.approx((interval.low, interval.high), rel=1e-10)
        assert result.standard_error == pytest.approx(stats.sem(candidate - baseline))
        assert result.baseline_stderr == pytest.approx(stats.sem(baseline))
        assert result.candidate_stderr == pytest.approx(stats.sem(candidate))
        assert result.correlation == pytest.approx(np.corrcoef(baseline, candidate)[0, 1])

    def test_few_continuous_scores(self) -> None:
        baseline, candidate = np.random.default_rng(0).normal(size=(2, 9))
        result = compare(baseline, candidate)
        oracle = stats.permutation_test(
            (candidate - baseline,), np.mean, permutation_type="samples", n_resamples=math.inf
        )
        assert result.method == "signflip-exact"
        assert result.p_value == pytest.approx(oracle.pvalue)

    def test_too_many_levels_for_the_exact_test(self) -> None:
        generator = np.random.default_rng(0)
        baseline, candidate = generator.integers(0, 1_000_000, (2, 200)).astype(float)
        result = compare(baseline, candidate)
        assert result.method == "paired-t"
        assert result.p_value == pytest.approx(stats.ttest_rel(candidate, baseline).pvalue)

    def test_far_more_epochs_on_one_side(self) -> None:
        result = paired_inference(drawn(1, 40, 10, 0.9), drawn(2, 40, 1, 0.9))
        assert (result.method, result.interval) == ("score-effective", "tango-effective")

    def test_an_epoch_missing_here_and_there_changes_nothing(self) -> None:
        baseline = drawn(1, 40, 5, 0.9)
        candidate = EpochScores(drawn(2, 40, 5, 0.9).values[:-2], np.array([5] * 39 + [3]))
        assert paired_inference(baseline, candidate).method == "signflip-midp"

    def test_a_scale_that_is_not_right_and_wrong(self) -> None:
        sides = single([1.0] * 8), single([1.0] * 7 + [0.0])
        assert paired_inference(*sides).kind == "binary"
        assert paired_inference(*sides, score_range=(0.0, 1.0)).kind == "binary"
        assert paired_inference(*sides, score_range=(0.0, 5.0)).kind == "lattice"

    def test_the_range_of_the_scores_bounds_the_interval(self) -> None:
        sides = single([0.0, 0.1, 0.9, 0.2]), single([1.0, 0.9, 0.1, 1.0])
        assert bounds(paired_inference(*sides))[1] > 1.0
        lower, upper = bounds(paired_inference(*sides, score_range=(0.0, 1.0)))
        assert -1.0 <= lower <= upper == 1.0


class TestEpochs:
    def test_one_epoch_is_the_special_case_of_many(self) -> None:
        """Epochs that merely repeat the scores add no information."""
        once = drawn(1, 60, 1, 0.7), drawn(2, 60, 1, 0.5)
        thrice = [EpochScores(side.values.repeat(3), side.counts * 3) for side in once]
        single_epoch, repeated = paired_inference(*once), paired_inference(*thrice)
        assert repeated.p_value == pytest.approx(single_epoch.p_value, rel=1e-9)
        assert repeated.estimate == single_epoch.estimate
        assert repeated.effect_size == pytest.approx(single_epoch.effect_size)
        # Only the reference distribution differs: t instead of normal.
        assert bounds(repeated) == pytest.approx(bounds(single_epoch), abs=0.01)

    def test_the_order_of_epochs_does_not_matter(self) -> None:
        baseline = drawn(1, 30, 4, 0.7)
        shuffled = EpochScores(baseline.values.reshape(-1, 4)[:, ::-1].ravel(), baseline.counts)
        candidate = drawn(2, 30, 4, 0.5)
        assert paired_inference(baseline, candidate) == paired_inference(shuffled, candidate)

    def test_these_very_questions(self) -> None:
        baseline, candidate = drawn(1, 40, 5, 0.7), drawn(2, 40, 5, 0.6)
        result = paired_inference(baseline, candidate)
        rows = [side.values.reshape(-1, 5) for side in (baseline, candidate)]
        parts = np.concatenate([row.var(axis=1, ddof=1) / 5 for row in rows])
        degrees = parts.sum() ** 2 / (parts**2 / 4).sum()
        reach = stats.t.ppf(0.975, degrees) * math.sqrt(parts.sum()) / 40
        assert result.fixed_ci_lower == pytest.approx(result.estimate - reach)
        assert result.fixed_ci_upper == pytest.approx(result.estimate + reach)

    def test_these_very_questions_need_a_second_epoch(self) -> None:
        for baseline, candidate in (
            (drawn(1, 40, 1, 0.7), drawn(2, 40, 1, 0.6)),
            (drawn(1, 40, 5, 0.7), drawn(2, 40, 1, 0.6)),
            (of(*[[1, 1]] * 8), of(*[[1, 1]] * 7, [0, 0])),
        ):
            result = paired_inference(baseline, candidate)
            assert result.fixed_ci_lower is result.fixed_ci_upper is None

    def test_an_id_with_one_epoch_borrows_its_variance(self) -> None:
        full = of([1, 0, 1, 1], [0, 1, 1, 0], [1, 1, 1, 1], [0, 0, 1, 0])
        short = of([1, 0, 1, 1], [0, 1, 1, 0], [1, 1, 1, 1], [0])
        exact = paired_inference(full, full)
        borrowed = paired_inference(short, full)
        assert exact.fixed_ci_upper is not None and borrowed.fixed_ci_upper is not None
        assert borrowed.fixed_ci_upper - borrowed.estimate > exact.fixed_ci_upper - exact.estimate

    def test_more_epochs_narrow_the_interval_but_never_beyond_their_number(self) -> None:
        one, five = (
            paired_inference(drawn(1, 60, epochs, 0.6), drawn(2, 60, epochs, 0.6))
            for epochs in (1, 5)
        )
        widths = [upper - lower for lower, upper in map(bounds, (one, five))]
        assert widths[0] / math.sqrt(5.5) < widths[1] < widths[0]


class TestAwkwardData:
    def test_no_ids(self) -> None:
        result = compare([], [])
        assert (result.p_value, result.ids, result.estimate) == (1.0, 0, 0.0)
        assert result.method == "not-testable"
        assert result.ci_lower is result.ci_upper is result.effect_size is None
        assert result.probability_improvement is None
        assert result.notes == ("no paired samples",)

    @pytest.mark.parametrize("scores", [(1.0, 0.0), (0.5, 0.6), (0.123456, 0.9)])
    def test_one_id(self, scores: tuple[float, float]) -> None:
        result = compare([scores[0]], [scores[1]])
        assert result.estimate == pytest.approx(scores[1] - scores[0])
        assert result.p_value == 1.0
        assert result.ci_lower is result.ci_upper is result.effect_size is None
        assert any("smallest possible p-value is 1" in note for note in result.notes)

    @pytest.mark.parametrize("ids", [2, 3, 4, 5])
    def test_so_few_ids_cannot_be_significant(self, ids: int) -> None:
        for baseline, candidate in (
            ([0.0] * ids, [1.0] * ids),
            ([0.1 * k for k in range(ids)], [0.1 * k + 0.5 + 0.01 * k * k for k in range(ids)]),
        ):
            result = compare(baseline, candidate)
            assert result.p_value == pytest.approx(2.0 ** (1 - ids))
            assert result.ci_lower is None or result.ci_lower <= 0.0
            assert any(f"{ids} sample ids" in note for note in result.notes)

    def test_at_another_level_five_ids_can_be(self) -> None:
        sides = single([0.0] * 5), single([1.0] * 5)
        result = paired_inference(*sides, significance=0.1)
        assert result.p_value == 0.0625
        assert bounds(result)[0] > 0.0
        assert not any("smallest possible" in note for note in result.notes)

    def test_few_ids_may_miss_rare_events(self) -> None:
        notes = compare([0.0, 1.0] * 10, [1.0, 0.0] * 10).notes
        assert any("fewer than 15%" in note for note in notes)
        assert compare([0.0, 1.0] * 15, [1.0, 0.0] * 15).notes == ()

    def test_all_equal_right_and_wrong(self) -> None:
        result = compare([1.0, 0.0] * 50, [1.0, 0.0] * 50)
        square = 1.959963984540054**2
        assert result.p_value == 1.0
        assert bounds(result) == pytest.approx((-square / (100 + square), square / (100 + square)))
        assert result.effect_size is None
        assert result.probability_improvement == 0.5
        assert "identical scores" in result.notes

    @pytest.mark.parametrize("scores", [[0.5, 0.25, 0.75] * 4, [0.123456, 0.3, 0.77] * 4])
    def test_all_equal(self, scores: list[float]) -> None:
        result = compare(scores, scores)
        assert (result.p_value, result.estimate, result.effect_size) == (1.0, 0.0, 0.0)
        assert result.ci_lower is result.ci_upper is None
        assert result.interval == "none"
        assert "identical scores" in result.notes

    @pytest.mark.parametrize("ids", [6, 12, 50])
    def test_the_same_difference_everywhere(self, ids: int) -> None:
        baseline = [0.1 * (k % 5) for k in range(ids)]
        result = compare(baseline, [score + 0.1 for score in baseline])
        assert result.p_value == pytest.approx(2.0**-ids)
        assert result.ci_lower is result.ci_upper is None
        assert result.effect_size is None
        assert result.wins == ids
        assert any("the same amount" in note for note in result.notes)

    def test_the_same_difference_everywhere_off_the_lattice(self) -> None:
        generator = np.random.default_rng(0)
        baseline = generator.random(50)
        result = compare(baseline, baseline + math.pi / 30)
        assert result.p_value == pytest.approx(2.0**-49)
        assert result.ci_lower is None
        assert result.effect_size is None

    def test_float_noise_is_no_difference(self) -> None:
        result = compare([0.3, 0.6 - 0.5] * 10, [0.1 + 0.2, 0.1] * 10)
        assert (result.ties, result.wins, result.losses) == (20, 0, 0)
        assert result.effect_size == 0.0
        generator = np.random.default_rng(0)
        scores = generator.random(40)
        noisy = scores * (1.0 + 4e-16)
        assert compare(scores, noisy).ties == 40

    def test_float_noise_of_epochs_is_no_spread(self) -> None:
        values = [0.1, 0.7, 0.2, 0.3, 0.123456]
        baseline = of(*[values] * 12)
        candidate = of(*[values[::-1]] * 12)
        result = paired_inference(baseline, candidate)
        assert result.ties == 12
        assert result.p_value == 1.0

    def test_every_id_changes_sides(self) -> None:
        result = compare([1.0] * 30, [0.0] * 30)
        lower, upper = bounds(result)
        assert lower == -1.0
        assert -1.0 < upper < -0.7
        assert result.effect_size == -0.5
        assert result.probability_improvement == pytest.approx(2.0**-31)

    def test_one_certain_side(self) -> None:
        assert compare([1.0] * 30, [0.0, 1.0] * 15).correlation is None

    def test_as_many_numbers_of_epochs_as_ids(self) -> None:
        counts = np.arange(1, 61)
        generator = np.random.default_rng(0)
        baseline, candidate = (
            EpochScores((generator.random(counts.sum()) < 0.6).astype(float), counts)
            for _ in range(2)
        )
        result = paired_inference(baseline, candidate)
        # Their common denominator is beyond all integers.
        assert (result.method, result.interval) == ("paired-t", "tango-effective")
        oracle = stats.ttest_rel(candidate.means(), baseline.means())
        assert result.p_value == pytest.approx(oracle.pvalue)

    def test_variances_need_a_second_epoch(self) -> None:
        assert np.isnan(single([0.5, 1.0]).within_variances()).all()
        variances = of([0.5], [0.0, 1.0]).within_variances()
        assert np.isnan(variances[0]) and variances[1] == 0.5

    def test_tiny_scores(self) -> None:
        generator = np.random.default_rng(0)
        baseline, candidate = generator.normal(size=(2, 40))
        plain, tiny = compare(baseline, candidate), compare(baseline * 1e-200, candidate * 1e-200)
        assert tiny.p_value == pytest.approx(plain.p_value)
        assert tiny.effect_size == pytest.approx(plain.effect_size)
        assert tiny.correlation == pytest.approx(plain.correlation)

    @pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, 1e200])
    def test_scores_beyond_arithmetic(self, score: float) -> None:
        with pytest.raises(ValueError, match=r"finite|arithmetic"):
            single([1.0, score])

    def test_bad_shapes(self) -> None:
        with pytest.raises(ValueError, match="cannot be paired"):
            compare([1.0], [1.0, 0.0])
        with pytest.raises(ValueError, match="at least one score"):
            of([1.0], [])
        with pytest.raises(ValueError, match="add up"):
            EpochScores(np.ones(3), np.array([1, 1]))
        with pytest.raises(ValueError, match="dimension"):
            EpochScores(np.ones((3, 1)), np.array([1, 1, 1]))

    @pytest.mark.parametrize("significance", [0.0, 1.0, -0.05, 1.05, math.nan])
    def test_bad_levels(self, significance: float) -> None:
        with pytest.raises(ValueError, match="significance"):
            paired_inference(single([1.0]), single([0.0]), significance=significance)


class TestCoherence:
    """The p-value is below the level just when the interval excludes zero."""

    def test_a_significant_difference_whose_interval_would_touch_zero(self) -> None:
        baseline = of(*[[0, 0, 1]] * 3, *[[0, 1, 1]] * 3)
        candidate = of(*[[0, 1, 1]] * 2, *[[1, 1, 1]] * 4)
        result = paired_inference(baseline, candidate)
        lower, _ = bounds(result)
        assert result.p_value is not None and result.p_value < 0.05
        assert lower > 0.0

    def test_moved_bounds_are_zero_or_next_to_it(self) -> None:
        # Five of five: the exact test cannot reject, whatever Tango's interval says.
        result = compare([0.0] * 5, [1.0] * 5)
        assert bounds(result)[0] == 0.0
        result = compare([1.0] * 5, [0.0] * 5)
        assert bounds(result)[1] == 0.0

    def test_no_difference_is_in_the_interval_at_any_level(self) -> None:
        sides = single([0.0, 1.0] * 4), single([1.0, 0.0] * 4)
        lower, upper = bounds(paired_inference(*sides, significance=0.95))
        assert lower < 0.0 < upper

    def test_probability_of_improvement_is_the_bayesian_one(self) -> None:
        for losses, gains in ((3, 9), (9, 3), (0, 6), (4, 4), (50, 61)):
            baseline = [1.0] * losses + [0.0] * gains + [1.0] * 7
            candidate = [0.0] * losses + [1.0] * gains + [1.0] * 7
            expected = stats.beta.sf(0.5, gains + 1, losses + 1)
            found = compare(baseline, candidate).probability_improvement
            assert found == pytest.approx(expected, rel=1e-9)


class TestNonInferiority:
    @pytest.mark.parametrize("better", ["higher", "lower"])
    @pytest.mark.parametrize("epochs", [1, 4])
    def test_bound_and_p_value_agree(self, better: str, epochs: int) -> None:
        baseline, candidate = drawn(1, 80, epochs, 0.7), drawn(2, 80, epochs, 0.68)
        side = "lower" if better == "higher" else "upper"
        for significance in (0.01, 0.05, 0.2):
            bound = one_sided_bound(
                baseline,
                candidate,
                significance=significance,
                side=side,  # type: ignore[arg-type]
            )
            assert bound is not None
            margin = -bound if better == "higher" else bound
            for shift, expected in ((1e-6, True), (-1e-6, False)):
                p_value = noninferiority_p_value(
                    baseline,
                    candidate,
                    margin + shift,
                    better=better,  # type: ignore[arg-type]
                )
                assert p_value is not None
                assert (p_value < significance) is expected

    def test_the_bound_is_that_of_the_interval_at_twice_the_level(self) -> None:
        generator = np.random.default_rng(0)
        baseline, candidate = map(single, generator.normal(size=(2, 50)))
        wide = paired_inference(baseline, candidate, significance=0.1)
        assert one_sided_bound(baseline, candidate) == wide.ci_lower
        assert one_sided_bound(baseline, candidate, side="upper") == wide.ci_upper

    def test_student_p_value(self) -> None:
        baseline, candidate = np.random.default_rng(0).normal(size=(2, 50))
        expected = stats.ttest_rel(candidate + 0.3, baseline, alternative="greater").pvalue
        found = noninferiority_p_value(single(baseline), single(candidate), 0.3)
        assert found == pytest.approx(expected, rel=1e-9)

    def test_without_spread_there_is_no_bound(self) -> None:
        sides = single([0.5] * 20), single([0.6] * 20)
        assert one_sided_bound(*sides) is None
        assert noninferiority_p_value(*sides, 0.1) is None

    def test_bad_arguments(self) -> None:
        sides = single([0.0, 1.0]), single([1.0, 0.0])
        with pytest.raises(ValueError, match="margin"):
            noninferiority_p_value(*sides, -0.1)
        with pytest.raises(ValueError, match="one-sided"):
            one_sided_bound(*sides, significance=0.5)


def test_a_result_holds_no_numpy_numbers() -> None:
    """They would not go into JSON."""
    generator = np.random.default_rng(0)
    for sides in (
        (drawn(1, 30, 5, 0.7), drawn(2, 30, 5, 0.5)),
        (drawn(1, 30, 1, 0.7), drawn(2, 30, 1, 0.5)),
        (single(generator.normal(size=30)), single(generator.normal(size=30))),
    ):
        result = paired_inference(*sides, clusters=np.arange(30) // 3)
        for field in fields(result):
            value = getattr(result, field.name)
            assert not isinstance(value, np.generic), field.name
