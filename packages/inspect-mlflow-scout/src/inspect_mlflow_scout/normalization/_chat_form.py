"""The form into which every dialect is brought first: OpenAI's chat form, as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ChatForm"]


@dataclass(frozen=True, slots=True)
class ChatForm:
    """A call of a model in the chat form of OpenAI, the one that most tools know.

    Messages are dicts with `role` (`system`, `user`, `assistant`, `tool`), `content` (a text, None
    or a list of parts) and, where they have any, `tool_calls`
    (`{"id", "type": "function", "function": {"name", "arguments"}}`, arguments as JSON text or
    a dict), `tool_call_id`, `name` and `is_error`.

    Parts are OpenAI's: `{"type": "text", "text"}`, `{"type": "refusal", "refusal"}`,
    `{"type": "image_url", "image_url": {"url", "detail"}}`,
    `{"type": "input_audio", "input_audio": {"data", "format"}}`,
    `{"type": "file", "file": {"file_data", "filename"}}`; and, as it has none for them,
    `{"type": "reasoning", "reasoning", "summary", "signature", "redacted"}`,
    `{"type": "cited_text", "text", "citations"}`, tools that a provider runs itself,
    `{"type": "tool_use", "tool_use": {"tool_type", "id", "name", "context", "arguments", "result",
    "error"}}`,
    `{"type": "video_url", "video_url": {"url"}}` and `{"type": "data", "data": <any JSON>}`.

    Args:
        messages: The whole input, system messages first.
        choices: What came out: `{"message": <message>, "finish_reason": <text or None>}`.
        model: Name of the model that was asked for; None when nothing tells.
        provider: Name of the provider; None when nothing tells.
        tools: `{"type": "function", "function": {"name", "description", "parameters"}}`.
        tool_choice: `"auto"`, `"none"`, `"required"` or a dict that names a function.
        config: Parameters under OpenAI's names: `temperature`, `top_p`, `top_k`, `max_tokens`,
            `stop`, `seed`, `frequency_penalty`, `presence_penalty`, `n`, `logprobs`,
            `top_logprobs`, `reasoning_effort`, `reasoning_tokens`, `parallel_tool_calls`,
            `response_format`.
        usage: MLflow's keys: `input_tokens` (cached ones included), `output_tokens`,
            `total_tokens`, `cache_read_input_tokens`, `cache_creation_input_tokens`,
            `reasoning_tokens`; None when nothing tells.
        response_id: The provider's id of the response.
        response_model: Name of the model that answered, which may be one that `model` stands for;
            None when the response does not tell.
    """

    messages: Sequence[Mapping[str, Any]] = ()
    choices: Sequence[Mapping[str, Any]] = ()
    model: str | None = None
    provider: str | None = None
    tools: Sequence[Mapping[str, Any]] = ()
    tool_choice: Any = None
    config: Mapping[str, Any] = field(default_factory=dict)
    usage: Mapping[str, int] | None = None
    response_id: str | None = None
    response_model: str | None = None
