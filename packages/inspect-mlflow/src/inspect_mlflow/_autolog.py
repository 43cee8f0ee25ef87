"""MLflow's autologging of LLM SDKs; see `inspect_mlflow_tracking.autolog`."""

from __future__ import annotations

from inspect_mlflow_tracking.autolog import enable_autolog

__all__ = ["enable_autolog"]
