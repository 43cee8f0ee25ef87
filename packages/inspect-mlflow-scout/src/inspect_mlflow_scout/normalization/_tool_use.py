"""Uses of tools in Inspect's types."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._content import content_of_message
from ._errors import tool_error
from ._values import clean_text, plain_json, value_text
from .dialects._any_parts import pieces_of
from .dialects._json_values import as_mapping, as_text, decoded, first
from .dialects._langchain_messages import is_langchain_message, unwrapped
from .dialects._openai_messages import is_openai_message
from .dialects._traceloop import entity_arguments, entity_result

if TYPE_CHECKING:
    from inspect_ai.model import Content
    from inspect_ai.tool import ToolCallError

    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["ToolUse", "tool_use"]

# OpenTelemetry, OpenInference, LangChain, Claude Code's spans in MLflow.
_IDS = ("gen_ai.tool.call.id", "tool_call.id", "tool.call.id", "tool_call_id", "tool_id")
_NAMES = (
    *("gen_ai.tool.name", "tool.name", "tool_call.function.name", "tool_name"),
    "traceloop.entity.name",
)
_ARGUMENTS = (
    *("gen_ai.tool.call.arguments", "tool_call.function.arguments", "tool.parameters"),
    "input.value",
)
_RESULTS = ("gen_ai.tool.call.result", "output.value")
# Parts of the Model Context Protocol, of OpenAI and of Anthropic, with the fields they cannot lack.
_PARTS = {
    "text": {"text"},
    "image": {"data", "source", "base64", "url"},
    "image_url": {"image_url"},
    "audio": {"data", "base64", "url"},
    "document": {"source"},
    "resource": {"resource"},
    "resource_link": {"uri"},
}


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A use of a tool in Inspect's types.

    Args:
        id: Of the call that asked for it; None when nothing tells.
        function: Name of the tool.
        arguments: By name; what came without names is the argument `input`.
        result: A text, JSON as text, or content if it has images or the like.
        error: Why it failed; None if it did not.
    """

    id: str | None
    function: str
    arguments: dict[str, Any]
    result: str | list[Content]
    error: ToolCallError | None


def tool_use(span: SourceSpan) -> ToolUse:
    """A span as the use of a tool, in whichever way its program wrote it.

    Args:
        span: A span whose role is `"tool"`; any other gives a use too.

    Returns:
        A use in which whatever is not understood stands as its JSON text.
    """
    asked = _named_call(span)
    told = as_mapping(unwrapped(_outputs(span)))
    call_id = as_text(first(span.attributes, *_IDS)) or as_text(first(asked, "id"))
    call_id = call_id or as_text(told.get("tool_call_id"))
    return ToolUse(
        id=clean_text(call_id) if call_id else None,
        function=_function(span, asked),
        arguments=_arguments(span, asked),
        result=_result(span),
        error=tool_error(span) or _told_error(span),
    )


def _named_call(span: SourceSpan) -> Mapping[str, Any]:
    """The call itself, where it is what went in: `name` and `args` (LangChain, CrewAI)."""
    inputs = as_mapping(span.inputs)
    if inputs.get("type") == "tool_call" and "args" in inputs:
        return inputs
    if inputs.keys() == {"tool_name", "tool_args"}:
        return {"name": inputs["tool_name"], "args": inputs["tool_args"]}
    return {}


def _function(span: SourceSpan, asked: Mapping[str, Any]) -> str:
    said = as_text(first(span.attributes, *_NAMES)) or as_text(asked.get("name"))
    if said:
        return clean_text(said)
    # MLflow's older versions numbered spans of the same name.
    function = as_text(span.attributes.get("mlflow.spanFunctionName"))
    if function and re.fullmatch(re.escape(function) + r"_\d+", span.name):
        return clean_text(function)
    # OpenTelemetry's name for a span is its operation with the tool's name.
    name = span.name.removeprefix("execute_tool ").strip()
    return clean_text(name) or "unknown"


def _arguments(span: SourceSpan, asked: Mapping[str, Any]) -> dict[str, Any]:
    told = first(asked, "args") if asked else entity_arguments(span)
    told = span.inputs if told is None and not asked else told
    told = first(span.attributes, *_ARGUMENTS) if told is None else told
    value = _from_json(told)
    if isinstance(value, Mapping):
        arguments: dict[str, Any] = plain_json(value)
        return arguments
    return {} if value is None or value == "" else {"input": plain_json(value)}


def _from_json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):
        return value
    # A text that only looks like JSON, such as a number, is a text.
    return read if isinstance(read, dict) else value


def _outputs(span: SourceSpan) -> Any:
    outputs = entity_result(span)
    outputs = span.outputs if outputs is None else outputs
    outputs = first(span.attributes, *_RESULTS) if outputs is None else outputs
    if "tool_id" in span.attributes and as_mapping(outputs).keys() == {"result"}:
        # Claude Code's spans in MLflow.
        return as_mapping(outputs)["result"]
    return outputs


def _result(span: SourceSpan) -> str | list[Content]:
    outputs = _outputs(span)
    value = decoded(outputs)
    message = unwrapped(value)
    if is_langchain_message(value) or (is_openai_message(value) and value["role"] == "tool"):
        outputs = value = message["content"]
    elif isinstance(value, Mapping) and isinstance(value.get("content"), list):
        # What servers of the Model Context Protocol answer ("CallToolResult").
        value = value["content"] if _are_parts(value["content"]) else value
    if isinstance(value, list) and _are_parts(value):
        return content_of_message([part for one in value for part in _parts(one)])
    return value_text(outputs)


def _are_parts(value: list[Any]) -> bool:
    """Whether a list is content: parts with a type and something that it is the type of."""
    return bool(value) and all(map(_is_part, value))


def _is_part(value: Any) -> bool:
    kind = value.get("type") if isinstance(value, Mapping) else None
    return isinstance(kind, str) and bool(_PARTS.get(kind, set()) & as_mapping(value).keys())


def _parts(part: Mapping[str, Any]) -> list[Any]:
    if part["type"].startswith("resource"):
        return [part]
    return [piece for piece in pieces_of(part) if isinstance(piece, dict)]


def _told_error(span: SourceSpan) -> ToolCallError | None:
    """The failure of a tool that answered with it instead of raising it."""
    from inspect_ai.tool import ToolCallError

    value = unwrapped(decoded(_outputs(span)))
    if not isinstance(value, Mapping):
        return None
    answered = value.get("status") == "error" and "tool_call_id" in value
    if not answered and (first(value, "isError", "is_error") is not True or "content" not in value):
        return None
    return ToolCallError("unknown", value_text(_result(span)) or "The tool answered with an error.")
