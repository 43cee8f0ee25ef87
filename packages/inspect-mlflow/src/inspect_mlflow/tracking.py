"""Evaluations as MLflow runs: the hooks, and `sync` for logs; see `inspect_mlflow_tracking`."""

from __future__ import annotations

from inspect_mlflow_tracking import LogResult, MlflowTrackingHooks, SyncReport, sync

__all__ = ["LogResult", "MlflowTrackingHooks", "SyncReport", "sync"]
