"""The span of a task, and the facts of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from inspect_mlflow_core.connection import SpanEventRecord, SpanRecord, SpanStatus
from inspect_mlflow_tracing._timestamps import time_ns
from inspect_mlflow_tracing.mapping import TracedTask
from inspect_mlflow_tracing.mapping.events import _names as names
from inspect_mlflow_tracing.mapping.events._errors import error_facts
from inspect_mlflow_tracing.mapping.events._values import display_name, given

from ._facts import RUNNING, SampleFacts, TaskFacts, summed
from ._metrics import metrics_line, task_metrics
from ._run_task import RunTask

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

__all__ = ["open_facts", "task_digest", "task_facts", "task_span"]

_FORM: Final = 1
"""Raised when the mapping changes, so that what an older version has written is written again."""

_STARTED: Final = "started"
_STATUS: Final[dict[str, SpanStatus]] = {RUNNING: "UNSET", "success": "OK"}


def open_facts(run: RunTask, samples: Collection[SampleFacts], *, over: bool = False) -> TaskFacts:
    """The facts of a task as far as its samples tell them.

    Args:
        run: The task.
        samples: Those that are known.
        over: Whether no more will come, although no log says how it ended.
    """
    task, ordered = run.task, sorted(samples, key=lambda sample: sample.trace_id)
    start_ns = task.created_ms * 1_000_000 or min((s.start_ns for s in ordered), default=0)
    return TaskFacts(
        task=task.task,
        model=task.model,
        status="cancelled" if over else RUNNING,
        start_ns=start_ns,
        end_ns=max((start_ns, *(sample.end_ns for sample in ordered))),
        task_id=task.task_id,
        run_id=task.run_id,
        samples=len(ordered),
        left_out_spans=sum(sample.left_out_spans for sample in ordered),
        tokens=summed(sample.tokens for sample in ordered),
        cost=summed(sample.cost for sample in ordered),
    )


def task_facts(
    run: RunTask, header: EvalLog, samples: Collection[SampleFacts], *, over: bool
) -> TaskFacts:
    """The facts of a task that its log tells.

    Args:
        run: The task.
        header: The log without samples.
        samples: Those of all its samples.
        over: Whether nobody writes the log any more, although it may not have been finished.
    """
    facts = open_facts(run, samples, over=over)
    start_ns = time_ns(str(header.stats.started_at)) or facts.start_ns
    completed_ns = time_ns(str(header.stats.completed_at)) or start_ns
    return replace(
        facts,
        status=facts.status if header.status == _STARTED else header.status,
        start_ns=start_ns,
        # Logs name whole seconds, rounded down, so that the last samples end after their task.
        end_ns=max(start_ns, completed_ns, facts.end_ns),
        result=metrics_line(task_metrics(header)),
    )


def task_span(
    run: RunTask,
    facts: TaskFacts,
    header: EvalLog | None = None,
    samples: Collection[SampleFacts] = (),
    *,
    content: Literal["full", "none"] = "full",
) -> SpanRecord:
    """The span of a task, which its samples hang under.

    Args:
        run: The task.
        facts: How it stands.
        header: The log without samples, once it tells how the task ended.
        samples: The facts of all its samples.
        content: `"none"` leaves out the text of an error.
    """
    attributes = _attributes(run, facts)
    events: tuple[SpanEventRecord, ...] = ()
    status = _STATUS.get(facts.status, "ERROR")
    message = "" if status != "ERROR" else facts.status
    if header is not None:
        attributes |= _outcome(header, samples)
        error = header.error.model_dump() if header.error is not None else None
        raised = error_facts(error, full=content == "full")
        if raised is not None:
            events, message = (raised.at(facts.end_ns),), raised.status_message
    return SpanRecord(
        trace_id=run.trace_id,
        span_id=run.span_id,
        parent_id=run.root_span_id,
        name=display_name(f"task: {run.task.task}", "task"),
        span_type=names.CHAIN,
        start_time_ns=facts.start_ns,
        end_time_ns=facts.end_ns,
        status=status,
        status_message=message if status == "ERROR" else "",
        attributes=attributes,
        events=events,
    )


def task_digest(
    run: RunTask, span: SpanRecord, facts: TaskFacts, samples: Collection[SampleFacts]
) -> str | None:
    """SHA-256 over everything that is written of a task.

    Returns:
        None when a sample cannot be told apart from another state of it.
    """
    digests = sorted((sample.trace_id, sample.digest or "") for sample in samples)
    if not all(digest for _, digest in digests):
        return None
    said = [
        _FORM,
        run.trace_id,
        _fields(span),
        [_fields(event) for event in span.events],
        replace(facts, digest=None).text,
        digests,
    ]
    text = json.dumps(said, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _attributes(run: RunTask, facts: TaskFacts) -> dict[str, Any]:
    task = run.task
    return given(
        {
            names.INPUTS: _asked(task, run.planned_samples),
            "inspect.task": task.task or None,
            "inspect.model": task.model or None,
            "inspect.eval_id": task.eval_id,
            "inspect.task_id": task.task_id or None,
            "inspect.log_location": task.log_location or None,
            "inspect.status": facts.status,
            "inspect.samples": facts.samples,
            "inspect.left_out_spans": facts.left_out_spans or None,
        }
    )


def _asked(task: TracedTask, samples: int) -> dict[str, Any]:
    return {
        "task": task.task,
        "model": task.model,
        "dataset": task.dataset,
        "samples": samples,
        "epochs": task.epochs,
    }


def _outcome(header: EvalLog, samples: Collection[SampleFacts]) -> dict[str, Any]:
    """The metrics and counts of a log; none of the texts in it."""
    metrics, results = task_metrics(header), header.results
    counts = {
        "inspect.total_samples": results.total_samples if results is not None else None,
        "inspect.completed_samples": results.completed_samples if results is not None else None,
        "inspect.failed_samples": sum(sample.failed for sample in samples),
    }
    each = {f"inspect.metric.{name}": value for name, value in metrics.items()}
    return given({names.OUTPUTS: metrics or None, **counts, **each})


def _fields(record: SpanRecord | SpanEventRecord) -> list[Any]:
    return [getattr(record, field.name) for field in fields(record) if field.name != "events"]
