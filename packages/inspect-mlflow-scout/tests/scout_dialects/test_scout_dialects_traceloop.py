from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspect_mlflow_scout.normalization._chat_form import ChatForm
from inspect_mlflow_scout.normalization.dialects._traceloop import read
from inspect_mlflow_scout.reading import SourceSpan

from .spans import model_span

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.lists(
    st.sampled_from(["0", "1", "role", "content", "tool_calls", "id", "name", "arguments", ""]),
    max_size=5,
).map(".".join)
PREFIXES = ["gen_ai.prompt", "gen_ai.completion", "llm.prompts", "llm.request.functions"]


def span(attributes: Mapping[str, Any] | None = None) -> SourceSpan:
    return model_span("openai.chat", span_type="UNKNOWN", attributes=attributes)


def form(attributes: Mapping[str, Any]) -> ChatForm:
    found = read(span(attributes))
    assert found is not None
    return found


def test_a_call_with_all_attributes() -> None:
    attributes = {
        "gen_ai.system": "OpenAI",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.top_p": 0.9,
        "llm.frequency_penalty": 0.1,
        "llm.presence_penalty": 0.2,
        "llm.top_k": 3,
        "llm.chat.stop_sequences": ["END"],
        "gen_ai.usage.prompt_tokens": 10,
        "gen_ai.usage.completion_tokens": 4,
        "llm.usage.total_tokens": 14,
        "gen_ai.usage.cache_read_input_tokens": 3,
        "gen_ai.usage.reasoning_tokens": 1,
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.0.content": "S",
        "gen_ai.prompt.1.role": "user",
        "gen_ai.prompt.1.content": "q",
        "gen_ai.prompt.2.role": "assistant",
        "gen_ai.prompt.2.tool_calls.0.id": "c1",
        "gen_ai.prompt.2.tool_calls.0.name": "f",
        "gen_ai.prompt.2.tool_calls.0.arguments": '{"a":1}',
        "gen_ai.prompt.3.role": "tool",
        "gen_ai.prompt.3.content": "r",
        "gen_ai.prompt.3.tool_call_id": "c1",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "a",
        "gen_ai.completion.0.finish_reason": "tool_calls",
        "gen_ai.completion.0.tool_calls.0.id": "c2",
        "gen_ai.completion.0.tool_calls.0.name": "f",
        "gen_ai.completion.0.tool_calls.0.arguments": "{}",
        "llm.request.functions.0.name": "f",
        "llm.request.functions.0.description": "D",
        "llm.request.functions.0.parameters": '{"type":"object"}',
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
                        "function": {"name": "f", "arguments": '{"a":1}'},
                    }
                ],
            },
            {"role": "tool", "content": "r", "tool_call_id": "c1"},
        ],
        choices=[
            {
                "message": {
                    "role": "assistant",
                    "content": "a",
                    "tool_calls": [
                        {
                            "id": "c2",
                            "type": "function",
                            "function": {"name": "f", "arguments": "{}"},
                        }
                    ],
                },
                "finish_reason": "tool_calls",
            }
        ],
        model="gpt-4o",
        provider="OpenAI",
        tools=[
            {
                "type": "function",
                "function": {"name": "f", "description": "D", "parameters": {"type": "object"}},
            }
        ],
        config={
            "temperature": 0.5,
            "max_tokens": 9,
            "top_p": 0.9,
            "frequency_penalty": 0.1,
            "presence_penalty": 0.2,
            "top_k": 3,
            "stop": ["END"],
        },
        usage={
            "input_tokens": 10,
            "output_tokens": 4,
            "total_tokens": 14,
            "cache_read_input_tokens": 3,
            "reasoning_tokens": 1,
        },
        response_id="chatcmpl-1",
        response_model="gpt-4o-2024-08-06",
    )


def test_content_with_parts_as_json() -> None:
    parts = [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
    ]

    assert form(
        {"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": json.dumps(parts)}
    ).messages == [{"role": "user", "content": parts}]


def test_anthropic_s_calls_stand_in_the_content_too() -> None:
    blocks = [
        {"type": "text", "text": "Let me see."},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    ]
    result = [{"type": "tool_result", "tool_use_id": "t", "content": "r", "is_error": True}]
    attributes = {
        "gen_ai.prompt.0.role": "assistant",
        "gen_ai.prompt.0.content": json.dumps(blocks),
        "gen_ai.prompt.0.tool_calls.0.id": "t",
        "gen_ai.prompt.0.tool_calls.0.name": "f",
        "gen_ai.prompt.0.tool_calls.0.arguments": '{"a": 1}',
        "gen_ai.prompt.1.role": "user",
        "gen_ai.prompt.1.content": json.dumps(result),
    }

    assert form(attributes).messages == [
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [
                {"id": "t", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}
            ],
        },
        {"role": "tool", "tool_call_id": "t", "content": "r", "is_error": True},
    ]


def test_thoughts_are_part_of_the_next_completion() -> None:
    attributes = {
        "gen_ai.completion.0.finish_reason": "end_turn",
        "gen_ai.completion.0.role": "thinking",
        "gen_ai.completion.0.content": "hm",
        "gen_ai.completion.1.role": "assistant",
        "gen_ai.completion.1.content": "a",
    }

    assert form(attributes).choices == [
        {
            "message": {
                "role": "assistant",
                "content": [
                    {"type": "reasoning", "reasoning": "hm"},
                    {"type": "text", "text": "a"},
                ],
            },
            "finish_reason": "end_turn",
        }
    ]


def test_thoughts_alone() -> None:
    attributes = {"gen_ai.completion.0.role": "thinking", "gen_ai.completion.0.content": "hm"}

    assert form(attributes).choices == [
        {
            "message": {
                "role": "assistant",
                "content": [{"type": "reasoning", "reasoning": "hm"}],
            },
            "finish_reason": None,
        }
    ]


def test_several_completions_and_a_refusal() -> None:
    attributes = {
        "gen_ai.completion.0.content": "a",
        "gen_ai.completion.0.finish_reason": "stop",
        "gen_ai.completion.1.refusal": "No.",
        "gen_ai.completion.1.finish_reason": "content_filter",
    }

    assert form(attributes).choices == [
        {"message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"},
        {
            "message": {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            "finish_reason": "content_filter",
        },
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"sure": true}', '{"sure": true}'),
        ({"sure": True}, '{"sure":true}'),
        ([{"text": "looks like a part"}], '[{"text":"looks like a part"}]'),
        (42, "42"),
    ],
)
def test_a_completion_that_is_json_stays_a_text(content: Any, expected: str) -> None:
    assert form({"gen_ai.completion.0.content": content}).choices[0]["message"] == {
        "role": "assistant",
        "content": expected,
    }


def test_names_of_before() -> None:
    found = form(
        {
            "llm.prompts.0.role": "user",
            "llm.prompts.0.content": "q",
            "llm.completions.0.content": "a",
            "llm.usage.prompt_tokens": 2,
            "llm.usage.completion_tokens": 1,
        }
    )

    assert found.messages == [{"role": "user", "content": "q"}]
    assert found.choices[0]["message"] == {"role": "assistant", "content": "a"}
    assert found.usage == {"input_tokens": 2, "output_tokens": 1, "total_tokens": 3}


def test_facts_about_all_prompts_are_no_prompt() -> None:
    attributes = {"gen_ai.prompt.0.content": "q", "gen_ai.prompt.prompt_filter_results": "[]"}

    assert form(attributes).messages == [{"role": "user", "content": "q"}]


def test_a_prompt_without_a_role() -> None:
    assert form({"gen_ai.prompt.0.user": "q"}).messages == [{"role": "user", "content": "q"}]


def test_functions_with_the_schema_of_anthropic_s() -> None:
    attributes = {
        "gen_ai.prompt.0.content": "q",
        "llm.request.functions.0.name": "f",
        "llm.request.functions.0.input_schema": '{"type":"object"}',
    }

    assert form(attributes).tools == [
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    ]


@pytest.mark.parametrize(
    "attributes",
    [
        {
            "traceloop.entity.input": '{"args": [], "kwargs": {"question": "q"}}',
            "traceloop.entity.output": '"a"',
        },
        {
            "traceloop.entity.input": '{"inputs": {"question": "q"}, "tags": [], "kwargs": {}}',
            "traceloop.entity.output": '{"outputs": {"answer": "a"}, "kwargs": {}}',
        },
    ],
)
def test_workflows(attributes: Any) -> None:
    found = form(attributes)

    assert found.messages == [{"role": "user", "content": "q"}]
    assert found.choices == [
        {"message": {"role": "assistant", "content": "a"}, "finish_reason": None}
    ]


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"gen_ai.prompt": "all in one"},
        {"llm.prompts.0.prompt.text": "OpenInference's"},
        {"traceloop.span.kind": "workflow"},
    ],
)
def test_other_spans_are_not_traceloop_s(attributes: Any) -> None:
    assert read(span(attributes)) is None


@given(
    attributes=st.dictionaries(
        st.builds("{}.{}".format, st.sampled_from(PREFIXES), NAMES), JSON, max_size=8
    ),
    value=JSON,
)
def test_never_raises(attributes: Any, value: Any) -> None:
    told = {**attributes, "gen_ai.completion.9.content": value, "gen_ai.completion.9.role": value}

    assert read(span(told)) is not None
    assert read(span({"traceloop.entity.input": value, "traceloop.entity.output": "a"})) is not None
