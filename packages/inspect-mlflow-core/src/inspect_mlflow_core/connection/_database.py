"""Finds out quickly whether a database can be opened, before MLflow tries for minutes.

MLflow repeats a failed connection nine times with pauses that add up to 100 seconds, and the
drivers wait for an answer as long as the operating system does.
"""

from __future__ import annotations

import re
import socket
from pathlib import Path
from urllib.parse import unquote, urlsplit

DATABASE_SCHEMES = ("sqlite", "postgresql", "mysql", "mssql")
CONNECT_TIMEOUT_SECONDS = 3.0

_DEFAULT_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


def check_database(tracking_uri: str) -> None:
    """Open and close one connection to a database.

    Args:
        tracking_uri: SQLAlchemy's URL of a database. The directory of an SQLite file is created
            if it is missing, as newer versions of MLflow do.

    Raises:
        OSError: Nothing listens there, or the directory cannot be created.
        ImportError: The driver is not installed.
        Exception: What the driver raises, for example for a wrong password.
    """
    from mlflow.store.db.utils import create_sqlalchemy_engine

    # Finds out whether the driver is installed.
    engine = create_sqlalchemy_engine(tracking_uri)
    try:
        _check_place(tracking_uri)
        engine.connect().close()
    finally:
        engine.dispose()


def _check_place(tracking_uri: str) -> None:
    parts = urlsplit(tracking_uri)
    dialect = parts.scheme.split("+")[0].lower()
    if dialect == "sqlite":
        path = sqlite_path(tracking_uri)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        return
    try:
        host, port = parts.hostname, parts.port or _DEFAULT_PORTS.get(dialect)
    except ValueError:
        # Several hosts, or a form of its driver's own.
        return
    if host and port and "," not in parts.netloc:
        socket.create_connection((unquote(host), port), CONNECT_TIMEOUT_SECONDS).close()


def sqlite_path(tracking_uri: str) -> Path | None:
    """Return the file of an SQLite database; None when it is in memory or a URI of SQLite's own.

    SQLAlchemy takes everything after `sqlite:///` up to a question mark for the path, as it is.

    Args:
        tracking_uri: `sqlite:///path`.
    """
    match = re.fullmatch(r"sqlite(?:\+\w+)?:///([^?]+)(?:\?.*)?", tracking_uri, re.DOTALL)
    if match is None or ":memory:" in match[1] or match[1].startswith("file:"):
        return None
    return Path(match[1])
