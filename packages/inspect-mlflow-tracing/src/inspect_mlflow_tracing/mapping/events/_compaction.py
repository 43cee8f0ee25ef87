"""A conversation made shorter."""

from __future__ import annotations

from inspect_mlflow_tracing.mapping._nodes import TreeNode

from . import _names as names
from ._context import SpanContent, SpanContext
from ._event_attributes import event_attributes
from ._values import given, mapping, number, text

__all__ = ["compaction_span"]


def compaction_span(node: TreeNode, context: SpanContext) -> SpanContent:
    """The span of a compaction event."""
    event = mapping(node.event)
    attributes = event_attributes(node, context) | given(
        {
            "inspect.compaction": text(event.get("type")),
            "inspect.role": text(event.get("role")),
            "inspect.source": text(event.get("source")),
            "inspect.tokens_before": number(event.get("tokens_before")),
            "inspect.tokens_after": number(event.get("tokens_after")),
        }
    )
    return SpanContent("compaction", names.MEMORY, attributes)
