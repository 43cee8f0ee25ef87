"""Reads the attachments of traces from where MLflow put them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from inspect_mlflow_core.conversion import mask_uri
from inspect_mlflow_core.exceptions import RejectedError

from ._artifact_files import download_with_mlflow, local_artifact_root, read_within
from ._attachment_files import ATTACHMENTS_FOLDER, attachment_name
from ._open import tracking_uri_kind

if TYPE_CHECKING:
    from ._http_transport import Transport

_BEHIND_SERVERS = ("http", "https", "mlflow-artifacts")


class TraceAttachments:
    """Reads attachments of traces; may be used from several threads.

    Where they lie is told by a tag of the trace, which any program may have written: credentials
    are sent to no server but that of the tracking URI.

    Args:
        tracking_uri: As in `MLFLOW_TRACKING_URI`.
    """

    def __init__(self, tracking_uri: str) -> None:
        self.tracking_uri = tracking_uri
        self._transport: Transport | None = None

    def __repr__(self) -> str:
        """Name the store without its credentials."""
        return f"TraceAttachments({mask_uri(self.tracking_uri)!r})"

    def read(self, artifact_location: str, attachment_id: str, *, max_bytes: int) -> bytes:
        """Return the content of an attachment.

        Args:
            artifact_location: The trace's tag `mlflow.artifactLocation`.
            attachment_id: A canonical UUID.
            max_bytes: The most that is read.

        Raises:
            RetryableError: The store does not give it now.
            RejectedError: It is not there (causes `"not_found"`, `"http_404"`), is larger (cause
                `"too_large"`), lies behind another server (cause `"other_server"`), or cannot be
                read.
        """
        name = attachment_name(attachment_id)
        if not artifact_location:
            raise RejectedError(
                "MLflow does not say where the attachments of the trace are",
                cause="artifact_store",
            )
        if urlsplit(artifact_location).scheme in _BEHIND_SERVERS:
            return self._from_server(artifact_location, name, max_bytes)
        root = local_artifact_root(artifact_location)
        if root is not None:
            return read_within(root / ATTACHMENTS_FOLDER / name, max_bytes)
        return download_with_mlflow(
            artifact_location, self.tracking_uri, f"{ATTACHMENTS_FOLDER}/{name}", max_bytes
        )

    def _from_server(self, artifact_location: str, name: str, max_bytes: int) -> bytes:
        if tracking_uri_kind(self.tracking_uri) != "http":
            _raise_other_server(artifact_location)
        from ._http_api import not_mlflow
        from ._http_transport import UPLOAD_TIMEOUT_SECONDS, content_within, raise_for_answer

        transport = self._opened()
        response = transport.send(
            "GET",
            f"{_own_url(transport.host, artifact_location)}/{ATTACHMENTS_FOLDER}/{name}",
            read_timeout_seconds=UPLOAD_TIMEOUT_SECONDS,
            stream=True,
        )
        with response:
            raise_for_answer(response, "the download of a trace attachment")
            # MLflow guesses types by endings of file names, of which these have none.
            if response.headers.get("Content-Type", "").startswith("text/html"):
                raise not_mlflow(transport.host)
            return content_within(response, max_bytes, transport.host)

    def _opened(self) -> Transport:
        if self._transport is None:
            from ._http_transport import open_transport

            self._transport = open_transport(self.tracking_uri)
        return self._transport


def _own_url(host: str, artifact_location: str) -> str:
    """The URL of a place behind the server of the tracking URI; no other is asked."""
    from ._http_api import proxied_artifact_url
    from ._http_credentials import without_credentials

    parts, plain = urlsplit(artifact_location), without_credentials(host)[0]
    if "?" in artifact_location or "#" in artifact_location:
        _raise_other_server(artifact_location)
    if parts.scheme == "mlflow-artifacts":
        if parts.netloc not in ("", urlsplit(plain).netloc):
            _raise_other_server(artifact_location)
        return str(proxied_artifact_url(host, f"mlflow-artifacts:{parts.path}"))
    place = artifact_location.rstrip("/")
    if not place.startswith(f"{plain}/"):
        _raise_other_server(artifact_location)
    return f"{host}{place.removeprefix(plain)}"


def _raise_other_server(artifact_location: str) -> NoReturn:
    raise RejectedError(
        f"the attachments of the trace lie behind another server, {mask_uri(artifact_location)};"
        " read it through that one",
        cause="other_server",
    )
