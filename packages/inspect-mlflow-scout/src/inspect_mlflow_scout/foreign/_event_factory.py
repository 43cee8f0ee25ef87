"""Inspect's events from the spans of one trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from inspect_mlflow_scout._metadata import json_value
from inspect_mlflow_scout.reading import SourceSpan, SourceSpanEvent

from ._failures import EXCEPTION, Failure, exception_of, failure
from ._identity import event_uuid
from ._moments import moment, seconds_between
from ._span_types import begin_metadata, begin_name, begin_type
from ._tool_calls import ToolIds

if TYPE_CHECKING:
    from inspect_ai.event import (
        ErrorEvent,
        InfoEvent,
        LoggerEvent,
        ModelEvent,
        SpanBeginEvent,
        SpanEndEvent,
        ToolEvent,
    )
    from inspect_ai.event._base import BaseEvent
    from inspect_ai.model import Content

    from inspect_mlflow_scout.normalization import ModelCall, ToolUse

    from ._thread import RequestAndReply

    EventType = TypeVar("EventType", bound=BaseEvent)

__all__ = ["EventFactory"]

_RESULT_PARTS: Final = frozenset({"text", "image", "audio", "video", "document"})
_NO_MODEL: Final = "none/none"
"""Inspect's name for having no model."""


@dataclass(frozen=True, slots=True)
class EventFactory:
    """Makes events. Each has an id that is the same at every import.

    Args:
        trace_id: The trace.
        start_ns: When it began, nanoseconds since the epoch: `working_start` counts from here.
    """

    trace_id: str
    start_ns: int

    def span_begin(self, span: SourceSpan, parent_id: str | None) -> SpanBeginEvent:
        """The beginning of a span; inside of itself, as Inspect has it."""
        from inspect_ai.event import SpanBeginEvent

        event = SpanBeginEvent(
            **self._fields("span_begin", span.span_id, span.start_time_ns),
            id=span.span_id,
            parent_id=parent_id,
            type=begin_type(span),
            name=begin_name(span, is_root=parent_id is None),
            metadata=begin_metadata(span) or None,
        )
        return _within(event, span.span_id)

    def span_end(self, span: SourceSpan, time_ns: int) -> SpanEndEvent:
        """The end of a span."""
        from inspect_ai.event import SpanEndEvent

        event = SpanEndEvent(**self._fields("span_end", span.span_id, time_ns), id=span.span_id)
        return _within(event, span.span_id)

    def model(self, span: SourceSpan, call: ModelCall, within: str | None) -> ModelEvent:
        """A call of a model."""
        from inspect_ai.event import ModelEvent

        failed = failure(span)
        # The messages are valid, and there may be many: not given to the constructor, which would
        # look at each of them again.
        event = ModelEvent(
            **self._fields("model", span.span_id, span.start_time_ns),
            **_period(span),
            model=call.model,
            input=[],
            tools=list(call.tools),
            tool_choice=call.tool_choice,
            config=call.config,
            output=call.output,
            error=failed.message if failed else None,
            traceback=(failed.traceback or None) if failed else None,
            metadata=_source(span),
        )
        event.input = list(call.input)
        return _within(event, within)

    def stand_in(self, said: RequestAndReply, start_ns: int, end_ns: int) -> ModelEvent:
        """The request and the reply of a trace in which no model was called, as a call.

        As soon as there are any events, Scout's scanners read the messages of model events only.

        Args:
            said: The conversation.
            start_ns: When it began, nanoseconds since the epoch.
            end_ns: When it was over.
        """
        from inspect_ai.event import ModelEvent
        from inspect_ai.model import ChatCompletionChoice, GenerateConfig, ModelOutput

        choices = [ChatCompletionChoice(message=reply) for reply in said.replies]
        event = ModelEvent(
            **self._fields("model", "request and reply", start_ns),
            model=_NO_MODEL,
            input=list(said.request),
            tools=[],
            tool_choice="auto",
            config=GenerateConfig(),
            output=ModelOutput(model=_NO_MODEL, choices=choices),
            completed=moment(end_ns),
            metadata={"stands_for": "request and reply of the trace"},
        )
        return _within(event, None)

    def tool(self, span: SourceSpan, use: ToolUse, ids: ToolIds, within: str | None) -> ToolEvent:
        """A use of a tool."""
        from inspect_ai.event import ToolEvent
        from inspect_ai.tool import ToolCallError

        failed = failure(span)
        error = use.error
        if failed is not None and error is None:
            error = ToolCallError("unknown", failed.message)
        event = ToolEvent(
            **self._fields("tool", span.span_id, span.start_time_ns),
            **_period(span),
            id=ids.call_id,
            function=use.function,
            arguments=json_value(use.arguments),
            result=_result(use.result),
            error=error,
            failed=True if failed else None,
            agent_span_id=ids.agent_span_id,
            message_id=ids.message_id,
            metadata=_source(span),
        )
        return _within(event, within)

    def values(
        self, span: SourceSpan, values: dict[str, Any], time_ns: int, within: str | None
    ) -> InfoEvent:
        """What a span was given and what it returned."""
        from inspect_ai.event import InfoEvent

        event = InfoEvent(
            **self._fields("info", span.span_id, time_ns), source=span.name, data=values
        )
        return _within(event, within)

    def error(
        self, span: SourceSpan, failed: Failure, time_ns: int, within: str | None
    ) -> ErrorEvent:
        """Why a span failed that is no call."""
        from inspect_ai.event import ErrorEvent
        from inspect_ai.log import EvalError

        event = ErrorEvent(
            **self._fields("error", span.span_id, time_ns),
            error=EvalError(
                message=failed.message, traceback=failed.traceback, traceback_ansi=failed.traceback
            ),
        )
        return _within(event, within)

    def note(
        self, span: SourceSpan, note: SourceSpanEvent, number: int, within: str | None
    ) -> InfoEvent | LoggerEvent:
        """A span event: an exception that did not end the span as a log message, others as info.

        Args:
            span: Where it happened.
            note: The span event.
            number: Its place among those of the span.
            within: The span that its event is in.
        """
        from inspect_ai.event import InfoEvent, LoggerEvent, LoggingMessage

        part_id = f"{span.span_id}/{number}"
        if note.name == EXCEPTION:
            message = LoggingMessage(
                level="error",
                message=exception_of(note).message,
                created=note.timestamp_ns / 1e6,
            )
            log = LoggerEvent(**self._fields("logger", part_id, note.timestamp_ns), message=message)
            return _within(log, within)
        event = InfoEvent(
            **self._fields("info", part_id, note.timestamp_ns),
            source=note.name,
            data=dict(note.attributes),
        )
        return _within(event, within)

    def _fields(self, kind: str, part_id: str, time_ns: int) -> dict[str, Any]:
        return {
            "uuid": event_uuid(self.trace_id, kind, part_id),
            "timestamp": moment(time_ns),
            "working_start": seconds_between(self.start_ns, time_ns),
        }


def _within(event: EventType, span_id: str | None) -> EventType:
    # Not given to the constructor: it would put Inspect's current span in the place of None.
    event.span_id = span_id
    return event


def _result(result: str | list[Content]) -> Any:
    """A result without the parts that Inspect has in messages only, which become texts."""
    if isinstance(result, str):
        return result
    from inspect_ai.model import ContentText

    return [
        part if part.type in _RESULT_PARTS else ContentText(text=part.model_dump_json())
        for part in result
    ]


def _period(span: SourceSpan) -> dict[str, Any]:
    if span.end_time_ns is None:
        return {"pending": True}
    return {
        "completed": moment(max(span.start_time_ns, span.end_time_ns)),
        "working_time": seconds_between(span.start_time_ns, span.end_time_ns),
    }


def _source(span: SourceSpan) -> dict[str, Any]:
    return {"mlflow_span_id": span.span_id, "mlflow_span_name": span.name}
