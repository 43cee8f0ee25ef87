"""Real times of spans, from logs of every version.

Inspect notes a `timestamp` on every event and, since 0.3.71, `completed` on model and tool calls;
many logs before 0.3.253 lack it on model calls. Negative durations exist in logs before 0.3.281.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from inspect_mlflow_tracing._timestamps import time_ns

if TYPE_CHECKING:
    from ._nodes import TreeNode
    from ._tree import EventTree

__all__ = ["TreeTimes", "cover", "duration_ns", "sample_period_ns", "set_times"]

_LONGEST_SECONDS: Final = 100 * 365 * 86_400
"""A longer duration is no measurement."""

_INSTANT: Final = frozenset({"approval", "compaction", "review", "score"})
"""Kinds of events that are noted once what they tell of is over."""


def duration_ns(seconds: object) -> int | None:
    """A duration of an eval log, which counts seconds, in nanoseconds.

    Returns:
        None for what is no finite number, for negative ones, and for a hundred years.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return int(seconds * 10**9) if 0 <= seconds <= _LONGEST_SECONDS else None


def sample_period_ns(sample: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Start and end of a sample as far as the sample itself tells them."""
    start, end = time_ns(sample.get("started_at")), time_ns(sample.get("completed_at"))
    total = duration_ns(sample.get("total_time"))
    if start is None and end is not None and total is not None:
        start = max(end - total, 1)
    if end is None and start is not None and total is not None:
        end = start + total
    return start, end


class TreeTimes:
    """When the events of one tree happened, with guesses for those that do not say.

    Args:
        times: For each event, in log order, nanoseconds since the epoch or None.
        fallback_ns: The time of everything, when no event has one.
    """

    def __init__(self, times: Sequence[int | None], fallback_ns: int) -> None:
        known = [time for time in times if time is not None]
        self.first_ns = min(known, default=fallback_ns)
        self.last_ns = max(known, default=fallback_ns)
        self._times = times
        self._next = _next_known(times, self.last_ns)
        # Without a time of its own an event happened when the one before it did.
        self._at = _filled_forward(times, known[0] if known else fallback_ns)

    def at(self, position: int) -> int:
        """When the event at a position happened."""
        return self._at[position]

    def after(self, position: int) -> int:
        """When the next event that has a time happened; the last time of all at the end."""
        return self._next[position]


def set_times(tree: EventTree, times: TreeTimes) -> None:
    """Gives every node of a tree its start and end; a parent covers its children.

    Args:
        tree: The tree. Times that its root has already are only widened.
        times: Of its events.
    """
    for node in tree.nodes:
        _set_own_times(node, times)
    if tree.times:
        cover(tree.root, times.first_ns, times.first_ns)
    _set_note_times(tree.root, times)
    # Parents come before their children, so that backwards each node is complete when it is met.
    for node in reversed(tree.nodes):
        if node.parent is not None:
            cover(node.parent, node.start_ns, node.end_ns)


def cover(node: TreeNode, start_ns: int, end_ns: int) -> None:
    """Widens the times of a node so far that they cover a period."""
    if node.start_ns == 0 or start_ns < node.start_ns:
        node.start_ns = start_ns
    if end_ns > node.end_ns:
        node.end_ns = end_ns


def _set_own_times(node: TreeNode, times: TreeTimes) -> None:
    start = times.at(node.position)
    called = start
    if node.event is not None and node.begin is not None:
        # A tool's event may be older than its span, for which it had to wait.
        called = time_ns(node.event.get("timestamp")) or start
    node.start_ns = min(start, called)
    node.end_ns = max(start, _end(node, called, times))
    _set_note_times(node, times)


def _set_note_times(node: TreeNode, times: TreeTimes) -> None:
    for note in node.notes:
        note.time_ns = times.at(note.position)
        node.end_ns = max(node.end_ns, note.time_ns)


def _end(node: TreeNode, start_ns: int, times: TreeTimes) -> int:
    measured = _measured_end(node.event, start_ns) if node.event is not None else None
    if node.begin is not None:
        closed = time_ns(node.end.get("timestamp")) if node.end is not None else None
        # Without any end it was open when the log stopped.
        return max((end for end in (measured, closed) if end), default=times.last_ns)
    if measured is not None:
        return measured
    return start_ns if node.kind in _INSTANT else times.after(node.position)


def _measured_end(event: Mapping[str, Any], start_ns: int) -> int | None:
    completed = time_ns(event.get("completed"))
    if completed is not None:
        return completed
    output, duration = event.get("output"), None
    # The output of a cached call is an earlier one's, its time as well.
    if isinstance(output, Mapping) and event.get("cache") != "read":
        duration = duration_ns(output.get("time"))
    if duration is None:
        duration = duration_ns(event.get("working_time"))
    return None if duration is None else start_ns + duration


def _next_known(times: Sequence[int | None], last_ns: int) -> list[int]:
    following, later = [last_ns] * len(times), last_ns
    for position in range(len(times) - 1, -1, -1):
        following[position] = later
        time = times[position]
        later = later if time is None else time
    return following


def _filled_forward(times: Sequence[int | None], before_ns: int) -> list[int]:
    filled: list[int] = []
    for time in times:
        before_ns = before_ns if time is None else time
        filled.append(before_ns)
    return filled
