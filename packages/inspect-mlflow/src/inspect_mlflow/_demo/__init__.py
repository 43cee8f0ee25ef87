"""A small evaluation that shows what lands in MLflow."""

from __future__ import annotations

from inspect_mlflow._demo._browser import open_in_browser
from inspect_mlflow._demo._outcome import DemoOutcome, DemoTraces
from inspect_mlflow._demo._run import run_demo

__all__ = ["DemoOutcome", "DemoTraces", "open_in_browser", "run_demo"]
