"""Turns the records that hooks enqueue into runs; lives on the worker thread."""

from __future__ import annotations

from collections.abc import Sequence

from inspect_mlflow_core.active_runs import leave_active_run
from inspect_mlflow_core.background_process import BackgroundProcess
from inspect_mlflow_core.connection import (
    BackgroundTrackingStore,
    TrackingStore,
    open_tracking_store,
    worth_a_process,
)
from inspect_mlflow_core.delivery import Record
from inspect_mlflow_core.exceptions import (
    LeftInLogError,
    LogReadError,
    RejectedError,
    RetryableError,
)
from inspect_mlflow_core.logs import EvalLogReader
from inspect_mlflow_core.reporting import warn_once

from ._live_task import LiveTask
from ._progress import TrackingProgress
from ._records import RunEnded, SampleFinished, TaskEnded, TaskStarted, TaskSuperseded
from .mapping import milliseconds
from .mapping.tags import STATUS, SUPERSEDED_BY
from .runs import TrackingTarget


class TrackingExporter:
    """Writes runs for the records of `MlflowTrackingHooks`.

    Args:
        progress: What hooks have to know of it.
    """

    name = "tracking"

    def __init__(self, progress: TrackingProgress) -> None:
        self._progress = progress
        self._targets: dict[str, TrackingTarget] = {}
        self._reached: set[str] = set()
        self._tasks: dict[str, LiveTask] = {}
        self._background = BackgroundProcess()

    def export(self, records: Sequence[Record]) -> None:
        """Write records in their order; safe to repeat after a failure.

        Args:
            records: Records of this exporter.

        Raises:
            RetryableError: The server cannot take them now.
            RejectedError: The server refuses them.
        """
        touched: dict[str, str | None] = {}
        for record in records:
            if record.key in self._progress.left:
                task = self._tasks.pop(record.key, None)
                if task is not None:
                    task.prepared.close()
                leave_active_run(record.key)
                raise LeftInLogError
            payload = record.payload
            if isinstance(payload, SampleFinished):
                task = self._open_task(record.key)
                task.add(payload.facts)
                touched[record.key] = payload.location
            elif payload is not None:
                # A shed sample has no payload: its log holds it, and the end of the task reads it.
                self._control(record.key, payload)
        for key, location in touched.items():
            # The end of a task has written everything from its log.
            if key in self._tasks:
                self._deliver(self._tasks[key], location)

    def target(self, tracking_uri: str) -> TrackingTarget:
        """Return the target behind a URI once its server has answered.

        Args:
            tracking_uri: Where runs go.

        Returns:
            The target.
        """
        if tracking_uri not in self._targets:
            self._targets[tracking_uri] = TrackingTarget(self._opened_store(tracking_uri))
        target = self._targets[tracking_uri]
        if tracking_uri not in self._reached:
            # A short question first: a port that takes connections and never answers would
            # otherwise hold every later request for its full timeout.
            target.store.check()
            self._reached.add(tracking_uri)
        return target

    def _deliver(self, task: LiveTask, location: str | None) -> None:
        task.deliver()
        if location is not None and task.settings.log_artifacts:
            task.prepared.prepare(location)

    def _control(self, eval_id: str, payload: object) -> None:
        uri = self._tracking_uri(eval_id, payload)
        try:
            match payload:
                case TaskStarted():
                    self._start(eval_id, payload)
                case TaskEnded():
                    self._end(eval_id, payload)
                case TaskSuperseded():
                    self._supersede(eval_id, payload)
                case RunEnded():
                    self._settle(payload)
        except RetryableError as error:
            if error.unreachable and uri is not None:
                self._reached.discard(uri)
            raise

    def _tracking_uri(self, eval_id: str, payload: object) -> str | None:
        if isinstance(payload, RunEnded):
            return payload.tracking_uri
        if isinstance(payload, TaskStarted):
            return payload.settings.tracking_uri
        task = self._tasks.get(eval_id)
        return task.settings.tracking_uri if task is not None else None

    def _start(self, eval_id: str, started: TaskStarted) -> None:
        task = self._tasks.get(eval_id)
        if task is None:
            task = LiveTask(started.spec, started.plan, started.settings, self._background)
            self._tasks[eval_id] = task
        task.open(self._task_target(task))

    def _open_task(self, eval_id: str) -> LiveTask:
        task = self._tasks.get(eval_id)
        if task is None or task.writer is None:
            raise RejectedError("the run of this task could not be opened", cause="no_run")
        return task

    def _end(self, eval_id: str, ended: TaskEnded) -> None:
        task = self._tasks.get(eval_id)
        if task is None:
            return
        # Not at the top: the evaluation has to wait for what its own process imports.
        from .finished_tasks import write_task_log

        target = self._task_target(task)
        if ended.last and isinstance(target.store, BackgroundTrackingStore):
            # Nothing is left that imports could slow down, and files go up several at a time.
            target.store.leave_background()
        if ended.location is None:
            self._close_without_log(target, task, "no sample had begun")
        else:
            try:
                with EvalLogReader.open(ended.location) as reader:
                    result = write_task_log(
                        target,
                        reader,
                        task.settings,
                        writer=task.writer,
                        prepared=task.prepared,
                        last=ended.last,
                    )
                for problem in result.problems:
                    warn_once(f"tracking.{eval_id}.{problem[:40]}", problem)
            except LogReadError as error:
                self._close_without_log(target, task, str(error))
        self._forget(eval_id)

    def _close_without_log(self, target: TrackingTarget, task: LiveTask, reason: str) -> None:
        """Close a run whose log cannot be read: it then holds what arrived while it ran."""
        writer = task.open(target)
        task.deliver()
        writer.set_tags({STATUS: "KILLED", "inspect.log_problem": reason[:1000]})
        writer.set_status("KILLED", milliseconds(task.spec.created))

    def _supersede(self, eval_id: str, superseded: TaskSuperseded) -> None:
        task = self._tasks.get(eval_id)
        if task is None:
            return
        writer = task.open(self._task_target(task))
        task.deliver()
        writer.set_tags({STATUS: "KILLED", SUPERSEDED_BY: superseded.by.eval_id})
        writer.set_status("KILLED", milliseconds(superseded.by.created))
        self._forget(eval_id)

    def _settle(self, ended: RunEnded) -> None:
        target = self.target(ended.tracking_uri)
        target.settle_parents()
        target.forget()
        if not self._tasks:
            self._background.close()

    def _opened_store(self, tracking_uri: str) -> TrackingStore:
        if worth_a_process(tracking_uri):
            return BackgroundTrackingStore(tracking_uri, self._background)
        return open_tracking_store(tracking_uri)

    def _task_target(self, task: LiveTask) -> TrackingTarget:
        return self.target(task.settings.tracking_uri or "")

    def _forget(self, eval_id: str) -> None:
        task = self._tasks.pop(eval_id, None)
        if task is not None:
            task.prepared.close()
            if task.writer is not None:
                self._progress.complete[eval_id] = task.writer.run
        leave_active_run(eval_id)
