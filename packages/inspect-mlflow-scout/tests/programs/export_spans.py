"""Send spans with OpenTelemetry's own exporter.

Reads a job from standard input: `{"endpoint", "headers", "traces": [[{"name", "parent": <index of
an earlier span of the trace or null>, "start_ns", "end_ns", "attributes",
"events": [{"name", "attributes"}], "error": <text or null>}]]}`; prints `{"trace_ids": [...]}` in
hexadecimal digits, one for each trace.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def send(tracer: trace.Tracer, described: list[dict[str, Any]]) -> str:
    """Make the spans of one trace; returns its id."""
    spans: list[trace.Span] = []
    for facts in described:
        parent = facts.get("parent")
        context = trace.set_span_in_context(spans[parent]) if parent is not None else None
        span = tracer.start_span(
            facts["name"],
            context=context,
            attributes=facts["attributes"],
            start_time=facts["start_ns"],
        )
        for event in facts.get("events", ()):
            span.add_event(event["name"], event["attributes"], timestamp=facts["start_ns"])
        if facts.get("error"):
            span.record_exception(RuntimeError(facts["error"]), timestamp=facts["end_ns"])
            span.set_status(trace.StatusCode.ERROR, facts["error"])
        spans.append(span)
    for span, facts in reversed(list(zip(spans, described, strict=True))):
        span.end(facts["end_ns"])
    return trace.format_trace_id(spans[0].get_span_context().trace_id)


def main() -> None:
    """Do the job."""
    job = json.load(sys.stdin)
    exporter = OTLPSpanExporter(endpoint=job["endpoint"], headers=job["headers"])
    provider = TracerProvider(resource=Resource.create({"service.name": "elsewhere"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("elsewhere")
    trace_ids = [send(tracer, described) for described in job["traces"]]
    provider.shutdown()
    print(json.dumps({"trace_ids": trace_ids}))


if __name__ == "__main__":
    main()
