"""Distribution functions against scipy."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from inspect_mlflow_compare.statistics._special import (
    binomial_mass,
    binomial_tail,
    bisect,
    f_tail,
    incomplete_beta,
    log_beta,
    normal_quantile,
    normal_tail,
    student_t_critical,
    student_t_tail,
)

shapes = st.floats(-1.0, 5.0).map(lambda exponent: 10.0**exponent)


@given(shapes, shapes)
def test_log_beta(a: float, b: float) -> None:
    # scipy's own log-gammas cancel: it is good for ten digits only.
    assert log_beta(a, b) == pytest.approx(special.betaln(a, b), rel=1e-9, abs=1e-9)


def test_log_beta_of_large_and_small_arguments_together() -> None:
    # B(a, 1) = 1 / a and B(a, 2) = 1 / (a (a + 1))
    assert log_beta(1e9, 1.0) == pytest.approx(-math.log(1e9), rel=1e-14)
    assert log_beta(2.0, 1e6) == pytest.approx(-math.log(1e6) - math.log(1e6 + 1), rel=1e-14)


@given(shapes, shapes, st.floats(0.0, 1.0))
def test_incomplete_beta(a: float, b: float, x: float) -> None:
    assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-8, abs=1e-14)


@pytest.mark.parametrize("a", [0.5, 2.0, 40.0, 5e4])
@pytest.mark.parametrize("b", [0.5, 3.0, 200.0, 1e5])
def test_incomplete_beta_near_its_mean(a: float, b: float) -> None:
    for shift in (-2.0, -0.5, 0.0, 0.5, 2.0):
        mean, deviation = stats.beta.stats(a, b)[0], math.sqrt(stats.beta.stats(a, b)[1])
        x = min(0.999, max(0.001, float(mean + shift * deviation)))
        assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-9)


def test_incomplete_beta_at_the_ends() -> None:
    assert incomplete_beta(2.0, 3.0, 0.0) == 0.0
    assert incomplete_beta(2.0, 3.0, 1.0) == 1.0


@pytest.mark.parametrize("degrees", [1.0, 2.0, 4.7, 9.0, 19.0, 99.0, 999.0, 99_999.0, 3e7, 1e12])
@pytest.mark.parametrize("tail", [0.4, 0.1, 0.05, 0.025, 0.005, 1e-6, 1e-12])
def test_student_t(degrees: float, tail: float) -> None:
    critical = student_t_critical(tail, degrees)
    assert critical == pytest.approx(stats.t.isf(tail, degrees), rel=1e-9)
    assert student_t_tail(critical, degrees) == pytest.approx(tail, rel=1e-9)
    assert student_t_critical(1.0 - tail, degrees) == pytest.approx(-critical, rel=1e-3)
    assert student_t_tail(-critical, degrees) == pytest.approx(1.0 - tail)


def test_infinite_degrees_are_the_normal_distribution() -> None:
    assert student_t_critical(0.025, math.inf) == pytest.approx(1.959963984540054, rel=1e-15)
    assert student_t_critical(0.975, math.inf) == pytest.approx(-1.959963984540054, rel=1e-15)
    assert student_t_tail(1.0, math.inf) == pytest.approx(stats.norm.sf(1.0), rel=1e-14)


@pytest.mark.parametrize("value", [math.inf, 1e200])
def test_student_t_of_an_infinite_statistic(value: float) -> None:
    assert student_t_tail(value, 5.0) == 0.0
    assert student_t_tail(-value, 5.0) == 1.0


@given(st.floats(-38.0, 38.0))
def test_normal_tail(value: float) -> None:
    # scipy itself is good for about 1e-13 that far out.
    assert normal_tail(value) == pytest.approx(stats.norm.sf(value), rel=1e-12)


@given(st.floats(1e-12, 1.0 - 1e-12))
def test_normal_quantile(probability: float) -> None:
    assert normal_quantile(probability) == pytest.approx(
        stats.norm.ppf(probability), rel=1e-10, abs=1e-12
    )


@given(st.integers(0, 3000), st.data())
def test_binomial(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    probability = data.draw(st.sampled_from([0.5, 0.5, 0.03, 0.8]))
    mass = stats.binom.pmf(successes, trials, probability)
    tail = stats.binom.sf(successes - 1, trials, probability)
    assert binomial_mass(successes, trials, probability) == pytest.approx(mass, rel=1e-8)
    assert binomial_tail(successes, trials, probability) == pytest.approx(tail, rel=1e-8)


def test_binomial_outside_the_possible() -> None:
    assert binomial_mass(-1, 5) == binomial_mass(6, 5) == binomial_tail(6, 5) == 0.0
    assert binomial_tail(0, 5) == binomial_tail(-3, 5) == 1.0


def test_few_coin_tosses_are_exact() -> None:
    assert binomial_tail(9, 11) == 67 / 2048
    assert binomial_mass(7, 8) == 0.03125


@given(st.floats(0.0, 100.0), st.integers(1, 40), st.integers(1, 400))
def test_f_tail(value: float, numerator: int, denominator: int) -> None:
    expected = stats.f.sf(value, numerator, denominator)
    assert f_tail(value, numerator, denominator) == pytest.approx(expected, rel=1e-8, abs=1e-200)


def test_bisect_finds_the_root_to_the_last_bits() -> None:
    assert bisect(lambda x: 2.0 - x * x, 0.0, 2.0) == pytest.approx(math.sqrt(2.0), rel=4e-16)
