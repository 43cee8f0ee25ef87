"""The settings of all packages; see `inspect_mlflow_core.config`."""

from __future__ import annotations

from inspect_mlflow_core.config import (
    SUPPORTED_AUTOLOG_MODELS,
    MLflowSettings,
    load_settings,
    unknown_overrides,
)

__all__ = ["SUPPORTED_AUTOLOG_MODELS", "MLflowSettings", "load_settings", "unknown_overrides"]
