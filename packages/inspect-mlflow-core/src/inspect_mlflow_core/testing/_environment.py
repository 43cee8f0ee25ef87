"""An environment without settings of the machine."""

from __future__ import annotations

import os

QUIET = {
    # MLflow asks the network for news, model prices and usage statistics otherwise.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_MODEL_CATALOG_URI": "",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "DO_NOT_TRACK": "true",
}
_PREFIXES = ("INSPECT_", "MLFLOW_", "DATABRICKS_", "OTEL_")


def clean_environment() -> dict[str, str]:
    """Return the process environment without settings of Inspect and MLflow.

    Returns:
        Variables for a subprocess, or for a test to put in place.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_PREFIXES)}
    return {**kept, **QUIET}
