"""Whole transcripts: fields, the main conversation, metadata, and Scout's own database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from inspect_ai.event import ModelEvent, TimelineSpan, timeline_build
from inspect_ai.model import ChatMessageTool, ModelAPI, get_model
from inspect_scout import (
    Transcript,
    TranscriptContent,
    message_numbering,
    transcript_messages,
    transcripts_db,
    transcripts_db_schema,
)
from inspect_scout import columns as c
from inspect_scout._query import Query

from inspect_mlflow_scout._metadata import json_value, transcript_metadata
from inspect_mlflow_scout.foreign import foreign_transcript
from inspect_mlflow_scout.reading import SourceAssessment, SourceSpan, SourceSpanEvent, SourceTrace

START_MS = 1_700_000_000_000


def at(seconds: float) -> int:
    return START_MS * 10**6 + int(seconds * 10**9)


def span(
    span_id: str,
    parent_id: str | None = None,
    span_type: str = "CHAIN",
    *,
    start: float = 0,
    end: float | None = 10,
    **others: Any,
) -> SourceSpan:
    name = others.pop("name", span_id)
    ended = None if end is None else at(end)
    return SourceSpan(span_id, parent_id, name, span_type, at(start), ended, **others)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def call(
    span_id: str,
    parent_id: str | None,
    messages: list[dict[str, Any]],
    answer: str | dict[str, Any] | None,
    *,
    model: str = "gpt-4o",
    **others: Any,
) -> SourceSpan:
    said = assistant(answer) if isinstance(answer, str) else answer
    request = others.pop("request", {})
    return span(
        span_id,
        parent_id,
        "CHAT_MODEL",
        inputs={"model": model, "messages": messages, **request},
        outputs=None if said is None else {"choices": [{"message": said, "finish_reason": "stop"}]},
        attributes={
            "mlflow.message.format": "openai",
            "mlflow.llm.model": model,
            "mlflow.chat.tokenUsage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
        },
        **others,
    )


def trace(*spans: SourceSpan, **others: Any) -> SourceTrace:
    return SourceTrace(
        **{
            "trace_id": "tr-1",
            "experiment_id": "7",
            "experiment_name": "shop",
            "state": "OK",
            "request_time_ms": START_MS,
            "execution_duration_ms": 10_500,
            "spans": spans,
            **others,
        }
    )


def transcript(*spans: SourceSpan, **others: Any) -> Transcript:
    return foreign_transcript(trace(*spans, **others))


def texts(found: Transcript) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in found.messages]


# --- fields


def test_fields_of_a_transcript() -> None:
    found = transcript(
        span("a", None, "AGENT", name="shopper"),
        call("m", "a", [user("Hi")], "Hello", request={"temperature": 0.5}),
        uri="http://mlflow/traces/tr-1",
    )
    fields = found.model_dump(exclude={"messages", "events", "timelines", "metadata"})
    assert fields == {
        "transcript_id": "tr-1",
        "source_type": "mlflow",
        "source_id": "7",
        "source_uri": "http://mlflow/traces/tr-1",
        "date": "2023-11-14T22:13:20+00:00",
        "task_set": "shop",
        "task_id": "shopper",
        "task_repeat": None,
        "agent": "shopper",
        "agent_args": None,
        "model": "gpt-4o",
        "model_options": {"temperature": 0.5},
        "score": None,
        "score_explanation": None,
        "success": None,
        "message_count": 2,
        "total_time": 10.5,
        "total_tokens": 15,
        "error": None,
        "limit": None,
        "trust_content": None,
    }


def test_a_trace_without_anything_is_an_empty_transcript() -> None:
    found = transcript(request_time_ms=None, execution_duration_ms=None)
    assert (found.messages, found.events, found.message_count) == ([], [], 0)
    assert (found.date, found.total_time, found.total_tokens, found.model) == (None,) * 4


def test_a_trace_without_spans_is_named_by_its_tag() -> None:
    assert transcript(tags={"mlflow.traceName": "checkout"}).task_id == "checkout"


def test_without_times_of_the_trace_those_of_its_spans_count() -> None:
    found = transcript(span("a", start=2, end=5), request_time_ms=None, execution_duration_ms=None)
    assert (found.date, found.total_time) == ("2023-11-14T22:13:22+00:00", 3)


@pytest.mark.parametrize(
    ("usage", "total"),
    [
        ('{"input_tokens": 90, "output_tokens": 9, "total_tokens": 99}', 99),
        ('{"input_tokens": 90, "output_tokens": 9}', 99),
        ('{"total_tokens": "many"}', 15),
        ("[", 15),
    ],
)
def test_tokens_are_those_that_mlflow_counted_else_those_of_the_calls(
    usage: str, total: int
) -> None:
    metadata = {"mlflow.trace.tokenUsage": usage}
    found = transcript(call("m", None, [user("Hi")], "Hello"), metadata=metadata)
    assert found.total_tokens == total


def test_the_error_is_that_of_the_root() -> None:
    told = SourceSpanEvent("exception", at(1), {"exception.message": "no stock"})
    inner = span("b", "a", status="ERROR", status_message="not this one")
    found = transcript(span("a", status="ERROR", events=(told,)), inner, state="ERROR")
    assert found.error == "no stock"


def test_a_failed_trace_whose_root_tells_nothing_has_the_error_of_a_span() -> None:
    inner = span("b", "a", status="ERROR", status_message="out of stock")
    assert transcript(span("a"), inner, state="ERROR").error == "out of stock"


def test_a_failed_trace_always_has_an_error() -> None:
    assert transcript(span("a"), state="ERROR").error == "unknown error"
    assert transcript(span("a", status="ERROR")).error == "unknown error"


def test_a_span_that_failed_in_a_good_trace_is_no_error_of_the_trace() -> None:
    assert transcript(span("a"), span("b", "a", status="ERROR")).error is None


def test_the_agent_is_the_outermost() -> None:
    found = transcript(
        span("root"),
        span("deep", "root"),
        span("low", "deep", "AGENT"),
        span("top", "root", "AGENT", start=5),
    )
    assert found.agent == "top"


# --- the main conversation


def test_the_thread_is_the_longest_input_and_its_answer() -> None:
    more = [user("Hi"), assistant("Hello"), user("Bye")]
    found = transcript(
        span("root"),
        call("m1", "root", [user("Hi")], "Hello"),
        call("m2", "root", more, "See you", start=2),
    )
    assert texts(found) == [
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", "Bye"),
        ("assistant", "See you"),
    ]
    assert found.message_count == 4


def test_of_inputs_of_one_length_the_last_with_an_answer_counts() -> None:
    found = transcript(
        span("root"),
        call("m1", "root", [user("One")], "1", start=1),
        call("m2", "root", [user("Two")], "2", start=2, model="gpt-4o-mini"),
        call("m3", "root", [user("Three")], None, start=3, status="ERROR"),
    )
    assert texts(found) == [("user", "Two"), ("assistant", "2")]
    assert found.model == "gpt-4o-mini"


def test_results_of_tools_after_the_last_call_follow() -> None:
    answer = {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "add", "arguments": '{"a": 1}'},
            }
        ],
    }
    found = transcript(
        span("root"),
        call("m", "root", [user("Add")], answer, start=1),
        span("t", "root", "TOOL", start=2, name="add", inputs={"a": 1}, outputs="2"),
    )
    assert [message.role for message in found.messages] == ["user", "assistant", "tool"]
    result = found.messages[2]
    assert isinstance(result, ChatMessageTool)
    assert (result.text, result.tool_call_id, result.function) == ("2", "call_1", "add")


LONG = [user("Look up"), assistant("Where?"), user("There"), assistant("And?"), user("Now")]


@pytest.mark.parametrize(
    "way",
    [
        [("tool", "main", "TOOL")],
        [("sub", "main", "AGENT")],
        [("tool", "main", "TOOL"), ("sub", "tool", "AGENT")],
        [("judge", None, "EVALUATOR")],
    ],
    ids=["tool", "agent", "tool with agent", "scorer"],
)
def test_conversations_of_others_do_not_leak_in(way: list[tuple[str, str | None, str]]) -> None:
    between = [span(span_id, parent, kind, start=2) for span_id, parent, kind in way]
    found = transcript(
        span("main", None, "AGENT"),
        call("m", "main", [user("Hi")], "Hello", start=1),
        *between,
        call("inner", way[-1][0], LONG, "Found", start=3, model="other"),
    )
    assert texts(found) == [("user", "Hi"), ("assistant", "Hello")]
    assert found.model == "gpt-4o"


def test_agents_beside_each_other_are_one_conversation() -> None:
    found = transcript(
        span("runner", None, "AGENT"),
        span("triage", "runner", "AGENT", start=1),
        call("m1", "triage", [user("Hi")], "Hello", start=1),
        span("expert", "runner", "AGENT", start=2),
        call("m2", "expert", LONG, "Found", start=3),
    )
    assert texts(found)[-1] == ("assistant", "Found")


def test_a_model_that_is_called_by_a_tool_only_is_the_thread() -> None:
    found = transcript(span("t", None, "TOOL"), call("m", "t", [user("Hi")], "Hello"))
    assert texts(found) == [("user", "Hi"), ("assistant", "Hello")]


def test_a_system_prompt_stands_once() -> None:
    system = {"role": "system", "content": "Be brief."}
    found = transcript(call("m", None, [system, user("Hi"), system, user("So?")], "Yes"))
    assert [role for role, _ in texts(found)] == ["system", "user", "user", "assistant"]


def test_without_a_model_the_request_and_the_reply_are_the_conversation() -> None:
    found = transcript(span("root", inputs="Hi", outputs="Hello"))
    assert texts(found) == [("user", "Hi"), ("assistant", "Hello")]
    assert found.model is None
    stand_in = found.events[0]
    assert isinstance(stand_in, ModelEvent)
    assert (stand_in.model, stand_in.span_id) == ("none/none", None)
    assert stand_in.metadata == {"stands_for": "request and reply of the trace"}


def test_a_state_that_repeats_the_request_is_the_whole_conversation() -> None:
    state = {"messages": [user("Hi"), assistant("Hello")]}
    found = transcript(span("root", inputs={"messages": [user("Hi")]}, outputs=state))
    assert texts(found) == [("user", "Hi"), ("assistant", "Hello")]


@pytest.mark.parametrize("span_type", ["AGENT", "TOOL"])
def test_where_the_root_says_nothing_agents_and_tools_speak(span_type: str) -> None:
    found = transcript(span("root"), span("low", "root", span_type, inputs="Hi", outputs="Hello"))
    assert texts(found) == [("user", "Hi"), ("assistant", "Hello")]


def test_where_no_span_says_anything_the_previews_speak() -> None:
    found = transcript(request_preview="Hi", response_preview="Hello")
    assert texts(found) == [("user", "Hi"), ("assistant", "Hello")]
    assert found.events == []


# --- metadata


def test_metadata() -> None:
    found = transcript(
        span("root"),
        session="s-1",
        tags={"team": "blue", "mlflow.trace.spansLocation": "TRACKING_STORE", "mlflow.user": "ann"},
        metadata={
            "mlflow.trace.user": "bob",
            "mlflow.sourceRun": "run-1",
            "mlflow.trace_schema.version": "3",
            "mlflow.trace.cost": '{"total_cost": 0.5}',
            "region": "eu",
        },
    )
    assert found.metadata == {
        "experiment_id": "7",
        "experiment_name": "shop",
        "state": "OK",
        "session": "s-1",
        "user": "bob",
        "run_id": "run-1",
        "tags": {"team": "blue", "mlflow.user": "ann"},
        "trace_metadata": {"mlflow.trace.cost": {"total_cost": 0.5}, "region": "eu"},
    }


def test_metadata_holds_no_credentials() -> None:
    found = transcript(tags={"api_key": "abc", "note": "key sk-proj-abcdefghij0123456789"})
    assert found.metadata["tags"] == {"api_key": "***", "note": "key ***"}


def test_reserved_names_and_names_in_another_case_get_names_of_their_own() -> None:
    reserved = [*transcripts_db_schema("pyarrow").names, "filename", "Model", "MESSAGES", ""]
    entries = [(name, 1) for name in (*reserved, "Mine", "mine", "mlflow_mine")]
    keys = list(transcript_metadata(entries))
    assert len(keys) == len(entries)
    assert len({key.casefold() for key in keys}) == len(keys)
    assert not {key.casefold() for key in keys} & {*transcripts_db_schema("pyarrow").names, ""}
    assert keys[-3:] == ["Mine", "mlflow_mine", "mlflow_mlflow_mine"]


def test_json_values_are_what_every_reader_takes() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    odd = {1: float("inf"), "text": "half \ud83d", "tuple": (None, True), "deep": deep}
    value = json_value(odd)
    assert (value["1"], value["text"], value["tuple"]) == ("inf", "half \ufffd", [None, True])
    for _ in range(63):
        value = value["deep"] if isinstance(value, dict) else value[0]
    assert isinstance(value[0], str)


# --- Scout's own reading


async def _through_the_database(
    location: Path, transcripts: list[Transcript], query: Query | None = None
) -> list[Transcript]:
    content = TranscriptContent(messages="all", events="all")
    async with transcripts_db(str(location)) as database:
        await database.insert(transcripts)
        return [await database.read(info, content) async for info in database.select(query)]


def through_the_database(location: Path, *transcripts: Transcript) -> list[Transcript]:
    return anyio.run(_through_the_database, location, list(transcripts))


def rich_trace(**others: Any) -> SourceTrace:
    quality = SourceAssessment("a-1", "quality", "feedback", "yes", "HUMAN", "ann")
    failed = SourceSpanEvent("exception", at(4), {"exception.message": "lost"})
    return trace(
        span("main", None, "AGENT", inputs="Hi", outputs="Hello"),
        call("m", "main", [user("Hi")], "Hello", start=1),
        span("t", "main", "TOOL", start=2, inputs={"a": [1, None]}, outputs={"b": 2}),
        span("sub", "t", "AGENT", start=3),
        call("inner", "sub", [user("Look up")], "Found", start=3),
        span("r", "main", "RETRIEVER", start=4, status="ERROR", events=(failed,), outputs=[1.5]),
        **{"assessments": (quality,), "tags": {"Model": "x", "score": "y"}} | others,
    )


def test_a_transcript_comes_back_out_of_scouts_database_as_it_went_in(tmp_path: Path) -> None:
    found = foreign_transcript(rich_trace())
    (read,) = through_the_database(tmp_path / "db", found)
    expected, got = found.model_dump(), read.model_dump()
    assert got.pop("metadata").keys() == expected.pop("metadata").keys()
    assert read.metadata["tags"] == {"Model": "x", "score": "y"}
    assert got == expected


def test_odd_values_do_not_stop_an_insertion(tmp_path: Path) -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = {"deeper": deep}
    odd = {"nan": float("nan"), "half": "\ud83d", "deep": deep, "nul": "\0", "big": 10**30}
    arguments = '{"nan": NaN, "half": "\\ud83d", "big": 1000000000000000000000000000000}'
    answer = {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
        ],
    }
    spans = [
        span("root", inputs=odd, outputs=odd, attributes=odd, name="half \ud83d"),
        call("c", "root", [user("Hi"), answer], answer),
        span("m", "root", "CHAT_MODEL", inputs=odd, outputs=odd),
        span("t", "root", "TOOL", inputs=odd, outputs=odd),
        span("r", "root", "RETRIEVER", events=(SourceSpanEvent("odd", at(1), odd),)),
    ]
    judged = SourceAssessment("a-1", "q", "feedback", odd, "CODE", "x", rationale="\ud83d")
    first = foreign_transcript(trace(*spans, assessments=(judged,), tags={"a": "\ud83d"}))
    second = foreign_transcript(rich_trace(trace_id="tr-2"))
    read = through_the_database(tmp_path / "db", first, second)
    assert {each.transcript_id for each in read} == {"tr-1", "tr-2"}
    assert [len(each.events) for each in read if each.transcript_id == "tr-1"] == [
        len(first.events)
    ]


def test_scores_by_name_can_be_filtered(tmp_path: Path) -> None:
    def judged(trace_id: str, value: str) -> Transcript:
        scores = (
            SourceAssessment("a-1", "quality", "feedback", value, "HUMAN", "ann"),
            SourceAssessment("a-2", "length", "feedback", 12, "CODE", "x"),
        )
        return foreign_transcript(rich_trace(trace_id=trace_id, assessments=scores))

    query = Query(where=[c["score.quality"] == "yes"])
    transcripts = [judged("tr-1", "yes"), judged("tr-2", "no")]
    read = anyio.run(_through_the_database, tmp_path / "db", transcripts, query)
    assert [each.transcript_id for each in read] == ["tr-1"]


async def _scanned(found: Transcript) -> list[str]:
    as_text, _ = message_numbering()
    model = get_model("mockllm/model", memoize=False)
    segments = transcript_messages(found, messages_as_str=as_text, model=model)
    return [segment.messages_str async for segment in segments]


async def _count_words(self: ModelAPI, text: str) -> int:
    return len(text.split())


@pytest.mark.parametrize(
    "spans",
    [
        [span("root"), call("m", "root", [user("Hi")], "Hello")],
        [span("root", inputs="Hi", outputs="Hello")],
    ],
    ids=["model", "no model"],
)
def test_scanners_see_the_conversation(
    spans: list[SourceSpan], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The real tokenizer comes from the network.
    monkeypatch.setattr(ModelAPI, "count_text_tokens", _count_words)
    (told,) = anyio.run(_scanned, transcript(*spans))
    assert "Hi" in told
    assert "Hello" in told


def test_timelines_show_agents_with_their_calls() -> None:
    root = timeline_build(foreign_transcript(rich_trace()).events).root
    (main,) = _agents_in(root)
    (sub,) = _agents_in(main)
    assert (main.name, sub.name) == ("main", "sub")
    assert sub.total_tokens() == 15


def _agents_in(above: TimelineSpan) -> list[TimelineSpan]:
    return [item for item in above.content if isinstance(item, TimelineSpan)]
