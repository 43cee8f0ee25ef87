"""Parent runs: one for each `eval()` call, or for each eval set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from inspect_mlflow_core.connection import (
    RunRecord,
    TrackingStore,
    create_run_once,
    tag_filter,
)
from inspect_mlflow_core.conversion import RUN_NAME_CHARACTERS, TAG_VALUE_CHARACTERS, stored_text
from inspect_mlflow_tracking.mapping import milliseconds, parent_status
from inspect_mlflow_tracking.mapping.tags import (
    EVAL_ID,
    EVAL_SET_ID,
    PARENT_RUN_ID,
    STATUS,
    SUPERSEDED_BY,
    TASK_ID,
    parent_identity,
    parent_tags,
)

from ._concurrent import ConcurrentCalls

if TYPE_CHECKING:
    from inspect_ai.log import EvalSpec

# The most that MLflow gives at once (`SEARCH_MAX_RESULTS_THRESHOLD`).
MOST_TASK_RUNS = 50_000


def parent_run(store: TrackingStore, experiment_id: str, spec: EvalSpec) -> RunRecord:
    """Return the parent run of a task, created if it was missing.

    Args:
        store: The tracking store.
        experiment_id: The experiment of the task.
        spec: Specification of the task.

    Returns:
        The parent run.
    """
    eval_set_id = getattr(spec, "eval_set_id", None)
    name = f"eval-set-{eval_set_id}" if eval_set_id else f"eval-{spec.run_id or spec.eval_id}"
    run, _ = create_run_once(
        store,
        experiment_id,
        parent_identity(spec),
        name=stored_text(name, RUN_NAME_CHARACTERS),
        start_time_ms=milliseconds(spec.created) or 0,
        tags=parent_tags(spec),
    )
    return run


def task_runs(store: TrackingStore, parent: RunRecord) -> list[RunRecord]:
    """Return the task runs of a parent, oldest first."""
    children = tag_filter({PARENT_RUN_ID: parent.run_id})
    return store.search_runs([parent.experiment_id], children, max_results=MOST_TASK_RUNS)


def mark_superseded(store: TrackingStore, children: list[RunRecord]) -> list[RunRecord]:
    """Tag attempts of an eval set that a later attempt of the same task has replaced.

    An attempt that is still open was abandoned by Inspect and is closed as KILLED.

    Args:
        store: The tracking store.
        children: Task runs of one eval set.

    Returns:
        The runs that stand: the newest attempt of each task.
    """
    by_task: dict[str, list[RunRecord]] = {}
    for child in children:
        by_task.setdefault(child.tags.get(TASK_ID, child.run_id), []).append(child)
    standing = []
    for attempts in by_task.values():
        attempts.sort(key=lambda run: (run.start_time_ms, run.tags.get(EVAL_ID, "")))
        standing.append(attempts[-1])
        for older, newer in zip(attempts, attempts[1:], strict=False):
            _supersede(store, older, newer.tags.get(EVAL_ID, newer.run_id))
    return standing


def _supersede(store: TrackingStore, run: RunRecord, by_eval_id: str) -> None:
    tags = {SUPERSEDED_BY: by_eval_id}
    if run.status == "RUNNING":
        tags[STATUS] = "KILLED"
    changed = {name: value for name, value in tags.items() if run.tags.get(name) != value}
    if changed:
        store.log_batch(run.run_id, tags=changed)
    if run.status == "RUNNING":
        store.update_run(run.run_id, status="KILLED", end_time_ms=run.start_time_ms)


def settle_parent(store: TrackingStore, parent: RunRecord) -> None:
    """Give a parent the status and the times that follow from its task runs.

    Args:
        store: The tracking store.
        parent: The parent run, as it was when it was found or created.
    """
    parents: list[RunRecord] = []
    with ConcurrentCalls(store.concurrency) as calls:
        calls.start(lambda: parents.append(store.get_run(parent.run_id)))
        children = task_runs(store, parent)
    (current,) = parents
    if EVAL_SET_ID in current.tags:
        children = mark_superseded(store, children)
    if children:
        _settle(store, current, children)


def _settle(store: TrackingStore, parent: RunRecord, children: list[RunRecord]) -> None:
    status = parent_status(child.status for child in children)
    ends = [child.end_time_ms for child in children if child.end_time_ms is not None]
    end_time_ms = None if status == "RUNNING" or not ends else max(ends)
    tags = {
        STATUS: status,
        "inspect.tasks": _listed(child.tags.get("inspect.task") for child in children),
        "inspect.models": _listed(child.tags.get("inspect.model") for child in children),
    }
    changed = {name: value for name, value in tags.items() if parent.tags.get(name) != value}
    with ConcurrentCalls(store.concurrency) as calls:
        if changed:
            calls.start(lambda: store.log_batch(parent.run_id, tags=changed))
        if (parent.status, parent.end_time_ms) != (status, end_time_ms):
            store.update_run(parent.run_id, status=status, end_time_ms=end_time_ms)


def _listed(names: Iterable[str | None]) -> str:
    return stored_text(", ".join(sorted({name for name in names if name})), TAG_VALUE_CHARACTERS)
