"""Traces that OpenTelemetry's own exporter posts to an MLflow server, in several conventions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inspect_mlflow_scout import import_mlflow_traces

if TYPE_CHECKING:
    from inspect_ai.event import Event, ModelEvent, ToolEvent
    from inspect_ai.model import ChatMessage
    from inspect_scout import Transcript

BEGINNING = datetime(2026, 5, 4, 3, 2, 1, 250_000, tzinfo=UTC)
PIXEL = "R0lGODlhAQABAAAAACw="
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}


def at_ns(seconds: float) -> int:
    """A time after the beginning of every trace, in nanoseconds since the epoch."""
    return round((BEGINNING + timedelta(seconds=seconds)).timestamp() * 1000) * 1_000_000


def span(
    name: str,
    attributes: Mapping[str, Any],
    *,
    parent: int | None = None,
    seconds: tuple[float, float] = (0.0, 1.0),
    **others: Any,
) -> dict[str, Any]:
    """A span for the program; lists and dicts in its attributes become JSON."""
    start, end = seconds
    return {
        "name": name,
        "parent": parent,
        "start_ns": at_ns(start),
        "end_ns": at_ns(end),
        "attributes": encoded(attributes),
        **others,
    }


def encoded(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as instrumentation writes them: texts, numbers, and lists of texts."""
    return {
        name: json.dumps(value) if is_structure(value) else value
        for name, value in attributes.items()
    }


def is_structure(value: Any) -> bool:
    """Whether OpenTelemetry has no type for a value."""
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(item, dict) for item in value)
    )


# https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
CURRENT_CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.max_tokens": 100,
    "gen_ai.request.stop_sequences": ["END"],
    "gen_ai.system_instructions": [{"type": "text", "content": "Use your tools."}],
}
WEATHER_DEFINITION = {
    "type": "function",
    "name": "get_weather",
    "description": "Tell the weather.",
    "parameters": PARAMETERS,
}
ASKED_PARTS = [
    {"type": "text", "content": "How is it here?"},
    {"type": "blob", "modality": "image", "mime_type": "image/gif", "content": PIXEL},
]
CALLED_PARTS = [
    {"type": "reasoning", "content": "The tool knows."},
    {
        "type": "tool_call",
        "id": "call_1",
        "name": "get_weather",
        "arguments": {"city": "Oslo"},
    },
]
CURRENT = [
    span(
        "invoke_agent meteorologist",
        {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "meteorologist",
            "gen_ai.conversation.id": "conversation-1",
        },
        seconds=(0.0, 4.0),
    ),
    span(
        "chat gpt-4o",
        {
            **CURRENT_CHAT,
            "gen_ai.tool.definitions": [WEATHER_DEFINITION],
            "gen_ai.input.messages": [{"role": "user", "parts": ASKED_PARTS}],
            "gen_ai.output.messages": [
                {"role": "assistant", "parts": CALLED_PARTS, "finish_reason": "tool_call"}
            ],
            "gen_ai.response.finish_reasons": ["tool_calls"],
            "gen_ai.usage.input_tokens": 30,
            "gen_ai.usage.cache_read.input_tokens": 10,
            "gen_ai.usage.output_tokens": 12,
        },
        parent=0,
        seconds=(0.5, 1.5),
    ),
    span(
        "execute_tool get_weather",
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "get_weather",
            "gen_ai.tool.call.id": "call_1",
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.arguments": {"city": "Oslo"},
            "gen_ai.tool.call.result": "4 °C, rain",
        },
        parent=0,
        seconds=(2.0, 2.5),
    ),
    span(
        "chat gpt-4o",
        {
            **CURRENT_CHAT,
            "gen_ai.input.messages": [
                {"role": "user", "parts": ASKED_PARTS},
                {"role": "assistant", "parts": CALLED_PARTS},
                {
                    "role": "tool",
                    "parts": [
                        {"type": "tool_call_response", "id": "call_1", "response": "4 °C, rain"}
                    ],
                },
            ],
            "gen_ai.output.messages": [
                {
                    "role": "assistant",
                    "parts": [{"type": "text", "content": "Cold and wet."}],
                    "finish_reason": "stop",
                }
            ],
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.usage.input_tokens": 50,
            "gen_ai.usage.output_tokens": 5,
        },
        parent=0,
        seconds=(3.0, 3.75),
    ),
]

# https://github.com/open-telemetry/semantic-conventions/blob/v1.28.0/docs/gen-ai/gen-ai-events.md
EVENTS = [
    span(
        "chat gpt-4o",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o-2024-08-06",
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.usage.input_tokens": 50,
            "gen_ai.usage.output_tokens": 5,
        },
        events=[
            {"name": "gen_ai.system.message", "attributes": {"content": "Use your tools."}},
            {"name": "gen_ai.user.message", "attributes": {"content": "How is it in Oslo?"}},
            {
                "name": "gen_ai.assistant.message",
                "attributes": encoded(
                    {
                        "tool_calls": [
                            {
                                "id": "call_1",
                                "type": "function",
                                "function": {
                                    "name": "get_weather",
                                    "arguments": '{"city": "Oslo"}',
                                },
                            }
                        ]
                    }
                ),
            },
            {
                "name": "gen_ai.tool.message",
                "attributes": {"id": "call_1", "content": "4 °C, rain"},
            },
            {
                "name": "gen_ai.choice",
                "attributes": encoded(
                    {
                        "index": 0,
                        "finish_reason": "stop",
                        "message": {"role": "assistant", "content": "Cold and wet."},
                    }
                ),
            },
        ],
    ),
]

# https://github.com/open-telemetry/semantic-conventions/blob/v1.27.0/docs/gen-ai/gen-ai-spans.md
CONTENT_EVENTS = [
    span(
        "chat gpt-4",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4",
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.usage.prompt_tokens": 9,
            "gen_ai.usage.completion_tokens": 4,
        },
        events=[
            {
                "name": "gen_ai.content.prompt",
                "attributes": encoded(
                    {"gen_ai.prompt": [{"role": "user", "content": "Who wrote Emma?"}]}
                ),
            },
            {
                "name": "gen_ai.content.completion",
                "attributes": encoded(
                    {"gen_ai.completion": [{"role": "assistant", "content": "Jane Austen."}]}
                ),
            },
        ],
    ),
]

# https://arize-ai.github.io/openinference/spec/
OPENINFERENCE = [
    span(
        "meteorologist",
        {
            "openinference.span.kind": "AGENT",
            "input.value": "How is it here?",
            "output.value": "Cold and wet.",
        },
        seconds=(0.0, 4.0),
    ),
    span(
        "ChatCompletion",
        {
            "openinference.span.kind": "LLM",
            "llm.system": "openai",
            "llm.model_name": "gpt-4o",
            "llm.invocation_parameters": {"temperature": 0.5, "max_tokens": 100},
            "llm.input_messages.0.message.role": "system",
            "llm.input_messages.0.message.content": "Use your tools.",
            "llm.input_messages.1.message.role": "user",
            "llm.input_messages.1.message.contents.0.message_content.type": "text",
            "llm.input_messages.1.message.contents.0.message_content.text": "How is it here?",
            "llm.input_messages.1.message.contents.1.message_content.type": "image",
            "llm.input_messages.1.message.contents.1.message_content.image.image.url": (
                f"data:image/gif;base64,{PIXEL}"
            ),
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.tool_calls.0.tool_call.id": "call_1",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "get_weather",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": (
                '{"city": "Oslo"}'
            ),
            "llm.tools.0.tool.json_schema": {
                "type": "function",
                "function": {
                    "name": "get_weather",
                    "description": "Tell the weather.",
                    "parameters": PARAMETERS,
                },
            },
            "llm.finish_reason": "tool_calls",
            "llm.token_count.prompt": 30,
            "llm.token_count.prompt_details.cache_read": 10,
            "llm.token_count.completion": 12,
            "llm.token_count.total": 42,
        },
        parent=0,
        seconds=(0.5, 1.5),
    ),
    span(
        "get_weather",
        {
            "openinference.span.kind": "TOOL",
            "tool.name": "get_weather",
            "input.value": {"city": "Oslo"},
            "input.mime_type": "application/json",
            "output.value": "4 °C, rain",
        },
        parent=0,
        seconds=(2.0, 2.5),
    ),
    span(
        "ChatCompletion",
        {
            "openinference.span.kind": "LLM",
            "llm.system": "openai",
            "llm.model_name": "gpt-4o",
            "llm.invocation_parameters": {"temperature": 0.5, "max_tokens": 100},
            "llm.input_messages.0.message.role": "system",
            "llm.input_messages.0.message.content": "Use your tools.",
            "llm.input_messages.1.message.role": "user",
            "llm.input_messages.1.message.contents.0.message_content.type": "text",
            "llm.input_messages.1.message.contents.0.message_content.text": "How is it here?",
            "llm.input_messages.1.message.contents.1.message_content.type": "image",
            "llm.input_messages.1.message.contents.1.message_content.image.image.url": (
                f"data:image/gif;base64,{PIXEL}"
            ),
            "llm.input_messages.2.message.role": "assistant",
            "llm.input_messages.2.message.tool_calls.0.tool_call.id": "call_1",
            "llm.input_messages.2.message.tool_calls.0.tool_call.function.name": "get_weather",
            "llm.input_messages.2.message.tool_calls.0.tool_call.function.arguments": (
                '{"city": "Oslo"}'
            ),
            "llm.input_messages.3.message.role": "tool",
            "llm.input_messages.3.message.tool_call_id": "call_1",
            "llm.input_messages.3.message.content": "4 °C, rain",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": "Cold and wet.",
            "llm.finish_reason": "stop",
            "llm.token_count.prompt": 50,
            "llm.token_count.completion": 5,
            "llm.token_count.total": 55,
        },
        parent=0,
        seconds=(3.0, 3.75),
    ),
]

# https://github.com/traceloop/openllmetry, opentelemetry-instrumentation-openai before 0.50
TRACELOOP_CHAT = {
    "llm.request.type": "chat",
    "gen_ai.system": "OpenAI",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.max_tokens": 100,
}
TRACELOOP = [
    span(
        "meteorologist.agent",
        {
            "traceloop.span.kind": "agent",
            "traceloop.entity.name": "meteorologist",
            "traceloop.entity.input": {"args": [], "kwargs": {"question": "How is it in Oslo?"}},
            "traceloop.entity.output": "Cold and wet.",
        },
        seconds=(0.0, 4.0),
    ),
    span(
        "openai.chat",
        {
            **TRACELOOP_CHAT,
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "Use your tools.",
            "gen_ai.prompt.1.role": "user",
            "gen_ai.prompt.1.content": "How is it in Oslo?",
            "llm.request.functions.0.name": "get_weather",
            "llm.request.functions.0.description": "Tell the weather.",
            "llm.request.functions.0.parameters": PARAMETERS,
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.finish_reason": "tool_calls",
            "gen_ai.completion.0.tool_calls.0.id": "call_1",
            "gen_ai.completion.0.tool_calls.0.name": "get_weather",
            "gen_ai.completion.0.tool_calls.0.arguments": '{"city": "Oslo"}',
            "gen_ai.usage.prompt_tokens": 30,
            "gen_ai.usage.completion_tokens": 12,
            "llm.usage.total_tokens": 42,
        },
        parent=0,
        seconds=(0.5, 1.5),
    ),
    span(
        "get_weather.tool",
        {
            "traceloop.span.kind": "tool",
            "traceloop.entity.name": "get_weather",
            "traceloop.entity.input": {"args": [], "kwargs": {"city": "Oslo"}},
            "traceloop.entity.output": "4 °C, rain",
        },
        parent=0,
        seconds=(2.0, 2.5),
    ),
    span(
        "openai.chat",
        {
            **TRACELOOP_CHAT,
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "Use your tools.",
            "gen_ai.prompt.1.role": "user",
            "gen_ai.prompt.1.content": "How is it in Oslo?",
            "gen_ai.prompt.2.role": "assistant",
            "gen_ai.prompt.2.tool_calls.0.id": "call_1",
            "gen_ai.prompt.2.tool_calls.0.name": "get_weather",
            "gen_ai.prompt.2.tool_calls.0.arguments": '{"city": "Oslo"}',
            "gen_ai.prompt.3.role": "tool",
            "gen_ai.prompt.3.tool_call_id": "call_1",
            "gen_ai.prompt.3.content": "4 °C, rain",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.finish_reason": "stop",
            "gen_ai.completion.0.content": "Cold and wet.",
            "gen_ai.usage.prompt_tokens": 50,
            "gen_ai.usage.completion_tokens": 5,
            "llm.usage.total_tokens": 55,
        },
        parent=0,
        seconds=(3.0, 3.75),
    ),
]

FAILED = [
    span(
        "chat gpt-4o",
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.input.messages": [
                {"role": "user", "parts": [{"type": "text", "content": "Hello?"}]}
            ],
            "error.type": "RateLimitError",
        },
        error="too many requests",
    ),
]
FAILED_TOOL = [
    span(
        "execute_tool get_weather",
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "get_weather",
            "gen_ai.tool.call.id": "call_1",
            "gen_ai.tool.call.arguments": {"city": "Atlantis"},
            "error.type": "KeyError",
        },
        error="no such city",
    ),
]
TRACES = {
    "current": CURRENT,
    "events": EVENTS,
    "content events": CONTENT_EVENTS,
    "openinference": OPENINFERENCE,
    "traceloop": TRACELOOP,
    "failed": FAILED,
    "failed tool": FAILED_TOOL,
}
# The three that tell of the same agent with a tool, each in its own convention.
AGENTS = ("current", "openinference", "traceloop")
WITH_IMAGE = {
    "role": "user",
    "text": "How is it here?",
    "images": [f"data:image/gif;base64,{PIXEL}"],
}
WITHOUT_IMAGE = {"role": "user", "text": "How is it in Oslo?"}
SYSTEM = {"role": "system", "text": "Use your tools."}
CALLED = {"role": "assistant", "calls": [("call_1", "get_weather", {"city": "Oslo"})]}
ANSWERED = {"role": "tool", "text": "4 °C, rain", "answers": "call_1"}
SAID = {"role": "assistant", "text": "Cold and wet."}
CONVERSATIONS: dict[str, list[dict[str, Any]]] = {
    "current": [
        SYSTEM,
        WITH_IMAGE,
        {**CALLED, "reasoning": ["The tool knows."]},
        ANSWERED,
        SAID,
    ],
    "events": [SYSTEM, WITHOUT_IMAGE, CALLED, ANSWERED, SAID],
    "content events": [
        {"role": "user", "text": "Who wrote Emma?"},
        {"role": "assistant", "text": "Jane Austen."},
    ],
    "openinference": [SYSTEM, WITH_IMAGE, CALLED, ANSWERED, SAID],
    "traceloop": [SYSTEM, WITHOUT_IMAGE, CALLED, ANSWERED, SAID],
}


@pytest.fixture(scope="module")
def imported(
    shared_server: str, run_program: Callable[[str, dict[str, Any]], dict[str, Any]]
) -> dict[str, Transcript]:
    """All traces posted to the server, and imported from it; by name."""
    from mlflow import MlflowClient

    experiment = "elsewhere"
    experiment_id = MlflowClient(tracking_uri=shared_server).create_experiment(experiment)
    done = run_program("export_spans.py", job(shared_server, experiment_id))
    trace_ids = [f"tr-{digits}" for digits in done["trace_ids"]]
    by_id = {found.transcript_id: found for found in transcripts(experiment, shared_server)}
    assert by_id.keys() == set(trace_ids)
    return {name: by_id[trace_id] for name, trace_id in zip(TRACES, trace_ids, strict=True)}


def job(tracking_uri: str, experiment_id: str) -> dict[str, Any]:
    """What the program is to do."""
    return {
        "endpoint": f"{tracking_uri}/v1/traces",
        "headers": {"x-mlflow-experiment-id": experiment_id},
        "traces": list(TRACES.values()),
    }


def transcripts(experiment: str, tracking_uri: str) -> list[Transcript]:
    """Import the whole experiment."""

    async def collect() -> list[Transcript]:
        found = import_mlflow_traces(experiment, tracking_uri)
        return [transcript async for transcript in found]

    return asyncio.run(collect())


def told(message: ChatMessage) -> dict[str, Any]:
    """What a message says, however its content is arranged."""
    parts = [] if isinstance(message.content, str) else message.content
    facts: dict[str, Any] = {
        "role": message.role,
        "text": message.text,
        "reasoning": [part.reasoning for part in parts if part.type == "reasoning"],
        "images": [part.image for part in parts if part.type == "image"],
    }
    if message.role == "assistant":
        calls = message.tool_calls or []
        facts["calls"] = [(call.id, call.function, call.arguments) for call in calls]
    if message.role == "tool":
        facts["answers"] = message.tool_call_id
        facts["error"] = message.error and message.error.message
    return {name: fact for name, fact in facts.items() if fact}


def model_calls(transcript: Transcript) -> list[ModelEvent]:
    """In order of time."""
    return [event for event in transcript.events if event.event == "model"]


def tool_uses(transcript: Transcript) -> list[ToolEvent]:
    """In order of time."""
    return [event for event in transcript.events if event.event == "tool"]


def set_fields(value: Any) -> dict[str, Any]:
    """Fields of a model of Inspect's that say something; prices are MLflow's, and change."""
    fields = value.model_dump(exclude_none=True, exclude={"total_cost"})
    return {name: field for name, field in fields.items() if field != 0}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_conversation(imported: dict[str, Transcript], name: str) -> None:
    found = imported[name]
    assert [told(message) for message in found.messages] == CONVERSATIONS[name]
    last = model_calls(found)[-1]
    assert [told(message) for message in last.input] == CONVERSATIONS[name][:-1]
    assert told(last.output.message) == CONVERSATIONS[name][-1]
    assert last.output.stop_reason == "stop"


@pytest.mark.parametrize("name", AGENTS)
def test_every_call_of_an_agent_is_there_once(imported: dict[str, Transcript], name: str) -> None:
    first, second = model_calls(imported[name])
    assert [told(message) for message in first.input] == CONVERSATIONS[name][:2]
    assert told(first.output.message) == CONVERSATIONS[name][2]
    assert told(second.output.message) == SAID
    (use,) = tool_uses(imported[name])
    assert (use.function, use.arguments) == ("get_weather", {"city": "Oslo"})
    assert use.result == "4 °C, rain"
    assert use.error is None


def test_tool_use_has_the_id_of_its_call(imported: dict[str, Transcript]) -> None:
    (use,) = tool_uses(imported["current"])
    assert use.id == "call_1"


@pytest.mark.parametrize("name", AGENTS)
def test_stop_reason_of_a_tool_call(imported: dict[str, Transcript], name: str) -> None:
    assert model_calls(imported[name])[0].output.stop_reason == "tool_calls"


@pytest.mark.parametrize("name", AGENTS)
def test_definition_of_the_tool(imported: dict[str, Transcript], name: str) -> None:
    (tool,) = model_calls(imported[name])[0].tools
    assert tool.name == "get_weather"
    assert tool.description == "Tell the weather."
    assert tool.parameters.properties["city"].type == "string"
    assert tool.parameters.required == ["city"]


@pytest.mark.parametrize("name", AGENTS)
def test_config(imported: dict[str, Transcript], name: str) -> None:
    stop = {"stop_seqs": ["END"]} if name == "current" else {}
    for event in model_calls(imported[name]):
        assert set_fields(event.config) == {"temperature": 0.5, "max_tokens": 100, **stop}


@pytest.mark.parametrize(
    ("name", "usages"),
    [
        (
            "current",
            [
                {
                    "input_tokens": 20,
                    "input_tokens_cache_read": 10,
                    "output_tokens": 12,
                    "total_tokens": 42,
                },
                {"input_tokens": 50, "output_tokens": 5, "total_tokens": 55},
            ],
        ),
        ("events", [{"input_tokens": 50, "output_tokens": 5, "total_tokens": 55}]),
        ("content events", [{"input_tokens": 9, "output_tokens": 4, "total_tokens": 13}]),
        (
            "openinference",
            [
                {
                    "input_tokens": 20,
                    "input_tokens_cache_read": 10,
                    "output_tokens": 12,
                    "total_tokens": 42,
                },
                {"input_tokens": 50, "output_tokens": 5, "total_tokens": 55},
            ],
        ),
        (
            "traceloop",
            [
                {"input_tokens": 30, "output_tokens": 12, "total_tokens": 42},
                {"input_tokens": 50, "output_tokens": 5, "total_tokens": 55},
            ],
        ),
    ],
)
def test_usage(imported: dict[str, Transcript], name: str, usages: list[dict[str, int]]) -> None:
    found = imported[name]
    assert [set_fields(event.output.usage) for event in model_calls(found)] == usages
    assert found.total_tokens == sum(usage["total_tokens"] for usage in usages)


@pytest.mark.parametrize("name", AGENTS)
def test_agent_holds_its_calls(imported: dict[str, Transcript], name: str) -> None:
    events = imported[name].events
    (agent,) = [event for event in events if event.event == "span_begin" and event.type == "agent"]
    assert "meteorologist" in agent.name
    assert agent.parent_id is None
    for event in [*model_calls(imported[name]), *tool_uses(imported[name])]:
        assert event.span_id == agent.id


@pytest.mark.parametrize("name", AGENTS)
def test_times_are_those_of_the_spans(imported: dict[str, Transcript], name: str) -> None:
    first, second = (span_of(event) for event in model_calls(imported[name]))
    (use,) = (span_of(event) for event in tool_uses(imported[name]))
    assert (first, use, second) == ((0.5, 1.5), (2.0, 2.5), (3.0, 3.75))
    found = imported[name]
    assert found.date is not None
    assert datetime.fromisoformat(found.date) == BEGINNING
    assert found.total_time == 4.0


def span_of(event: ModelEvent | ToolEvent) -> tuple[float, float]:
    """Beginning and end in seconds after that of the trace."""
    assert event.completed is not None
    return (
        (event.timestamp - BEGINNING).total_seconds(),
        (event.completed - BEGINNING).total_seconds(),
    )


@pytest.mark.parametrize("name", AGENTS)
def test_events_are_in_order_of_time_and_close_what_they_open(
    imported: dict[str, Transcript], name: str
) -> None:
    open_spans: list[str] = []
    for event in imported[name].events:
        if event.event == "span_begin":
            assert event.parent_id == (open_spans[-1] if open_spans else None)
            open_spans.append(event.id)
        elif event.event == "span_end":
            assert event.id == open_spans.pop()
        else:
            assert event.span_id == (open_spans[-1] if open_spans else None)
    assert open_spans == []
    assert stamps(imported[name].events) == sorted(stamps(imported[name].events))


def stamps(events: list[Event]) -> list[datetime]:
    """When the events happened."""
    return [event.timestamp for event in events]


@pytest.mark.parametrize("name", ["current", "events", "traceloop"])
def test_models_that_were_asked_and_that_answered(
    imported: dict[str, Transcript], name: str
) -> None:
    for event in model_calls(imported[name]):
        assert (event.model, event.output.model) == ("gpt-4o", "gpt-4o-2024-08-06")


def test_failed_call(imported: dict[str, Transcript]) -> None:
    found = imported["failed"]
    (event,) = model_calls(found)
    assert event.error is not None
    assert "too many requests" in event.error
    assert found.error is not None
    assert "too many requests" in found.error
    assert [told(message) for message in found.messages] == [{"role": "user", "text": "Hello?"}]


def test_failed_tool(imported: dict[str, Transcript]) -> None:
    (use,) = tool_uses(imported["failed tool"])
    assert (use.id, use.function, use.arguments) == (
        "call_1",
        "get_weather",
        {"city": "Atlantis"},
    )
    assert use.error is not None
    assert "no such city" in use.error.message


def test_conversation_id_is_kept(imported: dict[str, Transcript]) -> None:
    assert "conversation-1" in json.dumps(imported["current"].metadata, default=str)
