"""Columns of the tables under `inspect/` in a run's artifacts.

The order is part of the format: rows are written as they come, so the columns must be
known before the first sample is. Names avoid the endings that pandas takes for dates
(`_time`, `_at` and a leading `timestamp`) except where the column does hold a date.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["KEY_COLUMNS", "SAMPLE_RESULT_COLUMNS", "TABLE_COLUMNS", "TABLE_NAMES"]

KEY_COLUMNS: Final = ("eval_id", "task", "sample_id", "epoch")
"""What every row starts with; `sample_id` is the id in the dataset, not the uuid."""

_TOKENS: Final = ("input_tokens", "output_tokens", "total_tokens")
_CACHE_TOKENS: Final = ("input_tokens_cache_read", "input_tokens_cache_write", "reasoning_tokens")

TABLE_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "tasks": (
        *KEY_COLUMNS,
        "run_id",
        "eval_set_id",
        "task_id",
        "task_version",
        "model",
        "status",
        "created_at",
        "started_at",
        "completed_at",
        "dataset",
        "dataset_samples",
        "epochs",
        "solver",
        "scorers",
        "total_samples",
        "completed_samples",
        *_TOKENS,
        "total_cost",
        "metrics",
        "task_args",
        "tags",
        "metadata",
        "invalidated",
        "error",
    ),
    "samples": (
        *KEY_COLUMNS,
        "uuid",
        "input",
        "choices",
        "target",
        "output",
        "scores",
        "error",
        "limit",
        "started_at",
        "completed_at",
        "total_seconds",
        "working_seconds",
        "message_count",
        "event_count",
        "turn_count",
        "retries",
        *_TOKENS,
        "total_cost",
        "metadata",
        "invalidated",
    ),
    "messages": (
        *KEY_COLUMNS,
        "index",
        "message_id",
        "role",
        "source",
        "model",
        "text",
        "reasoning",
        "tool_calls",
        "tool_call_id",
        "function",
        "error",
    ),
    "sample_scores": (
        *KEY_COLUMNS,
        "scorer",
        "key",
        "value",
        "numeric",
        "answer",
        "explanation",
        "reason",
        "metadata",
        "edited",
    ),
    "events": (
        *KEY_COLUMNS,
        "index",
        "event",
        "uuid",
        "timestamp",
        "completed_at",
        "duration_seconds",
        "span_id",
        "span_name",
        "span_type",
        "parent_span_id",
        "name",
        "summary",
        "stop_reason",
        "cache",
        "retries",
        *_TOKENS,
        "error",
    ),
    "model_usage": (*KEY_COLUMNS, "model", *_TOKENS, *_CACHE_TOKENS, "total_cost"),
}

TABLE_NAMES: Final = tuple(TABLE_COLUMNS)

SAMPLE_RESULT_COLUMNS: Final = (
    "id",
    "epoch",
    "input",
    "target",
    "output",
    "error",
    "limit",
    "total_seconds",
    "working_seconds",
    *_TOKENS,
)
"""Fixed columns of `sample_results/`; one `score/<scorer>` column per scorer follows."""
