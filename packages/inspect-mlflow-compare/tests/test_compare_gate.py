from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from inspect_ai.log import EvalLog

from inspect_mlflow_compare import GateThresholds, compare_evals

Make = Callable[..., Any]


@pytest.fixture
def pair(make_log: Make) -> Callable[..., tuple[EvalLog, EvalLog]]:
    """Logs of `ids` samples of which the candidate loses some and gains others."""

    def make(ids: int, lost: int, gained: int) -> tuple[EvalLog, EvalLog]:
        before = {id: "C" if id < ids // 2 else "I" for id in range(ids)}
        after = {
            id: "I" if id < lost else "C" if ids - gained <= id else before[id] for id in range(ids)
        }
        return make_log(before), make_log(after)

    return make


def test_a_significant_regression_fails(pair: Callable[..., Any]) -> None:
    result = compare_evals(*pair(100, 15, 2))
    assert result.metrics[0].verdict == "regressed"
    assert not result.passed
    assert result.gate is not None and result.gate.outcome == "fail"
    assert result.reason.startswith("match: regressed by -0.13 (p 0.0")


def test_no_detectable_change_passes_and_says_what_was_detectable(
    pair: Callable[..., Any],
) -> None:
    result = compare_evals(*pair(100, 6, 4))
    assert result.passed
    assert "no detectable change: -0.02" in result.reason
    effect = result.metrics[0].minimum_detectable_effect
    assert f"detectable from {effect:.3g}" in result.reason


def test_an_improvement_passes(pair: Callable[..., Any]) -> None:
    result = compare_evals(*pair(100, 2, 20))
    assert result.passed and "improved by +0.18" in result.reason


@pytest.mark.parametrize(
    ("margin", "lost", "gained", "outcome"),
    [
        (0.5, 6, 4, "pass"),
        (0.02, 6, 4, "inconclusive"),
        (0.02, 20, 2, "fail"),
        (0.5, 20, 2, "pass"),
        (0.0, 2, 20, "pass"),
    ],
)
def test_a_margin_makes_three_outcomes(
    pair: Callable[..., Any], margin: float, lost: int, gained: int, outcome: str
) -> None:
    thresholds = GateThresholds(margin={"match": margin})
    result = compare_evals(*pair(100, lost, gained), thresholds=thresholds)
    assert result.gate is not None and result.gate.outcome == outcome
    found = result.metrics[0].non_inferiority
    assert found is not None and found.margin == margin and found.outcome == outcome
    assert found.bound is not None and found.p_value is not None
    assert (found.bound > -margin) == (found.p_value < 0.05) == (outcome == "pass")
    if result.metrics[0].verdict == "regressed" and outcome == "pass":
        assert any("less than the margin" in note for note in result.metrics[0].notes)


def test_a_margin_heeds_the_direction(pair: Callable[..., Any]) -> None:
    before, after = pair(100, 20, 2)
    lower: Any = {"match": "lower"}
    thresholds = GateThresholds(margin={"*": 0.02})
    result = compare_evals(before, after, thresholds=thresholds, metric_directions=lower)
    assert result.passed
    swapped = compare_evals(after, before, thresholds=thresholds, metric_directions=lower)
    assert swapped.gate is not None and swapped.gate.outcome == "fail"


def test_margins_by_name_and_for_all_others(make_sample: Make, make_log: Make) -> None:
    log = make_log([make_sample(id, scores={"a": "C", "b": {"x": 1, "y": 0}}) for id in range(9)])
    thresholds = GateThresholds(margin={"*": 0.1, "b": 0.2, "b.y": 0.3})
    result = compare_evals(log, log, thresholds=thresholds)
    margins = [metric.non_inferiority.margin for metric in result.metrics]
    assert margins == [0.1, 0.2, 0.3]


def test_a_scorer_that_cannot_be_tested_at_its_margin_is_inconclusive(
    make_sample: Make, make_log: Make
) -> None:
    before = make_log([make_sample(id, scores={"a": "C", "b": "C"}) for id in range(99)])
    after = make_log([make_sample(id, scores={"a": "C"}) for id in range(99)])
    without = compare_evals(before, after)
    assert without.passed
    wanted = compare_evals(before, after, thresholds=GateThresholds(margin={"*": 0.1}))
    assert wanted.gate is not None and wanted.gate.outcome == "inconclusive"
    assert wanted.reason == "b: margin 0.1: the data cannot tell"


def test_labels_have_no_margin(make_log: Make) -> None:
    log = make_log({id: f"answer {id % 3}" for id in range(30)})
    result = compare_evals(log, log, thresholds=GateThresholds(margin={"*": 0.1}))
    assert result.reason == "scorers: no score could be tested"


def test_one_failing_check_fails_the_gate(make_sample: Make, make_log: Make) -> None:
    def log(errors: int, cost: float, seconds: float) -> EvalLog:
        return make_log(
            [
                make_sample(
                    id,
                    None if id < errors else "C",
                    error="x" if id < errors else None,
                    tokens=10,
                    cost=cost,
                    total_time=seconds,
                )
                for id in range(50)
            ]
        )

    before, after = log(0, 0.01, 1.0), log(5, 0.03, 4.0)

    def outcomes(**thresholds: float) -> dict[str, str]:
        gate = compare_evals(before, after, thresholds=GateThresholds(**thresholds)).gate
        assert gate is not None
        assert all(check.reason for check in gate.checks)
        return {check.name: check.outcome for check in gate.checks} | {"": gate.outcome}

    assert outcomes() == {"match": "pass", "": "pass"}
    assert outcomes(error_rate=0.1)["error_rate"] == "pass"
    assert outcomes(error_rate=0.05) == {"match": "pass", "error_rate": "fail", "": "fail"}
    assert outcomes(missing_share=0.1)[""] == "pass"
    assert outcomes(missing_share=0.09)["missing_share"] == "fail"
    assert outcomes(cost_ratio=3.0)[""] == "pass"
    assert outcomes(cost_ratio=2.9)["cost_ratio"] == "fail"
    assert outcomes(p95_latency_ratio=4.0)[""] == "pass"
    assert outcomes(p95_latency_ratio=3.9)["p95_latency_ratio"] == "fail"
    assert outcomes(cost_ratio=1, error_rate=1, missing_share=1)[""] == "fail"


def test_what_the_logs_do_not_say_is_inconclusive(make_log: Make) -> None:
    log = make_log({id: "C" for id in range(20)})
    thresholds = GateThresholds(cost_ratio=1.5, p95_latency_ratio=2)
    gate = compare_evals(log, log, thresholds=thresholds).gate
    assert gate is not None and gate.outcome == "inconclusive"
    assert [check.outcome for check in gate.checks] == ["pass", "inconclusive", "inconclusive"]


def test_costs_of_nothing(make_sample: Make, make_log: Make) -> None:
    free = make_log([make_sample(id, tokens=1, cost=0.0) for id in range(9)])
    paid = make_log([make_sample(id, tokens=1, cost=1.0) for id in range(9)])

    def outcome(before: EvalLog, after: EvalLog) -> str:
        gate = compare_evals(before, after, thresholds=GateThresholds(cost_ratio=1)).gate
        assert gate is not None
        return gate.outcome

    assert outcome(free, free) == "pass"
    assert outcome(free, paid) == "inconclusive"
    assert outcome(paid, free) == "pass"


def test_the_missing_share_is_that_of_the_worst_scorer(make_sample: Make, make_log: Make) -> None:
    before = make_log([make_sample(id, scores={"a": 1, "b": 1}) for id in range(10)])
    after = make_log(
        [make_sample(id, scores={"a": 1, **({"b": 1} if id > 2 else {})}) for id in range(9)]
    )
    gate = compare_evals(before, after, thresholds=GateThresholds(missing_share=0.35)).gate
    assert gate is not None
    assert "40.0% ids without a score" in gate.checks[-1].reason
