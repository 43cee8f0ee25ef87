"""The spans of a sample's trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from inspect_mlflow_core.connection import AttachmentRecord, SpanRecord

from ._identity import SpanIds
from ._nodes import TreeNode
from ._rescoring import draw_at_the_end
from ._span_bound import MOST_SPANS, within_bound
from ._span_records import SpanRecords
from ._times import TreeTimes, cover, sample_period_ns, set_times
from ._tree import EventTree, event_tree
from .chat import ChatAttachments
from .events import (
    ModelInputs,
    SpanContent,
    SpanContext,
    attempt_span,
    event_span,
    message_pool,
    sample_span,
)

__all__ = ["SpanTree", "sample_spans"]


@dataclass(frozen=True, slots=True)
class SpanTree:
    """The spans of a trace.

    Args:
        root: The span of the sample.
        spans: All spans, the root first, parents before their children.
        attachments: Images and other files that the spans refer to.
        folded: How many spans were left out, because there were more than a trace may have.
        last_ns: When the last of it happened, nanoseconds since the epoch: later than the end of
            the root where the sample was scored again.
    """

    root: SpanRecord
    spans: tuple[SpanRecord, ...]
    attachments: tuple[AttachmentRecord, ...] = ()
    folded: int = 0
    last_ns: int = 0


def sample_spans(
    sample: Mapping[str, Any],
    trace_id: str,
    *,
    task: str,
    model: str,
    content: Literal["full", "none"] = "full",
    most_spans: int = MOST_SPANS,
    part_of: str | None = None,
    fallback_time_ns: int = 0,
) -> SpanTree:
    """Maps a sample to spans; never fails, whatever the sample looks like.

    Args:
        sample: Raw JSON as `EvalLogReader` yields it, of any version; not changed.
        trace_id: 32 hexadecimal digits.
        task: Name of the task.
        model: Name of the model under evaluation.
        content: `"none"` leaves out every text of the sample: names, times, numbers and scores
            remain.
        most_spans: The most spans.
        part_of: The trace that the spans will be put into, if not that of `trace_id`, which their
            ids come from all the same.
        fallback_time_ns: Nanoseconds since the epoch at which a sample without any time stands.
    """
    full, pool = content == "full", message_pool(sample)
    parts = _Sample(sample)
    parts.set_times(fallback_time_ns)
    parts.set_ids(trace_id)
    chosen = within_bound(parts.root, parts.nodes, most_spans, first_stay=part_of is None)
    chat = ChatAttachments(part_of or trace_id) if full else None
    context = SpanContext(sample.get("attachments"), full=full, chat=chat, inputs=ModelInputs(pool))
    records = SpanRecords(trace_id, context)
    agent = any(map(_is_agent, parts.main.nodes))
    content_of_root = sample_span(
        parts.root, sample, context, task=task, model=model, with_agent=agent
    )
    spans = [records.record(parts.root, content_of_root)]
    for node, span in _spans_below(chosen, parts.attempts, context, pool):
        spans.append(records.record(node, span))
    attachments = tuple(chat.records) if chat is not None else ()
    return SpanTree(spans[0], tuple(spans), attachments, parts.root.folded, parts.last_ns)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """An attempt at the sample that failed."""

    number: int
    error: Any
    tree: EventTree


class _Sample:
    """A sample on its way to spans."""

    def __init__(self, sample: Mapping[str, Any]) -> None:
        self.sample = sample
        self.main = event_tree(sample.get("events"), TreeNode("sample", "sample"))
        self.root = self.main.root
        self.attempts = _attempts(sample, self.root)
        self.nodes = list(self.main.nodes)
        for attempt in self.attempts:
            self.nodes += [attempt.tree.root, *attempt.tree.nodes]
        self.last_ns = 0

    def set_times(self, fallback_ns: int) -> None:
        """Gives every node its start and end."""
        start, end = sample_period_ns(self.sample)
        if start is not None or end is not None:
            cover(self.root, start or end or 0, end or start or 0)
        _set_tree_times(self.main, self.root.start_ns or fallback_ns)
        for attempt in self.attempts:
            _set_tree_times(attempt.tree, self.root.start_ns)
        for attempt in self.attempts:
            cover(self.root, attempt.tree.root.start_ns, attempt.tree.root.end_ns)
        self.last_ns = self.root.end_ns
        if end is not None:
            draw_at_the_end(self.root, self.nodes, end)

    def set_ids(self, trace_id: str) -> None:
        """Gives every node its id, also those that may be left out: ids do not depend on it."""
        ids = SpanIds(trace_id)
        for node in (self.root, *self.nodes):
            node.span_id = ids.new(node.key)


def _attempts(sample: Mapping[str, Any], root: TreeNode) -> list[_Attempt]:
    errors = sample.get("error_retries")
    attempts = []
    for number, error in enumerate(errors if isinstance(errors, list) else (), 1):
        node = TreeNode("attempt", f"attempt/{number}", parent=root)
        events = error.get("events") if isinstance(error, Mapping) else None
        attempts.append(_Attempt(number, error, event_tree(events, node)))
    return attempts


def _set_tree_times(tree: EventTree, fallback_ns: int) -> None:
    set_times(tree, TreeTimes(tree.times, fallback_ns))
    if tree.root.start_ns == 0:
        cover(tree.root, fallback_ns, fallback_ns)


def _spans_below(
    nodes: list[TreeNode], attempts: list[_Attempt], context: SpanContext, pool: list[Any]
) -> Iterator[tuple[TreeNode, SpanContent]]:
    numbered = {id(attempt.tree.root): attempt for attempt in attempts}
    for node in nodes:
        attempt = numbered.get(id(node))
        if attempt is None:
            yield node, event_span(node, context)
            continue
        # The next attempt asks everything anew: each shows its conversation from the start.
        context = context.with_inputs(ModelInputs(pool))
        yield node, attempt_span(node, attempt.number, attempt.error, context)


def _is_agent(node: TreeNode) -> bool:
    begin, event = node.begin or {}, node.event or {}
    return begin.get("type") == "agent" or bool(event.get("agent") and node.kind == "tool")
