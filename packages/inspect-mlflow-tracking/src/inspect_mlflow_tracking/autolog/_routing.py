"""Leads the traces that a sample's own code makes into the experiment of its evaluation."""

from __future__ import annotations

import os
import sys
from contextvars import ContextVar
from functools import cache
from typing import Any

from inspect_mlflow_core.active_runs import active_run


def route_to_evaluation(eval_id: str) -> None:
    """Send traces of this task, and of those it starts, to the experiment of an evaluation.

    What is set is a context variable of MLflow (in versions without it nothing happens), so that
    no global state changes and no other sample is touched. `mlflow.tracing.set_destination` sets
    the same one, but also replaces the process-wide tracer and waits for what it has to send.

    A choice that the user has made in MLflow stays: an active run, `mlflow.set_experiment`, a
    destination, `MLFLOW_EXPERIMENT_ID`, or an OpenTelemetry collector.

    Args:
        eval_id: Inspect's eval id; its run tells the experiment as soon as it is open. What is
            traced before that goes to MLflow's own current experiment.
    """
    provider = sys.modules.get("mlflow.tracing.provider")
    destination = getattr(provider, "_MLFLOW_TRACE_USER_DESTINATION", None)
    variable = getattr(destination, "_context_local_value", None)
    if not isinstance(variable, ContextVar):
        return
    current = variable.get()
    is_open = current is None or getattr(current, "eval_id", eval_id) != eval_id
    if is_open and not _goes_elsewhere(provider, destination):
        variable.set(_location_class()(eval_id))


@cache
def _location_class() -> Any:
    from mlflow.entities.trace_location import MlflowExperimentLocation

    class EvaluationLocation(MlflowExperimentLocation):
        """The experiment of an evaluation, looked up whenever a trace begins."""

        def __init__(self, eval_id: str) -> None:
            self.eval_id = eval_id

        @property
        def experiment_id(self) -> str | None:  # type: ignore[override]  # MLflow asks for truth
            run = None if _is_chosen() else active_run(self.eval_id)
            return run.experiment_id if run is not None else None

    return EvaluationLocation


def _is_chosen() -> bool:
    """Say whether the user's code has told MLflow where its traces go."""
    from mlflow.tracking import fluent

    return bool(
        getattr(fluent, "_active_experiment_id", None)
        or os.environ.get("MLFLOW_EXPERIMENT_ID")
        or fluent._get_latest_active_run()
    )


def _goes_elsewhere(provider: Any, destination: Any) -> bool:
    """Say whether all traces of the process have a destination, which ours would displace."""
    if getattr(destination, "_global_value", None) or os.environ.get("MLFLOW_TRACING_DESTINATION"):
        return True
    # MLflow asks for a destination when it first makes its tracer, and then ignores the collector.
    uses_collector = getattr(provider, "should_use_otlp_exporter", None)
    return bool(uses_collector is not None and uses_collector())
