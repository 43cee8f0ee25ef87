"""Sends single HTTP requests to an MLflow server, with our own short timeouts and no retries.

MLflow's client retries up to seven times with timeouts of two minutes, which blocks its caller for
minutes when a server is down. Here a request is tried once; whether and when to try again is the
decision of the delivery worker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from importlib.metadata import entry_points
from time import time
from typing import IO, TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from inspect_mlflow_core.conversion import mask_text, mask_uri
from inspect_mlflow_core.exceptions import RejectedError, RetryableError

from ._artifact_files import too_large
from ._http_credentials import (
    authenticated_session,
    environment_needs_mlflow,
    without_credentials,
)

if TYPE_CHECKING:
    import requests

CONNECT_TIMEOUT_SECONDS = 3.0
PROBE_TIMEOUT_SECONDS = 3.0
REQUEST_TIMEOUT_SECONDS = 20.0
UPLOAD_TIMEOUT_SECONDS = 120.0

_PIECE_BYTES = 1 << 16
_RETRYABLE_STATUS = frozenset({408, 425, 429})
_PLUGIN_GROUPS = ("mlflow.request_header_provider", "mlflow.request_auth_provider")


@dataclass(slots=True)
class TransportStatistics:
    """How much a transport has sent.

    Args:
        requests: Requests sent, failed ones included.
        request_bytes: Bytes of their bodies, as far as known beforehand.
    """

    requests: int = 0
    request_bytes: int = 0


class Transport(Protocol):
    """Sends one request and returns the answer, whatever its status."""

    statistics: TransportStatistics
    host: str

    def send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        data: IO[bytes] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        read_timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
        stream: bool = False,
    ) -> requests.Response:
        """Send one request; raise `RetryableError` when no answer comes.

        With `stream`, the body of the answer is left to `content_within`.
        """
        ...


@dataclass(slots=True)
class RequestsTransport:
    """Speaks to a server with `requests`, with the credentials that MLflow's client would use.

    Args:
        host: Scheme, host and path of the server, free of credentials.
        session: A session that holds the credentials.
    """

    host: str
    session: requests.Session = field(repr=False)
    statistics: TransportStatistics = field(default_factory=TransportStatistics)

    def send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        data: IO[bytes] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        read_timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
        stream: bool = False,
    ) -> requests.Response:
        """Send one request; raise `RetryableError` when no answer comes."""

        def request() -> requests.Response:
            self.statistics.requests += 1
            return self.session.request(
                method,
                url,
                params=params,
                json=json,
                data=data,
                headers=headers,
                timeout=(CONNECT_TIMEOUT_SECONDS, read_timeout_seconds),
                allow_redirects=False,
                stream=stream,
                # Said with each request, as `REQUESTS_CA_BUNDLE` goes before the session's.
                verify=self.session.verify,
            )

        try:
            response = _on_a_live_connection(request, data)
        except (OSError, ValueError) as error:  # RequestException is an OSError.
            raise unanswered(error, self.host) from None
        self.statistics.request_bytes += int(response.request.headers.get("Content-Length") or 0)
        return response


@dataclass(slots=True)
class MlflowTransport:
    """Speaks through MLflow's own request function, for what only MLflow can sign.

    Databricks, AWS SigV4, `MLFLOW_TRACKING_AUTH` and header or auth plugins need MLflow's code;
    timeouts and retries are still ours.

    Args:
        host: Scheme, host and path of the server, with the credentials that its URI holds.
        host_credentials: MLflow's `MlflowHostCreds`.
    """

    host: str = field(repr=False)
    host_credentials: Any = field(repr=False)
    statistics: TransportStatistics = field(default_factory=TransportStatistics)

    def send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        data: IO[bytes] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        read_timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
        stream: bool = False,
    ) -> requests.Response:
        """Send one request; raise `RetryableError` when no answer comes."""
        from mlflow.exceptions import MlflowException
        from mlflow.utils.rest_utils import http_request

        self.statistics.requests += 1
        body = {"params": params, "json": json, "data": data}
        try:
            response: requests.Response = http_request(
                self.host_credentials,
                url.removeprefix(self.host),
                method,
                max_retries=0,
                timeout=read_timeout_seconds,
                raise_on_status=False,
                extra_headers=dict(headers) if headers else None,
                retry_timeout_seconds=read_timeout_seconds,
                stream=stream,
                **{name: value for name, value in body.items() if value is not None},
            )
        except (MlflowException, OSError, ValueError) as error:
            raise unanswered(error, self.host) from None
        return response


def open_transport(tracking_uri: str) -> Transport:
    """Return the lightest transport that can authenticate with this server.

    Args:
        tracking_uri: `http(s)://…` or `databricks[://profile]`.

    Returns:
        A transport; nothing has been sent yet.

    Raises:
        RejectedError: There are no Databricks credentials on this machine.
    """
    if not tracking_uri.lower().startswith(("http://", "https://")):
        return _databricks_transport(tracking_uri)
    host = tracking_uri.rstrip("/")
    if _needs_mlflow():
        from mlflow.utils.credentials import get_default_host_creds

        return MlflowTransport(host, get_default_host_creds(host))
    host, user_info = without_credentials(host)
    return RequestsTransport(host, authenticated_session(user_info))


def _databricks_transport(tracking_uri: str) -> MlflowTransport:
    from mlflow.exceptions import MlflowException
    from mlflow.utils.databricks_utils import get_databricks_host_creds

    try:
        credentials = get_databricks_host_creds(tracking_uri)
    except (MlflowException, ImportError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise RejectedError(
            f"Databricks credentials cannot be found: {mask_text(reason)}", cause="credentials"
        ) from None
    return MlflowTransport(credentials.host.rstrip("/"), credentials)


def _on_a_live_connection(
    request: Callable[[], requests.Response], data: IO[bytes] | bytes | None
) -> requests.Response:
    """Send a request, and once more when its connection turns out to have been closed.

    A server, and every proxy on the way, closes connections that rest for a few seconds, and a
    request may be under way just then. Everything that is sent here may be repeated.
    """
    from requests.exceptions import ConnectionError as Unconnected
    from urllib3.exceptions import ProtocolError

    position = data.tell() if data is not None and not isinstance(data, bytes) else 0
    try:
        return request()
    except Unconnected as error:
        if not (error.args and isinstance(error.args[0], ProtocolError)):
            raise
    if data is not None and not isinstance(data, bytes):
        data.seek(position)
    return request()


def _needs_mlflow() -> bool:
    return environment_needs_mlflow() or any(
        len(entry_points(group=group)) > 0 for group in _PLUGIN_GROUPS
    )


def unanswered(error: Exception, host: str) -> RetryableError | RejectedError:
    """Say in one line why no answer came.

    Args:
        error: What the HTTP client raised.
        host: The server's address; credentials in it are masked.

    Returns:
        A retryable error whose `unreachable` is True; a final one when the request could not
        even be sent (no such form of address, a certificate file that does not exist, content
        without a JSON form).
    """
    if _never_sent(error):
        return RejectedError(
            f"no request can be sent to MLflow server {mask_uri(host)} ({type(error).__name__}):"
            " check its URI, its certificates and its token",
            cause="request",
        )
    timed_out = "timeout" in type(error).__name__.lower() or "timed out" in str(error).lower()
    what = "did not answer in time" if timed_out else "cannot be reached"
    return RetryableError(
        f"MLflow server {mask_uri(host)} {what} ({type(error).__name__})",
        cause="timeout" if timed_out else "connection",
        unreachable=True,
    )


def _never_sent(error: Exception) -> bool:
    import requests

    if isinstance(error, requests.RequestException):
        # InvalidURL, InvalidHeader, MissingSchema and so on are ValueErrors.
        return isinstance(error, (ValueError, requests.exceptions.InvalidJSONError))
    if isinstance(error, (ConnectionError, TimeoutError)):
        return False
    # `requests` reports a missing certificate file as a plain OSError.
    return isinstance(error, (OSError, ValueError))


def raise_for_answer(response: requests.Response, what: str) -> None:
    """Raise the error that an unsuccessful answer stands for.

    Args:
        response: The answer.
        what: What was asked for, for the message.

    Raises:
        RetryableError: Status 408, 425, 429 or 5xx, with the server's Retry-After.
        RejectedError: Any other status that is not a success, redirects included.
    """
    status = response.status_code
    if 200 <= status < 300:
        return
    error_code, detail = _error_details(response)
    message = f"MLflow answered {status} to {what}"
    if detail:
        message += f": {detail}"
    elif 300 <= status < 400:
        message += _redirection(response)
    cause = f"http_{status}"
    if status in _RETRYABLE_STATUS or status >= 500:
        pause_seconds = retry_after_seconds(response.headers.get("Retry-After"))
        raise RetryableError(message, cause=cause, retry_after_seconds=pause_seconds)
    raise RejectedError(message, cause=cause, error_code=error_code)


def _redirection(response: requests.Response) -> str:
    # Not followed: a POST would arrive as a GET, and credentials at another host.
    parts = urlsplit(response.headers.get("Location", ""))
    if not parts.hostname:
        return ""
    return f": it redirects to {parts.scheme or 'http'}://{parts.netloc.rpartition('@')[2]}"


def _error_details(response: requests.Response) -> tuple[str | None, str]:
    try:
        body = response.json()
    except ValueError:
        return None, ""
    if not isinstance(body, dict):
        return None, ""
    message = str(body.get("message") or "").splitlines()
    return body.get("error_code"), mask_text(message[0][:300]) if message else ""


def content_within(response: requests.Response, max_bytes: int, host: str) -> bytes:
    """Read the body of an answer that was asked for with `stream`.

    Args:
        response: The answer.
        max_bytes: The most that is read.
        host: The server's address, for messages.

    Raises:
        RetryableError: The connection broke off.
        RejectedError: The body is larger (cause `"too_large"`).
    """
    pieces, size_bytes = [], 0
    try:
        for piece in response.iter_content(_PIECE_BYTES):
            pieces.append(piece)
            size_bytes += len(piece)
            if size_bytes > max_bytes:
                raise too_large(max_bytes)
    except (OSError, ValueError) as error:  # RequestException is an OSError.
        raise unanswered(error, host) from None
    return b"".join(pieces)


def retry_after_seconds(value: str | None) -> float | None:
    """Read a Retry-After header (RFC 9110, section 10.2.3).

    Args:
        value: Seconds or an HTTP date.

    Returns:
        Seconds from now, at least 0; None when absent or unreadable.
    """
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except (TypeError, ValueError):
        return None
