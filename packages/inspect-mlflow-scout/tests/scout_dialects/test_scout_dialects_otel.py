from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspect_mlflow_scout.normalization._chat_form import ChatForm
from inspect_mlflow_scout.normalization.dialects import _otel_genai, _otel_genai_events
from inspect_mlflow_scout.reading import SourceSpan, SourceSpanEvent

from .spans import model_span

WORDS = ["role", "parts", "content", "type", "text", "tool_call", "message", "tool_calls", "name"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def span(
    attributes: Any = None,
    events: Iterable[tuple[str, Any]] = (),
    inputs: Any = None,
    outputs: Any = None,
) -> SourceSpan:
    told = (SourceSpanEvent(name, place, given) for place, (name, given) in enumerate(events))
    return model_span("chat gpt-4o", inputs, outputs, attributes=attributes, events=told)


def current(attributes: Any = None, **rest: Any) -> ChatForm:
    form = _otel_genai.read(span(attributes, **rest))
    assert form is not None
    return form


def older(*events: tuple[str, Any], attributes: Any = None, **rest: Any) -> ChatForm:
    form = _otel_genai_events.read(span(attributes, events, **rest))
    assert form is not None
    return form


def said(*parts: Any) -> Any:
    form = current({"gen_ai.input.messages": [{"role": "user", "parts": list(parts)}]})
    return form.messages[0]["content"]


INPUT: list[Any] = [
    {"role": "user", "parts": [{"type": "text", "content": "Weather in Paris?"}]},
    {
        "role": "assistant",
        "parts": [
            {"type": "reasoning", "content": "Look it up."},
            {"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"at": "Paris"}},
        ],
    },
    {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": "c1", "response": "rainy"}],
    },
]
OUTPUT = [
    {
        "role": "assistant",
        "parts": [{"type": "text", "content": "It rains."}],
        "finish_reason": "stop",
    }
]
MESSAGES: list[Any] = [
    {"role": "user", "content": "Weather in Paris?"},
    {
        "role": "assistant",
        "content": [{"type": "reasoning", "reasoning": "Look it up."}],
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "weather", "arguments": {"at": "Paris"}},
            }
        ],
    },
    {"role": "tool", "content": "rainy", "tool_call_id": "c1"},
]
CHOICES = [{"message": {"role": "assistant", "content": "It rains."}, "finish_reason": "stop"}]
SYSTEM = [{"type": "text", "content": "Be brief."}]


def test_a_call_with_all_attributes() -> None:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.top_k": 3,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.seed": 7,
        "gen_ai.request.frequency_penalty": 0.1,
        "gen_ai.request.presence_penalty": 0.2,
        "gen_ai.request.choice.count": 1,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": "4",
        "gen_ai.usage.cache_read.input_tokens": 3,
        "gen_ai.usage.cache_creation.input_tokens": 2,
        "gen_ai.usage.reasoning.output_tokens": 1,
        "gen_ai.system_instructions": json.dumps(SYSTEM),
        "gen_ai.input.messages": json.dumps(INPUT),
        "gen_ai.output.messages": json.dumps(OUTPUT),
        "gen_ai.tool.definitions": json.dumps(
            [
                {
                    "type": "function",
                    "name": "weather",
                    "description": "Tells it.",
                    "parameters": {"type": "object"},
                }
            ]
        ),
    }

    assert current(attributes) == ChatForm(
        messages=[{"role": "system", "content": "Be brief."}, *MESSAGES],
        choices=CHOICES,
        model="gpt-4o",
        provider="openai",
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
        config={
            "temperature": 0.5,
            "top_p": 0.9,
            "top_k": 3,
            "max_tokens": 100,
            "seed": 7,
            "frequency_penalty": 0.1,
            "presence_penalty": 0.2,
            "n": 1,
            "stop": ["END"],
        },
        usage={
            "input_tokens": 10,
            "output_tokens": 4,
            "total_tokens": 14,
            "cache_read_input_tokens": 3,
            "cache_creation_input_tokens": 2,
            "reasoning_tokens": 1,
        },
        response_id="chatcmpl-1",
        response_model="gpt-4o-2024-08-06",
    )


@pytest.mark.parametrize(
    "told",
    [
        span({"gen_ai.input.messages": INPUT, "gen_ai.output.messages": OUTPUT}),
        span(inputs=INPUT, outputs=OUTPUT),
        span(
            events=[
                (
                    "gen_ai.client.inference.operation.details",
                    {"gen_ai.input.messages": INPUT, "gen_ai.output.messages": OUTPUT},
                )
            ]
        ),
    ],
    ids=["attributes", "mlflow", "event"],
)
def test_places_of_the_messages(told: SourceSpan) -> None:
    form = _otel_genai.read(told)

    assert form is not None
    assert form.messages == MESSAGES
    assert form.choices == CHOICES


def test_instructions_that_the_history_has_too_are_said_once() -> None:
    history = [{"role": "system", "parts": SYSTEM}, INPUT[0]]

    assert current(
        {"gen_ai.system_instructions": SYSTEM, "gen_ai.input.messages": history}
    ).messages == [{"role": "system", "content": "Be brief."}, MESSAGES[0]]


def test_instructions_that_are_a_text() -> None:
    attributes = {"gen_ai.system_instructions": "Be brief.", "gen_ai.input.messages": INPUT}

    assert current(attributes).messages[0] == {"role": "system", "content": "Be brief."}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ),
        (
            {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "AAAA"},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        ),
        (
            {"type": "uri", "modality": "image", "uri": "https://x/y.png"},
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        ),
        (
            {"type": "uri", "modality": "video", "mime_type": "video/mp4", "uri": "gs://x"},
            {"type": "video_url", "video_url": {"url": "gs://x"}},
        ),
        (
            {"type": "file", "modality": "document", "file_id": "file-1"},
            {
                "type": "data",
                "data": {"type": "file", "modality": "document", "file_id": "file-1"},
            },
        ),
        (
            {"type": "server_tool_call", "name": "search", "server_tool_call": {"q": "x"}},
            {
                "type": "data",
                "data": {
                    "type": "server_tool_call",
                    "name": "search",
                    "server_tool_call": {"q": "x"},
                },
            },
        ),
        ({"type": "newest", "a": 1}, {"type": "data", "data": {"type": "newest", "a": 1}}),
    ],
)
def test_parts(part: Any, expected: Any) -> None:
    assert said(part) == [expected]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"response": {"a": 1}}, '{"a":1}'),
        ({"result": "older name"}, "older name"),
        ({"response": [{"type": "text", "text": "part"}]}, "part"),
        ({"response": None}, ""),
    ],
)
def test_results_of_tools(part: Any, expected: str) -> None:
    message = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", **part}]}

    assert current({"gen_ai.input.messages": [message]}).messages == [
        {"role": "tool", "tool_call_id": "c", "content": expected}
    ]


def test_several_choices_with_the_reasons_of_the_span() -> None:
    output = [
        {"role": "assistant", "parts": [{"type": "text", "content": text}]} for text in ("a", "b")
    ]

    assert current(
        {
            "gen_ai.output.messages": output,
            "gen_ai.response.finish_reasons": ["stop", "length"],
        }
    ).choices == [
        {"message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"},
        {"message": {"role": "assistant", "content": "b"}, "finish_reason": "length"},
    ]


@pytest.mark.parametrize(
    "told",
    [
        span(),
        span({"gen_ai.request.model": "m"}, inputs={"messages": []}, outputs="x"),
        span(inputs=[{"role": "user", "content": "q"}]),
        span(inputs=[{"role": "user", "parts": [{"text": "of Gemini's"}]}]),
    ],
)
def test_spans_without_messages_of_the_conventions(told: SourceSpan) -> None:
    assert _otel_genai.read(told) is None


def test_events_per_message() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}

    form = older(
        ("gen_ai.system.message", {"content": "S"}),
        ("gen_ai.user.message", {"content": "q", "role": "user"}),
        ("gen_ai.assistant.message", {"tool_calls": json.dumps([call])}),
        ("gen_ai.tool.message", {"id": "c1", "content": "r"}),
        (
            "gen_ai.choice",
            {"index": 0, "finish_reason": "stop", "message": json.dumps({"content": "a"})},
        ),
        attributes={"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4"},
    )

    assert form == ChatForm(
        messages=[
            {"role": "system", "content": "S"},
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "content": "r", "tool_call_id": "c1"},
        ],
        choices=[{"message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}],
        model="gpt-4",
        provider="openai",
        tools=[],
    )


def test_the_body_of_an_event_as_json_in_one_attribute() -> None:
    body = {"finish_reason": "stop", "message": {"content": "a"}}

    form = older(
        ("gen_ai.user.message", {"gen_ai.event.content": json.dumps({"content": "q"})}),
        ("gen_ai.choice", {"gen_ai.event.content": json.dumps(body)}),
    )

    assert form.messages == [{"role": "user", "content": "q"}]
    assert form.choices == [
        {"message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}
    ]


def test_events_in_an_attribute() -> None:
    events = [
        {"event.name": "gen_ai.user.message", "role": "user", "content": "q"},
        {"event.name": "gen_ai.choice", "index": 0, "message": {"content": "a"}},
    ]

    form = older(attributes={"events": json.dumps(events)})

    assert form.messages == [{"role": "user", "content": "q"}]
    assert form.choices == [
        {"message": {"role": "assistant", "content": "a"}, "finish_reason": None}
    ]


def test_calls_beside_the_message_of_a_choice() -> None:
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}

    form = older(("gen_ai.choice", {"finish_reason": "tool_calls", "tool_calls": [call]}))

    assert form.choices == [
        {
            "message": {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"type": "function", **call}],
            },
            "finish_reason": "tool_calls",
        }
    ]


def test_strands_writes_bedrock_s_blocks() -> None:
    result = {"toolResult": {"toolUseId": "t", "content": [{"text": "r"}], "status": "success"}}
    reply = [{"text": "a"}, {"toolUse": {"toolUseId": "u", "name": "f", "input": {"x": 1}}}]

    form = older(
        ("gen_ai.user.message", {"content": json.dumps([{"text": "q"}])}),
        ("gen_ai.tool.message", {"content": json.dumps([result])}),
        ("gen_ai.choice", {"finish_reason": "tool_use", "message": json.dumps(reply)}),
    )

    assert form.messages == [
        {"role": "user", "content": "q"},
        {"role": "tool", "tool_call_id": "t", "content": "r"},
    ]
    assert form.choices == [
        {
            "message": {
                "role": "assistant",
                "content": "a",
                "tool_calls": [
                    {
                        "id": "u",
                        "type": "function",
                        "function": {"name": "f", "arguments": {"x": 1}},
                    }
                ],
            },
            "finish_reason": "tool_use",
        }
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [({"answer": 1}, '{"answer":1}'), ([1, 2], "[1,2]"), (42, "42"), ('{"a": 1}', '{"a": 1}')],
)
def test_an_answer_that_is_json_stays_a_text(content: Any, expected: str) -> None:
    form = older(("gen_ai.user.message", {"content": content}))

    assert form.messages == [{"role": "user", "content": expected}]


@pytest.mark.parametrize(
    ("events", "attributes"),
    [
        (
            [
                ("gen_ai.content.prompt", {"gen_ai.prompt": '[{"role":"user","content":"q"}]'}),
                (
                    "gen_ai.content.completion",
                    {"gen_ai.completion": '[{"role":"assistant","content":"a"}]'},
                ),
            ],
            {},
        ),
        ([], {"gen_ai.prompt": "q", "gen_ai.completion": "a"}),
    ],
    ids=["events", "attributes"],
)
def test_prompts_and_completions_as_a_whole(events: Any, attributes: Any) -> None:
    form = older(*events, attributes=attributes)

    assert form.messages == [{"role": "user", "content": "q"}]
    assert form.choices == [
        {"message": {"role": "assistant", "content": "a"}, "finish_reason": None}
    ]


def test_what_mlflow_made_of_events() -> None:
    form = older(
        inputs=[{"role": "system", "content": "S"}, {"role": "user", "content": "q"}],
        outputs=[{"role": "assistant", "content": "a"}],
        attributes={"gen_ai.operation.name": "chat", "gen_ai.response.finish_reasons": ["stop"]},
    )

    assert form.messages == [{"role": "system", "content": "S"}, {"role": "user", "content": "q"}]
    assert form.choices == [
        {"message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}
    ]


@pytest.mark.parametrize(
    "told",
    [
        span(),
        span(inputs=[{"role": "user", "content": "q"}]),
        span({"gen_ai.request.model": "m"}, inputs={"messages": []}),
        span(events=[("exception", {"exception.message": "x"})]),
    ],
)
def test_spans_without_older_events(told: SourceSpan) -> None:
    assert _otel_genai_events.read(told) is None


@given(messages=JSON, instructions=JSON, tools=JSON)
def test_current_conventions_never_raise(messages: Any, instructions: Any, tools: Any) -> None:
    attributes = {
        "gen_ai.input.messages": messages,
        "gen_ai.output.messages": messages,
        "gen_ai.system_instructions": instructions,
        "gen_ai.tool.definitions": tools,
        "gen_ai.response.finish_reasons": tools,
        "gen_ai.usage.input_tokens": tools,
    }

    form = _otel_genai.read(span(attributes, inputs=messages, outputs=messages))

    assert (form is None) == (messages is None)


@given(told=JSON, more=JSON)
def test_older_conventions_never_raise(told: Any, more: Any) -> None:
    body = {"content": told, "tool_calls": more, "message": more, "role": told, "id": told}
    events = [
        ("gen_ai.user.message", body),
        ("gen_ai.tool.message", body),
        ("gen_ai.choice", body),
        ("gen_ai.choice", {"gen_ai.event.content": told}),
    ]

    assert _otel_genai_events.read(span({"events": told}, events)) is not None
    assert (
        _otel_genai_events.read(span({"gen_ai.prompt": told, "gen_ai.completion": 1})) is not None
    )
