"""Inspect's hooks, which only enqueue: a worker thread does everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from inspect_ai.hooks import (
    Hooks,
    RunEnd,
    RunStart,
    SampleEnd,
    SampleEvent,
    SampleInit,
    SampleStart,
    TaskEnd,
    TaskStart,
)

from inspect_mlflow_core.activation import Activation, any_task_traced

if TYPE_CHECKING:
    from inspect_mlflow_core.config import MLflowSettings

    from ._evaluation import TracedEvaluation


class MlflowTracingHooks(Hooks):
    """Makes every finished sample of an evaluation an MLflow trace.

    Active when a tracking URI is configured and tracing is switched on
    (`INSPECT_MLFLOW_TRACING_ENABLED` or `MLFLOW_INSPECT_TRACING`); on by itself where tracing is
    installed without tracking. No method waits for the network, a file or the worker, except the
    end of a run, which gives delivery up to `flush_timeout` seconds.
    """

    def __init__(self) -> None:
        self._activation = Activation()
        self._runs: dict[str, TracedEvaluation] = {}
        self._attempts: dict[str, str] = {}

    @property
    def settings(self) -> MLflowSettings:
        """The settings in force.

        Raises:
            ConfigurationError: A setting has a wrong value; the message names the variable.
        """
        from inspect_mlflow_core.config import load_settings

        return self._activation.current_settings() or load_settings()

    def enabled(self) -> bool:
        """Say whether tracing is on; never raises, and costs microseconds.

        An evaluation that has begun is traced to its end, whatever becomes of the variables.
        """
        return bool(self._runs) or self._active_settings() is not None

    async def on_run_start(self, data: RunStart) -> None:
        """Read the settings of the run."""
        self._run(data.run_id)

    async def on_task_start(self, data: TaskStart) -> None:
        """Take note of an attempt, which replaces an earlier one of the same task."""
        run = self._run(data.run_id)
        earlier = self._attempts.get(data.spec.task_id)
        self._attempts[data.spec.task_id] = data.eval_id
        if run is not None and earlier is not None and earlier != data.eval_id:
            run.drop_task(earlier)
        if run is not None:
            run.start_task(data.spec)

    async def on_sample_init(self, data: SampleInit) -> None:
        """Take note of a sample, and learn where its log lies."""
        run = self._run(data.run_id)
        if run is not None:
            run.start_sample(data.eval_id, data.sample_id, data.summary)

    async def on_sample_start(self, data: SampleStart) -> None:
        """Learn where the log lies, for versions that do not know it at the sample's init."""
        run = self._run(data.run_id)
        if run is not None:
            run.learn_location(data.eval_id)

    async def on_sample_event(self, data: SampleEvent) -> None:
        """Nothing: events come incomplete and out of order; transcript and log have them all."""

    async def on_sample_end(self, data: SampleEnd) -> None:
        """Enqueue that a sample is complete."""
        run = self._run(data.run_id)
        if run is not None:
            sample = data.sample
            run.finish_sample(data.eval_id, data.sample_id, sample.id, sample.epoch)

    async def on_task_end(self, data: TaskEnd) -> None:
        """Enqueue the end of a task that went through."""
        run = self._run(data.run_id)
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
        self._attempts.clear()
        # The wait must also happen when the run was cancelled.
        with anyio.CancelScope(shield=True):
            await run.deliver()

    def _active_settings(self) -> MLflowSettings | None:
        settings = self._activation.current_settings()
        if settings is None or settings.tracing_enabled or any_task_traced():
            return settings
        return None

    def _run(self, run_id: str) -> TracedEvaluation | None:
        run = self._runs.get(run_id)
        if run is None:
            settings = self._active_settings()
            if settings is None:
                return None
            # Not at the top: without a tracking URI, Inspect's start-up must stay as it is.
            from ._evaluation import TracedEvaluation

            run = self._runs[run_id] = TracedEvaluation(run_id, settings)
        return run


__all__ = ["MlflowTracingHooks"]
