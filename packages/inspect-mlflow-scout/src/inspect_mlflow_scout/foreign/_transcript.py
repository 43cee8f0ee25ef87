"""A trace that another program than Inspect wrote, as a transcript."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from inspect_mlflow_scout._memory import remembering
from inspect_mlflow_scout.reading import SourceAssessment, SourceTrace

from ._cleaning import clean_trace
from ._duplicates import counted_calls
from ._event_factory import EventFactory
from ._events import TraceContent, trace_events
from ._failures import UNKNOWN, failure
from ._identity import MessageIds
from ._moments import moment, seconds_between
from ._scores import score_events, trace_scores
from ._thread import RequestAndReply, main_call, request_and_reply, thread
from ._tool_calls import tool_call_ids
from ._trace_metadata import token_usage, trace_metadata
from ._tree import SpanTree, span_tree

if TYPE_CHECKING:
    from inspect_ai.event import Event
    from inspect_ai.model import ChatMessage
    from inspect_scout import Transcript

    from inspect_mlflow_scout.normalization import ModelCall

__all__ = ["foreign_transcript"]

SOURCE_TYPE = "mlflow"
"""What Scout's `source_type` says of transcripts from MLflow."""


def foreign_transcript(trace: SourceTrace) -> Transcript:
    """The transcript of a trace that any program but Inspect wrote.

    Pure: the same trace gives the same transcript, ids included. Damaged traces, odd JSON and
    traces without a span give one as well; what was damaged is counted in the metadata.

    Args:
        trace: The trace.

    Returns:
        A transcript with MLflow's trace id. Without `trust_content`, as from Scout's own sources,
        so that the settings of the viewer decide.
    """
    with remembering():
        return _transcript(trace)


def _transcript(trace: SourceTrace) -> Transcript:
    from inspect_scout import Transcript

    from inspect_mlflow_scout.normalization import with_lost_tool_calls

    trace = clean_trace(trace)
    whole = span_tree(with_lost_tool_calls(trace.spans))
    counted = counted_calls(whole)
    ids = MessageIds(trace.trace_id)
    calls = {span_id: ids.of_call(call) for span_id, call in counted.calls.items()}
    content = _content(whole.without(counted.duplicates), calls)
    main = main_call(content.tree, calls)
    said = _request_and_reply(ids, trace, content.tree) if main is None else None
    messages = _messages(ids, content, main, said)
    start_ns, end_ns = _period(trace)
    assessments = _moved(trace.assessments, counted.duplicates)
    scores = trace_scores(assessments, {root.span_id for root in whole.roots})
    factory = EventFactory(trace.trace_id, start_ns)
    events: list[Event] = list(trace_events(factory, content))
    if events and said is not None:
        events.insert(0, factory.stand_in(said, start_ns, end_ns))
    events += score_events(
        trace.trace_id, assessments, scores.target, start_ns=start_ns, end_ns=end_ns
    )
    return Transcript(
        transcript_id=trace.trace_id,
        source_type=SOURCE_TYPE,
        source_id=trace.experiment_id,
        source_uri=trace.uri,
        date=moment(start_ns).isoformat() if start_ns else None,
        task_set=trace.experiment_name,
        task_id=_task_id(trace, whole),
        agent=_agent(whole),
        model=calls[main].model if main is not None else None,
        model_options=_options(calls[main]) if main is not None else None,
        score=scores.score,
        score_explanation=scores.explanation,
        success=scores.success,
        message_count=len(messages),
        total_time=_total_seconds(trace, start_ns, end_ns),
        total_tokens=_total_tokens(trace, calls),
        error=_error(trace, whole),
        metadata=trace_metadata(trace, whole, counted, scores),
        messages=messages,
        events=events,
    )


def _content(tree: SpanTree, calls: Mapping[str, ModelCall]) -> TraceContent:
    from inspect_mlflow_scout.normalization import span_role, tool_use

    uses = {span.span_id: tool_use(span) for span in tree.in_order() if span_role(span) == "tool"}
    message_ids = {
        message.tool_call_id: message.id
        for call in calls.values()
        for message in call.input
        if message.role == "tool" and message.tool_call_id and message.id
    }
    return TraceContent(tree, calls, uses, tool_call_ids(tree, calls, uses), message_ids)


def _request_and_reply(
    ids: MessageIds, trace: SourceTrace, tree: SpanTree
) -> RequestAndReply | None:
    from inspect_ai.model import ChatMessageAssistant

    said = request_and_reply(trace, tree)
    if said is None:
        return None
    *request, last = ids.of_messages(said.messages)
    if isinstance(last, ChatMessageAssistant) and said.replies:
        return RequestAndReply(tuple(request), (last,))
    return RequestAndReply((*request, last), ())


def _messages(
    ids: MessageIds, content: TraceContent, main: str | None, said: RequestAndReply | None
) -> list[ChatMessage]:
    if main is None:
        return [] if said is None else list(said.messages)
    uses = {content.tool_call_ids[span_id]: use for span_id, use in content.uses.items()}
    return ids.of_messages(thread(content.calls[main], uses))


def _moved(
    assessments: Iterable[SourceAssessment], duplicates: Mapping[str, str]
) -> list[SourceAssessment]:
    """With feedback on a duplicate put on the span that stands for it."""
    return [
        dataclasses.replace(
            assessment, span_id=duplicates.get(assessment.span_id, assessment.span_id)
        )
        if assessment.span_id
        else assessment
        for assessment in assessments
    ]


def _period(trace: SourceTrace) -> tuple[int, int]:
    """When a trace began and when it was over, nanoseconds since the epoch."""
    starts = [span.start_time_ns for span in trace.spans]
    ends = [span.end_time_ns for span in trace.spans if span.end_time_ns is not None]
    if trace.request_time_ms is not None:
        start_ns = trace.request_time_ms * 1_000_000
    else:
        start_ns = min(starts, default=0)
    if trace.execution_duration_ms is not None:
        ends.append(start_ns + trace.execution_duration_ms * 1_000_000)
    return start_ns, max([start_ns, *starts, *ends])


def _task_id(trace: SourceTrace, tree: SpanTree) -> str | None:
    if tree.roots:
        return tree.roots[0].name
    return trace.tags.get("mlflow.traceName")


def _agent(tree: SpanTree) -> str | None:
    from inspect_mlflow_scout.normalization import span_role

    agents = [span for span in tree.in_order() if span_role(span) == "agent"]
    outermost = min(agents, key=lambda span: len(list(tree.above(span.span_id))), default=None)
    return None if outermost is None else outermost.name


def _options(call: ModelCall) -> dict[str, Any] | None:
    return call.config.model_dump(mode="json", exclude_none=True) or None


def _total_seconds(trace: SourceTrace, start_ns: int, end_ns: int) -> float | None:
    if trace.execution_duration_ms is not None:
        return trace.execution_duration_ms / 1000
    return seconds_between(start_ns, end_ns) if trace.spans else None


def _total_tokens(trace: SourceTrace, calls: Mapping[str, ModelCall]) -> int | None:
    counted = token_usage(trace)
    if counted is not None:
        return counted
    usages = [call.output.usage for call in calls.values() if call.output.usage is not None]
    if not usages:
        return None
    return sum(usage.total_tokens for usage in usages)


def _error(trace: SourceTrace, tree: SpanTree) -> str | None:
    """Why the trace failed: as a root tells, else the last span that failed in a failed trace."""
    failures = [failure(root) for root in tree.roots]
    if trace.state == "ERROR":
        failures += [failure(span) for span in tree.in_order()][::-1]
    told = next((failed for failed in failures if failed is not None), None)
    if told is not None:
        return told.message
    return UNKNOWN if trace.state == "ERROR" else None
