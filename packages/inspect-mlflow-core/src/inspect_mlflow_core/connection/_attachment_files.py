"""Puts the attachments of traces where MLflow looks for them."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from inspect_mlflow_core.exceptions import RejectedError

from ._artifact_files import copy_to_local_root, local_artifact_root, upload_with_mlflow
from ._trace_records import AttachmentRecord

# `upload_attachment` of MLflow's artifact repositories.
ATTACHMENTS_FOLDER = "attachments"
_CANONICAL_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def attachment_name(attachment_id: str) -> str:
    """Return the file name under which MLflow looks for an attachment.

    Args:
        attachment_id: The attachment's id.

    Raises:
        RejectedError: It is not one that MLflow takes (cause `"attachment_id"`).
    """
    if not _CANONICAL_UUID.fullmatch(attachment_id):
        raise RejectedError(
            "the id of a trace attachment is not a canonical UUID", cause="attachment_id"
        )
    return attachment_id


def store_attachment(
    artifact_location: str, tracking_uri: str, attachment: AttachmentRecord
) -> None:
    """Store an attachment where no server stands in between.

    Args:
        artifact_location: As `TraceStore.start_trace` returned it.
        tracking_uri: The tracking store.
        attachment: The attachment.

    Raises:
        RetryableError: The store did not take the file now.
        RejectedError: There is no such place, or it cannot be written.
    """
    if not artifact_location:
        raise RejectedError(
            "MLflow did not say where the attachments of the trace belong", cause="artifact_store"
        )
    root = local_artifact_root(artifact_location)
    with TemporaryDirectory() as directory:
        path = Path(directory, attachment_name(attachment.attachment_id))
        path.write_bytes(attachment.content)
        if root is not None:
            copy_to_local_root(root, path, ATTACHMENTS_FOLDER)
        else:
            upload_with_mlflow(artifact_location, tracking_uri, path, ATTACHMENTS_FOLDER)
