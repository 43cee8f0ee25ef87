"""What a span tells of its failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ._values import clean_text
from .dialects._json_values import as_text

if TYPE_CHECKING:
    from inspect_ai.tool import ToolCallError

    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["span_error", "tool_error"]

_UNTOLD = "The span failed without saying why."
_ERROR_TYPES = {
    "TimeoutError": "timeout",
    "TimeoutException": "timeout",
    "UnicodeDecodeError": "unicode_decode",
    "PermissionError": "permission",
    "FileNotFoundError": "file_not_found",
    "IsADirectoryError": "is_a_directory",
    "JSONDecodeError": "parsing",
    "ToolParsingError": "parsing",
    "CancelledError": "cancelled",
}


def span_error(span: SourceSpan) -> str | None:
    """What went wrong in a span, in one text; None for one that did not fail.

    The event `exception` tells more than the status does (OpenTelemetry, "Semantic conventions
    for exceptions on spans").
    """
    if span.status != "ERROR":
        return None
    exception = _exception(span)
    message = as_text(exception.get("exception.message")) or span.status_message
    kind = _exception_type(span)
    told = f"{kind}: {message}" if kind and message and not message.startswith(kind) else message
    return clean_text(told or kind or _UNTOLD)


def tool_error(span: SourceSpan) -> ToolCallError | None:
    """The failure of a tool's span as Inspect tells it; None for one that did not fail."""
    from inspect_ai.tool import ToolCallError

    if span.status != "ERROR":
        return None
    message = as_text(_exception(span).get("exception.message")) or span.status_message
    kind: Any = _ERROR_TYPES.get(_exception_type(span), "unknown")
    return ToolCallError(kind, clean_text(message) or _exception_type(span) or _UNTOLD)


def _exception_type(span: SourceSpan) -> str:
    """The exception's class, without its module."""
    said = as_text(_exception(span).get("exception.type")) or ""
    return clean_text(said.rpartition(".")[2])


def _exception(span: SourceSpan) -> Mapping[str, Any]:
    """The last one: those before it were dealt with."""
    for event in reversed(span.events):
        if event.name == "exception":
            return event.attributes
    return {}
