"""Errors as the exception events that make MLflow show a span as failed."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any, Final

from inspect_mlflow_core.connection import SpanEventRecord
from inspect_mlflow_core.conversion import clean_text, cut_text, mask_text

from ._values import mapping, text

__all__ = ["ErrorFacts", "error_facts", "tool_error_facts"]

# Inspect notes an error as `repr` writes it, `ValueError('...')`, or as its message alone; the
# last line of a traceback begins with the class, in groups behind the bars that draw the group.
_REPR: Final = re.compile(r"([A-Za-z_][\w.]*)\((.*)\)", re.DOTALL)
_ESCAPED: Final = r"\\(?:[\\'nrt]|x[\da-f]{2}|u[\da-f]{4}|U[\da-f]{8})"
_TEXT: Final = re.compile(rf"""'(?:[^'\\\n]|{_ESCAPED})*+'|"(?:[^"\\\n]|{_ESCAPED})*+\"""")
_RAISED: Final = re.compile(
    r"^[ |+-]*([A-Za-z_][\w.]*(?:Error|Exception|Exceeded|Exit|Failure|Interrupt|Timeout))\b",
    re.MULTILINE,
)
_UNKNOWN: Final = "Error"
_UNKNOWN_TO_INSPECT: Final = "unknown"
_TOOL_ERROR: Final = "ToolError"
"""What tools raise that report an error in their own words; Inspect notes no type for it."""
_STATUS_CHARACTERS: Final = 1_000


class ErrorFacts:
    """What is known of an error.

    Args:
        message: Its text without the class, "" where there is none or it must not be told.
        traceback: Where it was raised; the same holds.
        kind: Class of the exception, or Inspect's type of a tool's error.
    """

    def __init__(self, message: str, traceback: str = "", kind: str = _UNKNOWN) -> None:
        self.kind = clean_text(kind)
        self.message = clean_text(mask_text(message))
        self.traceback = clean_text(mask_text(traceback))

    @property
    def text(self) -> str:
        """Class and message, as far as they are known."""
        if not self.message or self.kind == _UNKNOWN or self.message.startswith(self.kind):
            return self.message or self.kind
        return f"{self.kind}: {self.message}"

    @property
    def status_message(self) -> str:
        """The error in a line or two."""
        return cut_text(self.text, _STATUS_CHARACTERS)

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
    message, trace = _message(error), text(fields.get("traceback")) or text(traceback) or ""
    kind, message = _kind_and_message(message, trace)
    kind = text(fields.get("type")) or kind
    return ErrorFacts(message, trace, kind) if full else ErrorFacts("", "", kind)


def tool_error_facts(error: Any, *, full: bool) -> ErrorFacts | None:
    """Reads the error that a tool gave back, whose message is in words.

    Args:
        error: An object with `type` and `message` (`inspect_ai.tool.ToolCallError`).
        full: Whether its text may be told.

    Returns:
        None where there is no error.
    """
    if error is None or error == "":
        return None
    kind = text(mapping(error).get("type")) or _UNKNOWN_TO_INSPECT
    return ErrorFacts(
        _message(error) if full else "", kind=_TOOL_ERROR if kind == _UNKNOWN_TO_INSPECT else kind
    )


def _message(error: Any) -> str:
    if isinstance(error, Mapping):
        return text(error.get("message")) or ""
    return str(error)


def _kind_and_message(message: str, traceback: str) -> tuple[str, str]:
    """The class of an exception, and its message without the class."""
    written = _REPR.fullmatch(message)
    if written is not None:
        kind, arguments = written.groups()
        said = _only_text(arguments)
        return kind, (_said_in(traceback, kind) or message) if said is None else said
    raised = _RAISED.findall(traceback)
    return (raised[-1] if raised else _UNKNOWN), message


def _only_text(arguments: str) -> str | None:
    """What an exception was made of, if that is nothing or one text."""
    if not arguments:
        return ""
    if _TEXT.fullmatch(arguments) is None:
        return None
    try:
        return str(ast.literal_eval(arguments))
    except (SyntaxError, ValueError):
        return None


def _said_in(traceback: str, kind: str) -> str | None:
    """The message in the line of a traceback that begins with the class."""
    lines = re.findall(rf"^[ |+-]*(?:\w+\.)*{re.escape(kind)}: (.+)$", traceback, re.MULTILINE)
    return str(lines[-1]) if lines else None
