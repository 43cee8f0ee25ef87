"""Checks of the tracking store: it answers, takes the credentials, and lets us write."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from inspect_mlflow._doctor._check import Check
from inspect_mlflow_core.connection import (
    MetricPoint,
    RunRecord,
    TrackingStore,
    ensure_experiment,
    open_trace_store,
    open_tracking_store,
    tag_filter,
    tracking_uri_kind,
)
from inspect_mlflow_core.conversion import mask_text
from inspect_mlflow_core.exceptions import DeliveryError, RejectedError, RetryableError
from inspect_mlflow_core.util import truncate

if TYPE_CHECKING:
    from inspect_mlflow_core.config import MLflowSettings

OLDEST_FOR_RUNS: Final = (3, 0)
TRACES_UNSUPPORTED: Final = "traces_unsupported"

_CREDENTIALS_ADVICE = (
    "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
)
_URI_ADVICE = "check the tracking URI"
_LONGEST_REASON: Final = 240
_RUN_TAGS = {"mlflow.source.name": "inspect-mlflow doctor", "inspect.role": "doctor"}


def store_checks(settings: MLflowSettings) -> Iterator[Check]:
    """Check the store from its first sign of life to an artifact, up to what fails.

    What is written for it, one run, is deleted again.

    Args:
        settings: With a tracking URI.
    """
    probe = StoreProbe(settings, settings.tracking_uri or "")
    try:
        for name, step in probe.steps():
            check = _outcome(name, step, tracking_uri_kind(probe.tracking_uri))
            yield check
            if check.status == "fail":
                break
    finally:
        probe.delete_run()


def release_of(version: str) -> tuple[int, int] | None:
    """Major and minor number of a version, or None for what is no version."""
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return (int(numbers[1]), int(numbers[2])) if numbers else None


class StoreProbe:
    """The steps of the checks, each of which uses what those before it found.

    Args:
        settings: Which experiment, and whether artifacts are wanted.
        tracking_uri: The store.
    """

    def __init__(self, settings: MLflowSettings, tracking_uri: str) -> None:
        self._settings = settings
        self.tracking_uri = tracking_uri
        self._opened: TrackingStore | None = None
        self._version = ""
        self._found = ""
        self._experiment_id = ""
        self._run: RunRecord | None = None

    def steps(self) -> list[tuple[str, Callable[[], Check]]]:
        """Names and functions, in their order."""
        return [
            ("server", self._check_server),
            ("credentials", self._check_credentials),
            ("experiment", self._check_experiment),
            ("runs", self._check_runs),
            ("artifacts", self._check_artifacts),
            ("traces", self._check_traces),
        ]

    def delete_run(self) -> None:
        """Delete the run that was created, if there is one and the store lets us."""
        run, self._run = self._run, None
        if run is None:
            return
        try:
            self._store.delete_run(run.run_id)
        except DeliveryError:
            # The step before has told that the store fails; its tags tell what the run is.
            return

    @property
    def _store(self) -> TrackingStore:
        if self._opened is None:
            self._opened = open_tracking_store(self.tracking_uri)
        return self._opened

    def _check_server(self) -> Check:
        self._version = self._store.check()
        release, kind = release_of(self._version), tracking_uri_kind(self.tracking_uri)
        if kind == "databricks":
            return Check("server", "ok", "answers")
        if kind != "http":
            return Check("server", "ok", f"none; the store opens with MLflow {self._version}")
        if release is None:
            detail = "answers, but does not tell its version"
            return Check("server", "warn", detail, "make sure that it is MLflow 3.0 or later")
        if release < OLDEST_FOR_RUNS:
            detail = f"MLflow {self._version} is too old"
            return Check("server", "fail", detail, "upgrade the server to MLflow 3.0 or later")
        return Check("server", "ok", f"answers, MLflow {self._version}")

    def _check_credentials(self) -> Check:
        experiment = self._store.get_experiment_by_name(self._settings.experiment_name)
        if experiment is None:
            self._found = "created now"
        else:
            self._found = "was in the trash, restored now" if experiment.deleted else "exists"
        return Check("credentials", "ok", "accepted")

    def _check_experiment(self) -> Check:
        name = mask_text(self._settings.experiment_name)
        self._experiment_id = ensure_experiment(self._store, self._settings.experiment_name)
        return Check("experiment", "ok", f"{name}: {self._found} (id {self._experiment_id})")

    def _check_runs(self) -> Check:
        now_ms = int(time.time() * 1000)
        self._run = self._store.create_run(
            self._experiment_id,
            name="inspect-mlflow doctor",
            start_time_ms=now_ms,
            tags=_RUN_TAGS,
        )
        point = MetricPoint("doctor", 1.0, now_ms)
        self._store.log_batch(self._run.run_id, metrics=[point])
        self._store.update_run(self._run.run_id, status="FINISHED", end_time_ms=now_ms)
        if self._settings.log_artifacts:
            return Check("runs", "ok", "can be written")
        run, self._run = self._run, None
        self._store.delete_run(run.run_id)
        return Check("runs", "ok", "can be written and deleted")

    def _check_artifacts(self) -> Check:
        if self._run is None:
            return Check("artifacts", "ok", "not tried: log_artifacts is off")
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "doctor.txt"
            file.write_text("inspect-mlflow doctor\n", "utf-8")
            self._store.upload_artifact(self._run, file, "inspect")
        run, self._run = self._run, None
        self._store.delete_run(run.run_id)
        return Check("artifacts", "ok", "can be uploaded; the run for this check is deleted again")

    def _check_traces(self) -> Check:
        # Nothing is written: MLflow keeps a trace until somebody deletes it.
        try:
            store = open_trace_store(self.tracking_uri)
            store.search_traces(self._experiment_id, tag_filter({"inspect.eval_id": "doctor"}))
        except RejectedError as error:
            if not self._settings.tracing_enabled:
                return Check("traces", "ok", f"{_one_line(error)}; tracing is off anyway")
            if error.cause != TRACES_UNSUPPORTED:
                raise
            # Runs work all the same.
            return Check("traces", "warn", _one_line(error), _traces_advice(self.tracking_uri))
        return Check("traces", "ok", "the store can hold them")


def _outcome(name: str, step: Callable[[], Check], kind: str) -> Check:
    try:
        return step()
    except DeliveryError as error:
        return Check(name, "fail", _one_line(error), _advice(error, kind))
    # Drivers, plugins and credential files raise what they like; that is the finding.
    except Exception as error:
        detail = f"{type(error).__name__}: {_one_line(error)}"
        return Check(name, "fail", detail, _URI_ADVICE)


def _traces_advice(tracking_uri: str) -> str:
    if tracking_uri_kind(tracking_uri) == "other":
        return "use sqlite:///mlflow.db or a server"
    return "use a server with MLflow 3.6 or later; there is tracking all the same"


def _one_line(error: Exception) -> str:
    return truncate(" ".join(mask_text(str(error)).split()), _LONGEST_REASON)


def _advice(error: DeliveryError, kind: str) -> str:
    if "pip install" in str(error):
        return ""
    if error.cause in ("http_401", "http_403"):
        return _CREDENTIALS_ADVICE
    if isinstance(error, RetryableError) and error.unreachable:
        return "start the server, or correct the tracking URI"
    if isinstance(error, RetryableError):
        return "try again; if it stays, look into the server's log"
    if kind in ("http", "databricks"):
        return "look into the server's log, and check your rights there"
    return _URI_ADVICE
