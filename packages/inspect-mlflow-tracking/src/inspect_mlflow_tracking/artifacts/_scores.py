"""Scores of a sample as rows, one per value."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from inspect_mlflow_core.conversion import score_to_numeric

from ._columns import TABLE_COLUMNS
from ._values import Cell, json_text, jsonable, obj_get, row_of

__all__ = [
    "extract_sample_score_rows",
    "sample_scores",
    "score_rows",
    "score_value",
    "scores_to_dict",
]


def scores_to_dict(scores: Any) -> dict[str, Any]:
    """Scores by scorer name.

    Args:
        scores: The `scores` of a sample, or None.

    Returns:
        The scores as they are (objects, JSON or bare values), by name; empty for None.
    """
    if not isinstance(scores, Mapping):
        return {}
    return {str(name): score for name, score in scores.items()}


def sample_scores(sample: Any) -> dict[str, Any]:
    """Scores of a sample by scorer name, from logs of any age."""
    scores = scores_to_dict(obj_get(sample, "scores"))
    single = sample.get("score") if isinstance(sample, Mapping) else None
    return scores if scores or single is None else {"score": single}


def score_value(score: Any) -> Any:
    """Value of a score in JSON form; a bare value stands for itself."""
    is_record = hasattr(score, "value") or (isinstance(score, Mapping) and "value" in score)
    return jsonable(obj_get(score, "value") if is_record else score)


def extract_sample_score_rows(
    *, eval_id: str, task_name: str, sample_id: Any, scores: Any
) -> list[dict[str, Any]]:
    """Rows of `inspect/sample_scores.json` for one sample.

    Args:
        eval_id: Id of the evaluation.
        task_name: Name of the task.
        sample_id: Id of the sample in the dataset.
        scores: The sample's scores, as objects or as JSON.

    Returns:
        One row per value: a dict or list gives one for each of its leaves, with its
        `key`. `value` is JSON text, `numeric` the number that metrics are made of, both
        None for NaN (unscored). The epoch, which scores do not carry, is None.
    """
    keys = {"eval_id": eval_id, "task": task_name, "sample_id": sample_id}
    return list(score_rows(keys, scores_to_dict(scores)))


def score_rows(keys: Mapping[str, Any], scores: Mapping[str, Any]) -> Iterator[dict[str, Cell]]:
    """Rows of the scores, each starting with the given key columns."""
    for scorer, score in scores.items():
        common = {
            **keys,
            "scorer": scorer,
            "answer": obj_get(score, "answer"),
            "explanation": obj_get(score, "explanation"),
            "reason": _reason(score),
            "metadata": obj_get(score, "metadata"),
            "edited": bool(obj_get(score, "history")),
        }
        for key, value in _leaves(None, score_value(score)):
            cells = {"key": key, "value": _value_text(value), "numeric": score_to_numeric(value)}
            yield row_of(TABLE_COLUMNS["sample_scores"], common | cells)


def _leaves(key: str | None, value: Any) -> Iterator[tuple[str | None, Any]]:
    """Values inside a score value with their keys, joined by `/` where they nest."""
    if not isinstance(value, dict | list) or not value:
        yield key, value
        return
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in items:
        yield from _leaves(str(name) if key is None else f"{key}/{name}", item)


def _reason(score: Any) -> Any:
    """Why a score is abnormal; logs before 0.3.261 tell it in the metadata."""
    return obj_get(score, "reason") or obj_get(obj_get(score, "metadata"), "unscored_reason")


def _value_text(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return json_text(value)
