"""The order and the nesting of events, from whole trees of spans and from damaged ones."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inspect_ai.event import (
    Event,
    SpanBeginEvent,
    SpanEndEvent,
    event_sequence,
    event_tree,
    timeline_build,
)
from inspect_scout import Transcript

from inspect_mlflow_scout.foreign import foreign_transcript
from inspect_mlflow_scout.reading import SourceSpan, SourceSpanEvent, SourceTrace

START_NS = 1_700_000_000_000_000_000
SECOND_NS = 10**9


def span(
    span_id: str,
    parent_id: str | None = None,
    *,
    start: float = 0,
    end: float | None = 10,
    span_type: str = "CHAIN",
    **others: Any,
) -> SourceSpan:
    return SourceSpan(
        span_id=span_id,
        parent_id=parent_id,
        name=others.pop("name", span_id),
        span_type=span_type,
        start_time_ns=START_NS + int(start * SECOND_NS),
        end_time_ns=None if end is None else START_NS + int(end * SECOND_NS),
        **others,
    )


def transcript(*spans: SourceSpan) -> Transcript:
    return foreign_transcript(
        SourceTrace(
            trace_id="tr-1",
            experiment_id="7",
            experiment_name="shop",
            state="OK",
            request_time_ms=START_NS // 1_000_000,
            spans=spans,
        )
    )


def steps(events: list[Event]) -> list[str]:
    """`+a` for the begin of a span, `-a` for its end."""
    return [
        f"{'+' if isinstance(event, SpanBeginEvent) else '-'}{event.id}"
        for event in events
        if isinstance(event, SpanBeginEvent | SpanEndEvent)
    ]


def test_spans_nest_by_parent_whatever_order_they_come_in() -> None:
    spans = [span("c", "b", start=2), span("a"), span("b", "a", start=1)]
    assert steps(transcript(*spans).events) == ["+a", "+b", "+c", "-c", "-b", "-a"]


def test_siblings_stand_in_the_order_of_their_start() -> None:
    spans = [span("a"), span("late", "a", start=5), span("early", "a", start=1)]
    assert steps(transcript(*spans).events) == ["+a", "+early", "-early", "+late", "-late", "-a"]


def test_siblings_with_one_start_keep_their_order() -> None:
    spans = [span("a"), *(span(name, "a", start=1, end=1) for name in "zyx")]
    begins = [step for step in steps(transcript(*spans).events) if step[0] == "+"]
    assert begins == ["+a", "+z", "+y", "+x"]


def test_several_roots_stand_in_the_order_of_their_start() -> None:
    found = transcript(span("second", start=3), span("first", start=1))
    assert steps(found.events) == ["+first", "-first", "+second", "-second"]
    assert found.task_id == "first"


def test_an_end_is_not_earlier_than_what_is_below() -> None:
    spans = [span("a", end=1), span("b", "a", start=0.5, end=4)]
    ends = {e.id: e for e in transcript(*spans).events if e.event == "span_end"}
    assert ends["a"].timestamp == ends["b"].timestamp


def test_a_span_that_ends_before_it_begins_ends_when_it_begins() -> None:
    begin, end = (e for e in transcript(span("a", start=3, end=1)).events if "span" in e.event)
    assert begin.timestamp == end.timestamp


def test_a_span_in_progress_has_no_end() -> None:
    assert steps(transcript(span("a", end=None), span("b", "a")).events) == ["+a", "+b", "-b"]


def test_a_span_whose_parent_is_missing_is_a_root_and_counted() -> None:
    found = transcript(span("a"), span("b", "gone", start=1))
    assert steps(found.events) == ["+a", "-a", "+b", "-b"]
    assert found.metadata["damaged_spans"] == {"missing_parents": 1}


def test_an_empty_parent_is_no_damage() -> None:
    assert "damaged_spans" not in transcript(span("a", "")).metadata


def test_the_earliest_of_a_circle_is_a_root_and_counted() -> None:
    found = transcript(span("a", "c", start=2), span("b", "a", start=1), span("c", "b", start=3))
    assert steps(found.events) == ["+b", "+c", "+a", "-a", "-c", "-b"]
    assert found.metadata["damaged_spans"] == {"circles": 1}


def test_a_span_that_is_its_own_parent_is_a_circle() -> None:
    found = transcript(span("a", "a"))
    assert steps(found.events) == ["+a", "-a"]
    assert found.metadata["damaged_spans"] == {"circles": 1}


@pytest.mark.parametrize("reverse", [False, True])
def test_of_spans_with_one_id_the_ended_one_stays(reverse: bool) -> None:
    spans = [span("a", end=None, name="begun"), span("a", name="ended")]
    found = transcript(*(reversed(spans) if reverse else spans))
    assert steps(found.events) == ["+a", "-a"]
    assert found.task_id == "ended"
    assert found.metadata["damaged_spans"] == {"repeated_span_ids": 1}


def test_thousands_of_levels_are_no_problem() -> None:
    spans = [span("0"), *(span(str(n), str(n - 1)) for n in range(1, 3000))]
    assert len(steps(transcript(*spans).events)) == 6000


def test_times_are_aware_and_count_from_the_start_of_the_trace() -> None:
    begin = transcript(span("a", start=2.5)).events[0]
    assert begin.timestamp.isoformat() == "2023-11-14T22:13:22.500000+00:00"
    assert begin.working_start == 2.5


def test_times_outside_of_the_calendar_are_moved_into_it() -> None:
    odd = SourceSpan("a", None, "a", "CHAIN", -(10**30), 10**30)
    end = transcript(odd).events[-1]
    assert end.timestamp.year == 9999


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
span_ids = st.sampled_from("abcdefgh")
attributes = st.dictionaries(
    st.sampled_from(["mlflow.llm.model", "mlflow.chat.tokenUsage", "gen_ai.tool.name", "x"]),
    json_values,
    max_size=3,
)
span_events = st.builds(
    SourceSpanEvent,
    name=st.sampled_from(["exception", "gen_ai.choice", "noted"]),
    timestamp_ns=st.integers(0, 50),
    attributes=st.dictionaries(
        st.sampled_from(["exception.message", "exception.stacktrace"]), json_values, max_size=2
    ),
)
spans_of_any_kind = st.builds(
    SourceSpan,
    span_id=span_ids,
    parent_id=st.none() | span_ids,
    name=st.text(max_size=5),
    span_type=st.sampled_from(
        ["CHAT_MODEL", "LLM", "TOOL", "AGENT", "CHAIN", "RETRIEVER", "EVALUATOR", "UNKNOWN"]
    ),
    start_time_ns=st.integers(0, 40),
    end_time_ns=st.none() | st.integers(0, 40),
    status=st.sampled_from(["UNSET", "OK", "ERROR"]),
    status_message=st.text(max_size=5),
    inputs=json_values,
    outputs=json_values,
    attributes=attributes,
    events=st.lists(span_events, max_size=2).map(tuple),
)


@settings(max_examples=150)
@given(st.lists(spans_of_any_kind, max_size=8))
def test_any_tree_of_spans_is_told_whole_and_nested(spans: list[SourceSpan]) -> None:
    found = transcript(*spans)
    begun = [event.id for event in found.events if event.event == "span_begin"]
    called = [
        event.metadata["mlflow_span_id"]
        for event in found.events
        if event.metadata is not None
        and event.event in ("model", "tool")
        and "mlflow_span_id" in event.metadata
    ]
    duplicates = found.metadata.get("duplicate_spans", {})
    assert len(set(begun)) == len(begun)
    assert len(set(called)) == len(called)
    assert {*begun, *called} | duplicates.keys() == {each.span_id for each in spans}
    assert not duplicates.keys() & {*begun, *called}
    _assert_nested(found.events)
    assert len({event.uuid for event in found.events}) == len(found.events)
    timeline_build(found.events)


def _assert_nested(events: list[Event]) -> None:
    open_spans: list[str] = []
    for event in events:
        if event.event == "span_begin":
            assert event.parent_id is None or event.parent_id in open_spans
            open_spans.append(event.id)
        elif event.event == "span_end":
            # Those in progress have no end: they are over with the span around them.
            del open_spans[open_spans.index(event.id) :]
        else:
            assert event.span_id is None or event.span_id in open_spans
    assert list(event_sequence(event_tree(events))) == events
