"""Writes what the log of a task says, in the scope that its settings name.

What writes is imported where it is used: while an evaluation runs, another process maps its
samples, and the evaluation has to wait for what its own process imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspect_mlflow_core.connection import open_trace_store
from inspect_mlflow_core.logs import EvalLogReader

from ._task_state import TracedTaskState

if TYPE_CHECKING:
    from ._traced_task import TracedTask
    from .run_scope import RunTask
    from .traces import LogTraces

__all__ = ["begin_task", "end_task_without_log", "place_of_task", "write_task_log"]


def begin_task(state: TracedTaskState, task: TracedTask, reader: EvalLogReader) -> None:
    """Let MLflow show that a task is running, where its samples have no traces of their own.

    Args:
        state: Of the task; has its place when this has worked.
        task: What its log says of it.
        reader: The open log.

    Raises:
        DeliveryError: The store does not take it.
    """
    run = _run_task(state, task, reader)
    if run is not None:
        from .run_scope import begin_run_task

        state.others = begin_run_task(open_trace_store(state.tracking_uri), run)
    state.task, state.run = task, run


def place_of_task(state: TracedTaskState, task: TracedTask, reader: EvalLogReader) -> None:
    """Take note of where the samples of a task belong, now that its whole log tells.

    Args:
        state: Of the task. Every sample is looked at again where it has changed: the MLflow run
            was not there yet, or the header is another.
        task: What its log says of it.
        reader: The open log.
    """
    run = _run_task(state, task, reader)
    if (task, run) != (state.task, state.run):
        state.forget_delivered()
        state.task, state.run = task, run


def write_task_log(
    state: TracedTaskState, reader: EvalLogReader, *, shown: bool, superseded: bool
) -> LogTraces:
    """Write what is left of a log.

    Args:
        state: Of the task, with its place.
        reader: The open log.
        shown: Whether there may be traces of samples that were shown while they ran.
        superseded: Whether a later attempt has replaced the task.

    Raises:
        DeliveryError: The store does not take it.
    """
    store, content = open_trace_store(state.tracking_uri), state.settings.trace_content
    if state.run is not None:
        from .run_scope import write_log_run

        return write_log_run(
            store,
            reader,
            state.run,
            content=content,
            delivered=state.delivered_facts,
            written=state.written,
            superseded=superseded,
        )
    from .traces import write_log_traces

    assert state.task is not None
    delivered = frozenset(state.delivered)
    return write_log_traces(
        store, reader, state.task, content=content, delivered=delivered, shown=shown
    )


def end_task_without_log(state: TracedTaskState) -> None:
    """End a task in the trace of its run, should its log be gone.

    Args:
        state: Of the task.

    Raises:
        DeliveryError: The store does not take it.
    """
    if state.run is not None:
        from .run_scope import end_run_task

        store = open_trace_store(state.tracking_uri)
        end_run_task(store, state.run, list(state.delivered_facts.values()))


def _run_task(state: TracedTaskState, task: TracedTask, reader: EvalLogReader) -> RunTask | None:
    if state.settings.trace_scope != "run":
        return None
    from .run_scope import run_task

    return run_task(reader.header, task)
