"""Messages in whichever dialect, told apart by their own words.

Beside the parts that `_any_parts` knows: OpenAI's messages (chat, and items of Responses), those
of LangChain, AutoGen, LlamaIndex, Cohere, Ollama, smolagents, LiveKit and Pydantic AI.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inspect_mlflow_scout._memory import remembered

from ._any_parts import call_of, pieces_of, result_of
from ._json_values import as_list, as_mapping, as_text, first, json_text, listed, without_none
from ._pieces import Call, Piece, Result, messages_of, reasoning_part, refusal_part, role_of
from ._pydantic_ai import is_pydantic_ai_message, messages_of_pydantic_ai

__all__ = ["are_messages", "is_message", "message_list", "messages_in", "reply_in"]

# Where a message has what it says.
_CONTENT = ("content", "parts", "contents", "blocks", "text", "message")
_REASONING = ("reasoning_content", "reasoning", "thinking", "thought")
_CALL_ITEMS = {"function_call", "custom_tool_call"}
_RESULT_ITEMS = {"function_call_output", "custom_tool_call_output"}
_ITEMS = {"reasoning", *_CALL_ITEMS, *_RESULT_ITEMS}
_CLASSES = ("messagechunk", "message")


@remembered
def is_message(value: Any) -> bool:
    """Whether an object is a message, or an item of a conversation in OpenAI's Responses."""
    if not isinstance(value, Mapping):
        return False
    if is_pydantic_ai_message(value) or _item_type(value) in _ITEMS:
        return True
    speaks = isinstance(value.get("role"), str) or _class_of(value) is not None
    return speaks and any(name in value for name in (*_CONTENT, "tool_calls", "function_call"))


def are_messages(value: Any) -> bool:
    """Whether something is a list of messages, and not an empty one."""
    return isinstance(value, (list, tuple)) and bool(value) and all(map(is_message, value))


def message_list(value: Any) -> Sequence[Any] | None:
    """The messages of a list of messages, also the only one of a batch of lists; else None."""
    if isinstance(value, (list, tuple)) and len(value) == 1 and are_messages(value[0]):
        return list(value[0])
    return value if are_messages(value) else None


def messages_in(values: Sequence[Any]) -> list[dict[str, Any]]:
    """Messages of the chat form from a list of messages.

    Items that OpenAI's Responses keeps apart (reasoning, calls, the text) become one message.
    """
    found: list[dict[str, Any]] = []
    pending: list[Piece] = []
    for value in values:
        if isinstance(value, Mapping) and _item_type(value) in _ITEMS - _RESULT_ITEMS:
            pending.extend(_item(value))
            continue
        messages = list(_messages(value))
        if pending and messages and messages[0]["role"] == "assistant":
            messages[0] = _joined(pending, messages[0])
        elif pending:
            found.extend(messages_of("assistant", pending))
        pending = []
        found.extend(messages)
    return found + (messages_of("assistant", pending) if pending else [])


def reply_in(value: Any) -> dict[str, Any]:
    """One message of the model, of the chat form, from a message or from content alone."""
    pieces = list(_pieces(value)) if isinstance(value, Mapping) else list(pieces_of(value))
    pieces = [piece for piece in pieces if not isinstance(piece, Result)]
    return messages_of("assistant", pieces)[-1]


def _joined(pending: Sequence[Piece], message: dict[str, Any]) -> dict[str, Any]:
    own = [*pieces_of(message["content"]), *map(call_of, message.get("tool_calls", ()))]
    return messages_of("assistant", [*pending, *own])[-1]


def _item_type(value: Mapping[str, Any]) -> str:
    said = value.get("type")
    return said if isinstance(said, str) else ""


def _item(item: Mapping[str, Any]) -> Iterator[Piece]:
    if _item_type(item) in _CALL_ITEMS:
        yield call_of(item)
        return
    said = listed(item.get("content")) or listed(item.get("summary"))
    texts = [json_text(one.get("text") if isinstance(one, Mapping) else one) for one in said]
    hidden = as_text(item.get("encrypted_content"))
    if texts or not hidden:
        yield reasoning_part("\n".join(texts))
    else:
        yield reasoning_part(hidden, redacted=True)


@remembered
def _messages(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, Mapping):
        return messages_of("user", pieces_of(value))
    if _item_type(value) in _RESULT_ITEMS:
        return messages_of("tool", [result_of(value)])
    if is_pydantic_ai_message(value):
        return list(messages_of_pydantic_ai(value))
    return messages_of(
        role_of(first(value, "role"), role_of(_class_of(value))),
        _pieces(value),
        name=as_text(value.get("name")),
        call_id=as_text(first(value, "tool_call_id", "toolCallId")) or _named_call(value),
        is_error=bool(value.get("is_error")) or value.get("status") == "error",
    )


def _named_call(message: Mapping[str, Any]) -> str | None:
    # LlamaIndex keeps what its own message has no field for.
    return as_text(as_mapping(message.get("additional_kwargs")).get("tool_call_id"))


def _class_of(message: Mapping[str, Any]) -> str | None:
    """Who speaks, where only the name of the message's class tells: `AIMessage`, `human`."""
    said = message.get("type")
    if not isinstance(said, str):
        return None
    for ending in _CLASSES:
        said = said.lower().removesuffix(ending)
    said = "tool" if said == "functionexecutionresult" else said
    return said if said and role_of(said, "") else None


def _pieces(message: Mapping[str, Any]) -> Iterator[Piece]:
    """What a message says, in the order in which models say it."""
    pieces = list(pieces_of(first(message, *_CONTENT)))
    reasoning = as_text(first(message, *_REASONING))
    if reasoning and not any(_is_reasoning(piece) for piece in pieces):
        yield reasoning_part(reasoning)
    yield from pieces
    if refusal := as_text(message.get("refusal")):
        yield refusal_part(refusal)
    known = {piece.call_id for piece in pieces if isinstance(piece, Call)}
    for call in _calls(message):
        # Anthropic's calls may stand both among the parts and beside them.
        if call.call_id is None or call.call_id not in known:
            yield call


def _is_reasoning(piece: Piece) -> bool:
    return isinstance(piece, dict) and piece["type"] == "reasoning"


def _calls(message: Mapping[str, Any]) -> Iterator[Call]:
    more = as_mapping(message.get("additional_kwargs"))
    calls = first(message, "tool_calls", "toolCalls") or first(more, "tool_calls")
    for call in as_list(calls):
        if isinstance(call, Mapping) and without_none(call):
            yield call_of(call)
    if isinstance(message.get("function_call"), Mapping):
        yield call_of(message["function_call"])
