"""Messages of LangChain, in each of the ways in which it serialises them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from inspect_mlflow_scout._memory import remembered

from ._any_parts import call_of, pieces_of
from ._json_values import as_list, as_mapping, as_text, first, json_text
from ._openai_messages import messages_of_openai
from ._pieces import (
    Call,
    Piece,
    messages_of,
    reasoning_part,
    refusal_part,
    role_of,
    text_part,
)
from ._plain_outputs import reply_of

__all__ = [
    "is_langchain_message",
    "messages_of_langchain",
    "reply_of_langchain",
    "unwrapped",
]

_CLASS = re.compile(r"(?:message)?(?:chunk)?$")
_SPEAKERS = {"human", "ai", "system", "tool", "function", "chat", "developer", "remove"}


def unwrapped(message: Any) -> Any:
    """The fields of a message, with its `type`, out of the objects that LangChain puts round them.

    Known are those of `dumpd` (`{"lc": 1, "id": [..., "HumanMessage"], "kwargs"}`) and of
    `messages_to_dict` (`{"type": "human", "data"}`).
    """
    if not isinstance(message, Mapping):
        return message
    for place in ("kwargs", "data"):
        inner = message.get(place)
        if isinstance(inner, Mapping) and ("lc" in message or place == "data"):
            names = as_list(message.get("id")) if "lc" in message else ()
            kind = names[-1] if names else message.get("type")
            return {**inner, "type": first(inner, "type") or kind}
    return message


@remembered
def is_langchain_message(value: Any) -> bool:
    """Whether an object is a message that says who speaks in LangChain's own way."""
    fields = unwrapped(value)
    return (
        isinstance(fields, Mapping)
        and "content" in fields
        and not isinstance(fields.get("role"), str)
        and _speaker(fields) in _SPEAKERS
    )


def messages_of_langchain(messages: Any) -> list[dict[str, Any]]:
    """Messages of the chat form from a message, a list of them, or a batch of lists."""
    found: list[dict[str, Any]] = []
    for message in messages if isinstance(messages, (list, tuple)) else [messages]:
        match message:
            case [str(speaker), str(text)] if role_of(speaker, ""):
                found.extend(messages_of(role_of(speaker), [text_part(text)]))
            case list():
                # Those of a batch, whose own lists hold no further ones.
                found.extend(one for said in message for one in _messages(said))
            case _:
                found.extend(_messages(message))
    return found


def reply_of_langchain(message: Any) -> dict[str, Any]:
    """One message of the model."""
    fields = unwrapped(message)
    return reply_of(_pieces(fields) if isinstance(fields, Mapping) else pieces_of(fields))


@remembered
def _messages(message: Any) -> list[dict[str, Any]]:
    fields = unwrapped(message)
    if not isinstance(fields, Mapping):
        return messages_of_openai([json_text(fields)] if fields is not None else [])
    role = role_of(first(fields, "role"), role_of(_speaker(fields)))
    return messages_of(
        role,
        _pieces(fields),
        name=as_text(fields.get("name")),
        call_id=as_text(fields.get("tool_call_id")),
        is_error=fields.get("status") == "error",
    )


def _speaker(fields: Mapping[str, Any]) -> str:
    return _CLASS.sub("", (as_text(fields.get("type")) or "").lower(), count=1)


def _pieces(fields: Mapping[str, Any]) -> Iterator[Piece]:
    more = as_mapping(fields.get("additional_kwargs"))
    if thought := as_text(first(more, "reasoning_content", "reasoning")):
        yield reasoning_part(thought)
    calls = list(_calls(fields, more))
    for block in _blocks(fields.get("content")):
        for piece in pieces_of(block):
            # Calls stand beside the content once more.
            if not calls or not isinstance(piece, Call):
                yield piece
    if refusal := as_text(first(fields, "refusal") or first(more, "refusal")):
        yield refusal_part(refusal)
    yield from calls


def _blocks(content: Any) -> Iterator[Any]:
    """Blocks of content, those of LangChain's own standard brought near to the providers'."""
    for block in content if isinstance(content, (list, tuple)) else [content]:
        match block:
            case {"type": "non_standard", "value": inner}:
                yield inner
            case {"type": "text-plain"}:
                yield text_part(first(block, "text", "base64"))
            # What a stream of OpenAI's leaves beside the calls that it made up.
            case {"type": "input_json_delta" | "tool_call_chunk"}:
                continue
            case _:
                yield block


def _calls(fields: Mapping[str, Any], more: Mapping[str, Any]) -> Iterator[Call]:
    own = [*as_list(fields.get("tool_calls")), *as_list(fields.get("invalid_tool_calls"))]
    legacy = more.get("function_call")
    calls = own or as_list(more.get("tool_calls")) or ([legacy] if legacy else [])
    for call in calls:
        if isinstance(call, Mapping) and call:
            yield call_of(call)
