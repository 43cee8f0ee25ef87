"""What the hooks remember of one evaluation, on the event loop."""

from __future__ import annotations

import shlex
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from inspect_mlflow_core.activation import enter_traced_task, forget_traced_tasks
from inspect_mlflow_core.conversion import mask_uri
from inspect_mlflow_core.delivery import (
    DeferredExporter,
    FlushResult,
    Record,
    delivery_worker,
    register_exit_callback,
    unregister_exit_callback,
)
from inspect_mlflow_core.exceptions import ConfigurationError
from inspect_mlflow_core.reporting import say, warn_once

from ._progress import TrackingProgress
from ._records import RunEnded, SampleFinished, TaskEnded, TaskStarted, TaskSuperseded

if TYPE_CHECKING:
    from inspect_ai.log import EvalPlan, EvalSample, EvalSpec

    from inspect_mlflow_core.config import MLflowSettings
    from inspect_mlflow_core.connection import RunRecord

    from ._exporter import TrackingExporter
    from .autolog import AutologSession, ModelCallSuppression

_progress = TrackingProgress()


def _make_exporter() -> TrackingExporter:
    # Not at the top: hooks import this module, and would keep the evaluation waiting.
    from ._exporter import TrackingExporter

    return TrackingExporter(_progress)


_exporter = DeferredExporter("tracking", _make_exporter)


@dataclass(slots=True)
class OpenTask:
    """A task that has begun and not ended.

    Args:
        eval_id: Inspect's eval id.
        task_id: Inspect's task id, the same for every attempt.
        location: Where its log lies, once known.
    """

    eval_id: str
    task_id: str
    location: str | None = None

    def finish_sample(self, sample: EvalSample, size_bytes: int) -> None:
        """Enqueue the facts of a finished sample.

        Args:
            sample: The finished sample.
            size_bytes: What its facts weigh in the queue.
        """
        # The worker has imported it by now, unless the first sample is over in a moment.
        from .mapping import sample_facts

        facts = sample_facts(sample)
        reference = (self.eval_id, facts.id, facts.epoch)
        payload = SampleFinished(facts, self.location)
        delivery_worker().submit(Record(_exporter, self.eval_id, payload, size_bytes, reference))


@dataclass(slots=True)
class EvaluationRun:
    """One `eval()` call.

    Args:
        run_id: Inspect's run id.
        settings: Settings as they were when it began.
        tasks: Its open tasks by eval id.
        expected_tasks: How many tasks it is going to have, for each model.
    """

    run_id: str
    settings: MLflowSettings
    expected_tasks: int = 1
    tasks: dict[str, OpenTask] = field(default_factory=dict)
    _ended: dict[str, str | None] = field(default_factory=dict)
    _autolog: AutologSession | None = None
    _suppression: ModelCallSuppression | None = None

    def __post_init__(self) -> None:
        """Let the process end this evaluation should it exit in the middle."""
        delivery_worker().queue_bytes = self.settings.queue_bytes
        forget_traced_tasks()
        register_exit_callback(self.end)

    def start_autolog(self) -> None:
        """Switch provider autolog on, in a thread of its own: it imports the providers' SDKs."""
        if not (self.settings.autolog_enabled and self.settings.autolog_models):
            return
        from .autolog import AutologSession, ModelCallSuppression

        traced = self.settings.tracing_enabled
        self._suppression = ModelCallSuppression() if traced else None
        self._autolog = AutologSession(
            self.settings.autolog_models,
            tracking_uri=self.settings.tracking_uri,
            suppressing=traced,
        )
        starter = threading.Thread(
            target=self._autolog.follow, name="inspect-mlflow-autolog", daemon=True
        )
        starter.start()

    def route_traces(self, eval_id: str) -> None:
        """Send what autolog traces in this task to the experiment of its evaluation."""
        if self._autolog is not None:
            self._autolog.route(eval_id)

    def before_generate(self) -> None:
        """See `ModelCallSuppression.before_generate`."""
        if self._suppression is not None:
            self._suppression.before_generate()

    def after_generate(self) -> None:
        """See `ModelCallSuppression.after_generate`."""
        if self._suppression is not None:
            self._suppression.after_generate()

    def attempt_of(self, task_id: str) -> OpenTask | None:
        """Return the open attempt of a task, or None."""
        return next((task for task in self.tasks.values() if task.task_id == task_id), None)

    def start_task(self, spec: EvalSpec, plan: EvalPlan | None) -> None:
        """Open a task, unless its own settings switch it off.

        Args:
            spec: Its specification.
            plan: Its plan, if Inspect told it.
        """
        settings = self._task_settings(spec)
        if not settings.enabled:
            return
        self.tasks[spec.eval_id] = OpenTask(spec.eval_id, spec.task_id)
        if settings.tracing_enabled and not self.settings.tracing_enabled:
            enter_traced_task(spec.eval_id)
        self._submit(spec.eval_id, TaskStarted(spec, plan, settings))

    def supersede(self, task: OpenTask, by: EvalSpec) -> None:
        """Close an attempt that Inspect has replaced by a later one without telling its end."""
        self.tasks.pop(task.eval_id, None)
        self._submit(task.eval_id, TaskSuperseded(by))

    def end_task(self, eval_id: str, location: str | None) -> None:
        """End a task, once.

        Args:
            eval_id: Inspect's eval id.
            location: Where its log lies; None to use what is known.
        """
        task = self.tasks.pop(eval_id, None)
        if task is not None:
            self._ended[eval_id] = location or task.location
            last = not self.tasks and len(self._ended) >= self.expected_tasks
            self._submit(eval_id, TaskEnded(location or task.location, last=last))

    def end(self) -> None:
        """End whatever is still open, and the evaluation itself."""
        unregister_exit_callback(self.end)
        for eval_id in list(self.tasks):
            self.end_task(eval_id, None)
        if self._ended:
            self._submit(self.run_id, RunEnded(self.settings.tracking_uri or ""))
        if self._autolog is not None:
            self._autolog.stop()

    async def deliver(self) -> None:
        """Wait until everything is delivered, at most `flush_timeout` seconds, and say so."""
        if self._ended:
            result = await delivery_worker().flush_async(self.settings.flush_timeout)
            if result.reason == "unreachable":
                _progress.left.update([self.run_id, *self._ended])
                delivery_worker().hurry()
            self._say(result)

    def _say(self, result: FlushResult) -> None:
        delivered = {
            eval_id: run
            for eval_id in self._ended
            if (run := _progress.complete.pop(eval_id, None)) is not None
        }
        total, where = len(self._ended), mask_uri(self.settings.tracking_uri or "")
        if len(delivered) == total:
            say(f"{_count(total, 'run')} complete: {_page(where, list(delivered.values()))}")
            return
        missing = [self._ended[eval_id] for eval_id in self._ended if eval_id not in delivered]
        logs = " ".join(shlex.quote(location) for location in missing if location)
        reason = result.last_cause or ("still sending" if result.pending else "refused")
        say(
            f"{len(missing)} of {_count(total, 'run')} not complete in {where} ({reason}); "
            f"the log holds everything, later run: inspect-mlflow sync {logs}"
        )

    def _task_settings(self, spec: EvalSpec) -> MLflowSettings:
        try:
            return self.settings.for_task(spec.metadata)
        except ConfigurationError as error:
            warn_once(
                f"tracking.metadata.{spec.task}", f"{error}; the task's overrides are ignored"
            )
            return self.settings

    def _submit(self, key: str, payload: Any) -> None:
        delivery_worker().submit(Record(_exporter, key, payload))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _page(where: str, runs: list[RunRecord]) -> str:
    """Return the address at which MLflow shows the runs, or the store that holds them."""
    if not where.startswith("http"):
        return where
    page = f"{where.rstrip('/')}/#/experiments/{runs[0].experiment_id}"
    return f"{page}/runs/{runs[0].run_id}" if len(runs) == 1 else page
