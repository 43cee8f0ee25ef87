"""Parent runs: one for each `eval()` call, or for each eval set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from inspect_mlflow_core.connection import (
    ConcurrentCalls,
    RunRecord,
    RunStatus,
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

from ._run_writer import RunWriter

if TYPE_CHECKING:
    from inspect_ai.log import EvalSpec

# The most that MLflow gives at once (`SEARCH_MAX_RESULTS_THRESHOLD`).
MOST_TASK_RUNS = 50_000


@dataclass(frozen=True, slots=True)
class RunEnding:
    """How a run ends.

    Args:
        run_id: MLflow's run id.
        status: Its status.
        end_time_ms: Milliseconds since the epoch; None while it goes on.
    """

    run_id: str
    status: RunStatus
    end_time_ms: int | None


class ParentRun:
    """A parent run and the task runs that were opened below it here.

    Args:
        record: The run as it was found or created.
        created: Whether it was created just now, so that all its task runs are known here.
    """

    def __init__(self, record: RunRecord, *, created: bool) -> None:
        self.record = record
        self._alone = created and EVAL_SET_ID not in record.tags
        self._children: dict[str, RunWriter] = {}

    def add(self, child: RunWriter) -> None:
        """Take note of a task run."""
        self._children[child.run.run_id] = child

    def settle(
        self, store: TrackingStore, ending: RunEnding | None = None, *, may_ask: bool = False
    ) -> None:
        """Give the parent the status and the times that follow from its task runs.

        Task runs of an eval set may come from several processes, and so may those of a parent
        that was there before: then the store is asked.

        Args:
            store: The tracking store.
            ending: Outcome of a task run that is being written at this moment.
            may_ask: Whether to ask the store where it has to be; otherwise nothing is done then.
        """
        if not self._alone:
            if may_ask:
                settle_parent(store, self.record)
            return
        if self._children:
            children = [_outcome(child, ending) for child in self._children.values()]
            self.record = _settle(store, self.record, children)


def _outcome(child: RunWriter, ending: RunEnding | None) -> RunRecord:
    if ending is not None and ending.run_id == child.run.run_id:
        return replace(child.run, status=ending.status, end_time_ms=ending.end_time_ms)
    return replace(child.run, status=child.status, end_time_ms=child.end_time_ms)


def parent_run(store: TrackingStore, experiment_id: str, spec: EvalSpec) -> ParentRun:
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
    run, created = create_run_once(
        store,
        experiment_id,
        parent_identity(spec),
        name=stored_text(name, RUN_NAME_CHARACTERS),
        start_time_ms=milliseconds(spec.created) or 0,
        tags=parent_tags(spec),
    )
    return ParentRun(run, created=created)


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


def _settle(store: TrackingStore, parent: RunRecord, children: list[RunRecord]) -> RunRecord:
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
    return replace(parent, status=status, end_time_ms=end_time_ms, tags={**parent.tags, **changed})


def _listed(names: Iterable[str | None]) -> str:
    return stored_text(", ".join(sorted({name for name in names if name})), TAG_VALUE_CHARACTERS)
