"""A call of a tool."""

from __future__ import annotations

from typing import Any

from inspect_mlflow_tracing.mapping._nodes import TreeNode
from inspect_mlflow_tracing.mapping.chat import chat_messages

from . import _names as names
from ._context import SpanContent, SpanContext
from ._errors import tool_error_facts
from ._event_attributes import event_attributes
from ._values import display_name, given, mapping, text

__all__ = ["tool_span"]

_LIMIT = "limit"


def tool_span(node: TreeNode, context: SpanContext) -> SpanContent:
    """The span of a tool event, and of the span that Inspect opened for it."""
    event = mapping(node.event)
    name = display_name(event.get("function"), "tool")
    error = tool_error_facts(event.get("error"), full=context.full)
    attributes = event_attributes(node, context) | given(
        {
            names.INPUTS: context.content(event.get("arguments")),
            names.OUTPUTS: _result(event.get("result"), context) if error is None else None,
            "inspect.tool_call_id": text(event.get("id")),
            "inspect.message_id": text(event.get("message_id")),
            "inspect.truncated": event.get("truncated"),
            "inspect.agent": text(event.get("agent")),
            "inspect.agent_span_id": text(event.get("agent_span_id")),
            "inspect.failed": event.get("failed") or None,
            "inspect.tool_error": text(mapping(event.get("error")).get("type")),
        }
    )
    if error is None:
        return SpanContent(name, names.TOOL, attributes)
    if error.kind == _LIMIT:
        # A limit is not an error; what it stopped is told all the same.
        attributes |= given({names.OUTPUTS: context.content(error.message or None)})
        return SpanContent(name, names.TOOL, attributes, status="UNSET")
    attributes |= given({names.OUTPUTS: context.content(event.get("result") or None)})
    raised = (error.at(node.end_ns),)
    return SpanContent(name, names.TOOL, attributes, raised, "ERROR", error.status_message)


def _result(result: Any, context: SpanContext) -> Any:
    """The result; images in it become attachments as those in messages do."""
    if not isinstance(result, list):
        return context.content(result)
    if not context.full:
        return None
    message = {"role": "tool", "content": context.resolved(result)}
    return chat_messages([message], context.chat)[0].get("content")
