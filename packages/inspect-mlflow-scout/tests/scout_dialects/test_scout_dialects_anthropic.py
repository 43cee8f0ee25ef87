"""Anthropic's Messages."""

from __future__ import annotations

import asyncio
import copy
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
    ModelUsage,
    messages_from_anthropic,
    model_output_from_anthropic,
)
from inspect_ai.tool import ToolCallError, ToolFunction

from inspect_mlflow_scout.normalization import ModelCall, model_call

from .spans import model_span


def call_of(
    inputs: Any,
    outputs: Any = None,
    *,
    message_format: str | None = "anthropic",
    attributes: dict[str, Any] | None = None,
) -> ModelCall:
    return model_call(
        model_span(
            "Messages.create",
            inputs,
            outputs,
            message_format=message_format,
            attributes=attributes,
        )
    )


def outline(message: ChatMessage) -> tuple[Any, ...]:
    """What of a message must be the same whoever read it: not its id, nor how texts stand."""
    kept: Any = {"exclude": {"internal", "filename"}, "exclude_none": True}
    said = [part.model_dump(**kept) for part in message.content_list]
    if isinstance(message, ChatMessageAssistant):
        calls = [(call.id, call.function, call.arguments) for call in message.tool_calls or ()]
        return ("assistant", said, calls)
    if isinstance(message, ChatMessageTool):
        failed = message.error is not None
        return ("tool", said, message.tool_call_id, message.function, failed)
    return (message.role, said)


REQUEST: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 2048,
    "temperature": 0.5,
    "top_k": 5,
    "stop_sequences": ["END"],
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "system": "Be brief.",
    "tool_choice": {"type": "tool", "name": "weather"},
    "tools": [
        {
            "name": "weather",
            "description": "Tells it",
            "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
        {"type": "web_search_20250305", "name": "web_search"},
    ],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "AA=="},
                },
                {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}},
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="},
                },
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "words"},
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Oslo"}},
                {"type": "tool_use", "id": "t2", "name": "look", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "7 degrees"},
                {
                    "type": "tool_result",
                    "tool_use_id": "t2",
                    "is_error": True,
                    "content": [
                        {"type": "text", "text": "too dark"},
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": "AA=="},
                        },
                    ],
                },
                {"type": "text", "text": "And now?"},
            ],
        },
    ],
}
RESPONSE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [
        {"type": "text", "text": "I ask again.", "citations": None},
        {
            "type": "server_tool_use",
            "id": "srv_1",
            "name": "web_search",
            "input": {"query": "Oslo weather"},
        },
        {
            "type": "web_search_tool_result",
            "tool_use_id": "srv_1",
            "content": [
                {
                    "type": "web_search_result",
                    "title": "Oslo",
                    "url": "https://x.test",
                    "encrypted_content": "XX",
                    "page_age": None,
                }
            ],
        },
        {"type": "tool_use", "id": "t3", "name": "weather", "input": {"city": "Bergen"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 20,
        "output_tokens": 30,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 10,
        "service_tier": "standard",
    },
}


def test_messages_are_those_that_inspect_reads() -> None:
    theirs = asyncio.run(messages_from_anthropic(copy.deepcopy(REQUEST["messages"]), "Be brief."))
    ours = call_of(REQUEST).input
    assert [outline(message) for message in ours] == [outline(message) for message in theirs]


def test_response_is_what_inspect_reads() -> None:
    theirs = asyncio.run(model_output_from_anthropic(copy.deepcopy(RESPONSE)))
    ours = call_of(REQUEST, RESPONSE).output
    assert ours.message.tool_calls == theirs.message.tool_calls
    assert ours.message.text == theirs.message.text
    assert (ours.usage, ours.stop_reason) == (theirs.usage, theirs.stop_reason)
    assert (ours.model, ours.response_id) == (theirs.model, theirs.response_id)


def test_dialect_is_known_by_its_blocks() -> None:
    declared, found = call_of(REQUEST, RESPONSE), call_of(REQUEST, RESPONSE, message_format=None)
    assert list(map(outline, found.input)) == list(map(outline, declared.input))
    assert found.output.usage == declared.output.usage


def test_tool_that_anthropic_ran() -> None:
    (use,) = (
        part
        for part in call_of(REQUEST, RESPONSE).output.message.content_list
        if isinstance(part, ContentToolUse)
    )
    assert (use.tool_type, use.id, use.name) == ("web_search", "srv_1", "web_search")
    assert use.arguments == '{"query":"Oslo weather"}'
    assert "https://x.test" in use.result
    assert use.error is None


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        (
            [
                {
                    "type": "mcp_tool_use",
                    "id": "m1",
                    "name": "roll",
                    "server_name": "dice",
                    "input": {"sides": 6},
                },
                {
                    "type": "mcp_tool_result",
                    "tool_use_id": "m1",
                    "is_error": True,
                    "content": [{"type": "text", "text": "lost"}],
                },
            ],
            ContentToolUse(
                tool_type="mcp_call",
                id="m1",
                name="roll",
                context="dice",
                arguments='{"sides":6}',
                result="lost",
                error="error",
            ),
        ),
        (
            [
                {
                    "type": "server_tool_use",
                    "id": "s1",
                    "name": "code_execution",
                    "input": {"code": "6*7"},
                },
                {
                    "type": "code_execution_tool_result",
                    "tool_use_id": "s1",
                    "content": {"stdout": "42"},
                },
            ],
            ContentToolUse(
                tool_type="code_execution",
                id="s1",
                name="code_execution",
                arguments='{"code":"6*7"}',
                result='{"stdout":"42"}',
            ),
        ),
        (
            [
                {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
                {
                    "type": "web_search_tool_result",
                    "tool_use_id": "s1",
                    "content": {
                        "type": "web_search_tool_result_error",
                        "error_code": "unavailable",
                    },
                },
            ],
            ContentToolUse(
                tool_type="web_search",
                id="s1",
                name="web_search",
                arguments="{}",
                result='{"type":"web_search_tool_result_error","error_code":"unavailable"}',
                error="unavailable",
            ),
        ),
        (
            [
                {
                    "type": "server_tool_use",
                    "id": "s1",
                    "name": "web_search",
                    "input": {"query": "x"},
                }
            ],
            ContentToolUse(
                tool_type="web_search",
                id="s1",
                name="web_search",
                arguments='{"query":"x"}',
                result="",
            ),
        ),
        (
            [{"type": "web_search_tool_result", "tool_use_id": "s0", "content": []}],
            ContentToolUse(
                tool_type="web_search",
                id="s0",
                name="web_search_tool_result",
                arguments="",
                result="[]",
            ),
        ),
    ],
)
def test_tools_that_anthropics_servers_run(blocks: list[Any], expected: ContentToolUse) -> None:
    content = [*blocks, {"type": "text", "text": "So."}]
    output = call_of(REQUEST, {**RESPONSE, "content": content}).output
    assert expected in output.message.content_list
    assert output.message.text == "So."


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            ContentReasoning(reasoning="hm", signature="s"),
        ),
        (
            {"type": "redacted_thinking", "data": "XX"},
            ContentReasoning(reasoning="XX", redacted=True),
        ),
        (
            {"type": "compaction", "content": "c" * 4000},
            ContentData(data={"type": "compaction", "content": "c" * 4000}),
        ),
        ({"type": "oracle", "says": 7}, ContentText(text='{"type":"oracle","says":7}')),
    ],
)
def test_blocks_of_a_response(block: dict[str, Any], expected: Any) -> None:
    content = [block, {"type": "text", "text": "So."}]
    output = call_of(REQUEST, {**RESPONSE, "content": content}).output
    assert output.message.content == [expected, ContentText(text="So.")]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            {"type": "url", "url": "https://x.test/a.pdf"},
            ContentDocument(
                document="https://x.test/a.pdf", filename="A", mime_type="application/pdf"
            ),
        ),
        ({"type": "content", "content": "in words"}, ContentText(text="in words")),
        (
            {"type": "file", "file_id": "f1"},
            ContentText(
                text='{"type":"document","title":"A","source":{"type":"file","file_id":"f1"}}'
            ),
        ),
    ],
)
def test_documents(source: dict[str, Any], expected: Any) -> None:
    blocks = [
        {"type": "text", "text": "Read."},
        {"type": "document", "title": "A", "source": source},
    ]
    (message,) = call_of({"messages": [{"role": "user", "content": blocks}]}).input
    assert message.content == [ContentText(text="Read."), expected]


def test_citations() -> None:
    told = [
        {
            "type": "web_search_result_location",
            "url": "https://x.test",
            "title": "X",
            "cited_text": "7",
        },
        {"type": "char_location", "document_title": "D", "document_index": 0, "cited_text": "8"},
    ]
    content = [{"type": "text", "text": "As they say.", "citations": told}]
    (part,) = call_of(REQUEST, {**RESPONSE, "content": content}).output.message.content_list
    assert isinstance(part, ContentText) and part.citations
    assert [(c.type, c.title, c.cited_text) for c in part.citations] == [
        ("url", "X", "7"),
        ("document", "D", "8"),
    ]


def test_system_in_blocks() -> None:
    system = [
        {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "Be kind."},
    ]
    message = call_of({**REQUEST, "system": system}).input[0]
    assert (message.role, message.text) == ("system", "Be brief.\nBe kind.")


def test_results_of_one_message_are_messages_of_their_own() -> None:
    results = [m for m in call_of(REQUEST).input if isinstance(m, ChatMessageTool)]
    assert [(m.tool_call_id, m.function) for m in results] == [("t1", "weather"), ("t2", "look")]
    assert results[0].error is None
    assert results[1].error == ToolCallError("unknown", "too dark")
    assert ContentImage(image="data:image/png;base64,AA==") in results[1].content_list


def test_request() -> None:
    call = call_of(REQUEST)
    assert call.config.model_dump(exclude_none=True) == {
        "max_tokens": 2048,
        "temperature": 0.5,
        "top_k": 5,
        "stop_seqs": ["END"],
        "reasoning_tokens": 1024,
    }
    assert [tool.name for tool in call.tools] == ["weather", "web_search"]
    assert call.tools[0].parameters.properties["city"].type == "string"
    assert call.tool_choice == ToolFunction("weather")


@pytest.mark.parametrize(
    "told",
    [
        # Newer versions of MLflow count the cached tokens within the input, older ones do not.
        {"input_tokens": 90, "output_tokens": 30, "total_tokens": 120},
        {"input_tokens": 20, "output_tokens": 30, "total_tokens": 50},
    ],
)
def test_tokens_as_mlflow_counts_them(told: dict[str, int]) -> None:
    counts = {**told, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 10}
    usage = call_of(REQUEST, RESPONSE, attributes={"mlflow.chat.tokenUsage": counts}).output.usage
    assert usage == ModelUsage(
        input_tokens=20,
        output_tokens=30,
        total_tokens=120,
        input_tokens_cache_read=60,
        input_tokens_cache_write=10,
    )


def test_tokens_of_thinking() -> None:
    usage = {"input_tokens": 1, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 5}}
    found = call_of(REQUEST, {**RESPONSE, "usage": usage}).output.usage
    assert found is not None and found.reasoning_tokens == 5


@pytest.mark.parametrize(
    ("outputs", "answers"),
    [
        (None, []),
        ("<anthropic.Stream object at 0x7f3a>", []),
        ("yes", ["yes"]),
        (
            {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "yes"}]},
            ["yes"],
        ),
    ],
)
def test_other_outputs(outputs: Any, answers: list[str]) -> None:
    output = call_of(REQUEST, outputs).output
    assert [choice.message.text for choice in output.choices] == answers


@pytest.mark.parametrize("message_format", ["anthropic", None])
def test_any_value_may_be_of_another_type(
    message_format: str | None, with_odd_values: Callable[[Any], Iterator[Any]]
) -> None:
    whole = call_of(REQUEST, RESPONSE, message_format=message_format)
    answer, roles = whole.output.completion, [message.role for message in whole.input]
    for odd in with_odd_values(REQUEST):
        assert call_of(odd, RESPONSE, message_format=message_format).output.completion == answer
    for odd in with_odd_values(RESPONSE):
        read = call_of(REQUEST, odd, message_format=message_format)
        assert [message.role for message in read.input] == roles
