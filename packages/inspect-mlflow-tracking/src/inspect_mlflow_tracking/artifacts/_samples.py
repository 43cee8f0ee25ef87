"""A sample as rows: its summary, its token usage and its line in `sample_results/`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ._columns import SAMPLE_RESULT_COLUMNS, TABLE_COLUMNS
from ._content import Attachments, content_text, input_text
from ._scores import sample_scores, score_value
from ._usage import sample_usage, sum_usage_map, total_cost, unique_events, usage_to_dict
from ._values import Cell, moment_text, obj_get, row_of, to_json

__all__ = [
    "extract_model_usage_rows",
    "get_sample_output_text",
    "model_usage_rows",
    "sample_keys",
    "sample_result",
    "sample_row",
]


def sample_keys(eval_id: str, task_name: str, sample: Any) -> dict[str, Any]:
    """The key columns of every row of a sample."""
    return {
        "eval_id": eval_id,
        "task": task_name,
        "sample_id": obj_get(sample, "id"),
        "epoch": obj_get(sample, "epoch"),
    }


def get_sample_output_text(sample: Any) -> str | None:
    """What the model answered in the end.

    Args:
        sample: A sample or its JSON.

    Returns:
        The completion; the text of the first choice when that is empty (so `""` when the
        model only called tools); None when there was no output at all.
    """
    output, attachments = obj_get(sample, "output"), Attachments(sample)
    completion = obj_get(output, "completion")
    if completion:
        return attachments.text(completion)
    choices = obj_get(output, "choices")
    if not choices:
        return None
    return content_text(obj_get(obj_get(choices[0], "message"), "content"), attachments)


def sample_row(keys: Mapping[str, Any], sample: Any) -> dict[str, Cell]:
    """The row of `inspect/samples.json` for one sample."""
    usage = sample_usage(sample)
    cells = {
        **_outcome(sample),
        "uuid": obj_get(sample, "uuid"),
        "choices": obj_get(sample, "choices"),
        "scores": {name: score_value(score) for name, score in sample_scores(sample).items()}
        or None,
        "started_at": moment_text(obj_get(sample, "started_at")),
        "completed_at": moment_text(obj_get(sample, "completed_at")),
        "message_count": len(obj_get(sample, "messages") or ()),
        "event_count": len(unique_events(sample)),
        "turn_count": obj_get(sample, "turn_count"),
        "retries": len(obj_get(sample, "error_retries") or ()),
        "total_cost": total_cost(usage),
        "metadata": obj_get(sample, "metadata") or None,
        "invalidated": obj_get(sample, "invalidation") is not None,
        **sum_usage_map(usage),
    }
    return row_of(TABLE_COLUMNS["samples"], {**cells, **keys})


def _outcome(sample: Any) -> dict[str, Any]:
    """What a sample was asked, what came of it and how long it took."""
    return {
        "input": input_text(obj_get(sample, "input"), Attachments(sample)),
        "target": obj_get(sample, "target"),
        "output": get_sample_output_text(sample),
        "error": obj_get(obj_get(sample, "error"), "message"),
        "limit": obj_get(obj_get(sample, "limit"), "type"),
        "total_seconds": _seconds(obj_get(sample, "total_time")),
        "working_seconds": _seconds(obj_get(sample, "working_time")),
    }


def _seconds(value: Any) -> float | None:
    """Seconds, never negative (logs before 0.3.281 have negative working times)."""
    return max(0.0, float(value)) if isinstance(value, int | float) else None


def extract_model_usage_rows(
    *, eval_id: str, task_name: str, sample_id: Any, sample: Any
) -> list[dict[str, Any]]:
    """Rows of `inspect/model_usage.json` for one sample.

    Args:
        eval_id: Id of the evaluation.
        task_name: Name of the task.
        sample_id: Id of the sample in the dataset.
        sample: The sample or its JSON.

    Returns:
        One row per model that the sample used, counted from its events when it has no
        usage of its own (old logs).
    """
    keys = sample_keys(eval_id, task_name, sample) | {"sample_id": sample_id}
    return list(model_usage_rows(keys, sample))


def model_usage_rows(keys: Mapping[str, Any], sample: Any) -> Iterator[dict[str, Cell]]:
    """Rows of the sample's usage, each starting with the given key columns."""
    for model, usage in sample_usage(sample).items():
        cells = {"model": model, "total_cost": obj_get(usage, "total_cost"), **usage_to_dict(usage)}
        yield row_of(TABLE_COLUMNS["model_usage"], {**keys, **cells})


def sample_result(sample: Any) -> tuple[dict[str, Cell], dict[str, Cell]]:
    """The line of a sample in `sample_results/`.

    Returns:
        The fixed columns, and one cell per scorer by its column `score/<scorer>`; the
        values of a dict or list score stay together as JSON.
    """
    fixed = {
        **_outcome(sample),
        "id": obj_get(sample, "id"),
        "epoch": obj_get(sample, "epoch"),
        **sum_usage_map(sample_usage(sample)),
    }
    scores = {
        f"score/{name}": to_json(score_value(score))
        for name, score in sample_scores(sample).items()
    }
    return row_of(SAMPLE_RESULT_COLUMNS, fixed), scores
