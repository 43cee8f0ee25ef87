"""A command or a file operation in a sandbox."""

from __future__ import annotations

from inspect_mlflow_tracing.mapping._nodes import TreeNode

from . import _names as names
from ._context import SpanContent, SpanContext
from ._event_attributes import event_attributes
from ._values import display_name, given, mapping, number, text

__all__ = ["sandbox_span"]


def sandbox_span(node: TreeNode, context: SpanContext) -> SpanContent:
    """The span of a sandbox event."""
    event = mapping(node.event)
    asked = given(
        {name: context.content(event.get(name)) for name in ("cmd", "file", "input", "options")}
    )
    answered = given({"result": number(event.get("result"))})
    answered |= given({"output": context.content(event.get("output"))})
    attributes = event_attributes(node, context) | given(
        {
            names.INPUTS: asked or None,
            names.OUTPUTS: answered or None,
            "inspect.action": text(event.get("action")),
        }
    )
    name = f"sandbox {display_name(event.get('action'), '')}".rstrip()
    return SpanContent(name, names.TASK, attributes)
