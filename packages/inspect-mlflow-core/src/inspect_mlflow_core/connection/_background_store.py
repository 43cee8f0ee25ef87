"""A tracking store whose requests another process makes.

What speaks HTTP is sixty modules. Imported beside an evaluation, they keep the interpreter's lock
from it for a tenth of a second, and hand it back and forth a thousand times meanwhile.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from inspect_mlflow_core.background_process import BackgroundProcess, BackgroundProcessError
from inspect_mlflow_core.conversion import mask_uri
from inspect_mlflow_core.exceptions import DeliveryError, RetryableError

from ._adaptive_concurrency import Concurrency
from ._http_credentials import environment_needs_mlflow
from ._open import open_tracking_store, tracking_uri_kind
from ._records import DatasetInput, Experiment, MetricPoint, RunRecord, RunStatus, TrackingStore

_opened_store = cache(open_tracking_store)


def call_store(
    tracking_uri: str, method: str, arguments: tuple[Any, ...], named: dict[str, Any]
) -> tuple[DeliveryError | None, Any]:
    """Call a method of a tracking store; made to run in a process of its own.

    Args:
        tracking_uri: As in `MLFLOW_TRACKING_URI`; its store stays open for the next call.
        method: Name of a method of `TrackingStore`.
        arguments: Its arguments.
        named: Its named arguments.

    Returns:
        The error that it raised, or None; and what it returned.
    """
    try:
        return None, getattr(_opened_store(tracking_uri), method)(*arguments, **named)
    except DeliveryError as error:
        return error, None


def worth_a_process(tracking_uri: str) -> bool:
    """Say whether a store should better be spoken to from another process.

    Only a server is, and only as long as this process has not imported what speaks to it.

    Args:
        tracking_uri: As in `MLFLOW_TRACKING_URI`.
    """
    if tracking_uri_kind(tracking_uri) != "http" or "requests" in sys.modules:
        return False
    # MLflow's own client takes seconds to import: not twice.
    return not environment_needs_mlflow()


class BackgroundTrackingStore:
    """Implements `TrackingStore` in another process, until `leave_background`.

    Args:
        tracking_uri: As in `MLFLOW_TRACKING_URI`.
        background: The other process.
    """

    def __init__(self, tracking_uri: str, background: BackgroundProcess) -> None:
        self.tracking_uri = tracking_uri
        self._background = background
        self._direct: TrackingStore | None = None

    def __repr__(self) -> str:
        """Name the server without its credentials."""
        return f"BackgroundTrackingStore({mask_uri(self.tracking_uri)!r})"

    @property
    def concurrency(self) -> Concurrency:
        """See `TrackingStore.concurrency`: the other process makes one call at a time."""
        return 0 if self._direct is None else self._direct.concurrency

    def leave_background(self) -> None:
        """Make every further call in this process, where several can be made at a time."""
        if self._direct is None:
            self._direct = open_tracking_store(self.tracking_uri)

    def check(self) -> str:
        """See `TrackingStore.check`."""
        version: str = self._call("check")
        return version

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """See `TrackingStore.get_experiment_by_name`."""
        experiment: Experiment | None = self._call("get_experiment_by_name", name)
        return experiment

    def create_experiment(self, name: str) -> str:
        """See `TrackingStore.create_experiment`."""
        experiment_id: str = self._call("create_experiment", name)
        return experiment_id

    def restore_experiment(self, experiment_id: str) -> None:
        """See `TrackingStore.restore_experiment`."""
        self._call("restore_experiment", experiment_id)

    def search_runs(
        self, experiment_ids: Sequence[str], filter_string: str, *, max_results: int = 1000
    ) -> list[RunRecord]:
        """See `TrackingStore.search_runs`."""
        runs: list[RunRecord] = self._call(
            "search_runs", list(experiment_ids), filter_string, max_results=max_results
        )
        return runs

    def create_run(
        self, experiment_id: str, *, name: str, start_time_ms: int, tags: Mapping[str, str]
    ) -> RunRecord:
        """See `TrackingStore.create_run`."""
        run: RunRecord = self._call(
            "create_run", experiment_id, name=name, start_time_ms=start_time_ms, tags=dict(tags)
        )
        return run

    def get_run(self, run_id: str) -> RunRecord:
        """See `TrackingStore.get_run`."""
        run: RunRecord = self._call("get_run", run_id)
        return run

    def update_run(
        self, run_id: str, *, status: RunStatus, end_time_ms: int | None, name: str | None = None
    ) -> None:
        """See `TrackingStore.update_run`."""
        self._call("update_run", run_id, status=status, end_time_ms=end_time_ms, name=name)

    def delete_run(self, run_id: str) -> None:
        """See `TrackingStore.delete_run`."""
        self._call("delete_run", run_id)

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: Sequence[MetricPoint] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """See `TrackingStore.log_batch`."""
        self._call(
            "log_batch",
            run_id,
            metrics=list(metrics),
            params=dict(params or {}),
            tags=dict(tags or {}),
        )

    def metric_history(self, run_id: str, key: str) -> list[MetricPoint]:
        """See `TrackingStore.metric_history`."""
        points: list[MetricPoint] = self._call("metric_history", run_id, key)
        return points

    def log_dataset(self, run_id: str, dataset: DatasetInput) -> None:
        """See `TrackingStore.log_dataset`."""
        self._call("log_dataset", run_id, dataset)

    def upload_artifact(self, run: RunRecord, local_path: Path, artifact_path: str) -> None:
        """See `TrackingStore.upload_artifact`."""
        self._call("upload_artifact", run, local_path.absolute(), artifact_path)

    def _call(self, method: str, *arguments: Any, **named: Any) -> Any:
        if self._direct is not None:
            return getattr(self._direct, method)(*arguments, **named)
        try:
            error, result = self._background.call(
                call_store, self.tracking_uri, method, arguments, named
            )
        except BackgroundProcessError as lost:
            self.leave_background()
            # Not made here at once: whether it was made there is unknown, and who tries the whole
            # batch again first looks for the run that may have been created.
            raise RetryableError(
                f"requests are sent by the evaluation's own process from now on: {lost}",
                cause="background_process",
            ) from None
        if error is not None:
            raise error
        return result
