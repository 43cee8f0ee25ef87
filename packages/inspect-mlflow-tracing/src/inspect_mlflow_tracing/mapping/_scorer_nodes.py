"""Scorers and their scores: one span where Inspect records a span and an event in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ._nodes import TreeNode

__all__ = ["with_joined_scores"]


def with_joined_scores(nodes: Sequence[TreeNode]) -> list[TreeNode]:
    """Make the score of a scorer part of the scorer's own node, as a tool and its call are one.

    Where a scorer has given several scores, each keeps a node of its own.

    Args:
        nodes: In log order; those of scorers are changed.

    Returns:
        The nodes that are left.
    """
    scores: defaultdict[int, list[TreeNode]] = defaultdict(list)
    for node in nodes:
        if node.kind == "score" and node.parent is not None and _is_scorer(node.parent):
            scores[id(node.parent)].append(node)
    joined = set()
    for given in scores.values():
        scorer = given[0].parent
        if len(given) == 1 and scorer is not None:
            scorer.kind, scorer.event = "score", given[0].event
            joined.add(id(given[0]))
    return [node for node in nodes if id(node) not in joined]


def _is_scorer(node: TreeNode) -> bool:
    return node.kind in ("span", "step") and (node.begin or {}).get("type") == "scorer"
