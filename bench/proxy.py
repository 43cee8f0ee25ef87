"""Ports of loopback that stand between an evaluation and its server: one counts, one is silent."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from priority import let_thread_give_way


@dataclass(slots=True)
class Traffic:
    """What went through a proxy.

    Args:
        requests: Requests that were sent on to the server.
        sent_bytes: Their heads and bodies.
        endpoints: How many of them went to each method and path.
    """

    requests: int = 0
    sent_bytes: int = 0
    endpoints: dict[str, int] = field(default_factory=dict)

    def count(self, head: bytes, body: bytes) -> None:
        """Count one request."""
        self.requests += 1
        self.sent_bytes += len(head) + len(body)
        endpoint = " ".join(head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")[:2])
        self.endpoints[endpoint] = self.endpoints.get(endpoint, 0) + 1


_EMPTY_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
_TRACES = (b"POST /api/3.0/mlflow/traces HTTP", b"POST /v1/traces HTTP")


class CountingProxy:
    """An HTTP/1.1 proxy for one server that counts requests and holds back every response.

    Bodies are passed on whole, so a request counts when all of it has arrived. Each connection of
    the client has a connection of its own to the server, so keep-alive behaves as without a proxy.

    Args:
        server_uri: Where the server is.
        delay_seconds: How long every response is held back: a round trip to a distant server.
        takes_traces: Whether it takes what is written of traces itself, in the server's place.
    """

    def __init__(self, server_uri: str, delay_seconds: float, *, takes_traces: bool) -> None:
        address = urlsplit(server_uri)
        self._server = (address.hostname or "127.0.0.1", address.port or 80)
        self._delay_seconds = delay_seconds
        self._taken = _TRACES if takes_traces else ()
        self.traffic = Traffic()
        self.uri = ""

    async def start(self) -> None:
        """Listen on a free port; `uri` says which."""
        listening = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.uri = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(*self._server)
        try:
            while True:
                head, body = await _next_request(reader, upstream_reader)
                self.traffic.count(head, body)
                if head.startswith(self._taken):
                    await asyncio.sleep(self._delay_seconds)
                    writer.write(_EMPTY_ANSWER + b"{}")
                    await writer.drain()
                    continue
                upstream_writer.write(head + body)
                bodiless = head.startswith(b"HEAD ")
                answer_head, answer_body = await _read_message(upstream_reader, bodiless=bodiless)
                await asyncio.sleep(self._delay_seconds)
                writer.write(answer_head + answer_body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # Either side has closed the connection, as it may between two requests.
        finally:
            upstream_writer.close()
            writer.close()


async def _next_request(
    reader: asyncio.StreamReader, upstream_reader: asyncio.StreamReader
) -> tuple[bytes, bytes]:
    """Wait for a request; a server that closes the connection meanwhile closes the client's."""
    request = asyncio.ensure_future(_read_message(reader))
    closed = asyncio.ensure_future(upstream_reader.read(1))
    await asyncio.wait({request, closed}, return_when=asyncio.FIRST_COMPLETED)
    if closed.done() and not request.done():
        request.cancel()
        raise ConnectionError("the server has closed the connection")
    closed.cancel()
    with suppress(asyncio.CancelledError):
        await closed
    return await request


async def _read_message(
    reader: asyncio.StreamReader, *, bodiless: bool = False
) -> tuple[bytes, bytes]:
    """Read one request or response: its head with the empty line, and its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    if b"100-continue" in head.lower() or head.startswith(b"HTTP/1.1 100"):
        raise ConnectionError("this proxy does not speak Expect: 100-continue")
    fields = dict(_fields(head))
    if bodiless or head.startswith((b"HTTP/1.1 204", b"HTTP/1.1 304")):
        return head, b""
    if fields.get("transfer-encoding", "").lower() == "chunked":
        return head, await _read_chunks(reader)
    return head, await reader.readexactly(int(fields.get("content-length", 0)))


def _fields(head: bytes) -> Iterator[tuple[str, str]]:
    for line in head.decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        yield name.strip().lower(), value.strip()


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    content = b""
    while True:
        size_line = await reader.readuntil(b"\r\n")
        size_bytes = int(size_line.split(b";")[0], 16)
        content += size_line + await reader.readexactly(size_bytes + 2)
        if size_bytes == 0:
            return content


async def _end_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def counting_proxy(
    server_uri: str,
    delay_seconds: float = 0.0,
    *,
    takes_traces: bool = False,
    gives_way: bool = False,
) -> Iterator[CountingProxy]:
    """Run a `CountingProxy` in a thread until the block ends.

    Args:
        server_uri: See `CountingProxy`.
        delay_seconds: See there.
        takes_traces: See there.
        gives_way: Whether it works only while nothing else wants to: a network, for which it
            stands, takes no processor from an evaluation.
    """
    proxy = CountingProxy(server_uri, delay_seconds, takes_traces=takes_traces)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="bench-proxy", daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(proxy.start(), loop).result()
    if gives_way and thread.native_id is not None:
        let_thread_give_way(thread.native_id)
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_end_tasks(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def silent_port() -> Iterator[str]:
    """Listen, let the kernel accept every connection, and never answer; yields the URI."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def closed_port() -> Iterator[str]:
    """Yield the URI of a port on which nothing listens, and which nobody else is given."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"
