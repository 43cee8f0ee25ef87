"""What a run keeps as files; see `inspect_mlflow_tracking.artifacts`."""

from __future__ import annotations

from inspect_mlflow.artifacts.manager import ArtifactManager

__all__ = ["ArtifactManager"]
