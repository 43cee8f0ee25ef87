"""What stands before a real server or a real store, and fails as it is told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

_PASSED_ON: Final = ("Content-Type", "x-mlflow-experiment-id")
_PATIENCE_SECONDS: Final = 30


class Fault:
    """Says which requests are answered wrongly, until all are passed on to the real server.

    Args:
        real_uri: The tracking URI of the real server.

    Attributes:
        broken: How to fail: a status code as text, `"reset"` for a connection that breaks off, or
            `"old"` for a server that knows no traces; None to pass everything on.
        remaining: How many requests still fail.
        paths: Of all requests so far.
    """

    def __init__(self, real_uri: str) -> None:
        self.real_uri = real_uri
        self.broken: str | None = None
        self.remaining = 10**9
        self.paths: list[str] = []

    def wants(self, path: str) -> str | None:
        """Take note of a request, and say how it fails; None when it does not.

        Args:
            path: What is asked for.
        """
        self.paths.append(path)
        if self.broken is None or self.remaining <= 0:
            return None
        self.remaining -= 1
        return self.broken


class FaultyStore:
    """A real store of which some calls fail.

    Args:
        store: Does the work.
        fail: Called before each call with its name and its positional arguments; raises what
            shall go wrong, or takes its time.

    Attributes:
        calls: Name and number of positional arguments of each call so far.
    """

    def __init__(self, store: Any, fail: Callable[[str, tuple[Any, ...]], None]) -> None:
        self._store, self._fail = store, fail
        self.calls: list[tuple[str, int]] = []

    def __getattr__(self, name: str) -> Any:
        """Return what the real store has under that name."""
        found = getattr(self._store, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            self.calls.append((name, len(arguments)))
            self._fail(name, arguments)
            return found(*arguments, **named)

        return call


@contextmanager
def faulty_proxy(real_uri: str) -> Iterator[tuple[str, Fault]]:
    """Pass requests on to a server, save those that are to fail, until the block ends.

    Args:
        real_uri: The tracking URI of the server.

    Yields:
        The tracking URI to use instead, and what decides which requests fail; none at first.
    """
    fault = Fault(real_uri)
    handler = type("Handler", (_Handler,), {"fault": fault})
    listener = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_address[1]}", fault
    finally:
        listener.shutdown()
        listener.server_close()


class _Handler(BaseHTTPRequestHandler):
    fault: Fault

    def _handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        wanted = self.fault.wants(self.path)
        if wanted == "reset":
            self.connection.shutdown(socket.SHUT_RDWR)
        elif wanted == "old":
            self._answer_as_an_old_server(body)
        elif wanted is not None:
            self._answer(int(wanted), b"")
        else:
            self._pass_on(body)

    do_GET = do_POST = do_PUT = do_PATCH = _handle_any

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the output of tests free of requests."""

    def _answer_as_an_old_server(self, body: bytes) -> None:
        if self.path.endswith("/version"):
            self._answer(200, b"3.5.0")
        elif "traces" in self.path:
            self._answer(404, b"")
        else:
            self._pass_on(body)

    def _pass_on(self, body: bytes) -> None:
        import requests as http

        response = http.request(
            self.command,
            self.fault.real_uri + self.path,
            data=body,
            timeout=_PATIENCE_SECONDS,
            headers={name: self.headers[name] for name in _PASSED_ON if name in self.headers},
        )
        self._answer(response.status_code, response.content)

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "0")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
