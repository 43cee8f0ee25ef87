"""Shows a tracking store in the browser."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable
from contextlib import suppress

_USUAL_PORT = 5000
_START_SECONDS = 60.0


def open_in_browser(tracking_uri: str, *, say: Callable[[str], None]) -> None:
    """Open a server's page; for any other store, run `mlflow ui` until Ctrl-C.

    Args:
        tracking_uri: The server or store.
        say: Gets a line that says where the page is.
    """
    if tracking_uri.startswith(("http://", "https://")):
        webbrowser.open(tracking_uri)
        return
    port = free_port(_USUAL_PORT)
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", str(port)]
    # In a session of its own, so that its workers can be ended together with it.
    process = subprocess.Popen(
        [*command, "--backend-store-uri", tracking_uri], start_new_session=True
    )
    try:
        if _answers(port, process):
            say(f"MLflow is at {address}; Ctrl-C ends it.")
            webbrowser.open(address)
            process.wait()
    except KeyboardInterrupt:
        say("")
    finally:
        _end(process)


def free_port(preferred: int) -> int:
    """Return the preferred port of loopback, or another one when it is taken."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return preferred


def _end(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
    else:
        process.terminate()
    process.wait()


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Wait until something listens; False when the process has ended instead."""
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.2)
    return False
