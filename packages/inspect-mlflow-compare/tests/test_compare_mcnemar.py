"""McNemar's test, the odds of discordant pairs, and the documented function."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from inspect_mlflow_compare._statistics import mcnemars_test
from inspect_mlflow_compare.statistics import discordant_odds, mcnemar_p_value
from inspect_mlflow_compare.statistics._mcnemar import McNemarVariant
from inspect_mlflow_compare.statistics._mcnemars_test import PairedInterval
from inspect_mlflow_compare.statistics._sign_flip import lattice_tails

counts = st.integers(0, 300)


def lists(both: int, losses: int, gains: int, neither: int) -> tuple[list[bool], list[bool]]:
    """Samples with these numbers of outcomes."""
    baseline = [True] * (both + losses) + [False] * (gains + neither)
    candidate = [True] * both + [False] * losses + [True] * gains + [False] * neither
    return baseline, candidate


@given(counts, counts)
def test_statsmodels_agrees(losses: int, gains: int) -> None:
    table = [[10, losses], [gains, 10]]
    if losses + gains:
        asymptotic = mcnemar(table, exact=False, correction=False).pvalue
        assert mcnemar_p_value(losses, gains, "none") == pytest.approx(asymptotic, rel=1e-9)
    if losses != gains:
        corrected = mcnemar(table, exact=False, correction=True).pvalue
        assert mcnemar_p_value(losses, gains, "cc") == pytest.approx(corrected, rel=1e-9)
    exact = mcnemar(table, exact=True).pvalue
    assert mcnemar_p_value(losses, gains, "exact") == pytest.approx(exact, rel=1e-9)


@given(counts, counts)
def test_mid_p_is_the_sign_flip_test(losses: int, gains: int) -> None:
    tails = lattice_tails(np.array([1] * gains + [-1] * losses))
    assert tails is not None
    assert mcnemar_p_value(losses, gains) == pytest.approx(tails.midp, rel=1e-9, abs=1e-15)
    assert mcnemar_p_value(losses, gains) == mcnemar_p_value(gains, losses)


def test_the_continuity_correction_does_not_turn_a_draw_into_evidence() -> None:
    # (|0| - 1) squared would give a p-value of .75.
    assert mcnemar_p_value(5, 5, "cc") == 1.0
    assert mcnemar_p_value(5, 5) == pytest.approx(0.876953125)


@pytest.mark.parametrize("variant", ["mid-p", "exact", "none", "cc"])
def test_without_discordant_pairs(variant: McNemarVariant) -> None:
    assert mcnemar_p_value(0, 0, variant) == 1.0


@given(st.integers(0, 60), st.integers(0, 60))
def test_clopper_pearson_odds(losses: int, gains: int) -> None:
    if losses + gains == 0:
        assert discordant_odds(0, 0) == (None, 0.0, None)
        return
    lower, upper = proportion_confint(gains, losses + gains, method="beta")
    odds, low, high = discordant_odds(losses, gains, midp=False)
    assert odds == (None if losses == 0 else pytest.approx(gains / losses))
    assert low == pytest.approx(lower / (1 - lower), rel=1e-8, abs=1e-12)
    if losses:
        assert high == pytest.approx(upper / (1 - upper), rel=1e-7)
    else:
        assert high is None


def test_mid_p_odds_are_narrower() -> None:
    _, low, high = discordant_odds(9, 2, midp=True)
    _, exact_low, exact_high = discordant_odds(9, 2, midp=False)
    assert high is not None and exact_high is not None
    assert exact_low < low < high < exact_high


def test_the_documented_function() -> None:
    result = mcnemars_test(*lists(1, 7, 1, 12))
    assert result.method == "mcnemar-midp"
    assert result.interval == "tango"
    assert result.p_value == 0.0390625
    assert result.significant
    assert result.estimate == pytest.approx(-6 / 21)
    assert result.ci_lower == pytest.approx(-0.517, abs=5e-4)
    assert result.ci_upper == pytest.approx(-0.026, abs=5e-4)


@pytest.mark.parametrize("variant", ["mid-p", "exact", "none", "cc"])
@pytest.mark.parametrize("interval", ["tango", "newcombe", "bonett-price", "agresti-min", "wald"])
def test_test_and_interval_never_contradict_each_other(
    variant: McNemarVariant, interval: PairedInterval
) -> None:
    for losses, gains in ((1, 7), (0, 5), (5, 0), (0, 6), (3, 12), (4, 11), (5, 5), (0, 0)):
        sides = lists(3, losses, gains, 2)
        result = mcnemars_test(*sides, correction=variant, interval=interval)
        assert result.ci_lower is not None and result.ci_upper is not None
        excluded = result.ci_lower > 0.0 or result.ci_upper < 0.0
        assert result.significant == excluded == (result.p_value < 0.05)
        assert -1.0 <= result.ci_lower <= result.estimate <= result.ci_upper <= 1.0


def test_no_samples() -> None:
    result = mcnemars_test([], [])
    assert (result.significant, result.p_value) == (False, 1.0)
    assert result.ci_lower is result.ci_upper is None
    assert result.notes == ("no paired samples",)


def test_one_sample_proves_nothing() -> None:
    result = mcnemars_test([True], [False])
    assert not result.significant
    assert result.ci_upper == pytest.approx(0.0, abs=1.0)


def test_numbers_stand_for_right_and_wrong() -> None:
    baseline, candidate = lists(4, 6, 1, 3)
    numbers = mcnemars_test([float(x) for x in baseline], [int(x) for x in candidate])
    assert numbers == mcnemars_test(baseline, candidate)


@pytest.mark.parametrize(
    ("baseline", "candidate", "message"),
    [
        ([True], [True, False], "cannot be paired"),
        ([0.5], [1.0], "True and False"),
        ([math.nan], [1.0], "finite"),
    ],
)
def test_bad_input(baseline: list[bool], candidate: list[bool], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mcnemars_test(baseline, candidate)


def test_bad_options() -> None:
    with pytest.raises(ValueError, match="unknown variant"):
        mcnemars_test([True], [False], correction="yates")
    with pytest.raises(ValueError, match="unknown interval"):
        mcnemars_test([True], [False], interval="exact")
    for significance in (0.0, 1.0, -0.1, math.nan):
        with pytest.raises(ValueError, match="significance"):
            mcnemars_test([True], [False], significance)
