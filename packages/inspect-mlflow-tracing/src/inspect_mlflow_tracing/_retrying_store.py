"""A store for traces that tries each of its operations again."""

from __future__ import annotations

from functools import partial

from inspect_mlflow_core.connection import (
    AttachmentRecord,
    StoredTrace,
    TraceRecord,
    TraceStore,
)
from inspect_mlflow_core.sync import with_retries


class RetryingTraceStore:
    """Implements `TraceStore` by another one, with a few attempts for each operation.

    So a trace that a busy server cannot take at once does not send the whole log back to its
    beginning, and thousands of traces get through to a server that stumbles now and then.

    Args:
        store: Does the work.
    """

    def __init__(self, store: TraceStore) -> None:
        self.tracking_uri = store.tracking_uri
        self.concurrency = store.concurrency
        self._store = store

    def check(self) -> str:
        """See `TraceStore.check`."""
        return with_retries(self._store.check)

    def start_trace(self, trace: TraceRecord) -> str:
        """See `TraceStore.start_trace`."""
        return with_retries(partial(self._store.start_trace, trace))

    def log_spans(self, *traces: TraceRecord) -> None:
        """See `TraceStore.log_spans`."""
        with_retries(partial(self._store.log_spans, *traces))

    def set_trace_tag(self, trace_id: str, name: str, value: str) -> None:
        """See `TraceStore.set_trace_tag`."""
        with_retries(partial(self._store.set_trace_tag, trace_id, name, value))

    def delete_assessment(self, trace_id: str, assessment_id: str) -> None:
        """See `TraceStore.delete_assessment`."""
        with_retries(partial(self._store.delete_assessment, trace_id, assessment_id))

    def upload_trace_attachment(self, artifact_location: str, attachment: AttachmentRecord) -> None:
        """See `TraceStore.upload_trace_attachment`."""
        with_retries(partial(self._store.upload_trace_attachment, artifact_location, attachment))

    def search_traces(self, experiment_id: str, filter_string: str) -> list[StoredTrace]:
        """See `TraceStore.search_traces`."""
        return with_retries(partial(self._store.search_traces, experiment_id, filter_string))
