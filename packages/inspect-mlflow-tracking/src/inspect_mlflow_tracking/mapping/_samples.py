"""The metric points that belong to one sample."""

from __future__ import annotations

from inspect_mlflow_core.connection import MetricPoint
from inspect_mlflow_core.conversion import NameTable

from ._facts import SampleFacts


def sample_points(
    facts: SampleFacts, step: int, fallback_ms: int, names: NameTable
) -> list[MetricPoint]:
    """Return the points of one sample.

    Args:
        facts: The sample.
        step: See `SamplePositions.step`.
        fallback_ms: Time for samples of old logs that carry none.
        names: Gives every name a form that MLflow accepts.

    Returns:
        `sample/<scorer>` (`sample/<scorer>/<key>` for dict scores) and `sample/total_time` in
        seconds; nothing for what is unscored.
    """
    timestamp_ms = facts.completed_ms if facts.completed_ms is not None else fallback_ms
    points = []
    if facts.total_time_seconds is not None:
        key = names.assign("sample", "total_time")
        points.append(MetricPoint(key, facts.total_time_seconds, timestamp_ms, step))
    for path, value in facts.scores.items():
        key = names.assign("sample", *(("score/total_time",) if _reserved(path) else path))
        points.append(MetricPoint(key, value, timestamp_ms, step))
    return points


def _reserved(path: tuple[str, ...]) -> bool:
    # A scorer may be called "total_time"; its values must not mix with the sample's duration.
    return path == ("total_time",)
