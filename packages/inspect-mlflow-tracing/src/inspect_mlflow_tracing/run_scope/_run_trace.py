"""The trace of a run: all that is neither of a task nor of a sample."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from inspect_mlflow_core.connection import SpanRecord, TraceRecord
from inspect_mlflow_core.conversion import (
    TRACE_ID_CHARACTERS,
    TRACE_METADATA_VALUE_CHARACTERS,
    TRACE_PREVIEW_CHARACTERS,
    TRACE_TAG_VALUE_CHARACTERS,
    clean_text,
    stored_text,
)
from inspect_mlflow_tracing.mapping import TRACE_DIGEST
from inspect_mlflow_tracing.mapping.events import _names as names

from ._facts import RUNNING, TaskFacts, summed
from ._run_task import RunTask

__all__ = ["RUN_TRACE_NAME", "run_identity", "run_trace"]

RUN_TRACE_NAME: Final = "eval_run"
"""Name of the trace of a run, and of its root span."""

_FAILED: Final = ("error", "cancelled")
"""From the worst on; anything else that is no success counts as the worst."""


def run_identity(run: RunTask) -> dict[str, str]:
    """The tags by which the trace of a run is found."""
    return {
        "inspect.run_id": stored_text(run.run_id, TRACE_TAG_VALUE_CHARACTERS),
        "inspect.trace_scope": "run",
    }


def run_trace(run: RunTask, tasks: Mapping[str, TaskFacts]) -> TraceRecord:
    """The trace of a run without what belongs to its tasks and samples.

    Args:
        run: Any task of it.
        tasks: The facts of all tasks, by eval id.

    Returns:
        In progress, without spans, while a task is running; else in its final state, with the
        root span and a digest. Earlier attempts at a task count for times and totals only.
    """
    ordered = _ordered(tasks)
    standing = _standing(ordered)
    start_ns = min(facts.start_ns for facts in ordered)
    end_ns = max(facts.end_ns for facts in ordered)
    status = _status(standing)
    over = status != RUNNING
    trace = TraceRecord(
        trace_id=run.trace_id,
        experiment_id=run.task.experiment_id,
        state="IN_PROGRESS" if not over else "OK" if status == "success" else "ERROR",
        request_time_ms=start_ns // 1_000_000,
        execution_duration_ms=end_ns // 1_000_000 - start_ns // 1_000_000 if over else None,
        request_preview=stored_text(_asked(standing), TRACE_PREVIEW_CHARACTERS),
        response_preview=stored_text(_results(standing), TRACE_PREVIEW_CHARACTERS),
        client_request_id=_short(run.run_id),
        tags=_tags(run, ordered, status),
        metadata=_metadata(ordered),
    )
    return _ended(trace, _root(run, standing, status, start_ns, end_ns)) if over else trace


def _ordered(tasks: Mapping[str, TaskFacts]) -> list[TaskFacts]:
    """Tasks as they began, so that nothing depends on the order in which they were written."""

    def place(eval_id: str) -> tuple[int, bool, int, str]:
        facts = tasks[eval_id]
        # Logs name whole seconds, in which one attempt may follow another.
        return facts.start_ns, facts.status == RUNNING, facts.end_ns, eval_id

    return [tasks[eval_id] for eval_id in sorted(tasks, key=place)]


def _standing(ordered: Sequence[TaskFacts]) -> list[TaskFacts]:
    """The last attempt at each task; what became of earlier ones decides nothing."""
    last = {facts.task_id: index for index, facts in enumerate(ordered) if facts.task_id}
    return [f for index, f in enumerate(ordered) if last.get(f.task_id, index) == index]


def _status(tasks: Iterable[TaskFacts]) -> str:
    statuses = {facts.status for facts in tasks}
    for status in (RUNNING, *_FAILED):
        if status in statuses:
            return status
    return "success" if statuses == {"success"} else _FAILED[0]


def _root(
    run: RunTask, tasks: Sequence[TaskFacts], status: str, start_ns: int, end_ns: int
) -> SpanRecord:
    """The root span, which tells of the tasks that stand."""
    failed = status != "success"
    results = {f"{facts.task} ({facts.model})": facts.result for facts in tasks if facts.result}
    attributes: dict[str, Any] = {
        names.INPUTS: {"tasks": [{"task": each.task, "model": each.model} for each in tasks]},
        "inspect.run_id": run.run_id,
        "inspect.status": status,
        "inspect.task_count": len(tasks),
        "inspect.samples": sum(facts.samples for facts in tasks),
    }
    if results:
        attributes[names.OUTPUTS] = results
    return SpanRecord(
        trace_id=run.trace_id,
        span_id=run.root_span_id,
        parent_id=None,
        name=RUN_TRACE_NAME,
        span_type=names.CHAIN,
        start_time_ns=start_ns,
        end_time_ns=end_ns,
        status="ERROR" if failed else "OK",
        status_message=status if failed else "",
        attributes=attributes,
    )


def _ended(trace: TraceRecord, root: SpanRecord) -> TraceRecord:
    said = [
        trace.state,
        trace.request_time_ms,
        trace.execution_duration_ms,
        trace.request_preview,
        trace.response_preview,
        dict(trace.tags),
        dict(trace.metadata),
        [root.start_time_ns, root.end_time_ns, root.status_message, dict(root.attributes)],
    ]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode("ascii")).hexdigest()
    return replace(trace, spans=(root,), tags={**trace.tags, TRACE_DIGEST: digest})


def _tags(run: RunTask, tasks: Sequence[TaskFacts], status: str) -> dict[str, str]:
    left_out = sum(facts.left_out_spans for facts in tasks)
    tags = {
        "mlflow.traceName": RUN_TRACE_NAME,
        **run_identity(run),
        "inspect.eval_set_id": run.task.eval_set_id,
        "inspect.tasks": _listed(facts.task for facts in tasks),
        "inspect.models": _listed(facts.model for facts in tasks),
        "inspect.status": status,
        "inspect.left_out_spans": str(left_out) if left_out else None,
    }
    return _texts(tags, TRACE_TAG_VALUE_CHARACTERS)


def _metadata(tasks: Sequence[TaskFacts]) -> dict[str, str]:
    tokens = summed(facts.tokens for facts in tasks)
    cost = summed(facts.cost for facts in tasks)
    metadata = {
        "mlflow.trace_schema.version": "3",
        "mlflow.sourceRun": next((facts.run_id for facts in tasks if facts.run_id), None),
        "mlflow.source.name": _listed(facts.task for facts in tasks),
        "mlflow.source.type": "LOCAL",
        "mlflow.trace.tokenUsage": json.dumps(tokens) if tokens else None,
        "mlflow.trace.cost": json.dumps(cost) if cost else None,
    }
    return _texts(metadata, TRACE_METADATA_VALUE_CHARACTERS)


def _asked(tasks: Iterable[TaskFacts]) -> str:
    return ", ".join(f"{facts.task} ({facts.model})" for facts in tasks)


def _results(tasks: Iterable[TaskFacts]) -> str:
    return "\n".join(f"{facts.task}: {facts.result}" for facts in tasks if facts.result)


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(sorted({text for text in texts if text}))


def _short(identifier: str) -> str | None:
    fits = len(identifier) <= TRACE_ID_CHARACTERS and clean_text(identifier) == identifier
    return identifier if fits else None


def _texts(values: Mapping[str, str | None], limit: int) -> dict[str, str]:
    return {name: stored_text(text, limit) for name, text in values.items() if text}
