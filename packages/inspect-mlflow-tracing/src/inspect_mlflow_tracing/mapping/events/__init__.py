"""What becomes of each kind of event: a module per kind; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from inspect_mlflow_tracing.mapping._nodes import TreeNode

from . import _names as names
from ._approval import approval_span
from ._compaction import compaction_span
from ._context import SpanContent, SpanContext
from ._event_attributes import event_attributes
from ._model import model_span
from ._model_input import ModelInputs, message_pool
from ._sample import attempt_span, sample_span
from ._sandbox import sandbox_span
from ._score import score_span
from ._span import recorded_span
from ._span_events import note
from ._subtask import subtask_span
from ._tool import tool_span

__all__ = [
    "ModelInputs",
    "SpanContent",
    "SpanContext",
    "attempt_span",
    "event_span",
    "message_pool",
    "note",
    "sample_span",
]

_KINDS: Final[Mapping[str, Callable[[TreeNode, SpanContext], SpanContent]]] = {
    "approval": approval_span,
    "compaction": compaction_span,
    "model": model_span,
    "review": approval_span,
    "sandbox": sandbox_span,
    "score": score_span,
    "span": recorded_span,
    "step": recorded_span,
    "subtask": subtask_span,
    "tool": tool_span,
}


def event_span(node: TreeNode, context: SpanContext) -> SpanContent:
    """The span of a node that is neither the sample nor an attempt.

    What no function here can read, though every one of them expects odd values, is told as text:
    one strange event must not cost the whole trace.
    """
    try:
        return _KINDS[node.kind](node, context)
    except Exception as error:
        attributes = {**event_attributes(node, context), "inspect.unread": type(error).__name__}
        if context.full:
            attributes["inspect.content"] = context.bounded_text(node.event or node.begin)
        return SpanContent(node.kind, names.TASK, attributes)
