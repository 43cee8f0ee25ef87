"""Anthropic's Messages, as MLflow's autologging stores them ("Messages" in its API reference)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from inspect_mlflow_scout._memory import remembered
from inspect_mlflow_scout.normalization._chat_form import ChatForm

from ._anthropic_blocks import BLOCK_TYPES, pieces_of_blocks
from ._call_ids import with_call_ids
from ._function_tools import tool_choice_of, tools_of
from ._json_values import as_count, as_mapping, as_text, decoded
from ._parameters import config_in, usage_in
from ._pieces import messages_of, role_of
from ._plain_outputs import plain_choices, reply_of
from ._span_attributes import message_format

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["FORMATS", "read"]

FORMATS = frozenset({"anthropic"})


def read(span: SourceSpan) -> ChatForm | None:
    """The span as a call of Anthropic's Messages.

    Args:
        span: Any span.

    Returns:
        None if neither inputs nor outputs are of this dialect, or if MLflow does not say that
        they are and no block or field is of it alone.
    """
    declared = message_format(span) in FORMATS
    request, outputs = as_mapping(span.inputs), decoded(span.outputs)
    response = outputs if _is_response(outputs) else {}
    messages = request.get("messages")
    asked = isinstance(messages, (list, tuple))
    if not (declared or _is_own(request, response)) or not (asked or response):
        return None
    form = ChatForm(
        messages=[*_system(request.get("system")), *_messages(messages if asked else ())],
        choices=[_choice(response)] if response else plain_choices(span.outputs),
        model=as_text(request.get("model")),
        provider="anthropic",
        tools=tools_of(request.get("tools")),
        tool_choice=tool_choice_of(request.get("tool_choice")),
        config=config_in(request),
        usage=_usage(as_mapping(response.get("usage"))),
        response_id=as_text(response.get("id")),
        response_model=as_text(response.get("model")),
    )
    return with_call_ids(form)


def _is_response(value: Any) -> bool:
    return isinstance(value, Mapping) and (
        isinstance(value.get("content"), list) and value.get("role", "assistant") == "assistant"
    )


def _is_own(request: Mapping[str, Any], response: Mapping[str, Any]) -> bool:
    if response.get("type") == "message":
        return True
    messages = request.get("messages")
    said = [response, *(messages if isinstance(messages, list) else ())]
    return any(_has_own_block(as_mapping(message).get("content")) for message in said)


def _has_own_block(content: Any) -> bool:
    blocks = content if isinstance(content, list) else ()
    return any(as_text(as_mapping(block).get("type")) in BLOCK_TYPES for block in blocks)


def _system(system: Any) -> list[dict[str, Any]]:
    return messages_of("system", pieces_of_blocks(system)) if system else []


def _messages(messages: Any) -> Iterator[dict[str, Any]]:
    for message in messages if isinstance(messages, (list, tuple)) else ():
        yield from _said(message)


@remembered
def _said(message: Any) -> list[dict[str, Any]]:
    if isinstance(message, Mapping):
        pieces = pieces_of_blocks(message.get("content"))
        return messages_of(role_of(message.get("role")), pieces)
    return messages_of("user", pieces_of_blocks(message))


def _choice(response: Mapping[str, Any]) -> dict[str, Any]:
    message = reply_of(pieces_of_blocks(response["content"]))
    return {"message": message, "finish_reason": as_text(response.get("stop_reason"))}


def _usage(usage: Mapping[str, Any]) -> dict[str, int] | None:
    counts = usage_in(usage)
    details = as_mapping(usage.get("output_tokens_details"))
    thought = as_count(details.get("thinking_tokens"))
    return {**(counts or {}), "reasoning_tokens": thought} if thought is not None else counts
