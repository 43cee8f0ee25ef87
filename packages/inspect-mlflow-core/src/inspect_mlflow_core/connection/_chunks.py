"""Cuts one write into requests that MLflow's limits allow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from inspect_mlflow_core.conversion import (
    BATCH_BYTES,
    ENTITIES_PER_BATCH,
    METRICS_PER_BATCH,
    PARAMS_PER_BATCH,
    TAGS_PER_BATCH,
)

from ._records import MetricPoint

# What one entity adds beside its texts: names of its fields, numbers, punctuation.
_METRIC_BYTES = 110
_PAIR_BYTES = 30
# For the run id and the rest of the request.
_ENVELOPE_BYTES = 1000


@dataclass(slots=True)
class LogBatch:
    """The content of one log-batch request."""

    metrics: Sequence[MetricPoint] = ()
    params: list[tuple[str, str]] = field(default_factory=list)
    tags: list[tuple[str, str]] = field(default_factory=list)


def log_batches(
    metrics: Sequence[MetricPoint],
    params: Mapping[str, str],
    tags: Mapping[str, str],
) -> Iterator[LogBatch]:
    """Yield the requests that together write everything, as few as possible.

    Args:
        metrics: Points in the order in which they are to be written.
        params: Names and values.
        tags: Names and values.

    Yields:
        Batches within MLflow's limits on counts and bytes; none when there is nothing to write.
    """
    waiting_params, waiting_tags = list(params.items()), list(tags.items())
    position = 0
    while position < len(metrics) or waiting_params or waiting_tags:
        batch, room = LogBatch(), _Room(ENTITIES_PER_BATCH, BATCH_BYTES - _ENVELOPE_BYTES)
        batch.params = room.pairs(waiting_params, PARAMS_PER_BATCH)
        batch.tags = room.pairs(waiting_tags, TAGS_PER_BATCH)
        count = room.metrics(metrics, position)
        batch.metrics = metrics[position : position + count]
        position += count
        yield batch


@dataclass(slots=True)
class _Room:
    """What still fits into a request; the first entity always does."""

    entities: int
    size_bytes: int
    empty: bool = True

    def pairs(self, waiting: list[tuple[str, str]], count: int) -> list[tuple[str, str]]:
        """Take pairs off the front of `waiting` while they fit."""
        taken = 0
        for name, value in waiting[:count]:
            if not self._takes(_json_bytes(name) + _json_bytes(value) + _PAIR_BYTES):
                break
            taken += 1
        pairs = waiting[:taken]
        del waiting[:taken]
        return pairs

    def metrics(self, metrics: Sequence[MetricPoint], start: int) -> int:
        """Return how many of the metrics from `start` on fit."""
        key_bytes: dict[str, int] = {}
        taken = 0
        for point in metrics[start : start + METRICS_PER_BATCH]:
            if point.key not in key_bytes:
                key_bytes[point.key] = _json_bytes(point.key) + _METRIC_BYTES
            if not self._takes(key_bytes[point.key]):
                break
            taken += 1
        return taken

    def _takes(self, size_bytes: int) -> bool:
        if not self.empty and (self.entities < 1 or self.size_bytes < size_bytes):
            return False
        self.entities -= 1
        self.size_bytes -= size_bytes
        self.empty = False
        return True


def _json_bytes(text: str) -> int:
    # As the request is written: six bytes for what is not ASCII, twelve outside the basic plane.
    return len(json.dumps(text))
