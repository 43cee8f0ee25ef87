"""Inspect AI evaluations as MLflow runs, live and from eval logs."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._sync import LogResult, SyncReport, sync
    from .autolog import enable_autolog
    from .hooks import MlflowTrackingHooks

__version__ = version("inspect-mlflow-tracking")

__all__ = ["LogResult", "MlflowTrackingHooks", "SyncReport", "enable_autolog", "sync"]

_HOME = {
    "LogResult": "._sync",
    "MlflowTrackingHooks": ".hooks",
    "SyncReport": "._sync",
    "enable_autolog": ".autolog",
    "sync": "._sync",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOME[name], __name__), name)
