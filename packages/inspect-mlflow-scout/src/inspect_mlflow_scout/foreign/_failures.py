"""What a span tells of its failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from inspect_mlflow_scout.reading import SourceSpan, SourceSpanEvent

__all__ = ["EXCEPTION", "UNKNOWN", "Failure", "exception_of", "failure"]

EXCEPTION: Final = "exception"
"""Name of the span event that tells of an exception (OpenTelemetry's semantic conventions for
exceptions on spans)."""

UNKNOWN: Final = "unknown error"
"""The message of an error that tells nothing of itself."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error.

    Args:
        message: In words.
        traceback: Python's traceback; empty when none was kept.
    """

    message: str
    traceback: str = ""


def failure(span: SourceSpan) -> Failure | None:
    """Why a span failed; None when its status is no error.

    The last exception is the one that ended it. Without any, its status message tells why. An
    empty message would count as no error, so there always is one.
    """
    if span.status != "ERROR":
        return None
    exceptions = [event for event in span.events if event.name == EXCEPTION]
    told = exception_of(exceptions[-1]) if exceptions else Failure("")
    return Failure(told.message or span.status_message or UNKNOWN, told.traceback)


def exception_of(event: SourceSpanEvent) -> Failure:
    """The exception that a span event tells of, by its message, else by its type."""
    message = _text(event.attributes.get("exception.message"))
    return Failure(
        message or _text(event.attributes.get("exception.type")),
        _text(event.attributes.get("exception.stacktrace")),
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value)
