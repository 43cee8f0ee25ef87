"""Tool calls that are missing where LangChain's models ask for them.

MLflow before 3.11 writes of a message that was generated only what all of LangChain's messages
have, its id among it. The next call of the agent was given the same message whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ._json_values import as_list, as_mapping, as_text, decoded
from ._langchain import FORMATS
from ._langchain_messages import unwrapped
from ._span_attributes import message_format

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["with_lost_tool_calls"]


def with_lost_tool_calls(spans: Sequence[SourceSpan]) -> tuple[SourceSpan, ...]:
    """The spans of a trace, with tool calls where a later span tells that they are missing.

    Args:
        spans: All spans of one trace, of any dialect.

    Returns:
        The same spans. What a model of LangChain generated, and whose id another call's input
        has with tool calls, has these too.
    """
    lacking = [set(_ids_without_calls(span)) for span in spans]
    wanted = set[str]().union(*lacking)
    if not wanted:
        return tuple(spans)
    calls = dict(_calls_by_message(spans, wanted))
    return tuple(
        replace(span, outputs=_completed(decoded(span.outputs), calls))
        if identifiers & calls.keys()
        else span
        for span, identifiers in zip(spans, lacking, strict=True)
    )


def _ids_without_calls(span: SourceSpan) -> Iterator[str]:
    if message_format(span) not in FORMATS:
        return
    for batch in as_list(as_mapping(span.outputs).get("generations")):
        for generation in as_list(batch):
            identifier = _id_without_calls(_message(generation))
            if identifier is not None:
                yield identifier


def _message(generation: Any) -> Mapping[str, Any]:
    return as_mapping(as_mapping(generation).get("message"))


def _id_without_calls(message: Mapping[str, Any]) -> str | None:
    if "lc" in message or "tool_calls" in message:
        return None
    return as_text(message.get("id"))


def _calls_by_message(
    spans: Iterable[SourceSpan], wanted: set[str]
) -> Iterator[tuple[str, Sequence[Any]]]:
    for span in spans:
        if message_format(span) not in FORMATS:
            continue
        for conversation in as_list(span.inputs):
            for message in as_list(conversation):
                fields = as_mapping(unwrapped(message))
                identifier = as_text(fields.get("id"))
                if identifier in wanted and (calls := as_list(fields.get("tool_calls"))):
                    yield identifier, calls


def _completed(outputs: Mapping[str, Any], calls: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    batches = [
        [_with_calls(generation, calls) for generation in as_list(batch)]
        for batch in as_list(outputs["generations"])
    ]
    return {**outputs, "generations": batches}


def _with_calls(generation: Any, calls: Mapping[str, Sequence[Any]]) -> Any:
    message = _message(generation)
    identifier = _id_without_calls(message)
    if identifier is None or identifier not in calls:
        return generation
    return {**as_mapping(generation), "message": {**message, "tool_calls": calls[identifier]}}
