"""Traces through MLflow's own store classes: databases and plugins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from inspect_mlflow_core.conversion import clean_text, mask_uri

from ._attachment_files import store_attachment
from ._attribute_json import attribute_json
from ._mlflow_store import MlflowTrackingStore
from ._trace_encoding import (
    COST,
    TOKEN_USAGE,
    by_experiment,
    event_attributes,
    holds_json,
    request_batches,
    root_last,
    span_attributes,
)
from ._trace_info import (
    artifact_location,
    assessment_kind,
    search_traces_body,
    start_trace_body,
    stored_trace,
    with_additions,
)
from ._trace_locks import TraceLocks
from ._trace_records import AttachmentRecord, SpanRecord, StoredTrace, TraceRecord
from ._trace_versions import (
    keeps_additions,
    keeps_totals,
    takes_several_traces,
    traces_supported,
    traces_unsupported,
    unpacks_stored_text,
)

if TYPE_CHECKING:
    from mlflow.entities import Span, TraceInfo
    from opentelemetry.sdk.trace import ReadableSpan

_NOT_THERE = "RESOURCE_DOES_NOT_EXIST"


class MlflowTraceStore:
    """Implements `TraceStore` on MLflow's store object for a URI.

    Args:
        tracking_uri: As in `MLFLOW_TRACKING_URI`.
    """

    # An embedded database has one writer at a time.
    concurrency = 0

    def __init__(self, tracking_uri: str) -> None:
        self.tracking_uri = tracking_uri
        self._tracking = MlflowTrackingStore(tracking_uri)
        self._locks = TraceLocks()

    def __repr__(self) -> str:
        """Name the store without its credentials."""
        return f"MlflowTraceStore({mask_uri(self.tracking_uri)!r})"

    def check(self) -> str:
        """See `TraceStore.check`: opens the store and returns MLflow's version here."""
        return self._tracking.check()

    def start_trace(self, trace: TraceRecord) -> str:
        """See `TraceStore.start_trace`."""
        with self._locks.of(trace.trace_id), self._calls() as store:
            return _write_info(store, trace)

    def log_spans(self, *traces: TraceRecord) -> None:
        """See `TraceStore.log_spans`."""
        for experiment_id, written in by_experiment(traces).items():
            identifiers = [trace.trace_id for trace in written]
            with self._locks.of(*identifiers), self._calls() as store:
                from mlflow import __version__ as version

                several = takes_several_traces(version)
                for group in [written] if several else [[trace] for trace in written]:
                    _log_spans(store, experiment_id, group, version)

    def set_trace_tag(self, trace_id: str, name: str, value: str) -> None:
        """See `TraceStore.set_trace_tag`."""
        with self._locks.of(trace_id), self._calls() as store:
            store.set_trace_tag(f"tr-{trace_id}", name, value)

    def delete_assessment(self, trace_id: str, assessment_id: str) -> None:
        """See `TraceStore.delete_assessment`."""
        with self._locks.of(trace_id), self._calls() as store:
            from mlflow.exceptions import MlflowException

            try:
                store.delete_assessment(f"tr-{trace_id}", assessment_id)
            except MlflowException as error:
                if error.error_code != _NOT_THERE:
                    raise

    def upload_trace_attachment(self, artifact_location: str, attachment: AttachmentRecord) -> None:
        """See `TraceStore.upload_trace_attachment`."""
        store_attachment(artifact_location, self.tracking_uri, attachment)

    def search_traces(self, experiment_id: str, filter_string: str) -> list[StoredTrace]:
        """See `TraceStore.search_traces`."""
        found: list[StoredTrace] = []
        page_token = ""
        with self._calls() as store:
            while True:
                page = search_traces_body([experiment_id], filter_string, page_token)
                traces, token = store.search_traces(
                    locations=[experiment_id],
                    filter_string=filter_string or None,
                    max_results=page["max_results"],
                    order_by=page["order_by"],
                    page_token=page_token or None,
                )
                found += map(_stored_trace, traces)
                if not token:
                    return found
                page_token = token

    @contextmanager
    def _calls(self) -> Iterator[Any]:
        where = f"MLflow store {mask_uri(self.tracking_uri)}"
        with self._tracking.calls() as store:
            from mlflow import __version__ as version
            from mlflow.store.tracking.abstract_store import AbstractStore

            if not traces_supported(version):
                raise traces_unsupported(where, version)
            if type(store).log_spans is AbstractStore.log_spans:
                raise traces_unsupported(where)
            try:
                yield store
            except NotImplementedError:
                raise traces_unsupported(where) from None


def _log_spans(store: Any, experiment_id: str, traces: Sequence[TraceRecord], version: str) -> None:
    unpacked = unpacks_stored_text(version)
    spans = (_otel_span(span, unpacked) for trace in traces for span in root_last(trace.spans))
    for batch in request_batches(spans, _size_bytes):
        store.log_spans(experiment_id, [_mlflow_span(span) for span in batch])
    if not keeps_totals(version):
        for trace in traces:
            _write_info(store, trace)


def _write_info(store: Any, trace: TraceRecord) -> str:
    from mlflow import __version__ as version
    from mlflow.entities import TraceInfo
    from mlflow.protos.service_pb2 import StartTraceV3
    from mlflow.utils.proto_json_utils import parse_dict

    body = start_trace_body(trace)
    if not keeps_additions(version):
        body = with_additions(body, _stored_info(store, trace))
    # As a server reads the request, so that both store the same.
    request = StartTraceV3()
    parse_dict(body, request)
    written = store.start_trace(TraceInfo.from_proto(request.trace.trace_info))
    return artifact_location(written.tags)


def _stored_info(store: Any, trace: TraceRecord) -> dict[str, Any]:
    from mlflow.exceptions import MlflowException

    try:
        info: dict[str, Any] = store.get_trace_info(trace.mlflow_trace_id).to_dict()
    except MlflowException as error:
        if error.error_code == _NOT_THERE:
            return {}
        raise
    return info


def _stored_trace(info: TraceInfo) -> StoredTrace:
    assessments = (
        (
            assessment.assessment_id or "",
            assessment.name,
            assessment_kind(
                feedback=assessment.feedback is not None,
                expectation=assessment.expectation is not None,
            ),
        )
        for assessment in info.assessments
    )
    return stored_trace(
        info.trace_id, info.state.value, info.tags, info.trace_metadata, assessments
    )


def _mlflow_span(span: ReadableSpan) -> Span:
    from mlflow.entities import Span

    return Span(span)


def _size_bytes(span: ReadableSpan) -> int:
    texts = (span.attributes or {}).values()
    return sum(len(text) for text in texts if isinstance(text, str))


def _otel_span(span: SpanRecord, unpacked: bool) -> ReadableSpan:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import SpanContext, Status, StatusCode

    trace_id = int(span.trace_id, 16)
    parent = SpanContext(trace_id, int(span.parent_id, 16), False) if span.parent_id else None
    failed = span.status == "ERROR"
    return ReadableSpan(
        clean_text(span.name),
        context=SpanContext(trace_id, int(span.span_id, 16), False),
        parent=parent,
        # What is looked for otherwise takes long (https://github.com/mlflow/mlflow/issues/15625).
        resource=Resource.get_empty(),
        attributes=_attributes(span, unpacked),
        events=[
            Event(clean_text(event.name), event_attributes(event.attributes), event.timestamp_ns)
            for event in span.events
        ],
        status=Status(StatusCode[span.status], clean_text(span.status_message) if failed else None),
        start_time=span.start_time_ns,
        end_time=span.end_time_ns,
    )


def _attributes(span: SpanRecord, unpacked: bool) -> dict[str, Any]:
    values = span_attributes(span)
    attributes: dict[str, Any] = {
        "mlflow.traceRequestId": attribute_json(f"tr-{span.trace_id}"),
        **{name: _attribute_text(value, unpacked) for name, value in values.items()},
    }
    if TOKEN_USAGE in values and COST not in values:
        # Else MLflow looks for the price of the model on the network, here in this process. A
        # cost without amounts would count as nothing paid; null counts as not known.
        attributes[COST] = None
    return attributes


def _attribute_text(value: Any, unpacked: bool) -> str:
    text = attribute_json(value)
    # MLflow takes one layer of JSON away again.
    return (
        attribute_json(text) if unpacked and isinstance(value, str) and holds_json(value) else text
    )
