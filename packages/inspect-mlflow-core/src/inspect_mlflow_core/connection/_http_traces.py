"""Traces behind MLflow's REST API and its OTLP endpoint.

https://mlflow.org/docs/latest/rest-api.html, and for spans
https://mlflow.org/docs/latest/genai/tracing/opentelemetry/ingest/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from inspect_mlflow_core.conversion import mask_uri
from inspect_mlflow_core.exceptions import RejectedError, RetryableError

from ._adaptive_concurrency import AdaptiveConcurrency
from ._attachment_files import ATTACHMENTS_FOLDER, attachment_name, store_attachment
from ._http_api import call_api, not_mlflow, proxied_artifact_url
from ._http_credentials import CONCURRENT_REQUESTS
from ._http_store import server_version
from ._http_transport import (
    REQUEST_TIMEOUT_SECONDS,
    UPLOAD_TIMEOUT_SECONDS,
    Transport,
    raise_for_answer,
)
from ._mlflow_store import LOCKED
from ._trace_encoding import (
    by_experiment,
    otlp_request,
    otlp_span,
    request_batches,
    root_last,
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
from ._trace_records import AttachmentRecord, StoredTrace, TraceRecord
from ._trace_versions import (
    keeps_additions,
    keeps_totals,
    traces_supported,
    traces_unsupported,
    unpacks_sent_text,
)

if TYPE_CHECKING:
    import requests
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

_TRACES = "/api/3.0/mlflow/traces"
_SPANS = "/v1/traces"
# Where MLflow's own client sets tags, of traces of every version.
_TAGGED_TRACES = "/api/2.0/mlflow/traces"
_ALREADY_THERE = frozenset({"ALREADY_EXISTS", "RESOURCE_ALREADY_EXISTS"})
_NOT_THERE = "RESOURCE_DOES_NOT_EXIST"
# Beyond that, a request may take longer than one of ordinary size.
_LARGE_BYTES = 1_000_000
# The database is locked, or two writers met at a new trace
# (https://github.com/mlflow/mlflow/issues/23244).
_BUSY = re.compile(LOCKED.pattern + "|UniqueViolation|UNIQUE constraint failed|Duplicate entry")


@dataclass(slots=True)
class HttpTraceStore:
    """Implements `TraceStore` over HTTP.

    Args:
        tracking_uri: The server's URI as configured.
        transport: Sends the requests.
        concurrency: See `TrackingStore`.
    """

    tracking_uri: str
    transport: Transport
    concurrency: AdaptiveConcurrency = field(
        default_factory=lambda: AdaptiveConcurrency(CONCURRENT_REQUESTS)
    )
    _version: str | None = None
    _locks: TraceLocks = field(default_factory=TraceLocks, repr=False)

    def __repr__(self) -> str:
        """Name the server without its credentials."""
        return f"HttpTraceStore({mask_uri(self.tracking_uri)!r})"

    def check(self) -> str:
        """See `TraceStore.check`."""
        self._version = server_version(self.transport)
        return self._version

    def start_trace(self, trace: TraceRecord) -> str:
        """See `TraceStore.start_trace`."""
        version = self._supported_version()
        with self._locks.of(trace.trace_id):
            return self._write_info(trace, version)

    def log_spans(self, *traces: TraceRecord) -> None:
        """See `TraceStore.log_spans`."""
        version = self._supported_version()
        as_text = unpacks_sent_text(version)
        for experiment_id, written in by_experiment(traces).items():
            spans = (span for trace in written for span in _messages(trace, as_text=as_text))
            with self._locks.of(*(trace.trace_id for trace in written)):
                for batch in request_batches(spans, lambda span: span.ByteSize()):
                    self._send_spans(experiment_id, batch)
                if not keeps_totals(version):
                    for trace in written:
                        self._write_info(trace, version)

    def set_trace_tag(self, trace_id: str, name: str, value: str) -> None:
        """See `TraceStore.set_trace_tag`."""
        path, body = f"{_TAGGED_TRACES}/tr-{trace_id}/tags", {"key": name, "value": value}
        with self._locks.of(trace_id):
            self._write("PATCH", path, "a trace's tags", body)

    def delete_assessment(self, trace_id: str, assessment_id: str) -> None:
        """See `TraceStore.delete_assessment`."""
        path = f"{_TRACES}/tr-{trace_id}/assessments/{quote(assessment_id, safe='')}"
        with self._locks.of(trace_id):
            try:
                self._write("DELETE", path, "the removal of an assessment")
            except RejectedError as error:
                if error.error_code != _NOT_THERE:
                    raise

    def upload_trace_attachment(self, artifact_location: str, attachment: AttachmentRecord) -> None:
        """See `TraceStore.upload_trace_attachment`."""
        url = proxied_artifact_url(self.transport.host, artifact_location)
        if url is None:
            store_attachment(artifact_location, self.tracking_uri, attachment)
            return
        name = attachment_name(attachment.attachment_id)
        response = self.transport.send(
            "PUT",
            f"{url}/{ATTACHMENTS_FOLDER}/{name}",
            data=attachment.content,
            headers={"Content-Type": "application/octet-stream"},
            read_timeout_seconds=UPLOAD_TIMEOUT_SECONDS,
        )
        raise_for_answer(response, "the upload of a trace attachment")

    def search_traces(self, experiment_id: str, filter_string: str) -> list[StoredTrace]:
        """See `TraceStore.search_traces`."""
        self._supported_version()
        found: list[StoredTrace] = []
        page_token = ""
        while True:
            body = search_traces_body([experiment_id], filter_string, page_token)
            path = f"{_TRACES}/search"
            answer = call_api(self.transport, "POST", path, "traces/search", json=body)
            found += [_stored_trace(info) for info in answer.get("traces", [])]
            page_token = answer.get("next_page_token", "")
            if not page_token:
                return found

    def _supported_version(self) -> str:
        version = self.check() if self._version is None else self._version
        if not traces_supported(version):
            raise traces_unsupported(f"MLflow server {mask_uri(self.transport.host)}", version)
        return version

    def _write_info(self, trace: TraceRecord, version: str) -> str:
        try:
            body = start_trace_body(trace)
        except (OverflowError, TypeError, ValueError) as error:
            raise _unsendable(error) from None
        if not keeps_additions(version):
            body = with_additions(body, self._stored_info(trace))
        try:
            with self.concurrency.measured():
                answer = self._write("POST", _TRACES, "traces", body)
        except RejectedError as error:
            if error.error_code in _ALREADY_THERE:
                return ""
            raise
        return artifact_location(answer.get("trace", {}).get("trace_info", {}).get("tags", {}))

    def _write(
        self, method: str, path: str, what: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            return call_api(self.transport, method, path, what, json=body)
        except RejectedError as error:
            if _BUSY.search(str(error)):
                raise self._busy() from None
            raise

    def _busy(self) -> RetryableError:
        where = mask_uri(self.transport.host)
        return RetryableError(f"the database of {where} is busy", cause="database_locked")

    def _stored_info(self, trace: TraceRecord) -> dict[str, Any]:
        path = f"{_TRACES}/{trace.mlflow_trace_id}"
        try:
            answer = call_api(self.transport, "GET", path, "a trace")
        except RejectedError as error:
            if error.error_code == _NOT_THERE:
                return {}
            raise
        info: dict[str, Any] = answer.get("trace", {}).get("trace_info", {})
        return info

    def _send_spans(self, experiment_id: str, spans: list[Span]) -> None:
        body = otlp_request(spans)
        large = len(body) > _LARGE_BYTES
        response = self.transport.send(
            "POST",
            f"{self.transport.host}{_SPANS}",
            data=body,
            headers={
                "Content-Type": "application/x-protobuf",
                "x-mlflow-experiment-id": experiment_id,
            },
            read_timeout_seconds=UPLOAD_TIMEOUT_SECONDS if large else REQUEST_TIMEOUT_SECONDS,
        )
        if response.status_code == 413 and len(spans) > 1:
            # A proxy takes less at once; many stop at 1 MB.
            middle = len(spans) // 2
            self._send_spans(experiment_id, spans[:middle])
            self._send_spans(experiment_id, spans[middle:])
            return
        self._raise_for_spans(response)

    def _raise_for_spans(self, response: requests.Response) -> None:
        if response.status_code == 501:
            raise traces_unsupported(f"the store of {mask_uri(self.transport.host)}")
        if response.status_code in (400, 422) and _BUSY.search(response.text):
            # The endpoint calls every failure of its database a fault of the content.
            raise self._busy()
        try:
            raise_for_answer(response, "spans")
        except RejectedError as error:
            if response.status_code in (404, 405) and error.error_code is None:
                raise traces_unsupported(
                    f"what answers at {mask_uri(self.transport.host)}"
                ) from None
            raise
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise not_mlflow(self.transport.host)


def _stored_trace(info: Mapping[str, Any]) -> StoredTrace:
    tags, metadata = info.get("tags", {}), info.get("trace_metadata", {})
    assessments = (
        (
            assessment.get("assessment_id", ""),
            assessment.get("assessment_name", ""),
            assessment_kind(
                feedback="feedback" in assessment, expectation="expectation" in assessment
            ),
        )
        for assessment in info.get("assessments", [])
    )
    return stored_trace(info["trace_id"], info.get("state", ""), tags, metadata, assessments)


def _messages(trace: TraceRecord, *, as_text: bool) -> Iterator[Span]:
    for span in root_last(trace.spans):
        try:
            yield otlp_span(span, as_text=as_text)
        except (OverflowError, TypeError, ValueError) as error:
            raise _unsendable(error) from None


def _unsendable(error: Exception) -> RejectedError:
    what = f"a trace has a value that cannot be sent ({type(error).__name__})"
    return RejectedError(what, cause="trace_content")
