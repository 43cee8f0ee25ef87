"""Where the traces of a task go: the experiment, and the run that they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from inspect_mlflow_core.active_runs import active_run
from inspect_mlflow_core.connection import (
    TrackingStore,
    ensure_experiment,
    find_run,
    open_tracking_store,
)

from ._traced_task import TracedTask, traced_task

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

    from inspect_mlflow_core.config import MLflowSettings

_PARENT_RUN_ID: Final = "mlflow.parentRunId"


class TraceDestination:
    """Finds experiments and runs in one tracking store, and remembers them.

    Args:
        tracking_uri: Where the store is.
    """

    def __init__(self, tracking_uri: str) -> None:
        self.tracking_uri = tracking_uri
        self._store: TrackingStore | None = None
        self._experiments: dict[str, str] = {}
        self._parents: dict[str, str] = {}

    def task(self, header: EvalLog, settings: MLflowSettings, location: str) -> TracedTask:
        """Return what the traces of a task need to know of it.

        The run is the one that tracking has opened in this process, or one that was found in the
        store by its eval id; without tracking there is none. The trace of a whole `eval()` belongs
        to the run above it, where it has one.

        Args:
            header: The log without samples.
            settings: Settings with the task's own overrides applied.
            location: Path or URI of the log.

        Raises:
            RetryableError: The server cannot be asked now.
            RejectedError: The server refuses to tell.
        """
        eval_id = header.eval.eval_id
        opened = active_run(eval_id)
        if opened is not None and opened.tracking_uri == self.tracking_uri:
            experiment_id, run_id = opened.experiment_id, opened.run_id
        else:
            experiment_id = self._experiment_id(settings.experiment_name)
            run_id = self._run_id(experiment_id, eval_id)
        if settings.trace_scope == "run" and run_id:
            run_id = self._parent_id(run_id) or run_id
        return traced_task(
            header, experiment_id=experiment_id, run_id=run_id or None, location=location
        )

    def _experiment_id(self, name: str) -> str:
        if name not in self._experiments:
            self._experiments[name] = ensure_experiment(self._opened(), name)
        return self._experiments[name]

    def _run_id(self, experiment_id: str, eval_id: str) -> str:
        found = find_run(self._opened(), experiment_id, {"inspect.eval_id": eval_id})
        if found is None:
            return ""
        self._parents[found.run_id] = found.tags.get(_PARENT_RUN_ID, "")
        return found.run_id

    def _parent_id(self, run_id: str) -> str:
        if run_id not in self._parents:
            run = self._opened().get_run(run_id)
            self._parents[run_id] = run.tags.get(_PARENT_RUN_ID, "")
        return self._parents[run_id]

    def _opened(self) -> TrackingStore:
        if self._store is None:
            store = open_tracking_store(self.tracking_uri)
            # A short question first: a port that takes connections and never answers would
            # otherwise hold the next request for its full timeout.
            store.check()
            self._store = store
        return self._store
