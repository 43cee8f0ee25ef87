"""A provider of language models on loopback, which answers what it was told to, in order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class FakeProvider:
    """What was asked of it, and what it still has to answer.

    Args:
        url: Where it listens, without a path.
        replies: `{"status": int, "body": JSON}`, or `{"events": [JSON]}` for a stream.
        requests: The bodies of the requests that came.
    """

    url: str
    replies: list[dict[str, Any]]
    requests: list[Any] = field(default_factory=list)


@contextmanager
def serving(replies: Sequence[dict[str, Any]]) -> Iterator[FakeProvider]:
    """Answer requests until the block ends.

    Args:
        replies: See `FakeProvider`; one for each request.

    Yields:
        The provider.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    provider = FakeProvider(f"http://127.0.0.1:{server.server_port}", list(replies))
    server.provider = provider  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        provider: FakeProvider = self.server.provider  # type: ignore[attr-defined]
        provider.requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        if not provider.replies:
            self._answer(500, "application/json", b'{"error": {"message": "nothing more to say"}}')
            return
        reply = provider.replies.pop(0)
        if "events" in reply:
            self._answer(200, "text/event-stream", _event_stream(reply["events"]))
        else:
            body = json.dumps(reply["body"]).encode()
            self._answer(reply.get("status", 200), "application/json", body)

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: the program's output is for its result."""


def _event_stream(events: Sequence[dict[str, Any]]) -> bytes:
    lines = []
    for event in events:
        if "type" in event:
            lines.append(f"event: {event['type']}")
        lines += [f"data: {json.dumps(event)}", ""]
    # OpenAI's chat streams, whose chunks have no type, end in words.
    if events and "type" not in events[-1]:
        lines += ["data: [DONE]", ""]
    return "\n".join([*lines, ""]).encode()
