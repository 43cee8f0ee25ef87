"""Conversations in values of which nothing is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from inspect_mlflow_scout.reading import SourceSpan

from ._dialects import recognised_form
from ._messages import chat_messages
from .dialects._any_choices import choices_in
from .dialects._any_inputs import input_messages

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage

    from ._chat_form import ChatForm

__all__ = ["conversation"]

_RESPONSES = ("choices", "generations", "candidates", "output")


def conversation(
    value: Any, *, speaker: Literal["user", "assistant"] = "user"
) -> list[ChatMessage]:
    """The messages in what went into a program, or came out of it, as far as they can be told.

    Args:
        value: Any JSON value: messages in any known dialect, alone or as `{"messages": [...]}`,
            the request or the response of a provider, a text.
        speaker: Who says what is no message.

    Returns:
        Messages without ids; a value that is no conversation becomes one message with its JSON.
    """
    return chat_messages(_messages(value, speaker))


def _messages(value: Any, speaker: str) -> list[Mapping[str, Any]]:
    form = _form(value)
    if form is not None:
        return [*form.messages, *(choice["message"] for choice in form.choices)]
    if speaker == "assistant" and not _names_speaker(value):
        return [choice["message"] for choice in choices_in(value)]
    return list(input_messages(value))


def _form(value: Any) -> ChatForm | None:
    if isinstance(value, Mapping):
        output = value.get("output")
        # Agents that answer like Responses tell what their tools found, too.
        if isinstance(output, list) and (form := recognised_form(_inputs(output))) is not None:
            return form
        if any(name in value for name in _RESPONSES):
            return recognised_form(_outputs(value))
    return recognised_form(_inputs(value)) if isinstance(value, (Mapping, list)) else None


def _names_speaker(value: Any) -> bool:
    """Whether someone in a value is said to be the one who speaks."""
    said = value.get("messages", [value]) if isinstance(value, Mapping) else value
    message = said[0] if isinstance(said, list) and said else said
    return isinstance(message, Mapping) and ("role" in message or "type" in message)


def _inputs(value: Any) -> SourceSpan:
    return SourceSpan("", None, "", "UNKNOWN", 0, None, inputs=value)


def _outputs(value: Any) -> SourceSpan:
    return SourceSpan("", None, "", "UNKNOWN", 0, None, outputs=value)
