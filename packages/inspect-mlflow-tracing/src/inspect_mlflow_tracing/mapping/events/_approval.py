"""A decision about a tool call (approval) or about its result (review)."""

from __future__ import annotations

from inspect_mlflow_tracing.mapping._nodes import TreeNode

from . import _names as names
from ._context import SpanContent, SpanContext
from ._event_attributes import event_attributes
from ._values import given, mapping, text

__all__ = ["approval_span"]


def approval_span(node: TreeNode, context: SpanContext) -> SpanContent:
    """The span of an approval or review event."""
    event = mapping(node.event)
    decision = text(event.get("decision"))
    asked = {name: context.content(event.get(name) or None) for name in ("message", "call")}
    answered = {
        name: context.content(event.get(name) or None) for name in ("modified", "explanation")
    }
    attributes = event_attributes(node, context) | given(
        {
            names.INPUTS: given(asked) or None,
            names.OUTPUTS: given({"decision": decision, **answered}) or None,
            "inspect.decision": decision,
            "inspect.approver": text(event.get("approver")),
            "inspect.reviewer": text(event.get("reviewer")),
            "inspect.function": text(mapping(event.get("call")).get("function")),
        }
    )
    return SpanContent(node.kind, names.GUARDRAIL, attributes)
