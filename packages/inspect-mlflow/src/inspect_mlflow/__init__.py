"""The bridge between Inspect AI and MLflow: every package under the documented import paths.

`import inspect_mlflow` costs next to nothing; a name is imported from its package when it is
first used.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect_mlflow.comparison import (
        ComparisonResult,
        MetricComparison,
        SampleComparison,
        compare_evals,
    )
    from inspect_mlflow.scout import import_mlflow_traces
    from inspect_mlflow.tracing import MlflowTracingHooks, rebuild_sample
    from inspect_mlflow.tracking import MlflowTrackingHooks

__version__ = version("inspect-mlflow")

__all__ = [
    "ComparisonResult",
    "MetricComparison",
    "MlflowTracingHooks",
    "MlflowTrackingHooks",
    "SampleComparison",
    "compare_evals",
    "import_mlflow_traces",
    "rebuild_sample",
]

_HOME = {
    "ComparisonResult": "inspect_mlflow.comparison",
    "MetricComparison": "inspect_mlflow.comparison",
    "MlflowTracingHooks": "inspect_mlflow.tracing",
    "MlflowTrackingHooks": "inspect_mlflow.tracking",
    "SampleComparison": "inspect_mlflow.comparison",
    "compare_evals": "inspect_mlflow.comparison",
    "import_mlflow_traces": "inspect_mlflow.scout",
    "rebuild_sample": "inspect_mlflow.tracing",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(_HOME[name]), name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *_HOME})
