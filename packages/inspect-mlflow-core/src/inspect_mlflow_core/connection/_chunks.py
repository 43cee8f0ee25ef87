"""Cuts one write into requests that MLflow's limits allow."""

from __future__ import annotations

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

# JSON of a metric with a key of the greatest length; half of the request is left for them.
_TEXT_BYTES = BATCH_BYTES // 2


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
        batch = LogBatch()
        batch.params, used_bytes = _fitting(waiting_params, PARAMS_PER_BATCH, 0)
        batch.tags, _ = _fitting(waiting_tags, TAGS_PER_BATCH, used_bytes)
        room = ENTITIES_PER_BATCH - len(batch.params) - len(batch.tags)
        batch.metrics = metrics[position : position + min(METRICS_PER_BATCH, room)]
        position += len(batch.metrics)
        yield batch


def _fitting(
    waiting: list[tuple[str, str]], count: int, used_bytes: int
) -> tuple[list[tuple[str, str]], int]:
    """Take pairs off the front of `waiting` while they fit; the first always does."""
    taken = 0
    for name, value in waiting[:count]:
        size_bytes = len(name.encode()) + len(value.encode()) + 30
        if used_bytes + size_bytes > _TEXT_BYTES and (taken or used_bytes):
            break
        used_bytes += size_bytes
        taken += 1
    pairs = waiting[:taken]
    del waiting[:taken]
    return pairs, used_bytes
