"""Messages of Pydantic AI ("Messages and chat history" in its documentation)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from ._any_parts import pieces_of
from ._json_values import as_text, first, json_text
from ._pieces import Call, Piece, Result, messages_of, reasoning_part

__all__ = ["is_pydantic_ai_message", "messages_of_pydantic_ai"]

_ROLES = {
    "system-prompt": "system",
    "user-prompt": "user",
    "tool-return": "tool",
    "retry-prompt": "tool",
    "builtin-tool-return": "tool",
}


def is_pydantic_ai_message(value: Mapping[str, Any]) -> bool:
    """Whether an object is a request or a response of Pydantic AI's."""
    parts = value.get("parts")
    return (
        isinstance(parts, list)
        and bool(parts)
        and all(isinstance(part, Mapping) and "part_kind" in part for part in parts)
    )


def messages_of_pydantic_ai(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Messages of the chat form: a request's parts are of many speakers.

    Instructions that a request has beside its parts are a system message of their own.
    """
    parts: Sequence[Mapping[str, Any]] = message["parts"]
    instructions = as_text(message.get("instructions"))
    found = [{"role": "system", "content": instructions}] if instructions else []
    for role, of_role in groupby(parts, _role):
        found += messages_of(role, [piece for part in of_role for piece in _pieces(part)])
    return found


def _role(part: Mapping[str, Any]) -> str:
    if part["part_kind"] == "retry-prompt" and not part.get("tool_name"):
        return "user"
    kind = part["part_kind"]
    return _ROLES.get(kind, "assistant") if isinstance(kind, str) else "assistant"


def _pieces(part: Mapping[str, Any]) -> list[Piece]:
    kind, name = part["part_kind"], as_text(part.get("tool_name"))
    call_id = as_text(part.get("tool_call_id"))
    if kind in ("tool-call", "builtin-tool-call"):
        return [Call(name or "", part.get("args"), call_id)]
    if _role(part) == "tool":
        failed = kind == "retry-prompt"
        return [Result(json_text(part.get("content")), call_id, name, is_error=failed)]
    if kind == "thinking":
        signature = as_text(part.get("signature"))
        return [reasoning_part(first(part, "content"), signature)]
    return list(pieces_of(part.get("content")))
