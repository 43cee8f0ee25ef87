"""Text of message contents, with attachments put back and media left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ._values import json_text, jsonable, obj_get

__all__ = ["Attachments", "content_text", "input_text", "reasoning_text", "tool_calls_of"]

_REFERENCES: Final = ("attachment://", "tc://")  # "tc" in logs before 0.3.58
_MEDIA: Final = frozenset({"image", "audio", "video"})


class Attachments:
    """The texts that a log keeps apart from the messages and events that use them.

    Args:
        sample: A sample or its JSON. Live samples carry their texts in place, samples
            from a log refer to them as `attachment://<hash>`.
    """

    def __init__(self, sample: Any) -> None:
        texts = obj_get(sample, "attachments")
        if texts is None:  # logs before 0.3.58
            texts = obj_get(obj_get(sample, "transcript"), "content")
        self._texts: Mapping[str, str] = texts if isinstance(texts, Mapping) else {}

    def text(self, text: str) -> str:
        """The text meant, or a placeholder such as `(image)` for inline media."""
        if text.startswith(_REFERENCES):
            text = self._texts.get(text.partition("://")[2], text)
        return _media_placeholder(text) or text

    def value(self, value: Any) -> Any:
        """The JSON form of a value, with every text in it resolved."""
        return self._resolved(jsonable(value))

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self._resolved(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._resolved(item) for item in value]
        return value


def _media_placeholder(text: str) -> str | None:
    if not text.startswith("data:") or ";base64," not in text[:200]:
        return None
    kind = text[len("data:") :].partition("/")[0]
    return f"({kind})" if kind in _MEDIA else "(document)"


def content_text(content: Any, attachments: Attachments) -> str:
    """Readable text of a message content or of a tool's result.

    Args:
        content: Text, a list of content parts, one part, or a number.
        attachments: Those of the sample.

    Returns:
        The parts, one per line. Reasoning is left out (see `reasoning_text`); images,
        audio, video and documents are placeholders.
    """
    if content is None:
        return ""
    if isinstance(content, str):
        return attachments.text(content)
    parts = content if isinstance(content, list | tuple) else [content]
    texts = (_part_text(part, attachments) for part in parts)
    return "\n".join(text for text in texts if text is not None)


def _part_text(part: Any, attachments: Attachments) -> str | None:
    if isinstance(part, str):
        return attachments.text(part)
    kind = obj_get(part, "type")
    if kind == "text":
        return attachments.text(obj_get(part, "text") or "")
    if kind == "reasoning":
        return None
    if kind in _MEDIA or kind == "data":
        return f"({kind})"
    if kind == "document":
        name = obj_get(part, "filename")
        return f"(document: {name})" if name else "(document)"
    if kind == "tool_use":
        return _server_tool_text(part, attachments)
    return json_text(attachments.value(part))


def _server_tool_text(part: Any, attachments: Attachments) -> str:
    """A tool that the provider ran itself, such as web search, as one line."""
    outcome = obj_get(part, "error") or obj_get(part, "result")
    arguments, result = attachments.value(obj_get(part, "arguments")), attachments.value(outcome)
    return f"{obj_get(part, 'name')}({_inline(arguments)}) -> {_inline(result)}"


def _inline(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)


def reasoning_text(message: Any, attachments: Attachments) -> str | None:
    """What the model thought, kept apart from what it said.

    A redacted block gives its summary when there is one. None without reasoning.
    """
    content = obj_get(message, "content")
    parts = content if isinstance(content, list | tuple) else []
    texts = [_thought(part, attachments) for part in parts if obj_get(part, "type") == "reasoning"]
    legacy = obj_get(message, "reasoning")
    if isinstance(legacy, str):
        texts.append(attachments.text(legacy))
    return "\n".join(texts) if texts else None


def _thought(part: Any, attachments: Attachments) -> str:
    summary = attachments.text(obj_get(part, "summary") or "")
    if obj_get(part, "redacted"):
        return summary or "(redacted)"
    return attachments.text(obj_get(part, "reasoning") or "") or summary


def input_text(value: Any, attachments: Attachments) -> str | None:
    """A sample's input as text: one message as its text, several with their roles."""
    if value is None or isinstance(value, str):
        return None if value is None else attachments.text(value)
    messages: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
    if len(messages) == 1:
        return content_text(obj_get(messages[0], "content"), attachments)
    return "\n\n".join(
        f"{obj_get(message, 'role')}: {content_text(obj_get(message, 'content'), attachments)}"
        for message in messages
    )


def tool_calls_of(message: Any, attachments: Attachments) -> list[dict[str, Any]]:
    """The tool calls of an assistant message: `id`, `function`, `arguments`, `parse_error`."""
    calls = obj_get(message, "tool_calls")
    return [_tool_call(call, attachments) for call in calls or ()]


def _tool_call(call: Any, attachments: Attachments) -> dict[str, Any]:
    fields = {
        "id": obj_get(call, "id"),
        "function": obj_get(call, "function"),
        "arguments": attachments.value(obj_get(call, "arguments")),
    }
    parse_error = obj_get(call, "parse_error")
    return fields | ({"parse_error": parse_error} if parse_error else {})
