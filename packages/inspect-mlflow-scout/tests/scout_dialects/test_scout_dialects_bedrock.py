from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspect_mlflow_scout.normalization._chat_form import ChatForm
from inspect_mlflow_scout.normalization.dialects._bedrock import read
from inspect_mlflow_scout.reading import SourceSpan, SourceSpanEvent

from .spans import model_span

CLAUDE = "anthropic.claude-sonnet-4-v1:0"
WORDS = ["role", "content", "text", "toolUse", "toolResult", "image", "source", "bytes", "messages"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def span(
    inputs: Any = None,
    outputs: Any = None,
    events: Iterable[tuple[str, Any]] = (),
    attributes: Any = None,
) -> SourceSpan:
    return model_span(
        "BedrockRuntime.converse",
        inputs,
        outputs,
        attributes=attributes,
        events=(
            SourceSpanEvent(name, place, {"json": json.dumps(told)})
            for place, (name, told) in enumerate(events)
        ),
    )


def form(inputs: Any, outputs: Any = None, events: Iterable[tuple[str, Any]] = ()) -> ChatForm:
    found = read(span({"modelId": CLAUDE, **inputs}, outputs, events))
    assert found is not None
    return found


def user_content(*blocks: Any) -> Any:
    (message,) = form({"messages": [{"role": "user", "content": list(blocks)}]}).messages
    return message["content"]


def test_a_conversation() -> None:
    inputs = {
        "modelId": CLAUDE,
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
        "messages": [
            {"role": "user", "content": [{"text": "Weather?"}]},
            {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig"}}},
                    {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"at": "P"}}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "toolResult": {
                            "toolUseId": "t1",
                            "content": [{"json": {"sky": "blue"}}],
                            "status": "success",
                        }
                    },
                    {"text": "Well?"},
                ],
            },
        ],
        "inferenceConfig": {
            "maxTokens": 50,
            "temperature": 0.1,
            "topP": 0.9,
            "stopSequences": ["X"],
        },
        "additionalModelRequestFields": {"top_k": 5, "thinking": {"budget_tokens": 1024}},
        "toolConfig": {
            "tools": [
                {
                    "toolSpec": {
                        "name": "weather",
                        "description": "Tells it.",
                        "inputSchema": {"json": {"type": "object"}},
                    }
                },
                {"cachePoint": {"type": "default"}},
            ],
            "toolChoice": {"any": {}},
        },
    }
    outputs = {
        "ResponseMetadata": {"RequestId": "req-1"},
        "output": {"message": {"role": "assistant", "content": [{"text": "Blue."}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 10, "outputTokens": 3, "totalTokens": 13},
    }

    assert read(span(inputs, outputs, attributes={"mlflow.llm.provider": "anthropic"})) == ChatForm(
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": [{"type": "reasoning", "reasoning": "Hm.", "signature": "sig"}],
                "tool_calls": [
                    {
                        "id": "t1",
                        "type": "function",
                        "function": {"name": "weather", "arguments": {"at": "P"}},
                    }
                ],
            },
            {"role": "tool", "content": '{"sky":"blue"}', "tool_call_id": "t1"},
            {"role": "user", "content": "Well?"},
        ],
        choices=[
            {"message": {"role": "assistant", "content": "Blue."}, "finish_reason": "end_turn"}
        ],
        model=CLAUDE,
        provider="anthropic",
        tools=[
            {
                "type": "function",
                "function": {
                    "name": "weather",
                    "description": "Tells it.",
                    "parameters": {"type": "object"},
                },
            }
        ],
        tool_choice="required",
        config={
            "temperature": 0.1,
            "top_p": 0.9,
            "top_k": 5,
            "max_tokens": 50,
            "stop": ["X"],
            "reasoning_tokens": 1024,
        },
        usage={"input_tokens": 10, "output_tokens": 3, "total_tokens": 13},
        response_id="req-1",
    )


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (
            {"image": {"format": "png", "source": {"bytes": r"b'\x00'"}}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
        ),
        (
            {"document": {"format": "pdf", "name": "d", "source": {"bytes": "AAAA"}}},
            {
                "type": "file",
                "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "d"},
            },
        ),
        (
            {"document": {"format": "txt", "name": "d", "source": {"text": "words"}}},
            "words",
        ),
        (
            {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://b/v.mp4"}}}},
            {"type": "video_url", "video_url": {"url": "s3://b/v.mp4"}},
        ),
        ({"guardContent": {"text": {"text": "guarded"}}}, "guarded"),
        ({"citationsContent": {"content": [{"text": "cited"}], "citations": []}}, "cited"),
        (
            {"reasoningContent": {"redactedContent": "AAAA"}},
            {"type": "reasoning", "reasoning": "AAAA", "redacted": True},
        ),
        ({"newBlock": {"a": 1}}, {"type": "data", "data": {"newBlock": {"a": 1}}}),
    ],
)
def test_blocks(block: Any, expected: Any) -> None:
    assert user_content(block) == (expected if isinstance(expected, str) else [expected])


def test_the_result_of_a_tool_that_failed_with_an_image() -> None:
    result = {
        "toolUseId": "t1",
        "status": "error",
        "content": [
            {"text": "see"},
            {"image": {"format": "png", "source": {"bytes": "AAAA"}}},
        ],
    }

    found = form({"messages": [{"role": "user", "content": [{"toolResult": result}]}]})

    assert found.messages == [
        {
            "role": "tool",
            "tool_call_id": "t1",
            "is_error": True,
            "content": [
                {"type": "text", "text": "see"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            ],
        }
    ]


def test_tokens_of_the_cache_count_as_input() -> None:
    usage = {
        "inputTokens": 10,
        "outputTokens": 3,
        "totalTokens": 13,
        "cacheReadInputTokens": 100,
        "cacheWriteInputTokens": 20,
    }

    assert form({"messages": []}, {"stopReason": "end_turn", "usage": usage}).usage == {
        "input_tokens": 130,
        "output_tokens": 3,
        "total_tokens": 133,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20,
    }


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"auto": {}}, "auto"),
        ({"tool": {"name": "f"}}, {"type": "function", "function": {"name": "f"}}),
        (None, None),
    ],
)
def test_tool_choice(choice: Any, expected: Any) -> None:
    tools = {"tools": [], "toolChoice": choice}

    assert form({"messages": [], "toolConfig": tools}).tool_choice == expected


def test_a_stream_is_put_together_from_its_events() -> None:
    def delta(index: int, told: Any) -> tuple[str, Any]:
        return "contentBlockDelta", {"contentBlockIndex": index, "delta": told}

    def start(index: int, tool: Any) -> tuple[str, Any]:
        return "contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": tool}}

    events = [
        ("messageStart", {"role": "assistant"}),
        delta(0, {"reasoningContent": {"text": "I "}}),
        delta(0, {"reasoningContent": {"text": "think."}}),
        delta(0, {"reasoningContent": {"signature": "sig"}}),
        delta(1, {"text": "Look"}),
        delta(1, {"text": "ing."}),
        start(2, {"toolUseId": "a", "name": "f"}),
        delta(2, {"toolUse": {"input": '{"x":'}}),
        delta(2, {"toolUse": {"input": "1}"}}),
        start(3, {"toolUseId": "b", "name": "g"}),
        ("messageStop", {"stopReason": "tool_use"}),
    ]
    # What MLflow makes of them.
    outputs = {
        "output": {
            "message": {
                "role": "assistant",
                "content": [
                    {"text": "Looking."},
                    {"toolUse": {"toolUseId": "b", "name": "g", "input": '{"x":1}'}},
                ],
            }
        },
        "stopReason": "tool_use",
    }

    assert form({"messages": []}, outputs, events).choices == [
        {
            "message": {
                "role": "assistant",
                "content": [
                    {"type": "reasoning", "reasoning": "I think.", "signature": "sig"},
                    {"type": "text", "text": "Looking."},
                ],
                "tool_calls": [
                    {
                        "id": "a",
                        "type": "function",
                        "function": {"name": "f", "arguments": '{"x":1}'},
                    },
                    {"id": "b", "type": "function", "function": {"name": "g", "arguments": {}}},
                ],
            },
            "finish_reason": "tool_use",
        }
    ]


def test_a_body_of_anthropic_s() -> None:
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "system": "S",
        "messages": [
            {"role": "user", "content": "q"},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "t", "content": "r"}],
            },
        ],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
    }
    response = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [{"type": "text", "text": "a"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 5, "output_tokens": 1},
    }

    assert form({"body": json.dumps(body)}, {"body": response}) == ChatForm(
        messages=[
            {"role": "system", "content": "S"},
            {"role": "user", "content": "q"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "t",
                        "type": "function",
                        "function": {"name": "f", "arguments": {"a": 1}},
                    }
                ],
            },
            {"role": "tool", "content": "r", "tool_call_id": "t"},
        ],
        choices=[{"message": {"role": "assistant", "content": "a"}, "finish_reason": "end_turn"}],
        model=CLAUDE,
        tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        config={"max_tokens": 9},
        usage={"input_tokens": 5, "output_tokens": 1, "total_tokens": 6},
        response_id="msg_1",
    )


def test_a_streamed_body_of_anthropic_s() -> None:
    events = [
        ("message_start", {"message": {"id": "msg_1", "usage": {"input_tokens": 3}}}),
        ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
        ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "Hel"}}),
        ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "lo"}}),
        (
            "content_block_start",
            {
                "index": 1,
                "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}},
            },
        ),
        (
            "content_block_delta",
            {"index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"a":1}'}},
        ),
        ("message_delta", {"delta": {"stop_reason": "tool_use"}}),
    ]

    found = form({"body": '{"messages":[]}'}, {"body": "EventStream"}, events)

    assert found.response_id == "msg_1"
    assert found.choices == [
        {
            "message": {
                "role": "assistant",
                "content": "Hello",
                "tool_calls": [
                    {
                        "id": "t",
                        "type": "function",
                        "function": {"name": "f", "arguments": '{"a":1}'},
                    }
                ],
            },
            "finish_reason": "tool_use",
        }
    ]


@pytest.mark.parametrize(
    ("body", "response", "asked", "answered", "reason", "usage"),
    [
        (
            {"inputText": "q", "textGenerationConfig": {"maxTokenCount": 5}},
            {
                "inputTextTokenCount": 3,
                "results": [{"tokenCount": 2, "outputText": "a", "completionReason": "FINISH"}],
            },
            "q",
            "a",
            "FINISH",
            {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
        ),
        (
            {"prompt": "q", "max_gen_len": 5},
            {
                "generation": "a",
                "prompt_token_count": 3,
                "generation_token_count": 2,
                "stop_reason": "stop",
            },
            "q",
            "a",
            "stop",
            {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
        ),
        (
            {"prompt": "q", "max_tokens": 5},
            {"outputs": [{"text": "a", "stop_reason": "length"}]},
            "q",
            "a",
            "length",
            None,
        ),
        (
            {"message": "q", "max_tokens": 5},
            {"text": "a", "finish_reason": "COMPLETE", "response_id": "x"},
            "q",
            "a",
            "COMPLETE",
            None,
        ),
        (
            {
                "schemaVersion": "messages-v1",
                "messages": [{"role": "user", "content": [{"text": "q"}]}],
                "inferenceConfig": {"maxTokens": 5},
            },
            {
                "output": {"message": {"role": "assistant", "content": [{"text": "a"}]}},
                "stopReason": "end_turn",
                "usage": {"inputTokens": 3, "outputTokens": 2},
            },
            "q",
            "a",
            "end_turn",
            {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
        ),
    ],
    ids=["titan", "llama", "mistral", "cohere", "nova"],
)
def test_bodies_of_other_makers(
    body: Any, response: Any, asked: str, answered: str, reason: str, usage: Any
) -> None:
    assert form({"body": json.dumps(body)}, {"body": response}) == ChatForm(
        messages=[{"role": "user", "content": asked}],
        choices=[{"message": {"role": "assistant", "content": answered}, "finish_reason": reason}],
        model=CLAUDE,
        tools=[],
        config={"max_tokens": 5},
        usage=usage,
    )


def test_a_body_that_is_no_json_is_what_the_user_said() -> None:
    found = form({"body": "<odd>"}, {"body": "<also odd>"})

    assert found.messages == [{"role": "user", "content": "<odd>"}]
    assert found.choices == [
        {"message": {"role": "assistant", "content": "<also odd>"}, "finish_reason": None}
    ]


@pytest.mark.parametrize(
    "inputs",
    [
        None,
        "hi",
        {"messages": [{"role": "user", "content": "hi"}]},
        {"modelId": CLAUDE, "agentId": "x"},
    ],
)
def test_other_spans_are_not_bedrock_s(inputs: Any) -> None:
    assert read(span(inputs, {"output": {}})) is None


@given(messages=JSON, outputs=JSON, event=JSON)
def test_a_conversation_never_raises(messages: Any, outputs: Any, event: Any) -> None:
    asked = {"modelId": "m", "messages": messages, "system": messages, "toolConfig": messages}
    told = [("contentBlockDelta", event), ("contentBlockStart", event)]

    found = read(span(asked, {"output": outputs, "usage": outputs}, told))

    assert found is not None


@given(body=JSON, response=JSON, event=JSON)
def test_a_body_never_raises(body: Any, response: Any, event: Any) -> None:
    told = [("content_block_start", event), ("content_block_delta", event)]

    streamed = read(span({"modelId": "m", "body": {"a": body}}, {"body": "EventStream"}, told))
    whole = read(span({"modelId": "m", "body": {"messages": body}}, {"body": response}))

    assert streamed is not None
    assert whole is not None
