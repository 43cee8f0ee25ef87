"""What is exchanged with an MLflow tracking store, free of MLflow's own classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from ._adaptive_concurrency import Concurrency

RunStatus = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]


@dataclass(frozen=True, slots=True)
class Experiment:
    """An MLflow experiment.

    Args:
        experiment_id: MLflow's id.
        name: Its name.
        deleted: True when it is in the trash.
    """

    experiment_id: str
    name: str
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One value of one metric.

    Args:
        key: Name of the metric, already acceptable to MLflow.
        value: A finite number.
        timestamp_ms: Milliseconds since the epoch.
        step: MLflow's x axis.
    """

    key: str
    value: float
    timestamp_ms: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class DatasetInput:
    """The dataset that a run was evaluated on.

    Args:
        name: At most 500 characters.
        digest: At most 36 characters; equal for equal datasets.
        source_type: Kind of the source, for example `"inspect_ai"`.
        source: JSON text that says where the dataset came from.
        profile: JSON text with its size.
        context: MLflow's `mlflow.data.context`.
    """

    name: str
    digest: str
    source_type: str
    source: str
    profile: str
    context: str = "eval"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """An MLflow run as the store holds it.

    Args:
        run_id: MLflow's id.
        experiment_id: Where it lies.
        name: Its display name.
        status: MLflow's status.
        start_time_ms: Milliseconds since the epoch.
        end_time_ms: None while it runs.
        artifact_uri: Root of its artifacts.
        tags: All tags.
        params: All params.
        metrics: Latest value of each metric.
        datasets: (name, digest) of each dataset input.
    """

    run_id: str
    experiment_id: str
    name: str
    status: str
    start_time_ms: int
    end_time_ms: int | None
    artifact_uri: str
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    datasets: tuple[tuple[str, str], ...] = ()


class TrackingStore(Protocol):
    """The few operations on MLflow that the packages need.

    Every method raises `RetryableError` when trying again can help and `RejectedError` when it
    cannot. None of them retries, and none touches MLflow's global state.

    Attributes:
        tracking_uri: As it was configured.
    """

    tracking_uri: str

    @property
    def concurrency(self) -> Concurrency:
        """Calls that may be under way at a time (`ConcurrentCalls`); 0: threads gain nothing."""
        ...

    def check(self) -> str:
        """Ask the server for a sign of life; return its version, or `""` when it tells none."""
        ...

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Return the experiment of that name, deleted ones included, or None."""
        ...

    def create_experiment(self, name: str) -> str:
        """Create an experiment and return its id."""
        ...

    def restore_experiment(self, experiment_id: str) -> None:
        """Take an experiment out of the trash."""
        ...

    def search_runs(
        self, experiment_ids: Sequence[str], filter_string: str, *, max_results: int = 1000
    ) -> list[RunRecord]:
        """Return active runs that match, oldest first."""
        ...

    def create_run(
        self, experiment_id: str, *, name: str, start_time_ms: int, tags: Mapping[str, str]
    ) -> RunRecord:
        """Create a run. Not idempotent: see `create_run_once`."""
        ...

    def get_run(self, run_id: str) -> RunRecord:
        """Return one run."""
        ...

    def update_run(
        self, run_id: str, *, status: RunStatus, end_time_ms: int | None, name: str | None = None
    ) -> None:
        """Set status, end time and name of a run."""
        ...

    def delete_run(self, run_id: str) -> None:
        """Put a run into the trash."""
        ...

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: Sequence[MetricPoint] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write metrics, params and tags, in as few requests as MLflow's limits allow."""
        ...

    def metric_history(self, run_id: str, key: str) -> list[MetricPoint]:
        """Return every point of one metric."""
        ...

    def log_dataset(self, run_id: str, dataset: DatasetInput) -> None:
        """Attach a dataset input to a run."""
        ...

    def upload_artifact(self, run: RunRecord, local_path: Path, artifact_path: str) -> None:
        """Store a file under `artifact_path` (with its file name) of a run's artifacts."""
        ...
