"""Messages of the chat form as Inspect's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from inspect_mlflow_scout._memory import remembered

from ._content import content_of_message
from ._tool_calls import tool_calls_of
from ._values import clean_text, value_text
from .dialects._json_values import as_text

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageTool, Content

__all__ = ["assistant_message", "chat_messages"]

Message = TypeVar("Message", bound="ChatMessage")

# Open models write their reasoning before their answer, unless their server takes it out.
_THOUGHT = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)


def chat_messages(messages: Iterable[Mapping[str, Any]]) -> list[ChatMessage]:
    """The messages of a conversation, without ids.

    A tool's message gets the name of its function from the call that it answers.
    """
    functions: dict[str, str] = {}
    found: list[ChatMessage] = []
    for message in messages:
        role = message.get("role")
        if role == "assistant":
            assistant = assistant_message(message)
            functions.update((call.id, call.function) for call in assistant.tool_calls or ())
            found.append(assistant)
        elif role == "tool":
            found.append(_tool_message(message, functions.get(_call_id(message) or "")))
        else:
            found.append(_other_message(message))
    return found


@remembered
def _other_message(message: Mapping[str, Any]) -> ChatMessage:
    from inspect_ai.model import ChatMessageSystem, ChatMessageUser

    role = message.get("role")
    kind = ChatMessageSystem if role in ("system", "developer") else ChatMessageUser
    name = as_text(message.get("name"))
    return _without_id(
        kind(
            content=content_of_message(message.get("content")),
            metadata={"name": clean_text(name)} if name else None,
        )
    )


@remembered
def assistant_message(message: Mapping[str, Any]) -> ChatMessageAssistant:
    """What a model said.

    Neither the model nor anything else that only a response tells is kept in the message: so it
    is equal to itself when a later request repeats it, and gets the same id.
    """
    from inspect_ai.model import ChatMessageAssistant

    calls, others = tool_calls_of(message.get("tool_calls"))
    content = _with_others(_reasoning_apart(content_of_message(message.get("content"))), others)
    return _without_id(
        ChatMessageAssistant(content=content, tool_calls=calls or None, source="generate")
    )


@remembered
def _tool_message(message: Mapping[str, Any], function: str | None) -> ChatMessageTool:
    from inspect_ai.model import ChatMessageTool
    from inspect_ai.tool import ToolCallError

    content = content_of_message(message.get("content"))
    name = as_text(message.get("name"))
    read = ChatMessageTool(
        content=content,
        tool_call_id=_call_id(message),
        function=function or (clean_text(name) if name else None),
    )
    if message.get("is_error") is True:
        read.error = ToolCallError("unknown", read.text)
    return _without_id(read)


def _call_id(message: Mapping[str, Any]) -> str | None:
    call_id = as_text(message.get("tool_call_id"))
    return clean_text(call_id) if call_id else None


def _reasoning_apart(content: str | list[Content]) -> str | list[Content]:
    from inspect_ai.model import ContentReasoning, ContentText

    thought = _THOUGHT.match(content) if isinstance(content, str) else None
    if thought is None or not isinstance(content, str):
        return content
    reasoning = ContentReasoning(reasoning=thought[1].strip())
    answer = content[thought.end() :]
    return [reasoning, ContentText(text=answer)] if answer else [reasoning]


def _with_others(content: str | list[Content], others: list[Any]) -> str | list[Content]:
    from inspect_ai.model import ContentText

    if not others:
        return content
    if isinstance(content, str):
        content = [ContentText(text=content)] if content else []
    return [*content, *(ContentText(text=value_text(other)) for other in others)]


def _without_id(message: Message) -> Message:
    # Inspect makes up an id for every new message; here the caller gives them.
    message.id = None
    return message
