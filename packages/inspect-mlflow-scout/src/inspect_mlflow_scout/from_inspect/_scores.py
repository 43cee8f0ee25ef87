"""Columns that Scout makes of the scores of a sample."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect_ai.scorer import Score

__all__ = ["first_score", "headline", "score_columns", "success"]


def first_score(scores: Mapping[str, Score] | None) -> Score | None:
    """The score that speaks for a sample: that of its first scorer.

    Args:
        scores: By scorer.
    """
    return next(iter(scores.values()), None) if scores else None


def headline(score: Score | None) -> Any:
    """The value of a score that speaks for a sample.

    Args:
        score: See `first_score`.

    Returns:
        What stands under `"value"` where the value is a dict that has it.
    """
    if score is None:
        return None
    value: Any = score.value
    if isinstance(value, dict) and "value" in value:
        value = value["value"]
    return None if isinstance(value, float) and math.isnan(value) else value


def success(score: Score | None) -> bool | None:
    """Whether a score tells of success.

    A score may say so itself, in its metadata; a single value does when Inspect's
    `value_to_float` makes it more than 0.

    Args:
        score: See `first_score`.
    """
    from inspect_ai.scorer import value_to_float

    if score is None:
        return None
    if score.metadata and "success" in score.metadata:
        told = score.metadata["success"]
        if told is None or isinstance(told, bool):
            return told
    if isinstance(score.value, str | int | float | bool):
        return value_to_float()(score.value) > 0
    return None


def score_columns(scores: Mapping[str, Score] | None) -> dict[str, Any]:
    """One column for each scorer, `score_<name>`; what is no single value stands there as JSON.

    Args:
        scores: By scorer.
    """
    return {
        f"score_{name}": json.dumps(score.value)
        if isinstance(score.value, dict | list)
        else score.value
        for name, score in (scores or {}).items()
        if not (isinstance(score.value, float) and math.isnan(score.value))
    }
