"""The credentials with which a server is spoken to."""

from __future__ import annotations

import configparser
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

if TYPE_CHECKING:
    import requests

CONCURRENT_REQUESTS = 12
"""Most requests that may be under way at a time, each on a connection that is kept."""


def environment_needs_mlflow() -> bool:
    """Say whether variables ask for credentials that only MLflow's own client can make."""
    sigv4 = os.environ.get("MLFLOW_TRACKING_AWS_SIGV4", "").lower() in ("1", "true")
    return sigv4 or bool(os.environ.get("MLFLOW_TRACKING_AUTH"))


def without_credentials(host: str) -> tuple[str, tuple[str, str] | None]:
    """Take user name and password out of a server's URI.

    Args:
        host: `https://name:password@host/path`, or a URI without credentials.

    Returns:
        The URI without them, and (user name, password) if it had any.
    """
    parts = urlsplit(host)
    user_info, at, address = parts.netloc.rpartition("@")
    if not at:
        return host, None
    username, _, password = user_info.partition(":")
    plain = urlunsplit(parts._replace(netloc=address))
    return plain, (unquote(username), unquote(password))


def authenticated_session(user_info: tuple[str, str] | None) -> requests.Session:
    """Return a session with the credentials that MLflow's client would use.

    Read from the environment, as documented at
    https://mlflow.org/docs/latest/self-hosting/security/basic-http-auth/ and in
    `mlflow.environment_variables`: user name and password (or `~/.mlflow/credentials`), token,
    certificates, workspace.

    Args:
        user_info: User name and password of the URI; they go before the others.

    Returns:
        A session that never tries again by itself.
    """
    import requests
    from requests.adapters import HTTPAdapter
    from requests.auth import HTTPBasicAuth

    session = requests.Session()
    adapter = HTTPAdapter(pool_connections=2, pool_maxsize=CONCURRENT_REQUESTS + 1, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    username, password = user_info or _username_and_password()
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    if username and (password or user_info):
        # As bytes, because `requests` encodes text as Latin-1, MLflow's client as UTF-8.
        session.auth = HTTPBasicAuth(username.encode(), (password or "").encode())
    elif token:
        session.auth = _bearer(token)
    if workspace := os.environ.get("MLFLOW_WORKSPACE"):
        session.headers["X-MLFLOW-WORKSPACE"] = workspace
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("1", "true"):
        session.verify = False
    elif certificate := os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH"):
        session.verify = certificate
    session.cert = os.environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH")
    return session


def _bearer(token: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    # Not a header of the session, which an entry for this host in ~/.netrc would replace.
    def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    return authorize


def _username_and_password() -> tuple[str | None, str | None]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(Path("~/.mlflow/credentials").expanduser())
    except (configparser.Error, OSError, UnicodeDecodeError):
        # MLflow's own client fails on a broken file; the variables may still be enough.
        parser = configparser.ConfigParser()
    stored = parser["mlflow"] if parser.has_section("mlflow") else {}
    return (
        os.environ.get("MLFLOW_TRACKING_USERNAME") or stored.get("mlflow_tracking_username"),
        os.environ.get("MLFLOW_TRACKING_PASSWORD") or stored.get("mlflow_tracking_password"),
    )
