"""Spans in the form in which a store takes them."""

from __future__ import annotations

from inspect_mlflow_core.connection import SpanEventRecord, SpanRecord

from ._nodes import Note, TreeNode
from ._rescoring import recorded_at
from ._span_bound import MOST_SPAN_EVENTS
from .events import SpanContent, SpanContext, note

__all__ = ["SpanRecords"]

_EXCEPTION = "exception"


class SpanRecords:
    """Makes the records of one trace, which has a bounded number of notes.

    Args:
        trace_id: 32 hexadecimal digits.
        context: Of the trace.
    """

    def __init__(self, trace_id: str, context: SpanContext) -> None:
        self._trace_id = trace_id
        self._context = context
        self._room = MOST_SPAN_EVENTS

    def record(self, node: TreeNode, span: SpanContent) -> SpanRecord:
        """The record of a node; call in log order, for the first notes are those that stay.

        Args:
            node: With id and times.
            span: What it became.
        """
        events, status, message = span.events, span.status, span.status_message
        attributes = span.attributes
        recorded = recorded_at(node)
        if recorded is not None:
            attributes["inspect.recorded_at"] = recorded
        if node.folded:
            attributes["inspect.folded_spans"] = node.folded
        if node.notes:
            told = self._within_room(node, _untold(node, span), attributes)
            events = tuple(sorted((*events, *told), key=_time))
            raised = [event for event in told if event.name == _EXCEPTION]
            if raised and status == "OK":
                status, message = "ERROR", raised[0].attributes["exception.type"]
        return SpanRecord(
            trace_id=self._trace_id,
            span_id=node.span_id,
            parent_id=node.parent.span_id if node.parent is not None else None,
            name=span.name,
            span_type=span.span_type,
            start_time_ns=node.start_ns,
            end_time_ns=node.end_ns,
            status=status,
            status_message=message,
            attributes=attributes,
            events=events,
        )

    def _within_room(
        self, node: TreeNode, notes: list[Note], attributes: dict[str, object]
    ) -> list[SpanEventRecord]:
        told = notes[: self._room]
        self._room -= len(told)
        if len(told) < len(notes):
            attributes["inspect.folded_events"] = len(notes) - len(told)
        return [note(each.event, each.time_ns, self._context) for each in told]


def _untold(node: TreeNode, span: SpanContent) -> list[Note]:
    """The notes of a node without the error that the node itself tells of."""
    if not any(event.name == _EXCEPTION for event in span.events):
        return node.notes
    return [each for each in node.notes if each.event.get("event") != "error"]


def _time(event: SpanEventRecord) -> int:
    return event.timestamp_ns
