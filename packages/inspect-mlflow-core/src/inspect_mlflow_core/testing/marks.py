"""Marks for tests that not every version of MLflow can run."""

from __future__ import annotations

from importlib import metadata

import pytest

from inspect_mlflow_core.connection import traces_supported

__all__ = ["needs_traces"]

needs_traces = pytest.mark.skipif(
    not traces_supported(metadata.version("mlflow")), reason="MLflow has traces of spans since 3.6"
)
