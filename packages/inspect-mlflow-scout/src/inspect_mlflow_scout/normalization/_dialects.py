"""Choosing the dialect of a span."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .dialects import (
    _anthropic,
    _bedrock,
    _gemini,
    _generic,
    _langchain,
    _mlflow_chat,
    _openai_chat,
    _openai_responses,
    _openinference,
    _otel_genai,
    _otel_genai_events,
    _traceloop,
)
from .dialects._span_attributes import message_format

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpan

    from ._chat_form import ChatForm

    Reader = Callable[[SourceSpan], ChatForm | None]

__all__ = ["chat_form", "recognised_form"]

# By MLflow's name of what its autologging wrote; Responses looks before chat completions does.
_DECLARED: tuple[tuple[frozenset[str], Reader], ...] = (
    (_openai_responses.FORMATS, _openai_responses.read),
    (_openai_chat.FORMATS, _openai_chat.read),
    (_anthropic.FORMATS, _anthropic.read),
    (_langchain.FORMATS, _langchain.read),
    (frozenset({"gemini"}), _gemini.read),
    (frozenset({"bedrock"}), _bedrock.read),
)
# By families of attributes.
_CONVENTIONS: tuple[Reader, ...] = (
    _otel_genai.read,
    _openinference.read,
    _traceloop.read,
    _otel_genai_events.read,
)
# By shape, the most particular first.
_SHAPES: tuple[Reader, ...] = (
    _openai_responses.read,
    _anthropic.read,
    _gemini.read,
    _bedrock.read,
    _langchain.read,
    _openai_chat.read,
    _mlflow_chat.read,
)


def chat_form(span: SourceSpan) -> ChatForm:
    """The chat form of a call of a model, in whichever dialect it was written.

    What MLflow says of the dialect decides; then attributes and shape do. Where attributes and
    inputs both tell a conversation, the one that tells more of it wins: some instrumentations
    keep the provider's own request, others only its text.
    """
    return recognised_form(span) or _generic.read(span)


def recognised_form(span: SourceSpan) -> ChatForm | None:
    """The chat form by a dialect with a name; None if the span is of none of these."""
    declared = message_format(span)
    if declared is not None:
        for formats, reader in _DECLARED:
            if declared in formats and (form := _read(reader, span)) is not None:
                return form
    forms = [form for reader in _CONVENTIONS if (form := _read(reader, span)) is not None]
    for reader in _SHAPES:
        if (form := _read(reader, span)) is not None:
            forms.append(form)
            break
    return max(forms, key=_told, default=None)


def _read(reader: Reader, span: SourceSpan) -> ChatForm | None:
    form = reader(span)
    return form if form is not None and (form.messages or form.choices) else None


def _told(form: ChatForm) -> int:
    """How much of a conversation a form tells: messages, choices, calls and tools."""
    said = [*form.messages, *(choice["message"] for choice in form.choices)]
    calls = sum(len(message.get("tool_calls") or ()) for message in said)
    return len(said) + calls + len(form.tools)
