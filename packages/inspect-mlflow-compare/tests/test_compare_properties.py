"""Laws that hold for any data."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inspect_mlflow_compare.statistics import (
    EpochScores,
    PairedInference,
    confirm_changes,
    mcnemar_p_value,
    minimum_detectable_effect,
    noninferiority_p_value,
    one_sided_bound,
    paired_inference,
    permutation_test,
    sample_size,
    unpaired_inference,
    variance_split,
)
from inspect_mlflow_compare.statistics._special import normal_tail
from inspect_mlflow_compare.statistics._tango import TangoScore

Sides = tuple[EpochScores, EpochScores]

_RIGHT_OR_WRONG = st.sampled_from([0.0, 1.0])
_GRADES = st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0])
_PARTIAL = st.sampled_from([0.0, 0.25, 0.5, 1.0])
_NUMBERS = st.floats(-1e6, 1e6)
_ANY = st.floats(allow_nan=False, min_value=-1e70, max_value=1e70)
KINDS = {
    "binary": _RIGHT_OR_WRONG,
    "grades": _GRADES,
    "partial": _PARTIAL,
    "numbers": _NUMBERS,
    "any": _ANY,
}


@st.composite
def sides(draw: st.DrawFn, *, kinds: str = " ".join(KINDS), most_ids: int = 24) -> Sides:
    """Two evaluations of the same ids, with one epoch, the same number or any numbers."""
    scores = KINDS[draw(st.sampled_from(kinds.split()))]
    ids = draw(st.integers(1, most_ids))
    design = draw(st.sampled_from(["one", "same", "ragged"]))
    same = draw(st.integers(2, 5))
    built = []
    for _ in range(2):
        counts = {
            "one": [1] * ids,
            "same": [same] * ids,
            "ragged": draw(st.lists(st.integers(1, 4), min_size=ids, max_size=ids)),
        }[design]
        total = sum(counts)
        values = draw(st.lists(scores, min_size=total, max_size=total))
        built.append(EpochScores(np.array(values), np.array(counts)))
    return built[0], built[1]


def rearranged(side: EpochScores, order: NDArray[np.intp]) -> EpochScores:
    parts = np.split(side.values, np.cumsum(side.counts)[:-1])
    return EpochScores(np.concatenate([parts[row] for row in order]), side.counts[order])


def scaled(side: EpochScores, factor: float) -> EpochScores:
    return EpochScores(side.values * factor, side.counts)


def excluded(result: PairedInference) -> bool | None:
    if result.ci_lower is None or result.ci_upper is None:
        return None
    return result.ci_lower > 0.0 or result.ci_upper < 0.0


def approximately(value: float | None, scale: float = 1.0) -> object:
    return None if value is None else pytest.approx(value, rel=1e-6, abs=1e-9 * scale)


@settings(max_examples=200)
@given(sides(), st.sampled_from([0.01, 0.05, 0.1, 0.2]), st.data())
def test_significant_just_when_the_interval_excludes_zero(
    pair: Sides, significance: float, data: st.DataObject
) -> None:
    members = data.draw(
        st.none() | st.lists(st.integers(0, 8), min_size=pair[0].ids, max_size=pair[0].ids)
    )
    clusters = None if members is None else np.array(members)
    result = paired_inference(*pair, significance=significance, clusters=clusters)
    if result.p_value is not None and excluded(result) is not None:
        assert excluded(result) == (result.p_value < significance)
    if result.ci_lower is not None and result.ci_upper is not None:
        slack = 1e-9 * max(1.0, abs(result.estimate))
        assert result.ci_lower - slack <= result.estimate <= result.ci_upper + slack


@settings(max_examples=200)
@given(sides())
def test_numbers_are_finite_or_none(pair: Sides) -> None:
    result = paired_inference(*pair)
    for field in fields(result):
        value = getattr(result, field.name)
        if isinstance(value, float):
            assert math.isfinite(value), field.name
    for number in (
        minimum_detectable_effect(*pair),
        one_sided_bound(*pair),
        noninferiority_p_value(*pair, 0.1),
        sample_size(*pair, 0.1),
    ):
        assert number is None or math.isfinite(number)
    split = variance_split(*pair)
    assert split is None or split.between_ids >= 0.0
    assert result.p_value is None or 0.0 <= result.p_value <= 1.0
    assert result.wins + result.ties + result.losses == result.ids


@settings(max_examples=100)
@given(sides(kinds="binary grades partial numbers"))
def test_swapping_the_sides_mirrors_everything(pair: Sides) -> None:
    there, back = paired_inference(*pair), paired_inference(*reversed(pair))
    scale = max(1.0, float(np.abs(np.concatenate([side.values for side in pair])).max()))
    assert back.p_value == pytest.approx(there.p_value, rel=1e-9)
    assert back.estimate == pytest.approx(-there.estimate, rel=1e-9, abs=1e-9 * scale)
    assert (back.wins, back.ties, back.losses) == (there.losses, there.ties, there.wins)
    if there.ci_lower is not None and there.ci_upper is not None:
        assert back.ci_upper == approximately(-there.ci_lower, scale)
        assert back.ci_lower == approximately(-there.ci_upper, scale)
    assert back.standard_error == approximately(there.standard_error, scale)
    if there.effect_size is not None:
        assert back.effect_size == pytest.approx(-there.effect_size, rel=1e-6, abs=1e-6)


@settings(max_examples=100)
@given(sides(kinds="binary grades partial numbers"), st.data())
def test_the_order_of_ids_does_not_matter(pair: Sides, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(pair[0].ids))))
    plain = paired_inference(*pair)
    shuffled = paired_inference(*(rearranged(side, order) for side in pair))
    scale = max(1.0, float(np.abs(np.concatenate([side.values for side in pair])).max()))
    assert shuffled.method == plain.method
    assert shuffled.p_value == approximately(plain.p_value)
    assert shuffled.ci_lower == approximately(plain.ci_lower, scale)
    assert shuffled.ci_upper == approximately(plain.ci_upper, scale)
    assert shuffled.effect_size == approximately(plain.effect_size)


@settings(max_examples=100)
@given(sides(kinds="grades partial"), st.sampled_from([2.0, 4.0, 10.0, 1024.0]))
def test_the_unit_of_the_scores_does_not_matter(pair: Sides, factor: float) -> None:
    # Right and wrong is a scale of its own, before and after.
    larger = [scaled(side, factor) for side in pair]
    for sides_of_scale in (pair, larger):
        assume(any(not np.isin(side.values, [0.0, 1.0]).all() for side in sides_of_scale))
    plain = paired_inference(*pair)
    large = paired_inference(*larger)
    assert large.p_value == approximately(plain.p_value)
    assert large.effect_size == approximately(plain.effect_size)
    assert large.estimate == pytest.approx(factor * plain.estimate, abs=1e-9 * factor)
    for field in ("ci_lower", "ci_upper", "standard_error", "fixed_ci_lower"):
        value = getattr(plain, field)
        expected = None if value is None else value * factor
        assert getattr(large, field) == approximately(expected, factor)


@given(st.integers(0, 10), st.data())
def test_tango_inverts_the_asymptotic_test(pairs: int, data: st.DataObject) -> None:
    assume(pairs > 0)
    losses = data.draw(st.integers(0, pairs))
    gains = data.draw(st.integers(0, pairs - losses))
    p_value = mcnemar_p_value(losses, gains, "none")
    score = TangoScore(losses / pairs, gains / pairs, pairs)
    assert 2.0 * normal_tail(abs(score.statistic(0.0))) == pytest.approx(p_value, rel=1e-9)
    for significance in (p_value * 1.0001, p_value * 0.9999):
        if not 1e-10 < significance < 1.0:
            continue
        lower, upper = score.bounds(significance)
        assert (lower > 0.0 or upper < 0.0) == (p_value < significance)


def test_tango_inverts_the_asymptotic_test_in_every_small_table() -> None:
    for pairs in range(1, 11):
        for losses in range(pairs + 1):
            for gains in range(pairs - losses + 1):
                p_value = mcnemar_p_value(losses, gains, "none")
                score = TangoScore(losses / pairs, gains / pairs, pairs)
                for significance in (0.01, 0.05, 0.1):
                    lower, upper = score.bounds(significance)
                    assert (lower > 0.0 or upper < 0.0) == (p_value < significance)
                    assert -1.0 <= lower <= score.estimate <= upper <= 1.0


def test_the_mid_p_test_and_tango_hardly_ever_disagree() -> None:
    for significance in (0.01, 0.05, 0.1):
        trimmed = 0
        for discordant in range(1, 120):
            for gains in range(discordant // 2 + 1):
                losses = discordant - gains
                midp = mcnemar_p_value(losses, gains) < significance
                asymptotic = mcnemar_p_value(losses, gains, "none") < significance
                # A rejection by the mid-p test never needs the interval to be widened.
                assert asymptotic or not midp
                trimmed += asymptotic and not midp
        assert trimmed <= 12


@given(st.floats(0.0, 0.5), st.floats(0.0, 0.5), st.floats(2.0, 1e5), st.floats(-1.0, 1.0))
@example(0.0, 0.0, 20.0, 0.0)
@example(0.5, 0.0, 20.0, -1.0)
def test_tango_bounds_solve_the_score_equation(
    loss: float, gain: float, size: float, at: float
) -> None:
    score = TangoScore(loss, gain, size)
    lower, upper = score.bounds(0.05)
    assert -1.0 <= lower <= score.estimate <= upper <= 1.0
    for bound, sign in ((lower, 1.0), (upper, -1.0)):
        if abs(bound) < 1.0 - 1e-9:
            assert score.statistic(bound) == pytest.approx(sign * 1.959963984540054, rel=1e-4)
    # Outside and inside, the statistic says so.
    if at < lower - 1e-9:
        assert score.statistic(at) > 1.9599
    if at > upper + 1e-9:
        assert score.statistic(at) < -1.9599


@settings(max_examples=50)
@given(sides(kinds="binary grades numbers", most_ids=10))
def test_q_values_are_no_smaller_than_p_values(pair: Sides) -> None:
    p_values, q_values = confirm_changes(*pair)
    testable = (pair[0].counts > 1) & (pair[1].counts > 1)
    assert np.isnan(p_values[~testable]).all() and np.isnan(q_values[~testable]).all()
    assert ((p_values[testable] >= 0) & (p_values[testable] <= q_values[testable])).all()
    assert (q_values[testable] <= 1.0).all()


@settings(max_examples=50)
@given(st.lists(_NUMBERS, max_size=12), st.lists(_NUMBERS, max_size=12))
def test_unpaired_numbers_are_finite_or_none(old: list[float], new: list[float]) -> None:
    result = unpaired_inference(np.array(old), np.array(new))
    for field in fields(result):
        value = getattr(result, field.name)
        assert not isinstance(value, float) or math.isfinite(value), field.name
    if result.p_value is not None and excluded(result) is not None:
        assert excluded(result) == (result.p_value < 0.05)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(_NUMBERS, _NUMBERS), min_size=1, max_size=30),
    st.sampled_from([0.01, 0.05, 0.3]),
)
def test_permutation_test_and_its_interval_agree(
    pairs: list[tuple[float, float]], significance: float
) -> None:
    old, new = zip(*pairs, strict=True)
    result = permutation_test(old, new, significance, n_iterations=199)
    assert 0.0 < result.p_value <= 1.0
    if result.ci_lower is not None and result.ci_upper is not None:
        assert math.isfinite(result.ci_lower) and math.isfinite(result.ci_upper)
        assert result.significant == (result.ci_lower > 0.0 or result.ci_upper < 0.0)
