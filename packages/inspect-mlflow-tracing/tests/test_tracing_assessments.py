"""Scores and targets of a sample as assessments."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inspect_ai.scorer import CORRECT, INCORRECT, NOANSWER, PARTIAL

from inspect_mlflow_core.connection import AssessmentRecord
from inspect_mlflow_core.conversion import ASSESSMENT_NAME_CHARACTERS, score_to_numeric
from inspect_mlflow_tracing.mapping import (
    MOST_ASSESSMENTS,
    TracedTask,
    assessment_id,
    sample_assessments,
)

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

TRACE_ID = "0123456789abcdef" * 2
COMPLETED_MS = 1_790_000_000_000
KEY = "sk-proj-4fKq81ZpLmW0xTn7Rb2c"
TASK = TracedTask(
    experiment_id="1",
    run_id="run1",
    eval_id="eval1",
    task="arithmetic",
    model="mockllm/model",
    dataset="sums",
)


def assessments(sample: dict[str, Any], **options: Any) -> dict[str, AssessmentRecord]:
    task = options.pop("task", TASK)
    given_options = {"completed_ms": COMPLETED_MS, "scored_ms": 0, "evaluator_spans": {}}
    result = sample_assessments(sample, task, TRACE_ID, **{**given_options, **options})
    assert result.left_out == 0
    by_name = {record.name: record for record in result.records}
    assert len(by_name) == len(result.records)
    return by_name


def scored(value: Any, **fields: Any) -> dict[str, AssessmentRecord]:
    """The assessments of one score, of a scorer called `s`."""
    return assessments({"scores": {"s": {"value": value, **fields}}})


@pytest.mark.parametrize(
    ("value", "expected", "original"),
    [
        (CORRECT, True, "C"),
        (INCORRECT, False, "I"),
        (NOANSWER, False, "N"),
        (PARTIAL, 0.5, "P"),
        ("correct", True, "correct"),
        ("Yes", True, "Yes"),
        ("no", False, "no"),
        (True, True, None),
        (False, False, None),
        (1, 1, None),
        (0, 0, None),
        (0.25, 0.25, None),
        ("0.25", 0.25, "0.25"),
        ("1", 1.0, "1"),
        ("c", "c", None),
        ("refusal", "refusal", None),
        ("nan", "nan", None),
        (10**20, 1e20, None),
    ],
)
def test_values(value: Any, expected: Any, original: str | None) -> None:
    record = scored(value)["s"]

    assert (record.value, type(record.value)) == (expected, type(expected))
    assert record.metadata.get("inspect.value") == original
    assert record.error_code is None
    number = score_to_numeric(value)
    if number is not None:
        assert float(record.value) == number, "metrics have the same number"


@pytest.mark.parametrize("value", [math.nan, None, math.inf, 10**400, [], {}])
def test_unscored_is_an_error_and_no_value(value: Any) -> None:
    record = scored(value)["s"]

    assert (record.value, record.error_code) == (None, "unscored")
    assert record.error_message


def test_the_reason_for_an_unscored_score_is_told() -> None:
    record = scored(math.nan, reason="grader_failed")["s"]

    assert record.error_message == "grader_failed"
    assert record.metadata["inspect.reason"] == "grader_failed"


def test_dicts_and_lists_give_one_assessment_per_value() -> None:
    records = scored({"quality": 0.5, "ok": "C", "nested": {"x": [1, None]}})

    assert {name: record.value for name, record in records.items()} == {
        "s/quality": 0.5,
        "s/ok": True,
        "s/nested/x/0": 1,
        "s/nested/x/1": None,
    }
    assert records["s/nested/x/1"].error_code == "unscored"


def test_values_without_a_score_around_them() -> None:
    records = assessments({"scores": {"bare": 1, "dict": {"a": 2}, "text": "C", "nothing": None}})

    assert {name: record.value for name, record in records.items()} == {
        "bare": 1,
        "dict/a": 2,
        "text": True,
        "nothing": None,
    }


def test_what_is_known_of_a_score_is_kept() -> None:
    record = scored(
        "C",
        answer="42",
        explanation="because",
        metadata={"api_key": KEY, "mlflow.assessment.sourceRunId": "other", "deep": {"a": [1]}},
    )["s"]

    assert record.rationale == "because"
    assert record.metadata == {
        "mlflow.assessment.sourceRunId": "run1",
        "inspect.scorer": "s",
        "inspect.value": "C",
        "inspect.answer": "42",
        "inspect.metadata.api_key": "***",
        "inspect.metadata.mlflow.assessment.sourceRunId": "other",
        "inspect.metadata.deep.a": "[1]",
    }
    assert (record.source_type, record.source_id) == ("CODE", "s")
    assert (record.kind, record.span_id) == ("feedback", None)
    assert record.assessment_id == assessment_id(TRACE_ID, "feedback", "s")
    assert record.create_time_ms == record.last_update_time_ms == COMPLETED_MS


def test_without_a_run_none_is_named() -> None:
    task = TracedTask("1", None, "eval1", "arithmetic", "mockllm/model")

    records = assessments({"scores": {"s": 1}, "target": "2"}, task=task)

    assert all("mlflow.assessment.sourceRunId" not in r.metadata for r in records.values())


def test_large_scores_stay_bounded() -> None:
    text = "x" * 100_000
    score = {
        "value": {str(number): number for number in range(10)},
        "explanation": text,
        "answer": text,
        "metadata": {str(number): text for number in range(50)},
    }
    records = assessments({"scores": {"s": score, "label": {"value": text}}})

    sizes = [
        len(record.rationale or "") + sum(map(len, record.metadata.values()))
        for record in records.values()
    ]
    assert sum(sizes) < 80_000
    assert "[cut " in (records["s/3"].rationale or "")
    assert "[cut " in records["s/3"].metadata["inspect.answer"]
    assert records["s/3"].metadata["inspect.left_out_metadata"] == "30"
    assert str(records["label"].value).endswith("characters]")


def test_the_number_of_assessments_is_bounded() -> None:
    sample = {"scores": {"s": {"value": [1] * (MOST_ASSESSMENTS + 5)}}, "target": "x"}

    result = sample_assessments(
        sample, TASK, TRACE_ID, completed_ms=0, scored_ms=0, evaluator_spans={}
    )

    assert len(result.records) == MOST_ASSESSMENTS + 1
    assert result.left_out == 5


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ("4", "4"),
        (["4", "four"], ["4", "four"]),
        ("attachment://abc", "a long text"),
        ("", None),
        ([], None),
        (None, None),
    ],
)
def test_the_target_is_an_expectation(target: Any, value: Any) -> None:
    records = assessments({"target": target, "attachments": {"abc": "a long text"}})

    if value is None:
        assert records == {}
        return
    record = records["expected_response"]
    assert (record.kind, record.value) == ("expectation", value)
    assert record.assessment_id == assessment_id(TRACE_ID, "expectation", "expected_response")
    assert record.source_id == "sums"
    assert record.metadata == {"mlflow.assessment.sourceRunId": "run1"}


def test_huge_targets_are_cut() -> None:
    [text] = assessments({"target": "x" * 100_000}).values()
    [texts] = assessments({"target": ["x" * 100_000, "y"]}).values()

    assert len(text.value) == len(texts.value) == 16_000


def test_a_scorer_may_have_the_name_of_the_expectation() -> None:
    result = sample_assessments(
        {"scores": {"expected_response": 1}, "target": "2"},
        TASK,
        TRACE_ID,
        completed_ms=0,
        scored_ms=0,
        evaluator_spans={},
    )

    assert len({record.assessment_id for record in result.records}) == 2


def test_only_final_scores_count() -> None:
    event = {"event": "score", "intermediate": True, "scorer": "s", "score": {"value": 0}}

    records = assessments({"events": [event], "scores": {"s": {"value": 1}}})

    assert [record.value for record in records.values()] == [1]
    assert assessments({"events": [event], "scores": None}) == {}


def begin(identifier: str, name: str, kind: str, parent: str | None) -> dict[str, Any]:
    return {
        "event": "span_begin",
        "id": identifier,
        "span_id": identifier,
        "parent_id": parent,
        "type": kind,
        "name": name,
    }


def call(span_id: str | None, model: str) -> dict[str, Any]:
    return {"event": "model", "span_id": span_id, "model": model}


def test_a_scorer_that_asks_a_model_is_a_judge() -> None:
    events = [
        begin("1", "solvers", "solvers", None),
        call("1", "mockllm/model"),
        begin("2", "scorers", "scorers", None),
        begin("3", "judge", "scorer", "2"),
        begin("4", "match", "scorer", "2"),
        begin("5", "part", "custom", "3"),
        call("5", "mockllm/grader"),
        call("3", "mockllm/other"),
        call("3", "mockllm/grader"),
    ]
    sample = {"events": events, "scores": {"judge": {"value": "C"}, "match": {"value": "C"}}}

    records = assessments(sample, evaluator_spans={"3": "aaaa", "4": "bbbb"})

    judge, match = records["judge"], records["match"]
    assert (judge.source_type, judge.source_id) == ("LLM_JUDGE", "mockllm/grader, mockllm/other")
    assert (match.source_type, match.source_id) == ("CODE", "match")
    assert judge.metadata["inspect.scorer"] == "judge"
    assert judge.metadata["inspect.span_id"] == "aaaa"
    assert match.metadata["inspect.span_id"] == "bbbb"


def test_the_last_run_of_a_scorer_decides() -> None:
    events = [
        begin("1", "judge", "scorer", None),
        call("1", "mockllm/grader"),
        begin("2", "judge", "scorer", None),
    ]

    records = assessments({"events": events, "scores": {"judge": {"value": 1}}})

    assert records["judge"].source_type == "CODE"


def test_steps_of_old_logs_tell_of_judges_too() -> None:
    def step(name: str, action: str) -> dict[str, Any]:
        return {"event": "step", "action": action, "type": "scorer", "name": name}

    events = [
        call(None, "mockllm/model"),
        step("judge", "begin"),
        call(None, "mockllm/grader"),
        step("judge", "end"),
        step("match", "begin"),
        step("match", "end"),
    ]

    records = assessments({"events": events, "scores": {"judge": 1, "match": 1}})

    assert (records["judge"].source_type, records["judge"].source_id) == (
        "LLM_JUDGE",
        "mockllm/grader",
    )
    assert records["match"].source_type == "CODE"


def test_without_events_the_header_tells_of_judges() -> None:
    task = TracedTask("1", None, "eval1", "t", "m", judges={"model_graded_qa": "mockllm/grader"})
    sample = {"events": [], "scores": {"model_graded_qa": 1, "match": 1}}

    records = assessments(sample, task=task)

    assert records["model_graded_qa"].source_id == "mockllm/grader"
    assert records["match"].source_type == "CODE"


def edited_score() -> dict[str, Any]:
    return {
        "value": "I",
        "explanation": "checked",
        "history": [
            {"value": "C", "answer": "5", "explanation": "5 = 5"},
            {
                "value": "I",
                "provenance": {
                    "timestamp": "2027-01-01T00:00:00+00:00",
                    "author": "ann",
                    "reason": f"wrong key {KEY}",
                },
            },
        ],
    }


def test_edited_scores_keep_their_assessment_and_are_marked() -> None:
    record = assessments({"scores": {"s": edited_score()}})["s"]

    assert record.assessment_id == scored("C")["s"].assessment_id
    assert record.value is False
    assert {name: text for name, text in record.metadata.items() if "edit" in name} == {
        "inspect.edited": "true",
        "inspect.edits": "1",
        "inspect.edit_time": "2027-01-01T00:00:00+00:00",
        "inspect.edit_author": "ann",
        "inspect.edit_reason": "wrong key ***",
    }
    assert record.metadata["inspect.original_value"] == "C"
    assert record.create_time_ms == COMPLETED_MS
    assert record.last_update_time_ms == 1_798_761_600_000


def test_scoring_again_later_shows_in_the_time_of_the_assessment() -> None:
    record = assessments({"scores": {"s": 1}}, scored_ms=COMPLETED_MS + 5)["s"]

    assert record.create_time_ms == COMPLETED_MS
    assert record.last_update_time_ms == COMPLETED_MS + 5


def test_invalidated_samples_are_marked() -> None:
    sample = {"scores": {"s": {"value": 1}}, "invalidation": {"author": "ann", "reason": "leak"}}

    assert assessments(sample)["s"].metadata["inspect.invalidated"] == "true"


def test_without_content_only_numbers_remain() -> None:
    secret = "a word of the sample"
    sample = {
        "target": secret,
        "scores": {
            "grade": {"value": "C", "answer": secret, "explanation": secret, "reason": secret},
            "label": {"value": secret},
            "unscored": {"value": math.nan, "reason": secret, "metadata": {"a": secret}},
            "refused": {"value": math.nan, "reason": "refusal"},
            "edited": edited_score(),
        },
    }

    records = assessments(sample, content="none")

    text = repr(records)
    assert secret not in text
    assert "ann" not in text
    assert {name: (r.value, r.error_code) for name, r in records.items()} == {
        "grade": (True, None),
        "label": (None, "left_out"),
        "unscored": (None, "unscored"),
        "refused": (None, "unscored"),
        "edited": (False, None),
    }
    assert records["refused"].error_message == "refusal"
    assert records["grade"].metadata["inspect.value"] == "C"
    assert records["edited"].metadata["inspect.edited"] == "true"


@unhurried
@given(st.data())
def test_names_never_collide_and_fit(data: st.DataObject) -> None:
    names = st.text(st.characters(codec=None), max_size=3) | st.sampled_from(["a/b", "a", "b/c"])
    values = st.recursive(st.just(1), lambda inner: st.dictionaries(names, inner), max_leaves=5)
    scores = data.draw(st.dictionaries(names, st.builds(lambda v: {"value": v}, values)))

    result = sample_assessments(
        {"scores": scores}, TASK, TRACE_ID, completed_ms=0, scored_ms=0, evaluator_spans={}
    )

    identifiers = [record.assessment_id for record in result.records]
    assert len(set(identifiers)) == len(identifiers)
    assert all(0 < len(r.name) <= ASSESSMENT_NAME_CHARACTERS for r in result.records)
    assert all(len(identifier) <= 50 for identifier in identifiers)


ODD_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@unhurried
@given(
    score=ODD_VALUES
    | st.dictionaries(
        st.sampled_from(["value", "answer", "explanation", "reason", "metadata", "history"]),
        ODD_VALUES,
    ),
    events=ODD_VALUES,
    target=ODD_VALUES,
    content=st.sampled_from(["full", "none"]),
)
def test_odd_scores_never_fail(score: Any, events: Any, target: Any, content: Any) -> None:
    sample = {"scores": {"s": score}, "events": events, "target": target}

    result = sample_assessments(
        sample,
        TASK,
        TRACE_ID,
        completed_ms=0,
        scored_ms=0,
        evaluator_spans={},
        content=content,
    )

    for record in result.records:
        assert (record.value is None) == (record.error_code is not None)
        if record.kind == "feedback":
            json.dumps(record.value, allow_nan=False)
        assert all(isinstance(text, str) for text in record.metadata.values())
        assert record.rationale is None or isinstance(record.rationale, str)
