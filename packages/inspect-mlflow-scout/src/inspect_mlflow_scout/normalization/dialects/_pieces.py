"""What messages are made of in all dialects, and their way into the chat form.

Most providers put calls of tools and their results between the parts of a message; OpenAI's chat
form has fields and messages of their own for them. A dialect reads its parts as `Piece`s, and
`messages_of` puts these where they belong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._json_values import json_text, without_none

__all__ = [
    "Call",
    "Piece",
    "Result",
    "content_of",
    "data_part",
    "image_part",
    "media_part",
    "messages_of",
    "reasoning_part",
    "refusal_part",
    "role_of",
    "text_part",
]

# What MLflow puts in the place of base64, where the file cannot be had.
_LOST_ATTACHMENT = "mlflow-attachment://"

_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "chatbot": "assistant",
    "bot": "assistant",
    "agent": "assistant",
    "tool": "tool",
    "function": "tool",
    "ipython": "tool",
    "tool-response": "tool",
    "tool_response": "tool",
    "tool-call": "assistant",
    "tool_call": "assistant",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool.

    Args:
        name: Of the tool.
        arguments: JSON text or an object.
        call_id: What its result refers to; None when the dialect has no ids.
    """

    name: str
    arguments: Any
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a tool.

    Args:
        content: A text or a list of parts of the chat form.
        call_id: Which call it answers; None when the dialect has no ids.
        name: Of the tool; None when the dialect does not tell.
        is_error: Whether the tool failed.
    """

    content: str | list[dict[str, Any]]
    call_id: str | None = None
    name: str | None = None
    is_error: bool = False


# An object is a part of content in the chat form.
Piece = Call | Result | dict[str, Any]


def role_of(said: Any, otherwise: str = "user") -> str:
    """A role of the chat form for what a dialect says of who speaks.

    Enumerations that were written as Python shows them (`MessageRole.USER`) count too.
    """
    if not isinstance(said, str):
        return otherwise
    return _ROLES.get(said.rpartition(".")[2].strip().lower(), otherwise)


def text_part(text: Any) -> dict[str, Any]:
    """A part that is text."""
    return {"type": "text", "text": json_text(text)}


def refusal_part(text: Any) -> dict[str, Any]:
    """A part in which the model declines."""
    return {"type": "refusal", "refusal": json_text(text)}


def reasoning_part(
    text: Any, signature: str | None = None, *, redacted: bool = False
) -> dict[str, Any]:
    """A part that is reasoning; redacted, when the text is what only the provider can read."""
    part = {"type": "reasoning", "reasoning": json_text(text), "signature": signature or None}
    return without_none(part) | ({"redacted": True} if redacted else {})


def data_part(data: Any) -> dict[str, Any]:
    """A part for which the chat form has no kind, kept as it came."""
    return {"type": "data", "data": data}


def image_part(url: str, detail: str | None = None) -> dict[str, Any]:
    """A part that is an image."""
    return {"type": "image_url", "image_url": without_none({"url": url, "detail": detail})}


def media_part(
    mime_type: str, *, base64: str | None = None, url: str | None = None, name: str | None = None
) -> dict[str, Any]:
    """A part that is an image, sound, a film or a file.

    Args:
        mime_type: Such as `"image/png"`; its first half is enough.
        base64: The bytes themselves, where they are there.
        url: Where the bytes are, where they are not; may be a data URL.
        name: Of the file.
    """
    kind, _, subtype = mime_type.lower().partition("/")
    if base64 is not None and base64.startswith(_LOST_ATTACHMENT):
        url, base64 = base64, None
    if url is None:
        url = f"data:{mime_type or 'application/octet-stream'};base64,{base64 or ''}"
    if kind == "image":
        return image_part(url)
    if kind == "video":
        return {"type": "video_url", "video_url": {"url": url}}
    if kind == "audio":
        data = {"data": url if base64 is None else base64, "format": _audio_format(subtype)}
        return {"type": "input_audio", "input_audio": data}
    return {"type": "file", "file": without_none({"file_data": url, "filename": name})}


def _audio_format(subtype: str) -> str:
    return {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "": "mp3"}.get(subtype, subtype)


def content_of(parts: Sequence[Mapping[str, Any]]) -> Any:
    """Content of the chat form: None without parts, a text for a lone plain one, else the parts."""
    if not parts:
        return None
    if len(parts) == 1 and parts[0].keys() == {"type", "text"}:
        return parts[0]["text"]
    return list(parts)


def messages_of(
    role: str,
    pieces: Iterable[Piece],
    *,
    name: str | None = None,
    call_id: str | None = None,
    is_error: bool = False,
) -> list[dict[str, Any]]:
    """One message of a dialect as messages of the chat form.

    Results come first: what a user says beside them, it says after them.

    Args:
        role: Of the chat form.
        pieces: In their order.
        name: Of the speaker or of the tool.
        call_id: Which call the whole message answers, where it is of a tool.
        is_error: Whether that call failed.
    """
    pieces = list(pieces)
    found = [_result_message(piece) for piece in pieces if isinstance(piece, Result)]
    calls = [_call(piece) for piece in pieces if isinstance(piece, Call)]
    parts = [piece for piece in pieces if isinstance(piece, dict)]
    if found and not calls and not parts:
        return found
    if role == "tool" and not calls:
        if found:
            # Parts beside the results of tools are no result of any.
            return [*found, {"role": "user", "content": content_of(parts)}]
        whole = Result(content_of(parts) or "", call_id, name, is_error)
        return [_result_message(whole)]
    message: dict[str, Any] = {
        "role": "assistant" if calls else role,
        "content": content_of(parts) if parts or calls else "",
    }
    if name:
        message["name"] = name
    if calls:
        message["tool_calls"] = calls
    return [*found, message]


def _call(call: Call) -> dict[str, Any]:
    arguments = {} if call.arguments is None else call.arguments
    if not isinstance(arguments, (str, Mapping)):
        arguments = json_text(arguments)
    function = {"name": call.name, "arguments": arguments}
    return {"id": call.call_id, "type": "function", "function": function}


def _result_message(result: Result) -> dict[str, Any]:
    message = {
        "role": "tool",
        "content": result.content,
        "tool_call_id": result.call_id,
        "name": result.name,
        "is_error": True if result.is_error else None,
    }
    return without_none(message)
