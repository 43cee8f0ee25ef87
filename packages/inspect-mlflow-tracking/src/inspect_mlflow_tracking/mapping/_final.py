"""The metrics that a finished task ends with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspect_mlflow_core.connection import MetricPoint
from inspect_mlflow_core.conversion import NameTable

from ._results import named_results, plain_usage, result_metrics, total_usage, usage_metrics
from ._running import expected_samples
from ._summary import TaskSummary
from ._times import milliseconds

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog


def end_time_ms(header: EvalLog, summary: TaskSummary | None = None) -> int:
    """Return when an evaluation ended.

    Args:
        header: Header of its log.
        summary: Its samples; the last of them counts when the evaluation was interrupted.

    Returns:
        Milliseconds since the epoch.
    """
    last_completed = summary.last_completed_ms if summary is not None else None
    candidates = (
        milliseconds(header.stats.completed_at),
        last_completed,
        start_time_ms(header),
    )
    return next((moment for moment in candidates if moment is not None), 0)


def start_time_ms(header: EvalLog) -> int:
    """Return when an evaluation was created, milliseconds since the epoch."""
    return milliseconds(header.eval.created) or 0


def closing_points(
    header: EvalLog, summary: TaskSummary, running_steps: int, names: NameTable
) -> tuple[list[MetricPoint], list[str]]:
    """Return the points that end a task.

    Args:
        header: Header of its log.
        summary: Its samples.
        running_steps: Highest step of the running metrics; their last point is at this step or
            at the number of samples, whichever is higher, so that it is what MLflow shows.
        names: Gives every name a form that MLflow accepts.

    Returns:
        Points, aggregates at step 0; and the names of aggregates that are NaN.
    """
    timestamp_ms = end_time_ms(header, summary)
    values = {**_totals(header, summary), **summary.counts(), **summary.latencies()}
    values.update(_usage_totals(header, summary))
    # These names are fixed, so that a scorer or model whose name leads to one of them has to
    # take another. The separator keeps them apart from a path with the same single part.
    for name in (*values, *summary.final_values()):
        names.assign(name, separator="")
    aggregates, not_numbers = _aggregates(header, names)
    values.update(aggregates)
    values.update(_model_usage(header, names))
    last_step = max(running_steps, summary.samples)
    points = [MetricPoint(key, value, timestamp_ms, 0) for key, value in values.items()]
    points += [
        MetricPoint(key, value, timestamp_ms, last_step)
        for key, value in summary.final_values().items()
    ]
    return points, not_numbers


def _aggregates(header: EvalLog, names: NameTable) -> tuple[dict[str, float], list[str]]:
    scores = header.results.scores if header.results else []
    return named_results(header.eval.task, result_metrics(scores), names)


def _totals(header: EvalLog, summary: TaskSummary) -> dict[str, float]:
    results = header.results
    if results is not None and results.total_samples:
        return {
            "total_samples": float(results.total_samples),
            "completed_samples": float(results.completed_samples),
        }
    # Interrupted evaluations have no results: the total is what they set out to do.
    return {
        "total_samples": float(max(expected_samples(header.eval), summary.samples)),
        "completed_samples": float(summary.samples - summary.errored),
    }


def _model_usage(header: EvalLog, names: NameTable) -> dict[str, float]:
    usage = _usage(header)
    values = usage_metrics(usage, ("usage",), names)
    return {**values, **usage_metrics(usage, ("inspect.usage",), names)}


def _usage(header: EvalLog) -> dict[str, dict[str, float]]:
    return plain_usage(header.stats.model_usage)


def _usage_totals(header: EvalLog, summary: TaskSummary) -> dict[str, float]:
    totals = total_usage(_usage(header))
    cost = totals.pop("total_cost", None)
    values = {f"inspect.tokens.{field}": float(count) for field, count in totals.items()}
    if cost is not None:
        values["inspect.cost.total"] = float(cost)
    # Retries make the samples' sum differ from the log's, in either direction.
    for field, count in total_usage(summary.usage).items():
        values[f"inspect.samples_usage.{field}"] = float(count)
    return values
