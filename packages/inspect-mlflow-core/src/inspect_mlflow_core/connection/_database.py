"""Finds out quickly whether a database can be opened, before MLflow tries for minutes.

MLflow repeats a failed connection nine times with pauses that add up to 100 seconds, and the
drivers wait for an answer as long as the operating system does.
"""

from __future__ import annotations

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

    Args:
        tracking_uri: `sqlite:///path`, or any other tracking URI.
    """
    if not tracking_uri.lower().startswith("sqlite"):
        return None
    from sqlalchemy.engine import make_url

    # Only SQLAlchemy knows: since 2.1 it decodes percent signs in the path, before it does not.
    path = make_url(tracking_uri).database
    if not path or ":memory:" in path or path.startswith("file:"):
        return None
    return Path(path)
