"""Scores, success and targets from assessments."""

from __future__ import annotations

from typing import Any

import pytest
from inspect_ai.event import ScoreEvent
from inspect_scout import Transcript

from inspect_mlflow_scout.foreign import foreign_transcript
from inspect_mlflow_scout.reading import SourceAssessment, SourceSpan, SourceTrace

START_MS = 1_700_000_000_000


def feedback(name: str, value: Any, **others: Any) -> SourceAssessment:
    return SourceAssessment(
        **{
            "assessment_id": f"a-{name}-{value}",
            "name": name,
            "kind": "feedback",
            "value": value,
            "source_type": "LLM_JUDGE",
            "source_id": "judge",
            **others,
        }
    )


def expectation(name: str, value: Any) -> SourceAssessment:
    return feedback(name, value, kind="expectation", source_type="HUMAN")


def judged(*assessments: SourceAssessment) -> Transcript:
    spans = [
        SourceSpan("root", None, "root", "CHAIN", START_MS * 10**6, (START_MS + 9) * 10**6),
        SourceSpan("low", "root", "low", "CHAIN", START_MS * 10**6, (START_MS + 5) * 10**6),
    ]
    trace = SourceTrace(
        "tr-1",
        "7",
        "shop",
        "OK",
        request_time_ms=START_MS,
        assessments=assessments,
        spans=tuple(spans),
    )
    return foreign_transcript(trace)


def events(found: Transcript) -> list[ScoreEvent]:
    return [event for event in found.events if isinstance(event, ScoreEvent)]


@pytest.mark.parametrize("value", [0.25, 3, True, "yes", {"f1": 0.5, "notes": "ok"}, [1, 2]])
def test_one_feedback_is_the_score(value: Any) -> None:
    found = judged(feedback("quality", value, rationale="Because."))
    assert found.score == value
    assert type(found.score) is type(value)
    assert found.score_explanation == "Because."
    (event,) = events(found)
    assert (event.score.value, event.score.explanation) == (value, "Because.")
    assert event.scorer == "quality"


def test_several_feedbacks_are_scores_by_name() -> None:
    found = judged(
        feedback("correct", "yes", rationale="Right."), feedback("length", 12), feedback("ok", True)
    )
    assert found.score == {"correct": "yes", "length": 12, "ok": True}
    assert found.score_explanation == "correct: Right."
    assert len(events(found)) == 3


def test_of_feedbacks_with_one_name_the_latest_is_the_score_and_all_are_events() -> None:
    found = judged(feedback("correct", "no"), feedback("correct", "yes"))
    assert found.score == "yes"
    assert [event.score.value for event in events(found)] == ["no", "yes"]


@pytest.mark.parametrize(
    ("value", "success"),
    [
        (True, True),
        (False, False),
        (0.2, True),
        (0, False),
        ("yes", True),
        ("No", False),
        ("pass", True),
        ("FAILED", False),
        ("C", True),
        ("I", False),
        ("0.0", False),
        ("well written", None),
        ({"f1": 1.0}, None),
    ],
)
def test_success(value: Any, success: bool | None) -> None:
    assert judged(feedback("quality", value)).success is success


@pytest.mark.parametrize(
    ("values", "success"),
    [
        (("yes", True, "no opinion"), True),
        (("no", 0), False),
        (("yes", False), None),
        ((), None),
    ],
)
def test_success_of_several_is_what_they_agree_on(
    values: tuple[Any, ...], success: bool | None
) -> None:
    found = judged(*(feedback(f"f{number}", value) for number, value in enumerate(values)))
    assert found.success is success


def test_feedback_with_an_error_is_unscored_and_told() -> None:
    failed = feedback("quality", None, error_code="TIMEOUT", error_message="too slow")
    found = judged(failed)
    assert (found.score, found.success, events(found)) == (None, None, [])
    (told,) = found.metadata["assessments"]
    assert (told["error_code"], told["error_message"]) == ("TIMEOUT", "too slow")


def test_overridden_feedback_is_left_out() -> None:
    found = judged(feedback("quality", "no", valid=False), feedback("quality", "yes"))
    assert (found.score, len(events(found))) == ("yes", 1)
    assert len(found.metadata["assessments"]) == 1


def test_findings_of_scans_are_no_scores() -> None:
    found = judged(feedback("scout/refusal", True), expectation("scout/refusal", False))
    assert (found.score, events(found)) == (None, [])
    assert not {"assessments", "target", "expectations"} & found.metadata.keys()


def test_feedback_on_the_root_is_about_the_trace() -> None:
    assert judged(feedback("quality", 1, span_id="root")).score == 1


def test_feedback_on_another_span_is_an_event_of_that_span() -> None:
    found = judged(feedback("relevance", 0.5, span_id="low"))
    assert found.score is None
    (event,) = events(found)
    assert event.span_id == "low"


def test_feedback_on_a_duplicate_is_on_the_span_that_stands_for_it() -> None:
    spans = [
        SourceSpan(
            span_id,
            parent_id,
            span_id,
            "CHAT_MODEL",
            START_MS * 10**6,
            START_MS * 10**6,
            inputs={"messages": [{"role": "user", "content": "Hi"}]},
            outputs={"choices": [{"message": {"role": "assistant", "content": "Hello"}}]},
        )
        for span_id, parent_id in (("outer", None), ("inner", "outer"))
    ]
    trace = SourceTrace(
        "tr-1",
        "7",
        "shop",
        "OK",
        assessments=(feedback("quality", 1, span_id="outer"),),
        spans=tuple(spans),
    )
    (event,) = events(foreign_transcript(trace))
    assert event.span_id == "inner"


def test_a_score_event_has_the_time_and_the_source_of_its_feedback() -> None:
    found = judged(feedback("quality", 1, create_time_ms=START_MS + 60_000, metadata={"k": "v"}))
    (event,) = events(found)
    assert event is found.events[-1]
    assert event.working_start == 60
    assert event.score.metadata == {
        "k": "v",
        "mlflow_assessment_id": "a-quality-1",
        "mlflow_source_type": "LLM_JUDGE",
        "mlflow_source_id": "judge",
    }


def test_feedback_without_a_time_has_that_of_the_end_of_the_trace() -> None:
    (event,) = events(judged(feedback("quality", 1)))
    assert event.working_start == pytest.approx(0.009)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"a": {"b": 1}, "c": None}, {"a": '{"b": 1}', "c": None}),
        ([None, [1]], ["null", "[1]"]),
        (float("nan"), "nan"),
    ],
)
def test_values_that_inspect_has_no_score_for_are_texts(value: Any, kept: Any) -> None:
    (event,) = events(judged(feedback("quality", value)))
    assert event.score.value == kept


@pytest.mark.parametrize(
    ("expectations", "target"),
    [
        ({"expected_response": "42", "other": "x"}, "42"),
        ({"expected_facts": ["one", "two"]}, ["one", "two"]),
        ({"answer": {"value": 42}}, '{"value": 42}'),
        ({"answer": 42}, "42"),
        ({"first": "a", "second": "b"}, None),
        ({}, None),
    ],
)
def test_target(expectations: dict[str, Any], target: Any) -> None:
    expected = [expectation(name, value) for name, value in expectations.items()]
    found = judged(feedback("quality", 1), *expected)
    (event,) = events(found)
    assert event.target == target
    assert found.metadata.get("target") == target
    assert found.metadata.get("expectations", {}) == expectations
    assert found.score == 1


def test_credentials_in_the_metadata_of_feedback_are_masked() -> None:
    found = judged(feedback("quality", 1, metadata={"api_key": "abc"}))
    (event,) = events(found)
    assert event.score.metadata is not None
    assert event.score.metadata["api_key"] == "***"
    assert found.metadata["assessments"][0]["metadata"] == {"api_key": "***"}
