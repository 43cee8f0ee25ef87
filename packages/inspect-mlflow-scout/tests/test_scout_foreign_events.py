"""What each kind of span becomes."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import pytest
from inspect_ai.event import (
    ErrorEvent,
    InfoEvent,
    LoggerEvent,
    ModelEvent,
    SpanBeginEvent,
    TimelineEvent,
    TimelineSpan,
    ToolEvent,
    timeline_build,
)
from inspect_ai.event._base import BaseEvent
from inspect_scout import Transcript

from inspect_mlflow_scout.foreign import foreign_transcript
from inspect_mlflow_scout.reading import SourceSpan, SourceSpanEvent, SourceTrace

Kind = TypeVar("Kind", bound=BaseEvent)

START_NS = 1_700_000_000_000_000_000
SECOND_NS = 10**9
QUESTION = {"role": "user", "content": "What is six times seven?"}
SYSTEM = {"role": "system", "content": "You are a calculator."}


def span(
    span_id: str,
    parent_id: str | None = None,
    span_type: str = "CHAIN",
    *,
    start: float = 0,
    end: float | None = 10,
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


def call(
    span_id: str,
    parent_id: str | None = None,
    *,
    messages: list[dict[str, Any]] | None = None,
    answer: str | dict[str, Any] | None = "42",
    model: str = "gpt-4o",
    tokens: tuple[int, int] | None = (10, 5),
    **others: Any,
) -> SourceSpan:
    """A span as MLflow's autologging of OpenAI's client leaves it."""
    said = {"role": "assistant", "content": answer} if isinstance(answer, str) else answer
    choice = {"index": 0, "message": said, "finish_reason": "stop"}
    usage = (
        {"input_tokens": tokens[0], "output_tokens": tokens[1], "total_tokens": sum(tokens)}
        if tokens
        else None
    )
    return span(
        span_id,
        parent_id,
        "CHAT_MODEL",
        inputs={"model": model, "messages": messages or [QUESTION], **others.pop("request", {})},
        outputs=None if said is None else {"model": model, "choices": [choice]},
        attributes={
            "mlflow.message.format": "openai",
            "mlflow.llm.model": model,
            **({"mlflow.chat.tokenUsage": usage} if usage else {}),
        },
        **others,
    )


def calls_tool(call_id: str, function: str, **arguments: Any) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": call_id,
                "type": "function",
                "function": {"name": function, "arguments": json.dumps(arguments)},
            }
        ],
    }


def exception(message: str, at: float = 1) -> SourceSpanEvent:
    return SourceSpanEvent(
        "exception",
        START_NS + int(at * SECOND_NS),
        {
            "exception.type": "ValueError",
            "exception.message": message,
            "exception.stacktrace": f"Traceback: {message}",
        },
    )


def transcript(*spans: SourceSpan, trace_id: str = "tr-1", **others: Any) -> Transcript:
    return foreign_transcript(
        SourceTrace(
            trace_id=trace_id,
            experiment_id="7",
            experiment_name="shop",
            state="OK",
            request_time_ms=START_NS // 1_000_000,
            spans=spans,
            **others,
        )
    )


def only(found: Transcript, kind: type[Kind]) -> Kind:
    (event,) = every(found, kind)
    return event


def every(found: Transcript, kind: type[Kind]) -> list[Kind]:
    return [event for event in found.events if isinstance(event, kind)]


# --- models


def test_a_model_span_is_a_model_event() -> None:
    request = {"temperature": 0.5}
    root = span("root")
    found = transcript(root, call("m", "root", start=1, end=3, request=request))
    event = only(found, ModelEvent)
    assert (event.model, event.input[0].text, event.output.completion) == (
        "gpt-4o",
        "What is six times seven?",
        "42",
    )
    assert event.config.temperature == 0.5
    assert event.output.usage is not None and event.output.usage.total_tokens == 15
    assert (event.span_id, event.working_start, event.working_time) == ("root", 1, 2)
    assert event.completed is not None
    assert (event.completed - event.timestamp).total_seconds() == 2
    assert (event.error, event.pending) == (None, None)


def test_a_root_model_span_is_in_no_span() -> None:
    assert only(transcript(call("m")), ModelEvent).span_id is None


def test_an_import_within_an_inspect_span_takes_nothing_from_it() -> None:
    from inspect_ai.util._span import _current_span_id

    token = _current_span_id.set("somebody-else")
    try:
        found = transcript(call("m"))
    finally:
        _current_span_id.reset(token)
    assert only(found, ModelEvent).span_id is None


def test_a_failed_call_has_message_and_traceback() -> None:
    failed = call("m", answer=None, status="ERROR", events=(exception("Overloaded"),))
    event = only(transcript(failed), ModelEvent)
    assert (event.error, event.traceback) == ("Overloaded", "Traceback: Overloaded")


def test_a_failed_call_without_an_exception_has_the_status_message() -> None:
    failed = call("m", answer=None, status="ERROR", status_message="cut off")
    assert only(transcript(failed), ModelEvent).error == "cut off"


def test_a_call_in_progress_is_pending() -> None:
    event = only(transcript(call("m", answer=None, end=None)), ModelEvent)
    assert (event.pending, event.completed) == (True, None)


def test_what_happens_below_a_call_is_in_a_span_with_it() -> None:
    found = transcript(call("m"), span("r", "m", "RETRIEVER", start=1, outputs=["a page"]))
    kinds = [(event.event, event.span_id) for event in found.events]
    assert kinds == [
        ("span_begin", "m"),
        ("model", "m"),
        ("span_begin", "r"),
        ("info", "r"),
        ("span_end", "r"),
        ("span_end", "m"),
    ]


# --- one call, told twice


def test_a_providers_span_in_a_frameworks_span_is_the_same_call() -> None:
    framework = span(
        "langchain",
        "chain",
        "CHAT_MODEL",
        inputs={"messages": [QUESTION]},
        outputs={"choices": [{"message": {"role": "assistant", "content": "42"}}]},
        attributes={"mlflow.message.format": "langchain"},
    )
    found = transcript(span("chain"), framework, call("openai", "langchain", start=1))
    event = only(found, ModelEvent)
    assert (event.metadata or {})["mlflow_span_id"] == "openai"
    assert event.span_id == "chain"
    assert found.metadata["duplicate_spans"] == {"langchain": "openai"}
    assert found.total_tokens == 15
    assert [message.text for message in found.messages] == ["What is six times seven?", "42"]


def test_the_span_with_more_messages_is_kept() -> None:
    found = transcript(call("outer", messages=[SYSTEM, QUESTION]), call("inner", "outer"))
    assert len(only(found, ModelEvent).input) == 2
    assert found.metadata["duplicate_spans"] == {"inner": "outer"}


def test_the_kept_span_takes_usage_from_the_other() -> None:
    found = transcript(
        call("outer", messages=[SYSTEM, QUESTION], tokens=None), call("inner", "outer")
    )
    usage = only(found, ModelEvent).output.usage
    assert usage is not None and usage.total_tokens == 15
    assert found.total_tokens == 15


def test_three_spans_of_one_call_count_once() -> None:
    spans = [call("a"), span("between", "a"), call("b", "between"), call("c", "b")]
    found = transcript(*spans)
    assert found.total_tokens == 15
    assert found.metadata["duplicate_spans"] == {"a": "c", "b": "c"}
    assert [e.id for e in every(found, SpanBeginEvent)] == ["between"]


def test_calls_after_each_other_are_two() -> None:
    found = transcript(span("root"), call("a", "root"), call("b", "root", start=5))
    assert len(every(found, ModelEvent)) == 2
    assert found.total_tokens == 30


def test_nested_spans_with_other_usage_and_other_answers_are_two_calls() -> None:
    inner = call("inner", "outer", answer="rewritten question", tokens=(3, 2))
    found = transcript(call("outer"), inner)
    assert len(every(found, ModelEvent)) == 2
    assert found.total_tokens == 20


@pytest.mark.parametrize("between", ["AGENT", "TOOL"])
def test_a_call_below_an_agent_or_a_tool_is_its_own(between: str) -> None:
    found = transcript(call("outer"), span("other", "outer", between), call("inner", "other"))
    assert len(every(found, ModelEvent)) == 2


def test_failed_attempts_stay_beside_the_good_one() -> None:
    found = transcript(
        call("wrapper"),
        call("first", "wrapper", start=1, answer=None, tokens=None, status="ERROR"),
        call("second", "wrapper", start=2),
    )
    first, second = every(found, ModelEvent)
    assert (first.error, second.error) == ("unknown error", None)
    assert found.metadata["duplicate_spans"] == {"wrapper": "second"}
    assert found.total_tokens == 15


def test_a_failed_call_told_twice_counts_once() -> None:
    error: dict[str, Any] = {
        "answer": None,
        "tokens": None,
        "status": "ERROR",
        "events": (exception("Down"),),
    }
    found = transcript(call("outer", **error), call("inner", "outer", **error))
    assert only(found, ModelEvent).error == "Down"


def test_a_span_around_several_calls_is_no_call() -> None:
    around = span("around", None, "LLM", inputs={"question": "?"}, outputs="84")
    found = transcript(around, call("a", "around", start=1), call("b", "around", start=2))
    assert len(every(found, ModelEvent)) == 2
    assert found.total_tokens == 30
    assert only(found, InfoEvent).data == {"inputs": {"question": "?"}, "outputs": "84"}


def test_a_span_that_fails_after_a_good_call_tells_of_its_error() -> None:
    around = span("around", None, "LLM", status="ERROR", events=(exception("no JSON"),))
    found = transcript(around, call("good", "around", start=1))
    assert only(found, ModelEvent).error is None
    assert only(found, ErrorEvent).error.message == "no JSON"
    assert found.error == "no JSON"


# --- tools


def tool(span_id: str, parent_id: str | None = None, **others: Any) -> SourceSpan:
    return span(
        span_id, parent_id, "TOOL", **{"inputs": {"a": 6, "b": 7}, "outputs": "42"} | others
    )


def test_a_tool_span_is_a_tool_event() -> None:
    event = only(transcript(span("root"), tool("t", "root", name="multiply")), ToolEvent)
    assert (event.function, event.arguments, event.result) == ("multiply", {"a": 6, "b": 7}, "42")
    assert (event.span_id, event.id, event.error, event.failed) == ("root", "t", None, None)


def test_a_failed_tool_has_an_error() -> None:
    failed = tool("t", outputs=None, status="ERROR", events=(exception("no such file"),))
    event = only(transcript(failed), ToolEvent)
    assert event.error is not None
    assert (event.error.message, event.failed) == ("no such file", True)


def test_a_tool_is_matched_by_name_and_arguments() -> None:
    answer = calls_tool("call_1", "multiply", a=1, b=1)
    answer["tool_calls"] += calls_tool("call_2", "multiply", a=6, b=7)["tool_calls"]
    found = transcript(
        span("root"), call("m", "root", answer=answer), tool("t", "root", start=5, name="multiply")
    )
    assert only(found, ToolEvent).id == "call_2"


def test_equal_calls_are_matched_in_order() -> None:
    answer = calls_tool("call_1", "multiply", a=6, b=7)
    answer["tool_calls"] += calls_tool("call_2", "multiply", a=6, b=7)["tool_calls"]
    tools = [tool(each, "root", start=5, name="multiply") for each in ("t1", "t2")]
    found = transcript(span("root"), call("m", "root", answer=answer), *tools)
    assert [event.id for event in every(found, ToolEvent)] == ["call_1", "call_2"]


def test_a_tool_with_arguments_of_its_own_is_matched_by_name() -> None:
    answer = calls_tool("call_1", "multiply", a=6)
    found = transcript(
        span("root"), call("m", "root", answer=answer), tool("t", "root", start=5, name="multiply")
    )
    assert only(found, ToolEvent).id == "call_1"


def test_a_tool_before_the_call_is_not_matched() -> None:
    answer = calls_tool("call_1", "multiply", a=6, b=7)
    found = transcript(
        span("root"), tool("t", "root", name="multiply"), call("m", "root", start=5, answer=answer)
    )
    assert only(found, ToolEvent).id == "t"


def test_a_tool_knows_the_message_with_its_result() -> None:
    answer = calls_tool("call_1", "multiply", a=6, b=7)
    told = {"role": "tool", "tool_call_id": "call_1", "content": "42"}
    found = transcript(
        span("root"),
        call("m1", "root", answer=answer),
        tool("t", "root", start=2, name="multiply"),
        call("m2", "root", start=5, messages=[QUESTION, answer, told]),
    )
    assert only(found, ToolEvent).message_id == found.messages[2].id


def test_a_tool_with_a_model_below_is_a_span_and_an_agent_of_the_timeline() -> None:
    found = transcript(
        span("root"),
        call("m", "root"),
        tool("t", "root", start=2, name="ask_expert"),
        call("inner", "t", start=3),
    )
    begin = every(found, SpanBeginEvent)[-1]
    assert (begin.id, begin.type, begin.parent_id) == ("t", "tool", "root")
    assert only(found, ToolEvent).span_id == "t"
    assert _agents(found) == ["ask_expert"]


def test_a_tool_that_calls_an_agent_names_its_span() -> None:
    found = transcript(tool("t"), span("expert", "t", "AGENT"), call("m", "expert"))
    assert only(found, ToolEvent).agent_span_id == "expert"


# --- spans


def _agents(found: Transcript) -> list[str]:
    """Names of the agents of the timeline, the main one left out."""

    def names(parent: TimelineSpan) -> list[str]:
        below = [item for item in parent.content if isinstance(item, TimelineSpan)]
        return [name for item in below for name in (item.name, *names(item))]

    return names(timeline_build(found.events).root)


def test_agents_are_agents_of_the_timeline() -> None:
    found = transcript(
        span("planner", None, "AGENT"),
        call("m1", "planner"),
        span("worker", "planner", "AGENT", start=2),
        call("m2", "worker", start=3),
    )
    assert _agents(found) == ["planner", "worker"]
    assert found.agent == "planner"


def test_a_handoff_is_one() -> None:
    found = transcript(span("agent", None, "AGENT"), span("h", "agent", name="Handoff"))
    assert every(found, SpanBeginEvent)[-1].type == "handoff"


@pytest.mark.parametrize("name", ["init", "solvers", "scorers"])
def test_a_root_is_not_taken_for_a_phase_of_an_evaluation(name: str) -> None:
    found = transcript(span("root", name=name), call("m", "root"), call("other", start=20))
    told = [
        item.event
        for item in timeline_build(found.events).root.content
        if isinstance(item, TimelineEvent)
    ]
    assert len([event for event in told if isinstance(event, ModelEvent)]) == 2
    assert found.task_id == name


@pytest.mark.parametrize("span_type", ["RETRIEVER", "RERANKER", "EMBEDDING", "PARSER", "GUARDRAIL"])
def test_what_goes_in_and_out_of_other_spans_is_kept_complete(span_type: str) -> None:
    long = "x" * 200_000
    found = transcript(
        span("root"), span("s", "root", span_type, inputs={"query": "q"}, outputs=[long])
    )
    event = only(found, InfoEvent)
    assert event.data == {"inputs": {"query": "q"}, "outputs": [long]}
    assert (event.source, event.span_id) == ("s", "s")


def test_chains_do_not_repeat_the_conversation_of_the_calls_below() -> None:
    found = transcript(
        span("root", inputs="request", outputs="reply"),
        span("node", "root", inputs={"messages": [QUESTION]}, outputs={}),
        call("m", "node"),
    )
    assert only(found, InfoEvent).data == {"inputs": "request", "outputs": "reply"}


def test_nodes_of_a_graph_do_not_repeat_the_conversation_handed_to_them() -> None:
    state = {"messages": [QUESTION]}
    router = span("router", "root", inputs=state, outputs="tools")
    found = transcript(span("root"), call("m", "root"), router)
    assert only(found, InfoEvent).data == {"outputs": "tools"}


def test_what_a_function_was_given_and_returned_is_kept() -> None:
    function = span("f", "root", "UNKNOWN", inputs={"order": 7}, outputs=True)
    found = transcript(span("root"), call("m", "root"), function)
    assert only(found, InfoEvent).data == {"inputs": {"order": 7}, "outputs": True}


def test_attributes_are_kept_without_credentials_and_without_content() -> None:
    attributes = {
        "mlflow.spanInputs": "again",
        "input.value": "again",
        "mlflow.spanDescription": "Plans.",
        "langgraph_step": 3,
        "api_key": "abc",
    }
    begin = only(transcript(span("a", None, "AGENT", attributes=attributes)), SpanBeginEvent)
    assert begin.metadata == {"description": "Plans.", "langgraph_step": 3, "api_key": "***"}


def test_a_span_event_is_info_in_the_order_of_time() -> None:
    noted = SourceSpanEvent("cache", START_NS + 2 * SECOND_NS, {"hit": True})
    found = transcript(
        span("root", events=(noted,)),
        call("before", "root", start=1),
        call("after", "root", start=3),
    )
    kinds = [event.event for event in found.events]
    assert kinds == ["span_begin", "model", "info", "model", "span_end"]
    info = only(found, InfoEvent)
    assert (info.source, info.data, info.span_id) == ("cache", {"hit": True}, "root")


def test_messages_as_span_events_are_not_repeated() -> None:
    told = SourceSpanEvent("gen_ai.user.message", START_NS, {"content": "hi"})
    assert every(transcript(call("m", events=(told,))), InfoEvent) == []


def test_an_exception_that_was_caught_is_logged() -> None:
    found = transcript(span("root", status="OK", events=(exception("try again"),)))
    message = only(found, LoggerEvent).message
    assert (message.level, message.message) == ("error", "try again")
    assert every(found, ErrorEvent) == []


def test_an_exception_is_told_where_it_came_from_and_where_it_ended_the_trace() -> None:
    failed: dict[str, Any] = {"status": "ERROR", "events": (exception("lost"),)}
    found = transcript(
        span("root", **failed), span("middle", "root", **failed), span("inner", "middle", **failed)
    )
    errors = every(found, ErrorEvent)
    assert [event.span_id for event in errors] == ["inner", "root"]
    assert errors[0].error.traceback == "Traceback: lost"


def test_an_error_that_a_call_tells_is_not_repeated_but_at_the_root() -> None:
    failed: dict[str, Any] = {"status": "ERROR", "events": (exception("Down"),)}
    found = transcript(
        span("root", **failed), span("middle", "root", **failed), call("m", "middle", **failed)
    )
    assert only(found, ErrorEvent).span_id == "root"


# --- ids


def test_the_same_trace_gives_the_same_transcript() -> None:
    spans = [
        span("root", inputs="a", outputs="b"),
        call("m", "root", answer=calls_tool("call_1", "multiply", a=6, b=7)),
        tool("t", "root", start=2, name="multiply"),
    ]
    assert transcript(*spans).model_dump() == transcript(*spans).model_dump()


def test_events_of_other_traces_have_other_ids() -> None:
    first, second = (transcript(call("m"), trace_id=trace_id) for trace_id in ("tr-1", "tr-2"))
    assert first.events[0].uuid != second.events[0].uuid


def test_what_says_the_same_has_the_same_id() -> None:
    answer = {"role": "assistant", "content": "42"}
    more = [QUESTION, answer, {"role": "user", "content": "Sure?"}]
    found = transcript(
        span("root"), call("m1", "root"), call("m2", "root", start=5, messages=more, answer="Yes")
    )
    first, second = every(found, ModelEvent)
    assert first.input[0].id == second.input[0].id
    assert first.output.message.id == second.input[1].id
    assert [message.id for message in found.messages] == [
        *(message.id for message in second.input),
        second.output.message.id,
    ]


def test_what_is_said_twice_in_one_conversation_has_two_ids() -> None:
    again = [QUESTION, {"role": "assistant", "content": "42"}, QUESTION]
    ids = [message.id for message in transcript(call("m", messages=again)).messages]
    assert len(set(ids)) == 4
