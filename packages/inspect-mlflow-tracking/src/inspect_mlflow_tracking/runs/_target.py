"""Where the runs of one evaluation go: the store, the experiment, the parent run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspect_mlflow_core.connection import (
    TrackingStore,
    create_run_once,
    ensure_experiment,
)
from inspect_mlflow_core.conversion import RUN_NAME_CHARACTERS, stored_text
from inspect_mlflow_tracking.mapping import milliseconds
from inspect_mlflow_tracking.mapping.tags import (
    PARENT_RUN_ID,
    STATUS,
    specification_tags,
    task_identity,
)

from ._parents import ParentRun, RunEnding, parent_run
from ._run_writer import RunWriter

if TYPE_CHECKING:
    from inspect_ai.log import EvalSpec

    from inspect_mlflow_core.config import MLflowSettings


class TrackingTarget:
    """Opens runs in one tracking store and remembers experiments and parents.

    Args:
        store: The tracking store.
    """

    def __init__(self, store: TrackingStore) -> None:
        self.store = store
        self._experiments: dict[str, str] = {}
        self._parents: dict[tuple[str, str], ParentRun] = {}

    def experiment_id(self, name: str) -> str:
        """Return the id of an experiment, created or restored where needed."""
        if name not in self._experiments:
            self._experiments[name] = ensure_experiment(self.store, name)
        return self._experiments[name]

    def parent(self, experiment_id: str, spec: EvalSpec) -> ParentRun:
        """Return the parent run of a task in an experiment."""
        key = (experiment_id, getattr(spec, "eval_set_id", None) or spec.run_id or spec.eval_id)
        if key not in self._parents:
            self._parents[key] = parent_run(self.store, experiment_id, spec)
        return self._parents[key]

    def open_task_run(self, spec: EvalSpec, settings: MLflowSettings) -> RunWriter:
        """Return the writer of a task's run, found by its eval id or created.

        Args:
            spec: Specification of the task.
            settings: Settings with the task's own overrides applied.

        Returns:
            A writer.
        """
        experiment_id = self.experiment_id(settings.experiment_name)
        parent = self.parent(experiment_id, spec)
        tags = {**specification_tags(spec), PARENT_RUN_ID: parent.record.run_id, STATUS: "RUNNING"}
        run, created = create_run_once(
            self.store,
            experiment_id,
            task_identity(spec),
            name=run_name(spec, settings),
            start_time_ms=milliseconds(spec.created) or 0,
            tags=tags,
        )
        writer = RunWriter(self.store, run, created=created)
        parent.add(writer)
        return writer

    def settle_parents(self) -> None:
        """Bring every parent that was used to the status of its task runs."""
        for parent in self._parents.values():
            parent.settle(self.store, may_ask=True)

    def foresee(self, ending: RunEnding) -> None:
        """Bring parents to the status that they have once the last of their tasks has ended.

        What cannot be known here is left to `settle_parents`.

        Args:
            ending: How that task ends, which is being written at this moment.
        """
        for parent in self._parents.values():
            parent.settle(self.store, ending)

    def forget(self) -> None:
        """Look experiments and parents up again; they may have been deleted meanwhile."""
        self._experiments.clear()
        self._parents.clear()


def run_name(spec: EvalSpec, settings: MLflowSettings) -> str:
    """Return the display name of a task run.

    Args:
        spec: Specification of the task.
        settings: Settings with the task's own overrides applied.

    Returns:
        The configured name, or `<task>-<short model>-<eval_id>`.
    """
    short_model = spec.model.rsplit("/", 1)[-1]
    name = settings.run_name or f"{spec.task}-{short_model}-{spec.eval_id}"
    return stored_text(name, RUN_NAME_CHARACTERS)
