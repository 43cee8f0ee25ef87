"""A subtask, the form that parts of solvers had before there were spans."""

from __future__ import annotations

from inspect_mlflow_tracing.mapping._nodes import TreeNode

from . import _names as names
from ._context import SpanContent, SpanContext
from ._event_attributes import event_attributes
from ._values import display_name, given, mapping, text

__all__ = ["subtask_span"]


def subtask_span(node: TreeNode, context: SpanContext) -> SpanContent:
    """The span of a subtask event, and of the span that Inspect opened for it."""
    event = mapping(node.event)
    attributes = event_attributes(node, context) | given(
        {
            names.INPUTS: context.content(event.get("input") or None),
            names.OUTPUTS: context.content(event.get("result")),
            "inspect.subtask_type": text(event.get("type")),
        }
    )
    return SpanContent(display_name(event.get("name"), "subtask"), names.TASK, attributes)
