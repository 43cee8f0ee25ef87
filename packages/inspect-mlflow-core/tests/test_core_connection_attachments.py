"""Attachments of traces are read from where MLflow put them, and from nowhere else."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from inspect_mlflow_core.connection import (
    AttachmentRecord,
    TraceAttachments,
    TraceRecord,
    ensure_experiment,
    open_trace_store,
    open_tracking_store,
)
from inspect_mlflow_core.exceptions import RejectedError, RetryableError
from inspect_mlflow_core.testing import faulty_proxy
from inspect_mlflow_core.testing.marks import needs_traces

CONTENT = bytes(range(256)) * 1000
MAX = 10**6


@pytest.fixture(params=["sqlite", "server"])
def uri(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(f"{request.param}_uri")
    return found


@pytest.fixture
def identifier() -> str:
    return str(uuid.uuid4())


def stored(uri: str, attachment_id: str) -> str:
    """Put an attachment beside a new trace, and return where the trace says that it is."""
    store = open_trace_store(uri)
    experiment_id = ensure_experiment(open_tracking_store(uri), "attachments")
    location = store.start_trace(
        TraceRecord(
            trace_id=uuid.uuid4().hex,
            experiment_id=experiment_id,
            state="OK",
            request_time_ms=1_790_000_000_000,
            execution_duration_ms=1,
            request_preview="",
            response_preview="",
        )
    )
    store.upload_trace_attachment(location, AttachmentRecord(attachment_id, "image/png", CONTENT))
    return location


class Anyone:
    """A server that answers everything, and what it was asked.

    Args:
        uri: Its address.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.requests: list[tuple[str, dict[str, str]]] = []


@contextmanager
def answering(
    status: int = 200, body: bytes = b"taken", content_type: str = "application/octet-stream"
) -> Iterator[Anyone]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            anyone.requests.append((self.path, dict(self.headers)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", content_type)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            del arguments

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        anyone = Anyone(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield anyone
        finally:
            server.shutdown()
            thread.join()


@needs_traces
def test_what_was_stored_is_read(uri: str, identifier: str) -> None:
    location = stored(uri, identifier)
    attachments = TraceAttachments(uri)
    for max_bytes in (MAX, len(CONTENT)):
        assert attachments.read(location, identifier, max_bytes=max_bytes) == CONTENT


@needs_traces
def test_no_more_is_read_than_is_wanted(uri: str, identifier: str) -> None:
    location = stored(uri, identifier)
    with pytest.raises(RejectedError, match="larger than 255,999 bytes") as caught:
        TraceAttachments(uri).read(location, identifier, max_bytes=len(CONTENT) - 1)
    assert caught.value.cause == "too_large"


@needs_traces
def test_one_that_is_not_there(uri: str, identifier: str) -> None:
    location = stored(uri, identifier)
    with pytest.raises(RejectedError) as caught:
        TraceAttachments(uri).read(location, str(uuid.uuid4()), max_bytes=MAX)
    assert caught.value.cause in ("not_found", "http_404")


@pytest.mark.parametrize("name", ["../../secret", "", "A" * 36, "*"])
def test_only_canonical_ids_are_read(uri: str, tmp_path: Path, name: str) -> None:
    for location in (tmp_path.as_uri(), "mlflow-artifacts:/1/traces"):
        with pytest.raises(RejectedError) as caught:
            TraceAttachments(uri).read(location, name, max_bytes=MAX)
        assert caught.value.cause == "attachment_id"


def test_a_trace_that_does_not_say_where(uri: str, identifier: str) -> None:
    with pytest.raises(RejectedError) as caught:
        TraceAttachments(uri).read("", identifier, max_bytes=MAX)
    assert caught.value.cause == "artifact_store"


def test_a_place_that_cannot_be_read(tmp_path: Path, sqlite_uri: str, identifier: str) -> None:
    (tmp_path / "attachments" / identifier).mkdir(parents=True)
    with pytest.raises(RejectedError) as caught:
        TraceAttachments(sqlite_uri).read(str(tmp_path), identifier, max_bytes=MAX)
    assert caught.value.cause in ("artifact_store", "not_found")


@pytest.mark.parametrize("location", ["{uri}/1", "mlflow-artifacts://{host}/1"])
@pytest.mark.parametrize("tracking", ["sqlite", "http"])
def test_no_other_server_is_asked(
    sqlite_uri: str,
    identifier: str,
    monkeypatch: pytest.MonkeyPatch,
    location: str,
    tracking: str,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret-token")
    with answering() as anyone, answering() as own:
        place = location.format(uri=anyone.uri, host=anyone.uri.removeprefix("http://"))
        uri = sqlite_uri if tracking == "sqlite" else own.uri
        with pytest.raises(RejectedError) as caught:
            TraceAttachments(uri).read(place, identifier, max_bytes=MAX)
    assert caught.value.cause == "other_server"
    assert anyone.requests == own.requests == []


@pytest.mark.parametrize("suffix", ["?path=", "?", "#", "#part"])
def test_a_location_cannot_choose_another_question(identifier: str, suffix: str) -> None:
    with answering() as own, pytest.raises(RejectedError) as caught:
        TraceAttachments(own.uri).read(f"{own.uri}/api{suffix}", identifier, max_bytes=MAX)
    assert (caught.value.cause, own.requests) == ("other_server", [])


@pytest.mark.parametrize(
    "location",
    ["mlflow-artifacts:/1/traces", "mlflow-artifacts://{host}/1/traces", "{uri}{path}/1/traces"],
)
def test_the_own_server_gets_the_credentials(
    identifier: str, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret-token")
    path = "/api/2.0/mlflow-artifacts/artifacts"
    with answering() as own:
        host = own.uri.removeprefix("http://")
        place = location.format(uri=own.uri, host=host, path=path)
        assert TraceAttachments(own.uri).read(place, identifier, max_bytes=MAX) == b"taken"
    ((asked, headers),) = own.requests
    assert asked == f"{path}/1/traces/attachments/{identifier}"
    assert headers["Authorization"] == "Bearer secret-token"


def test_credentials_of_the_uri_are_in_no_text(identifier: str) -> None:
    with answering(503) as own:
        uri = own.uri.replace("http://", "http://me:hunter2@")
        attachments = TraceAttachments(uri)
        with pytest.raises(RetryableError) as caught:
            attachments.read("mlflow-artifacts:/1", identifier, max_bytes=MAX)
        with pytest.raises(RejectedError) as refused:
            attachments.read("http://you:hunter2@elsewhere/1", identifier, max_bytes=MAX)
    assert own.requests[0][1]["Authorization"].startswith("Basic ")
    for told in (repr(attachments), str(caught.value), str(refused.value)):
        assert "hunter2" not in told


def test_the_page_of_a_proxy_is_no_attachment(identifier: str) -> None:
    html = "text/html; charset=utf-8"
    with answering(200, b"<p>Log in</p>", html) as own, pytest.raises(RetryableError) as caught:
        TraceAttachments(own.uri).read("mlflow-artifacts:/1", identifier, max_bytes=MAX)
    assert caught.value.cause == "not_mlflow"


@needs_traces
def test_a_server_that_does_not_answer(server_uri: str, identifier: str) -> None:
    location = stored(server_uri, identifier)
    with faulty_proxy(server_uri) as (uri, fault):
        attachments = TraceAttachments(uri)
        for broken, cause in (("reset", "connection"), ("503", "http_503")):
            fault.broken = broken
            with pytest.raises(RetryableError) as caught:
                attachments.read(location, identifier, max_bytes=MAX)
            assert caught.value.cause == cause
        fault.broken = None
        assert attachments.read(location, identifier, max_bytes=MAX) == CONTENT


def test_other_stores_are_read_by_mlflow(
    tmp_path: Path, uri: str, identifier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.store.artifact import artifact_repository_registry as registry
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    def repository(place: str, *arguments: Any, **options: Any) -> LocalArtifactRepository:
        del arguments, options
        if "broken" in place:
            raise OSError("no access with key AKIAIOSFODNN7EXAMPLE")
        if "client" in place:
            raise ModuleNotFoundError("No module named 'shelf'", name="shelf")
        return LocalArtifactRepository(tmp_path.as_uri())

    known = registry._artifact_repository_registry._registry
    monkeypatch.setitem(known, "shelf", repository)
    path = tmp_path / "attachments" / identifier
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    attachments = TraceAttachments(uri)
    assert attachments.read("shelf://one/1", identifier, max_bytes=MAX) == CONTENT
    with pytest.raises(RejectedError) as caught:
        attachments.read("shelf://one/1", identifier, max_bytes=len(CONTENT) - 1)
    assert caught.value.cause == "too_large"
    with pytest.raises(RejectedError, match="needs a package that is not installed here: shelf"):
        attachments.read("shelf://client/1", identifier, max_bytes=MAX)
    with pytest.raises(RetryableError) as failed:
        attachments.read("shelf://broken/1", identifier, max_bytes=MAX)
    assert str(failed.value) == (
        f"the shelf artifact store did not give attachments/{identifier} (OSError)"
    )
