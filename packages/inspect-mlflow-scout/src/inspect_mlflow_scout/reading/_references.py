"""References to attachments: where they stand in a trace, and what stands there in full."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

__all__ = ["AttachmentReference", "ReferencePlace", "attachment_reference", "reference_places"]

_SCHEME: Final = "mlflow-attachment://"
_CANONICAL_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CONTENT_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+(?:;[\w.+-]+=[\w.+\"-]+)*")

# What providers write bare base64 in, of which MLflow makes attachments
# (`LiveSpan._try_convert_structured_content` in `mlflow.entities.span` of MLflow 3.17), and what
# their dialects have beside it elsewhere.
_BARE: Final = frozenset({"b64_json", "base64", "bytes"})
_HOLDERS_OF_DATA: Final = frozenset({"audio", "inlineData", "inline_data", "input_audio"})
_FORMATS: Final = ("media_type", "mime_type", "mediaType", "mimeType", "format")


@dataclass(frozen=True, slots=True)
class AttachmentReference:
    """What stands in a span in place of a file (`mlflow.tracing.attachments.Attachment.ref`).

    Args:
        attachment_id: A canonical UUID.
        content_type: MIME type, with parameters if it has some.
        trace_id: The trace that has the file.
        size_bytes: As it is told; None when it is not.
    """

    attachment_id: str
    content_type: str
    trace_id: str
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class ReferencePlace:
    """Where a reference stands.

    Args:
        holder: A dict or list of the trace.
        key: Of the reference in it.
        reference: What stands there.
        bare: Whether base64 belongs there; otherwise a `data:` URI.
    """

    holder: Any
    key: Any
    reference: AttachmentReference
    bare: bool

    def fill(self, base64: str, data_uri: str) -> None:
        """Put the content in the place of the reference.

        Args:
            base64: The content.
            data_uri: The same as a URI.
        """
        self.holder[self.key] = base64 if self.bare else data_uri


def attachment_reference(text: str) -> AttachmentReference | None:
    """Read a text as a reference.

    Args:
        text: Any text.

    Returns:
        None for every other text, and for a reference that MLflow would not have written.
    """
    if not text.startswith(_SCHEME):
        return None
    try:
        parts = urlsplit(text)
        told = parse_qs(parts.query, max_num_fields=8)
    except ValueError:
        return None
    content_type, trace_id, size = (
        told.get(name, [""])[0] for name in ("content_type", "trace_id", "size")
    )
    known = _CANONICAL_UUID.fullmatch(parts.netloc) and _CONTENT_TYPE.fullmatch(content_type)
    if not known or not trace_id or parts.path or parts.fragment:
        return None
    is_size = re.fullmatch(r"[1-9][0-9]{0,17}", size) is not None
    return AttachmentReference(parts.netloc, content_type, trace_id, int(size) if is_size else None)


def reference_places(root: dict[str, Any]) -> Iterator[ReferencePlace]:
    """Find the references in JSON values, however deep.

    Args:
        root: Values by names.
    """
    pending: list[tuple[Any, Any]] = [(root, None)]
    # Inputs and outputs are among the attributes as well, and are the same objects there.
    seen: set[int] = set()
    while pending:
        holder, name = pending.pop()
        if id(holder) in seen:
            continue
        seen.add(id(holder))
        for key, value in holder.items() if type(holder) is dict else enumerate(holder):
            if type(value) is str:
                if value.startswith(_SCHEME):
                    reference = attachment_reference(value)
                    if reference is not None:
                        bare = _holds_base64(holder, key, name)
                        yield ReferencePlace(holder, key, reference, bare)
            elif type(value) is dict or type(value) is list:
                pending.append((value, key))


def _holds_base64(holder: Any, key: Any, name: Any) -> bool:
    """Whether base64 alone stands at a key of a dict, which stands under a name itself."""
    if type(holder) is not dict:
        return False
    if key == "result":
        return holder.get("type") == "image_generation_call"
    if key == "data":
        told = holder.get("type") == "base64" or any(each in holder for each in _FORMATS)
        return told or name in _HOLDERS_OF_DATA
    return key in _BARE
