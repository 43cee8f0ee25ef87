"""A task as the one row of `inspect/tasks.json`."""

from __future__ import annotations

from typing import Any

from inspect_mlflow_core.conversion import mask_secrets

from ._columns import TABLE_COLUMNS
from ._usage import sum_usage_map, total_cost
from ._values import jsonable, moment_text, obj_get, row_of

__all__ = ["extract_task_row"]


def extract_task_row(*, eval_id: str, task_name: str, log: Any) -> dict[str, Any]:
    """The row of `inspect/tasks.json`.

    Args:
        eval_id: Id of the evaluation.
        task_name: Name of the task.
        log: The eval log or its header, as an object or as JSON. Samples are not read.

    Returns:
        One row. `sample_id` and `epoch` are None, `metrics` is a JSON list that tells
        scorer, reducer, group and metric of each value apart; secrets are masked.
    """
    spec, results, stats = (obj_get(log, key) for key in ("eval", "results", "stats"))
    usage = obj_get(stats, "model_usage")
    cells = {
        "eval_id": eval_id,
        "task": task_name,
        **_specification(spec),
        "status": obj_get(log, "status"),
        "started_at": moment_text(obj_get(stats, "started_at")),
        "completed_at": moment_text(obj_get(stats, "completed_at")),
        "total_samples": obj_get(results, "total_samples"),
        "completed_samples": obj_get(results, "completed_samples"),
        "total_cost": total_cost(usage),
        "metrics": _metrics(results) or None,
        "tags": obj_get(log, "tags") or obj_get(spec, "tags") or None,
        "metadata": _masked(obj_get(log, "metadata") or obj_get(spec, "metadata")),
        "invalidated": bool(obj_get(log, "invalidated")),
        "error": obj_get(obj_get(log, "error"), "message"),
        **sum_usage_map(usage),
    }
    return dict(row_of(TABLE_COLUMNS["tasks"], cells))


def _specification(spec: Any) -> dict[str, Any]:
    dataset = obj_get(spec, "dataset")
    return {
        "run_id": obj_get(spec, "run_id"),
        "eval_set_id": obj_get(spec, "eval_set_id"),
        "task_id": obj_get(spec, "task_id"),
        "task_version": obj_get(spec, "task_version"),
        "model": obj_get(spec, "model"),
        "created_at": moment_text(obj_get(spec, "created")),
        "dataset": obj_get(dataset, "name"),
        "dataset_samples": obj_get(dataset, "samples"),
        "epochs": obj_get(obj_get(spec, "config"), "epochs"),
        "solver": obj_get(spec, "solver"),
        "scorers": [obj_get(scorer, "name") for scorer in obj_get(spec, "scorers") or ()] or None,
        "task_args": _masked(obj_get(spec, "task_args")),
    }


def _masked(value: Any) -> Any:
    return mask_secrets(jsonable(value)) if value else None


def _metrics(results: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": obj_get(score, "name"),
            "scorer": obj_get(score, "scorer"),
            "reducer": obj_get(score, "reducer"),
            "group": obj_get(metric, "group"),
            "metric": key,
            "value": obj_get(metric, "value"),
        }
        for score in obj_get(results, "scores") or ()
        for key, metric in (obj_get(score, "metrics") or {}).items()
    ]
