"""Requests to servers that fail in every way that servers fail: one try, a short clear error."""

from __future__ import annotations

import base64
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from inspect_mlflow_core.connection import MetricPoint, TrackingStore, open_tracking_store
from inspect_mlflow_core.connection._http_transport import open_transport
from inspect_mlflow_core.exceptions import DeliveryError, RejectedError, RetryableError

SECRET = "s3cr3t-Pa55word"

Answer = Callable[[BaseHTTPRequestHandler], None]


class Recorded:
    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self.method, self.path = handler.command, handler.path
        self.headers = dict(handler.headers.items())
        self.body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))


class FaultyServer:
    """Answers every request as it is told to, and remembers the requests."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[Recorded] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                outer.requests.append(Recorded(self))
                answer(self)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.uri = f"http://{self.address}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> FaultyServer:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def answering(
    status: int = 200, body: Any = None, content_type: str = "application/json", **headers: str
) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def breaking_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"experiment')
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    handler.close_connection = True
    handler.connection.close()


EXPERIMENT = {"experiment": {"experiment_id": "1", "name": "x", "lifecycle_stage": "active"}}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "home"
    directory.mkdir()
    monkeypatch.setenv("HOME", str(directory))
    monkeypatch.setenv("USERPROFILE", str(directory))
    monkeypatch.delenv("NETRC", raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return directory


def failure(store: TrackingStore) -> DeliveryError:
    with pytest.raises(DeliveryError) as raised:
        store.log_batch("1", metrics=[MetricPoint("m", 1.0, 1)])
    message = str(raised.value)
    assert len(message.splitlines()) == 1
    assert SECRET not in message
    assert raised.value.__cause__ is None
    return raised.value


class TestAnswersThatAreErrors:
    @pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
    def test_trying_again_can_help(self, status: int) -> None:
        with FaultyServer(answering(status)) as server:
            error = failure(open_tracking_store(server.uri))
        assert isinstance(error, RetryableError)
        assert (error.cause, error.retry_after_seconds) == (f"http_{status}", None)
        assert not error.unreachable
        assert len(server.requests) == 1

    @pytest.mark.parametrize("status", [429, 503])
    def test_the_pause_in_seconds(self, status: int) -> None:
        with FaultyServer(answering(status, Retry_After="17")) as server:
            error = failure(open_tracking_store(server.uri))
        assert isinstance(error, RetryableError)
        assert error.retry_after_seconds == 17.0
        assert len(server.requests) == 1

    def test_the_pause_as_a_date(self) -> None:
        date = formatdate(time.time() + 60, usegmt=True)
        with FaultyServer(answering(503, Retry_After=date)) as server:
            error = failure(open_tracking_store(server.uri))
        assert isinstance(error, RetryableError)
        assert error.retry_after_seconds is not None
        assert 30 < error.retry_after_seconds <= 61

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [("-5", 0.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0), ("soon", None), ("", None)],
    )
    def test_odd_pauses(self, value: str, seconds: float | None) -> None:
        with FaultyServer(answering(503, Retry_After=value)) as server:
            error = failure(open_tracking_store(server.uri))
        assert isinstance(error, RetryableError)
        assert error.retry_after_seconds == seconds

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 422])
    def test_trying_again_cannot_help(self, status: int) -> None:
        with FaultyServer(answering(status, b"<html>no</html>", "text/html")) as server:
            error = failure(open_tracking_store(server.uri))
        assert isinstance(error, RejectedError)
        assert (error.cause, error.error_code) == (f"http_{status}", None)
        assert str(status) in str(error)
        assert len(server.requests) == 1

    def test_what_mlflow_says_is_told_in_one_line(self) -> None:
        body = {
            "error_code": "INVALID_PARAMETER_VALUE",
            "message": f"no such thing, password={SECRET}\nTraceback (most recent call last):",
        }
        with FaultyServer(answering(400, body)) as server:
            error = failure(open_tracking_store(server.uri))
        assert isinstance(error, RejectedError)
        assert error.error_code == "INVALID_PARAMETER_VALUE"
        assert "no such thing" in str(error)

    @pytest.mark.parametrize("body", [[], "text", {"message": None}, {"message": ["a"]}, b""])
    def test_errors_of_another_form(self, body: Any) -> None:
        with FaultyServer(answering(400, body)) as server:
            assert isinstance(failure(open_tracking_store(server.uri)), RejectedError)

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_redirections_are_not_followed(self, status: int) -> None:
        location = f"https://user:{SECRET}@login.example.org/path?token={SECRET}"
        with FaultyServer(answering(status, Location=location)) as server:
            error = failure(open_tracking_store(server.uri))
        assert isinstance(error, RejectedError)
        assert "https://login.example.org" in str(error)
        assert len(server.requests) == 1

    def test_a_log_in_page_is_no_success(self) -> None:
        page = b"<html><body>Please log in</body></html>"
        with FaultyServer(answering(200, page, "text/html")) as server:
            error = failure(open_tracking_store(server.uri))
            assert open_tracking_store(server.uri).check() == ""
        assert error.cause == "not_mlflow"

    @pytest.mark.parametrize(
        ("status", "expected"),
        [(500, RetryableError), (503, RetryableError), (401, RejectedError), (403, RejectedError)],
    )
    def test_the_sign_of_life_tells_of_errors(self, status: int, expected: type[Exception]) -> None:
        with FaultyServer(answering(status)) as server, pytest.raises(expected):
            open_tracking_store(server.uri).check()

    def test_servers_without_a_version_are_alive(self) -> None:
        with FaultyServer(answering(404)) as server:
            assert open_tracking_store(server.uri).check() == ""


class TestNoAnswer:
    def test_a_closed_port(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        error = failure(open_tracking_store(f"http://me:{SECRET}@127.0.0.1:{port}"))
        assert isinstance(error, RetryableError)
        assert (error.cause, error.unreachable) == ("connection", True)

    def test_a_connection_that_breaks_off(self) -> None:
        with FaultyServer(breaking_off) as server:
            error = failure(open_tracking_store(server.uri))
        assert isinstance(error, RetryableError)
        assert (error.cause, error.unreachable) == ("connection", True)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("resets", [True, False])
    def test_a_connection_that_was_closed_while_it_rested(
        self, tmp_path: Path, resets: bool
    ) -> None:
        seen: list[int] = []

        def close_after_one(handler: BaseHTTPRequestHandler) -> None:
            seen.append(handler.client_address[1])
            if seen.count(seen[-1]) == 1:
                answering()(handler)
                return
            handler.close_connection = True
            if resets:
                linger = b"\x01\0\0\0\0\0\0\0"
                handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            handler.connection.shutdown(socket.SHUT_WR)

        content = tmp_path / "content.txt"
        content.write_bytes(b"all of it")
        with FaultyServer(close_after_one) as server:
            transport = open_transport(server.uri)
            for _ in range(2):
                transport.send("POST", f"{server.uri}/json", json={"a": 1})
            with content.open("rb") as file:
                assert file.read(4) == b"all "
                transport.send("PUT", f"{server.uri}/file", data=file)
        assert len(seen) == 5
        assert len(set(seen)) == 3
        bodies = [request.body for request in server.requests]
        assert bodies == [b'{"a": 1}'] * 3 + [b"of it"] * 2

    def test_a_server_that_never_answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        module = sys.modules["inspect_mlflow_core.connection._http_store"]
        monkeypatch.setattr(module, "PROBE_TIMEOUT_SECONDS", 0.2)
        with silent_server() as uri:
            store = open_tracking_store(uri)
            with pytest.raises(RetryableError) as raised:
                store.check()
        assert (raised.value.cause, raised.value.unreachable) == ("timeout", True)

    def test_a_name_that_no_server_has(self) -> None:
        error = failure(open_tracking_store("http://nothing.invalid"))
        assert isinstance(error, RetryableError)
        assert error.unreachable

    @pytest.mark.parametrize("uri", ["http://", "http://:5000", "http://a b", "http://host:port"])
    def test_an_address_that_is_none(self, uri: str) -> None:
        assert isinstance(failure(open_tracking_store(uri)), RejectedError)

    def test_a_certificate_file_that_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", "/does/not/exist.pem")
        error = failure(open_tracking_store("https://127.0.0.1:9"))
        assert isinstance(error, RejectedError)
        assert "certificate" in str(error)

    def test_numbers_without_a_form_in_json(self) -> None:
        with FaultyServer(answering()) as server:
            store = open_tracking_store(server.uri)
            with pytest.raises(RejectedError):
                store.log_batch("1", metrics=[MetricPoint("m", float("nan"), 1)])
        assert server.requests == []


@contextmanager
def silent_server() -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def authorization(uri: str, server: FaultyServer) -> str | None:
    store = open_tracking_store(uri)
    assert store.get_experiment_by_name("x") is not None
    assert SECRET not in repr(store)
    return server.requests[-1].headers.get("Authorization")


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


class TestCredentials:
    @pytest.fixture
    def server(self) -> Iterator[FaultyServer]:
        with FaultyServer(answering(200, EXPERIMENT)) as server:
            yield server

    def test_none(self, server: FaultyServer) -> None:
        assert authorization(server.uri, server) is None

    def test_user_name_and_password(
        self, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "Jürgen 日本")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", SECRET)
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "unused")
        assert authorization(server.uri, server) == basic("Jürgen 日本", SECRET)

    def test_the_credentials_file(self, server: FaultyServer, home: Path) -> None:
        (home / ".mlflow").mkdir()
        (home / ".mlflow" / "credentials").write_text(
            f"[mlflow]\nmlflow_tracking_username = me\nmlflow_tracking_password = %{SECRET}\n"
        )
        assert authorization(server.uri, server) == basic("me", f"%{SECRET}")

    def test_a_broken_credentials_file_is_as_none(
        self, server: FaultyServer, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (home / ".mlflow").mkdir()
        (home / ".mlflow" / "credentials").write_bytes(b"\xff\xfe no section")
        assert authorization(server.uri, server) is None
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", SECRET)
        assert authorization(server.uri, server) == basic("me", SECRET)

    def test_a_token(
        self, server: FaultyServer, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", SECRET)
        (home / ".netrc").write_text("machine 127.0.0.1 login other password other\n")
        (home / ".netrc").chmod(0o600)
        assert authorization(server.uri, server) == f"Bearer {SECRET}"

    def test_a_token_with_a_line_break_is_not_sent(
        self, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", f"{SECRET}\nX-Other: 1")
        failure(open_tracking_store(server.uri))

    def test_credentials_in_the_address(
        self, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "other")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "other")
        uri = f"http://m%40e:{SECRET}%2F@{server.address}/"
        assert authorization(uri, server) == basic("m@e", f"{SECRET}/")

    def test_the_workspace(self, server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_WORKSPACE", "team")
        authorization(server.uri, server)
        assert server.requests[-1].headers["X-MLFLOW-WORKSPACE"] == "team"

    def test_a_prefix_of_the_path_is_kept(self, server: FaultyServer) -> None:
        authorization(f"{server.uri}/behind/a/proxy/", server)
        assert server.requests[-1].path.startswith("/behind/a/proxy/api/2.0/mlflow/")

    @pytest.mark.parametrize("uri", ["http://me:{}@{}", "http://{}@{}"])
    def test_no_secret_of_the_address_is_shown(self, uri: str) -> None:
        with FaultyServer(answering(500)) as server:
            store = open_tracking_store(uri.format(SECRET, server.address))
            failure(store)
            assert SECRET not in repr(store)
            transport = getattr(store, "transport", None)
            assert transport is not None
            assert SECRET not in repr(transport)


class TestWhatOnlyMlflowCanSign:
    @pytest.fixture(params=["MLFLOW_TRACKING_AWS_SIGV4=true", "MLFLOW_TRACKING_AUTH=plugin"])
    def setting(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        name, _, value = request.param.partition("=")
        monkeypatch.setenv(name, value)

    def test_goes_through_mlflow(self, setting: None) -> None:
        store = open_tracking_store(f"http://me:{SECRET}@127.0.0.1:9")
        transport = getattr(store, "transport", None)
        assert type(transport).__name__ == "MlflowTransport"
        assert SECRET not in repr(store)
        assert SECRET not in repr(transport)

    @pytest.fixture
    def plugin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # As if a package with a provider of headers were installed; it adds none here.
        installed = metadata.entry_points

        def entry_points(**selection: Any) -> Any:
            if selection.get("group") == "mlflow.request_header_provider":
                return [metadata.EntryPoint("any", "any:Provider", selection["group"])]
            return installed(**selection)

        module = sys.modules["inspect_mlflow_core.connection._http_transport"]
        monkeypatch.setattr(module, "entry_points", entry_points)

    def test_plugins_that_add_headers_go_through_mlflow(self, plugin: None) -> None:
        with FaultyServer(answering(200, EXPERIMENT)) as server:
            store = open_tracking_store(server.uri)
            assert type(getattr(store, "transport", None)).__name__ == "MlflowTransport"
            assert store.get_experiment_by_name("x") is not None
        assert len(server.requests) == 1

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_it_does_not_try_again_either(self, plugin: None, status: int) -> None:
        with FaultyServer(answering(status, Retry_After="2")) as server:
            error = failure(open_tracking_store(server.uri))
        assert isinstance(error, RetryableError)
        assert (error.cause, error.retry_after_seconds) == (f"http_{status}", 2.0)
        assert len(server.requests) == 1

    def test_no_answer_is_told_the_same(self, plugin: None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        error = failure(open_tracking_store(f"http://me:{SECRET}@127.0.0.1:{port}"))
        assert isinstance(error, RetryableError)
        assert error.unreachable


class TestSizeOfRequests:
    @pytest.mark.parametrize(
        ("metrics", "params", "tags"),
        [
            (2_500, 250, 250),
            (1_000, 0, 0),
            (0, 101, 99),
            (1, 1, 1),
            (995, 3, 3),
        ],
    )
    @pytest.mark.parametrize("letter", ["x", "я", "😀", "\x01"])
    def test_requests_stay_within_the_limits_and_lose_nothing(
        self, letter: str, metrics: int, params: int, tags: int
    ) -> None:
        points = [
            MetricPoint(letter * 120 + str(n % 50), -1.234567890123e-300, 1_700_000_000_000, n)
            for n in range(metrics)
        ]
        long_params = {f"p{n}": letter * 3_000 for n in range(params)}
        long_tags = {f"t{n}": letter * 2_000 for n in range(tags)}
        with FaultyServer(answering()) as server:
            open_tracking_store(server.uri).log_batch(
                "0" * 32, metrics=points, params=long_params, tags=long_tags
            )
        sent = [json.loads(request.body) for request in server.requests]
        assert all(len(request.body) <= 1_000_000 for request in server.requests)
        for body in sent:
            counts = [len(body[kind]) for kind in ("metrics", "params", "tags")]
            assert counts[1] <= 100 and counts[2] <= 100 and sum(counts) <= 1_000
        assert [m["step"] for body in sent for m in body["metrics"]] == list(range(metrics))
        assert {p["key"]: p["value"] for body in sent for p in body["params"]} == long_params
        assert {t["key"]: t["value"] for body in sent for t in body["tags"]} == long_tags
