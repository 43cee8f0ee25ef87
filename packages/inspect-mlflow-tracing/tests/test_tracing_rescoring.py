from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from inspect_mlflow_core.connection import SpanRecord
from inspect_mlflow_tracing.mapping import TracedTask, sample_trace

BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)
TASK = TracedTask("1", None, "eval", "arithmetic", "mockllm/model")


def at(seconds: float) -> str:
    return (BEGAN + timedelta(seconds=seconds)).isoformat()


def scorer(name: str, seconds: float) -> list[dict[str, Any]]:
    return [
        {
            "event": "span_begin",
            "id": name,
            "span_id": name,
            "parent_id": None,
            "type": "scorer",
            "name": name,
            "timestamp": at(seconds),
        },
        {
            "event": "score",
            "uuid": f"score-{name}",
            "span_id": name,
            "scorer": name,
            "score": {"value": "C"},
            "timestamp": at(seconds + 1),
        },
        {"event": "span_end", "id": name, "span_id": name, "timestamp": at(seconds + 2)},
    ]


def sample(*events: dict[str, Any], scores: tuple[str, ...]) -> dict[str, Any]:
    return {
        "id": 1,
        "epoch": 1,
        "uuid": "uuid",
        "input": "2 + 2",
        "target": "4",
        "messages": [],
        "started_at": at(0),
        "completed_at": at(10),
        "total_time": 10.0,
        "scores": {name: {"value": "C"} for name in scores},
        "events": list(events),
        "attachments": {},
        "model_usage": {},
    }


def spans_by_name(raw: dict[str, Any]) -> dict[str, SpanRecord]:
    trace = sample_trace(raw, TASK)
    return {span.name: span for span in trace.spans if span.span_type == "EVALUATOR"}


def test_scoring_that_takes_long_is_drawn_as_it_was() -> None:
    raw = sample(*scorer("first", 10), *scorer("second", 70), scores=("first", "second"))
    trace = sample_trace(raw, TASK)
    assert trace.execution_duration_ms == 72_000
    assert not any("inspect.recorded_at" in span.attributes for span in trace.spans)


def test_a_sample_does_not_last_until_it_is_scored_again() -> None:
    raw = sample(*scorer("first", 10), *scorer("later", 3_000_000), scores=("first", "later"))
    trace = sample_trace(raw, TASK)
    assert trace.execution_duration_ms == 12_000
    later = [span for span in trace.spans if "inspect.recorded_at" in span.attributes]
    (span,) = later
    assert span.attributes["inspect.recorded_at"] == at(3_000_000)
    assert span.attributes["mlflow.spanOutputs"] == {"value": "C"}
    assert span.start_time_ns == span.end_time_ns == trace.spans[0].end_time_ns


def test_its_scores_say_when_they_were_given() -> None:
    raw = sample(*scorer("first", 10), *scorer("later", 3_000_000), scores=("first", "later"))
    trace = sample_trace(raw, TASK)
    updated = {record.last_update_time_ms for record in trace.assessments if record.value is True}
    assert updated == {int((BEGAN + timedelta(seconds=3_000_002)).timestamp() * 1000)}


def test_without_the_later_scoring_spans_are_the_same() -> None:
    before = sample(*scorer("first", 10), scores=("first",))
    after = sample(*scorer("first", 10), *scorer("later", 3_000_000), scores=("first",))
    assert spans_by_name(before)["first"] == spans_by_name(after)["first"]
