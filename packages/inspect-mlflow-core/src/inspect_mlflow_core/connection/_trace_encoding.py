"""Spans as OpenTelemetry's protobuf messages, and in requests of bounded size.

https://github.com/open-telemetry/opentelemetry-proto
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from inspect_mlflow_core.conversion import clean_text

from ._attribute_json import attribute_json, unicode_text
from ._trace_records import SpanRecord, TraceRecord

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

REQUEST_BYTES = 4_000_000
"""Most bytes of the spans of one request; a larger span goes alone."""
REQUEST_SPANS = 300
"""Most spans of one request."""

SPAN_TYPE = "mlflow.spanType"
TOKEN_USAGE = "mlflow.chat.tokenUsage"
COST = "mlflow.llm.cost"

_NUMBERS_ONLY = (TOKEN_USAGE, COST)

_Item = TypeVar("_Item")


def span_attributes(span: SpanRecord) -> dict[str, Any]:
    """Return the attributes of a span that are worth sending.

    Args:
        span: The span.

    Returns:
        The span's type and attributes without those that are None. In token usage and cost only
        finite numbers remain, because MLflow refuses the whole request for anything else.
    """
    attributes: dict[str, Any] = {SPAN_TYPE: span.span_type}
    for name, value in span.attributes.items():
        kept = _numbers(name, value) if name in _NUMBERS_ONLY else value
        if kept is not None:
            attributes[clean_text(name)] = kept
    return attributes


def _numbers(attribute: str, value: Any) -> dict[str, int | float] | None:
    if not isinstance(value, Mapping):
        return None
    kept: dict[str, int | float] = {}
    for name, number in value.items():
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            continue
        if isinstance(number, float) and not math.isfinite(number):
            continue
        if abs(number) < 2**63:
            kept[str(name)] = int(number) if attribute == TOKEN_USAGE else float(number)
    return kept or None


def event_attributes(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Return the attributes of a span event, as texts that every store takes.

    Args:
        attributes: Names and texts; other values become JSON text.
    """
    return {
        clean_text(name): clean_text(value if isinstance(value, str) else attribute_json(value))
        for name, value in attributes.items()
    }


def holds_json(text: str) -> bool:
    """Say whether MLflow might take a text for JSON text and unpack it.

    Args:
        text: The value of an attribute.
    """
    return text.lstrip(" \t\r\n")[:1] in ("{", "[", '"')


def otlp_span(span: SpanRecord, *, as_text: bool) -> Span:
    """Return a span as OpenTelemetry's protobuf message.

    Args:
        span: The span.
        as_text: Send mappings and lists as JSON text, a tenth of the work of nested values; see
            `unpacks_sent_text`.
    """
    from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

    failed = span.status == "ERROR"
    message = Span(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_id or ""),
        name=clean_text(span.name),
        start_time_unix_nano=span.start_time_ns,
        end_time_unix_nano=span.end_time_ns,
        status=Status(
            code=Status.StatusCode.Value(f"STATUS_CODE_{span.status}"),
            # OpenTelemetry gives a description to failures only, and warns of any other.
            message=clean_text(span.status_message) if failed else "",
        ),
    )
    for name, value in span_attributes(span).items():
        _set_attribute(message.attributes.add(key=name).value, value, as_text)
    for event in span.events:
        added = message.events.add(name=clean_text(event.name), time_unix_nano=event.timestamp_ns)
        for name, text in event_attributes(event.attributes).items():
            added.attributes.add(key=name).value.string_value = text
    return message


def _set_attribute(target: AnyValue, value: Any, as_text: bool) -> None:
    if isinstance(value, str):
        packed = as_text and holds_json(value)
        target.string_value = attribute_json(value) if packed else unicode_text(value)
        return
    text = attribute_json(value)
    if as_text and text[0] in '{["':
        target.string_value = text
    else:
        _set_value(target, json.loads(text))


def _set_value(target: AnyValue, value: Any) -> None:
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, int):
        target.int_value = value
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, list):
        target.array_value.SetInParent()
        for item in value:
            _set_value(target.array_value.values.add(), item)
    elif isinstance(value, dict):
        target.kvlist_value.SetInParent()
        for name, item in value.items():
            _set_value(target.kvlist_value.values.add(key=name).value, item)


def otlp_request(spans: Iterable[Span]) -> bytes:
    """Return the body of a request that exports spans.

    Args:
        spans: Messages of `otlp_span`.
    """
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.extend(spans)
    body: bytes = request.SerializeToString()
    return body


def root_last(spans: Iterable[SpanRecord]) -> list[SpanRecord]:
    """Return the spans in the order in which they are written.

    Args:
        spans: All spans.

    Returns:
        The root at the end, because it ends a trace that is in progress.
    """
    return sorted(spans, key=lambda span: span.parent_id is None)


def by_experiment(traces: Iterable[TraceRecord]) -> dict[str, list[TraceRecord]]:
    """Return the traces that have spans by the experiment that holds them.

    Args:
        traces: In any order, which is kept within an experiment.
    """
    found: dict[str, list[TraceRecord]] = {}
    for trace in traces:
        if trace.spans:
            found.setdefault(trace.experiment_id, []).append(trace)
    return found


def request_batches(
    items: Iterable[_Item], size_bytes: Callable[[_Item], int]
) -> Iterator[list[_Item]]:
    """Yield what goes into one request each, in the given order.

    Args:
        items: Encoded spans.
        size_bytes: Size of one.

    Yields:
        At most 300 spans and 4 MB; a larger span alone.
    """
    batch: list[_Item] = []
    room = REQUEST_BYTES
    for item in items:
        size = size_bytes(item)
        if batch and (size > room or len(batch) == REQUEST_SPANS):
            yield batch
            batch, room = [], REQUEST_BYTES
        batch.append(item)
        room -= size
    if batch:
        yield batch
