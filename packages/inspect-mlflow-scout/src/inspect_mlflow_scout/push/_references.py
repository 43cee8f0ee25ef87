"""Which span of a trace a message or an event of a transcript is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from inspect_mlflow_core.exceptions import TraceReadError
from inspect_mlflow_core.kept_sample import KeptSample, kept_samples
from inspect_mlflow_scout.reading import SourceSpan, SourceTrace

if TYPE_CHECKING:
    from inspect_ai.event import Event

__all__ = ["EMPTY_INDEX", "SpanIndex", "TraceIndex", "trace_index"]

# Attributes that Inspect's traces have.
_EVENT_ID = "inspect.event_id"
_SPAN_ID = "inspect.span_id"
_MESSAGE_ID = "inspect.message_id"
_SAMPLE_UUID = "inspect.sample_uuid"

# In the metadata of events that were made of spans.
_SOURCE_SPAN = "mlflow_span_id"


@dataclass(frozen=True, slots=True)
class SpanIndex:
    """The spans of one transcript.

    Args:
        events: Ids of spans by ids of events.
        messages: Ids of spans by ids of messages: the call of the model that wrote a message, the
            call of the tool that it is the result of, else the first call of a model that got it.
        own: The span of the transcript as a whole, where its trace holds several.
    """

    events: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
    own: str | None = None

    def span_of(self, kind: str, identifier: str) -> str | None:
        """The id of the span, None when the trace has none for it.

        Args:
            kind: `"event"` or `"message"`.
            identifier: Id of the event or message.
        """
        return (self.events if kind == "event" else self.messages).get(identifier)

    def without_own(self) -> SpanIndex:
        """The index of a trace that is the transcript: what is about all of it is about no span."""
        return replace(self, own=None)


EMPTY_INDEX = SpanIndex()
"""Of a trace that tells nothing."""


@dataclass(frozen=True, slots=True)
class TraceIndex:
    """The spans of a trace, by sample.

    Args:
        samples: By Inspect's uuid.
        whole: Those of a trace without samples.
    """

    samples: Mapping[str, SpanIndex] = field(default_factory=dict)
    whole: SpanIndex = EMPTY_INDEX

    def of(self, sample_uuid: str | None) -> SpanIndex:
        """The spans of one sample; of a trace without samples those of all."""
        return self.samples.get(sample_uuid or "", self.whole)


def trace_index(trace: SourceTrace) -> TraceIndex:
    """Tells what the references of scan results to a trace can stand for.

    Args:
        trace: With its spans. Those of Inspect's events have the ids of these as attributes;
            messages are found through the kept sample, and without one (`trace_content=none`)
            only results of tools. A trace of another program is read as its import reads it.
    """
    told = dict(_told(trace.spans, _SAMPLE_UUID))
    if not told:
        return TraceIndex(whole=_foreign_index(trace))
    events = dict(_told(trace.spans, _EVENT_ID))
    results = dict(_told(trace.spans, _MESSAGE_ID))
    around = dict(_told(trace.spans, _SPAN_ID))
    samples = {uuid: SpanIndex(events, results, span_id) for uuid, span_id in told.items()}
    for kept in _kept(trace):
        spans = _InspectSpans(events, around, kept.span_id)
        read = _events_index(kept.sample.events, spans.of)
        messages = {**read.messages, **results}
        samples[kept.sample.uuid or ""] = SpanIndex(read.events, messages, kept.span_id)
    return TraceIndex(samples)


def _kept(trace: SourceTrace) -> Sequence[KeptSample]:
    try:
        return kept_samples(trace)
    except TraceReadError:
        # The attributes of the spans still tell of events.
        return ()


def _foreign_index(trace: SourceTrace) -> SpanIndex:
    from inspect_mlflow_scout.foreign import foreign_transcript

    return _events_index(foreign_transcript(trace).events, _source_span)


@dataclass(frozen=True, slots=True)
class _InspectSpans:
    """The spans of a sample.

    Args:
        events: By ids of events.
        around: By Inspect's ids of spans.
        own: That of the sample.
    """

    events: Mapping[str, str]
    around: Mapping[str, str]
    own: str

    def of(self, event: Event) -> str:
        """The span of an event; of one that is no span itself, the one that it lies in."""
        begun = event.id if event.event in ("span_begin", "span_end") else event.span_id
        return self.events.get(event.uuid or "") or self.around.get(begun or "", self.own)


def _source_span(event: Event) -> str | None:
    if event.event in ("span_begin", "span_end"):
        return event.id
    source: Any = (event.metadata or {}).get(_SOURCE_SPAN)
    return source or event.span_id


def _events_index(events: Iterable[Event], span_of: Callable[[Event], str | None]) -> SpanIndex:
    by_event: dict[str, str] = {}
    written: dict[str, str] = {}
    read: dict[str, str] = {}
    for event in events:
        span_id = span_of(event)
        if span_id is None:
            continue
        by_event[event.uuid or ""] = span_id
        if event.event == "tool" and event.message_id:
            written.setdefault(event.message_id, span_id)
        if event.event == "model":
            for choice in event.output.choices:
                written.setdefault(choice.message.id or "", span_id)
            for message in event.input:
                read.setdefault(message.id or "", span_id)
    return SpanIndex(by_event, {**read, **written})


def _told(spans: Iterable[SourceSpan], attribute: str) -> Iterator[tuple[str, str]]:
    for span in spans:
        value = span.attributes.get(attribute)
        if isinstance(value, str) and value:
            yield value, span.span_id
