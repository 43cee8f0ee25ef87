"""Calls of MLflow's REST API over a transport."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from inspect_mlflow_core.exceptions import RetryableError

from ._http_transport import Transport, raise_for_answer

_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


def call_api(
    transport: Transport, method: str, path: str, what: str, **content: Any
) -> dict[str, Any]:
    """Call an endpoint that speaks JSON.

    Args:
        transport: The way to the server.
        method: HTTP method.
        path: Path of the endpoint.
        what: The call in words, for messages.
        **content: `params` or `json`.

    Returns:
        The answer.

    Raises:
        RetryableError: Trying again can help; what answered may be no MLflow server
            (cause `"not_mlflow"`).
        RejectedError: The server refuses the request.
    """
    response = transport.send(method, f"{transport.host}{path}", **content)
    raise_for_answer(response, what)
    try:
        answer = response.json() if response.content else {}
    except ValueError:
        raise not_mlflow(transport.host) from None
    return answer if isinstance(answer, dict) else {}


def not_mlflow(host: str) -> RetryableError:
    """Return the error for a proxy or a log-in page that answers 200 with HTML.

    Nothing was written then, and a later try may reach the real server.

    Args:
        host: The server's URI.
    """
    return RetryableError(
        f"what answers at {urlsplit(host).hostname} is not an MLflow server", cause="not_mlflow"
    )


def proxied_artifact_url(host: str, artifact_uri: str) -> str | None:
    """Return the URL of a place that is reached through MLflow's server.

    Args:
        host: The server's URI.
        artifact_uri: Where artifacts lie.

    Returns:
        None when the place is reached in another way.
    """
    parts = urlsplit(artifact_uri)
    if parts.scheme in ("http", "https"):
        return artifact_uri.rstrip("/")
    if parts.scheme != "mlflow-artifacts":
        return None
    if parts.netloc:
        host = f"{urlsplit(host).scheme}://{parts.netloc}"
    return f"{host}{_ARTIFACTS}{parts.path.rstrip('/')}"
