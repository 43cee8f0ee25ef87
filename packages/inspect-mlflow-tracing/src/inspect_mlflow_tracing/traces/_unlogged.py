"""Ends traces of samples that were shown while they ran and never reached a log."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from inspect_mlflow_core.connection import (
    SpanRecord,
    StoredTrace,
    TraceRecord,
    TraceStore,
    tag_filter,
)
from inspect_mlflow_core.exceptions import RejectedError
from inspect_mlflow_core.logs import is_being_written
from inspect_mlflow_tracing.mapping import TracedTask, span_id

if TYPE_CHECKING:
    from inspect_mlflow_core.logs import EvalLogReader

__all__ = ["end_unlogged", "end_unlogged_of", "stored_traces"]

_IN_PROGRESS: Final = "IN_PROGRESS"
_ROOT_KEY: Final = "sample"
"""The key of a sample's own span, so that the trace of a log recovered later replaces it."""

_STATUS: Final = ("inspect.status", "cancelled")
_WHY: Final = "The evaluation ended without a complete record of this sample in its log."


def stored_traces(store: TraceStore, experiment_id: str, eval_id: str) -> dict[str, StoredTrace]:
    """Return the traces of a task that MLflow has, by id.

    Args:
        store: Where they are.
        experiment_id: MLflow's experiment.
        eval_id: Inspect's eval id.
    """
    found = store.search_traces(experiment_id, tag_filter({"inspect.eval_id": eval_id}))
    return {trace.trace_id: trace for trace in found}


def end_unlogged_of(
    reader: EvalLogReader,
    store: TraceStore,
    task: TracedTask,
    stored: Mapping[str, StoredTrace],
    logged: Iterable[str],
) -> list[str]:
    """End the traces of samples that a log does not have, unless it is still being written.

    Args:
        reader: The log.
        store: Where the traces are.
        task: The task.
        stored: Its traces there, as they were before those of the log were written.
        logged: Ids of the traces of the samples that the log has.

    Returns:
        One line for each trace that MLflow refused to end.
    """
    left = [stored[key] for key in stored.keys() - set(logged)]
    if any(trace.state == _IN_PROGRESS for trace in left) and not is_being_written(reader):
        return end_unlogged(store, task.experiment_id, left, _last_change_ms(reader))
    return []


def end_unlogged(
    store: TraceStore, experiment_id: str, traces: Iterable[StoredTrace], ended_ms: int
) -> list[str]:
    """End those of some traces that are in progress, as failed.

    Args:
        store: Where they are.
        experiment_id: MLflow's experiment.
        traces: The traces.
        ended_ms: When that was at the latest, milliseconds since the epoch.

    Returns:
        One line for each trace that MLflow refused to end.

    Raises:
        RetryableError: The server cannot be told now.
    """
    problems = []
    for trace in traces:
        if trace.state != _IN_PROGRESS:
            continue
        try:
            # The span that ends it comes last: until then it is found again.
            store.set_trace_tag(trace.trace_id, *_STATUS)
            store.log_spans(_ended(trace, experiment_id, ended_ms))
        except RejectedError as error:
            problems.append(f"trace {trace.trace_id} stays in progress: {error}")
    return problems


def _ended(trace: StoredTrace, experiment_id: str, ended_ms: int) -> TraceRecord:
    root = SpanRecord(
        trace_id=trace.trace_id,
        span_id=span_id(trace.trace_id, _ROOT_KEY),
        parent_id=None,
        name=trace.tags.get("mlflow.traceName", "sample"),
        span_type="CHAIN",
        start_time_ns=ended_ms * 1_000_000,
        end_time_ns=ended_ms * 1_000_000,
        status="ERROR",
        status_message=_WHY,
    )
    return TraceRecord(
        trace_id=trace.trace_id,
        experiment_id=experiment_id,
        state="ERROR",
        request_time_ms=ended_ms,
        execution_duration_ms=0,
        request_preview="",
        response_preview="",
        tags={**trace.tags, _STATUS[0]: _STATUS[1]},
        metadata=trace.metadata,
        spans=(root,),
    )


def _last_change_ms(reader: EvalLogReader) -> int:
    return reader.file.modified_ms or int(time.time() * 1000)
