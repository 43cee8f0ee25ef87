"""Errors that the inspect-mlflow packages raise.

```
InspectMlflowError
├── ConfigurationError (also a ValueError)   a setting has a wrong value
├── LogReadError (also a ValueError)         an eval log cannot be read
├── TraceReadError (also a ValueError)       a trace gives no Inspect sample
└── DeliveryError                            a write to MLflow did not succeed
    ├── RetryableError                       trying again later can help
    └── RejectedError                        the server refuses this content for good
        └── LeftInLogError                   given up on purpose: the eval log holds it
```
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ConfigurationError",
    "DeliveryError",
    "InspectMlflowError",
    "LeftInLogError",
    "LogReadError",
    "RejectedError",
    "RetryableError",
    "TraceReadError",
]


class InspectMlflowError(Exception):
    """Base of every error that these packages raise on purpose."""


class ConfigurationError(InspectMlflowError, ValueError):
    """A setting has a value that cannot be used; the message names the variable."""


class LogReadError(InspectMlflowError, ValueError):
    """An eval log cannot be read; the message is one line that says why."""


class TraceReadError(InspectMlflowError, ValueError):
    """A trace cannot be turned back into an Inspect sample; the message is one line."""


class DeliveryError(InspectMlflowError):
    """A write to MLflow did not succeed.

    Args:
        message: One line, free of secrets.
        cause: Short stable key of the reason (`"connection"`, `"timeout"`, `"http_503"`,
            `"http_401"`, `"database_locked"`), by which warnings and statistics are grouped.
    """

    def __init__(self, message: str, *, cause: str) -> None:
        super().__init__(message)
        self.cause = cause

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the error whole on its way to another process, where named arguments would miss."""
        return _unpickled, (type(self), self.args, vars(self))


def _unpickled(
    kind: type[DeliveryError], arguments: tuple[Any, ...], attributes: dict[str, Any]
) -> DeliveryError:
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    vars(error).update(attributes)
    return error


class RetryableError(DeliveryError):
    """A write failed in a way that trying again later can mend.

    Args:
        message: One line, free of secrets.
        cause: See `DeliveryError`.
        retry_after_seconds: The pause that the server asked for, if it named one.
        unreachable: True when no answer came at all (refused, reset, timed out), so that
            waiting for the server at the end of a run is of no use.
    """

    def __init__(
        self,
        message: str,
        *,
        cause: str,
        retry_after_seconds: float | None = None,
        unreachable: bool = False,
    ) -> None:
        super().__init__(message, cause=cause)
        self.retry_after_seconds = retry_after_seconds
        self.unreachable = unreachable


class RejectedError(DeliveryError):
    """The server refuses the content (a 4xx answer); trying again cannot help.

    Args:
        message: One line, free of secrets.
        cause: See `DeliveryError`.
        error_code: MLflow's own code (`"RESOURCE_DOES_NOT_EXIST"`), where it gave one.
    """

    def __init__(self, message: str, *, cause: str, error_code: str | None = None) -> None:
        super().__init__(message, cause=cause)
        self.error_code = error_code


class LeftInLogError(RejectedError):
    """A record is given up on purpose: the eval log holds it, and the user has been told.

    Counted like any other loss, but not warned about again.
    """

    def __init__(self) -> None:
        super().__init__("left in the eval log", cause="left_in_log")
