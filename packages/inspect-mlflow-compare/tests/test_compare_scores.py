from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from inspect_ai.scorer import value_to_float

from inspect_mlflow_compare import compare_evals
from inspect_mlflow_compare.logs import grade, number

Make = Callable[..., Any]

TEXTS = ["C", "P", "I", "N", "yes", "Yes", "TRUE", "no", "False", "0.5", "3", " 7 ", "-1e3"]
NO_NUMBERS = ["c", "i", "", "A", "correct", "nan", "inf", "-Infinity", "²", "1e400", "12 points"]


@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_numbers_where_inspect_says_so(text: str) -> None:
    assert number(text) == value_to_float()(text)


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_other_texts_are_no_numbers(text: str) -> None:
    assert number(text) is None


def test_grades_and_words_lie_between_zero_and_one() -> None:
    assert [grade(text) for text in ("C", "P", "I", "N", "yes", "NO")] == [1, 0.5, 0, 0, 1, 0]
    assert grade("1") is None


def test_numbers_texts_and_booleans_mix(make_log: Make) -> None:
    result = compare_evals(make_log({1: True, 2: "1", 3: "I"}), make_log({1: 1.0, 2: 0, 3: "C"}))
    assert [item.delta for item in result.items] == [0.0, -1.0, 1.0]
    assert result.metrics[0].kind == "binary"


def test_a_dict_score_is_a_series_for_each_key(make_log: Make) -> None:
    before = make_log({1: {"a": 1, "b": "C"}, 2: {"a": 3, "b": "I"}}, scorer="judge")
    after = make_log({1: {"a": 2, "b": "C"}, 2: {"a": 3, "b": "C"}}, scorer="judge")
    result = compare_evals(before, after)
    assert [(metric.scorer, metric.delta) for metric in result.metrics] == [
        ("judge.a", 0.5),
        ("judge.b", 0.5),
    ]
    assert {sample.scorer for sample in result.samples} == {"judge.a", "judge.b"}


def test_a_list_score_is_a_series_for_each_position(make_log: Make) -> None:
    result = compare_evals(make_log({1: [1, 2], 2: [0, 4]}), make_log({1: [1, 3], 2: [0, 5]}))
    assert [(metric.scorer, metric.delta) for metric in result.metrics] == [
        ("match[0]", 0.0),
        ("match[1]", 1.0),
    ]


def test_lists_of_different_lengths_are_not_compared(make_log: Make) -> None:
    result = compare_evals(make_log({1: [1, 2], 2: [0]}), make_log({1: [1, 3], 2: [0, 5]}))
    assert result.metrics == []
    assert any("lists have different lengths" in warning for warning in result.warnings)
    assert result.gate is not None and result.gate.outcome == "inconclusive"


def test_names_that_collide_are_told_apart(make_sample: Make, make_log: Make) -> None:
    scores = {"a": {"b": 1}, "a.b": 0}
    log = make_log([make_sample(1, scores=scores), make_sample(2, scores=scores)])
    metrics = compare_evals(log, log).metrics
    assert {metric.scorer: metric.baseline_value for metric in metrics} == {"a['b']": 1, "a.b": 0}


@pytest.mark.parametrize("missing", [math.nan, math.inf, -math.inf, 10**400])
def test_what_is_no_finite_number_is_unscored(make_log: Make, missing: float) -> None:
    result = compare_evals(
        make_log({1: 1.0, 2: 0.0, 3: 1.0}), make_log({1: missing, 2: 0.5, 3: 1.0})
    )
    metric = result.metrics[0]
    assert (metric.ids, metric.baseline_value, metric.candidate_value) == (2, 0.5, 0.75)
    assert [sample.bucket for sample in result.samples] == ["unscored", "improved", "unchanged"]
    assert result.samples[0].candidate_score is None
    infinite = not math.isnan(missing) if isinstance(missing, float) else True
    assert any("infinite" in note for note in metric.notes) is infinite


def test_none_in_a_dict_is_unscored_and_not_zero(make_log: Make) -> None:
    before = make_log({1: {"a": 1, "b": 1}, 2: {"a": 1, "b": 1}})
    after = make_log({1: {"a": 1, "b": None}, 2: {"a": 1, "b": 1}})
    metrics = {metric.scorer: metric for metric in compare_evals(before, after).metrics}
    assert (metrics["match.a"].ids, metrics["match.b"].ids) == (2, 1)
    assert metrics["match.b"].delta == 0.0


def test_nan_in_place_of_a_dict_leaves_all_its_keys_unscored(make_log: Make) -> None:
    before = make_log({1: {"a": 1, "b": 1}, 2: {"a": 1, "b": 1}, 3: {"a": 0, "b": 1}})
    after = make_log({1: {"a": 1, "b": 0}, 2: math.nan, 3: {"a": 1, "b": 1}})
    result = compare_evals(before, after)
    assert [(metric.scorer, metric.ids) for metric in result.metrics] == [
        ("match.a", 2),
        ("match.b", 2),
    ]


def test_labels_agree_or_not(make_log: Make) -> None:
    before = make_log({1: "A", 2: "B", 3: "B", 4: "C"})
    after = make_log({1: "A", 2: "B", 3: "A", 4: "C"})
    result = compare_evals(before, after)
    metric = result.metrics[0]
    assert metric.kind == "label"
    assert metric.name == "agreement"
    assert metric.labels is not None
    assert metric.labels.labels == ("A", "B", "C")
    assert metric.labels.matrix == ((1, 0, 0), (1, 1, 0), (0, 0, 1))
    assert metric.labels.agreement == 0.75
    assert math.isnan(metric.delta) and math.isnan(metric.baseline_value)
    assert (metric.p_value, metric.significant, metric.verdict) == (None, False, "not_testable")
    assert result.items == []
    sample = result.samples[2]
    assert (sample.baseline_label, sample.candidate_label, sample.delta) == ("B", "A", None)
    assert (sample.bucket, sample.direction) == ("relabelled", "unchanged")
    assert result.aligned_count == 4
    assert result.win_rate is None
    assert result.regressions == result.improvements == []


def test_many_different_texts_have_no_table(make_log: Make) -> None:
    log = make_log({number: f"answer {number}" for number in range(60)})
    metric = compare_evals(log, log).metrics[0]
    assert metric.kind == "label"
    assert metric.labels is None
    assert any("60 different texts" in note for note in metric.notes)


def test_a_text_among_numbers_is_unscored(make_log: Make) -> None:
    result = compare_evals(make_log({1: 4, 2: 3, 3: 5}), make_log({1: "N/A", 2: 4, 3: 5}))
    metric = result.metrics[0]
    assert metric.kind != "label"
    assert (metric.ids, metric.delta) == (2, 0.5)
    assert any("'N/A'" in note for note in metric.notes)


def test_grades_of_one_log_meet_numbers_of_the_other(make_log: Make) -> None:
    result = compare_evals(make_log({1: "C", 2: "I"}), make_log({1: 1, 2: 1}))
    assert result.metrics[0].delta == 0.5


def test_a_scorer_that_scored_nothing_is_not_testable(make_log: Make) -> None:
    log = make_log({1: math.nan, 2: math.nan})
    result = compare_evals(log, log)
    assert result.metrics[0].verdict == "not_testable"
    assert [sample.bucket for sample in result.samples] == ["unscored", "unscored"]


def test_scorers_are_chosen_by_name_or_by_key(make_sample: Make, make_log: Make) -> None:
    scores = {"match": "C", "judge": {"a": 1, "b": 2}}
    log = make_log([make_sample(number, scores=scores) for number in range(3)])

    def chosen(*names: str) -> list[str]:
        return [metric.scorer for metric in compare_evals(log, log, list(names)).metrics]

    assert chosen("match") == ["match"]
    assert chosen("judge") == ["judge.a", "judge.b"]
    assert chosen("judge.b", "match") == ["match", "judge.b"]
    with pytest.raises(ValueError, match="'nobody'.*'judge'"):
        chosen("nobody")
    with pytest.raises(ValueError, match="scorers is empty"):
        chosen()
