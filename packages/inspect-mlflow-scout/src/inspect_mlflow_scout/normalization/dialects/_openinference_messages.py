"""Messages of OpenInference, brought out of their flattened attributes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from inspect_mlflow_scout._memory import remembered

from ._any_parts import pieces_of, written_content
from ._json_values import as_list, as_mapping, as_text, first, json_text, without_none
from ._pieces import (
    Call,
    Piece,
    Result,
    data_part,
    media_part,
    messages_of,
    reasoning_part,
    role_of,
    text_part,
)

__all__ = ["messages_of_openinference", "reply_of_openinference"]


def messages_of_openinference(items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Messages of the chat form.

    Args:
        items: `{"message": {"role", "content", "contents", "tool_calls", ...}}`.
    """
    return [message for item in items for message in _messages(as_mapping(item.get("message")))]


def reply_of_openinference(item: Mapping[str, Any]) -> dict[str, Any]:
    """What the model said, as one message of the chat form."""
    pieces = list(_pieces(as_mapping(item.get("message"))))
    own = [piece for piece in pieces if not isinstance(piece, Result)]
    return messages_of("assistant", own)[-1]


@remembered
def _messages(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    role, call_id = role_of(message.get("role")), as_text(message.get("tool_call_id"))
    if call_id and role != "assistant":
        # Anthropic's results of tools are messages of the user's.
        role = "tool"
    name = as_text(message.get("name"))
    return messages_of(role, _pieces(message), name=name, call_id=call_id)


def _pieces(message: Mapping[str, Any]) -> Iterator[Piece]:
    contents = [as_mapping(item) for item in as_list(message.get("contents"))]
    for content in contents:
        yield from _content(as_mapping(content.get("message_content")) or content)
    if not contents:
        yield from pieces_of(written_content(message.get("content")))
    for item in as_list(message.get("tool_calls")):
        if call := as_mapping(as_mapping(item).get("tool_call")):
            yield _call(call)
    if name := as_text(message.get("function_call_name")):
        yield Call(name, message.get("function_call_arguments_json"))


def _call(call: Mapping[str, Any]) -> Call:
    function = as_mapping(call.get("function"))
    return Call(json_text(function.get("name")), function.get("arguments"), as_text(call.get("id")))


def _content(content: Mapping[str, Any]) -> Iterator[Piece]:
    kind = content.get("type")
    if kind == "reasoning":
        yield _reasoning(content)
        return
    for medium in ("image", "audio", "video", "document", "file"):
        if media := as_mapping(content.get(medium)):
            yield _media(medium, as_mapping(media.get(medium)) or media)
            return
    if content.get("text") is not None:
        yield text_part(content["text"])
    elif call := as_mapping(content.get("tool_call")):
        yield _call(call)
    elif said := without_none(content):
        yield data_part(said)


def _reasoning(content: Mapping[str, Any]) -> Piece:
    hidden = as_text(first(content, "data", "encrypted_content"))
    if content.get("text") is None and hidden:
        return reasoning_part(hidden, redacted=True)
    return reasoning_part(content.get("text"), as_text(content.get("signature")))


def _media(medium: str, media: Mapping[str, Any]) -> Piece:
    url = as_text(first(media, "url", "uri", "data"))
    if url is None:
        return data_part({medium: dict(media)})
    fallback = medium if medium in ("image", "audio", "video") else ""
    return media_part(as_text(media.get("mime_type")) or fallback, url=url)
