"""OpenAI's Responses, as MLflow's autologging of OpenAI and of its Agents SDK stores them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from inspect_mlflow_scout.normalization._chat_form import ChatForm

from ._call_ids import with_call_ids
from ._function_tools import tool_choice_of, tools_of
from ._json_values import as_mapping, as_text, decoded, first, without_none
from ._openai_usage import openai_usage
from ._parameters import config_in
from ._plain_outputs import plain_choices, reply_of
from ._responses_items import calls_tools, is_item, messages_of_items, pieces_of_item
from ._span_attributes import message_format
from ._stream_events import streamed_chunks

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["FORMATS", "read"]

FORMATS = frozenset({"openai", "openai-agent"})
_UNFINISHED = ("queued", "in_progress")


def read(span: SourceSpan) -> ChatForm | None:
    """The span as a call of Responses.

    Args:
        span: Any span.

    Returns:
        None if neither inputs nor outputs are of this dialect.
    """
    inputs, outputs = decoded(span.inputs), _final(span)
    # The Agents SDK's spans have the items alone, and all else in attributes.
    beside = span.attributes if message_format(span) == "openai-agent" else {}
    request = inputs if isinstance(inputs, Mapping) else {**beside, "input": inputs}
    response = outputs if isinstance(outputs, Mapping) else {**beside, "output": outputs}
    asked, answered = decoded(request.get("input")), decoded(response.get("output"))
    if "messages" in request or not _is_own(span, request, asked, answered):
        return None
    responded = isinstance(answered, list) and not _is_text(answered)
    form = ChatForm(
        messages=[*_instructions(request, response), *_asked(asked)],
        choices=_choices(answered, response) if responded else plain_choices(span.outputs),
        model=as_text(request.get("model")),
        provider=as_text(span.attributes.get("mlflow.llm.provider")),
        tools=tools_of(first(request, "tools") or first(response, "tools")),
        tool_choice=tool_choice_of(request.get("tool_choice")),
        config=_config(request),
        usage=openai_usage(response.get("usage")),
        response_id=as_text(response.get("id")),
        response_model=as_text(response.get("model")),
    )
    return with_call_ids(form)


def _is_own(span: SourceSpan, request: Mapping[str, Any], asked: Any, answered: Any) -> bool:
    if _has_items(asked) or _has_items(answered):
        return True
    # A prompt and its answer may both be short texts.
    declared = message_format(span) == "openai" and isinstance(span.inputs, Mapping)
    return declared and request.get("input") is not None


def _has_items(value: Any) -> bool:
    return isinstance(value, list) and any(map(is_item, value))


def _is_text(answered: Sequence[Any]) -> bool:
    return bool(answered) and not any(isinstance(item, Mapping) for item in answered)


def _final(span: SourceSpan) -> Any:
    """The outputs, or the response with which a stream of events that was kept as such ends.

    What MLflow itself makes of a stream that ended early lacks why it did, and its tokens.
    """
    outputs = decoded(span.outputs)
    events = [*(outputs if isinstance(outputs, list) else ()), *streamed_chunks(span)]
    for event in reversed(events):
        response = event.get("response") if isinstance(event, Mapping) else None
        if isinstance(response, Mapping) and response.get("status") not in _UNFINISHED:
            return response
    return outputs


def _asked(asked: Any) -> list[dict[str, Any]]:
    return [] if asked is None else messages_of_items(asked)


def _instructions(request: Mapping[str, Any], response: Mapping[str, Any]) -> list[dict[str, Any]]:
    told = first(request, "instructions") or first(response, "instructions")
    if isinstance(told, list):
        return messages_of_items(told)
    return messages_of_items([{"role": "system", "content": told}]) if told else []


def _choices(items: Sequence[Any], response: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The only choice that Responses has."""
    pieces = [piece for item in items for piece in pieces_of_item(item)]
    if not pieces and response.get("status") is None:
        return []
    return [{"message": reply_of(pieces), "finish_reason": _finish_reason(items, response)}]


def _finish_reason(items: Sequence[Any], response: Mapping[str, Any]) -> str | None:
    incomplete = as_text(as_mapping(response.get("incomplete_details")).get("reason"))
    if incomplete:
        return incomplete
    return "tool_calls" if calls_tools(items) else as_text(response.get("status"))


def _config(request: Mapping[str, Any]) -> dict[str, Any]:
    form = as_mapping(as_mapping(request.get("text")).get("format"))
    schema = {name: form.get(name) for name in ("name", "schema", "strict", "description")}
    told = {"type": "json_schema", "json_schema": without_none(schema)}
    return config_in(request) | ({"response_format": told} if form.get("schema") else {})
