"""Small functions for authors of hooks; see `inspect_mlflow_core.util`."""

from __future__ import annotations

from inspect_mlflow_core.util import safe_log_params, score_to_numeric, truncate

__all__ = ["safe_log_params", "score_to_numeric", "truncate"]
