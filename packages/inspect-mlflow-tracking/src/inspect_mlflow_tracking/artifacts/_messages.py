"""Messages of a sample as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ._columns import TABLE_COLUMNS
from ._content import Attachments, content_text, reasoning_text, tool_calls_of
from ._event_summary import event_error
from ._values import Cell, field_reader, obj_get, row_of

__all__ = ["extract_message_rows", "message_rows"]


def extract_message_rows(
    *, eval_id: str, task_name: str, sample_id: Any, sample: Any
) -> list[dict[str, Any]]:
    """Rows of `inspect/messages.json` for one sample.

    Args:
        eval_id: Id of the evaluation.
        task_name: Name of the task.
        sample_id: Id of the sample in the dataset.
        sample: The sample or its JSON.

    Returns:
        One row per message of the final conversation, in order. Reasoning is apart from
        the text, tool calls are JSON, media are placeholders such as `(image)`.
    """
    keys = {
        "eval_id": eval_id,
        "task": task_name,
        "sample_id": sample_id,
        "epoch": obj_get(sample, "epoch"),
    }
    return list(message_rows(keys, sample))


def message_rows(keys: Mapping[str, Any], sample: Any) -> Iterator[dict[str, Cell]]:
    """Rows of the sample's messages, each starting with the given key columns."""
    attachments = Attachments(sample)
    for index, message in enumerate(obj_get(sample, "messages") or ()):
        cells = {**keys, "index": index, **_cells(message, attachments)}
        yield row_of(TABLE_COLUMNS["messages"], cells)


def _cells(message: Any, attachments: Attachments) -> dict[str, Any]:
    read = field_reader(message)
    return {
        "message_id": read("id"),
        "role": read("role"),
        "source": read("source"),
        "model": read("model"),
        "text": content_text(read("content"), attachments),
        "reasoning": reasoning_text(message, attachments),
        "tool_calls": tool_calls_of(message, attachments) or None,
        "tool_call_id": read("tool_call_id"),
        "function": read("function"),
        "error": event_error(message) or _legacy_tool_error(message),
    }


def _legacy_tool_error(message: Any) -> str | None:
    """Error text of tool messages in logs before 0.3.27; the object has it as `error`."""
    text = message.get("tool_error") if isinstance(message, Mapping) else None
    return f"unknown: {text}" if text else None
