from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from scipy import stats

from inspect_mlflow_compare import GateThresholds, compare_evals

Make = Callable[..., Any]
NORMAL = stats.norm.ppf(0.975)


def test_no_samples_at_all(make_log: Make) -> None:
    result = compare_evals(make_log([]), make_log([]))
    assert result.metrics == result.samples == result.items == result.resources == []
    assert (result.aligned_count, result.win_rate) == (0, None)
    assert result.gate is not None and result.gate.outcome == "inconclusive"
    assert not result.passed


def test_no_paired_samples(make_sample: Make, make_log: Make) -> None:
    before = make_log([make_sample(1, "C"), make_sample(2, None)])
    after = make_log([make_sample(1, None), make_sample(2, "C")])
    metric = compare_evals(before, after).metrics[0]
    assert (metric.ids, metric.significant) == (0, False)
    assert (metric.ci_lower, metric.ci_upper, metric.effect_size) == (None, None, None)
    assert math.isnan(metric.delta)
    assert any("no id was scored in both" in note for note in metric.notes)


def test_one_sample_proves_nothing(make_log: Make) -> None:
    metric = compare_evals(make_log({1: 0.5}), make_log({1: 0.6})).metrics[0]
    assert metric.delta == pytest.approx(0.1)
    assert (metric.p_value, metric.significant) == (1.0, False)
    assert (metric.ci_lower, metric.ci_upper, metric.effect_size) == (None, None, None)
    assert metric.verdict == "not_testable"


@pytest.mark.parametrize("ids", [2, 3, 5])
def test_fewer_than_six_ids_prove_nothing(make_log: Make, ids: int) -> None:
    before, after = ({id: value for id in range(ids)} for value in ("I", "C"))
    result = compare_evals(make_log(before), make_log(after))
    metric = result.metrics[0]
    assert (metric.delta, metric.significant) == (1.0, False)
    assert metric.verdict == "not_testable"
    assert result.gate is not None and result.gate.outcome == "inconclusive"


@pytest.mark.parametrize("ids", [20, 100])
def test_all_ties_in_binary_scores_leave_an_interval(make_log: Make, ids: int) -> None:
    log = make_log({id: "C" if id % 3 else "I" for id in range(ids)})
    metric = compare_evals(log, log).metrics[0]
    width = NORMAL**2 / (ids + NORMAL**2)
    assert (metric.p_value, metric.delta, metric.ties) == (1.0, 0.0, ids)
    assert (metric.ci_lower, metric.ci_upper) == (pytest.approx(-width), pytest.approx(width))


def test_all_ties_in_continuous_scores_leave_none(make_log: Make) -> None:
    log = make_log({id: id / 7 for id in range(30)})
    result = compare_evals(log, log)
    metric = result.metrics[0]
    assert (metric.p_value, metric.delta, metric.effect_size) == (1.0, 0.0, 0.0)
    assert (metric.ci_lower, metric.ci_upper) == (None, None)
    assert "identical scores" in metric.notes
    # Rather than to let an evaluation fail against itself.
    thresholds = GateThresholds(margin={"match": 0.01})
    assert compare_evals(log, log, thresholds=thresholds).passed


def test_float_noise_is_neither_spread_nor_flip(make_log: Make) -> None:
    """0.6 - 0.5 and 0.3 - 0.2 differ by rounding only."""
    values = [0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.1, 1.3]
    before = make_log(dict(enumerate(values)))
    after = make_log({id: value + 0.1 for id, value in enumerate(values)})
    metric = compare_evals(before, after).metrics[0]
    assert metric.effect_size is None
    assert (metric.ci_lower, metric.ci_upper) == (None, None)
    assert metric.p_value is not None and metric.p_value <= 2.0**-7
    noise = make_log({1: 0.1 + 0.2, 2: 0.3})
    result = compare_evals(noise, make_log({1: 0.3, 2: 0.1 + 0.2}))
    assert [sample.bucket for sample in result.samples] == ["unchanged", "unchanged"]
    assert [sample.delta for sample in result.samples] == [0.0, 0.0]
    assert result.metrics[0].ties == 2


def test_one_constant_shift_beyond_the_margin_fails(make_log: Make) -> None:
    before = make_log({id: 1.0 + id for id in range(12)})
    after = make_log({id: 0.5 + id for id in range(12)})
    gate = compare_evals(before, after, thresholds=GateThresholds(margin={"*": 0.1})).gate
    assert gate is not None and gate.outcome == "fail"
    gate = compare_evals(before, after, thresholds=GateThresholds(margin={"*": 0.6})).gate
    assert gate is not None and gate.outcome == "pass"


@pytest.mark.parametrize("missing", [math.nan, math.inf])
def test_nothing_that_is_missing_reaches_a_number(make_log: Make, missing: float) -> None:
    before = make_log({id: float(id) for id in range(30)})
    after = make_log({id: missing if id % 5 == 0 else id + 0.1 * (id % 3) for id in range(30)})
    result = compare_evals(before, after)
    metric = result.metrics[0]
    assert metric.ids == 24
    for name in ("delta", "p_value", "ci_lower", "ci_upper", "standard_error", "effect_size"):
        assert math.isfinite(getattr(metric, name))
    assert all(math.isfinite(item.delta) for item in result.items)


def test_zero_is_never_negative(make_log: Make) -> None:
    result = compare_evals(make_log({1: 0.0, 2: -0.0}), make_log({1: -0.0, 2: 0.0}))
    numbers = [sample.delta for sample in result.samples] + [
        result.metrics[0].delta,
        *(item.delta for item in result.items),
    ]
    assert [math.copysign(1, number) for number in numbers if number is not None] == [1.0] * 5


def test_a_relative_difference_needs_a_positive_baseline(make_log: Make) -> None:
    def relative(before: float, after: float) -> float | None:
        logs = (make_log({id: value for id in range(3)}) for value in (before, after))
        return compare_evals(*logs).metrics[0].relative_delta

    assert relative(2.0, 3.0) == 0.5
    assert relative(0.0, 3.0) is None
    assert relative(-2.0, 3.0) is None


def test_intervals_of_grades_stay_on_the_scale(make_log: Make) -> None:
    before = make_log({id: "I" for id in range(6)})
    after = make_log({id: "C" if id else "P" for id in range(6)})
    metric = compare_evals(before, after).metrics[0]
    assert metric.ci_upper is not None and metric.ci_upper <= 1.0


def test_few_clusters_are_not_testable(make_sample: Make, make_log: Make) -> None:
    def log(shift: int) -> Any:
        return make_log(
            [make_sample(id, id % 4 + shift, metadata={"k": id % 4}) for id in range(40)]
        )

    result = compare_evals(log(0), log(1), cluster="k")
    metric = result.metrics[0]
    assert (metric.clusters, metric.p_value, metric.verdict) == (4, None, "not_testable")
    assert result.gate is not None and result.gate.outcome == "inconclusive"


ARGUMENTS = {
    "significance of zero": {"significance": 0.0},
    "significance of one": {"significance": 1.0},
    "significance of NaN": {"significance": math.nan},
    "negative threshold": {"regression_threshold": -0.1},
    "infinite threshold": {"regression_threshold": math.inf},
    "unknown correction": {"correction": "bonferroni"},
    "unknown policy": {"missing": "zero"},
    "unknown direction": {"metric_directions": {"match": "up"}},
    "negative margin": {"thresholds": GateThresholds(margin={"match": -0.1})},
    "negative share": {"thresholds": GateThresholds(missing_share=-0.1)},
    "margin of nobody": {"thresholds": GateThresholds(margin={"nobody": 0.1})},
}


@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS.keys())
def test_arguments_out_of_range_are_refused(make_log: Make, arguments: dict[str, Any]) -> None:
    log = make_log({1: "C"})
    with pytest.raises(ValueError):
        compare_evals(log, log, **arguments)


@pytest.mark.parametrize("significance", [0.2, 0.6, 0.9])
def test_any_level_inside_the_range_works(make_log: Make, significance: float) -> None:
    logs = [make_log({id: "C" if id % (2 + k) else "I" for id in range(40)}) for k in range(2)]
    thresholds = GateThresholds(margin={"*": 0.5})
    result = compare_evals(*logs, significance=significance, thresholds=thresholds)
    metric = result.metrics[0]
    assert metric.ci_lower is not None and metric.ci_upper is not None
    assert metric.ci_lower <= metric.delta <= metric.ci_upper
