"""Where the traces of a task go: the experiment, and the run that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from inspect_mlflow_core.active_runs import active_run
from inspect_mlflow_core.connection import (
    TrackingStore,
    ensure_experiment,
    find_run,
    open_tracking_store,
)
from inspect_mlflow_core.reporting import warn_once

from .mapping import TracedTask, traced_task

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

    from inspect_mlflow_core.config import MLflowSettings


class TraceDestination:
    """Finds experiments and runs in one tracking store, and remembers them.

    Args:
        tracking_uri: Where the store is.
    """

    def __init__(self, tracking_uri: str) -> None:
        self.tracking_uri = tracking_uri
        self._store: TrackingStore | None = None
        self._experiments: dict[str, str] = {}

    def task(self, header: EvalLog, settings: MLflowSettings, location: str) -> TracedTask:
        """Return what the traces of a task need to know of it.

        The run is the one that tracking has opened in this process, or one that was found in the
        store by its eval id; without tracking there is none.

        Args:
            header: The log without samples.
            settings: Settings with the task's own overrides applied.
            location: Path or URI of the log.

        Raises:
            RetryableError: The server cannot be asked now.
            RejectedError: The server refuses to tell.
        """
        if settings.trace_scope == "run":
            warn_once(
                "tracing.scope",
                "trace_scope=run is not available in this version: "
                "every sample becomes a trace of its own",
            )
        opened = active_run(header.eval.eval_id)
        if opened is not None and opened.tracking_uri == self.tracking_uri:
            experiment_id, run_id = opened.experiment_id, opened.run_id
        else:
            experiment_id = self._experiment_id(settings.experiment_name)
            run_id = self._run_id(experiment_id, {"inspect.eval_id": header.eval.eval_id})
        return traced_task(
            header, experiment_id=experiment_id, run_id=run_id or None, location=location
        )

    def _experiment_id(self, name: str) -> str:
        if name not in self._experiments:
            self._experiments[name] = ensure_experiment(self._opened(), name)
        return self._experiments[name]

    def _run_id(self, experiment_id: str, identity: Mapping[str, str]) -> str:
        found = find_run(self._opened(), experiment_id, identity)
        return found.run_id if found is not None else ""

    def _opened(self) -> TrackingStore:
        if self._store is None:
            store = open_tracking_store(self.tracking_uri)
            # A short question first: a port that takes connections and never answers would
            # otherwise hold the next request for its full timeout.
            store.check()
            self._store = store
        return self._store
