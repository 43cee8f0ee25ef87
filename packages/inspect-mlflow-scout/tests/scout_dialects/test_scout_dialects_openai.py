"""OpenAI's chat completions and Responses, and what speaks their language."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    ContentData,
    ContentDocument,
    ContentImage,
    ContentReasoning,
    ContentText,
    ContentToolUse,
    ModelOutput,
    ModelUsage,
    messages_from_openai,
    messages_from_openai_responses,
    model_output_from_openai,
    model_output_from_openai_responses,
)

from inspect_mlflow_scout.normalization import ModelCall, model_call
from inspect_mlflow_scout.reading import SourceSpanEvent

from .spans import model_span


def call_of(
    inputs: Any,
    outputs: Any = None,
    *,
    message_format: str | None = "openai",
    attributes: dict[str, Any] | None = None,
    events: tuple[SourceSpanEvent, ...] = (),
) -> ModelCall:
    return model_call(
        model_span(
            "Completions",
            inputs,
            outputs,
            message_format=message_format,
            attributes=attributes,
            events=events,
        )
    )


def outline(messages: Any) -> list[tuple[Any, ...]]:
    """What of messages must be the same whoever read them: not their ids, nor how texts stand."""
    return [_outline(message) for message in messages]


def _outline(message: ChatMessage) -> tuple[Any, ...]:
    parts = [
        part.model_dump(exclude={"internal"}, exclude_none=True) for part in message.content_list
    ]
    said = [part for part in parts if part != {"type": "text", "text": ""}]
    if isinstance(message, ChatMessageAssistant):
        calls = [(call.id, call.function, call.arguments) for call in message.tool_calls or ()]
        return ("assistant", said, calls)
    if isinstance(message, ChatMessageTool):
        return ("tool", said, message.tool_call_id, message.function, message.error)
    return (message.role, said)


def outputs_are_equal(ours: ModelOutput, theirs: ModelOutput) -> None:
    assert outline([choice.message for choice in ours.choices]) == outline(
        [choice.message for choice in theirs.choices]
    )
    assert [c.stop_reason for c in ours.choices] == [c.stop_reason for c in theirs.choices]
    assert (ours.response_id, ours.completion) == (theirs.response_id, theirs.completion)
    assert ours.usage is not None and theirs.usage is not None
    assert ours.usage.model_dump(exclude_defaults=True) == without_zeros(theirs.usage)


def without_zeros(usage: ModelUsage) -> dict[str, Any]:
    return usage.model_dump(exclude_defaults=True)


CHAT_REQUEST: dict[str, Any] = {
    "model": "gpt-4o",
    "temperature": 0,
    "messages": [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this, and how warm is it in Oslo?"},
                {
                    "type": "image_url",
                    "image_url": {"url": "https://x.test/a.png", "detail": "low"},
                },
                {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
            ],
        },
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
                },
                {
                    "id": "call_2",
                    "type": "function",
                    "function": {"name": "look", "arguments": "{}"},
                },
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "7 degrees"},
        {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "a cat"}]},
        {"role": "assistant", "content": "7 degrees, and a cat."},
        {"role": "user", "content": "Please."},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": "Tells it",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
            },
        }
    ],
}
CHAT_RESPONSE: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-2024-08-06",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "logprobs": None,
            "message": {
                "role": "assistant",
                "content": "A cat, and I ask again.",
                "refusal": None,
                "annotations": [],
                "audio": None,
                "function_call": None,
                "tool_calls": [
                    {
                        "id": "call_3",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"city": "Bergen"}'},
                    }
                ],
            },
        }
    ],
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0, "cache_write_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 12, "audio_tokens": 0},
    },
}


def test_messages_are_those_that_inspect_reads() -> None:
    theirs = asyncio.run(messages_from_openai(copy.deepcopy(CHAT_REQUEST["messages"])))
    assert outline(call_of(CHAT_REQUEST).input) == outline(theirs)


def test_response_is_what_inspect_reads() -> None:
    theirs = asyncio.run(model_output_from_openai(copy.deepcopy(CHAT_RESPONSE)))
    outputs_are_equal(call_of(CHAT_REQUEST, CHAT_RESPONSE).output, theirs)


@pytest.mark.parametrize("message_format", ["groq", "mistral", "litellm", None])
def test_others_speak_it_too(message_format: str | None) -> None:
    ours = call_of(CHAT_REQUEST, CHAT_RESPONSE, message_format=message_format)
    of_openai = call_of(CHAT_REQUEST, CHAT_RESPONSE)
    assert outline(ours.input) == outline(of_openai.input)
    assert outline([ours.output.message]) == outline([of_openai.output.message])
    assert ours.output.usage == of_openai.output.usage


def test_spans_of_litellm_tell_the_model_in_an_attribute() -> None:
    # LiteLLM's callback stores the messages alone as inputs.
    call = call_of(
        {"messages": [{"role": "user", "content": "hi"}]},
        {
            "choices": [
                {"finish_reason": "stop", "message": {"role": "assistant", "content": "yes"}}
            ]
        },
        message_format=None,
        attributes={
            "model": "claude-sonnet-4",
            "mlflow.chat.tokenUsage": {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4},
            "response_cost": 0.002,
        },
    )
    assert call.model == "claude-sonnet-4"
    assert call.output.usage == ModelUsage(
        input_tokens=3, output_tokens=1, total_tokens=4, total_cost=0.002
    )


def test_several_choices() -> None:
    choices = [
        {"index": i, "finish_reason": "stop", "message": {"role": "assistant", "content": str(i)}}
        for i in range(3)
    ]
    output = call_of(CHAT_REQUEST, {"choices": choices}).output
    assert [choice.message.text for choice in output.choices] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("message", "reasoning"),
    [
        ({"reasoning_content": "hm"}, ContentReasoning(reasoning="hm")),
        ({"reasoning": "hm"}, ContentReasoning(reasoning="hm")),
        (
            {"reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "s"}]},
            ContentReasoning(reasoning="hm", signature="s"),
        ),
        (
            {"reasoning_details": [{"type": "reasoning.encrypted", "data": "XX"}]},
            ContentReasoning(reasoning="XX", redacted=True),
        ),
        (
            {
                "reasoning_content": "hm",
                "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}],
            },
            ContentReasoning(reasoning="hm", signature="s"),
        ),
    ],
)
def test_reasoning_beside_the_content(message: dict[str, Any], reasoning: ContentReasoning) -> None:
    told = {"role": "assistant", "content": "42", **message}
    output = call_of(CHAT_REQUEST, {"choices": [{"message": told}]}).output
    assert output.message.content == [reasoning, ContentText(text="42")]


def test_refusal() -> None:
    told = {"role": "assistant", "content": None, "refusal": "No."}
    call = call_of({"model": "m", "messages": [told]}, {"choices": [{"message": told}]})
    for message in (*call.input, call.output.message):
        assert message.content == [ContentText(text="No.", refusal=True)]


def test_speech_keeps_its_transcript_and_its_sound() -> None:
    sound = "A" * 4000
    told: dict[str, Any] = {
        "role": "assistant",
        "content": None,
        "audio": {"transcript": "hello", "data": sound},
    }
    output = call_of(CHAT_REQUEST, {"choices": [{"message": told}]}).output
    assert output.message.text == "hello"
    assert ContentData(data={"audio": told["audio"]}) in output.message.content_list


def test_call_of_a_tool_with_a_grammar() -> None:
    made = {"id": "c1", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}
    told = {"role": "assistant", "content": None, "tool_calls": [made]}
    (call,) = (
        call_of(CHAT_REQUEST, {"choices": [{"message": told}]}).output.message.tool_calls or []
    )
    assert (call.id, call.function, call.arguments) == ("c1", "sql", {"input": "select 1"})


def test_calls_of_functions_before_there_were_tools() -> None:
    messages = [
        {"role": "user", "content": "weather?"},
        {
            "role": "assistant",
            "content": None,
            "function_call": {"name": "weather", "arguments": '{"city": "Oslo"}'},
        },
        {"role": "function", "name": "weather", "content": "rain"},
    ]
    _, asked, answered = call_of({"model": "m", "messages": messages}).input
    assert isinstance(asked, ChatMessageAssistant) and asked.tool_calls
    assert asked.tool_calls[0].arguments == {"city": "Oslo"}
    assert isinstance(answered, ChatMessageTool)
    assert (answered.tool_call_id, answered.function) == (asked.tool_calls[0].id, "weather")


def test_text_completion() -> None:
    outputs = {"choices": [{"text": " wood", "finish_reason": "length"}], "model": "davinci"}
    call = call_of({"model": "davinci", "prompt": "How much"}, outputs)
    assert [message.text for message in call.input] == ["How much"]
    assert (call.output.completion, call.output.stop_reason) == (" wood", "max_tokens")


def events_of(chunks: list[dict[str, Any]]) -> tuple[SourceSpanEvent, ...]:
    return tuple(
        SourceSpanEvent(f"mlflow.chunk.item.{i}", i, {"mlflow.chunk.value": json.dumps(chunk)})
        for i, chunk in enumerate(chunks)
    )


def stream_of_a_call() -> list[dict[str, Any]]:
    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return {"id": "chatcmpl-1", "model": "m", "choices": [choice], "usage": None}

    def piece(arguments: str, **call: Any) -> dict[str, Any]:
        return {"tool_calls": [{"index": 0, "function": {"arguments": arguments}, **call}]}

    return [
        chunk({"role": "assistant", "content": "I "}),
        chunk({"content": "look."}),
        {
            **chunk({}),
            "choices": [
                {
                    "index": 0,
                    "delta": {
                        "tool_calls": [
                            {"index": 0, "id": "c1", "function": {"name": "f", "arguments": '{"a"'}}
                        ]
                    },
                }
            ],
        },
        chunk(piece(": 1}")),
        chunk({}, "tool_calls"),
        {"id": "chatcmpl-1", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}},
    ]


# What MLflow makes of a stream has its words alone.
OF_STREAM = {
    "id": "chatcmpl-1",
    "model": "m",
    "choices": [
        {"message": {"role": "assistant", "content": "I look."}, "finish_reason": "tool_calls"}
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 5},
}


@pytest.mark.parametrize(
    ("outputs", "events"),
    [
        (stream_of_a_call(), ()),
        (OF_STREAM, events_of(stream_of_a_call())),
        (None, events_of(stream_of_a_call())),
    ],
    ids=["outputs", "events", "events-of-a-failure"],
)
def test_stream_that_was_kept_as_its_chunks(
    outputs: Any, events: tuple[SourceSpanEvent, ...]
) -> None:
    output = call_of(CHAT_REQUEST, outputs, events=events).output
    (call,) = output.message.tool_calls or []
    assert (output.message.text, output.stop_reason) == ("I look.", "tool_calls")
    assert (call.id, call.function, call.arguments) == ("c1", "f", {"a": 1})
    assert output.usage is not None and output.usage.total_tokens == 8


@pytest.mark.parametrize(
    ("outputs", "answers"),
    [
        (None, []),
        ("yes", ["yes"]),
        ({"error": {"code": 7}}, ['{"error":{"code":7}}']),
        ("<openai.Stream object at 0x7f3a>", []),
        ({"role": "assistant", "content": "yes"}, ["yes"]),
        ({"message": {"role": "assistant", "content": "yes"}, "done_reason": "stop"}, ["yes"]),
        ([{"role": "assistant", "content": "yes"}], ["yes"]),
    ],
)
def test_outputs_that_are_no_response(outputs: Any, answers: list[str]) -> None:
    output = call_of(CHAT_REQUEST, outputs).output
    assert [choice.message.text for choice in output.choices] == answers


def test_conversation_is_told_when_the_call_failed() -> None:
    assert [message.role for message in call_of(CHAT_REQUEST, None).input] == [
        *("system", "user", "assistant", "tool", "tool", "assistant", "user")
    ]


def test_messages_that_mlflow_2_kept_apart() -> None:
    told = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}]
    call = call_of(
        {"prompt_id": 7}, "yes", message_format=None, attributes={"mlflow.chat.messages": told}
    )
    assert [(m.role, m.text) for m in (*call.input, call.output.message)] == [
        ("user", "hi"),
        ("assistant", "yes"),
    ]


# --- Responses -----------------------------------------------------------------------------------

RESPONSES_REQUEST: dict[str, Any] = {
    "model": "gpt-5",
    "instructions": "Be brief.",
    "reasoning": {"effort": "low"},
    "max_output_tokens": 300,
    "input": [
        {"role": "user", "content": "How warm is it in Oslo?"},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "And what is this?"},
                {"type": "input_image", "image_url": "https://x.test/a.png", "detail": "low"},
                {
                    "type": "input_file",
                    "file_data": "data:application/pdf;base64,AA==",
                    "filename": "a.pdf",
                },
            ],
        },
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "The weather"}],
            "encrypted_content": "XXXX",
        },
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_1",
            "name": "weather",
            "arguments": '{"city": "Oslo"}',
        },
        {"type": "function_call_output", "call_id": "call_1", "output": "7 degrees"},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "7 degrees.", "annotations": []}],
        },
        {"role": "user", "content": "Look it up."},
    ],
    "tools": [
        {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}},
        {"type": "web_search"},
    ],
}
RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "model": "gpt-5-2025-08-07",
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "output": [
        {
            "type": "reasoning",
            "id": "rs_2",
            "summary": [],
            "encrypted_content": "YYYY",
            "content": None,
            "status": None,
        },
        {
            "type": "web_search_call",
            "id": "ws_1",
            "status": "completed",
            "action": {"type": "search", "query": "Oslo weather"},
        },
        {
            "type": "code_interpreter_call",
            "id": "ci_1",
            "code": "6 * 7",
            "container_id": "c",
            "outputs": [{"type": "logs", "logs": "42"}],
            "status": "completed",
        },
        {
            "type": "mcp_call",
            "id": "mcp_1",
            "name": "roll",
            "server_label": "dice",
            "arguments": '{"sides": 6}',
            "output": "4",
            "error": None,
        },
        {
            "type": "message",
            "id": "msg_2",
            "role": "assistant",
            "status": "completed",
            "content": [
                {"type": "output_text", "text": "It is cold.", "annotations": [], "logprobs": None}
            ],
        },
        {
            "type": "function_call",
            "id": "fc_2",
            "call_id": "call_2",
            "name": "weather",
            "arguments": '{"city": "Bergen"}',
            "status": "completed",
        },
    ],
    "usage": {
        "input_tokens": 90,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 2},
        "output_tokens": 30,
        "output_tokens_details": {"reasoning_tokens": 16},
        "total_tokens": 120,
    },
}


def without_names_of_searches(lines: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Inspect writes the searched words, and names interpreters, in its own way."""
    for line in lines:
        for part in line[1]:
            if part["type"] == "tool_use":
                part.pop("arguments")
                part.pop("name")
    return lines


def test_items_are_the_messages_that_inspect_reads() -> None:
    items = copy.deepcopy(RESPONSES_REQUEST["input"])
    theirs = asyncio.run(messages_from_openai_responses(items))
    system, *ours = call_of(RESPONSES_REQUEST).input
    assert (system.role, system.text) == ("system", "Be brief.")
    assert outline(ours) == outline(theirs)


def test_response_of_responses_is_what_inspect_reads() -> None:
    theirs = asyncio.run(model_output_from_openai_responses(copy.deepcopy(RESPONSE)))
    ours = call_of(RESPONSES_REQUEST, RESPONSE).output
    (mine,) = without_names_of_searches(outline([ours.message]))
    (inspects,) = without_names_of_searches(outline([theirs.message]))
    assert mine == inspects
    assert (ours.usage, ours.stop_reason) == (theirs.usage, theirs.stop_reason)


def test_tools_that_openai_ran() -> None:
    uses = [
        part
        for part in call_of(RESPONSES_REQUEST, RESPONSE).output.message.content_list
        if isinstance(part, ContentToolUse)
    ]
    assert [(use.tool_type, use.name, use.arguments, use.result) for use in uses] == [
        ("web_search", "search", '{"type":"search","query":"Oslo weather"}', ""),
        ("code_execution", "code_interpreter", "6 * 7", "42"),
        ("mcp_call", "roll", '{"sides": 6}', "4"),
    ]


def test_response_as_mlflow_stores_it_has_none_where_openais_package_refuses_it() -> None:
    stored = copy.deepcopy(RESPONSE)
    stored["usage"]["input_tokens_details"] = {"cached_tokens": 60, "cache_write_tokens": None}
    stored["output"][0] |= {"content": None, "status": None}
    usage = call_of(RESPONSES_REQUEST, stored).output.usage
    assert usage is not None
    assert (usage.input_tokens, usage.input_tokens_cache_write) == (30, None)


def test_request_of_responses() -> None:
    call = call_of(RESPONSES_REQUEST, RESPONSE)
    assert (call.model, call.output.model) == ("gpt-5", "gpt-5-2025-08-07")
    assert (call.config.reasoning_effort, call.config.max_tokens) == ("low", 300)
    assert [tool.name for tool in call.tools] == ["weather", "web_search"]


def test_texts_alone_are_a_request_of_responses() -> None:
    message = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "yes"}],
    }
    call = call_of({"model": "m", "input": "hi"}, {"output": [message], "status": "completed"})
    assert [(m.role, m.content) for m in (*call.input, call.output.message)] == [
        ("user", "hi"),
        ("assistant", "yes"),
    ]
    assert call.output.stop_reason == "stop"


@pytest.mark.parametrize(
    ("reason", "stop_reason"),
    [("max_output_tokens", "max_tokens"), ("content_filter", "content_filter")],
)
def test_incomplete_response(reason: str, stop_reason: str) -> None:
    response = {"status": "incomplete", "incomplete_details": {"reason": reason}, "output": []}
    assert call_of({"input": "hi"}, response).output.stop_reason == stop_reason


def test_agents_sdk_has_items_alone_and_the_rest_in_attributes() -> None:
    attributes = {
        "id": "resp_1",
        "model": "gpt-5",
        "instructions": "Be brief.",
        "temperature": 0.25,
        "tools": RESPONSES_REQUEST["tools"],
        "usage": RESPONSE["usage"],
        "status": "completed",
    }
    call = call_of(
        RESPONSES_REQUEST["input"],
        RESPONSE["output"],
        message_format="openai-agent",
        attributes=attributes,
    )
    of_autolog = call_of(RESPONSES_REQUEST, RESPONSE)
    assert outline(call.input) == outline(of_autolog.input)
    assert outline([call.output.message]) == outline([of_autolog.output.message])
    assert call.output.usage == of_autolog.output.usage
    assert (call.model, call.config.temperature, len(call.tools)) == ("gpt-5", 0.25, 2)


def test_generation_of_the_agents_sdk_is_a_chat() -> None:
    call = call_of(
        CHAT_REQUEST["messages"],
        [{"role": "assistant", "content": "yes"}],
        message_format="openai-agent",
    )
    assert outline(call.input) == outline(call_of(CHAT_REQUEST).input)
    assert call.output.completion == "yes"


def test_citations() -> None:
    cited = {
        "type": "url_citation",
        "url": "https://x.test",
        "title": "X",
        "start_index": 0,
        "end_index": 2,
    }
    text = {"type": "output_text", "text": "As X says.", "annotations": [cited]}
    outputs = {"output": [{"type": "message", "role": "assistant", "content": [text]}]}
    (part,) = call_of({"input": "hi"}, outputs).output.message.content_list
    assert isinstance(part, ContentText) and part.citations
    assert [(c.type, c.title) for c in part.citations] == [("url", "X")]


@pytest.mark.parametrize(
    ("item", "function", "arguments"),
    [
        (
            {"type": "custom_tool_call", "call_id": "c1", "name": "sql", "input": "select 1"},
            "sql",
            {"input": "select 1"},
        ),
        (
            {"type": "computer_call", "call_id": "c1", "action": {"type": "click", "x": 3}},
            "computer",
            {"type": "click", "x": 3},
        ),
        (
            {"type": "local_shell_call", "call_id": "c1", "action": {"command": ["ls"]}},
            "local_shell",
            {"command": ["ls"]},
        ),
    ],
)
def test_calls_that_the_program_answers(
    item: dict[str, Any], function: str, arguments: dict[str, Any]
) -> None:
    output = call_of({"input": "hi"}, {"output": [item], "status": "completed"}).output
    (call,) = output.message.tool_calls or []
    assert (call.id, call.function, call.arguments) == ("c1", function, arguments)
    assert output.stop_reason == "tool_calls"


@pytest.mark.parametrize(
    ("output", "content"),
    [
        ("7 degrees", "7 degrees"),
        ({"warm": True}, '{"warm":true}'),
        (
            {"type": "computer_screenshot", "image_url": "data:image/png;base64,AA=="},
            [ContentImage(image="data:image/png;base64,AA==")],
        ),
        (
            [
                {"type": "input_text", "text": "see"},
                {
                    "type": "input_file",
                    "file_data": "data:text/plain;base64,AA==",
                    "filename": "a.txt",
                },
            ],
            [
                ContentText(text="see"),
                ContentDocument(
                    document="data:text/plain;base64,AA==", filename="a.txt", mime_type="text/plain"
                ),
            ],
        ),
    ],
)
def test_results_of_calls(output: Any, content: Any) -> None:
    items = [
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": output},
    ]
    _, result = call_of({"model": "m", "input": items}).input
    assert result.content == content
    assert isinstance(result, ChatMessageTool) and result.function == "f"


def test_item_that_nobody_knows_stands_as_its_json() -> None:
    item = {"type": "mcp_approval_request", "id": "a1", "name": "drop"}
    output = call_of({"input": "hi"}, {"output": [item], "status": "completed"}).output
    assert output.message.text == '{"type":"mcp_approval_request","id":"a1","name":"drop"}'


def test_stream_of_responses_that_ended_early() -> None:
    item = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "I"}],
    }
    final = {
        "id": "resp_1",
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "output": [item],
        "usage": {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4},
    }
    events = [
        {"type": "response.created", "response": {"status": "in_progress", "output": []}},
        {"type": "response.output_item.done", "item": item},
        {"type": "response.incomplete", "response": final},
    ]
    # What MLflow makes of it has the items alone.
    output = call_of({"input": "hi"}, {"output": [item]}, events=events_of(events)).output
    assert (output.completion, output.stop_reason) == ("I", "max_tokens")
    assert output.usage == ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)


def test_picture_that_openai_drew() -> None:
    item = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "AA=="}
    output = call_of({"input": "hi"}, {"output": [item], "status": "completed"}).output
    assert output.message.content == [ContentImage(image="data:image/png;base64,AA==")]


# --- values of other types than promised ---------------------------------------------------------


@pytest.mark.parametrize("message_format", ["openai", None])
@pytest.mark.parametrize(
    ("request_", "response"), [(CHAT_REQUEST, CHAT_RESPONSE), (RESPONSES_REQUEST, RESPONSE)]
)
def test_any_value_may_be_of_another_type(
    request_: Any,
    response: Any,
    message_format: str | None,
    with_odd_values: Callable[[Any], Iterator[Any]],
) -> None:
    whole = call_of(request_, response, message_format=message_format)
    answer, roles = whole.output.completion, [message.role for message in whole.input]
    for odd in with_odd_values(request_):
        assert call_of(odd, response, message_format=message_format).output.completion == answer
    for odd in with_odd_values(response):
        read = call_of(request_, odd, message_format=message_format)
        assert [message.role for message in read.input] == roles
