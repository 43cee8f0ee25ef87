"""How many spans a trace has at most, and which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ._nodes import TreeNode

__all__ = ["MOST_SPANS", "MOST_SPAN_EVENTS", "first_spans", "within_bound"]

MOST_SPANS: Final = 1_000
"""MLflow's page draws every span of a trace; with more it becomes slow to use."""

MOST_SPAN_EVENTS: Final = 1_000
"""Notes on all spans of a trace together."""

_SCORES, _STRUCTURE, _CALLS, _OTHERS = range(4)


def first_spans(most_spans: int) -> int:
    """How many spans below the root are in a trace only because they are the first of a sample.

    A sample that runs may show these, and no others: nobody knows yet what is still to come, and
    MLflow cannot remove a span.

    Args:
        most_spans: The most spans of the trace, the root included.
    """
    return most_spans // 2


def within_bound(
    root: TreeNode, nodes: Sequence[TreeNode], most_spans: int, *, first_stay: bool = True
) -> list[TreeNode]:
    """The nodes that become spans.

    The first ones stay, see `first_spans`. Of the others final scores come first, then structure
    (spans, steps, subtasks, attempts), then calls of models and tools, then the rest, each in log
    order; what lies above a chosen node is chosen too. A node that is left out is counted in
    `folded` of the nearest chosen one above it, and the sum of all in that of the root.

    Args:
        root: Always chosen.
        nodes: All others, parents before children.
        most_spans: The most spans, the root included.
        first_stay: False for a trace that never shows a sample while it runs.

    Returns:
        The chosen ones in the order given, without the root.
    """
    room = max(most_spans - 1, 0)
    if len(nodes) <= room:
        return list(nodes)
    first = first_spans(most_spans) if first_stay else 0
    others = [index for index in _by_priority(nodes) if index >= first]
    chosen = {*range(first), *others[: room - first]}
    root.folded = len(nodes) - room
    nearest: dict[int, TreeNode] = {}
    """For each node that is left out, the chosen one that it would hang under."""
    for index, node in enumerate(nodes):
        above = node.parent or root
        if index not in chosen:
            above = nearest[id(node)] = nearest.get(id(above), above)
            if above is not root:
                above.folded += 1
    return [node for index, node in enumerate(nodes) if index in chosen]


def _by_priority(nodes: Sequence[TreeNode]) -> list[int]:
    """Indices of the nodes, the most important first, never a child before its parent."""
    priorities = [_priority(node) for node in nodes]
    places = {id(node): index for index, node in enumerate(nodes)}
    for index in range(len(nodes) - 1, -1, -1):
        above = places.get(id(nodes[index].parent))
        if above is not None and priorities[index] < priorities[above]:
            priorities[above] = priorities[index]
    return sorted(range(len(nodes)), key=priorities.__getitem__)


def _priority(node: TreeNode) -> int:
    if node.kind in ("model", "tool"):
        return _CALLS
    if node.kind == "span":
        return _CALLS if (node.begin or {}).get("type") == "tool" else _STRUCTURE
    if node.kind in ("attempt", "step", "subtask"):
        return _STRUCTURE
    if node.kind == "score" and not (node.event or {}).get("intermediate"):
        return _SCORES
    return _OTHERS
