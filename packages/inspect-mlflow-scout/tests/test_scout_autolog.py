"""Traces that MLflow's autolog makes of the real clients of OpenAI and Anthropic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from inspect_mlflow_core.testing import copy_store
from inspect_mlflow_scout import import_mlflow_traces

if TYPE_CHECKING:
    from inspect_ai.event import ModelEvent
    from inspect_ai.model import ChatMessage
    from inspect_scout import Transcript

PIXEL = "R0lGODlhAQABAAAAACw="
WEATHER = {
    "name": "get_weather",
    "description": "Tell the weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "Its name."}},
        "required": ["city"],
    },
}


@dataclass(frozen=True)
class Case:
    """A call of a model, and what has to be found of it.

    Args:
        client: See the program.
        request: What it sends.
        reply: What the provider answers.
        messages: The conversation, in the form of `told`.
        stop_reason: Inspect's.
        usage: Fields of Inspect's `ModelUsage` that are not None or 0; None for no usage at all.
        config: Fields of Inspect's `GenerateConfig` that are set.
        tools: Their names.
    """

    client: str
    request: dict[str, Any]
    reply: dict[str, Any]
    messages: list[dict[str, Any]]
    stop_reason: str = "stop"
    usage: dict[str, int] | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[str, ...] = ()


def completion(message: dict[str, Any], finish_reason: str = "stop", **usage: Any) -> Any:
    """OpenAI's answer to a chat."""
    return {
        "body": {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "gpt-4o-2024-08-06",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": None, **message},
                    "finish_reason": finish_reason,
                }
            ],
            "usage": {"prompt_tokens": 21, "completion_tokens": 3, "total_tokens": 24, **usage},
        }
    }


def chunks(*deltas: dict[str, Any], finish_reason: str) -> Any:
    """OpenAI's answer to a chat that is streamed."""
    common = {
        "id": "chatcmpl-2",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "gpt-4o-2024-08-06",
    }
    choices: list[list[dict[str, Any]]] = [
        *([{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas),
        [{"index": 0, "delta": {}, "finish_reason": finish_reason}],
    ]
    usage = {"prompt_tokens": 11, "completion_tokens": 2, "total_tokens": 13}
    return {
        "events": [
            *({**common, "choices": choice} for choice in choices),
            {**common, "choices": [], "usage": usage},
        ]
    }


def response(*output: dict[str, Any], **fields: Any) -> Any:
    """OpenAI's answer of its responses."""
    return {
        "body": {
            "id": "resp_1",
            "object": "response",
            "created_at": 1_700_000_000,
            "status": "completed",
            "model": "o4-mini-2025-04-16",
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "output": list(output),
            "usage": {
                "input_tokens": 40,
                "input_tokens_details": {"cached_tokens": 16},
                "output_tokens": 30,
                "output_tokens_details": {"reasoning_tokens": 20},
                "total_tokens": 70,
            },
            **fields,
        }
    }


def said(text: str) -> dict[str, Any]:
    """A message in the output of OpenAI's responses."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": content,
    }


def anthropic_message(*content: dict[str, Any], stop_reason: str, **usage: int) -> Any:
    """Anthropic's answer."""
    return {
        "body": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-20250514",
            "content": list(content),
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "usage": {"input_tokens": 12, "output_tokens": 5, **usage},
        }
    }


OPENAI_CHAT: dict[str, Case] = {
    "text": Case(
        "openai.chat",
        {
            "model": "gpt-4o",
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": "What is the capital of France?"},
            ],
            "temperature": 0.2,
            "top_p": 0.9,
            "max_tokens": 50,
            "seed": 7,
            "stop": ["END"],
            "frequency_penalty": 0.5,
            "presence_penalty": 0.25,
        },
        completion(
            {"content": "Paris."},
            prompt_tokens_details={"cached_tokens": 8},
            completion_tokens_details={"reasoning_tokens": 0},
        ),
        [
            {"role": "system", "text": "Be brief."},
            {"role": "user", "text": "What is the capital of France?"},
            {"role": "assistant", "text": "Paris."},
        ],
        usage={
            "input_tokens": 13,
            "input_tokens_cache_read": 8,
            "output_tokens": 3,
            "total_tokens": 24,
        },
        config={
            "temperature": 0.2,
            "top_p": 0.9,
            "max_tokens": 50,
            "seed": 7,
            "stop_seqs": ["END"],
            "frequency_penalty": 0.5,
            "presence_penalty": 0.25,
        },
    ),
    "tool calls": Case(
        "openai.chat",
        {
            "model": "gpt-4o",
            "messages": [{"role": "user", "content": "How is it in Oslo and Rome?"}],
            "tools": [{"type": "function", "function": WEATHER}],
            "tool_choice": "auto",
        },
        completion(
            {
                "content": "Let me look.",
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'},
                    },
                    {
                        "id": "call_2",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'},
                    },
                ],
            },
            "tool_calls",
        ),
        [
            {"role": "user", "text": "How is it in Oslo and Rome?"},
            {
                "role": "assistant",
                "text": "Let me look.",
                "calls": [
                    ("call_1", "get_weather", {"city": "Oslo"}),
                    ("call_2", "get_weather", {"city": "Rome"}),
                ],
            },
        ],
        stop_reason="tool_calls",
        usage={"input_tokens": 21, "output_tokens": 3, "total_tokens": 24},
        tools=("get_weather",),
    ),
    "tool results": Case(
        "openai.chat",
        {
            "model": "gpt-4o",
            "messages": [
                {"role": "system", "content": "Use your tools."},
                {"role": "user", "content": "How is it in Oslo?"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "id": "call_1",
                            "type": "function",
                            "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "call_1", "content": "4 °C, rain"},
            ],
            "tools": [{"type": "function", "function": WEATHER}],
        },
        completion({"content": "Cold and wet."}),
        [
            {"role": "system", "text": "Use your tools."},
            {"role": "user", "text": "How is it in Oslo?"},
            {"role": "assistant", "calls": [("call_1", "get_weather", {"city": "Oslo"})]},
            {"role": "tool", "text": "4 °C, rain", "answers": "call_1"},
            {"role": "assistant", "text": "Cold and wet."},
        ],
        usage={"input_tokens": 21, "output_tokens": 3, "total_tokens": 24},
        tools=("get_weather",),
    ),
    "image": Case(
        "openai.chat",
        {
            "model": "gpt-4o",
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "Which colour is this?"},
                        {
                            "type": "image_url",
                            "image_url": {"url": f"data:image/gif;base64,{PIXEL}"},
                        },
                    ],
                }
            ],
        },
        completion({"content": "Red."}),
        [
            {
                "role": "user",
                "text": "Which colour is this?",
                "images": [f"data:image/gif;base64,{PIXEL}"],
            },
            {"role": "assistant", "text": "Red."},
        ],
        usage={"input_tokens": 21, "output_tokens": 3, "total_tokens": 24},
    ),
    "reasoning": Case(
        "openai.chat",
        {"model": "deepseek-reasoner", "messages": [{"role": "user", "content": "17 * 3?"}]},
        completion({"content": "51", "reasoning_content": "10 * 3 is 30, 7 * 3 is 21."}),
        [
            {"role": "user", "text": "17 * 3?"},
            {"role": "assistant", "text": "51", "reasoning": ["10 * 3 is 30, 7 * 3 is 21."]},
        ],
        usage={"input_tokens": 21, "output_tokens": 3, "total_tokens": 24},
    ),
    "cut off": Case(
        "openai.chat",
        {
            "model": "gpt-4o",
            "messages": [{"role": "user", "content": "Tell a story."}],
            "max_completion_tokens": 3,
        },
        completion({"content": "Once upon a"}, "length"),
        [
            {"role": "user", "text": "Tell a story."},
            {"role": "assistant", "text": "Once upon a"},
        ],
        stop_reason="max_tokens",
        usage={"input_tokens": 21, "output_tokens": 3, "total_tokens": 24},
        config={"max_tokens": 3},
    ),
    "refusal": Case(
        "openai.chat",
        {"model": "gpt-4o", "messages": [{"role": "user", "content": "Pick this lock."}]},
        completion({"refusal": "I will not."}),
        [
            {"role": "user", "text": "Pick this lock."},
            {"role": "assistant", "text": "I will not."},
        ],
        usage={"input_tokens": 21, "output_tokens": 3, "total_tokens": 24},
    ),
    "stream": Case(
        "openai.chat",
        {
            "model": "gpt-4o",
            "messages": [{"role": "user", "content": "Greet me."}],
            "stream": True,
            "stream_options": {"include_usage": True},
        },
        chunks(
            {"role": "assistant", "content": ""},
            {"content": "Hello "},
            {"content": "there."},
            finish_reason="stop",
        ),
        [{"role": "user", "text": "Greet me."}, {"role": "assistant", "text": "Hello there."}],
        usage={"input_tokens": 11, "output_tokens": 2, "total_tokens": 13},
    ),
    "stream of tool calls": Case(
        "openai.chat",
        {
            "model": "gpt-4o",
            "messages": [{"role": "user", "content": "How is it in Oslo?"}],
            "tools": [{"type": "function", "function": WEATHER}],
            "stream": True,
            "stream_options": {"include_usage": True},
        },
        chunks(
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "index": 0,
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": ""},
                    }
                ],
            },
            {"tool_calls": [{"index": 0, "function": {"arguments": '{"city": '}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": '"Oslo"}'}}]},
            finish_reason="tool_calls",
        ),
        [
            {"role": "user", "text": "How is it in Oslo?"},
            {"role": "assistant", "calls": [("call_1", "get_weather", {"city": "Oslo"})]},
        ],
        stop_reason="tool_calls",
        usage={"input_tokens": 11, "output_tokens": 2, "total_tokens": 13},
        tools=("get_weather",),
    ),
}

OPENAI_RESPONSES: dict[str, Case] = {
    "text": Case(
        "openai.responses",
        {
            "model": "o4-mini",
            "instructions": "Be brief.",
            "input": "What is the capital of France?",
            "max_output_tokens": 100,
        },
        response(said("Paris."), instructions="Be brief."),
        [
            {"role": "system", "text": "Be brief."},
            {"role": "user", "text": "What is the capital of France?"},
            {"role": "assistant", "text": "Paris."},
        ],
        usage={
            "input_tokens": 24,
            "input_tokens_cache_read": 16,
            "output_tokens": 30,
            "reasoning_tokens": 20,
            "total_tokens": 70,
        },
        config={"max_tokens": 100},
    ),
    "tool calls": Case(
        "openai.responses",
        {
            "model": "o4-mini",
            "input": [{"role": "user", "content": "How is it in Oslo?"}],
            "tools": [{"type": "function", "strict": False, **WEATHER}],
            "reasoning": {"effort": "low", "summary": "auto"},
        },
        response(
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "The weather needs the tool."}],
            },
            {
                "type": "function_call",
                "id": "fc_1",
                "call_id": "call_1",
                "name": "get_weather",
                "arguments": '{"city": "Oslo"}',
                "status": "completed",
            },
        ),
        [
            {"role": "user", "text": "How is it in Oslo?"},
            {
                "role": "assistant",
                "reasoning": ["The weather needs the tool."],
                "calls": [("call_1", "get_weather", {"city": "Oslo"})],
            },
        ],
        stop_reason="tool_calls",
        usage={
            "input_tokens": 24,
            "input_tokens_cache_read": 16,
            "output_tokens": 30,
            "reasoning_tokens": 20,
            "total_tokens": 70,
        },
        config={"reasoning_effort": "low"},
        tools=("get_weather",),
    ),
    "tool results, cut off": Case(
        "openai.responses",
        {
            "model": "o4-mini",
            "instructions": "Use your tools.",
            "input": [
                {
                    "type": "message",
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "How is it here?"},
                        {
                            "type": "input_image",
                            "detail": "auto",
                            "image_url": f"data:image/gif;base64,{PIXEL}",
                        },
                    ],
                },
                {
                    "type": "function_call",
                    "call_id": "call_1",
                    "name": "get_weather",
                    "arguments": '{"city": "Oslo"}',
                },
                {"type": "function_call_output", "call_id": "call_1", "output": "4 °C, rain"},
            ],
        },
        response(
            said("Cold and"),
            status="incomplete",
            incomplete_details={"reason": "max_output_tokens"},
        ),
        [
            {"role": "system", "text": "Use your tools."},
            {
                "role": "user",
                "text": "How is it here?",
                "images": [f"data:image/gif;base64,{PIXEL}"],
            },
            {"role": "assistant", "calls": [("call_1", "get_weather", {"city": "Oslo"})]},
            {"role": "tool", "text": "4 °C, rain", "answers": "call_1"},
            {"role": "assistant", "text": "Cold and"},
        ],
        stop_reason="max_tokens",
        usage={
            "input_tokens": 24,
            "input_tokens_cache_read": 16,
            "output_tokens": 30,
            "reasoning_tokens": 20,
            "total_tokens": 70,
        },
    ),
}

ANTHROPIC: dict[str, Case] = {
    "text": Case(
        "anthropic.messages",
        {
            "model": "claude-sonnet-4-0",
            "max_tokens": 100,
            "stop_sequences": ["END"],
            "system": "Be brief.",
            "messages": [{"role": "user", "content": "What is the capital of France?"}],
        },
        anthropic_message(
            {"type": "text", "text": "Paris."},
            stop_reason="end_turn",
            cache_read_input_tokens=6,
            cache_creation_input_tokens=2,
        ),
        [
            {"role": "system", "text": "Be brief."},
            {"role": "user", "text": "What is the capital of France?"},
            {"role": "assistant", "text": "Paris."},
        ],
        usage={
            "input_tokens": 12,
            "input_tokens_cache_read": 6,
            "input_tokens_cache_write": 2,
            "output_tokens": 5,
            "total_tokens": 25,
        },
        config={"max_tokens": 100, "stop_seqs": ["END"]},
    ),
    "thinking and tool calls": Case(
        "anthropic.messages",
        {
            "model": "claude-sonnet-4-0",
            "max_tokens": 4096,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "system": [{"type": "text", "text": "Use your tools."}],
            "messages": [{"role": "user", "content": "How is it in Oslo?"}],
            "tools": [
                {
                    "name": WEATHER["name"],
                    "description": WEATHER["description"],
                    "input_schema": WEATHER["parameters"],
                }
            ],
        },
        anthropic_message(
            {"type": "thinking", "thinking": "The tool knows.", "signature": "c2lnbmVk"},
            {"type": "text", "text": "Let me look."},
            {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Oslo"}},
            stop_reason="tool_use",
        ),
        [
            {"role": "system", "text": "Use your tools."},
            {"role": "user", "text": "How is it in Oslo?"},
            {
                "role": "assistant",
                "text": "Let me look.",
                "reasoning": ["The tool knows."],
                "calls": [("toolu_1", "get_weather", {"city": "Oslo"})],
            },
        ],
        stop_reason="tool_calls",
        usage={"input_tokens": 12, "output_tokens": 5, "total_tokens": 17},
        config={"max_tokens": 4096, "reasoning_tokens": 1024},
        tools=("get_weather",),
    ),
    "tool results": Case(
        "anthropic.messages",
        {
            "model": "claude-sonnet-4-0",
            "max_tokens": 100,
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "How is it here and in Rome?"},
                        {
                            "type": "image",
                            "source": {
                                "type": "base64",
                                "media_type": "image/gif",
                                "data": PIXEL,
                            },
                        },
                    ],
                },
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "Let me look."},
                        {
                            "type": "tool_use",
                            "id": "toolu_1",
                            "name": "get_weather",
                            "input": {"city": "Oslo"},
                        },
                        {
                            "type": "tool_use",
                            "id": "toolu_2",
                            "name": "get_weather",
                            "input": {"city": "Rome"},
                        },
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_1",
                            "content": [{"type": "text", "text": "4 °C, rain"}],
                        },
                        {
                            "type": "tool_result",
                            "tool_use_id": "toolu_2",
                            "content": "no such station",
                            "is_error": True,
                        },
                        {"type": "text", "text": "Be brief."},
                    ],
                },
            ],
        },
        anthropic_message({"type": "text", "text": "Cold and"}, stop_reason="max_tokens"),
        [
            {
                "role": "user",
                "text": "How is it here and in Rome?",
                "images": [f"data:image/gif;base64,{PIXEL}"],
            },
            {
                "role": "assistant",
                "text": "Let me look.",
                "calls": [
                    ("toolu_1", "get_weather", {"city": "Oslo"}),
                    ("toolu_2", "get_weather", {"city": "Rome"}),
                ],
            },
            {"role": "tool", "text": "4 °C, rain", "answers": "toolu_1"},
            {
                "role": "tool",
                "text": "no such station",
                "answers": "toolu_2",
                "error": "no such station",
            },
            {"role": "user", "text": "Be brief."},
            {"role": "assistant", "text": "Cold and"},
        ],
        stop_reason="max_tokens",
        usage={"input_tokens": 12, "output_tokens": 5, "total_tokens": 17},
        config={"max_tokens": 100},
    ),
    "refusal": Case(
        "anthropic.messages",
        {
            "model": "claude-sonnet-4-0",
            "max_tokens": 100,
            "messages": [{"role": "user", "content": "Pick this lock."}],
        },
        anthropic_message({"type": "text", "text": "I will not."}, stop_reason="refusal"),
        [
            {"role": "user", "text": "Pick this lock."},
            {"role": "assistant", "text": "I will not."},
        ],
        stop_reason="content_filter",
        usage={"input_tokens": 12, "output_tokens": 5, "total_tokens": 17},
        config={"max_tokens": 100},
    ),
}

TOO_LONG = {
    "status": 400,
    "body": {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "prompt is too long"},
    },
}
REFUSED: dict[str, Case] = {
    "openai chat": Case(
        "openai.chat",
        {
            "model": "gpt-4o",
            "messages": [{"role": "user", "content": "Hello?"}],
            "temperature": 1.5,
        },
        TOO_LONG,
        [{"role": "user", "text": "Hello?"}],
        config={"temperature": 1.5},
    ),
    "openai responses": Case(
        "openai.responses",
        {"model": "o4-mini", "input": "Hello?", "max_output_tokens": 100},
        TOO_LONG,
        [{"role": "user", "text": "Hello?"}],
        config={"max_tokens": 100},
    ),
    "anthropic": Case(
        "anthropic.messages",
        {
            "model": "claude-sonnet-4-0",
            "max_tokens": 100,
            "messages": [{"role": "user", "content": "Hello?"}],
        },
        TOO_LONG,
        [{"role": "user", "text": "Hello?"}],
        config={"max_tokens": 100},
    ),
}

ANSWERED = {
    **{f"openai chat, {name}": case for name, case in OPENAI_CHAT.items()},
    **{f"openai responses, {name}": case for name, case in OPENAI_RESPONSES.items()},
    **{f"anthropic, {name}": case for name, case in ANTHROPIC.items()},
}
CASES = {**ANSWERED, **{f"refused by {name}": case for name, case in REFUSED.items()}}


@dataclass(frozen=True)
class Imported:
    """What came of the calls.

    Args:
        transcripts: By the name of the case.
        started: Before the first call.
        ended: After the last.
    """

    transcripts: Mapping[str, Transcript]
    started: datetime
    ended: datetime


@pytest.fixture(scope="module")
def imported(
    store_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    run_program: Callable[[str, dict[str, Any]], dict[str, Any]],
) -> Imported:
    """All cases called in one process, and imported."""
    uri = copy_store(store_template, tmp_path_factory.mktemp("autolog"))
    started = datetime.now(UTC)
    done = run_program("call_providers.py", job(uri, list(CASES.values())))
    ended = datetime.now(UTC)
    assert [error is not None for error in done["errors"]] == [
        case.reply.get("status") is not None for case in CASES.values()
    ]
    by_id = {transcript.transcript_id: transcript for transcript in transcripts(uri)}
    assert by_id.keys() == set(done["trace_ids"])
    named = {name: by_id[trace_id] for name, trace_id in zip(CASES, done["trace_ids"], strict=True)}
    return Imported(named, started, ended)


def job(tracking_uri: str, cases: list[Case]) -> dict[str, Any]:
    """What the program is to do."""
    return {
        "tracking_uri": tracking_uri,
        "experiment": "assistants",
        "autolog": ["openai", "anthropic"],
        "calls": [
            {"client": case.client, "request": case.request, "reply": case.reply} for case in cases
        ],
    }


def transcripts(tracking_uri: str) -> list[Transcript]:
    """Import the whole experiment."""

    async def collect() -> list[Transcript]:
        found = import_mlflow_traces("assistants", tracking_uri)
        return [transcript async for transcript in found]

    return asyncio.run(collect())


def told(message: ChatMessage) -> dict[str, Any]:
    """What a message says, however its content is arranged."""
    parts = [] if isinstance(message.content, str) else message.content
    facts: dict[str, Any] = {
        "role": message.role,
        "text": message.text,
        "reasoning": [part.reasoning or part.summary for part in parts if part.type == "reasoning"],
        "images": [part.image for part in parts if part.type == "image"],
    }
    if message.role == "assistant":
        calls = message.tool_calls or []
        facts["calls"] = [(call.id, call.function, call.arguments) for call in calls]
    if message.role == "tool":
        facts["answers"] = message.tool_call_id
        facts["error"] = message.error and message.error.message
    return {name: fact for name, fact in facts.items() if fact}


def model_call(transcript: Transcript) -> ModelEvent:
    """The only one."""
    (event,) = [event for event in transcript.events if event.event == "model"]
    return event


def set_fields(value: Any) -> dict[str, Any]:
    """Fields of a model of Inspect's that say something; prices are MLflow's, and change."""
    fields = value.model_dump(exclude_none=True, exclude={"total_cost"})
    return {name: field for name, field in fields.items() if field != 0}


@pytest.mark.parametrize("name", ANSWERED)
def test_conversation(imported: Imported, name: str) -> None:
    found = imported.transcripts[name]
    assert [told(message) for message in found.messages] == CASES[name].messages
    assert found.message_count == len(CASES[name].messages)


@pytest.mark.parametrize("name", ANSWERED)
def test_model_call(imported: Imported, name: str) -> None:
    case = CASES[name]
    event = model_call(imported.transcripts[name])
    assert [told(message) for message in event.input] == case.messages[:-1]
    assert told(event.output.message) == case.messages[-1]
    assert event.output.stop_reason == case.stop_reason
    assert tuple(tool.name for tool in event.tools) == case.tools
    assert event.error is None


def mlflow_release() -> tuple[int, ...]:
    return tuple(map(int, version("mlflow").split(".")[:2]))


@pytest.mark.parametrize("name", ANSWERED)
def test_usage(imported: Imported, name: str) -> None:
    case = CASES[name]
    found = imported.transcripts[name]
    usage = model_call(found).output.usage
    assert usage is not None
    assert case.usage is not None
    assert set_fields(usage) == case.usage
    # The whole trace's count is MLflow's, whose older versions leave out what Anthropic cached.
    cached = [case.usage.get(f"input_tokens_cache_{kind}", 0) for kind in ("read", "write")]
    uncached = case.usage["total_tokens"] - sum(cached)
    counts = [case.usage["total_tokens"], *([uncached] if mlflow_release() < (3, 12) else [])]
    assert found.total_tokens in counts


@pytest.mark.parametrize("name", CASES)
def test_config(imported: Imported, name: str) -> None:
    case = CASES[name]
    assert set_fields(model_call(imported.transcripts[name]).config) == dict(case.config)


@pytest.mark.parametrize("name", ANSWERED)
def test_model_is_told(imported: Imported, name: str) -> None:
    case = CASES[name]
    found = imported.transcripts[name]
    event = model_call(found)
    served = case.reply.get("body", {}).get("model", "gpt-4o-2024-08-06")
    assert event.model == case.request["model"]
    assert event.output.model == served
    assert found.model == event.model


def test_parameters_of_tools(imported: Imported) -> None:
    for name in ("openai chat, tool calls", "openai responses, tool calls"):
        (tool,) = model_call(imported.transcripts[name]).tools
        assert tool.description == WEATHER["description"]
        assert tool.parameters.required == ["city"]
        assert tool.parameters.properties["city"].type == "string"


@pytest.mark.parametrize("name", [f"refused by {name}" for name in REFUSED])
def test_refused_request(imported: Imported, name: str) -> None:
    found = imported.transcripts[name]
    event = model_call(found)
    assert [told(message) for message in event.input] == CASES[name].messages
    assert event.error is not None
    assert "prompt is too long" in event.error
    assert found.error is not None
    assert "prompt is too long" in found.error
    assert [told(message) for message in found.messages] == CASES[name].messages


def test_times_are_those_of_the_calls(imported: Imported) -> None:
    for found in imported.transcripts.values():
        event = model_call(found)
        assert event.completed is not None
        assert imported.started <= event.timestamp <= event.completed <= imported.ended
        assert found.date is not None
        # MLflow keeps the beginning of a trace to the millisecond.
        seconds = (event.timestamp - datetime.fromisoformat(found.date)).total_seconds()
        assert abs(seconds) < 0.002


def test_no_tokens_are_told_of_a_refused_request(imported: Imported) -> None:
    for name in REFUSED:
        assert not imported.transcripts[f"refused by {name}"].total_tokens


def test_equal_messages_have_equal_ids_and_others_do_not(imported: Imported) -> None:
    found = imported.transcripts["openai chat, tool results"]
    event = model_call(found)
    ids = [message.id for message in found.messages]
    assert None not in ids
    assert len(set(ids)) == len(ids)
    assert [message.id for message in event.input] == ids[:-1]


def test_where_a_transcript_comes_from(imported: Imported) -> None:
    for found in imported.transcripts.values():
        assert found.source_type == "mlflow"
        assert found.task_set == "assistants"
        assert found.task_id
