"""JSON values of foreign programs, made fit for Inspect's types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .dialects._json_values import json_text

__all__ = ["clean_text", "plain_json", "value_text"]

# As deep as Inspect lets the arguments of a tool call be; Pydantic writes no deeper than 255.
_MAX_DEPTH = 100


def value_text(value: Any) -> str:
    """A JSON value as text: a text as it is, None as no text, anything else as compact JSON."""
    return clean_text(json_text(value))


def clean_text(text: str) -> str:
    """The text with every lone surrogate replaced by a question mark.

    JSON can spell them, but neither UTF-8 nor Pydantic knows them.
    """
    if text.isascii():
        return text
    return text.encode("utf-8", errors="replace").decode("utf-8")


def plain_json(value: Any, depth: int = _MAX_DEPTH) -> Any:
    """The value as JSON that Pydantic takes and writes.

    Args:
        value: Any value.
        depth: How many levels of objects and lists are kept as such; what lies deeper becomes
            its JSON text.
    """
    if isinstance(value, str):
        return clean_text(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth == 0 or not isinstance(value, (Mapping, list, tuple)):
        return value_text(value)
    if isinstance(value, Mapping):
        return {value_text(name): plain_json(one, depth - 1) for name, one in value.items()}
    return [plain_json(one, depth - 1) for one in value]
