"""Calls of models in Inspect's types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._dialects import chat_form
from ._errors import span_error
from ._generate_config import generate_config
from ._messages import assistant_message, chat_messages
from ._stop_reasons import stop_reason
from ._tools import tool_choice, tool_infos
from ._usage import model_usage
from ._values import clean_text
from .dialects._span_attributes import completed

if TYPE_CHECKING:
    from inspect_ai.model import (
        ChatCompletionChoice,
        ChatMessage,
        GenerateConfig,
        ModelOutput,
    )
    from inspect_ai.tool import ToolChoice, ToolInfo

    from inspect_mlflow_scout.reading import SourceSpan

    from ._chat_form import ChatForm

__all__ = ["ModelCall", "model_call"]


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A call of a model in Inspect's types.

    Args:
        model: Name of the model that was asked for, without the provider's name, as Scout's own
            sources have it; the one that answered when only that is told, `"unknown"` when nothing
            is.
        input: The whole conversation, system messages first. No message has an id.
        tools: The tools that the model was offered.
        tool_choice: Which of them it had to call.
        config: Parameters of the request, those that Inspect has.
        output: What came out, with usage and costs; `model` is the one that answered where the
            response tells it, `error` says why a call failed.
    """

    model: str
    input: tuple[ChatMessage, ...]
    tools: tuple[ToolInfo, ...]
    tool_choice: ToolChoice
    config: GenerateConfig
    output: ModelOutput


def model_call(span: SourceSpan) -> ModelCall:
    """A span as a call of a model, in whichever dialect its program wrote it.

    Args:
        span: A span whose role is `"model"`; any other gives a call too.

    Returns:
        A call in which whatever is not understood stands as its JSON text.
    """
    own = chat_form(span)
    form = completed(own, span)
    model = clean_text(form.model or form.response_model or "unknown")
    return ModelCall(
        model=model,
        input=tuple(chat_messages(form.messages)),
        tools=tuple(tool_infos(form.tools)),
        tool_choice=tool_choice(form.tool_choice),
        config=generate_config(form.config),
        output=_output(span, own, form, model),
    )


def _output(span: SourceSpan, own: ChatForm, form: ChatForm, model: str) -> ModelOutput:
    from inspect_ai.model import ModelOutput

    response_id = form.response_id
    return ModelOutput(
        model=clean_text(form.response_model) if form.response_model else model,
        choices=[_choice(choice) for choice in form.choices],
        usage=model_usage(span, own),
        time=_seconds(span),
        error=span_error(span),
        response_id=clean_text(response_id) if response_id else None,
    )


def _choice(choice: Mapping[str, Any]) -> ChatCompletionChoice:
    from inspect_ai.model import ChatCompletionChoice

    message = assistant_message(choice["message"])
    reason = stop_reason(choice.get("finish_reason"), calls_tools=bool(message.tool_calls))
    return ChatCompletionChoice(message=message, stop_reason=reason)


def _seconds(span: SourceSpan) -> float | None:
    if span.end_time_ns is None:
        return None
    return max(span.end_time_ns - span.start_time_ns, 0) / 1e9
