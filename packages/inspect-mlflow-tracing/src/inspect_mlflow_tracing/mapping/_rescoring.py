"""Scorings that were added to a finished sample, minutes or months later.

Drawn at their own times they would make a sample of seconds look as if it had taken months, in
MLflow's column of durations as well as in every search for slow samples. So they are drawn at its
end, and say when they happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ._nodes import TreeNode

__all__ = ["draw_at_the_end", "recorded_at"]

_PAUSE_NS = 60 * 10**9
"""Scoring that belongs to the run of a sample begins at once."""


def draw_at_the_end(root: TreeNode, nodes: Sequence[TreeNode], completed_ns: int) -> None:
    """Move what was added to a finished sample to its end.

    Args:
        root: The node of the sample; it no longer lasts until what was added.
        nodes: All others, parents before their children, with their times.
        completed_ns: When the sample was complete, nanoseconds since the epoch.
    """
    end_ns, late = completed_ns, set()
    tops = [node for node in nodes if node.parent is root]
    for node in sorted(tops, key=lambda node: node.start_ns):
        if node.start_ns - end_ns > _PAUSE_NS:
            late.add(id(node))
        elif not late:
            end_ns = max(end_ns, node.end_ns)
    if not late:
        return
    for node in nodes:
        if id(node) in late or id(node.parent) in late:
            late.add(id(node))
            _move(node, end_ns)
    for note in root.notes:
        note.time_ns = min(note.time_ns, end_ns)
    root.end_ns = end_ns


def _move(node: TreeNode, end_ns: int) -> None:
    node.recorded_ns = node.start_ns
    node.start_ns = node.end_ns = end_ns
    for note in node.notes:
        note.time_ns = end_ns


def recorded_at(node: TreeNode) -> str | None:
    """When a node that was moved happened, ISO 8601 in UTC; None for all others."""
    if not node.recorded_ns:
        return None
    return datetime.fromtimestamp(node.recorded_ns / 10**9, UTC).isoformat()
