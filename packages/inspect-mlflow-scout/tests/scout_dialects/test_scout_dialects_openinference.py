from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspect_mlflow_scout.normalization._chat_form import ChatForm
from inspect_mlflow_scout.normalization.dialects._flattened import nested
from inspect_mlflow_scout.normalization.dialects._openinference import read
from inspect_mlflow_scout.reading import SourceSpan

from .spans import model_span

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
STEPS = st.text(min_size=1, max_size=6).filter(lambda step: "." not in step and not step.isdigit())
# What has attributes at all: nothing is written of an empty list or object.
NESTED = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=12)
        | st.dictionaries(STEPS, inner, min_size=1, max_size=4)
    ),
    max_leaves=20,
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.lists(
    st.sampled_from(
        [
            *("0", "1", "message", "role", "content", "contents", "message_content", "type"),
            *("image", "url", "tool_calls", "tool_call", "function", "name", "arguments", "tool"),
            *("json_schema", "prompt", "text", "completion", "", "999999999999999999999"),
        ]
    ),
    max_size=7,
).map(".".join)
PREFIXES = ["llm.input_messages", "llm.output_messages", "llm.tools", "llm.prompts", "llm.choices"]


def span(
    attributes: Mapping[str, Any] | None = None, inputs: Any = None, outputs: Any = None
) -> SourceSpan:
    return model_span("ChatCompletion", inputs, outputs, span_type="LLM", attributes=attributes)


def flattened(prefix: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        items = [(str(name), item) for name, item in value.items()]
    elif isinstance(value, list):
        items = [(str(place), item) for place, item in enumerate(value)]
    else:
        return {prefix: value}
    return {
        name: leaf
        for step, item in items
        for name, leaf in flattened(f"{prefix}.{step}", item).items()
    }


def form(attributes: Mapping[str, Any], inputs: Any = None, outputs: Any = None) -> ChatForm:
    found = read(span({"openinference.span.kind": "LLM", **attributes}, inputs, outputs))
    assert found is not None
    return found


def messages(*told: Any) -> list[Any]:
    items = [{"message": message} for message in told]
    return list(form(flattened("llm.input_messages", items)).messages)


def test_a_call_with_all_attributes() -> None:
    call = {
        "tool_call": {"id": "c1", "function": {"name": "f", "arguments": '{"a": 1}'}},
    }
    attributes = {
        "llm.provider": "openai",
        "llm.model_name": "gpt-4o",
        "llm.invocation_parameters": '{"temperature": 0.5, "max_tokens": 9, "tool_choice": "auto"}',
        "llm.finish_reason": "stop",
        "llm.token_count.prompt": 10,
        "llm.token_count.completion": 4,
        "llm.token_count.total": 14,
        "llm.token_count.prompt_details.cache_read": 3,
        "llm.token_count.prompt_details.cache_write": 2,
        "llm.token_count.completion_details.reasoning": 1,
        "llm.tools.0.tool.json_schema": json.dumps(
            {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
        ),
        "input.value": '{"messages": []}',
        "input.mime_type": "application/json",
        "output.value": '{"id": "chatcmpl-1", "choices": []}',
        "output.mime_type": "application/json",
        **flattened(
            "llm.input_messages",
            [
                {"message": {"role": "system", "content": "S"}},
                {"message": {"role": "user", "content": "q"}},
                {"message": {"role": "assistant", "tool_calls": [call]}},
                {"message": {"role": "tool", "content": "r", "tool_call_id": "c1"}},
            ],
        ),
        **flattened("llm.output_messages", [{"message": {"role": "assistant", "content": "a"}}]),
    }

    assert form(attributes) == ChatForm(
        messages=[
            {"role": "system", "content": "S"},
            {"role": "user", "content": "q"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "f", "arguments": '{"a": 1}'},
                    }
                ],
            },
            {"role": "tool", "content": "r", "tool_call_id": "c1"},
        ],
        choices=[{"message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}],
        model="gpt-4o",
        provider="openai",
        tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        tool_choice="auto",
        config={"temperature": 0.5, "max_tokens": 9},
        usage={
            "input_tokens": 10,
            "output_tokens": 4,
            "total_tokens": 14,
            "cache_read_input_tokens": 3,
            "cache_creation_input_tokens": 2,
            "reasoning_tokens": 1,
        },
        response_id="chatcmpl-1",
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            {"type": "image", "image": {"image": {"url": "https://x/y.png"}}},
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        ),
        (
            {"type": "audio", "audio": {"audio": {"url": "https://x", "mime_type": "audio/wav"}}},
            {"type": "input_audio", "input_audio": {"data": "https://x", "format": "wav"}},
        ),
        (
            {"type": "reasoning", "text": "hm", "signature": "sig"},
            {"type": "reasoning", "reasoning": "hm", "signature": "sig"},
        ),
        (
            {"type": "reasoning", "encrypted_content": "xyz"},
            {"type": "reasoning", "reasoning": "xyz", "redacted": True},
        ),
        (
            {"type": "newest", "a": 1},
            {"type": "data", "data": {"type": "newest", "a": 1}},
        ),
    ],
)
def test_contents(content: Any, expected: Any) -> None:
    contents = [
        {"message_content": {"type": "text", "text": "see"}},
        {"message_content": content},
    ]

    assert messages({"role": "user", "contents": contents}) == [
        {"role": "user", "content": [{"type": "text", "text": "see"}, expected]}
    ]


def test_contents_are_in_the_order_of_their_numbers() -> None:
    contents = [{"message_content": {"type": "text", "text": str(n)}} for n in range(12)]
    attributes = flattened("llm.input_messages", [{"message": {"contents": contents}}])
    shuffled = dict(sorted(attributes.items()))

    (message,) = form(shuffled).messages

    assert [part["text"] for part in message["content"]] == [str(n) for n in range(12)]


def test_calls_without_ids_are_paired_by_name() -> None:
    call = {"tool_call": {"function": {"name": "multiply", "arguments": "{}"}}}

    found = messages(
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "name": "multiply", "content": "2001"},
    )

    assert found[0]["tool_calls"][0]["id"] == "call_multiply_1"
    assert found[1] == {
        "role": "tool",
        "name": "multiply",
        "content": "2001",
        "tool_call_id": "call_multiply_1",
    }


def test_older_calls_of_functions() -> None:
    message = {
        "role": "assistant",
        "function_call_name": "f",
        "function_call_arguments_json": "{}",
    }

    assert messages(message) == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_f_1",
                    "type": "function",
                    "function": {"name": "f", "arguments": "{}"},
                }
            ],
        }
    ]


def test_a_result_that_the_user_says() -> None:
    assert messages({"role": "user", "tool_call_id": "c", "content": "r"}) == [
        {"role": "tool", "tool_call_id": "c", "content": "r"}
    ]


def test_an_answer_that_is_json_stays_a_text() -> None:
    answer = {"llm.output_messages.0.message.content": {"sure": True}}

    assert form(answer).choices[0]["message"] == {"role": "assistant", "content": '{"sure":true}'}


def test_lists_that_are_not_flattened() -> None:
    attributes = {"llm.input_messages": [{"message.role": "user", "message.content": "q"}]}

    assert form(attributes).messages == [{"role": "user", "content": "q"}]


def test_prompts_and_choices_of_completions() -> None:
    found = form(
        {"llm.prompts.0.prompt.text": "q", "llm.choices.0.completion.text": "a"},
    )

    assert found.messages == [{"role": "user", "content": "q"}]
    assert found.choices == [
        {"message": {"role": "assistant", "content": "a"}, "finish_reason": None}
    ]


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        (
            {"name": "f", "description": "D", "json_schema": '{"type": "object"}'},
            {"name": "f", "description": "D", "parameters": {"type": "object"}},
        ),
        (
            {"json_schema": '{"name": "f", "input_schema": {"type": "object"}}'},
            {"name": "f", "parameters": {"type": "object"}},
        ),
        (
            {"name": "g", "json_schema": '{"name": "f", "description": "D"}'},
            {"name": "g", "description": "D"},
        ),
    ],
)
def test_tools(tool: Any, expected: Any) -> None:
    attributes = flattened("llm.tools", [{"tool": tool}])

    assert form({"input.value": "q", **attributes}).tools == [
        {"type": "function", "function": expected}
    ]


@pytest.mark.parametrize(
    ("attributes", "asked"),
    [
        ({"input.value": "q", "input.mime_type": "text/plain"}, "q"),
        ({"input.value": '["q"]', "input.mime_type": "text/plain"}, '["q"]'),
        (
            {
                "input.value": '{"messages": [{"role": "user", "content": "q"}]}',
                "input.mime_type": "application/json",
            },
            "q",
        ),
    ],
)
def test_values_without_messages(attributes: Any, asked: str) -> None:
    found = form({**attributes, "output.value": "a"})

    assert found.messages == [{"role": "user", "content": asked}]
    assert found.choices == [
        {"message": {"role": "assistant", "content": "a"}, "finish_reason": None}
    ]


def test_the_response_tells_why_a_message_ended() -> None:
    response = {"choices": [{"message": {"content": "a"}, "finish_reason": "length"}]}
    attributes = {
        "llm.output_messages.0.message.content": "a",
        "output.value": json.dumps(response),
    }

    assert form(attributes).choices[0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    "attributes",
    [{}, {"openinference.span.kind": "LLM"}, {"input.value": "q"}, {"llm.model_name": "m"}],
)
def test_other_spans_are_not_openinference_s(attributes: Any) -> None:
    assert read(span(attributes, "q", "a")) is None


@given(value=NESTED)
def test_flattened_attributes_round_trip(value: Any) -> None:
    attributes = flattened("a.b", value)

    if isinstance(value, (dict, list)):
        assert nested(attributes | {"a.bc.0": "another's"}, "a.b") == value


@given(
    attributes=st.dictionaries(
        st.builds("{}.{}".format, st.sampled_from(PREFIXES), NAMES), JSON, max_size=8
    ),
    value=JSON,
)
def test_never_raises(attributes: Any, value: Any) -> None:
    told = {
        **attributes,
        "openinference.span.kind": "LLM",
        "input.value": value,
        "output.value": value,
        "llm.invocation_parameters": value,
        "llm.token_count.prompt": value,
    }

    assert read(span(told)) is not None
