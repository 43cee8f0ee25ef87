"""State, tags and metadata of a sample's trace."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal

from inspect_mlflow_core.connection import TraceState
from inspect_mlflow_core.conversion import (
    TRACE_ID_CHARACTERS,
    TRACE_METADATA_VALUE_CHARACTERS,
    TRACE_TAG_VALUE_CHARACTERS,
    clean_text,
    mask_text,
    stored_text,
)
from inspect_mlflow_tracing._traced_task import TracedTask

from ._assessment_metadata import edits_of
from .chat import token_usage, usage_cost
from .events._values import mapping, text

__all__ = [
    "SampleStatus",
    "client_request_id",
    "sample_status",
    "trace_metadata",
    "trace_state",
    "trace_tags",
]

SampleStatus = Literal["success", "error", "limit", "cancelled"]

_CANCELLED: Final = ("CancelledError", "Cancelled")
"""How the error of a sample begins that was stopped, under asyncio and trio."""

_LARGEST_COUNT: Final = 2**63 - 1


def sample_status(sample: Mapping[str, Any]) -> SampleStatus:
    """How a sample ended.

    Args:
        sample: Raw JSON.

    Returns:
        `"cancelled"` and `"error"` for one with an error, `"limit"` for one that a limit ended,
        which is no error.
    """
    error = sample.get("error")
    if error:
        message = text(error) or text(mapping(error).get("message")) or ""
        return "cancelled" if message.startswith(_CANCELLED) else "error"
    return "limit" if sample.get("limit") else "success"


def trace_state(sample: Mapping[str, Any]) -> TraceState:
    """MLflow's state of the trace of a finished sample."""
    return "ERROR" if sample.get("error") else "OK"


def client_request_id(sample: Mapping[str, Any]) -> str | None:
    """The sample's uuid, if it fits."""
    uuid = text(sample.get("uuid"))
    return uuid if uuid and len(uuid) <= TRACE_ID_CHARACTERS and clean_text(uuid) == uuid else None


def trace_tags(
    sample: Mapping[str, Any], task: TracedTask, *, name: str, with_text: bool
) -> dict[str, str]:
    """The tags by which traces are found.

    Args:
        sample: Raw JSON.
        task: Its task.
        name: Name of the trace.
        with_text: Whether what an editor wrote may be told.
    """
    limit, epoch = sample.get("limit"), sample.get("epoch")
    invalidation = sample.get("invalidation")
    tags = {
        "mlflow.traceName": name,
        "inspect.task": task.task,
        "inspect.model": task.model,
        "inspect.eval_id": task.eval_id,
        "inspect.run_id": task.inspect_run_id,
        "inspect.task_id": task.task_id,
        "inspect.eval_set_id": task.eval_set_id,
        "inspect.log_location": task.log_location,
        "inspect.sample_id": sample.get("id"),
        "inspect.epoch": epoch if epoch is not None else 1,
        "inspect.sample_uuid": text(sample.get("uuid")),
        "inspect.status": sample_status(sample),
        "inspect.limit": text(limit) or text(mapping(limit).get("type")),
        "inspect.edited": "true" if _is_edited(sample) else None,
        # Also when it is not: tags of a trace that is written again stay.
        "inspect.invalidated": "true" if invalidation else "false",
    }
    if with_text:
        reason = text(mapping(invalidation).get("reason"))
        tags["inspect.invalidated_reason"] = mask_text(reason) if reason else None
    return _texts(tags, TRACE_TAG_VALUE_CHARACTERS)


def trace_metadata(sample: Mapping[str, Any], task: TracedTask) -> dict[str, str]:
    """The metadata that MLflow's pages and searches read.

    Args:
        sample: Raw JSON.
        task: Its task.
    """
    usages = [u for u in mapping(sample.get("model_usage")).values() if isinstance(u, Mapping)]
    tokens = _sums(map(token_usage, usages), lambda total: min(total, _LARGEST_COUNT))
    cost = _sums(map(usage_cost, usages), lambda total: round(total, 12))
    return _texts(
        {
            "mlflow.trace_schema.version": "3",
            "mlflow.sourceRun": task.run_id,
            "mlflow.source.name": task.source or task.task,
            "mlflow.source.type": "LOCAL",
            "mlflow.trace.tokenUsage": json.dumps(tokens) if tokens else None,
            "mlflow.trace.cost": json.dumps(cost) if cost else None,
        },
        TRACE_METADATA_VALUE_CHARACTERS,
    )


def _sums(
    parts: Iterable[Mapping[str, Any] | None], rounded: Callable[[Any], Any]
) -> dict[str, Any]:
    """The sums of each number over all models."""
    sums: dict[str, Any] = {}
    for part in parts:
        for name, number in (part or {}).items():
            sums[name] = rounded(sums.get(name, 0) + number)
    return sums


def _is_edited(sample: Mapping[str, Any]) -> bool:
    return any(edits_of(score) for score in mapping(sample.get("scores")).values())


def _texts(values: Mapping[str, Any], limit: int) -> dict[str, str]:
    return {
        name: stored_text(str(value), limit)
        for name, value in values.items()
        if value not in (None, "")
    }
