"""Inspect's hooks, which only enqueue: the worker thread does everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from inspect_ai.hooks import (
    BeforeModelGenerate,
    Hooks,
    ModelCacheUsageData,
    ModelUsageData,
    RunEnd,
    RunStart,
    SampleAttemptStart,
    SampleEnd,
    SampleInit,
    SampleStart,
    TaskEnd,
    TaskStart,
)

from inspect_mlflow_core.activation import Activation
from inspect_mlflow_core.current_log import current_log_location

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from inspect_mlflow_core.config import MLflowSettings

    from ._evaluation import EvaluationRun, OpenTask
    from .artifacts import ArtifactManager

# What a finished sample weighs in the queue: its facts, not its messages.
_SAMPLE_BYTES = 1_000


class MlflowTrackingHooks(Hooks):
    """Tracks evaluations as MLflow runs: one parent per `eval()`, one child per task.

    Active when a tracking URI is configured (`INSPECT_MLFLOW_TRACKING_URI` or
    `MLFLOW_TRACKING_URI`). No method waits for the network, a file or the worker, except the end
    of a run, which gives delivery up to `flush_timeout` seconds.
    """

    def __init__(self) -> None:
        self._activation = Activation()
        self._runs: dict[str, EvaluationRun] = {}

    @property
    def settings(self) -> MLflowSettings:
        """The settings in force.

        Raises:
            ConfigurationError: A setting has a wrong value; the message names the variable.
        """
        from inspect_mlflow_core.config import load_settings

        return self._activation.current_settings() or load_settings()

    @property
    def client(self) -> MlflowClient:
        """An `MlflowClient` of the configured tracking URI, for your own queries."""
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.settings.tracking_uri)

    @property
    def artifact_manager(self) -> ArtifactManager:
        """Writes the artifacts of an eval log into a run of your own choice."""
        from .artifacts import ArtifactManager

        return ArtifactManager(self.client)

    def enabled(self) -> bool:
        """Say whether tracking is on; never raises, and costs microseconds.

        An evaluation that has begun is tracked to its end, whatever becomes of the variables.
        """
        return bool(self._runs) or self._activation.is_active()

    async def on_run_start(self, data: RunStart) -> None:
        """Read the settings of the run and switch autolog on."""
        run = self._run(data.run_id)
        if run is not None:
            run.expected_tasks = len(data.task_names)
            run.start_autolog()

    async def on_task_start(self, data: TaskStart) -> None:
        """Open the run of a task; a later attempt of the same task closes the earlier one."""
        run = self._run(data.run_id)
        if run is None:
            return
        earlier = run.attempt_of(data.spec.task_id)
        run.start_task(data.spec, getattr(data, "plan", None))
        if earlier is not None and earlier.eval_id != data.eval_id:
            run.supersede(earlier, data.spec)

    async def on_sample_init(self, data: SampleInit) -> None:
        """Learn where the log lies: no other hook tells before the end of the task."""
        self._learn_location(data.run_id, data.eval_id)

    async def on_sample_start(self, data: SampleStart) -> None:
        """Learn where the log lies, for versions that do not know it at the sample's init."""
        self._learn_location(data.run_id, data.eval_id)

    async def on_sample_attempt_start(self, data: SampleAttemptStart) -> None:
        """Let autolog's traces of this sample go to the experiment of its evaluation."""
        run = self._runs.get(data.run_id)
        if run is not None:
            run.route_traces(data.eval_id)

    async def on_sample_end(self, data: SampleEnd) -> None:
        """Enqueue the facts of a finished sample."""
        task = self._task(data.run_id, data.eval_id)
        if task is not None:
            task.finish_sample(data.sample, _SAMPLE_BYTES)

    async def on_task_end(self, data: TaskEnd) -> None:
        """Enqueue the end of a task that went through."""
        run = self._runs.get(data.run_id)
        if run is not None:
            run.end_task(data.eval_id, data.log.location or None)

    async def on_run_end(self, data: RunEnd) -> None:
        """End the tasks that got no end of their own, then wait for delivery for a while."""
        run = self._runs.pop(data.run_id, None)
        if run is None:
            return
        for log in data.logs:
            run.end_task(log.eval.eval_id, log.location or None)
        run.end()
        # The wait must also happen when the run was cancelled.
        with anyio.CancelScope(shield=True):
            await run.deliver()

    async def on_before_model_generate(self, data: BeforeModelGenerate) -> None:
        """Keep provider autolog from tracing a call that our own traces hold already."""
        run = self._latest_run()
        if run is not None:
            if data.eval_id:
                run.route_traces(data.eval_id)
            run.before_generate()

    async def on_model_usage(self, data: ModelUsageData) -> None:
        """Let provider autolog trace again what user code calls."""
        run = self._latest_run()
        if run is not None:
            run.after_generate()

    async def on_model_cache_usage(self, data: ModelCacheUsageData) -> None:
        """Let provider autolog trace again what user code calls."""
        run = self._latest_run()
        if run is not None:
            run.after_generate()

    def _run(self, run_id: str) -> EvaluationRun | None:
        run = self._runs.get(run_id)
        if run is None:
            settings = self._activation.current_settings()
            if settings is None:
                return None
            # Not at the top: without a tracking URI, Inspect's start-up must stay as it is.
            from ._evaluation import EvaluationRun

            run = self._runs[run_id] = EvaluationRun(run_id, settings)
        return run

    def _latest_run(self) -> EvaluationRun | None:
        # Inspect runs one evaluation per process at a time; hooks of model calls may lack its id.
        return next(reversed(self._runs.values()), None) if self._runs else None

    def _task(self, run_id: str, eval_id: str) -> OpenTask | None:
        run = self._runs.get(run_id)
        return run.tasks.get(eval_id) if run is not None else None

    def _learn_location(self, run_id: str, eval_id: str) -> None:
        task = self._task(run_id, eval_id)
        if task is not None and task.location is None:
            task.location = current_log_location()


__all__ = ["MlflowTrackingHooks"]
