from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspect_mlflow_scout.normalization._chat_form import ChatForm
from inspect_mlflow_scout.normalization.dialects._generic import read
from inspect_mlflow_scout.reading import SourceSpan

from .spans import model_span

WORDS = [
    *("role", "content", "parts", "type", "text", "tool_calls", "function", "arguments", "name"),
    *("messages", "message", "prompt", "question", "input", "output", "choices", "args", "kwargs"),
    *("generations", "results", "usage", "part_kind", "kind", "items", "delta", "tools", "data"),
    *("source", "toolResult", "image", "url", "model_settings", "chat_history", "answer"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=15,
)


def span(inputs: Any = None, outputs: Any = None, **attributes: Any) -> SourceSpan:
    return model_span("ask", inputs, outputs, span_type="LLM", attributes=attributes)


def messages(inputs: Any) -> list[Any]:
    return list(read(span(inputs)).messages)


def answers(outputs: Any) -> list[Any]:
    return [
        (choice["message"]["content"], choice["finish_reason"])
        for choice in read(span(None, outputs)).choices
    ]


def call(call_id: str, name: str, arguments: Any) -> Any:
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


USER = [{"role": "user", "content": "q"}]


@pytest.mark.parametrize(
    "inputs",
    [
        "q",
        ["q"],
        USER,
        [USER],
        {"messages": USER},
        {"messages": '[{"role": "user", "content": "q"}]'},
        {"messages": "q"},
        {"messages": USER, "stream": True, "odd": 1},
        {"args": [], "kwargs": {"question": "q"}},
        {"args": ["q"], "kwargs": {}},
        {"prompt": "q", "odd": 1},
        {"prompt": ["q"]},
        {"prompt": None, "messages": USER},
        {"question": "q"},
        {"query": "q", "temperature": 0, "model": "m", "self": "<Agent>"},
        {"input": {"query": "q"}},
        {"inputs": {"messages": USER}},
        {"message": "q", "chat_history": []},
        {"role": "user", "content": "q"},
        [{"type": "text", "text": "q"}],
        [{"role": "MessageRole.USER", "content": [{"type": "text", "text": "q"}]}],
        [{"type": "human", "content": "q"}],
        [{"type": "UserMessage", "source": "user", "content": "q"}],
        [{"role": "user", "blocks": [{"block_type": "text", "text": "q"}]}],
        {"chat_ctx": {"items": [{"type": "message", "role": "user", "content": ["q"]}]}},
    ],
)
def test_ways_to_ask(inputs: Any) -> None:
    assert messages(inputs) == USER


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (None, []),
        ({}, []),
        ([], []),
        ("", []),
        (5, [{"role": "user", "content": "5"}]),
        ({"city": "Paris"}, [{"role": "user", "content": '{"city":"Paris"}'}]),
        (
            {"question": "q", "context": "c"},
            [{"role": "user", "content": '{"question":"q","context":"c"}'}],
        ),
        ([1, {"a": "é"}], [{"role": "user", "content": '[1,{"a":"é"}]'}]),
        (
            {"args": ["a", "b"], "kwargs": {}},
            [{"role": "user", "content": '{"args":["a","b"],"kwargs":{}}'}],
        ),
        (["a", "b"], [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]),
    ],
)
def test_inputs_that_no_name_explains(inputs: Any, expected: Any) -> None:
    assert messages(inputs) == expected


@pytest.mark.parametrize("name", ["system", "system_prompt", "instructions", "preamble"])
def test_a_system_prompt_beside_the_question(name: str) -> None:
    assert messages({name: "S", "prompt": "q"}) == [{"role": "system", "content": "S"}, *USER]


def test_a_history_before_the_question() -> None:
    history = [{"role": "USER", "message": "hi"}, {"role": "CHATBOT", "message": "hello"}]

    assert messages({"chat_history": history, "message": "q", "model": "command"}) == [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello"},
        *USER,
    ]


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ("a", None),
        (["a"], None),
        ({"choices": [{"message": {"role": "assistant", "content": "a"}}]}, None),
        ({"choices": [{"text": "a", "finish_reason": "length"}]}, "length"),
        ({"content": "a"}, None),
        ({"content": [{"type": "text", "text": "a"}], "stop_reason": "end_turn"}, "end_turn"),
        ({"text": "a", "finishReason": "stop"}, "stop"),
        ({"message": "a"}, None),
        ({"message": {"role": "assistant", "content": "a"}, "done_reason": "stop"}, "stop"),
        ({"response": "a", "done": True, "context": [1]}, None),
        ({"answer": "a"}, None),
        ({"output": "a", "model": "m", "usage": {}}, None),
        ({"result": {"text": "a"}}, None),
        ({"role": "assistant", "content": "a"}, None),
        ([{"role": "assistant", "content": "a"}], None),
        ([*USER, {"role": "assistant", "content": "a"}], None),
        ({"messages": [*USER, {"role": "assistant", "content": "a"}]}, None),
        ({"generations": [[{"text": "a", "generation_info": {"finish_reason": "stop"}}]]}, "stop"),
        ([{"text": "a"}], None),
        ({"output": [{"type": "message", "role": "assistant", "content": "a"}]}, None),
    ],
)
def test_ways_to_answer(outputs: Any, reason: str | None) -> None:
    assert answers(outputs) == [("a", reason)]


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        (None, []),
        (0.5, ["0.5"]),
        (False, ["false"]),
        ({"label": "yes"}, ['{"label":"yes"}']),
        ({"answer": "a", "sources": [1]}, ['{"answer":"a","sources":[1]}']),
        ([1, 2], ["[1,2]"]),
        (["a", "b"], ["a", "b"]),
        ('{"content": "a text"}', ['{"content": "a text"}']),
        ({"choices": [{"message": {"content": text}} for text in "ab"]}, ["a", "b"]),
    ],
)
def test_outputs_that_no_name_explains_and_several(outputs: Any, expected: list[str]) -> None:
    assert [answer for answer, _ in answers(outputs)] == expected


def test_parameters_tools_and_usage_of_a_chat() -> None:
    inputs = {
        "model": "mistral-large",
        "messages": USER,
        "temperature": 0.5,
        "max_tokens": 9,
        "stop": "END",
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "tool_choice": "any",
    }
    outputs = {
        "id": "r1",
        "model": "mistral-large-2411",
        "choices": [
            {
                "message": {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}],
                },
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14},
    }

    assert read(span(inputs, outputs)) == ChatForm(
        messages=USER,
        choices=[
            {
                "message": {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [call("c", "f", "{}")],
                },
                "finish_reason": "tool_calls",
            }
        ],
        model="mistral-large",
        tools=[{"type": "function", "function": {"name": "f"}}],
        tool_choice="required",
        config={"temperature": 0.5, "max_tokens": 9, "stop": ["END"]},
        usage={"input_tokens": 10, "output_tokens": 4, "total_tokens": 14},
        response_id="r1",
        response_model="mistral-large-2411",
    )


def test_attributes_tell_what_inputs_do_not() -> None:
    found = read(
        span(
            "q",
            "a",
            **{
                "mlflow.llm.model": "gpt-4o",
                "mlflow.llm.provider": "openai",
                "mlflow.chat.tokenUsage": {"input_tokens": 1, "output_tokens": 2},
                "mlflow.chat.tools": [{"type": "function", "function": {"name": "f"}}],
                "gen_ai.request.temperature": 0.3,
                "gen_ai.response.finish_reasons": ["stop"],
            },
        )
    )

    assert found == ChatForm(
        messages=USER,
        choices=[{"message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}],
        model="gpt-4o",
        provider="openai",
        tools=[{"type": "function", "function": {"name": "f"}}],
        config={"temperature": 0.3},
        usage={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
    )


def test_mistral_s_thoughts() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    message = {"role": "assistant", "content": [thinking, {"type": "text", "text": "a"}]}

    assert answers({"choices": [{"message": message}]}) == [
        ([{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "a"}], None)
    ]


def test_ollama() -> None:
    found = read(
        span(
            {"model": "llama3.2", "messages": USER, "options": {"num_predict": 9, "seed": 1}},
            {
                "message": {
                    "role": "assistant",
                    "content": "",
                    "thinking": "hm",
                    "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}],
                },
                "done_reason": "stop",
                "prompt_eval_count": 3,
                "eval_count": 2,
            },
        )
    )

    assert found == ChatForm(
        messages=USER,
        choices=[
            {
                "message": {
                    "role": "assistant",
                    "content": [{"type": "reasoning", "reasoning": "hm"}],
                    "tool_calls": [call("call_f_1", "f", {"a": 1})],
                },
                "finish_reason": "stop",
            }
        ],
        model="llama3.2",
        tools=[],
        config={"max_tokens": 9, "seed": 1},
        usage={"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    )


def test_cohere() -> None:
    found = read(
        span(
            {"model": "command-r", "messages": USER, "p": 0.9, "k": 3},
            {
                "id": "r",
                "finish_reason": "COMPLETE",
                "message": {"role": "assistant", "content": [{"type": "text", "text": "a"}]},
                "usage": {
                    "billed_units": {"input_tokens": 1, "output_tokens": 1},
                    "tokens": {"input_tokens": 3, "output_tokens": 2},
                },
            },
        )
    )

    assert found == ChatForm(
        messages=USER,
        choices=[{"message": {"role": "assistant", "content": "a"}, "finish_reason": "COMPLETE"}],
        model="command-r",
        tools=[],
        config={"top_p": 0.9, "top_k": 3},
        usage={"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
        response_id="r",
    )


def test_autogen() -> None:
    found = read(
        span(
            {
                "messages": [
                    {"type": "SystemMessage", "content": "S"},
                    {"type": "UserMessage", "source": "user", "content": "q"},
                    {
                        "type": "AssistantMessage",
                        "source": "assistant",
                        "thought": "hm",
                        "content": [{"id": "c", "name": "f", "arguments": "{}"}],
                    },
                    {
                        "type": "FunctionExecutionResultMessage",
                        "content": [
                            {"call_id": "c", "name": "f", "content": "r", "is_error": False}
                        ],
                    },
                ],
                "tools": [{"name": "f", "description": "D", "parameters": {"type": "object"}}],
            },
            {
                "content": "a",
                "finish_reason": "stop",
                "thought": None,
                "usage": {"prompt_tokens": 1, "completion_tokens": 2},
            },
        )
    )

    assert found == ChatForm(
        messages=[
            {"role": "system", "content": "S"},
            *USER,
            {
                "role": "assistant",
                "content": [{"type": "reasoning", "reasoning": "hm"}],
                "tool_calls": [call("c", "f", "{}")],
            },
            {"role": "tool", "content": "r", "tool_call_id": "c", "name": "f"},
        ],
        choices=[{"message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}],
        tools=[
            {
                "type": "function",
                "function": {"name": "f", "description": "D", "parameters": {"type": "object"}},
            }
        ],
        usage={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
    )


def test_pydantic_ai() -> None:
    inputs = {
        "messages": [
            {
                "kind": "request",
                "instructions": "I",
                "parts": [
                    {"part_kind": "system-prompt", "content": "S"},
                    {
                        "part_kind": "user-prompt",
                        "content": ["q", {"kind": "image-url", "url": "https://x"}],
                    },
                ],
            },
            {
                "kind": "response",
                "parts": [
                    {"part_kind": "thinking", "content": "hm", "signature": "sig"},
                    {
                        "part_kind": "tool-call",
                        "tool_name": "f",
                        "args": {"a": 1},
                        "tool_call_id": "c",
                    },
                ],
            },
            {
                "kind": "request",
                "parts": [
                    {
                        "part_kind": "retry-prompt",
                        "tool_name": "f",
                        "content": "bad",
                        "tool_call_id": "c",
                    },
                    {"part_kind": "retry-prompt", "tool_name": None, "content": "again"},
                ],
            },
        ],
        "model_settings": {"temperature": 0.1},
        "model_request_parameters": {
            "function_tools": [{"name": "f", "parameters_json_schema": {"type": "object"}}]
        },
    }
    outputs = {
        "kind": "response",
        "parts": [{"part_kind": "text", "content": "a"}],
        "model_name": "gpt-4o",
        "finish_reason": "stop",
        "usage": {"input_tokens": 3, "output_tokens": 2, "cache_read_tokens": 1},
    }

    assert read(span(inputs, outputs)) == ChatForm(
        messages=[
            {"role": "system", "content": "I"},
            {"role": "system", "content": "S"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "q"},
                    {"type": "image_url", "image_url": {"url": "https://x"}},
                ],
            },
            {
                "role": "assistant",
                "content": [{"type": "reasoning", "reasoning": "hm", "signature": "sig"}],
                "tool_calls": [call("c", "f", {"a": 1})],
            },
            {
                "role": "tool",
                "content": "bad",
                "tool_call_id": "c",
                "name": "f",
                "is_error": True,
            },
            {"role": "user", "content": "again"},
        ],
        choices=[{"message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}],
        response_model="gpt-4o",
        tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        config={"temperature": 0.1},
        usage={
            "input_tokens": 3,
            "output_tokens": 2,
            "total_tokens": 5,
            "cache_read_input_tokens": 1,
        },
    )


def test_pydantic_ai_s_response_with_its_usage() -> None:
    response = {"kind": "response", "parts": [{"part_kind": "text", "content": "a"}]}

    found = read(span(None, [response, {"request_tokens": 1, "response_tokens": 2}]))

    assert found.choices == [
        {"message": {"role": "assistant", "content": "a"}, "finish_reason": None}
    ]
    assert found.usage == {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}


def test_llamaindex() -> None:
    found = read(
        span(
            {
                "messages": [
                    {"role": "user", "blocks": [{"block_type": "text", "text": "q"}]},
                    {
                        "role": "assistant",
                        "blocks": [],
                        "additional_kwargs": {"tool_calls": [call("c", "f", "{}")]},
                    },
                    {
                        "role": "tool",
                        "blocks": [{"block_type": "text", "text": "r"}],
                        "additional_kwargs": {"tool_call_id": "c"},
                    },
                ],
                "args": [],
            },
            {
                "message": {
                    "role": "assistant",
                    "blocks": [{"block_type": "text", "text": "a"}],
                    "additional_kwargs": {},
                },
                "raw": {"usage": {"prompt_tokens": 1, "completion_tokens": 2}},
                "delta": None,
            },
        )
    )

    assert found == ChatForm(
        messages=[
            *USER,
            {"role": "assistant", "content": None, "tool_calls": [call("c", "f", "{}")]},
            {"role": "tool", "content": "r", "tool_call_id": "c"},
        ],
        choices=[{"message": {"role": "assistant", "content": "a"}, "finish_reason": None}],
        tools=[],
        usage={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
    )


def test_the_ai_sdk() -> None:
    found = read(
        span(
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "q"}]},
                    {
                        "role": "assistant",
                        "content": [
                            {"type": "reasoning", "text": "hm"},
                            {
                                "type": "tool-call",
                                "toolCallId": "c",
                                "toolName": "f",
                                "input": {"a": 1},
                            },
                        ],
                    },
                    {
                        "role": "tool",
                        "content": [
                            {
                                "type": "tool-result",
                                "toolCallId": "c",
                                "toolName": "f",
                                "output": {"type": "json", "value": {"r": 1}},
                            }
                        ],
                    },
                ],
                "tools": [{"type": "function", "name": "f", "inputSchema": {"type": "object"}}],
                "toolChoice": {"type": "tool", "toolName": "f"},
            },
            {
                "text": "a",
                "toolCalls": [{"toolCallId": "d", "toolName": "f", "input": "{}"}],
                "finishReason": "tool-calls",
                "id": "r",
            },
        )
    )

    assert found == ChatForm(
        messages=[
            *USER,
            {
                "role": "assistant",
                "content": [{"type": "reasoning", "reasoning": "hm"}],
                "tool_calls": [call("c", "f", {"a": 1})],
            },
            {"role": "tool", "content": '{"r":1}', "tool_call_id": "c", "name": "f"},
        ],
        choices=[
            {
                "message": {
                    "role": "assistant",
                    "content": "a",
                    "tool_calls": [call("d", "f", "{}")],
                },
                "finish_reason": "tool-calls",
            }
        ],
        tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        tool_choice={"type": "function", "function": {"name": "f"}},
        response_id="r",
    )


def test_items_of_responses_are_one_message() -> None:
    items = [
        *USER,
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "r"},
    ]

    assert messages(items) == [
        *USER,
        {
            "role": "assistant",
            "content": [{"type": "reasoning", "reasoning": "hm"}],
            "tool_calls": [call("c", "f", "{}")],
        },
        {"role": "tool", "content": "r", "tool_call_id": "c"},
    ]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            {"type": "image_url", "image_url": "https://x"},
            {"type": "image_url", "image_url": {"url": "https://x"}},
        ),
        (
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
            },
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ),
        (
            {"type": "image", "image": "https://x", "mediaType": "image/png"},
            {"type": "image_url", "image_url": {"url": "https://x"}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:a/b;base64,AA==", "filename": "f"}},
            {"type": "file", "file": {"file_data": "data:a/b;base64,AA==", "filename": "f"}},
        ),
        (
            {"type": "file", "data": "AAAA", "mediaType": "application/pdf", "filename": "f"},
            {
                "type": "file",
                "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "f"},
            },
        ),
        (
            {"type": "redacted_thinking", "data": "x"},
            {"type": "reasoning", "reasoning": "x", "redacted": True},
        ),
        ({"type": "refusal", "refusal": "No."}, {"type": "refusal", "refusal": "No."}),
        ({"type": "image"}, {"type": "data", "data": {"type": "image"}}),
    ],
)
def test_parts(part: Any, expected: Any) -> None:
    assert messages([{"role": "user", "content": [part]}]) == [
        {"role": "user", "content": [expected]}
    ]


def nested_deeply(inside: Any, name: str | None) -> Any:
    for _ in range(400):
        inside = [inside] if name is None else {name: inside}
    return inside


@pytest.mark.parametrize("name", [None, "input", "kwargs", "content", "message", "choices"])
def test_deep_nesting_is_no_trouble(name: str | None) -> None:
    deep = nested_deeply("x", name)
    results = nested_deeply({"type": "tool_result", "content": "x"}, "content")

    found = read(span(deep, deep))
    of_tools = read(span([{"role": "user", "content": [{"type": "tool_result", **results}]}]))

    assert found.choices
    assert found.messages
    assert of_tools.messages[0]["role"] == "tool"


def test_deeply_wrapped_definitions_of_tools_are_no_trouble() -> None:
    deep = nested_deeply({"name": "f"}, "function")

    assert read(span({"prompt": "q", "tools": [deep]})).messages == USER


@given(inputs=JSON, outputs=JSON)
def test_never_raises(inputs: Any, outputs: Any) -> None:
    found = read(span(inputs, outputs))

    assert {message["role"] for message in found.messages} <= {
        *("system", "user", "assistant", "tool")
    }
    assert {choice["message"]["role"] for choice in found.choices} <= {"assistant"}
    assert (outputs in (None, [], {})) or found.choices


@given(value=JSON)
def test_attributes_never_raise(value: Any) -> None:
    names = [
        *("mlflow.llm.model", "mlflow.llm.provider", "mlflow.chat.tools", "gen_ai.response.id"),
        *("mlflow.chat.tokenUsage", "gen_ai.request.stop_sequences", "gen_ai.request.top_k"),
        *("gen_ai.response.finish_reasons", "gen_ai.usage.input_tokens", "gen_ai.system"),
    ]

    found = read(span("q", "a", **dict.fromkeys(names, value)))

    assert found.messages == USER
