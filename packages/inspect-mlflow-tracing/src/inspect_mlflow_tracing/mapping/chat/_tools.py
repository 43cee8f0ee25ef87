"""Tools that a model was offered, and its calls of them, in OpenAI's form."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from ._text import json_text, readable, shortened

__all__ = ["chat_tool_call", "chat_tool_calls", "chat_tools"]

_UNNAMED: Final = "unnamed"
_NAME_CHARACTERS: Final = 250


def chat_tools(tools: Any) -> list[dict[str, Any]]:
    """The value of `mlflow.chat.tools`.

    MLflow shows either all tools or none: every property of the parameters must have a type that
    is one word, and texts and lists where JSON Schema asks for them.

    Args:
        tools: `ToolInfo`s as raw JSON, or tools that are in OpenAI's form already.
    """
    if not isinstance(tools, list | tuple):
        return []
    return [{"type": "function", "function": _function(tool)} for tool in tools if tool is not None]


def chat_tool_calls(calls: Any) -> list[dict[str, Any]]:
    """The `tool_calls` of a message.

    Args:
        calls: `ToolCall`s as raw JSON; anything but a list holds none.
    """
    if not isinstance(calls, list | tuple):
        return []
    return [_tool_call(call, index) for index, call in enumerate(calls)]


def chat_tool_call(call_id: Any, name: Any, arguments: Any) -> dict[str, Any]:
    """One call of a tool.

    Args:
        call_id: Its id.
        name: Name of the tool.
        arguments: An object; a text that is JSON stays as it is.
    """
    return {
        "id": readable(call_id),
        "type": "function",
        "function": {"name": _name(name), "arguments": _arguments(arguments)},
    }


def _tool_call(call: Any, index: int) -> dict[str, Any]:
    # Logs written before calls had ids: the position tells the calls of a message apart.
    fallback_id = f"call_{index}"
    if not isinstance(call, dict):
        return chat_tool_call(fallback_id, None, call)
    name, arguments = call.get("function"), call.get("arguments")
    # Calls in OpenAI's form, which custom code may have put there.
    if isinstance(name, dict):
        nested: dict[str, Any] = name
        name, arguments = nested.get("name"), nested.get("arguments")
    chat_call = chat_tool_call(call.get("id") or fallback_id, name, arguments)
    if call.get("parse_error"):
        chat_call["parse_error"] = readable(call["parse_error"])
    return chat_call


def _arguments(arguments: Any) -> str:
    """JSON text, which is all that MLflow's pages of any version show without failing."""
    if arguments is None:
        return "{}"
    if not isinstance(arguments, str):
        return json_text(arguments)
    text = readable(arguments)
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return json_text(text)
    return text


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _function(tool: Any) -> dict[str, Any]:
    if not isinstance(tool, dict):
        return {"name": _name(tool)}
    nested = tool.get("function")
    described: dict[str, Any] = nested if isinstance(nested, dict) else tool
    function: dict[str, Any] = {"name": _name(described.get("name"))}
    if described.get("description") is not None:
        function["description"] = readable(described["description"])
    if isinstance(described.get("parameters"), dict):
        try:
            function["parameters"] = _parameters(described["parameters"])
        except RecursionError:
            function["parameters"] = {"type": "object", "properties": {}}
    return function


def _name(name: Any) -> str:
    return shortened(name, _NAME_CHARACTERS) or _UNNAMED


def _parameters(schema: dict[str, Any]) -> dict[str, Any]:
    parameters: dict[str, Any] = _without_nulls(schema)
    properties = parameters.get("properties")
    parameters["properties"] = (
        {name: _property(value) for name, value in properties.items()}
        if isinstance(properties, dict)
        else {}
    )
    parameters.setdefault("type", "object")
    if "required" in parameters:
        required = parameters["required"]
        parameters["required"] = (
            [name for name in required if isinstance(name, str)]
            if isinstance(required, list)
            else []
        )
    return parameters


def _property(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, dict):
        # JSON Schema's `true`, which allows anything.
        return {}
    described = dict(schema)
    kind = described.get("type")
    if isinstance(kind, list):
        del described["type"]
        described.setdefault("anyOf", [{"type": alternative} for alternative in kind])
    elif kind is not None:
        described["type"] = readable(kind)
    if "description" in described:
        described["description"] = readable(described["description"])
    if not isinstance(described.get("enum", []), list):
        del described["enum"]
    return described


def _without_nulls(value: Any) -> Any:
    """JSON Schema as providers get it: Inspect logs every absent keyword as null."""
    if isinstance(value, dict):
        return {str(key): _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
