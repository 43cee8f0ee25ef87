"""Traces with values that every reader of JSON takes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from inspect_mlflow_core.conversion import clean_text
from inspect_mlflow_scout._memory import remembered
from inspect_mlflow_scout._metadata import json_value
from inspect_mlflow_scout.reading import (
    SourceAssessment,
    SourceSpan,
    SourceSpanEvent,
    SourceTrace,
)

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage

__all__ = ["clean_message", "clean_trace"]

_DEEPEST_CONVERSATION: Final = 8
"""Levels at which equal objects are looked for; messages are some two or three levels deep."""


def clean_trace(trace: SourceTrace) -> SourceTrace:
    """The trace with values as `json_value` gives them.

    Python's JSON holds half surrogate pairs, NaN and any depth. One such value in one trace, and
    Scout's database would refuse the whole insertion, or not read back what it wrote.
    """
    return dataclasses.replace(
        trace,
        request_preview=clean_text(trace.request_preview),
        response_preview=clean_text(trace.response_preview),
        tags=json_value(trace.tags),
        metadata=json_value(trace.metadata),
        assessments=tuple(_clean_assessment(assessment) for assessment in trace.assessments),
        spans=tuple(_clean_span(span) for span in trace.spans),
    )


def clean_message(message: ChatMessage) -> ChatMessage:
    """The message with arguments of tool calls as `json_value` gives them.

    They travel as JSON text, so that what is in them was not seen before.
    """
    if message.role != "assistant" or not message.tool_calls:
        return message
    tool_calls = [
        dataclasses.replace(call, arguments=json_value(call.arguments))
        for call in message.tool_calls
    ]
    return message.model_copy(update={"tool_calls": tool_calls})


def _clean_span(span: SourceSpan) -> SourceSpan:
    inputs, outputs = _clean_value(span.inputs), _clean_value(span.outputs)
    # Already clean, and most of what a span holds.
    known = {"mlflow.spanInputs": inputs, "mlflow.spanOutputs": outputs}
    return dataclasses.replace(
        span,
        name=clean_text(span.name),
        status_message=clean_text(span.status_message),
        inputs=inputs,
        outputs=outputs,
        attributes={
            clean_text(name): known[name] if name in known else _clean_value(value)
            for name, value in span.attributes.items()
        },
        events=tuple(_clean_event(event) for event in span.events),
    )


def _clean_value(value: Any, depth: int = 0) -> Any:
    """The value as `json_value` gives it, equal objects in its lists as one and the same."""
    if depth < _DEEPEST_CONVERSATION:
        if type(value) is dict:
            return {clean_text(str(k)): _clean_value(v, depth + 1) for k, v in value.items()}
        if type(value) is list:
            return [_clean_element(element, depth + 1) for element in value]
    return json_value(value, depth)


def _clean_element(element: Any, depth: int) -> Any:
    return _clean_object(element, depth) if type(element) is dict else _clean_value(element, depth)


@remembered
def _clean_object(value: Any, depth: int) -> Any:
    return json_value(value, depth)


def _clean_event(event: SourceSpanEvent) -> SourceSpanEvent:
    return dataclasses.replace(
        event, name=clean_text(event.name), attributes=json_value(event.attributes)
    )


def _clean_assessment(assessment: SourceAssessment) -> SourceAssessment:
    return dataclasses.replace(
        assessment,
        name=clean_text(assessment.name),
        value=json_value(assessment.value),
        error_message=_clean(assessment.error_message),
        rationale=_clean(assessment.rationale),
        metadata=json_value(assessment.metadata),
    )


def _clean(text: str | None) -> Any:
    return None if text is None else clean_text(text)
