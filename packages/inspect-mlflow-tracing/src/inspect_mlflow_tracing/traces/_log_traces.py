"""Brings the traces of a whole log up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from inspect_mlflow_core.connection import ConcurrentCalls, TraceRecord, TraceStore
from inspect_mlflow_core.exceptions import DeliveryError
from inspect_mlflow_tracing._trace_job import TraceContent
from inspect_mlflow_tracing.mapping import TracedTask, sample_trace

from ._batches import TraceBatches
from ._unlogged import end_unlogged_of, stored_traces
from ._write import is_written

if TYPE_CHECKING:
    from inspect_mlflow_core.logs import EvalLogReader, SampleVersion


@dataclass(slots=True)
class LogTraces:
    """What became of the traces of a log.

    Args:
        written: Traces that were missing or different.
        unchanged: Traces that were there as they should be.
        before: Traces of the task that were there before.
        problems: One line for each sample that could not be read or written.
    """

    written: int = 0
    unchanged: int = 0
    before: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def samples(self) -> int:
        """Samples whose traces are in MLflow."""
        return self.written + self.unchanged


def write_log_traces(
    store: TraceStore,
    reader: EvalLogReader,
    task: TracedTask,
    *,
    content: TraceContent = "full",
    delivered: frozenset[SampleVersion] = frozenset(),
    shown: bool = True,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> LogTraces:
    """Write the traces of a log that MLflow lacks or holds with another content.

    Traces in progress of samples that the log does not have are ended, unless it is still being
    written.

    Args:
        store: Where to.
        reader: The open log.
        task: What the log's header says; see `traced_task`.
        content: What traces may hold.
        delivered: Samples whose traces are known to be there, which are not read.
        shown: Whether there may be traces of samples that were shown while they ran.
        progress: Called with (samples done, samples in all).

    Returns:
        What was done.

    Raises:
        RetryableError: The server cannot take them now; calling again goes on from there.
        RejectedError: The server takes no traces at all (cause `"traces_unsupported"`).
    """
    result, total = LogTraces(), len(reader.sample_keys())
    outcomes = _Outcomes()
    known = partial(_if_delivered, delivered)
    look = shown or len(delivered) < total
    stored = stored_traces(store, task.experiment_id, task.eval_id) if look else {}
    result.before = len(stored)
    logged: set[str] = set()
    with ConcurrentCalls(store.concurrency) as calls:
        batches = TraceBatches(store, calls, outcomes.written)
        for done, sample in enumerate(_samples(reader, known)):
            if batches.stopped:
                break  # Else the rest of the log would be read for nothing.
            progress(done, total)
            if sample is None:
                result.unchanged += 1
                continue
            trace = sample_trace(sample, task, content=content)
            logged.add(trace.trace_id)
            found = stored.get(trace.trace_id)
            if is_written(trace, found):
                result.unchanged += 1
            else:
                batches.add(trace, found)
        batches.flush()
    if batches.stopped_by is not None:
        raise batches.stopped_by
    progress(total, total)
    result.problems += end_unlogged_of(reader, store, task, stored, logged)
    result.written = outcomes.count
    result.problems += outcomes.problems + reader.problems
    return result


def _samples(
    reader: EvalLogReader, known: Callable[[SampleVersion], str | None]
) -> Iterator[dict[str, Any] | None]:
    for sample in reader.samples(known):
        yield None if isinstance(sample, str) else sample


def _if_delivered(delivered: frozenset[SampleVersion], version: SampleVersion) -> str | None:
    return "delivered" if version in delivered else None


class _Outcomes:
    """What became of traces, collected from several threads."""

    def __init__(self) -> None:
        self._written: list[str] = []
        self.problems: list[str] = []

    @property
    def count(self) -> int:
        """Traces that were written."""
        return len(self._written)

    def written(self, trace: TraceRecord, error: DeliveryError | None) -> None:
        """Take note of what became of one."""
        if error is None:
            self._written.append(trace.trace_id)
        else:
            name = trace.tags.get("mlflow.traceName", "a sample")
            self.problems.append(f"trace of {name}: {error}")
