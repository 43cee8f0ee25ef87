"""A tracking store reached through MLflow's own store classes: databases, files, plugins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from inspect_mlflow_core.conversion import mask_text, mask_uri
from inspect_mlflow_core.exceptions import RejectedError, RetryableError

from ._artifact_files import copy_to_local_root, local_artifact_root, upload_with_mlflow
from ._chunks import log_batches
from ._database import DATABASE_SCHEMES, check_database, sqlite_path
from ._records import DatasetInput, Experiment, MetricPoint, RunRecord, RunStatus

_RETRYABLE_CODES = frozenset(
    {"TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "INTERNAL_ERROR", "RESOURCE_CONFLICT"}
)

ARTIFACTS_FOLDER = "mlartifacts"

# What SQLite, PostgreSQL, MySQL and SQL Server say, matched as whole phrases because messages
# also hold texts of the user.
LOCKED = re.compile(
    r"database (?:table )?is locked|deadlock detected|Deadlock found when trying to get lock"
    r"|Lock wait timeout exceeded|was deadlocked on lock"
)
_UNUSABLE_FILE = re.compile(
    r"unable to open database file|attempt to write a readonly database|file is not a database"
)
_HALF_IMPORTED = "partially initialized module"
_FILE_ERRORS = (FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
# Where the package that holds a driver is named otherwise; MySQLdb is that of `mysql://`.
_DRIVER_PACKAGES = {
    "psycopg": "'psycopg[binary]'",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
}


class MlflowTrackingStore:
    """Implements `TrackingStore` on MLflow's store object for a URI.

    The store is opened at the first call, because that imports MLflow and, for a new database,
    creates its tables.

    Args:
        tracking_uri: As in `MLFLOW_TRACKING_URI`.
    """

    # An embedded database has one writer at a time.
    concurrency = 0

    def __init__(self, tracking_uri: str) -> None:
        self.tracking_uri = tracking_uri
        self._opened: Any = None

    def __repr__(self) -> str:
        """Name the store without its credentials."""
        return f"MlflowTrackingStore({mask_uri(self.tracking_uri)!r})"

    def check(self) -> str:
        """See `TrackingStore.check`: opens the store and returns MLflow's version here."""
        import mlflow

        with self.calls() as store:
            store.get_experiment_by_name("Default")
        return str(mlflow.__version__)

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """See `TrackingStore.get_experiment_by_name`."""
        with self.calls() as store:
            found = store.get_experiment_by_name(name)
        if found is None:
            return None
        return Experiment(str(found.experiment_id), found.name, found.lifecycle_stage == "deleted")

    def create_experiment(self, name: str) -> str:
        """See `TrackingStore.create_experiment`."""
        with self.calls() as store:
            location = sqlite_artifact_location(self.tracking_uri, name)
            return str(store.create_experiment(name, location, tags=[]))

    def restore_experiment(self, experiment_id: str) -> None:
        """See `TrackingStore.restore_experiment`."""
        with self.calls() as store:
            store.restore_experiment(experiment_id)

    def search_runs(
        self, experiment_ids: Sequence[str], filter_string: str, *, max_results: int = 1000
    ) -> list[RunRecord]:
        """See `TrackingStore.search_runs`."""
        with self.calls() as store:
            from mlflow.entities import ViewType

            runs = store.search_runs(
                list(experiment_ids),
                filter_string,
                ViewType.ACTIVE_ONLY,
                max_results,
                ["attributes.start_time ASC"],
            )
            return [_run_record(run) for run in runs]

    def create_run(
        self, experiment_id: str, *, name: str, start_time_ms: int, tags: Mapping[str, str]
    ) -> RunRecord:
        """See `TrackingStore.create_run`."""
        with self.calls() as store:
            from mlflow.entities import RunTag

            run_tags = [RunTag(key, value) for key, value in tags.items()]
            user = tags.get("mlflow.user", "")
            return _run_record(store.create_run(experiment_id, user, start_time_ms, run_tags, name))

    def get_run(self, run_id: str) -> RunRecord:
        """See `TrackingStore.get_run`."""
        with self.calls() as store:
            return _run_record(store.get_run(run_id))

    def update_run(
        self, run_id: str, *, status: RunStatus, end_time_ms: int | None, name: str | None = None
    ) -> None:
        """See `TrackingStore.update_run`."""
        with self.calls() as store:
            from mlflow.entities import RunStatus as MlflowRunStatus

            number = MlflowRunStatus.from_string(status)
            store.update_run_info(run_id, number, end_time_ms, name)

    def delete_run(self, run_id: str) -> None:
        """See `TrackingStore.delete_run`."""
        with self.calls() as store:
            store.delete_run(run_id)

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: Sequence[MetricPoint] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """See `TrackingStore.log_batch`."""
        with self.calls() as store:
            from mlflow.entities import Metric, Param, RunTag

            for batch in log_batches(metrics, params or {}, tags or {}):
                store.log_batch(
                    run_id,
                    metrics=[Metric(m.key, m.value, m.timestamp_ms, m.step) for m in batch.metrics],
                    params=[Param(key, value) for key, value in batch.params],
                    tags=[RunTag(key, value) for key, value in batch.tags],
                )

    def metric_history(self, run_id: str, key: str) -> list[MetricPoint]:
        """See `TrackingStore.metric_history`."""
        with self.calls() as store:
            history = store.get_metric_history(run_id, key)
            return [MetricPoint(m.key, float(m.value), m.timestamp, m.step) for m in history]

    def log_dataset(self, run_id: str, dataset: DatasetInput) -> None:
        """See `TrackingStore.log_dataset`."""
        with self.calls() as store:
            from mlflow.entities import Dataset, InputTag
            from mlflow.entities import DatasetInput as MlflowDatasetInput

            entity = Dataset(
                name=dataset.name,
                digest=dataset.digest,
                source_type=dataset.source_type,
                source=dataset.source,
                profile=dataset.profile,
            )
            tags = [InputTag("mlflow.data.context", dataset.context)]
            store.log_inputs(run_id, datasets=[MlflowDatasetInput(entity, tags)])

    def upload_artifact(self, run: RunRecord, local_path: Path, artifact_path: str) -> None:
        """See `TrackingStore.upload_artifact`."""
        root = local_artifact_root(run.artifact_uri)
        if root is not None:
            copy_to_local_root(root, local_path, artifact_path)
        else:
            upload_with_mlflow(run.artifact_uri, self.tracking_uri, local_path, artifact_path)

    @contextmanager
    def calls(self) -> Iterator[Any]:
        """Give MLflow's store object to a block, and sort what it raises.

        Yields:
            The store, opened at the first use.

        Raises:
            RetryableError: Trying again can help.
            RejectedError: It cannot.
        """
        try:
            if self._opened is None:
                self._opened = _open(self.tracking_uri)
            yield self._opened
        except (RetryableError, RejectedError):
            raise
        except Exception as error:  # SQLAlchemy, drivers and plugins raise without a common base.
            raise classified(error, self.tracking_uri) from None


def _open(tracking_uri: str) -> Any:
    from mlflow.tracking._tracking_service.utils import _get_store

    if urlsplit(tracking_uri).scheme.split("+")[0].lower() in DATABASE_SCHEMES:
        check_database(tracking_uri)
    database = sqlite_path(tracking_uri)
    # MLflow's default is a folder of the working directory, which MLflow 3.0 creates at once.
    artifacts = (database.resolve().parent / ARTIFACTS_FOLDER).as_uri() if database else None
    # The only way to a store that leaves MLflow's global tracking URI alone and knows every
    # scheme that plugins add.
    return _get_store(store_uri=tracking_uri, artifact_uri=artifacts)


def classified(error: Exception, tracking_uri: str) -> RetryableError | RejectedError:
    """Sort an error of MLflow's store into retryable and final.

    Args:
        error: What was raised.
        tracking_uri: For the message; credentials are masked.

    Returns:
        The error to raise instead, in one line and free of secrets.
    """
    text = mask_text(_first_line(error))
    where = f"MLflow store {mask_uri(tracking_uri)}"
    code = getattr(error, "error_code", None)
    if LOCKED.search(str(error)):
        return RetryableError(f"{where} is locked by another process", cause="database_locked")
    if _HALF_IMPORTED in str(error):
        # Another thread is importing MLflow at this moment.
        return RetryableError(f"{where} waits for MLflow's import", cause="import")
    if isinstance(error, ImportError):
        return _missing_package(error, where)
    if _UNUSABLE_FILE.search(str(error)) or isinstance(error, _FILE_ERRORS):
        return RejectedError(f"{where} cannot be opened: {text}", cause="database_file")
    if isinstance(error, OSError) or "OperationalError" in f"{type(error).__name__} {error}":
        return RetryableError(
            f"{where} cannot be reached: {text}", cause="connection", unreachable=True
        )
    # MLflow calls it internal, too, when a text has no form in the database's encoding.
    unfit = isinstance(error.__cause__, (TypeError, ValueError))
    if code in _RETRYABLE_CODES and not unfit:
        return RetryableError(f"{where} failed: {text}", cause=str(code).lower())
    cause = str(code).lower() if code else type(error).__name__
    return RejectedError(f"{where} refused: {text}", cause=cause, error_code=code)


def _missing_package(error: ImportError, where: str) -> RejectedError:
    package = (error.name or "").split(".")[0]
    if package in ("", "mlflow", "sqlalchemy", "alembic"):
        advice, cause = "the full MLflow: pip install mlflow", "mlflow_incomplete"
    else:
        advice = f"the driver {package}: pip install {_DRIVER_PACKAGES.get(package, package)}"
        cause = "database_driver"
    return RejectedError(f"{where} needs {advice}", cause=cause)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


def sqlite_artifact_location(tracking_uri: str, experiment_name: str) -> str | None:
    """Say where the artifacts of a new experiment in an embedded SQLite store lie.

    MLflow's default is a folder of the working directory at that moment, so that a run's files
    would be scattered by where commands were started. Beside the database they stay together.

    Args:
        tracking_uri: `sqlite:///path`.
        experiment_name: Name of the experiment.

    Returns:
        A `file:` URI, or None to leave the choice to MLflow.
    """
    path = sqlite_path(tracking_uri)
    if path is None:
        return None
    folder = re.sub(r"[^\w.-]+", "_", experiment_name).strip("._")[:80] or "experiment"
    return (path.resolve().parent / ARTIFACTS_FOLDER / folder).as_uri()


def _run_record(run: Any) -> RunRecord:
    info, data = run.info, run.data
    inputs = run.inputs.dataset_inputs if run.inputs else []
    return RunRecord(
        run_id=info.run_id,
        experiment_id=str(info.experiment_id),
        name=info.run_name or "",
        status=info.status,
        start_time_ms=info.start_time,
        end_time_ms=info.end_time or None,
        artifact_uri=info.artifact_uri,
        tags=dict(data.tags),
        params=dict(data.params),
        metrics=dict(data.metrics),
        datasets=tuple((i.dataset.name, i.dataset.digest) for i in inputs),
    )
