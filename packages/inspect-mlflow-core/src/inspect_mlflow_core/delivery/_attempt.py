"""One call of an exporter, with every way in which it can fail made into a value."""

from __future__ import annotations

import os
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from inspect_mlflow_core import reporting
from inspect_mlflow_core.delivery._records import Record
from inspect_mlflow_core.exceptions import LeftInLogError, RejectedError, RetryableError

__all__ = ["Failure", "attempt", "report", "unexpected"]

# Answers that are about the sender: no smaller batch can do better.
_SENDER_CAUSES = frozenset({"http_401", "http_403"})


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed.

    Args:
        cause: Short stable key, by which statistics and warnings are grouped.
        warning: One line for the user, free of secrets; empty when the user knows already.
        retryable: Try again later.
        divisible: Not retryable, but part of the batch may be acceptable.
        retry_after_seconds: The pause that the server asked for.
        unreachable: No answer came at all.
    """

    cause: str
    warning: str
    retryable: bool = False
    divisible: bool = True
    retry_after_seconds: float | None = None
    unreachable: bool = False


def attempt(records: Sequence[Record]) -> Failure | None:
    """Export records of one exporter; `None` on success. Raises nothing.

    Catches `BaseException`: a library that raises `SystemExit` on this thread must not end the
    delivery of everything else.
    """
    exporter = records[0].exporter
    try:
        exporter.export(records)
    except RetryableError as error:
        return Failure(
            cause=error.cause,
            warning=f"{exporter.name}: {error} ({error.cause}); the evaluation goes "
            "on, delivery is tried again in the background",
            retryable=True,
            retry_after_seconds=error.retry_after_seconds,
            unreachable=error.unreachable,
        )
    except LeftInLogError as error:
        return Failure(cause=error.cause, warning="")
    except RejectedError as error:
        return Failure(
            cause=error.cause,
            warning=f"{exporter.name}: MLflow refused a record: {error} "
            f"({error.cause}); it is not sent again",
            divisible=error.cause not in _SENDER_CAUSES,
        )
    except BaseException as error:
        return unexpected(exporter.name, error)
    return None


def report(failure: Failure) -> None:
    """Warn the user, once per cause, unless there is nothing to say."""
    if failure.warning:
        reporting.warn_once(f"delivery.{failure.cause}", failure.warning)


def unexpected(exporter_name: str, error: BaseException) -> Failure:
    """The failure that an exception outside the contract stands for: a mistake in the code."""
    name = type(error).__name__
    return Failure(
        cause=name,
        warning=f"{exporter_name}: a record could not be sent: {name} at {_location(error)}: "
        f"{_masked_message(error)}",
    )


def _location(error: BaseException) -> str:
    """File name, line and function where the exception was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "unknown location"
    return f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno} in {frames[-1].name}"


def _masked_message(error: BaseException) -> str:
    """The exception's own words without secrets, or none of them when that cannot be ensured."""
    try:
        from inspect_mlflow_core.conversion import mask_text

        return mask_text(str(error))
    except Exception as failure:
        return f"message withheld ({type(failure).__name__} while masking it)"
