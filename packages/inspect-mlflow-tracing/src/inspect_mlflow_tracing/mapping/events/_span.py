"""The spans that Inspect recorded itself, and the steps of logs from before there were spans."""

from __future__ import annotations

from typing import Any, Final

from inspect_mlflow_tracing.mapping._nodes import TreeNode

from . import _names as names
from ._context import SpanContent, SpanContext
from ._event_attributes import event_attributes
from ._values import display_name, given, mapping, number, text

__all__ = ["recorded_facts", "recorded_span"]

_TYPES: Final = {
    "agent": names.AGENT,
    "branch": names.CHAIN,
    "handoff": names.CHAIN,
    "init": names.TASK,
    "sample_init": names.TASK,
    "scorer": names.EVALUATOR,
    "scorers": names.EVALUATOR,
    "sentinel": names.GUARDRAIL,
    "solver": names.CHAIN,
    "solvers": names.CHAIN,
    "subtask": names.TASK,
    "task": names.TASK,
    "tool": names.TOOL,
}


def recorded_span(node: TreeNode, context: SpanContext) -> SpanContent:
    """The span of a `span_begin` or `step` event; MLflow's type by Inspect's, else CHAIN."""
    begin = mapping(node.begin)
    span_type = text(begin.get("type"))
    attributes = event_attributes(node, context) | recorded_facts(node)
    name = display_name(begin.get("name"), span_type or node.kind)
    return SpanContent(name, _TYPES.get(span_type or "", names.CHAIN), attributes)


def recorded_facts(node: TreeNode) -> dict[str, Any]:
    """The attributes of a node that Inspect opened and closed."""
    return given(
        {
            "inspect.span_type": text(mapping(node.begin).get("type")),
            "inspect.working_time": _working_time(node),
            "inspect.unfinished": True if node.end is None else None,
        }
    )


def _working_time(node: TreeNode) -> float | None:
    start = number(mapping(node.begin).get("working_start"))
    end = number(mapping(node.end).get("working_start"))
    return max(end - start, 0) if start is not None and end is not None else None
