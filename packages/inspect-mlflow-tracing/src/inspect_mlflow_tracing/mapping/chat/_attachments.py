"""Images, audio, video and documents of a chat, each kept once and referred to."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final
from urllib.parse import unquote_to_bytes, urlencode
from uuid import UUID, uuid5

from inspect_mlflow_core.connection import AttachmentRecord

__all__ = ["UNKNOWN_TYPE", "ChatAttachments", "data_uri_type", "is_data_uri"]

UNKNOWN_TYPE: Final = "application/octet-stream"
"""MIME type of what may be anything."""

# Any fixed one: it only keeps our ids apart from those that others derive from the same digests.
_NAMESPACE: Final = UUID("5b1f0f64-6a0d-5c43-9a3e-3d1f8f0c7a52")
# The part before the comma; parameters such as a charset may stand between type and encoding.
_DATA_URI_HEAD: Final = re.compile(r"data:([^,;]*)((?:;[^,;]*)*),", re.IGNORECASE)
_MIME_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+", re.ASCII)
_HEAD_CHARACTERS: Final = 300
_URL_SAFE: Final = str.maketrans("-_", "+/")


class ChatAttachments:
    """Collects the files that the chats of one trace show.

    Args:
        trace_id: Of the trace that they will belong to, 32 hexadecimal digits, with or without
            MLflow's `tr-` before them.
    """

    def __init__(self, trace_id: str) -> None:
        self._trace_id = trace_id if trace_id.startswith("tr-") else f"tr-{trace_id}"
        self._records: dict[str, AttachmentRecord] = {}
        self._references: dict[tuple[str, str], str | None] = {}

    def reference(self, content: bytes, content_type: str) -> str:
        """Keeps a file.

        Args:
            content: Its bytes.
            content_type: MIME type, which decides how MLflow shows it.

        Returns:
            The `mlflow-attachment://` URL that stands in a message where another URL would, as
            `mlflow.tracing.attachments.Attachment.ref` writes it.
        """
        attachment_id = str(uuid5(_NAMESPACE, hashlib.sha256(content).hexdigest()))
        if attachment_id not in self._records:
            self._records[attachment_id] = AttachmentRecord(attachment_id, content_type, content)
        query = urlencode(
            {"content_type": content_type, "trace_id": self._trace_id, "size": str(len(content))}
        )
        return f"mlflow-attachment://{attachment_id}?{query}"

    def data_uri_reference(self, uri: str, content_type: str = UNKNOWN_TYPE) -> str | None:
        """Keeps the content of a data URI.

        Args:
            uri: `data:<MIME type>;base64,<content>`, or with percent-encoded content.
            content_type: MIME type, used when the URI names none that says anything.

        Returns:
            See `reference`; None when nothing can be decoded.
        """
        # A conversation repeats its images as the same string, whose hash Python remembers.
        key = (uri, content_type)
        if key not in self._references:
            content = _data_uri_content(uri)
            named = data_uri_type(uri) or UNKNOWN_TYPE
            if named == UNKNOWN_TYPE and _MIME_TYPE.fullmatch(content_type):
                named = content_type
            self._references[key] = self.reference(content, named) if content else None
        return self._references[key]

    @property
    def records(self) -> tuple[AttachmentRecord, ...]:
        """What has been kept, in the order of its first use."""
        return tuple(self._records.values())


def is_data_uri(text: str) -> bool:
    """Whether a text begins like a data URI."""
    return text[:5].lower() == "data:"


def data_uri_type(uri: str) -> str | None:
    """The MIME type that a data URI names, if it is one that a browser would know."""
    head = _DATA_URI_HEAD.match(uri, 0, _HEAD_CHARACTERS)
    mime_type = head[1].strip().lower() if head else ""
    return mime_type if _MIME_TYPE.fullmatch(mime_type) else None


def _data_uri_content(uri: str) -> bytes | None:
    head = _DATA_URI_HEAD.match(uri, 0, _HEAD_CHARACTERS)
    if head is None:
        return None
    payload = uri[head.end() :]
    try:
        if not head[2].lower().endswith(";base64"):
            return unquote_to_bytes(payload)
        return _decoded_base64(payload)
    except ValueError:
        return None


def _decoded_base64(text: str) -> bytes:
    """The bytes, also of the alphabet for URLs, broken into lines, or without padding."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        text = "".join(unquote_to_bytes(text).decode("ascii").split()).translate(_URL_SAFE)
        text = text.rstrip("=")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
