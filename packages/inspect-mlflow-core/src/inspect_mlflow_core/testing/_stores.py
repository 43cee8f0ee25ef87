"""Embedded SQLite stores for tests."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def make_store_template(directory: Path) -> Path:
    """Create an empty, migrated SQLite store; takes seconds, so do it once and copy it.

    Args:
        directory: Where to put it.

    Returns:
        The database file.
    """
    from mlflow import MlflowClient

    path = directory / "template.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


def copy_store(template: Path, directory: Path) -> str:
    """Copy a template into a directory.

    Args:
        template: See `make_store_template`.
        directory: An existing directory.

    Returns:
        The tracking URI of the copy.
    """
    path = directory / "mlflow.db"
    shutil.copyfile(template, path)
    return f"sqlite:///{path}"


def store_contents(
    tracking_uri: str, *, ignored_tags: Mapping[str, None] | None = None
) -> dict[str, Any]:
    """Return everything that a store holds of runs, in a form that can be compared.

    Runs are named by what identifies them in Inspect, so that two stores that were filled in
    different ways are equal when they hold the same.

    Args:
        tracking_uri: The store.
        ignored_tags: Tags to leave out.

    Returns:
        For each run its experiment, name, status, times, parent, params, tags, metric histories,
        dataset inputs and a digest of each artifact.
    """
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=tracking_uri)
    experiments = {e.experiment_id: e.name for e in client.search_experiments()}
    runs = client.search_runs(list(experiments), max_results=10_000)
    names = {run.info.run_id: _identity(run, experiments) for run in runs}
    ignored = {"mlflow.artifactLocation", *(ignored_tags or {})}
    return {
        names[run.info.run_id]: _run_contents(client, run, experiments, names, ignored)
        for run in runs
    }


def _identity(run: Any, experiments: Mapping[str, str]) -> str:
    tags = run.data.tags
    if "inspect.eval_id" in tags:
        return f"task {tags['inspect.eval_id']}"
    # Tasks of one evaluation that go to several experiments have a parent in each.
    evaluation = tags.get("inspect.eval_set_id") or tags.get("inspect.run_id")
    return f"parent {evaluation} in {experiments[run.info.experiment_id]}"


def _run_contents(
    client: Any, run: Any, experiments: dict[str, str], names: dict[str, str], ignored: set[str]
) -> dict[str, Any]:
    run_id = run.info.run_id
    tags = {name: value for name, value in run.data.tags.items() if name not in ignored}
    parent = tags.pop("mlflow.parentRunId", None)
    return {
        "experiment": experiments[run.info.experiment_id],
        "name": run.info.run_name,
        "status": run.info.status,
        "start_time": run.info.start_time,
        "end_time": run.info.end_time,
        "parent": names.get(parent) if parent else None,
        "params": dict(run.data.params),
        "tags": tags,
        "latest": dict(run.data.metrics),
        "metrics": {key: _history(client, run_id, key) for key in run.data.metrics},
        "datasets": [(i.dataset.name, i.dataset.digest) for i in run.inputs.dataset_inputs],
        "artifacts": artifact_digests(client.tracking_uri, run.info.artifact_uri),
    }


def _history(client: Any, run_id: str, key: str) -> list[tuple[int, int, float]]:
    points = client.get_metric_history(run_id, key)
    return sorted((point.step, point.timestamp, point.value) for point in points)


def artifact_digests(tracking_uri: str, artifact_uri: str) -> dict[str, str]:
    """Return a digest of each artifact of a run.

    Args:
        tracking_uri: The store.
        artifact_uri: The run's own.

    Returns:
        SHA-256 in hexadecimal by path.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    parts = urlsplit(artifact_uri)
    if parts.scheme == "mlflow-artifacts":
        # MLflow before 3.2 asks its global tracking URI where that is.
        artifact_uri = f"{tracking_uri}/api/2.0/mlflow-artifacts/artifacts{parts.path}"
    repository = get_artifact_repository(artifact_uri)
    with tempfile.TemporaryDirectory() as directory:
        return {
            path: hashlib.sha256(
                Path(repository.download_artifacts(path, directory)).read_bytes()
            ).hexdigest()
            for path in _artifact_paths(repository, None)
        }


def _artifact_paths(repository: Any, folder: str | None) -> Iterator[str]:
    for entry in repository.list_artifacts(folder):
        if entry.is_dir:
            yield from _artifact_paths(repository, entry.path)
        else:
            yield entry.path
