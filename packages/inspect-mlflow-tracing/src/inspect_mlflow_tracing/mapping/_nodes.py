"""The nodes of the tree that a sample's events form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Note", "TreeNode"]


@dataclass(slots=True, eq=False)
class Note:
    """What happened at one moment within a span.

    Args:
        event: The event.
        position: Its index among all events.
        time_ns: Nanoseconds since the epoch; 0 until times are set.
    """

    event: Mapping[str, Any]
    position: int
    time_ns: int = 0


@dataclass(slots=True, eq=False)
class TreeNode:
    """What becomes a span.

    Args:
        kind: `"sample"`, `"attempt"`, `"span"`, `"step"`, or the kind of its event.
        key: Names it within the trace: its Inspect id, else its position.
        position: Index of its first event among all events.
        parent: The node above; None for the root.
        begin: The `span_begin` or `step` event that opened it.
        end: The event that closed it.
        event: The event that tells what happened: of a tool's span its tool event, of a scorer's
            its score.
        notes: What happened at one moment within it, in log order.
        start_ns: Nanoseconds since the epoch; 0 until times are set.
        end_ns: Nanoseconds since the epoch.
        recorded_ns: When it happened, where it is not drawn at that time; else 0.
        folded: How many spans that would hang under it were left out.
        span_id: Its id in MLflow; "" until ids are given.
    """

    kind: str
    key: str
    position: int = 0
    parent: TreeNode | None = None
    begin: Mapping[str, Any] | None = None
    end: Mapping[str, Any] | None = None
    event: Mapping[str, Any] | None = None
    notes: list[Note] = field(default_factory=list)
    start_ns: int = 0
    end_ns: int = 0
    recorded_ns: int = 0
    folded: int = 0
    span_id: str = ""
