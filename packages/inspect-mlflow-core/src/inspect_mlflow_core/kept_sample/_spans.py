"""Which spans of a trace belong to which sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ._pack import KEPT_SAMPLE_PREFIX

__all__ = ["SampleSpans", "spans_by_sample"]

SampleSpans = Sequence[Any]
"""The spans of one sample, its own first."""

_FIRST_PIECE: Final = f"{KEPT_SAMPLE_PREFIX}0"
"""On the sample's own span; see `kept_attributes`."""


def spans_by_sample(trace: Any) -> list[SampleSpans]:
    """The spans of each sample that a trace keeps.

    Spans below no sample, as those of the task around it, belong to none.

    Args:
        trace: An MLflow `Trace` with its spans, or a `TraceRecord`.

    Returns:
        Samples in the order in which they began. Where no span is known as that of a sample, all
        spans together, the root's first: a trace whose first piece is lost is incomplete, and
        one without any piece holds no sample.
    """
    spans = list(getattr(getattr(trace, "data", trace), "spans", None) or ())
    by_id = {span.span_id: span for span in spans}
    own = [span for span in spans if _FIRST_PIECE in span.attributes]
    if not own:
        return [sorted(spans, key=lambda span: span.parent_id is not None)]
    groups: dict[str, list[Any]] = {span.span_id: [span] for span in sorted(own, key=_start)}
    sample_of: dict[str, str | None] = {identifier: identifier for identifier in groups}
    for span in spans:
        sample = _sample_of(span, by_id, sample_of)
        if sample is not None and sample != span.span_id:
            groups[sample].append(span)
    return list(groups.values())


def _sample_of(span: Any, by_id: Mapping[str, Any], sample_of: dict[str, str | None]) -> str | None:
    """The id of the span of the sample that a span lies in."""
    above: list[str] = []
    identifier = span.span_id
    while identifier not in sample_of:
        above.append(identifier)
        sample_of[identifier] = None  # Also ends a circle, which only a damaged trace has.
        parent = by_id[identifier].parent_id
        if parent is None or parent not in by_id:
            break
        identifier = parent
    found = sample_of[identifier]
    for each in above:
        sample_of[each] = found
    return found


def _start(span: Any) -> int:
    return int(span.start_time_ns or 0)
