"""A tracking store behind MLflow's REST API (https://mlflow.org/docs/latest/rest-api.html)."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from inspect_mlflow_core.conversion import mask_uri
from inspect_mlflow_core.exceptions import RejectedError

from ._artifact_files import (
    artifact_path_text,
    copy_to_local_root,
    local_artifact_root,
    upload_with_mlflow,
)
from ._chunks import log_batches
from ._http_api import call_api, proxied_artifact_url
from ._http_credentials import CONCURRENT_REQUESTS
from ._http_transport import (
    PROBE_TIMEOUT_SECONDS,
    UPLOAD_TIMEOUT_SECONDS,
    Transport,
    raise_for_answer,
)
from ._records import DatasetInput, Experiment, MetricPoint, RunRecord, RunStatus

_API = "/api/2.0/mlflow/"
_HISTORY_PAGE = 25_000


@dataclass(slots=True)
class HttpTrackingStore:
    """Implements `TrackingStore` over HTTP.

    Args:
        tracking_uri: The server's URI as configured.
        transport: Sends the requests.
        concurrency: See `TrackingStore`.
    """

    tracking_uri: str
    transport: Transport
    concurrency: int = CONCURRENT_REQUESTS

    def __repr__(self) -> str:
        """Name the server without its credentials."""
        return f"HttpTrackingStore({mask_uri(self.tracking_uri)!r})"

    def check(self) -> str:
        """See `TrackingStore.check`."""
        return server_version(self.transport)

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """See `TrackingStore.get_experiment_by_name`."""
        try:
            answer = self._get("experiments/get-by-name", {"experiment_name": name})
        except RejectedError as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        found = answer["experiment"]
        deleted = found.get("lifecycle_stage") == "deleted"
        return Experiment(str(found["experiment_id"]), found["name"], deleted)

    def create_experiment(self, name: str) -> str:
        """See `TrackingStore.create_experiment`."""
        return str(self._post("experiments/create", {"name": name})["experiment_id"])

    def restore_experiment(self, experiment_id: str) -> None:
        """See `TrackingStore.restore_experiment`."""
        self._post("experiments/restore", {"experiment_id": experiment_id})

    def search_runs(
        self, experiment_ids: Sequence[str], filter_string: str, *, max_results: int = 1000
    ) -> list[RunRecord]:
        """See `TrackingStore.search_runs`."""
        body = {
            "experiment_ids": list(experiment_ids),
            "filter": filter_string,
            "run_view_type": "ACTIVE_ONLY",
            "max_results": max_results,
            "order_by": ["attributes.start_time ASC"],
        }
        answer = self._post("runs/search", body)
        return [_run_record(run) for run in answer.get("runs", [])]

    def create_run(
        self, experiment_id: str, *, name: str, start_time_ms: int, tags: Mapping[str, str]
    ) -> RunRecord:
        """See `TrackingStore.create_run`."""
        body = {
            "experiment_id": experiment_id,
            "run_name": name,
            "start_time": start_time_ms,
            "user_id": tags.get("mlflow.user", ""),
            "tags": _pairs(tags),
        }
        return _run_record(self._post("runs/create", body)["run"])

    def get_run(self, run_id: str) -> RunRecord:
        """See `TrackingStore.get_run`."""
        return _run_record(self._get("runs/get", {"run_id": run_id})["run"])

    def update_run(
        self, run_id: str, *, status: RunStatus, end_time_ms: int | None, name: str | None = None
    ) -> None:
        """See `TrackingStore.update_run`."""
        body: dict[str, Any] = {"run_id": run_id, "status": status}
        if end_time_ms is not None:
            body["end_time"] = end_time_ms
        if name is not None:
            body["run_name"] = name
        self._post("runs/update", body)

    def delete_run(self, run_id: str) -> None:
        """See `TrackingStore.delete_run`."""
        self._post("runs/delete", {"run_id": run_id})

    def log_batch(
        self,
        run_id: str,
        *,
        metrics: Sequence[MetricPoint] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """See `TrackingStore.log_batch`."""
        for batch in log_batches(metrics, params or {}, tags or {}):
            body = {
                "run_id": run_id,
                "metrics": [
                    {"key": m.key, "value": m.value, "timestamp": m.timestamp_ms, "step": m.step}
                    for m in batch.metrics
                ],
                "params": [{"key": key, "value": value} for key, value in batch.params],
                "tags": [{"key": key, "value": value} for key, value in batch.tags],
            }
            self._post("runs/log-batch", body)

    def metric_history(self, run_id: str, key: str) -> list[MetricPoint]:
        """See `TrackingStore.metric_history`."""
        points: list[MetricPoint] = []
        query: dict[str, Any] = {"run_id": run_id, "metric_key": key, "max_results": _HISTORY_PAGE}
        while True:
            answer = self._get("metrics/get-history", query)
            points += [_metric_point(metric) for metric in answer.get("metrics", [])]
            token = answer.get("next_page_token")
            if not token:
                return points
            query["page_token"] = token

    def log_dataset(self, run_id: str, dataset: DatasetInput) -> None:
        """See `TrackingStore.log_dataset`."""
        entry = {
            "tags": [{"key": "mlflow.data.context", "value": dataset.context}],
            "dataset": {
                "name": dataset.name,
                "digest": dataset.digest,
                "source_type": dataset.source_type,
                "source": dataset.source,
                "profile": dataset.profile,
            },
        }
        self._post("runs/log-inputs", {"run_id": run_id, "datasets": [entry]})

    def upload_artifact(self, run: RunRecord, local_path: Path, artifact_path: str) -> None:
        """See `TrackingStore.upload_artifact`."""
        root = local_artifact_root(run.artifact_uri)
        if root is not None:
            copy_to_local_root(root, local_path, artifact_path)
            return
        url = proxied_artifact_url(self.transport.host, run.artifact_uri)
        if url is None:
            upload_with_mlflow(run.artifact_uri, self.tracking_uri, local_path, artifact_path)
            return
        name = artifact_path_text(local_path.name)
        folder = artifact_path_text(artifact_path)
        target = "/".join([url, *filter(None, [quote(folder, safe="/"), quote(name)])])
        content_type = mimetypes.guess_type(local_path.name)[0] or "application/octet-stream"
        with local_path.open("rb") as content:
            response = self.transport.send(
                "PUT",
                target,
                data=content,
                headers={"Content-Type": content_type},
                read_timeout_seconds=UPLOAD_TIMEOUT_SECONDS,
            )
        raise_for_answer(response, f"the upload of {artifact_path}/{local_path.name}")

    def _get(self, endpoint: str, params: Mapping[str, Any]) -> dict[str, Any]:
        return self._call("GET", endpoint, params=params)

    def _post(self, endpoint: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._call("POST", endpoint, json=body)

    def _call(self, method: str, endpoint: str, **content: Any) -> dict[str, Any]:
        return call_api(self.transport, method, f"{_API}{endpoint}", endpoint, **content)


def server_version(transport: Transport) -> str:
    """Ask a server for a sign of life.

    Args:
        transport: The way to the server.

    Returns:
        MLflow's version, or `""` when the server tells none.

    Raises:
        RetryableError: No answer, or a failure of the server.
        RejectedError: The credentials are refused.
    """
    url = f"{transport.host}/version"
    response = transport.send("GET", url, read_timeout_seconds=PROBE_TIMEOUT_SECONDS)
    if response.status_code >= 500 or response.status_code in (401, 403):
        raise_for_answer(response, "the version request")
    text = response.text.strip() if response.status_code == 200 else ""
    return text if text[:1].isdigit() and len(text) < 40 else ""


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _mapping(pairs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {pair["key"]: pair.get("value", "") for pair in pairs}


def _metric_point(metric: Mapping[str, Any]) -> MetricPoint:
    return MetricPoint(
        metric["key"],
        float(metric["value"]),
        int(metric.get("timestamp", 0)),
        int(metric.get("step", 0)),
    )


def _run_record(run: Mapping[str, Any]) -> RunRecord:
    info, data = run["info"], run.get("data", {})
    inputs = run.get("inputs", {}).get("dataset_inputs", [])
    end_time = info.get("end_time")
    return RunRecord(
        run_id=info["run_id"],
        experiment_id=str(info["experiment_id"]),
        name=info.get("run_name", ""),
        status=info.get("status", "RUNNING"),
        start_time_ms=int(info.get("start_time", 0)),
        end_time_ms=int(end_time) if end_time else None,
        artifact_uri=info.get("artifact_uri", ""),
        tags=_mapping(data.get("tags", [])),
        params=_mapping(data.get("params", [])),
        metrics={m["key"]: float(m["value"]) for m in data.get("metrics", [])},
        datasets=tuple((i["dataset"]["name"], i["dataset"]["digest"]) for i in inputs),
    )
