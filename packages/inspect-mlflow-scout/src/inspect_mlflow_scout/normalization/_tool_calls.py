"""Calls of tools of the chat form as Inspect's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ._values import clean_text, plain_json, value_text
from .dialects._json_values import as_mapping, as_text

if TYPE_CHECKING:
    from inspect_ai.tool import ToolCall

__all__ = ["call_arguments", "tool_calls_of"]


def tool_calls_of(value: Any) -> tuple[list[ToolCall], list[Any]]:
    """The calls of a message, and what stood among them without being a call."""
    calls: list[ToolCall] = []
    others: list[Any] = []
    for call in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(call, Mapping) and (read := _tool_call(call)):
            calls.append(read)
        elif call is not None:
            others.append(call)
    return calls, others


def _tool_call(call: Mapping[str, Any]) -> ToolCall | None:
    from inspect_ai.tool import ToolCall

    function = as_mapping(call.get("function"))
    name = as_text(function.get("name"))
    if name is None:
        return None
    name = clean_text(name)
    arguments, parse_error = call_arguments(function.get("arguments"))
    return ToolCall(
        id=value_text(call.get("id")) or f"call_{name}",
        function=name,
        arguments=arguments,
        parse_error=parse_error,
    )


def call_arguments(value: Any) -> tuple[dict[str, Any], str | None]:
    """The arguments of a call, and why they could not be read.

    Args:
        value: An object, its JSON text, or whatever a model or a program wrote instead.

    Returns:
        The arguments, empty if they are no object, and then the text with an explanation, as
        Inspect words it for the calls of its own models.
    """
    if value is None or value == "":
        return {}, None
    if isinstance(value, Mapping):
        return plain_json(value), None
    reason = "the arguments are not a JSON object"
    if isinstance(value, str):
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError) as error:
            reason = str(error)
        else:
            if isinstance(parsed, dict):
                return plain_json(parsed), None
    shown = value_text(value)
    explained = f"Error parsing the following tool call arguments:\n\n{shown}\n\n"
    return {}, f"{explained}Error details: {clean_text(reason)}"
