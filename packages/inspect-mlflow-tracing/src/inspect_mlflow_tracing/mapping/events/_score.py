"""A score, and the scorer that gave it."""

from __future__ import annotations

from typing import Any

from inspect_mlflow_core.conversion import score_to_numeric
from inspect_mlflow_tracing.mapping._nodes import TreeNode

from . import _names as names
from ._context import SpanContent, SpanContext
from ._event_attributes import event_attributes
from ._span import recorded_facts
from ._values import display_name, given, mapping, text

__all__ = ["score_span"]

_FIELDS = ("answer", "explanation", "reason", "metadata")


def score_span(node: TreeNode, context: SpanContext) -> SpanContent:
    """The span of a score event, and of the scorer's span around it if that is its only score.

    It is marked when the score is not the final one.
    """
    event = mapping(node.event)
    score = mapping(event.get("score"))
    value = score.get("value") if score else event.get("score")
    target = context.content(event.get("target"))
    details = {name: context.content(score.get(name) or None) for name in _FIELDS}
    attributes = event_attributes(node, context) | given(
        {
            names.INPUTS: {"target": target} if target is not None else None,
            names.OUTPUTS: {"value": _told(value, context), **given(details)},
            "inspect.scorer": text(event.get("scorer")),
            "inspect.scorer_args": context.content(event.get("scorer_args") or None),
            "inspect.intermediate": bool(event.get("intermediate")),
        }
    )
    name = event.get("scorer")
    if node.begin is not None:
        attributes |= recorded_facts(node)
        name = node.begin.get("name") or name
    return SpanContent(display_name(name, "score"), names.EVALUATOR, attributes)


def _told(value: Any, context: SpanContext) -> Any:
    """The value; where no text may be told, as far as it stands for numbers."""
    if context.full:
        return context.resolved(value)
    if isinstance(value, dict):
        told = {key: _told(element, context) for key, element in value.items()}
        return {key: element for key, element in told.items() if element is not None}
    return value if score_to_numeric(value) is not None else None
