"""OpenInference: attributes `llm.input_messages.0.message.role` and so on.

"Semantic Conventions", "Tool and Function Calling" and "Multimodal Attributes" of the OpenInference
specification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from inspect_mlflow_scout.normalization._chat_form import ChatForm

from ._any_form import form_of
from ._flattened import nested, nested_items
from ._function_tools import function_tool, tool_choice_of, tools_of
from ._json_values import as_count, as_mapping, as_text, decoded, first, listed
from ._openinference_messages import messages_of_openinference, reply_of_openinference
from ._parameters import config_in, told_usage
from ._pieces import messages_of, text_part
from ._span_attributes import completed

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["read"]

_COUNTS = {
    "input_tokens": ("prompt",),
    "output_tokens": ("completion",),
    "total_tokens": ("total",),
    "cache_read_input_tokens": ("prompt_details.cache_read", "prompt_details.cache_input"),
    "cache_creation_input_tokens": ("prompt_details.cache_write",),
    "reasoning_tokens": ("completion_details.reasoning",),
}


def read(span: SourceSpan) -> ChatForm | None:
    """The span as a call of a model.

    Args:
        span: Any span.

    Returns:
        The call; what no message tells comes from `input.value` and `output.value`, read by their
        words. None when the span has no attributes of OpenInference's that tell of a call.
    """
    attributes = span.attributes
    asked = messages_of_openinference(nested_items(attributes, "llm.input_messages"))
    answered = nested_items(attributes, "llm.output_messages")
    prompts, completions = _prompts(attributes), _completions(attributes)
    if not (asked or answered or prompts or completions or _is_openinference(attributes)):
        return None
    values = form_of(*_values(span))
    parameters = as_mapping(attributes.get("llm.invocation_parameters"))
    choices = [_choice(message) for message in answered] or completions or values.choices
    requested = as_text(attributes.get("llm.request.model_name") or parameters.get("model"))
    requested, used = requested or values.model, as_text(attributes.get("llm.model_name"))
    form = ChatForm(
        messages=asked or prompts or values.messages,
        choices=_finished(choices, attributes, values),
        model=requested or used,
        provider=as_text(first(attributes, "llm.provider", "llm.system")),
        tools=_tools(attributes) or tools_of(parameters.get("tools")) or values.tools,
        tool_choice=tool_choice_of(parameters.get("tool_choice")) or values.tool_choice,
        config={**values.config, **config_in(parameters)},
        usage=_usage(attributes) or values.usage,
        response_id=values.response_id,
        response_model=as_text(attributes.get("llm.response.model_name"))
        or values.response_model
        # Where it is told beside the one that was asked for, it is the one that answered.
        or (used if requested else None),
    )
    return completed(form, span)


def _is_openinference(attributes: Mapping[str, Any]) -> bool:
    return "openinference.span.kind" in attributes and bool(
        {"input.value", "output.value"} & attributes.keys()
    )


def _values(span: SourceSpan) -> tuple[Any, Any]:
    return (
        _value(span.attributes, "input", span.inputs),
        _value(span.attributes, "output", span.outputs),
    )


def _value(attributes: Mapping[str, Any], side: str, stored: Any) -> Any:
    """Decoded if its type is JSON's, or not told; what MLflow has stored where it is not there."""
    value = attributes.get(f"{side}.value")
    if value is None:
        return stored
    if attributes.get(f"{side}.mime_type") == "text/plain":
        return value
    return decoded(value)


def _choice(message: Mapping[str, Any]) -> dict[str, Any]:
    return {"message": reply_of_openinference(message), "finish_reason": None}


def _finished(
    choices: Sequence[Mapping[str, Any]], attributes: Mapping[str, Any], values: ChatForm
) -> list[dict[str, Any]]:
    """Older messages do not tell why they ended; the response in `output.value` may."""
    reasons = [choice.get("finish_reason") for choice in values.choices]
    told = as_text(attributes.get("llm.finish_reason"))
    known = reasons if len(reasons) == len(choices) else [None] * len(choices)
    return [
        {**choice, "finish_reason": choice.get("finish_reason") or told or reason}
        for choice, reason in zip(choices, known, strict=True)
    ]


def _prompts(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    texts = [
        first(as_mapping(item.get("prompt")), "text") if isinstance(item, Mapping) else item
        for item in listed(nested(attributes, "llm.prompts"))
    ]
    told = [text_part(text) for text in texts if text is not None]
    return [message for part in told for message in messages_of("user", [part])]


def _completions(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    texts = [
        as_mapping(item.get("completion")).get("text")
        for item in nested_items(attributes, "llm.choices")
    ]
    return [
        {"message": messages_of("assistant", [text_part(text)])[0], "finish_reason": None}
        for text in texts
        if text is not None
    ]


def _tools(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    tools = (as_mapping(item.get("tool")) for item in nested_items(attributes, "llm.tools"))
    return [made for tool in tools for made in _tool(tool)]


def _tool(tool: Mapping[str, Any]) -> list[dict[str, Any]]:
    schema, name = as_mapping(tool.get("json_schema")), as_text(tool.get("name"))
    defined = tools_of(schema) if "name" in schema or schema.get("type") != "object" else []
    if not name:
        return defined
    function = defined[0]["function"] if defined else {"parameters": schema}
    description = tool.get("description") or function.get("description")
    return [function_tool(name, description, function.get("parameters"))]


def _usage(attributes: Mapping[str, Any]) -> dict[str, int] | None:
    counts = {
        name: as_count(first(attributes, *(f"llm.token_count.{key}" for key in keys)))
        for name, keys in _COUNTS.items()
    }
    return told_usage(counts)
