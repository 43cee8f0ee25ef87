"""Messages of OpenAI's chat completions, and of those who speak its language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inspect_mlflow_scout._memory import remembered

from ._any_parts import call_of, pieces_of
from ._json_values import as_list, as_mapping, as_text, first, json_text
from ._pieces import (
    Call,
    Piece,
    data_part,
    messages_of,
    reasoning_part,
    refusal_part,
    role_of,
    text_part,
)
from ._plain_outputs import reply_of

__all__ = [
    "are_openai_messages",
    "is_openai_message",
    "merged_deltas",
    "messages_of_openai",
    "reply_of_openai",
]

_SAID = ("content", "tool_calls", "function_call", "refusal", "audio")
_THOUGHTS = ("reasoning_content", "reasoning", "thinking")


def is_openai_message(value: Any) -> bool:
    """Whether an object is a message of a chat."""
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("role"), str)
        and any(name in value for name in _SAID)
    )


def are_openai_messages(value: Any) -> bool:
    """Whether something is a list of messages of a chat, and not an empty one."""
    return isinstance(value, (list, tuple)) and bool(value) and all(map(is_openai_message, value))


def messages_of_openai(messages: Any) -> list[dict[str, Any]]:
    """Messages of the chat form; a text among them is what the user says."""
    found: list[dict[str, Any]] = []
    for message in as_list(messages):
        if isinstance(message, Mapping):
            found.extend(_messages(message))
        else:
            found.extend(messages_of("user", pieces_of(message)))
    return found


def reply_of_openai(message: Any) -> dict[str, Any]:
    """One message of the model."""
    said = message if isinstance(message, Mapping) else {"content": message}
    return reply_of(_pieces(said))


@remembered
def _messages(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    pieces = list(_pieces(message))
    call_id = as_text(message.get("tool_call_id"))
    answers = "tool" if call_id else "user"
    otherwise = "assistant" if any(isinstance(piece, Call) for piece in pieces) else answers
    return messages_of(
        role_of(message.get("role"), otherwise),
        pieces,
        name=as_text(message.get("name")),
        call_id=call_id,
        is_error=message.get("status") == "error" or message.get("is_error") is True,
    )


def _pieces(message: Mapping[str, Any]) -> Iterator[Piece]:
    """What a message says, in the order in which models say it."""
    yield from _reasoning(message)
    yield from pieces_of(message.get("content"))
    if refusal := as_text(message.get("refusal")):
        yield refusal_part(refusal)
    if isinstance(audio := message.get("audio"), Mapping):
        yield from _audio(audio)
    for call in as_list(message.get("tool_calls")):
        yield _call(call) if isinstance(call, Mapping) else text_part(call)
    if isinstance(legacy := message.get("function_call"), Mapping):
        yield call_of(legacy)


def _call(call: Mapping[str, Any]) -> Piece:
    if isinstance(custom := call.get("custom"), Mapping):
        # A tool with a grammar of its own gets a text instead of arguments.
        name = json_text(custom.get("name"))
        return Call(name, {"input": json_text(custom.get("input"))}, as_text(call.get("id")))
    read = call_of(call)
    return read if read.name else text_part(call)


def _reasoning(message: Mapping[str, Any]) -> Iterator[Piece]:
    """Where servers put what the model thought: OpenRouter, LiteLLM, DeepSeek, vLLM, Ollama."""
    if blocks := as_list(message.get("thinking_blocks")):
        yield from pieces_of(blocks)
    elif details := as_list(message.get("reasoning_details")):
        yield from map(_detail, details)
    elif thought := as_text(first(message, *_THOUGHTS)):
        yield reasoning_part(thought)


def _detail(detail: Any) -> Piece:
    """OpenRouter's details ("Reasoning tokens" in its documentation)."""
    fields = as_mapping(detail)
    if (data := as_text(fields.get("data"))) is not None:
        return reasoning_part(data, redacted=True)
    text = first(fields, "text", "summary")
    return reasoning_part(detail if text is None else text, as_text(fields.get("signature")))


def _audio(audio: Mapping[str, Any]) -> Iterator[Piece]:
    """What the model spoke; the format is in the request alone."""
    if transcript := as_text(audio.get("transcript")):
        yield text_part(transcript)
    if audio.get("data") is not None or not transcript:
        yield data_part({"audio": dict(audio)})


def merged_deltas(deltas: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The message that a stream of deltas makes up."""
    merged: dict[str, Any] = {"role": "assistant"}
    calls: dict[Any, dict[str, Any]] = {}
    for delta in deltas:
        for name in ("content", *_THOUGHTS, "refusal"):
            if isinstance(text := delta.get(name), str):
                merged[name] = merged.get(name, "") + text
        for call in as_list(delta.get("tool_calls")):
            _add_call(calls, as_mapping(call))
    return merged | ({"tool_calls": list(calls.values())} if calls else {})


def _add_call(calls: dict[Any, dict[str, Any]], delta: Mapping[str, Any]) -> None:
    index = json_text(first(delta, "index", "id"))
    call = calls.setdefault(index, {"id": None, "function": {"name": "", "arguments": ""}})
    function, told = call["function"], as_mapping(delta.get("function"))
    call["id"] = call["id"] or as_text(delta.get("id"))
    for name in function:
        function[name] += as_text(told.get(name)) or ""
