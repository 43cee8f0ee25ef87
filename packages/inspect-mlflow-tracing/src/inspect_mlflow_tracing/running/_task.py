"""Which tasks have their samples shown while they run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inspect_mlflow_core.exceptions import ConfigurationError

if TYPE_CHECKING:
    from inspect_ai.log import EvalSpec

    from inspect_mlflow_core.config import MLflowSettings

__all__ = ["RunningTask", "running_task"]


@dataclass(frozen=True, slots=True)
class RunningTask:
    """A task whose samples are shown while they run.

    Args:
        spec: What Inspect says of it at its start, as later in the header of its log.
        settings: Settings with the task's own overrides applied.
    """

    spec: EvalSpec
    settings: MLflowSettings


def running_task(spec: EvalSpec, settings: MLflowSettings) -> RunningTask | None:
    """The task, if its samples are to be shown while they run.

    They are not where the log will lack what was shown, so that nothing could replace it, and
    MLflow cannot remove a span: where samples are not logged, and where a failed sample is tried
    again. Of a failed attempt Inspect logs only what happened since the last call of a model
    (`EvalRetryError.events`), and nobody knows of an attempt whether it will fail.

    Args:
        spec: What Inspect says of the task.
        settings: Settings of the evaluation.
    """
    try:
        settings = settings.for_task(spec.metadata)
    except ConfigurationError:
        # Who reads the log warns of it, and goes by the settings of the evaluation.
        settings = settings.for_task(None)
    wanted = settings.enabled and settings.tracing_enabled and settings.trace_running_samples
    if not wanted:
        return None
    if spec.config.log_samples is False or spec.config.retry_on_error:
        return None
    return RunningTask(spec, settings)
