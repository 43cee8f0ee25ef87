"""Writes an eval log's artifacts into any run; see `inspect_mlflow_tracking.artifacts.manager`."""

from __future__ import annotations

from inspect_mlflow_tracking.artifacts.manager import LOG_DIRECTORY, ArtifactManager

__all__ = ["LOG_DIRECTORY", "ArtifactManager"]
