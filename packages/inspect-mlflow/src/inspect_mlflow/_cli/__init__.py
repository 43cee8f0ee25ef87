"""The command `inspect-mlflow`."""

from __future__ import annotations

from inspect_mlflow._cli._group import main

__all__ = ["main"]
