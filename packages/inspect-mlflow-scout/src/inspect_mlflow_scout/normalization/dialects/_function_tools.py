"""Definitions of tools, and the choice among them, in whichever dialect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ._json_values import as_list, as_mapping, as_text, first, without_none

__all__ = ["function_tool", "tool_choice_of", "tools_of"]

_SCHEMAS = (
    "parameters",
    "input_schema",
    "inputSchema",
    "parameters_json_schema",
    "parametersJsonSchema",
    "json_schema",
)
_DEEPEST_WRAPPING = 4
_CHOICES = {"auto": "auto", "none": "none", "any": "required", "required": "required"}


def function_tool(name: str, description: Any = None, parameters: Any = None) -> dict[str, Any]:
    """A tool of the chat form."""
    function = {
        "name": name,
        "description": as_text(description),
        "parameters": as_mapping(parameters) or None,
    }
    return {"type": "function", "function": without_none(function)}


def tools_of(value: Any) -> list[dict[str, Any]]:
    """Tools of the chat form from a list of definitions.

    Known are OpenAI's (chat and Responses), Anthropic's, Bedrock's (`toolSpec`), Gemini's
    (`function_declarations`) and OpenTelemetry's. A tool of the provider's own, which has no
    definition, keeps its name.
    """
    return list(_tools(value, _DEEPEST_WRAPPING))


def _tools(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    for definition in as_list(value) if depth else ():
        yield from _defined(as_mapping(definition), depth - 1)


def _defined(definition: Mapping[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    declared = first(definition, "function_declarations", "functionDeclarations")
    if declared is not None:
        yield from _tools(declared, depth)
    for wrapping in ("function", "toolSpec", "tool"):
        if isinstance(definition.get(wrapping), Mapping):
            yield from _tools(definition[wrapping], depth)
            return
    if name := as_text(first(definition, "name", "tool_name")):
        schema = as_mapping(first(definition, *_SCHEMAS))
        # Bedrock's and the AI SDK's schemas are wrapped once more.
        parameters = first(schema, "json", "jsonSchema") or schema
        yield function_tool(name, definition.get("description"), parameters)
    elif declared is None and (own := _name_of_provider_tool(definition)):
        yield function_tool(own)


def _name_of_provider_tool(definition: Mapping[str, Any]) -> str | None:
    named, fields = as_text(definition.get("type")), without_none(definition)
    if named == "function":
        return None
    return named or (next(iter(fields)) if len(fields) == 1 else None)


def tool_choice_of(value: Any) -> Any:
    """The choice in the chat form; None for one that is not known.

    Known are the texts of all providers, OpenAI's and Anthropic's objects and Bedrock's
    (`{"any": {}}`).
    """
    if isinstance(value, str) and value.lower() in _CHOICES:
        return _CHOICES[value.lower()]
    choice = as_mapping(value)
    named = first(choice, "function", "tool") or choice
    if name := as_text(first(as_mapping(named), "name", "toolName")):
        return {"type": "function", "function": {"name": name}}
    for said in (as_text(choice.get("type")), *choice):
        if said and said.lower() in _CHOICES:
            return _CHOICES[said.lower()]
    return None
