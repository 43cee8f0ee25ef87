"""OpenTelemetry's semantic conventions for generative AI, versions up to 1.36.

"Semantic conventions for Generative AI events", v1.36.0: one event per message
(`gen_ai.user.message`, ..., `gen_ai.choice`); before, v1.26.0: events `gen_ai.content.prompt` and
`gen_ai.content.completion`; and `gen_ai.prompt` and `gen_ai.completion` as attributes of the span.
MLflow stores such events as inputs `[{"role", "content"}]`, without calls of tools.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from inspect_mlflow_scout.normalization._chat_form import ChatForm

from ._any_choices import choices_in, finish_reason_in
from ._any_inputs import input_messages
from ._any_messages import are_messages, messages_in, reply_in
from ._any_parts import written_content
from ._json_values import as_list, as_mapping, decoded, first, json_text
from ._span_attributes import completed

if TYPE_CHECKING:
    from inspect_mlflow_scout.reading import SourceSpan

__all__ = ["read"]

_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_CHOICE = "gen_ai.choice"
# Events and the attribute, of the event or of the span, that holds all of them as JSON.
_PROMPT = ("gen_ai.content.prompt", "gen_ai.prompt")
_COMPLETION = ("gen_ai.content.completion", "gen_ai.completion")


def read(span: SourceSpan) -> ChatForm | None:
    """The span as a call of a model.

    Args:
        span: Any span.

    Returns:
        The call; None when the span has none of the events and attributes, and no messages that
        MLflow made of them.
    """
    told = _told(span)
    messages = [_message(name, body) for name, body in told if name in _ROLES]
    choices = [_choice(body) for name, body in told if name == _CHOICE]
    prompt, completion = _whole(span, *_PROMPT), _whole(span, *_COMPLETION)
    if not messages and not choices and prompt is None and completion is None:
        return _stored(span)
    form = ChatForm(
        messages=messages_in(messages) if messages else input_messages(prompt),
        choices=choices or choices_in(completion),
    )
    return completed(form, span)


def _stored(span: SourceSpan) -> ChatForm | None:
    if not any(name.startswith("gen_ai.") for name in span.attributes):
        return None
    if not are_messages(span.inputs) and not are_messages(span.outputs):
        return None
    return completed(ChatForm(input_messages(span.inputs), choices_in(span.outputs)), span)


def _told(span: SourceSpan) -> list[tuple[str, Mapping[str, Any]]]:
    """Names and bodies of events; Pydantic AI has them all in an attribute `events`."""
    found = [(event.name, _body(event.attributes)) for event in span.events]
    listed = (as_mapping(event) for event in as_list(span.attributes.get("events")))
    return found + [(json_text(event.get("event.name")), event) for event in listed]


def _body(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an event says; where its attributes hold no objects, its body is JSON in one of them."""
    whole = as_mapping(first(attributes, "gen_ai.event.content", "event.body", "body"))
    return {**attributes, **whole}


def _message(name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    role = _ROLES[name]
    return {
        "role": body["role"] if role != "tool" and isinstance(body.get("role"), str) else role,
        "content": written_content(body.get("content")),
        "tool_calls": as_list(body.get("tool_calls")),
        "tool_call_id": body.get("id") if role == "tool" else None,
        "name": body.get("name"),
    }


def _choice(body: Mapping[str, Any]) -> dict[str, Any]:
    said = decoded(body.get("message"))
    if isinstance(said, Mapping):
        reply = {**said, "tool_calls": said.get("tool_calls") or body.get("tool_calls")}
    else:
        content = body.get("content") if body.get("message") is None else body["message"]
        reply = {"content": written_content(content), "tool_calls": body.get("tool_calls")}
    return {"message": reply_in(reply), "finish_reason": finish_reason_in(body)}


def _whole(span: SourceSpan, name: str, attribute: str) -> Any:
    places: Sequence[Mapping[str, Any]] = (
        *(event.attributes for event in span.events if event.name == name),
        span.attributes,
    )
    return next((decoded(of[attribute]) for of in places if of.get(attribute) is not None), None)
