"""A real `mlflow server` on loopback."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ._environment import clean_environment

START_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class MlflowServer:
    """A server that is running.

    Args:
        uri: Its tracking URI.
        process: Its process.
    """

    uri: str
    process: subprocess.Popen[bytes]


@contextmanager
def running_server(database: Path, directory: Path, *, port: int = 0) -> Iterator[MlflowServer]:
    """Run `mlflow server` on a migrated database until the block ends.

    Args:
        database: SQLite file.
        directory: For artifacts and the server's output.
        port: 0 for a free one.

    Yields:
        The server, once it answers.
    """
    port = port or free_port()
    uri = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{database}"]
    command += ["--artifacts-destination", str(directory / "artifacts")]
    log_path = directory / "server.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            cwd=directory,
            env=clean_environment(),
            start_new_session=True,
        )
        try:
            _wait(uri, process, log_path)
            yield MlflowServer(uri, process)
        finally:
            _stop(process)


def _wait(uri: str, process: subprocess.Popen[bytes], log_path: Path) -> None:
    import requests as http

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"mlflow server ended: {log_path.read_text()[-2000:]}")
        try:
            if http.get(f"{uri}/version", timeout=2).ok:
                return
        except http.RequestException:
            time.sleep(0.1)
    raise RuntimeError(f"mlflow server did not answer: {log_path.read_text()[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    import psutil

    # The server's workers are processes of their own, which outlive it when only it is ended.
    try:
        workers = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        workers = []
    process.terminate()
    for worker in workers:
        try:
            worker.terminate()
        except psutil.NoSuchProcess:
            continue
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=10)


def free_port() -> int:
    """Return a port of loopback on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
