"""Brings one MLflow run to a wanted state, sending only what is missing or different."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from inspect_mlflow_core.connection import (
    DatasetInput,
    MetricPoint,
    RunRecord,
    RunStatus,
    TrackingStore,
)
from inspect_mlflow_core.conversion import TAG_VALUE_CHARACTERS, encode_name, stored_text

BATCH_POINTS = 1000


class RunWriter:
    """Writes to one run and knows what is there already.

    A metric is compared step by step with what the store holds, so that writing the same again
    sends nothing, and a changed value (a new score) is added with a later time: MLflow shows the
    latest point of the highest step.

    Args:
        store: The tracking store.
        run: The run as it was found or created.
        created: Whether it was created just now, so that nothing has to be read from it.
    """

    def __init__(self, store: TrackingStore, run: RunRecord, *, created: bool) -> None:
        self.store = store
        self.run = run
        self.status = run.status
        self.end_time_ms = run.end_time_ms
        self.params: dict[str, str] = dict(run.params)
        self.tags: dict[str, str] = dict(run.tags)
        self.datasets = set(run.datasets)
        self.points_sent = 0
        self._unread = set() if created else set(run.metrics)
        self._known: dict[str, dict[int, tuple[int, float]]] = {}
        self._waiting: list[MetricPoint] = []
        self._waiting_values: dict[tuple[str, int], tuple[int, float]] = {}

    def log_points(self, points: Iterable[MetricPoint]) -> None:
        """Write the points whose value the store does not hold.

        Args:
            points: Metric points, in any number.

        Raises:
            RetryableError: The server cannot take them now; what was sent stays remembered.
            RejectedError: The server refuses them.
        """
        self.add_points(points)
        self.send_points()

    def add_points(self, points: Iterable[MetricPoint]) -> None:
        """Write such points as soon as they fill a request; `send_points` writes the rest.

        Args:
            points: Metric points, in any number.

        Raises:
            RetryableError: See `log_points`.
            RejectedError: See `log_points`.
        """
        for point in points:
            missing = self._missing(point)
            if missing is None:
                continue
            self._waiting.append(missing)
            self._waiting_values[missing.key, missing.step] = (missing.timestamp_ms, missing.value)
            if len(self._waiting) == BATCH_POINTS:
                self.send_points()

    def send_points(self) -> None:
        """Write the points that wait for others to join their request."""
        batch, self._waiting = self._waiting, []
        self._waiting_values = {}
        if batch:
            self._send(batch)

    def highest_step(self, key: str) -> int:
        """Return the highest step of a metric in the store, or 0."""
        return max(self._history(key), default=0)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Write the tags that differ from the run's."""
        changed = {name: value for name, value in tags.items() if self.tags.get(name) != value}
        if changed:
            self.store.log_batch(self.run.run_id, tags=changed)
            self.tags.update(changed)

    def log_start(self, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Write params and tags in one request where that is possible.

        Params that the run has with another value go into tags `inspect.param.<name>`.

        Args:
            params: Names and values.
            tags: Names and values.
        """
        new = {name: value for name, value in params.items() if name not in self.params}
        changed = {
            encode_name(f"inspect.param.{name}"): stored_text(value, TAG_VALUE_CHARACTERS)
            for name, value in params.items()
            if self.params.get(name, value) != value
        }
        tags = {**tags, **changed}
        different = {name: value for name, value in tags.items() if self.tags.get(name) != value}
        if new or different:
            self.store.log_batch(self.run.run_id, params=new, tags=different)
            self.params.update(new)
            self.tags.update(different)

    def log_dataset(self, dataset: DatasetInput) -> None:
        """Attach the dataset, unless the run has one: MLflow groups by the first."""
        if not self.datasets:
            self.store.log_dataset(self.run.run_id, dataset)
            self.datasets.add((dataset.name, dataset.digest))

    def upload(self, local_path: Path, folder: str) -> None:
        """Store a file among the run's artifacts.

        Args:
            local_path: The file.
            folder: Where to.
        """
        self.store.upload_artifact(self.run, local_path, folder)

    def set_status(self, status: RunStatus, end_time_ms: int | None) -> None:
        """Set status and end time, unless they are so already."""
        if (self.status, self.end_time_ms) != (status, end_time_ms):
            self.store.update_run(self.run.run_id, status=status, end_time_ms=end_time_ms)
            self.status, self.end_time_ms = status, end_time_ms

    def _send(self, batch: list[MetricPoint]) -> None:
        self.store.log_batch(self.run.run_id, metrics=batch)
        self.points_sent += len(batch)
        for point in batch:
            self._known.setdefault(point.key, {})[point.step] = (point.timestamp_ms, point.value)

    def _missing(self, point: MetricPoint) -> MetricPoint | None:
        known = self._waiting_values.get((point.key, point.step))
        if known is None:
            known = self._history(point.key).get(point.step)
        if known is None:
            return point
        timestamp_ms, value = known
        if value == point.value:
            return None
        later_ms = max(point.timestamp_ms, timestamp_ms + 1)
        return MetricPoint(point.key, point.value, later_ms, point.step)

    def _history(self, key: str) -> dict[int, tuple[int, float]]:
        if key in self._unread:
            known: dict[int, tuple[int, float]] = {}
            for point in self.store.metric_history(self.run.run_id, key):
                latest = known.get(point.step)
                if latest is None or latest[0] <= point.timestamp_ms:
                    known[point.step] = (point.timestamp_ms, point.value)
            self._known[key] = {**known, **self._known.get(key, {})}
            self._unread.discard(key)
        return self._known.get(key, {})
