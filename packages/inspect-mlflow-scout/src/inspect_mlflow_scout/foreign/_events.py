"""The events of a trace, in the order of its tree."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inspect_mlflow_scout.reading import SourceSpan, SourceSpanEvent

from ._event_factory import EventFactory
from ._failures import EXCEPTION, failure
from ._span_types import own_values
from ._tool_calls import ToolIds
from ._tree import SpanTree

if TYPE_CHECKING:
    from inspect_ai.event import Event

    from inspect_mlflow_scout.normalization import ModelCall, ToolUse

__all__ = ["TraceContent", "trace_events"]


@dataclass(frozen=True, slots=True)
class TraceContent:
    """What the spans of a trace tell.

    Args:
        tree: The spans, duplicates left out.
        calls: The calls of models, by span id.
        uses: The uses of tools, by span id.
        tool_call_ids: The tool call of each use, by span id.
        message_ids: The message with the result, by tool call.
    """

    tree: SpanTree
    calls: Mapping[str, ModelCall]
    uses: Mapping[str, ToolUse]
    tool_call_ids: Mapping[str, str]
    message_ids: Mapping[str, str]


def trace_events(factory: EventFactory, content: TraceContent) -> list[Event]:
    """The events of a trace.

    A span's events stand between its begin and its end, ordered by start; those of spans that ran
    at the same time one after the other, not mixed. A call of a model or of a tool is one event,
    within a span of its own where more happened below it. A span's end is never earlier than what
    is below it, and one that is in progress has none.
    """
    writer = _EventWriter(factory, content)
    for step, span in content.tree.walk():
        if step == "enter":
            writer.enter(span)
        else:
            writer.leave(span)
    return writer.events


@dataclass(slots=True)
class _OpenSpan:
    """A span between its begin and its end.

    Args:
        span: The span.
        within: The id of the span in which its events are.
        is_begun: Whether it has a begin event.
        notes: Span events still to come, with their places.
        latest_ns: The latest moment in it, so far.
        called: Whether a model was called in it.
        told: Messages of errors told in it.
    """

    span: SourceSpan
    within: str | None
    is_begun: bool
    notes: deque[tuple[int, SourceSpanEvent]]
    latest_ns: int
    called: bool = False
    told: set[str] = field(default_factory=set)


class _EventWriter:
    def __init__(self, factory: EventFactory, content: TraceContent) -> None:
        self.events: list[Event] = []
        self._factory = factory
        self._content = content
        self._open: list[_OpenSpan] = []

    def enter(self, span: SourceSpan) -> None:
        content = self._content
        parent = self._open[-1] if self._open else None
        within = parent.within if parent else None
        if parent is not None:
            self._write_notes(parent, span.start_time_ns)
        is_call = span.span_id in content.calls or span.span_id in content.uses
        is_begun = not is_call or span.span_id in content.tree.children
        if is_begun:
            self.events.append(self._factory.span_begin(span, within))
            within = span.span_id
        self._write_call(span, within)
        self._open.append(
            _OpenSpan(
                span,
                within,
                is_begun,
                deque(_notes(span, is_model=span.span_id in content.calls)),
                max(span.start_time_ns, span.end_time_ns or 0),
                called=span.span_id in content.calls,
            )
        )

    def leave(self, span: SourceSpan) -> None:
        state = self._open.pop()
        self._write_notes(state)
        is_root = not self._open
        if span.span_id not in self._content.calls and span.span_id not in self._content.uses:
            values = own_values(span, is_root=is_root, calls_below=state.called)
            if values:
                event = self._factory.values(span, values, state.latest_ns, state.within)
                self.events.append(event)
            self._write_error(span, state, is_root=is_root)
        if state.is_begun and span.end_time_ns is not None:
            self.events.append(self._factory.span_end(span, state.latest_ns))
        failed = failure(span)
        if failed is not None:
            state.told.add(failed.message)
        if self._open:
            above = self._open[-1]
            above.latest_ns = max(above.latest_ns, state.latest_ns)
            above.called = above.called or state.called
            above.told |= state.told

    def _write_call(self, span: SourceSpan, within: str | None) -> None:
        content = self._content
        span_id = span.span_id
        if span_id in content.calls:
            self.events.append(self._factory.model(span, content.calls[span_id], within))
        elif span_id in content.uses:
            ids = self._tool_ids(span_id)
            self.events.append(self._factory.tool(span, content.uses[span_id], ids, within))

    def _tool_ids(self, span_id: str) -> ToolIds:
        from inspect_mlflow_scout.normalization import span_role

        content = self._content
        call_id = content.tool_call_ids[span_id]
        below = content.tree.children.get(span_id, ())
        agents = [child for child in below if span_role(content.tree.spans[child]) == "agent"]
        return ToolIds(
            call_id, content.message_ids.get(call_id), agents[0] if len(agents) == 1 else None
        )

    def _write_notes(self, state: _OpenSpan, before_ns: int | None = None) -> None:
        while state.notes and (before_ns is None or state.notes[0][1].timestamp_ns < before_ns):
            number, note = state.notes.popleft()
            self.events.append(self._factory.note(state.span, note, number, state.within))
            state.latest_ns = max(state.latest_ns, note.timestamp_ns)

    def _write_error(self, span: SourceSpan, state: _OpenSpan, *, is_root: bool) -> None:
        failed = failure(span)
        # An exception on its way up fails every span that it passes: told where it came from,
        # and at the root, where it ended the whole.
        if failed is not None and (is_root or failed.message not in state.told):
            event = self._factory.error(span, failed, state.latest_ns, state.within)
            self.events.append(event)


def _notes(span: SourceSpan, *, is_model: bool) -> list[tuple[int, SourceSpanEvent]]:
    """The span events that nothing else tells, with their places.

    The last exception of a failed span is its error; the `gen_ai.*` events of a model's span
    (OpenTelemetry's older way of telling messages) are in the call.
    """
    notes = list(enumerate(span.events))
    if span.status == "ERROR":
        exceptions = [number for number, event in notes if event.name == EXCEPTION]
        notes = [note for note in notes if note[0] not in exceptions[-1:]]
    if is_model:
        notes = [note for note in notes if not note[1].name.startswith("gen_ai.")]
    return notes
