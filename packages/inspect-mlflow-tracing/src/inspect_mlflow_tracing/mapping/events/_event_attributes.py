"""What spans of all kinds of events carry."""

from __future__ import annotations

from typing import Any

from inspect_mlflow_tracing.mapping._nodes import TreeNode

from ._context import SpanContext
from ._values import duration, given, mapping, text

__all__ = ["event_attributes"]


def event_attributes(node: TreeNode, context: SpanContext) -> dict[str, Any]:
    """The attributes of an event that do not depend on its kind."""
    event, begin = mapping(node.event), mapping(node.begin)
    return given(
        {
            "inspect.event": node.kind,
            "inspect.event_id": text(event.get("uuid")),
            "inspect.span_id": text(begin.get("id")),
            "inspect.working_time": duration(event.get("working_time")),
            "inspect.pending": event.get("pending") or None,
            "inspect.metadata": context.content(event.get("metadata") or begin.get("metadata")),
        }
    )
