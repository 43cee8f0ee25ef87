"""Finds out whether evaluations reach MLflow, and if not, why."""

from __future__ import annotations

from inspect_mlflow._doctor._check import Check
from inspect_mlflow._doctor._examine import examine

__all__ = ["Check", "examine"]
