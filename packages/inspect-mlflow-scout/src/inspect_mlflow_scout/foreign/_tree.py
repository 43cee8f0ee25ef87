"""The tree of a trace's spans, whatever has been lost or mixed up on the way."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["SpanTree", "span_tree"]


@dataclass(frozen=True, slots=True)
class SpanTree:
    """Spans by their ids, with those above and below them.

    Args:
        spans: All spans by id, in the order in which they were given.
        parents: For each the id of the span above it; None for a root.
        children: For each that has any, and for None (the roots), the ids below, by start time
            and where that is the same in the order in which they were given.
        orphans: How many became roots because the span above them is missing.
        circles: How many became roots because they were above themselves.
        repeated: How many were left out because of an id that another span has.
    """

    spans: Mapping[str, SourceSpan]
    parents: Mapping[str, str | None]
    children: Mapping[str | None, tuple[str, ...]]
    orphans: int = 0
    circles: int = 0
    repeated: int = 0

    @property
    def roots(self) -> tuple[SourceSpan, ...]:
        """The spans without one above them, the earliest first."""
        return tuple(self.spans[span_id] for span_id in self.children.get(None, ()))

    def walk(self) -> Iterator[tuple[Literal["enter", "leave"], SourceSpan]]:
        """Every span twice: before the spans below it and after them."""
        ahead: list[tuple[Literal["enter", "leave"], str]] = [
            ("enter", span_id) for span_id in reversed(self.children.get(None, ()))
        ]
        while ahead:
            step, span_id = ahead.pop()
            yield step, self.spans[span_id]
            if step == "enter":
                ahead.append(("leave", span_id))
                below = self.children.get(span_id, ())
                ahead.extend(("enter", child) for child in reversed(below))

    def in_order(self) -> Iterator[SourceSpan]:
        """Every span once, before the spans below it."""
        return (span for step, span in self.walk() if step == "enter")

    def above(self, span_id: str) -> Iterator[SourceSpan]:
        """The spans above a span, from the nearest to the root."""
        parent = self.parents[span_id]
        while parent is not None:
            yield self.spans[parent]
            parent = self.parents[parent]

    def without(self, left_out: Collection[str]) -> SpanTree:
        """The tree without some spans; what is below one of them moves to the place of it."""
        if not left_out:
            return self
        kept = {span_id: span for span_id, span in self.spans.items() if span_id not in left_out}
        parents: dict[str, str | None] = {}
        for span in self.in_order():
            parent = self.parents[span.span_id]
            if parent is not None and parent in left_out:
                # The span above came first, so the place of it is known.
                parent = parents[parent]
            parents[span.span_id] = parent
        return SpanTree(
            spans=kept,
            parents={span_id: parents[span_id] for span_id in kept},
            children=_children(kept, parents),
            orphans=self.orphans,
            circles=self.circles,
            repeated=self.repeated,
        )


def span_tree(spans: Sequence[SourceSpan]) -> SpanTree:
    """The tree of the spans of one trace.

    Never raises: a span whose parent is missing is a root, in a circle of spans the earliest is,
    and of spans with the same id the one that has ended (and tells more) stays.

    Args:
        spans: In any order.
    """
    kept = _by_id(spans)
    parents: dict[str, str | None] = {}
    orphans = 0
    for span_id, span in kept.items():
        parents[span_id] = span.parent_id if span.parent_id in kept else None
        orphans += bool(span.parent_id) and parents[span_id] is None
    heads = _heads_of_circles(kept, parents)
    parents.update(dict.fromkeys(heads))
    return SpanTree(
        spans=kept,
        parents=parents,
        children=_children(kept, parents),
        orphans=orphans,
        circles=len(heads),
        repeated=len(spans) - len(kept),
    )


def _by_id(spans: Iterable[SourceSpan]) -> dict[str, SourceSpan]:
    kept: dict[str, SourceSpan] = {}
    for span in spans:
        known = kept.get(span.span_id)
        if known is None or (known.end_time_ns is None and span.end_time_ns is not None):
            kept[span.span_id] = span
    return kept


def _heads_of_circles(
    spans: Mapping[str, SourceSpan], parents: Mapping[str, str | None]
) -> list[str]:
    heads: list[str] = []
    settled: set[str] = set()
    for span_id in spans:
        path: dict[str, None] = {}
        current: str | None = span_id
        while current is not None and current not in settled and current not in path:
            path[current] = None
            current = parents[current]
        if current is not None and current in path:
            way = list(path)
            circle = way[way.index(current) :]
            heads.append(min(circle, key=lambda member: spans[member].start_time_ns))
        settled.update(path)
    return heads


def _children(
    spans: Mapping[str, SourceSpan], parents: Mapping[str, str | None]
) -> dict[str | None, tuple[str, ...]]:
    below: dict[str | None, list[str]] = {}
    for span_id in sorted(spans, key=lambda member: spans[member].start_time_ns):
        below.setdefault(parents[span_id], []).append(span_id)
    return {parent: tuple(children) for parent, children in below.items()}
