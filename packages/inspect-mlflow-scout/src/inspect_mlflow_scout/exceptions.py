"""Errors of this package, besides those of `inspect_mlflow_core.exceptions`."""

from __future__ import annotations

from inspect_mlflow_core.exceptions import InspectMlflowError

__all__ = ["ScanIncompleteError", "ScanReadError", "TraceImportError"]


class TraceImportError(InspectMlflowError, ValueError):
    """Traces cannot be imported as asked; the message is one line that says what to do."""


class ScanReadError(InspectMlflowError, ValueError):
    """Scan results cannot be read, or not as asked; the message is one line that says why."""


class ScanIncompleteError(InspectMlflowError):
    """A scan is not complete, so that its results are not pushed; the message is one line."""
