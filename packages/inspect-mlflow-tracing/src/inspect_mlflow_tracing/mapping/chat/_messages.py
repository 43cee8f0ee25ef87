"""Inspect's chat messages in the form that MLflow's chat view accepts.

The rules are those of MLflow's own pages (3.6 to 3.17): one message that breaks them takes the
chat of the whole span away. `reasoning` of a message is drawn above its content, and `name` of a
tool message in its heading.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from inspect_mlflow_core.conversion import clean_text

from ._attachments import ChatAttachments
from ._content import ChatContent, chat_content
from ._text import readable, shortened
from ._tools import chat_tool_calls

__all__ = ["chat_message", "chat_messages", "message_list"]

_ROLES: Final = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "tool": "tool",
    "developer": "system",
    "function": "tool",
}
_ROLE_CHARACTERS: Final = 100
_PARAGRAPHS: Final = "\n\n"


def chat_messages(
    messages: Sequence[Any], attachments: ChatAttachments | None
) -> list[dict[str, Any]]:
    """Converts a conversation.

    Args:
        messages: `ChatMessage`s as raw JSON, references to attachments resolved. Whatever else
            stands there is shown as text.
        attachments: Keeps images and other files. Without it, words stand for them.

    Returns:
        As many messages in OpenAI's form, each of which the chat view accepts.
    """
    return [chat_message(message, attachments) for message in message_list(messages)]


def message_list(messages: Any) -> Sequence[Any]:
    """A list as it is, nothing as no message, and anything else as the only message."""
    if isinstance(messages, list | tuple):
        return messages
    return [] if messages is None else [messages]


def chat_message(message: Any, attachments: ChatAttachments | None) -> dict[str, Any]:
    """Converts one message; see `chat_messages`."""
    if not isinstance(message, dict) or not message.keys() & {"role", "content", "tool_calls"}:
        return {"role": "user", "content": readable(message)}
    role, calls = _role(message), chat_tool_calls(message.get("tool_calls"))
    content = message.get("content")
    chat: dict[str, Any] = {"role": role}
    if type(content) is str and role == message.get("role") and role != "tool":
        chat["content"] = clean_text(content)
    else:
        converted = _converted(message, role, attachments)
        chat["content"] = converted.simplest()
        if converted.reasoning:
            chat["reasoning"] = _PARAGRAPHS.join(converted.reasoning)
        if converted.refusals:
            chat["refusal"] = _PARAGRAPHS.join(converted.refusals)
        calls = converted.tool_calls + calls
    # Old logs have it beside the content.
    if isinstance(message.get("reasoning"), str) and message["reasoning"]:
        chat.setdefault("reasoning", clean_text(message["reasoning"]))
    if calls:
        chat["tool_calls"] = calls
    if role == "tool":
        _add_origin(message, chat)
    return chat


def _role(message: dict[str, Any]) -> str:
    role = message.get("role")
    if isinstance(role, str) and role in _ROLES:
        return _ROLES[role]
    return "assistant" if message.get("tool_calls") else "user"


def _converted(
    message: dict[str, Any], role: str, attachments: ChatAttachments | None
) -> ChatContent:
    content = chat_content(message.get("content"), attachments)
    written_role = message.get("role")
    if written_role is not None and not (isinstance(written_role, str) and written_role in _ROLES):
        # The view has no other roles: the text says which one it was.
        label = f"[role: {shortened(written_role, _ROLE_CHARACTERS)}]"
        content.parts.insert(0, {"type": "text", "text": label})
    if role == "tool":
        _add_error(message, content)
    return content


def _add_error(message: dict[str, Any], content: ChatContent) -> None:
    # Old logs have the bare text, under another name.
    error = message.get("error") or message.get("tool_error")
    if not error:
        return
    kind, text = "", error
    if isinstance(error, dict):
        kind = shortened(error.get("type"), _ROLE_CHARACTERS)
        text = error.get("message") if error.get("message") is not None else error
    label = f"Error ({kind})" if kind else "Error"
    said = readable(text)
    if len(content.parts) == 1 and content.parts[0].get("text") == said:
        content.parts.clear()
    content.add_text(f"{label}: {said}" if said else label)


def _add_origin(message: dict[str, Any], chat: dict[str, Any]) -> None:
    """Which call of which tool a message answers; the view fails on anything but text here."""
    for key, value in (
        ("tool_call_id", message.get("tool_call_id")),
        ("name", message.get("function") or message.get("name")),
    ):
        if value is not None and (text := readable(value)):
            chat[key] = text
