"""Writes the trace of a run, one task at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from inspect_mlflow_core.connection import (
    SpanRecord,
    StoredTrace,
    TraceRecord,
    TraceStore,
    tag_filter,
)
from inspect_mlflow_core.exceptions import RejectedError
from inspect_mlflow_tracing.mapping import TRACE_DIGEST

from ._facts import TaskFacts, facts_in_tags, facts_tag
from ._identity import is_assessment_of
from ._run_sample import RunSample
from ._run_task import RunTask
from ._run_trace import run_identity, run_trace
from ._task_span import open_facts, task_span

__all__ = ["RunTraceWriter", "StoredRun", "begin_run_task", "stored_run"]

_MOST_ROUNDS: Final = 5
_IN_PROGRESS: Final = "IN_PROGRESS"


@dataclass(frozen=True, slots=True)
class StoredRun:
    """What MLflow says of the trace of a run.

    Args:
        trace: The trace; None where there is none yet.
        tasks: The facts of its tasks by eval id.
    """

    trace: StoredTrace | None = None
    tasks: Mapping[str, TaskFacts] = field(default_factory=dict)

    def assessments_of(self, run: RunTask) -> set[str]:
        """Ids of the assessments that were written from samples of a task."""
        found = self.trace.assessments if self.trace is not None else ()
        ids = (each.assessment_id for each in found)
        return {i for i in ids if is_assessment_of(run.trace_id, run.task.eval_id, i)}


def stored_run(store: TraceStore, run: RunTask) -> StoredRun:
    """Ask MLflow for the trace of a run.

    Args:
        store: Where it is.
        run: Any task of it.

    Raises:
        DeliveryError: The store does not answer the question.
    """
    found = store.search_traces(run.task.experiment_id, tag_filter(run_identity(run)))
    for trace in found:
        if trace.trace_id == run.trace_id:
            return StoredRun(trace, facts_in_tags(trace.tags))
    return StoredRun()


class RunTraceWriter:
    """Writes what one task adds to the trace of its run.

    All writes may be repeated, and may come in any order and from several processes: each adds
    to what is there. The trace is in progress from the first of them until its root span is
    written, which is when no known task is running any more. A task's own facts have a digest
    only while all of the task is written.

    Args:
        store: Where to.
        run: The task.
        others: What is known of the other tasks of the run.
        so_far: How the task stands; default that nothing is known of its samples.
    """

    def __init__(
        self,
        store: TraceStore,
        run: RunTask,
        others: Mapping[str, TaskFacts],
        so_far: TaskFacts | None = None,
    ) -> None:
        self._store = store
        self._run = run
        self._facts = so_far or open_facts(run, ())
        trace = run_trace(run, {**others, run.task.eval_id: self._facts})
        own = {facts_tag(run.task.eval_id): self._facts.text}
        self._trace = replace(trace, tags={**trace.tags, **own})
        self._uploaded: set[str] = set()

    def write(self, samples: Sequence[RunSample]) -> list[tuple[RunSample, RejectedError | None]]:
        """Write samples together; without any, only that the task is running.

        Args:
            samples: Not so many that their spans do not fit into memory.

        Returns:
            For each of them why it was refused, None for those that are written.

        Raises:
            RetryableError: The server cannot take them now; trying again goes on from there.
            RejectedError: The server takes no traces at all (cause `"traces_unsupported"`).
        """
        try:
            self._send(samples)
        except RejectedError as error:
            if error.cause == "traces_unsupported" or not samples:
                raise
            if len(samples) == 1:
                return [(samples[0], error)]
            return [outcome for sample in samples for outcome in self.write([sample])]
        return [(sample, None) for sample in samples]

    def remove(self, assessment_ids: set[str]) -> list[str]:
        """Remove assessments that were written from an earlier state of the log.

        Args:
            assessment_ids: Their ids.

        Returns:
            One line for each that MLflow refused to remove.
        """
        problems = []
        for identifier in sorted(assessment_ids):
            try:
                self._store.delete_assessment(self._run.trace_id, identifier)
            except RejectedError as error:
                problems.append(f"an assessment of an earlier state stays: {error}")
        return problems

    def end(self, facts: TaskFacts, span: SpanRecord) -> None:
        """Write how the task stands, after its samples.

        Args:
            facts: With the digest of the task.
            span: The span of the task.

        Raises:
            DeliveryError: See `write`.
        """
        self._store.log_spans(replace(self._trace, spans=(span,)))
        tag = facts_tag(self._run.task.eval_id)
        self._store.set_trace_tag(self._run.trace_id, tag, facts.text)
        self.settle()

    def settle(self, stored: StoredRun | None = None) -> None:
        """Give the trace the state, times and totals that follow from its tasks.

        Another process may add to the tasks meanwhile, and then settle by more than this one
        knew: so the trace is looked at again afterwards.

        Args:
            stored: How the trace stands, if that was just asked.

        Raises:
            DeliveryError: See `write`.
        """
        for _ in range(_MOST_ROUNDS):
            stored = stored or stored_run(self._store, self._run)
            if not stored.tasks:
                return
            trace = run_trace(self._run, stored.tasks)
            if trace.state == _IN_PROGRESS or is_settled(trace, stored.trace):
                return
            self._store.start_trace(replace(trace, state=_IN_PROGRESS))
            self._store.log_spans(trace)
            stored = None

    def _send(self, samples: Sequence[RunSample]) -> None:
        trace = replace(
            self._trace,
            assessments=tuple(each for sample in samples for each in sample.assessments),
            spans=(self._running_span(samples), *(s for each in samples for s in each.spans)),
        )
        location = self._store.start_trace(trace)
        for attachment in (each for sample in samples for each in sample.attachments):
            if attachment.attachment_id not in self._uploaded:
                self._store.upload_trace_attachment(location, attachment)
                self._uploaded.add(attachment.attachment_id)
        self._store.log_spans(trace)

    def _running_span(self, samples: Sequence[RunSample]) -> SpanRecord:
        """The task's span as long as it is not known how it ended, so that the tree has a shape."""
        end_ns = max((self._facts.end_ns, *(sample.facts.end_ns for sample in samples)))
        return task_span(self._run, replace(self._facts, end_ns=end_ns))


def begin_run_task(store: TraceStore, run: RunTask) -> Mapping[str, TaskFacts]:
    """Let the trace of a run show that a task of it is running.

    Args:
        store: Where to.
        run: The task.

    Returns:
        What is known of the other tasks of the run, by eval id.

    Raises:
        DeliveryError: The store does not take it.
    """
    others = {
        eval_id: facts
        for eval_id, facts in stored_run(store, run).tasks.items()
        if eval_id != run.task.eval_id
    }
    RunTraceWriter(store, run, others).write([])
    return others


def is_settled(trace: TraceRecord, stored: StoredTrace | None) -> bool:
    """Say whether a run's trace is in its final state, with everything that belongs to the root.

    Args:
        trace: As it should be.
        stored: As it is.
    """
    if stored is None or stored.state == _IN_PROGRESS:
        return False
    return stored.tags.get(TRACE_DIGEST) == trace.tags[TRACE_DIGEST]
