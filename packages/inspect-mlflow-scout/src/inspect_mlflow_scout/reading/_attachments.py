"""Puts the content of attachments back where the spans of a trace refer to them.

MLflow takes images and sounds out of the spans that its autolog writes, and keeps them as files
beside the trace (https://mlflow.org/docs/latest/genai/tracing/, `mlflow.tracing.attachments`).
"""

from __future__ import annotations

import hashlib
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from inspect_mlflow_core.connection import TraceAttachments
from inspect_mlflow_core.exceptions import DeliveryError, RejectedError, RetryableError
from inspect_mlflow_core.reporting import warn_once

from ._kept_samples import has_kept_sample
from ._records import SourceSpan, SourceTrace
from ._references import AttachmentReference, ReferencePlace, reference_places

__all__ = ["MAX_ATTACHMENT_BYTES", "AttachmentReader"]

MAX_ATTACHMENT_BYTES: Final = 64 * 1024 * 1024
"""How much different content the attachments of one trace may have."""

_ARTIFACT_LOCATION: Final = "mlflow.artifactLocation"
_PAUSES_SECONDS: Final = (0.5, 2.0)
# No answer, or one of a server or proxy that is busy; a server that fails (500) will fail again.
_PASSING: Final = frozenset(
    {"connection", "timeout", "http_429", "http_502", "http_503", "http_504"}
)


class AttachmentReader:
    """Reads attachments of the traces of one store; may be used from several threads.

    Args:
        tracking_uri: As in `MLFLOW_TRACKING_URI`.
        sleep: Waits between attempts, given seconds.
        max_bytes: The most of different content that a trace may get.
    """

    def __init__(
        self,
        tracking_uri: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        max_bytes: int = MAX_ATTACHMENT_BYTES,
    ) -> None:
        self._attachments = TraceAttachments(tracking_uri)
        self._sleep = sleep
        self._max_bytes = max_bytes

    def filled(self, trace: SourceTrace) -> SourceTrace:
        """A trace with the content of its attachments in place of references to them.

        Only the trace's own attachments are read. Content that cannot be had, and what exceeds
        the bound, leaves its reference where it is.

        Args:
            trace: As it came from MLflow; the values of its spans are changed. One that keeps
                samples of Inspect has their content, and stays as it is.
        """
        if has_kept_sample(trace):
            return trace
        contents = _Contents(trace, self._read, self._max_bytes)
        spans = tuple(_filled_span(span, contents.fill) for span in trace.spans)
        return replace(trace, spans=spans, lost_attachments=contents.lost)

    def _read(self, trace: SourceTrace, attachment_id: str, max_bytes: int) -> bytes:
        location = trace.tags.get(_ARTIFACT_LOCATION, "")
        for pause_seconds in _PAUSES_SECONDS:
            try:
                return self._attachments.read(location, attachment_id, max_bytes=max_bytes)
            except RetryableError as error:
                if error.cause not in _PASSING:
                    raise
                self._sleep(error.retry_after_seconds or pause_seconds)
        return self._attachments.read(location, attachment_id, max_bytes=max_bytes)


@dataclass(slots=True)
class _Content:
    """What an attachment holds, in the forms in which it is put in places."""

    size_bytes: int
    base64: str
    data_uris: dict[str, str] = field(default_factory=dict)

    def fill(self, place: ReferencePlace) -> None:
        content_type = place.reference.content_type
        if not place.bare and content_type not in self.data_uris:
            self.data_uris[content_type] = f"data:{content_type};base64,{self.base64}"
        place.fill(self.base64, self.data_uris.get(content_type, ""))


class _Contents:
    """The attachments of one trace, each read once, equal ones kept once.

    Autolog makes a new attachment of an image for each call that has it in its conversation.
    """

    def __init__(
        self, trace: SourceTrace, read: Callable[[SourceTrace, str, int], bytes], max_bytes: int
    ) -> None:
        self._trace, self._read, self._max_bytes = trace, read, max_bytes
        self._of_references: dict[tuple[str, str], _Content | None] = {}
        self._of_digests: dict[bytes, _Content] = {}
        self._size_bytes = 0

    @property
    def lost(self) -> int:
        """How many attachments could not be had."""
        return sum(content is None for content in self._of_references.values())

    def fill(self, place: ReferencePlace) -> None:
        """Put the content in its place, or leave the reference there."""
        reference = place.reference
        key = (reference.trace_id, reference.attachment_id)
        if key not in self._of_references:
            self._of_references[key] = self._found(reference)
        content = self._of_references[key]
        if content is not None:
            content.fill(place)

    def _found(self, reference: AttachmentReference) -> _Content | None:
        try:
            return self._content(reference)
        except DeliveryError as error:
            warn_once(
                f"scout.attachment.{error.cause}",
                f"attachment {reference.attachment_id} of trace {self._trace.trace_id} is left"
                f" out: {error}",
            )
            return None

    def _content(self, reference: AttachmentReference) -> _Content:
        if reference.trace_id != self._trace.trace_id:
            raise RejectedError("it belongs to another trace", cause="other_trace")
        bound, size_bytes = self._max_bytes - self._size_bytes, reference.size_bytes
        if size_bytes is not None and size_bytes > bound:
            if all(size_bytes != content.size_bytes for content in self._of_digests.values()):
                raise self._too_large()
            bound = size_bytes  # It may be equal to one that is here.
        read = self._read(self._trace, reference.attachment_id, bound)
        return self._kept(read)

    def _kept(self, read: bytes) -> _Content:
        digest = hashlib.sha256(read).digest()
        if digest not in self._of_digests:
            if self._size_bytes + len(read) > self._max_bytes:
                raise self._too_large()
            self._size_bytes += len(read)
            self._of_digests[digest] = _Content(len(read), b64encode(read).decode())
        return self._of_digests[digest]

    def _too_large(self) -> RejectedError:
        return RejectedError(
            f"the attachments of the trace are larger than {self._max_bytes:,} bytes",
            cause="too_large",
        )


def _filled_span(span: SourceSpan, fill: Callable[[ReferencePlace], None]) -> SourceSpan:
    values: dict[str, Any] = {
        "inputs": span.inputs,
        "outputs": span.outputs,
        "attributes": span.attributes,
        "events": [event.attributes for event in span.events],
    }
    # Found before the first is filled: what is filled may be among what is being looked through.
    places = list(reference_places(values))
    for place in places:
        fill(place)
    if not places:
        return span
    return replace(span, inputs=values["inputs"], outputs=values["outputs"])
