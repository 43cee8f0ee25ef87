"""Errors as the exception events that make MLflow show a span as failed."""

from __future__ import annotations

import re
from typing import Any, Final

from inspect_mlflow_core.connection import SpanEventRecord
from inspect_mlflow_core.conversion import clean_text, cut_text, mask_text

from ._values import mapping, text

__all__ = ["ErrorFacts", "error_facts"]

# Inspect notes an error as `repr` writes it, `ValueError('...')`, or as its message alone; the
# last line of a traceback begins with the class, in groups behind the bars that draw the group.
_REPR: Final = re.compile(r"([A-Za-z_][\w.]*)\(")
_RAISED: Final = re.compile(
    r"^[ |+-]*([A-Za-z_][\w.]*(?:Error|Exception|Exceeded|Exit|Failure|Interrupt|Timeout))\b",
    re.MULTILINE,
)
_UNKNOWN: Final = "Error"
_STATUS_CHARACTERS: Final = 1_000


class ErrorFacts:
    """What is known of an error.

    Args:
        message: Its text, "" where there is none or it must not be told.
        traceback: Where it was raised; the same holds.
        kind: Class of the exception, or Inspect's type of a tool's error.
    """

    def __init__(self, message: str, traceback: str = "", kind: str = _UNKNOWN) -> None:
        self.kind = clean_text(kind)
        self.message = clean_text(mask_text(message))
        self.traceback = clean_text(mask_text(traceback))

    @property
    def status_message(self) -> str:
        """The error in a line or two."""
        return cut_text(self.message or self.kind, _STATUS_CHARACTERS)

    def at(self, timestamp_ns: int) -> SpanEventRecord:
        """The event of a span that tells of the error."""
        attributes = {"exception.type": self.kind, "exception.message": self.message}
        if self.traceback:
            attributes["exception.stacktrace"] = self.traceback
        return SpanEventRecord("exception", timestamp_ns, attributes)


def error_facts(error: Any, *, full: bool, traceback: object = None) -> ErrorFacts | None:
    """Reads an error of any log.

    Args:
        error: An object with `message`, `traceback` and perhaps `type`, or the message.
        full: Whether its text may be told.
        traceback: Where it stands beside the error.

    Returns:
        None where there is no error.
    """
    if error is None or error == "":
        return None
    fields = mapping(error)
    message = text(fields.get("message")) or ("" if fields else str(error))
    trace = text(fields.get("traceback")) or text(traceback) or ""
    kind = text(fields.get("type")) or _exception_type(message, trace)
    return ErrorFacts(message, trace, kind) if full else ErrorFacts("", "", kind)


def _exception_type(message: str, traceback: str) -> str:
    written = _REPR.match(message)
    if written is not None:
        return written[1]
    raised = _RAISED.findall(traceback)
    return raised[-1] if raised else _UNKNOWN
