"""Turns the records that hooks enqueue into traces; lives on a worker thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from inspect_mlflow_core.active_runs import active_run
from inspect_mlflow_core.background_process import BackgroundProcess, BackgroundProcessError
from inspect_mlflow_core.connection import open_trace_store
from inspect_mlflow_core.delivery import Record, delivery_worker
from inspect_mlflow_core.exceptions import (
    DeliveryError,
    LeftInLogError,
    LogReadError,
    RejectedError,
)
from inspect_mlflow_core.logs import EvalLogReader, SampleKey, canonical_location, is_remote
from inspect_mlflow_core.reporting import warn_once

from ._destination import TraceDestination
from ._progress import TracingProgress
from ._records import SampleLogged, TraceRunEnded, TraceTaskEnded
from ._task_log import begin_task, end_task_without_log, place_of_task, write_task_log
from ._task_state import TracedTaskState
from ._trace_job import SampleOutcome, deliver_samples
from .running import RunningSamplesDue

if TYPE_CHECKING:
    from inspect_mlflow_core.config import MLflowSettings

    from ._traced_task import TracedTask
    from .running_traces import RunningTraces

_Job = TypeVar("_Job")

# An evaluation that is over sooner is not worth the start of a process.
BACKGROUND_AFTER_SECONDS = 1.0


class TracingExporter:
    """Writes traces for the records of `MlflowTracingHooks`.

    Samples are read from the log, as `sync` reads them: while the evaluation runs, those that
    Inspect has written so far, and all that are left when the task is over.

    Args:
        progress: What hooks have to know of it.
    """

    name = "tracing"

    def __init__(self, progress: TracingProgress) -> None:
        self._progress = progress
        self._background = BackgroundProcess()
        self._destinations: dict[str, TraceDestination] = {}
        self._tasks: dict[str, TracedTaskState] = {}
        self._unsupported: set[str] = set()

    def export(self, records: Sequence[Record]) -> None:
        """Write records in their order; safe to repeat after a failure.

        Args:
            records: Records of this exporter.

        Raises:
            RetryableError: The server cannot take them now.
            RejectedError: The server refuses them.
        """
        logged: dict[str, SampleLogged] = {}
        for record in records:
            if record.key in self._progress.left:
                self._tasks.pop(record.key, None)
                raise LeftInLogError
            match record.payload:
                case SampleLogged() as sample:
                    logged[record.key] = sample
                case RunningSamplesDue() as due:
                    self._running_traces.show()
                    due.done = True
                case TraceTaskEnded() as ended:
                    logged.pop(record.key, None)
                    try:
                        self._end(record.key, ended)
                    except RejectedError:
                        self._tasks.pop(record.key, None)
                        raise
                case TraceRunEnded() if not self._tasks:
                    self._background.close()
        for eval_id, sample in logged.items():
            state = self._state(eval_id, sample.settings, sample.began_seconds)
            self._deliver(eval_id, state, sample.location)

    @cached_property
    def _running_traces(self) -> RunningTraces:
        # With its first import comes all of the mapping, which is not needed before.
        from .running_traces import RunningTraces

        return RunningTraces(
            self._progress.running,
            self._background,
            self._destination,
            self._unsupported,
            self._switch_off,
        )

    def _state(
        self, eval_id: str, settings: MLflowSettings, began_seconds: float
    ) -> TracedTaskState:
        if eval_id not in self._tasks:
            self._tasks[eval_id] = TracedTaskState(settings, began_seconds)
        return self._tasks[eval_id]

    def _deliver(self, eval_id: str, state: TracedTaskState, location: str) -> None:
        """Write the traces of the samples that are in the log now."""
        path = canonical_location(location)
        if is_remote(path) or not path.endswith(".eval"):
            return  # The end of the task reads other logs.
        try:
            self._prepare(eval_id, state, path)
        except LogReadError:
            return  # Not written yet, or being written at this moment: the next sample tells.
        if state.task is None or not self._is_on(state):
            return
        if state.run is not None:
            from .run_scope import deliver_run_samples

            job = state.run_job(state.run, path)
            self._take(eval_id, state, self._outcomes(state, deliver_run_samples, job))
        else:
            own = state.trace_job(state.task, path)
            self._take(eval_id, state, self._outcomes(state, deliver_samples, own))

    def _prepare(self, eval_id: str, state: TracedTaskState, path: str) -> None:
        if state.task is not None or (state.header_read and not self._is_on(state)):
            return
        with EvalLogReader.open(path) as reader:
            state.read_header(reader.header)
            if self._is_on(state):
                task = self._task(eval_id, state, reader)
                with self._switched_off_if_unsupported(state):
                    begin_task(state, task, reader)

    def _outcomes(
        self,
        state: TracedTaskState,
        deliver: Callable[[_Job], Sequence[SampleOutcome]],
        job: _Job,
    ) -> Sequence[SampleOutcome]:
        long_enough = time.monotonic() - state.began_seconds >= BACKGROUND_AFTER_SECONDS
        if long_enough and self._background.available:
            try:
                return self._background.call(deliver, job)
            except BackgroundProcessError as error:
                warn_once("tracing.background", f"traces are made in this process: {error}")
        return deliver(job)

    def _take(
        self, eval_id: str, state: TracedTaskState, outcomes: Sequence[SampleOutcome]
    ) -> None:
        failure: DeliveryError | None = None
        for outcome in outcomes:
            # Never shown as running again, even if the hook at its end is still to come.
            self._progress.running.end_written(eval_id, outcome.key)
            if outcome.retryable:
                failure = failure or outcome.error
                continue
            state.take(outcome)
            if outcome.error is not None:
                self._refused(state, outcome.key, outcome.error)
        if failure is not None:
            raise failure

    def _refused(self, state: TracedTaskState, key: SampleKey, error: DeliveryError) -> None:
        if error.cause == "traces_unsupported":
            self._switch_off(state.tracking_uri, str(error))
            return
        identifier, epoch = key
        problem = f"the trace of sample {identifier!r} epoch {epoch} was refused: {error}"
        state.problems.append(problem)
        warn_once(f"tracing.refused.{error.cause}", problem)

    @contextmanager
    def _switched_off_if_unsupported(self, state: TracedTaskState) -> Iterator[None]:
        try:
            yield
        except RejectedError as error:
            if error.cause != "traces_unsupported":
                raise
            self._switch_off(state.tracking_uri, str(error))

    def _switch_off(self, tracking_uri: str, reason: str) -> None:
        self._unsupported.add(tracking_uri)
        warn_once(f"tracing.unsupported.{tracking_uri}", f"tracing is off: {reason}")

    def _end(self, eval_id: str, ended: TraceTaskEnded) -> None:
        state = self._state(eval_id, ended.settings, time.monotonic())
        if ended.location is not None:
            self._deliver(eval_id, state, ended.location)
        if ended.superseded or ended.location is None:
            self._end_shown(eval_id, state)
        if ended.superseded:
            self._end_superseded(eval_id, state, ended.location)
            self._forget(eval_id)
            return
        try:
            complete = (
                0 if ended.location is None else self._complete(eval_id, state, ended.location)
            )
        except LogReadError as error:
            warn_once(f"tracing.log.{eval_id}", f"traces are not complete: {error}")
        else:
            self._progress.complete[eval_id] = complete
            if state.run is not None:
                self._progress.run_traces[eval_id] = state.run.trace_id
        self._forget(eval_id)

    def _forget(self, eval_id: str) -> None:
        del self._tasks[eval_id]
        self._running_traces.end_task(eval_id)

    def _end_shown(self, eval_id: str, state: TracedTaskState) -> None:
        """End the traces in progress of a task whose log cannot tell of them any more."""
        task = self._running_traces.begun_task(eval_id)
        if task is not None and self._is_on(state):
            from .traces import end_unlogged, stored_traces

            store = open_trace_store(state.tracking_uri)
            stored = stored_traces(store, task.experiment_id, eval_id)
            end_unlogged(store, task.experiment_id, stored.values(), int(time.time() * 1000))

    def _end_superseded(self, eval_id: str, state: TracedTaskState, location: str | None) -> None:
        """End the task of a replaced attempt in the trace of its run, which waits for it."""
        if state.run is None or location is None or not self._is_on(state):
            return
        try:
            self._complete(eval_id, state, location, superseded=True)
        except LogReadError:
            end_task_without_log(state)

    def _complete(
        self, eval_id: str, state: TracedTaskState, location: str, *, superseded: bool = False
    ) -> int:
        """Write what is left: samples taken over from an earlier attempt, and other logs."""
        with EvalLogReader.open(location) as reader:
            state.read_header(reader.header)
            if not self._is_on(state):
                return 0
            place_of_task(state, self._task(eval_id, state, reader), reader)
            shown = self._running_traces.begun_task(eval_id) is not None
            with self._switched_off_if_unsupported(state):
                result = write_task_log(state, reader, shown=shown, superseded=superseded)
            if not self._is_on(state):
                return 0
        for problem in result.problems:
            warn_once(f"tracing.{eval_id}.{problem[:40]}", problem)
        return max(0, result.samples - len(state.problems))

    def _task(self, eval_id: str, state: TracedTaskState, reader: EvalLogReader) -> TracedTask:
        """Return what the traces need to know of their task; its log tells, as in a sync."""
        if active_run(eval_id) is None:
            # Tracking opens the run that the traces are linked to, if it is there and on.
            delivery_worker().flush(state.settings.flush_timeout)
        destination = self._destination(state.tracking_uri)
        return destination.task(reader.header, state.settings, reader.location)

    def _destination(self, tracking_uri: str) -> TraceDestination:
        if tracking_uri not in self._destinations:
            self._destinations[tracking_uri] = TraceDestination(tracking_uri)
        return self._destinations[tracking_uri]

    def _is_on(self, state: TracedTaskState) -> bool:
        return state.settings.tracing_enabled and state.tracking_uri not in self._unsupported


__all__ = ["BACKGROUND_AFTER_SECONDS", "TracingExporter"]
