"""The tree that Inspect recorded, from the flat list of a sample's events.

Parents come from span ids, because branches of a sample run at the same time. Logs from before
there were spans (0.3.41 to about 0.3.90) nest by `step` events and by lists of events within tool
and subtask events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from inspect_mlflow_tracing._timestamps import time_ns

from ._nodes import Note, TreeNode
from ._scorer_nodes import with_joined_scores

__all__ = ["EventTree", "event_tree"]

SPAN_KINDS: Final = frozenset(
    {"approval", "compaction", "model", "review", "sandbox", "score", "subtask", "tool"}
)
"""Events with a duration or a decision of their own; others are notes on the span around them."""

_PAIRED: Final = {"tool": "function", "subtask": "name"}
"""Events that follow the beginning of the span they belong to, and the field with its name."""


@dataclass(frozen=True, slots=True)
class EventTree:
    """The nodes below a root.

    Args:
        root: What all of them hang under.
        nodes: In log order, which has parents before their children; without the root.
        times: For each event, by position, nanoseconds since the epoch or None.
    """

    root: TreeNode
    nodes: list[TreeNode]
    times: list[int | None]


def event_tree(events: object, root: TreeNode) -> EventTree:
    """Builds the tree of some events.

    Args:
        events: Raw JSON of events in log order. What is no event is kept as a note.
        root: The node to build below; gets the notes that lie in no span.
    """
    builder = _Builder(root)
    if isinstance(events, list):
        builder.add_all(events)
    return EventTree(root, with_joined_scores(builder.nodes), builder.times)


class _Scope:
    """One list of events: that of the sample, or one within an event of an old log."""

    def __init__(self, events: list[Any], owner: TreeNode) -> None:
        self.events: Iterator[Any] = iter(events)
        self.steps: list[TreeNode] = [owner]
        """Open steps, the innermost last, on top of the node that the list belongs to."""
        self.begun: TreeNode | None = None
        """The span that the event just before began."""


class _Builder:
    def __init__(self, root: TreeNode) -> None:
        self.nodes: list[TreeNode] = []
        self.times: list[int | None] = []
        self._root = root
        self._spans: dict[str, TreeNode] = {}
        self._uncalled: dict[tuple[str | None, str | None], TreeNode] = {}
        """Tool spans whose tool event is still to come, by id of the parent and name."""

    def add_all(self, events: list[Any]) -> None:
        scopes = [_Scope(events, self._root)]
        while scopes:
            for event in scopes[-1].events:
                inner = self._add(event, scopes[-1])
                if inner is not None:
                    scopes.append(inner)
                    break
            else:
                scopes.pop()

    def _add(self, event: Any, scope: _Scope) -> _Scope | None:
        """Adds an event; returns the list of events in it, if it has one."""
        if not isinstance(event, Mapping):
            event = {"event": "unknown", "data": event}
        position = len(self.times)
        self.times.append(time_ns(event.get("timestamp")))
        kind, begun = event.get("event"), scope.begun
        scope.begun = None
        if kind == "span_begin":
            scope.begun = self._begin_span(event, position, scope)
        elif kind == "span_end":
            self._end_span(event)
        elif kind == "step":
            self._step(event, position, scope)
        elif isinstance(kind, str) and kind in SPAN_KINDS:
            return self._add_span_event(kind, event, position, scope, begun)
        else:
            self._around(event.get("span_id"), scope).notes.append(Note(event, position))
        return None

    def _around(self, span_id: object, scope: _Scope) -> TreeNode:
        """The node of a span; where it is unknown, that of the innermost step or list."""
        identifier = _text_id(span_id)
        node = self._spans.get(identifier) if identifier else None
        return node or scope.steps[-1]

    def _begin_span(self, event: Mapping[str, Any], position: int, scope: _Scope) -> TreeNode:
        parent = self._around(event.get("parent_id"), scope)
        identifier = _text_id(event.get("id"))
        node = self._node("span", identifier, position, parent)
        node.begin = event
        if identifier:
            self._spans[identifier] = node
        if event.get("type") == "tool":
            self._uncalled[_call_key(event.get("parent_id"), event.get("name"))] = node
        return node

    def _end_span(self, event: Mapping[str, Any]) -> None:
        node = self._spans.get(_text_id(event.get("id")) or "")
        if node is not None:
            node.end = event

    def _step(self, event: Mapping[str, Any], position: int, scope: _Scope) -> None:
        if event.get("action") != "end":
            parent = self._around(event.get("span_id"), scope)
            node = self._node("step", _text_id(event.get("uuid")), position, parent)
            node.begin = event
            scope.steps.append(node)
            return
        name = _step_name(event)
        for index in range(len(scope.steps) - 1, 0, -1):
            begun = scope.steps[index]
            if begun.begin is not None and _step_name(begun.begin) == name:
                begun.end = event
                del scope.steps[index:]
                return

    def _add_span_event(
        self,
        kind: str,
        event: Mapping[str, Any],
        position: int,
        scope: _Scope,
        begun: TreeNode | None,
    ) -> _Scope | None:
        node = self._pair(kind, event, begun)
        if node is None:
            parent = self._around(event.get("span_id"), scope)
            node = self._node(kind, _text_id(event.get("uuid")), position, parent)
        node.event = event
        inner = event.get("events") if kind in _PAIRED else None
        return _Scope(inner, node) if isinstance(inner, list) and inner else None

    def _pair(self, kind: str, event: Mapping[str, Any], begun: TreeNode | None) -> TreeNode | None:
        """The span that an event tells of: the one just begun, or a tool's still without event.

        A tool event bears the id of the span around the tool's, so only order and name tell. An
        event of a parallel branch may come between the two.
        """
        name = event.get(_PAIRED.get(kind, ""))
        if name is None:
            return None
        node = begun if begun is not None and _opens(begun, kind, name) else None
        if kind == "tool":
            node = node or self._uncalled.get(_call_key(event.get("span_id"), name))
        if node is None or node.begin is None:
            return None
        key = _call_key(node.begin.get("parent_id"), name)
        if self._uncalled.get(key) is node:
            del self._uncalled[key]
        node.kind = kind
        return node

    def _node(self, kind: str, identifier: str | None, position: int, parent: TreeNode) -> TreeNode:
        key = identifier or f"{self._root.key}/{position}"
        node = TreeNode(kind, key, position, parent)
        self.nodes.append(node)
        return node


def _opens(node: TreeNode, kind: str, name: object) -> bool:
    begin = node.begin or {}
    return begin.get("type") == kind and begin.get("name") == name


def _call_key(parent_id: object, name: object) -> tuple[str | None, str | None]:
    return _text_id(parent_id), _text_id(name)


def _step_name(event: Mapping[str, Any]) -> tuple[object, object]:
    return event.get("type"), event.get("name")


def _text_id(value: object) -> str | None:
    """An id as text; None for what is no id."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) else None
