"""What Inspect loads through the `inspect_ai` entry point; imports neither mlflow nor pandas."""

from __future__ import annotations

from inspect_ai.hooks import hooks

from .hooks import MlflowTracingHooks

hooks(
    name="mlflow_tracing",
    description="samples become MLflow traces",
)(MlflowTracingHooks)
